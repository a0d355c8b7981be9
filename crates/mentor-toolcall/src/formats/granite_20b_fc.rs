//! Granite 20B function calling: `<function_call> {"name": "f", "arguments": {…}}` for each call.
//!
//! To the letter: the marker, then one object with exactly the string `name` and the object `arguments`. Nothing closes
//! it.

use mentor_trajectory::Call;

use super::{
    Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    object_call::{self, Keys},
    write,
};
use crate::{call::Draft, fault::Fault, json::Markers};

const OPEN: &str = "<function_call>";
const KEYS: Keys = Keys::ARGUMENTS;
const MARKERS: Markers = Markers { open: OPEN, close: "" };

pub(super) static SPEC: Spec = Spec {
    id: "granite-20b-fc",
    aliases: &[],
    families: "Granite 20B function calling",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN],
    closes: &["}", OPEN],
    read,
    write: Write { calls, observations, tools: write::functions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    let at = unit.skip_space(unit.inside())?;
    if !unit.is_at(at, "{")? {
        let blank = at == unit.text.len() || unit.is_at(at, OPEN)?;
        drafts.push(Draft {
            span: (unit.start, unit.inside()),
            arguments: Some(object_call::nothing()),
            faults: if blank { Fault::EmptyTag } else { Fault::NoObject }.into(),
            ..Draft::default()
        });
        return Ok(Step::Calls(unit.inside()));
    }
    let (mut draft, stopped, whole) = object_call::bare(&KEYS, unit, at, Some(MARKERS))?;
    let end =
        if whole { stopped } else { unit.find(stopped, &[OPEN])?.map_or(unit.text.len(), |(at, _)| at) };
    draft.span = (unit.start, end);
    drafts.push(draft);
    Ok(Step::Calls(end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        write::separate("\n", index, out);
        out.push_str("<function_call> ");
        write::object(SPEC.id, &KEYS, call, None, out)?;
    }
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for Observed { content, .. } in observed {
        out.push_str("<function_response> ");
        out.push_str(content);
    }
}
