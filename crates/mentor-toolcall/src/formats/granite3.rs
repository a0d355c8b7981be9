//! Granite 3: `<|tool_call|>[{"name": "f", "arguments": {…}}]`, from 3.1 on also with `<tool_call>` as the marker.
//!
//! To the letter: one of the markers, then a JSON list of objects with exactly the string `name` and the object
//! `arguments`. Nothing closes it. `<|end_of_text|>`, which ends a turn, is markup.

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    write,
};
use crate::{call::Draft, fault::Faults, json::Markers};

const OPEN: &str = "<|tool_call|>";
const END: &str = "<|end_of_text|>";
const KEYS: Keys = Keys::ARGUMENTS;
const LIST: List = List { markers: Markers { open: OPEN, close: "" }, item: Item::Keys(KEYS) };

pub(super) static SPEC: Spec = Spec {
    id: "granite3",
    aliases: &[],
    families: "Granite 3.0-3.3",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, "<tool_call>", END],
    closes: &["]", "}"],
    read,
    write: Write { calls, observations: write::lines, tools: write::indented_definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == END {
        return Ok(Step::Markup(unit.inside()));
    }
    LIST.read(unit, unit.inside(), drafts, Faults::default())
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(OPEN);
    write::list(SPEC.id, &KEYS, calls, write::no_id, out)
}
