//! Executing a call: check it against the tools on offer, then look up, compute or acknowledge.

use mentor_trajectory::{Call, Judge, Observation, Task, ToolSpec};
use serde_json::{Map, Value};

use crate::{number, tools};

/// Characters an observation has at most.
pub const LONGEST_OBSERVATION: usize = 400;

/// Executes `call` against the tools that `task` offers. Whatever the model wrote, the result is an observation.
///
/// The call is first checked against the tool's schema (unknown tool, missing, unexpected or ill-typed argument). Then
/// a task judged by its calls acknowledges with `ok`; a tool that is a relation of the task's world is looked up there;
/// an arithmetic tool is computed. Work and memory are bounded by the size of the call and the task.
pub fn execute(task: &Task, call: &Call) -> Observation {
    let (content, ok) = match run(task, call) {
        Ok(content) => (content, true),
        Err(fault) => (format!("error: {fault}"), false),
    };
    Observation { content: shortened(&content, LONGEST_OBSERVATION), ok }
}

/// The observation of a call that no tool gets to see: of one that is not on offer, or with arguments that its schema
/// refuses. None if the call can be carried out, here or by another program.
pub fn refusal(task: &Task, call: &Call) -> Option<Observation> {
    let fault = check(task, call).err()?;
    Some(Observation { content: shortened(&format!("error: {fault}"), LONGEST_OBSERVATION), ok: false })
}

/// Checks the call against the tool's schema.
fn check(task: &Task, call: &Call) -> Result<(), String> {
    let offered = task.tools.iter().find(|spec| spec.name == call.name);
    let spec = offered.ok_or_else(|| format!("unknown tool {}", shortened(&call.name, 40)))?;
    check_arguments(spec, &call.arguments)
}

fn run(task: &Task, call: &Call) -> Result<String, String> {
    check(task, call)?;
    if task.judge == Judge::Calls {
        return Ok("ok".to_owned());
    }
    match task.world.get(&call.name).and_then(Value::as_object) {
        Some(table) => look_up(table, &call.arguments),
        None => tools::compute(&call.name, &call.arguments).map(number::show),
    }
}

fn look_up(table: &Map<String, Value>, arguments: &Map<String, Value>) -> Result<String, String> {
    let key = arguments.values().next().and_then(Value::as_str);
    match key.and_then(|key| table.get(key)) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err("not found".to_owned()),
    }
}

/// Checks arguments against the tool's schema: first missing ones, then unexpected ones, then types.
fn check_arguments(spec: &ToolSpec, arguments: &Map<String, Value>) -> Result<(), String> {
    let required = spec.parameters.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            return Err(format!("missing argument {name}"));
        }
    }
    let properties = spec.parameters.get("properties").and_then(Value::as_object);
    for (name, value) in arguments {
        let Some(schema) = properties.and_then(|properties| properties.get(name)) else {
            return Err(format!("unexpected argument {}", shortened(name, 40)));
        };
        if let Some(kind) = ill_typed(schema, value) {
            return Err(format!("argument {} must be {kind}", shortened(name, 40)));
        }
    }
    Ok(())
}

/// What `value` would have to be, if it does not have the type that `schema` asks for.
///
/// An integer is any number without a fractional part, as in JSON Schema. Unknown types accept everything.
fn ill_typed(schema: &Value, value: &Value) -> Option<&'static str> {
    let (fits, kind) = match schema.get("type").and_then(Value::as_str)? {
        "number" => (value.is_number(), "a number"),
        "integer" => (is_whole(value), "an integer"),
        "string" => (value.is_string(), "a string"),
        "boolean" => (value.is_boolean(), "true or false"),
        "object" => (value.is_object(), "an object"),
        "null" => (value.is_null(), "null"),
        "array" => {
            let items = schema.get("items");
            let fits = |item| items.is_none_or(|items| ill_typed(items, item).is_none());
            (value.as_array().is_some_and(|list| list.iter().all(fits)), "a list")
        }
        _ => return None,
    };
    if fits { None } else { Some(kind) }
}

fn is_whole(value: &Value) -> bool {
    match value.as_f64() {
        Some(number) => value.is_i64() || value.is_u64() || number.fract() == 0.0,
        None => false,
    }
}

/// The first `limit` characters of `text`.
fn shortened(text: &str, limit: usize) -> String {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end]).to_owned()
}
