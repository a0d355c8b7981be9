//! Arguments: JSON values compared as a tool would see them.

use serde_json::{Map, Number, Value};

/// The share of the wanted arguments that were given with an equal value; 1 if none is wanted.
///
/// Arguments that were given and not wanted cost nothing here.
pub fn argument_agreement(wanted: &Map<String, Value>, given: &Map<String, Value>) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    let agreeing = wanted
        .iter()
        .filter(|(name, value)| given.get(*name).is_some_and(|other| value_equal(value, other)))
        .count();
    agreeing as f64 / wanted.len() as f64
}

/// Whether two JSON values are the same value: numbers by value (`2` is `2.0`), strings exactly, lists in order, objects
/// in any order of their keys.
///
/// `true` is not `1`, and `"2"` is not `2`. An integer and a float are equal only if they are exactly so: no integer is
/// rounded to a float first. Values may be nested to any depth.
pub fn value_equal(a: &Value, b: &Value) -> bool {
    // A list of what is still to compare instead of recursion: the depth is a model's to choose.
    let mut open = vec![(a, b)];
    while let Some(pair) = open.pop() {
        match pair {
            (Value::Number(a), Value::Number(b)) => {
                if !number_equal(a, b) {
                    return false;
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                if a.len() != b.len() {
                    return false;
                }
                open.extend(a.iter().zip(b));
            }
            (Value::Object(a), Value::Object(b)) => {
                if a.len() != b.len() {
                    return false;
                }
                for (key, value) in a {
                    let Some(other) = b.get(key) else { return false };
                    open.push((value, other));
                }
            }
            (Value::Null, Value::Null) => {}
            (Value::Bool(a), Value::Bool(b)) if a == b => {}
            (Value::String(a), Value::String(b)) if a == b => {}
            _ => return false,
        }
    }
    true
}

fn number_equal(a: &Number, b: &Number) -> bool {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a == b,
        (Some(integer), None) => b.as_f64().is_some_and(|float| is_integer(float, integer)),
        (None, Some(integer)) => a.as_f64().is_some_and(|float| is_integer(float, integer)),
        (None, None) => a.as_f64() == b.as_f64(),
    }
}

/// Whether a float is exactly this integer (of 64 bits and a sign: the integers JSON numbers hold here).
fn is_integer(float: f64, integer: i128) -> bool {
    float.trunc() == float && float.abs() < 1e30 && float as i128 == integer
}
