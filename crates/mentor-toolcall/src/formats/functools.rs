//! functools: `functools[{"name": "f", "arguments": {…}}]`.
//!
//! Written by Phi-4-mini. To the letter: the word, then directly a JSON list of objects with exactly the string `name` and
//! the object `arguments`. Nothing closes it. The word counts as a marker only before a bracket.

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    write,
};
use crate::{call::Draft, fault::Faults, json::Markers};

const OPEN: &str = "functools[";
const KEYS: Keys = Keys::ARGUMENTS;
const LIST: List = List { markers: Markers { open: OPEN, close: "" }, item: Item::Keys(KEYS) };

pub(super) static SPEC: Spec = Spec {
    id: "functools",
    aliases: &[],
    families: "Phi-4-mini",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN],
    closes: &["]", "}"],
    read,
    write: Write { calls, observations: write::lines, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    // The bracket is the list's.
    LIST.read(unit, unit.inside() - 1, drafts, Faults::default())
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str("functools");
    write::list(SPEC.id, &KEYS, calls, write::no_id, out)
}

fn tools(tools: &[mentor_trajectory::ToolSpec], out: &mut String) {
    out.push_str("<|tool|>");
    write::functions(tools, out);
    out.push_str("<|/tool|>");
}
