//! What several formats write alike.

use mentor_trajectory::{Call, ToolSpec};
use serde::Serialize as _;
use serde_json::{
    Value, json,
    ser::{PrettyFormatter, Serializer},
};

use super::{Observed, Unwritable, name_of, object_call::Keys, write_definition, write_function};
use crate::json::{write_object, write_string};

/// Writes a call as an object under a format's keys; a format with identifiers gives the one to write.
pub(super) fn object(
    format: &'static str,
    keys: &Keys,
    call: &Call,
    id: Option<&str>,
    out: &mut String,
) -> Result<(), Unwritable> {
    out.push_str("{\"");
    out.push_str(keys.name);
    out.push_str("\": ");
    write_string(name_of(format, call)?, out);
    out.push_str(", \"");
    out.push_str(keys.arguments);
    out.push_str("\": ");
    write_object(&call.arguments, out);
    if let (Some(key), Some(id)) = (keys.id, id) {
        out.push_str(", \"");
        out.push_str(key);
        out.push_str("\": ");
        write_string(id, out);
    }
    out.push('}');
    Ok(())
}

/// Writes calls as a list of objects; `id` says the identifier of the call of an index.
pub(super) fn list(
    format: &'static str,
    keys: &Keys,
    calls: &[Call],
    id: impl Fn(usize) -> Option<String>,
    out: &mut String,
) -> Result<(), Unwritable> {
    out.push('[');
    for (index, call) in calls.iter().enumerate() {
        separate(", ", index, out);
        object(format, keys, call, id(index).as_deref(), out)?;
    }
    out.push(']');
    Ok(())
}

/// Writes a separator before everything but the first.
pub(super) fn separate(separator: &str, index: usize, out: &mut String) {
    if index > 0 {
        out.push_str(separator);
    }
}

/// No identifier.
pub(super) fn no_id(_: usize) -> Option<String> {
    None
}

/// Observations as they are, a line each.
pub(super) fn lines(observed: &[Observed<'_>], out: &mut String) {
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        separate("\n", index, out);
        out.push_str(content);
    }
}

/// Observations as they are, as a list.
pub(super) fn bracketed(observed: &[Observed<'_>], out: &mut String) {
    out.push('[');
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        separate(", ", index, out);
        out.push_str(content);
    }
    out.push(']');
}

/// Tools as a JSON list of `OpenAI` function definitions.
pub(super) fn definitions(tools: &[ToolSpec], out: &mut String) {
    out.push('[');
    for (index, tool) in tools.iter().enumerate() {
        separate(", ", index, out);
        write_definition(tool, out);
    }
    out.push(']');
}

/// Tools as a JSON list of functions, without `OpenAI`'s wrapper.
pub(super) fn functions(tools: &[ToolSpec], out: &mut String) {
    out.push('[');
    for (index, tool) in tools.iter().enumerate() {
        separate(", ", index, out);
        write_function(tool, out);
    }
    out.push(']');
}

/// Tools as `OpenAI` function definitions, one a line.
pub(super) fn definition_lines(tools: &[ToolSpec], out: &mut String) {
    for (index, tool) in tools.iter().enumerate() {
        separate("\n", index, out);
        write_definition(tool, out);
    }
}

/// Tools as `OpenAI` function definitions, each over several lines and with an empty line behind the one before.
pub(super) fn indented_definitions(tools: &[ToolSpec], out: &mut String) {
    for (index, tool) in tools.iter().enumerate() {
        separate("\n\n", index, out);
        let ToolSpec { name, description, parameters } = tool;
        let function = json!({"name": name, "description": description, "parameters": parameters});
        out.push_str(&indented(&json!({"type": "function", "function": function})));
    }
}

/// JSON as `json.dumps(indent=4)` lays it out.
fn indented(value: &Value) -> String {
    let mut out = Vec::new();
    let mut writer = Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b"    "));
    // Writing a value into memory does not fail.
    value.serialize(&mut writer).ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default()
}
