//! Comparing one argument of the right type with the answers allowed for it.

use std::borrow::Cow;

use super::python::{Check, Stop, contains, get, items, len, sequence};
use super::value::Value;

/// Without spaces and `, . / - _ * ^`, in lower case, with `"` for `'`. Tabs and newlines stay.
fn standardize_text(text: &str) -> String {
    let kept = |char: &char| !matches!(char, ' ' | ',' | '.' | '/' | '-' | '_' | '*' | '^');
    text.chars().filter(kept).collect::<String>().to_lowercase().replace('\'', "\"")
}

/// A string standardized, everything else as it is.
fn standardize(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Str(text) => Cow::Owned(Value::Str(standardize_text(text))),
        other => Cow::Borrowed(other),
    }
}

/// A string is one of the answers, both standardized.
pub(super) fn string(value: &Value, answers: &[Value]) -> Check {
    let value = standardize(value);
    let equal = answers.iter().any(|answer| standardize(answer) == value);
    if equal { Ok(()) } else { Err(Stop::Wrong("value_error:string")) }
}

/// A list is one of the answers, strings directly in either standardized.
pub(super) fn list(value: &[Value], answers: &[Value]) -> Check {
    let answers = answers.iter().map(sequence).collect::<Check<Vec<_>>>()?;
    let value: Vec<_> = value.iter().map(standardize).collect();
    let equal = answers.iter().any(|answer| {
        answer.len() == value.len() && answer.iter().zip(&value).all(|(a, b)| standardize(a) == *b)
    });
    if equal { Ok(()) } else { Err(Stop::Wrong("value_error:list/tuple")) }
}

/// A dictionary fits one of the answers, each a dictionary of lists of allowed values.
///
/// The error is that of the last answer looked at.
pub(super) fn dict(value: &Value, answers: &[Value]) -> Check {
    let mut last = "dict_checker:unclear";
    for answer in answers.iter().filter(|answer| !answer.is_optional_mark()) {
        match dict_answer(value, answer)? {
            None => return Ok(()),
            Some(error) => last = error,
        }
    }
    Err(Stop::Wrong(last))
}

/// What is wrong with a dictionary beside one answer.
///
/// A missing key is looked for, and named, even where a value was found wrong before.
fn dict_answer(value: &Value, answer: &Value) -> Check<Option<&'static str>> {
    let value = items(value)?;
    let mut error = None;
    for (key, value) in value {
        if !contains(answer, key)? {
            error = Some("value_error:dict_key");
            break;
        }
        let value = standardize(value);
        if !sequence(get(answer, key)?)?.iter().any(|allowed| standardize(allowed) == value) {
            error = Some("value_error:dict_value");
            break;
        }
    }
    for (key, allowed) in items(answer)? {
        if !value.contains_key(key) && !contains(allowed, "")? {
            return Ok(Some("value_error:dict_key"));
        }
    }
    Ok(error)
}

/// A list of dictionaries fits one of the answers: as many, one by one, in order.
///
/// The error is that of the last answer looked at.
pub(super) fn list_of_dicts(value: &[Value], answers: &[Value]) -> Check {
    let mut last = "list_dict_checker:unclear";
    for answer in answers {
        if len(answer)? != value.len() {
            last = "value_error:list_dict_count";
            continue;
        }
        match pairwise(value, answer) {
            Err(Stop::Wrong(error)) => last = error,
            settled => return settled,
        }
    }
    Err(Stop::Wrong(last))
}

fn pairwise(value: &[Value], answer: &Value) -> Check {
    let answer = sequence(answer)?;
    value.iter().zip(answer.iter()).try_for_each(|(value, answer)| dict(value, std::slice::from_ref(answer)))
}
