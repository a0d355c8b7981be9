//! One call against one function and the values allowed for its arguments.

use std::borrow::Cow;

use super::item::{Answers, Function, Language};
use super::python::{Check, Stop, get};
use super::value::{Kind, Value};
use super::{Call, compare, java, javascript};

/// BFCL's `simple_function_checker`: the name, then missing required arguments, then argument by argument whether it is
/// known, of the right type and of an allowed value, then missing optional arguments. The first that fails decides.
pub(super) fn check_call(
    language: Language,
    function: &Function,
    name: &str,
    (called, arguments): Call,
    answers: &Answers,
) -> Check {
    let required = function.required.as_ref().ok_or(Stop::KEY_ERROR)?;
    if called != name {
        return Err(Stop::Wrong("simple_function_checker:wrong_func_name"));
    }
    if required.iter().any(|name| !arguments.contains_key(name)) {
        return Err(Stop::Wrong("simple_function_checker:missing_required"));
    }
    for (name, value) in arguments {
        let (Some(property), Some(allowed)) = (function.properties.get(name), answers.get(name)) else {
            return Err(Stop::Wrong("simple_function_checker:unexpected_param"));
        };
        check_argument(language, property, value, allowed)?;
    }
    let missing = |(name, allowed): (&String, &Vec<Value>)| {
        !arguments.contains_key(name) && !allowed.iter().any(Value::is_optional_mark)
    };
    if answers.iter().any(missing) {
        return Err(Stop::Wrong("simple_function_checker:missing_optional"));
    }
    Ok(())
}

/// The type, then the value.
///
/// A value that stands for a variable is compared as it is, any other in the way of its type.
fn check_argument(language: Language, property: &Value, value: &Value, allowed: &[Value]) -> Check {
    let documented = get(property, "type")?;
    let (name, kind) = lookup(documented, language)?;
    match (language, value) {
        (Language::Python, _) | (_, Value::Str(_)) => {}
        (Language::Java, _) => return Err(Stop::Wrong("type_error:java")),
        (Language::JavaScript, _) => return Err(Stop::Wrong("type_error:js")),
    }
    let element = if language.lists().contains(&name) {
        Some(lookup(get(get(property, "items")?, "type")?, language)?)
    } else {
        None
    };
    let element_name = element.map(|(name, _)| name);
    let value = match (language, value) {
        (Language::Java, Value::Str(source)) => Cow::Owned(java::convert(source, name, element_name)?),
        (Language::JavaScript, Value::Str(source)) => {
            Cow::Owned(javascript::convert(source, name, element_name)?)
        }
        (Language::Python, Value::Int(int)) if name == "float" => {
            Cow::Owned(Value::Float(int.to_float().ok_or(Stop::OVERFLOW_ERROR)?))
        }
        _ => Cow::Borrowed(value),
    };
    let element = element.map(|(_, kind)| kind);
    let variable = check_type(&value, allowed, kind, element)?;
    match &*value {
        Value::Dict(_) if !variable => compare::dict(&value, allowed),
        Value::List(items) if !variable && element == Some(Kind::Dict) => {
            compare::list_of_dicts(items, allowed)
        }
        Value::List(items) if !variable => compare::list(items, allowed),
        Value::Str(_) if !variable => compare::string(&value, allowed),
        _ if allowed.contains(&value) => Ok(()),
        _ => Err(Stop::Wrong("value_error:others")),
    }
}

/// A documented type's name and what it is in Python.
fn lookup(documented: &Value, language: Language) -> Check<(&str, Kind)> {
    match documented {
        Value::Str(name) => Ok((name, language.kind(name).ok_or(Stop::KEY_ERROR)?)),
        // What cannot be hashed cannot be looked up.
        Value::List(_) | Value::Dict(_) => Err(Stop::TYPE_ERROR),
        _ => Err(Stop::KEY_ERROR),
    }
}

/// BFCL's `type_checker`: is the value of the documented type, or of the first answer's? Whether it stands for a variable.
///
/// Types are exact. Of a list the elements are looked at too, one level deep, by the answers that are lists themselves.
fn check_type(value: &Value, allowed: &[Value], documented: Kind, element: Option<Kind>) -> Check<bool> {
    let answered = allowed.iter().find(|answer| !answer.is_optional_mark()).map(Value::kind);
    if value.kind() != documented {
        return if answered == Some(value.kind()) { Ok(true) } else { Err(Stop::Wrong("type_error:simple")) };
    }
    let fits = match (element, value) {
        (Some(element), Value::List(items)) => allowed.iter().any(|answer| match answer {
            Value::List(allowed) => items.iter().all(|item| check_type(item, allowed, element, None).is_ok()),
            _ => true,
        }),
        _ => true,
    };
    match (fits, answered) {
        (true, answered) => Ok(answered.is_some_and(|kind| kind != documented)),
        (false, Some(kind)) if kind == documented => Err(Stop::Wrong("type_error:nested")),
        (false, _) => Err(Stop::Wrong("type_error:simple")),
    }
}
