//! Mistral before v11: `[TOOL_CALLS] [{"name": "f", "arguments": {…}, "id": "000000000"}]`.
//!
//! Written by Mistral 7B v0.3, Mixtral and Nemo. To the letter: the marker, then a JSON list of objects with exactly the
//! string `name`, the object `arguments` and perhaps the string `id` (nine letters or digits, by which the result is
//! answered). Reasoning, where a model has it, stands between `[THINK]` and `[/THINK]`. `</s>`, which ends a turn, is
//! markup.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    write,
};
use crate::{
    call::Draft,
    fault::Faults,
    json::{Markers, write_string},
};

pub(super) const OPEN: &str = "[TOOL_CALLS]";
pub(super) const END: &str = "</s>";
const KEYS: Keys = Keys { id: Some("id"), ..Keys::ARGUMENTS };
const LIST: List = List { markers: Markers { open: OPEN, close: "" }, item: Item::Keys(KEYS) };

pub(super) static SPEC: Spec = Spec {
    id: "mistral",
    aliases: &[],
    families: "Mistral 7B v0.3, Mixtral, Nemo",
    thinking: ("[THINK]", "[/THINK]"),
    opens: &[OPEN, END],
    closes: &["]", "}"],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == END {
        return Ok(Step::Markup(unit.inside()));
    }
    LIST.read(unit, unit.inside(), drafts, Faults::default())
}

/// The identifier of the call of an index: nine characters, as the family's tokenizers demand.
pub(super) fn id(index: usize) -> String {
    format!("{index:09}")
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str("[TOOL_CALLS] ");
    write::list(SPEC.id, &KEYS, calls, |index| Some(id(index)), out)
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for Observed { index, content, .. } in observed {
        out.push_str("[TOOL_RESULTS] {\"content\": ");
        write_string(content, out);
        out.push_str(", \"call_id\": ");
        write_string(&id(*index), out);
        out.push_str("}[/TOOL_RESULTS]");
    }
}

pub(super) fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("[AVAILABLE_TOOLS] ");
    write::definitions(tools, out);
    out.push_str("[/AVAILABLE_TOOLS]");
}
