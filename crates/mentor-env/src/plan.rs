//! When two calls are the same, and when calls form a valid plan.

use mentor_trajectory::{Call, Task};
use serde_json::Value;

use crate::number;

/// Tools whose arguments may be exchanged.
const COMMUTATIVE: [&str; 3] = ["add", "multiply", "sum_numbers"];

/// The canonical form of a call: two calls that mean the same have the same one.
///
/// Arguments are sorted by name; numbers are written by value (`5.0` as `5`); strings are exact and quoted; object keys
/// are sorted; the values of `a` and `b` of `add` and `multiply` and the numbers of `sum_numbers` are sorted. The
/// number 5 and the string `"5"` differ.
///
/// ```
/// use mentor_trajectory::Call;
/// let call = |text| Call { name: "add".into(), arguments: serde_json::from_str(text).unwrap() };
/// let one = mentor_env::canonical(&call(r#"{"a": 7, "b": 12.0}"#));
/// assert_eq!(one, mentor_env::canonical(&call(r#"{"b": 7, "a": 12}"#)));
/// ```
pub fn canonical(call: &Call) -> String {
    let mut pairs: Vec<(String, String)> =
        call.arguments.iter().map(|(name, value)| (name.clone(), canonical_value(value))).collect();
    pairs.sort();
    if COMMUTATIVE.contains(&call.name.as_str()) {
        exchange(&mut pairs, call);
    }
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={value}", symbol(&name))).collect();
    format!("{}({})", symbol(&call.name), pairs.join(", "))
}

/// A name as it is if it is an identifier, quoted otherwise, so that no name can pass for two arguments.
fn symbol(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    if plain { name.to_owned() } else { Value::from(name).to_string() }
}

/// Brings exchangeable arguments into one order.
fn exchange(pairs: &mut [(String, String)], call: &Call) {
    match pairs {
        [(first, a), (second, b)] if first == "a" && second == "b" => {
            let mut both = [std::mem::take(a), std::mem::take(b)];
            both.sort();
            [*a, *b] = both;
        }
        [(only, list)] if only == "numbers" => {
            if let Some(items) = call.arguments.get("numbers").and_then(Value::as_array) {
                let mut items: Vec<String> = items.iter().map(canonical_value).collect();
                items.sort();
                *list = format!("[{}]", items.join(", "));
            }
        }
        _ => {}
    }
}

fn canonical_value(value: &Value) -> String {
    match value {
        Value::Number(number) => number::from_json(value).map_or_else(|| number.to_string(), exact),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), canonical_value(value)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
    }
}

/// A decimal in full, without trailing zeros and without a negative zero.
fn exact(value: rust_decimal::Decimal) -> String {
    if value.is_zero() { "0".to_owned() } else { value.normalize().to_string() }
}

/// Whether the executed calls, in any order, are exactly the calls of one of the task's plans.
///
/// Calls are compared by their [canonical form](canonical), as a multiset: a call too many or too few is no plan.
pub fn is_valid_plan(task: &Task, executed: &[&Call]) -> bool {
    let made = sorted(executed.iter().copied());
    task.plans.iter().any(|plan| plan.calls.len() == made.len() && sorted(&plan.calls) == made)
}

fn sorted<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<String> {
    let mut forms: Vec<String> = calls.into_iter().map(canonical).collect();
    forms.sort();
    forms
}

/// The program of a task: its first plan in canonical form, in order. Programs of different splits differ.
///
/// A task that needs no call has the numbers of its question and its answer for a program.
pub fn program(task: &Task) -> String {
    let calls = task.plans.first().map_or(&[][..], |plan| &plan.calls);
    if calls.is_empty() {
        let numbers: Vec<&str> =
            task.question.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
        return format!("read {} -> {}", numbers.join(", "), task.answer);
    }
    sequence(calls)
}

/// Calls in canonical form, in order.
pub(crate) fn sequence(calls: &[Call]) -> String {
    calls.iter().map(canonical).collect::<Vec<_>>().join("; ")
}
