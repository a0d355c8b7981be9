//! Cohere: a JSON list of objects with `tool_call_id`, `tool_name` and `parameters` between `<|START_ACTION|>` and
//! `<|END_ACTION|>`.
//!
//! Written by Command R7B and Command A. Reasoning stands between `<|START_THINKING|>` and `<|END_THINKING|>`; the markers
//! of the response and of the turn's end are markup. To the letter: both markers, and between them one list of objects
//! with exactly the string `tool_name`, the object `parameters` and perhaps the string `tool_call_id`.

use std::fmt::Write as _;

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    write,
};
use crate::{
    call::Draft,
    fault::Fault,
    json::{Markers, write_string},
};

const OPEN: &str = "<|START_ACTION|>";
const CLOSE: &str = "<|END_ACTION|>";
const KEYS: Keys = Keys {
    name: "tool_name",
    arguments: "parameters",
    other: Some(("arguments", Fault::ArgumentsKey)),
    id: Some("tool_call_id"),
};
const LIST: List = List { markers: Markers { open: OPEN, close: CLOSE }, item: Item::Keys(KEYS) };

pub(super) static SPEC: Spec = Spec {
    id: "cohere",
    aliases: &[],
    families: "Command R7B, Command A",
    thinking: ("<|START_THINKING|>", "<|END_THINKING|>"),
    opens: &[
        OPEN,
        CLOSE,
        "<|START_RESPONSE|>",
        "<|END_RESPONSE|>",
        "<|START_TEXT|>",
        "<|END_TEXT|>",
        "<|END_OF_TURN_TOKEN|>",
    ],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations, tools: write::definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker != OPEN && unit.marker != CLOSE {
        return Ok(Step::Markup(unit.inside()));
    }
    LIST.read_marked(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(OPEN);
    write::list(SPEC.id, &KEYS, calls, |index| Some(index.to_string()), out)?;
    out.push_str(CLOSE);
    Ok(())
}

fn observations(observed: &[super::Observed<'_>], out: &mut String) {
    out.push_str("<|START_TOOL_RESULT|>[");
    for (index, seen) in observed.iter().enumerate() {
        write::separate(", ", index, out);
        let _ = write!(out, "{{\"tool_call_id\": \"{}\", \"results\": {{\"0\": ", seen.index);
        write_string(seen.content, out);
        out.push_str("}, \"is_error\": null}");
    }
    out.push_str("]<|END_TOOL_RESULT|>");
}
