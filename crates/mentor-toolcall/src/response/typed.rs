//! Arguments that were written as text, read by the called tool's schema.

use indexmap::IndexMap;

use super::content::{float, integer};
use crate::template::{PyJson, python_strip};

/// The value of a field with the arguments of its calls, `{"function": {"name", "arguments"}}`, typed.
pub(super) fn calls(value: PyJson, tools: &[PyJson]) -> PyJson {
    match value {
        PyJson::Array(items) => PyJson::Array(items.into_iter().map(|item| calls(item, tools)).collect()),
        PyJson::Object(mut call) => {
            if let Some(PyJson::Object(function)) = call.get_mut("function") {
                type_arguments(function, tools);
            }
            PyJson::Object(call)
        }
        other => other,
    }
}

fn type_arguments(function: &mut IndexMap<String, PyJson>, tools: &[PyJson]) {
    let Some(name) = function.get("name").and_then(PyJson::as_str) else { return };
    let function_of = |tool: &'_ PyJson| tool.get("function").unwrap_or(tool).clone();
    let named = |tool: &PyJson| tool.get("name").and_then(PyJson::as_str) == Some(name);
    let Some(tool) = tools.iter().map(function_of).rfind(named) else { return };
    let properties = tool.get("parameters").and_then(|parameters| parameters.get("properties"));
    let (Some(properties), Some(PyJson::Object(arguments))) = (properties, function.get_mut("arguments"))
    else {
        return;
    };
    for (key, argument) in arguments.iter_mut() {
        let types = properties.get(key).map(types_of).unwrap_or_default();
        if types.is_empty() {
            continue;
        }
        match argument {
            PyJson::String(text) => {
                if let Some(value) = coerced(text, &types) {
                    *argument = value;
                }
            }
            // Values of a repeated key.
            PyJson::Array(items) if !types.iter().any(|name| name == "array") => {
                for item in items {
                    if let Some(value) = item.as_str().and_then(|text| coerced(text, &types)) {
                        *item = value;
                    }
                }
            }
            _ => {}
        }
    }
}

/// The types a schema names, those of its choices too.
fn types_of(schema: &PyJson) -> Vec<String> {
    let mut types: Vec<String> = match schema.get("type") {
        Some(PyJson::String(name)) => vec![name.clone()],
        Some(PyJson::Array(names)) => names.iter().filter_map(PyJson::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    for union in ["anyOf", "oneOf"] {
        for choice in schema.get(union).and_then(PyJson::as_array).unwrap_or_default() {
            types.extend(types_of(choice));
        }
    }
    if schema.get("nullable") == Some(&PyJson::Bool(true)) && !types.iter().any(|name| name == "null") {
        types.push("null".to_owned());
    }
    types
}

/// The text as the first of the types that it can be.
fn coerced(text: &str, types: &[String]) -> Option<PyJson> {
    types.iter().find_map(|name| match name.as_str() {
        "integer" => integer(text).or_else(|| float(text).and_then(whole)),
        "number" => {
            let number = float(text).filter(|number| number.is_finite())?;
            let as_integer = if text.contains('.') { None } else { whole(number) };
            Some(as_integer.unwrap_or(PyJson::Float(number)))
        }
        "boolean" => match python_strip(text).to_lowercase().as_str() {
            "true" | "1" => Some(PyJson::Bool(true)),
            "false" | "0" => Some(PyJson::Bool(false)),
            _ => None,
        },
        "null" => matches!(python_strip(text), "null" | "None").then_some(PyJson::Null),
        "object" => PyJson::parse(text).ok().filter(|value| matches!(value, PyJson::Object(_))),
        "array" => PyJson::parse(text).ok().filter(|value| matches!(value, PyJson::Array(_))),
        _ => None,
    })
}

/// A whole number as an integer.
fn whole(number: f64) -> Option<PyJson> {
    if !number.is_finite() || number.fract() != 0.0 {
        return None;
    }
    let digits = format!("{number:.0}");
    Some(digits.parse().map_or(PyJson::BigInt(digits), PyJson::Int))
}
