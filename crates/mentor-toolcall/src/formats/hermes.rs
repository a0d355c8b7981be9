//! Hermes: JSON objects with `name` and `arguments` between `<tool_call>` and `</tool_call>`, reasoning between
//! `<think>` and `</think>`.
//!
//! Written by Hermes 2 and 3, Qwen2.5, Qwen3, `SmolLM3` and Granite 4. To the letter: one object with exactly the string
//! `name` and the object `arguments`, in any order, valid JSON, with any JSON whitespace around it, both markers there.
//!
//! A reasoning block ends at the first `</think>` or with the text. A marker inside a JSON string is part of the string.
//! A `</think>` that closes nothing is content.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, name_of,
    object_call::Keys,
    tagged::{self, Tag},
    write_definition,
};
use crate::{
    call::Draft,
    json::{Markers, write_object, write_string},
};

const MARKERS: Markers = Markers { open: "<tool_call>", close: "</tool_call>" };

pub(crate) static SPEC: Spec = Spec {
    id: "hermes",
    aliases: &["granite4"],
    families: "Hermes 2/3, Qwen2.5, Qwen3, SmolLM3, Granite 4",
    thinking: ("<think>", "</think>"),
    opens: &[MARKERS.open, MARKERS.close],
    closes: &[MARKERS.open, MARKERS.close],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == MARKERS.close {
        drafts.push(tagged::stray_close(unit));
        return Ok(Step::Calls(unit.inside()));
    }
    Tag { markers: MARKERS, keys: Keys::ARGUMENTS }.read(unit, drafts)
}

/// Writes a call as the families' chat templates do, without a newline after the closing marker.
pub fn write_call(call: &Call) -> String {
    let mut out = String::new();
    write(call, &mut out);
    out
}

fn write(call: &Call, out: &mut String) {
    out.push_str(MARKERS.open);
    out.push_str("\n{\"name\": ");
    write_string(&call.name, out);
    out.push_str(", \"arguments\": ");
    write_object(&call.arguments, out);
    out.push_str("}\n");
    out.push_str(MARKERS.close);
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        name_of(SPEC.id, call)?;
        write(call, out);
    }
    Ok(())
}

pub(super) fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str("<tool_response>\n");
        out.push_str(content);
        out.push_str("\n</tool_response>");
    }
}

pub(super) fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<tools>");
    for tool in tools {
        out.push('\n');
        write_definition(tool, out);
    }
    out.push_str("\n</tools>");
}
