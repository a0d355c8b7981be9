//! Apertus: a JSON list between `<|tools_prefix|>` and `<|tools_suffix|>` of objects whose one key is the name and whose
//! value are the arguments: `[{"f": {…}}]`.
//!
//! To the letter: both markers, and between them one list of objects with exactly one member that is an object.
//! Reasoning stands between `<|inner_prefix|>` and `<|inner_suffix|>`. `<|assistant_end|>`, which ends a turn, is markup.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    list::{Item, List},
    name_of,
    typescript::{self, Commas},
    write,
};
use crate::{
    call::Draft,
    json::{Markers, write_object, write_string},
};

const OPEN: &str = "<|tools_prefix|>";
const CLOSE: &str = "<|tools_suffix|>";
const END: &str = "<|assistant_end|>";
const LIST: List = List { markers: Markers { open: OPEN, close: CLOSE }, item: Item::NameIsKey };

pub(super) static SPEC: Spec = Spec {
    id: "apertus",
    aliases: &[],
    families: "Apertus",
    thinking: ("<|inner_prefix|>", "<|inner_suffix|>"),
    opens: &[OPEN, CLOSE, END],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations: write::bracketed, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == END {
        return Ok(Step::Markup(unit.inside()));
    }
    LIST.read_marked(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(OPEN);
    out.push('[');
    for (index, call) in calls.iter().enumerate() {
        write::separate(", ", index, out);
        out.push('{');
        write_string(name_of(SPEC.id, call)?, out);
        out.push_str(": ");
        write_object(&call.arguments, out);
        out.push('}');
    }
    out.push(']');
    out.push_str(CLOSE);
    Ok(())
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    for (index, tool) in tools.iter().enumerate() {
        write::separate("\n", index, out);
        typescript::declare(tool, Commas::Between, out);
    }
}
