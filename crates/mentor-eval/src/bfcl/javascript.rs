//! JavaScript source text of an argument into a value.
//!
//! What looks like no value of the type stays text; BFCL's regular expressions decide what looks like one.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{float, inner, int, number_or_text, python_pattern, quoted, strip, strip_start};
use super::python::{Check, Stop};
use super::value::{Dict, Value};

// A `$` of Python's matches before a last newline too.
static INTEGER: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(-?\d+)\n?$"));
static FLOAT: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(-?\d+(?:\.\d+)?)\n?$"));
static BIG: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(-?\d+)n(\n?)$"));
static MATRIX: LazyLock<Regex> = LazyLock::new(|| {
    python_pattern(
        r"^(?:\[\s*\[.*?\]\s*(?:,\s*\[.*?\]\s*)*\]|new\s+Array\(\s*\[.*?\]\s*(?:,\s*\[.*?\]\s*)*\))",
    )
});
static ROW: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"\[(.*?)\]"));
static ARRAY: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(?:\[(.*?)\]|new\s+Array\((.*?)\))"));
static OBJECT: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^\{(.*?)\}"));

/// BFCL's `js_type_converter`.
pub(super) fn convert(source: &str, documented: &str, element: Option<&str>) -> Check<Value> {
    let text = || Value::Str(source.to_owned());
    match documented {
        "String" if quoted(source, '"') || quoted(source, '\'') => Ok(Value::Str(inner(source).to_owned())),
        "integer" => INTEGER.captures(source).map_or_else(|| Ok(text()), |found| whole(&found[1])),
        "float" => {
            Ok(FLOAT.captures(source).and_then(|found| float(&found[1])).map_or_else(text, Value::Float))
        }
        "Bigint" => match BIG.captures(source) {
            // Of `12n` with a newline BFCL cuts off the newline and reads the rest.
            Some(found) if !found[2].is_empty() => Err(Stop::VALUE_ERROR),
            Some(found) => whole(&found[1]),
            None => Ok(text()),
        },
        "Boolean" if source == "true" || source == "false" => Ok(Value::Bool(source == "true")),
        "String" | "Boolean" | "any" => Ok(text()),
        "array" => Ok(array(strip(source), element)),
        "dict" => Ok(object(strip(source))),
        _ => Err(Stop::VALUE_ERROR),
    }
}

/// More digits than Python reads are a `ValueError`.
fn whole(digits: &str) -> Check<Value> {
    int(digits).map(Value::Int).ok_or(Stop::VALUE_ERROR)
}

/// `[1, 2]`, `new Array(1, 2)`, or either with arrays in it; the text where an element raises.
fn array(code: &str, element: Option<&str>) -> Value {
    if let Some(found) = MATRIX.find(code) {
        let rows = ROW.captures_iter(found.as_str()).enumerate().map(|(index, row)| {
            let row = strip(row.get(1).map_or("", |row| row.as_str()));
            // The first row is caught with the bracket before it.
            let row = if index == 0 { row.strip_prefix('[').unwrap_or(row) } else { row };
            Value::List(row.split(',').map(untyped).collect())
        });
        return Value::List(rows.collect());
    }
    let Some(found) = ARRAY.captures(code) else { return Value::Str(code.to_owned()) };
    let sources = strip(found.get(1).or(found.get(2)).map_or("", |sources| sources.as_str()));
    if sources.is_empty() {
        return Value::List(vec![]);
    }
    let items: Check<Vec<Value>> = sources
        .split(',')
        .map(|source| match element {
            Some(element) => convert(strip(source), element, None),
            None => Ok(untyped(source)),
        })
        .collect();
    items.map_or_else(|_| Value::Str(code.to_owned()), Value::List)
}

/// `{a: 1, "b": [2]}`, up to the first closing brace.
fn object(code: &str) -> Value {
    const QUOTES: [char; 2] = ['\'', '"'];
    let Some(found) = OBJECT.captures(code) else { return Value::Str(code.to_owned()) };
    let mut rest = found.get(1).map_or("", |content| content.as_str());
    let mut dict = Dict::new();
    while let Some((key, after)) = rest.trim_start_matches(':').split_once(':') {
        let (source, next) = split_value(after);
        let source = strip(source);
        let value = if source.starts_with('[') && source.ends_with(']') {
            array(source, None)
        } else {
            untyped(source.trim_matches(QUOTES))
        };
        dict.insert(strip(key).trim_matches(QUOTES).to_owned(), value);
        rest = next;
    }
    Value::Dict(dict)
}

/// A member's value, and what follows the comma that ends it: the first one after which another key comes.
fn split_value(text: &str) -> (&str, &str) {
    let ends = text.match_indices(',').map(|(at, _)| (&text[..at], &text[at + 1..]));
    let mut ends = ends.filter_map(|(value, after)| Some((value, &after[before_key(after)?..])));
    ends.next().unwrap_or((text, ""))
}

/// The bytes of space before a key, which is anything but a comma, one character at least, before a colon.
fn before_key(text: &str) -> Option<usize> {
    let colon = text.split(',').next()?.rfind(':')?;
    let spaces = text.len() - strip_start(text).len();
    // Where nothing else stands before the colon, the last space is the key.
    text[..spaces].char_indices().map(|(at, _)| at).chain([spaces]).rfind(|start| *start < colon)
}

/// A value by its looks alone.
fn untyped(source: &str) -> Value {
    let source = strip(source);
    if source == "true" || source == "false" {
        Value::Bool(source == "true")
    } else if quoted(source, '"') || quoted(source, '\'') {
        Value::Str(inner(source).to_owned())
    } else {
        number_or_text(source)
    }
}
