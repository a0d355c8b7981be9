//! Functionary 3.1: `<function=NAME>{…}</function>` for each call.
//!
//! Written by Meetkai's Functionary 3.1 (and by Llama 3.1 with custom tools in that form). To the letter: both tags, and
//! between them a JSON object. `<|eom_id|>` and `<|eot_id|>`, which end a turn, are markup.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Read, Scanner, Spec, Step, Unit, Unwritable, Write, named, object_call, tagged::stray_close, write,
    write_function,
};
use crate::{call::Draft, fault::Fault, json::Markers};

const OPEN: &str = "<function=";
const CLOSE: &str = "</function>";
const MARKERS: Markers = Markers { open: OPEN, close: CLOSE };

pub(super) static SPEC: Spec = Spec {
    id: "functionary-3.1",
    aliases: &[],
    families: "Functionary 3.1",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE, "<|eom_id|>", "<|eot_id|>"],
    closes: &[OPEN, CLOSE],
    read,
    write: Write { calls, observations: write::lines, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == CLOSE {
        drafts.push(stray_close(unit));
        return Ok(Step::Calls(unit.inside()));
    }
    if unit.marker != OPEN {
        return Ok(Step::Markup(unit.inside()));
    }
    let (mut draft, end) = match unit.find(unit.inside(), &[">", "\n", OPEN, CLOSE])? {
        Some((at, 0)) => {
            let mut draft = named::draft(&unit.text[unit.inside()..at], unit.start);
            let (end, whole) = named::arguments(unit, at + 1, MARKERS, &mut draft)?;
            let end = named::close(unit, end, whole, CLOSE, &[OPEN], &mut draft.faults)?;
            (draft, end)
        }
        found => {
            let mut draft = Draft { arguments: Some(object_call::nothing()), ..Draft::default() };
            draft.faults.add(if found.is_none() { Fault::CutOff } else { Fault::SyntaxError });
            let next = unit.find(unit.inside(), &[CLOSE, OPEN])?;
            let end =
                next.map_or(unit.text.len(), |(at, which)| if which == 0 { at + CLOSE.len() } else { at });
            (draft, end)
        }
    };
    draft.span = (unit.start, end);
    drafts.push(draft);
    Ok(Step::Calls(end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for call in calls {
        out.push_str(OPEN);
        out.push_str(named::plain_name(SPEC.id, call)?);
        out.push('>');
        named::write_arguments(call, out);
        out.push_str(CLOSE);
    }
    Ok(())
}

/// The tools with what they do and their definitions, as the published template has them.
fn tools(tools: &[ToolSpec], out: &mut String) {
    for (index, tool) in tools.iter().enumerate() {
        write::separate("\n\n", index, out);
        out.extend(["Use the function '", &tool.name, "' to '", &tool.description, "'\n"]);
        write_function(tool, out);
    }
}
