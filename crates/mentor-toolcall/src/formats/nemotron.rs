//! Nemotron: a JSON list of objects with `name` and `arguments` between `<TOOLCALL>` and `</TOOLCALL>`.
//!
//! Written by Nemotron Nano v2 and the Llama Nemotron models. To the letter: both markers, and between them one list of
//! objects with exactly the string `name` and the object `arguments`.

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    write,
};
use crate::{call::Draft, json::Markers};

const OPEN: &str = "<TOOLCALL>";
const CLOSE: &str = "</TOOLCALL>";
const KEYS: Keys = Keys::ARGUMENTS;
const LIST: List = List { markers: Markers { open: OPEN, close: CLOSE }, item: Item::Keys(KEYS) };

pub(super) static SPEC: Spec = Spec {
    id: "nemotron",
    aliases: &[],
    families: "Nemotron Nano v2, Llama Nemotron (DeciLM)",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations, tools },
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

fn observations(observed: &[super::Observed<'_>], out: &mut String) {
    out.push_str("<TOOL_RESPONSE>");
    write::bracketed(observed, out);
    out.push_str("</TOOL_RESPONSE>");
}

fn tools(tools: &[mentor_trajectory::ToolSpec], out: &mut String) {
    out.push_str("<AVAILABLE_TOOLS>");
    write::functions(tools, out);
    out.push_str("</AVAILABLE_TOOLS>");
}
