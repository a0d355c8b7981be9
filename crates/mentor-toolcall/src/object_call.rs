//! What a JSON object says as a call: `name` and `arguments`.

use mentor_trajectory::Call;
use serde_json::{Map, Value};

use crate::{
    fault::{Fault, Faults},
    json::{Halt, Reader},
};

/// Reads an object, whole or broken off, as a call; `faults` are those of its JSON.
///
/// The call is complete only if no fault is a refusal. Otherwise it holds what was readable: its name is empty if that
/// was not, its arguments are those read completely; there is none if neither was.
pub(crate) fn read(object: Result<Map<String, Value>, Halt>, mut faults: Faults) -> (Option<Call>, Faults) {
    let whole = object.is_ok();
    let mut members = object.unwrap_or_else(|halt| {
        faults.add(halt.fault);
        halt.partial.unwrap_or_default()
    });
    let name = match members.shift_remove("name") {
        Some(Value::String(name)) if name.is_empty() => refuse(&mut faults, Fault::EmptyName),
        Some(Value::String(name)) => Some(name),
        Some(_) => refuse(&mut faults, Fault::NameNotString),
        None if whole => refuse(&mut faults, Fault::MissingName),
        None => None,
    };
    let given = match (members.shift_remove("arguments"), members.shift_remove("parameters")) {
        (Some(_), Some(_)) => refuse(&mut faults, Fault::ConflictingArguments),
        (None, Some(parameters)) => {
            faults.add(Fault::ParametersKey);
            Some(parameters)
        }
        (Some(arguments), None) => Some(arguments),
        (None, None) => {
            if whole {
                faults.add(Fault::NoArguments);
            }
            None
        }
    };
    if !members.is_empty() {
        faults.add(Fault::ExtraKey);
    }
    let arguments = given.and_then(|given| arguments(given, &mut faults));
    if name.is_none() && arguments.as_ref().is_none_or(Map::is_empty) {
        return (None, faults);
    }
    (Some(Call { name: name.unwrap_or_default(), arguments: arguments.unwrap_or_default() }), faults)
}

fn refuse<T>(faults: &mut Faults, fault: Fault) -> Option<T> {
    faults.add(fault);
    None
}

fn arguments(given: Value, faults: &mut Faults) -> Option<Map<String, Value>> {
    match given {
        Value::Object(arguments) => Some(arguments),
        Value::Null => {
            faults.add(Fault::NullArguments);
            None
        }
        Value::String(text) => {
            faults.add(Fault::StringEncodedArguments);
            string_encoded(&text, faults)
        }
        _ => refuse(faults, Fault::ArgumentsNotObject),
    }
}

fn string_encoded(text: &str, faults: &mut Faults) -> Option<Map<String, Value>> {
    let mut reader = Reader::new(text, 0, text.len(), None);
    reader.skip_space();
    if !text[reader.at..].starts_with('{') {
        return refuse(faults, Fault::ArgumentsNotObject);
    }
    let object = reader.object(0);
    faults.extend(&reader.faults);
    match object {
        Ok(arguments) if reader.is_done() => Some(arguments),
        Ok(_) => refuse(faults, Fault::ArgumentsNotObject),
        Err(halt) => {
            faults.add(halt.fault);
            halt.partial
        }
    }
}
