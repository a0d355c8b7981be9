//! Jamba: a JSON list of objects with `name` and `arguments` between `<tool_calls>` and `</tool_calls>`.
//!
//! Written by Jamba 1.5 and Hunyuan-A13B. To the letter: both markers, and between them one list of objects with exactly
//! the string `name` and the object `arguments`.

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    write,
};
use crate::{call::Draft, json::Markers};

const OPEN: &str = "<tool_calls>";
const CLOSE: &str = "</tool_calls>";
const KEYS: Keys = Keys::ARGUMENTS;
const LIST: List = List { markers: Markers { open: OPEN, close: CLOSE }, item: Item::Keys(KEYS) };

pub(super) static SPEC: Spec = Spec {
    id: "jamba",
    aliases: &[],
    families: "Jamba, Hunyuan-A13B",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations: write::lines, tools: write::definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    LIST.read_marked(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(OPEN);
    write::list(SPEC.id, &KEYS, calls, write::no_id, out)?;
    out.push_str(CLOSE);
    Ok(())
}
