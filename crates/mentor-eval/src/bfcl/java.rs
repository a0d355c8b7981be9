//! Java source text of an argument into a value.
//!
//! What looks like no value of the type stays text; BFCL's regular expressions decide what looks like one.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{float, inner, int, number_or_text, python_pattern, quoted, strip};
use super::python::{Check, Stop};
use super::value::{Dict, Value};

// A `$` of Python's matches before a last newline too.
static INTEGER: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(-?\d+)\n?$"));
static LONG: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(-?\d+)[lL]\n?$"));
static FLOAT: LazyLock<Regex> =
    LazyLock::new(|| python_pattern(r"^(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)[fF]\n?$"));
static DOUBLE: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"^(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\n?$"));
static ARRAY: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"new\s+\w+\[\]\s*\{(.*?)\}"));
static LIST_OF: LazyLock<Regex> =
    LazyLock::new(|| python_pattern(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)"));
static LIST_ADDING: LazyLock<Regex> =
    LazyLock::new(|| python_pattern(r"(?s)new\s+ArrayList<\w*>\(\)\s*\{\{\s*(.+?)\s*\}\}"));
static LIST_EMPTY: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"new\s+ArrayList<\w*>\(\)"));
static ADD: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"add\((.+?)\)"));
static MAP_PUTTING: LazyLock<Regex> =
    LazyLock::new(|| python_pattern(r"(?s)new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*(.*?)\s*\}?\s*\}"));
static MAP_EMPTY: LazyLock<Regex> = LazyLock::new(|| python_pattern(r"new\s+HashMap<.*?>\s*\(\)"));
static PUT: LazyLock<Regex> = LazyLock::new(|| python_pattern(r#"put\("(.*?)",\s*(.*?)\)"#));

/// BFCL's `java_type_converter`.
pub(super) fn convert(source: &str, documented: &str, element: Option<&str>) -> Check<Value> {
    let text = || Value::Str(source.to_owned());
    match documented {
        "byte" | "short" | "integer" => whole(&INTEGER, source),
        "long" => whole(&LONG, source),
        "float" => Ok(fraction(&FLOAT, source).unwrap_or_else(text)),
        "double" => Ok(fraction(&DOUBLE, source).unwrap_or_else(text)),
        "boolean" if source == "true" || source == "false" => Ok(Value::Bool(source == "true")),
        "boolean" | "char" | "String" | "any" => Ok(text()),
        "Array" => array(source, element),
        "ArrayList" => array_list(source, element),
        "HashMap" => hash_map(source),
        _ => Err(Stop::NOT_IMPLEMENTED),
    }
}

/// A number of the pattern's form, or the text; more digits than Python reads are a `ValueError`.
fn whole(form: &Regex, source: &str) -> Check<Value> {
    match form.captures(source) {
        Some(found) => int(&found[1]).map(Value::Int).ok_or(Stop::VALUE_ERROR),
        None => Ok(Value::Str(source.to_owned())),
    }
}

fn fraction(form: &Regex, source: &str) -> Option<Value> {
    form.captures(source).and_then(|found| float(&found[1])).map(Value::Float)
}

/// `new int[]{1, 2}`.
fn array(source: &str, element: Option<&str>) -> Check<Value> {
    let Some(found) = ARRAY.captures(source) else { return Ok(Value::Str(source.to_owned())) };
    let sources = found[1].split(',').map(strip).filter(|source| !source.is_empty());
    Ok(Value::List(sources.map(|source| convert_element(source, element)).collect::<Check<_>>()?))
}

/// `new ArrayList<>(Arrays.asList(1, 2))` or `new ArrayList<>() {{ add(1); add(2); }}`.
fn array_list(source: &str, element: Option<&str>) -> Check<Value> {
    let convert = |source: &str| match (strip(source), element) {
        // Quotes, or whatever stands in their place, are cut off.
        (source, Some("char" | "String")) => Ok(Value::Str(inner(source).to_owned())),
        (source, element) => convert_element(source, element),
    };
    let items: Check<Vec<Value>> = if let Some(found) = LIST_OF.captures(source) {
        found[1].split(',').map(convert).collect()
    } else if let Some(found) = LIST_ADDING.captures(source) {
        ADD.captures_iter(&found[1]).map(|found| convert(&found[1])).collect()
    } else if LIST_EMPTY.is_match(source) {
        Ok(vec![])
    } else {
        return Ok(Value::Str(source.to_owned()));
    };
    items.map(Value::List)
}

/// `new HashMap<String, Integer>() {{ put("a", 1); }}`.
fn hash_map(source: &str) -> Check<Value> {
    if let Some(found) = MAP_PUTTING.captures(source) {
        let puts = PUT.captures_iter(found.get(1).map_or("", |puts| puts.as_str()));
        let entry = |put: regex::Captures| Ok((put[1].to_owned(), untyped(strip(&put[2]))?));
        return Ok(Value::Dict(puts.map(entry).collect::<Check<Dict>>()?));
    }
    Ok(if MAP_EMPTY.is_match(source) { Value::Dict(Dict::new()) } else { Value::Str(source.to_owned()) })
}

fn convert_element(source: &str, element: Option<&str>) -> Check<Value> {
    element.map_or_else(|| untyped(source), |element| convert(source, element, None))
}

/// A value by its looks alone.
fn untyped(source: &str) -> Check<Value> {
    if source == "true" || source == "false" {
        return Ok(Value::Bool(source == "true"));
    }
    if quoted(source, '"') {
        return Ok(Value::Str(inner(source).to_owned()));
    }
    if LONG.is_match(source) {
        return whole(&LONG, source);
    }
    Ok(fraction(&FLOAT, source).unwrap_or_else(|| number_or_text(source)))
}
