//! Tools as `TypeScript` declares functions: how Harmony and Apertus put them before a model.

use std::fmt::Write as _;

use mentor_trajectory::ToolSpec;
use serde_json::Value;

/// Where commas stand in a list of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commas {
    AfterEach,
    Between,
}

/// Writes `type NAME = (_: {…}) => any;`, with what is said of the tool and its parameters as comments above each.
pub(super) fn declare(tool: &ToolSpec, commas: Commas, out: &mut String) {
    for line in tool.description.lines() {
        let _ = writeln!(out, "// {line}");
    }
    let _ = write!(out, "type {} = ", tool.name);
    let properties = tool.parameters["properties"].as_object().filter(|properties| !properties.is_empty());
    let Some(properties) = properties else {
        out.push_str("() => any;");
        return;
    };
    out.push_str("(_: {");
    let required: Vec<&str> =
        tool.parameters["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (index, (name, schema)) in properties.iter().enumerate() {
        for line in schema["description"].as_str().unwrap_or_default().lines() {
            let _ = write!(out, "\n// {line}");
        }
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        let _ = write!(out, "\n{name}{optional}: {}", kind(schema));
        if commas == Commas::AfterEach || index + 1 < properties.len() {
            out.push(',');
        }
    }
    out.push_str("\n}) => any;");
}

/// A schema's type as `TypeScript` spells it.
fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => "number".to_owned(),
        Some(plain @ ("string" | "boolean" | "null" | "object")) => plain.to_owned(),
        Some("array") => format!("{}[]", kind(&schema["items"])),
        _ => "any".to_owned(),
    }
}
