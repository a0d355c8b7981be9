//! Qwen3-Coder: each argument as text in a tag of its own, without types.
//!
//! ```text
//! <tool_call>
//! <function=NAME>
//! <parameter=KEY>
//! VALUE
//! </parameter>
//! </function>
//! </tool_call>
//! ```
//!
//! Written by Qwen3-Coder, Qwen3.5, Nemotron 3 and Step-3.5. One line break behind `<parameter=KEY>` and one before
//! `</parameter>` are the format's, everything else is the value's. A value is a string unless the tool's schema says
//! otherwise; see [`typing`](super::typing) for how a text is read as another type.
//!
//! To the letter: all closing tags there, nothing but whitespace between tags. A `</parameter>` ends a value only if a
//! tag that may follow it does, so that code which holds one is read whole. A call without `<tool_call>` around it is a
//! [bare call](crate::Fault::BareCall).

use mentor_trajectory::{Call, ToolSpec};
use serde_json::Value;

use super::{
    Read, Scanner, Spec, Unit, Unwritable, Write, hermes,
    markup::{Markup, Values},
    typing,
};
use crate::call::Draft;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

const MARKUP: Markup = Markup {
    id: "qwen3-coder",
    around: &[(OPEN, CLOSE)],
    shared: false,
    function: "<function=",
    function_end: "</function>",
    parameter: "<parameter=",
    parameter_end: "</parameter>",
    quoted: false,
    values: Values::Lines,
};

pub(super) static SPEC: Spec = Spec {
    id: MARKUP.id,
    aliases: &[],
    families: "Qwen3-Coder, Qwen3.5, Nemotron 3, Step-3.5",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE, MARKUP.function],
    closes: &[CLOSE, MARKUP.function_end, OPEN],
    read,
    write: Write { calls, observations: hermes::observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    MARKUP.read(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    MARKUP.write(calls, out)
}

/// The tools as XML: what a parameter's schema says besides its type and description in a tag of its own.
fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<tools>");
    for ToolSpec { name, description, parameters } in tools {
        out.push_str("\n<function>");
        write_tag("name", name, out);
        if !description.is_empty() {
            write_tag("description", description.trim(), out);
        }
        out.push_str("\n<parameters>");
        for (name, schema) in parameters["properties"].as_object().into_iter().flatten() {
            out.push_str("\n<parameter>");
            write_tag("name", name, out);
            for key in ["type", "description"] {
                if let Some(value) = schema.get(key) {
                    write_value_tag(key, value, out);
                }
            }
            write_other_keys(schema, &["name", "type", "description"], out);
            out.push_str("\n</parameter>");
        }
        write_other_keys(parameters, &["type", "properties"], out);
        out.push_str("\n</parameters>\n</function>");
    }
    out.push_str("\n</tools>");
}

fn write_other_keys(schema: &Value, handled: &[&str], out: &mut String) {
    for (key, value) in schema.as_object().into_iter().flatten() {
        if !handled.contains(&key.as_str()) {
            write_value_tag(key, value, out);
        }
    }
}

fn write_value_tag(key: &str, value: &Value, out: &mut String) {
    let mut text = String::new();
    typing::write(value, &mut text);
    write_tag(key, &text, out);
}

fn write_tag(key: &str, text: &str, out: &mut String) {
    out.extend(["\n<", key, ">", text, "</", key, ">"]);
}
