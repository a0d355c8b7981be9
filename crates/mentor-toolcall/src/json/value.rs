//! A JSON value that loses nothing of what was written.

use std::{
    collections::HashMap,
    fmt::{self, Display, Formatter},
};

use serde_json::{Map, Number, Value};

use super::write_string;

/// A JSON value that keeps every digit of a number and every member of an object.
///
/// [`Value`] has neither: an integer beyond 64 bits becomes a double there, and of a key given twice the last value is
/// left. [`Json::to_value`] makes one where that is wanted; [`Display`] writes all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as JSON spells it, digit by digit as it was written.
    Number(Box<str>),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: its members in written order, those of one key all of them.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value as `serde_json` holds it: 64-bit integers are exact, other numbers the nearest double; the last member
    /// of a key counts.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(text) => to_number(text).map_or(Value::Null, Value::Number),
            Self::String(string) => Value::String(string.clone()),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => Value::Object(to_map(members)),
        }
    }

    /// The members as `serde_json` holds them; none if this is no object.
    pub fn to_map(&self) -> Map<String, Value> {
        match self {
            Self::Object(members) => to_map(members),
            _ => Map::new(),
        }
    }

    /// The same value with the last member of each key only, where the first one stood.
    #[must_use]
    pub fn last_wins(self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.into_iter().map(Self::last_wins).collect()),
            Self::Object(members) => Self::Object(last_of_each(members)),
            other => other,
        }
    }

    /// The last member of a key, if this is an object that has one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

fn to_map(members: &[(String, Json)]) -> Map<String, Value> {
    members.iter().map(|(key, value)| (key.clone(), value.to_value())).collect()
}

fn last_of_each(members: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(members.len());
    let mut out: Vec<(String, Json)> = Vec::with_capacity(members.len());
    for (key, value) in members {
        let value = value.last_wins();
        if let Some(&place) = places.get(&key) {
            out[place].1 = value;
        } else {
            places.insert(key.clone(), out.len());
            out.push((key, value));
        }
    }
    out
}

/// An exact integer if 64 bits hold it, the nearest double otherwise; none if that is infinite.
pub(super) fn to_number(text: &str) -> Option<Number> {
    if !text.contains(['.', 'e', 'E']) {
        if let Ok(integer) = text.parse::<i64>() {
            return Some(integer.into());
        }
        if let Ok(integer) = text.parse::<u64>() {
            return Some(integer.into());
        }
    }
    text.parse().ok().and_then(Number::from_f64)
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(_) => {
                let mut text = String::new();
                super::write_value(value, &mut text);
                Self::Number(text.into())
            }
            Value::String(string) => Self::String(string.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Object(map.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

/// JSON text with `", "` and `": "` between, as Python's `json.dumps(ensure_ascii=False)` puts it.
impl Display for Json {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        write_lossless(self, &mut out);
        formatter.write_str(&out)
    }
}

fn write_lossless(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(text) => out.push_str(text),
        Json::String(string) => write_string(string, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_lossless(item, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_string(key, out);
                out.push_str(": ");
                write_lossless(member, out);
            }
            out.push('}');
        }
    }
}
