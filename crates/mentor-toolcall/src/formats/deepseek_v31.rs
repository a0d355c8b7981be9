//! `DeepSeek` V3.1: for each call `<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>`, the arguments and `<｜tool▁call▁end｜>`; around all
//! of them `<｜tool▁calls▁begin｜>` and `<｜tool▁calls▁end｜>`.
//!
//! To the letter: inside a section, all of a call's markers, and a JSON object behind the separator. What deviates is read
//! as in [V3](super::deepseek_v3), whose own form is [named](crate::Fault::SiblingForm) here.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Observed, Scanner, Spec, Unwritable, Write, deepseek_v3,
    deepseek_v3::{CLOSE, END, OPEN, SECTION, SECTION_END, SEPARATOR},
    named, write,
};

pub(super) static SPEC: Spec = Spec {
    id: "deepseek-v3.1",
    aliases: &[],
    families: "DeepSeek V3.1",
    thinking: ("<think>", "</think>"),
    opens: &[SECTION, SECTION_END, OPEN, CLOSE, END],
    closes: &[CLOSE, SECTION_END, OPEN],
    read: |unit, drafts| deepseek_v3::read(unit, drafts, false),
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(SECTION);
    for call in calls {
        out.push_str(OPEN);
        out.push_str(named::plain_name(SPEC.id, call)?);
        out.push_str(SEPARATOR);
        named::write_arguments(call, out);
        out.push_str(CLOSE);
    }
    out.push_str(SECTION_END);
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for seen in observed {
        deepseek_v3::write_output(seen.content, out);
    }
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    for (index, ToolSpec { name, description, parameters }) in tools.iter().enumerate() {
        write::separate("\n\n", index, out);
        let parameters = crate::write_json(parameters);
        out.extend(["### ", name, "\nDescription: ", description, "\n\nParameters: ", &parameters]);
    }
}
