//! Changing planned calls: carrying another value on, mixing up arguments, taking another tool.
//!
//! In chain suites the first argument of a planned call (of a list: its first element) holds the result before it.

use mentor_trajectory::{Call, Task, ToolSpec};
use serde_json::{Number, Value};

/// The value as it stands in an answer: strings bare, all else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first value of a call, looking into a list.
pub(crate) fn first_value(call: &Call) -> Option<&Value> {
    let value = call.arguments.values().next()?;
    Some(value.as_array().and_then(|list| list.first()).unwrap_or(value))
}

/// `call` with `text` in place of the value it starts from, as the type the value had.
pub(crate) fn carry(call: &Call, text: &str) -> Call {
    let mut call = call.clone();
    if let Some(slot) = call.arguments.values_mut().next().map(innermost) {
        let number = if slot.is_number() { text.parse::<Number>().ok() } else { None };
        *slot = number.map_or_else(|| text.into(), Value::Number);
    }
    call
}

/// The first element of a list, or the value itself.
fn innermost(value: &mut Value) -> &mut Value {
    if value.as_array().is_some_and(|list| !list.is_empty()) { &mut value[0] } else { value }
}

/// `call` with its last argument wrong, of the same type if possible; none if this call cannot be mixed up.
///
/// Two arguments of a tool whose order matters are swapped, a list loses its last element, and a function's last
/// argument gets the value of the first.
pub(crate) fn mixed_up(call: &Call) -> Option<Call> {
    let mut mixed = call.clone();
    let mut values: Vec<&mut Value> = mixed.arguments.values_mut().collect();
    match (call.name.as_str(), &mut values[..]) {
        ("subtract" | "divide" | "modulo" | "power", [first, second]) => std::mem::swap(*first, *second),
        ("sum_numbers", [Value::Array(list)]) if list.len() > 1 => {
            list.pop();
        }
        ("add" | "multiply" | "round_number", _) => return None,
        (_, [first, second]) => **second = first.clone(),
        _ => return None,
    }
    (mixed != *call).then_some(mixed)
}

/// `call` as it would be made with the tool that it is confused with; none if no such tool is on offer.
pub(crate) fn confused(task: &Task, call: &Call) -> Option<Call> {
    let wrong = match mentor_env::confusable(&call.name) {
        Some(name) => task.tools.iter().find(|tool| tool.name == name)?,
        None => task.tools.iter().find(|tool| is_namesake(tool, call))?,
    };
    let values = call.arguments.values().flat_map(|value| match value {
        Value::Array(list) => list.as_slice(),
        other => std::slice::from_ref(other),
    });
    fill(wrong, values)
}

/// Whether `tool` does the same thing (`book_…`) to something else with the same parameters.
fn is_namesake(tool: &ToolSpec, call: &Call) -> bool {
    let verb = |name: &str| name.split_once('_').map(|(verb, _)| verb.to_owned());
    tool.name != call.name
        && verb(&tool.name).is_some_and(|own| verb(&call.name) == Some(own))
        && tool.parameter_names().eq(call.arguments.keys().map(String::as_str))
}

/// A call of `tool` with the first of `values` for its parameters; none if there are too few.
pub(crate) fn fill<'a>(tool: &ToolSpec, values: impl Iterator<Item = &'a Value>) -> Option<Call> {
    let names: Vec<&str> = tool.parameter_names().collect();
    let arguments: serde_json::Map<String, Value> =
        names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    (arguments.len() == names.len()).then(|| Call { name: tool.name.clone(), arguments })
}

/// `call` with a slip that its tool answers with an error: the last argument is missing, or the only one misnamed.
pub(crate) fn slipped(call: &Call) -> Call {
    let mut call = call.clone();
    let last = call.arguments.keys().next_back().cloned();
    if let Some((name, value)) = last.and_then(|name| call.arguments.shift_remove_entry(&name))
        && call.arguments.is_empty()
    {
        let misnamed = if name == "value" { "values" } else { "value" };
        call.arguments.insert(misnamed.to_owned(), value);
    }
    call
}
