//! How Python prints values: `str()`, `repr()` and `json.dumps`.

use std::{
    cmp::Ordering,
    fmt::{self, Write as _},
    sync::{Arc, LazyLock},
};

use fancy_regex::Regex;

use minijinja::{
    Error, ErrorKind, Value,
    value::{DynObject, Object, ObjectRepr, ValueKind},
};

use crate::json::{write_json, write_string};

/// Containers within containers that are still printed.
const MAX_DEPTH: usize = 200;

/// A number that minijinja would print otherwise than Python, or cannot hold: it keeps the digits Python prints.
#[derive(Debug)]
pub(super) struct Digits {
    text: String,
    float: Option<f64>,
}

impl Digits {
    /// An integer beyond 128 bits.
    pub fn integer(digits: &str) -> Self {
        Self { text: digits.to_owned(), float: None }
    }

    /// A float as a template value.
    pub fn float(value: f64) -> Value {
        let text = float_repr(value);
        let plain = Value::from(value);
        if plain.to_string() == text { plain } else { Value::from_object(Self { text, float: Some(value) }) }
    }

    pub fn is_float(&self) -> bool {
        self.float.is_some()
    }

    /// As `json.dumps` spells it.
    fn json(&self) -> &str {
        match self.float {
            Some(float) if !float.is_finite() => non_finite(float),
            _ => &self.text,
        }
    }
}

impl Object for Digits {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.float != Some(0.0)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.text.cmp(&other.downcast_ref::<Self>()?.text))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Python's `repr` of a float.
fn float_repr(value: f64) -> String {
    if value.is_finite() {
        return write_json(&serde_json::Value::from(value));
    }
    match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "nan",
    }
    .to_owned()
}

fn non_finite(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

/// Collects text up to a limit.
pub(super) struct Bounded {
    text: String,
    limit: usize,
}

impl Bounded {
    pub fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    pub fn push(&mut self, text: &str) -> Result<(), Error> {
        if self.text.len() + text.len() > self.limit {
            return Err(Error::new(
                ErrorKind::WriteFailure,
                "a printed value is larger than the output may be",
            ));
        }
        self.text.push_str(text);
        Ok(())
    }

    pub fn into_text(self) -> String {
        self.text
    }
}

fn too_deep() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a value is nested too deeply to be printed")
}

/// Writes what Python's `str(value)` gives; an undefined value is empty.
pub(super) fn write_str(out: &mut Bounded, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(()),
        ValueKind::String => out.push(value.as_str().unwrap_or_default()),
        _ => write_repr(out, value, 0),
    }
}

/// Writes what Python's `repr(value)` gives.
fn write_repr(out: &mut Bounded, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    match value.kind() {
        ValueKind::Undefined => out.push("Undefined"),
        ValueKind::Number if !value.is_integer() => {
            out.push(&float_of(value).map_or_else(|| value.to_string(), float_repr))
        }
        ValueKind::String => out.push(&string_repr(value.as_str().unwrap_or_default())),
        ValueKind::Map => {
            out.push("{")?;
            for (index, (key, item)) in pairs(value).enumerate() {
                if index > 0 {
                    out.push(", ")?;
                }
                write_repr(out, &key, depth + 1)?;
                out.push(": ")?;
                write_repr(out, &item, depth + 1)?;
            }
            out.push("}")
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let (open, close) = if value.is_tuple() { ("(", ")") } else { ("[", "]") };
            out.push(open)?;
            let mut count = 0;
            for item in value.try_iter()?.checked() {
                if count > 0 {
                    out.push(", ")?;
                }
                write_repr(out, &item?, depth + 1)?;
                count += 1;
            }
            if value.is_tuple() && count == 1 {
                out.push(",")?;
            }
            out.push(close)
        }
        _ => out.push(&value.to_string()),
    }
}

/// Python's `repr` of a string: what is neither a letter, a mark, a number, a symbol nor a space is escaped.
fn string_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        let code = u32::from(character);
        let _ = match character {
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            _ if character == quote => write!(out, "\\{quote}"),
            ' '..='~' => out.write_char(character),
            _ if is_printable(character) => out.write_char(character),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(quote);
    out
}

/// Python's `str.isprintable` of a character beyond ASCII.
fn is_printable(character: char) -> bool {
    static UNPRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{C}\p{Z}]").ok());
    let found = UNPRINTABLE.as_ref().map(|class| class.is_match(character.encode_utf8(&mut [0; 4])));
    !matches!(found, Some(Ok(true)))
}

fn float_of(value: &Value) -> Option<f64> {
    f64::try_from(value.clone()).ok()
}

fn pairs(value: &Value) -> impl Iterator<Item = (Value, Value)> {
    value.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten()
}

/// The arguments of `json.dumps` that transformers' `tojson` takes.
pub(super) struct Dumps {
    pub ensure_ascii: bool,
    /// What each level is indented by; nothing breaks lines if there is none.
    pub indent: Option<String>,
    pub item_separator: String,
    pub key_separator: String,
    pub sort_keys: bool,
}

impl Dumps {
    /// Writes what `json.dumps(value, …)` gives.
    pub fn write(&self, out: &mut Bounded, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        match value.kind() {
            ValueKind::None => out.push("null"),
            ValueKind::Bool => out.push(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push(&number(value)),
            ValueKind::String => self.string(out, value.as_str().unwrap_or_default()),
            ValueKind::Map => self.object(out, value, depth),
            ValueKind::Seq | ValueKind::Iterable => self.array(out, value, depth),
            _ => match value.downcast_object_ref::<Digits>() {
                Some(digits) => out.push(digits.json()),
                None => Err(Error::new(
                    ErrorKind::BadSerialization,
                    format!("Object of type {} is not JSON serializable", value.kind()),
                )),
            },
        }
    }

    fn array(&self, out: &mut Bounded, value: &Value, depth: usize) -> Result<(), Error> {
        out.push("[")?;
        let mut empty = true;
        for item in value.try_iter()?.checked() {
            self.separate(out, &mut empty, depth)?;
            self.write(out, &item?, depth + 1)?;
        }
        self.end(out, empty, depth)?;
        out.push("]")
    }

    fn object(&self, out: &mut Bounded, value: &Value, depth: usize) -> Result<(), Error> {
        out.push("{")?;
        let mut members: Vec<(Value, Value)> = pairs(value).collect();
        if self.sort_keys {
            members.sort_by(|(left, _), (right, _)| left.cmp(right));
        }
        let empty = members.is_empty();
        let mut first = true;
        for (key, item) in members {
            self.separate(out, &mut first, depth)?;
            self.key(out, &key)?;
            out.push(&self.key_separator)?;
            self.write(out, &item, depth + 1)?;
        }
        self.end(out, empty, depth)?;
        out.push("}")
    }

    /// Python turns keys that are no strings into what their JSON would be, as a string.
    fn key(&self, out: &mut Bounded, key: &Value) -> Result<(), Error> {
        match key.kind() {
            ValueKind::String => self.string(out, key.as_str().unwrap_or_default()),
            ValueKind::None => out.push("\"null\""),
            ValueKind::Bool => out.push(if key.is_true() { "\"true\"" } else { "\"false\"" }),
            ValueKind::Number => out.push(&format!("\"{}\"", number(key))),
            _ => Err(Error::new(
                ErrorKind::BadSerialization,
                format!("keys must be str, int, float, bool or None, not {}", key.kind()),
            )),
        }
    }

    fn separate(&self, out: &mut Bounded, first: &mut bool, depth: usize) -> Result<(), Error> {
        if !std::mem::take(first) {
            out.push(&self.item_separator)?;
        }
        self.line(out, depth + 1)
    }

    fn end(&self, out: &mut Bounded, empty: bool, depth: usize) -> Result<(), Error> {
        if empty { Ok(()) } else { self.line(out, depth) }
    }

    fn line(&self, out: &mut Bounded, depth: usize) -> Result<(), Error> {
        let Some(indent) = &self.indent else { return Ok(()) };
        out.push("\n")?;
        for _ in 0..depth {
            out.push(indent)?;
        }
        Ok(())
    }

    fn string(&self, out: &mut Bounded, text: &str) -> Result<(), Error> {
        let mut quoted = String::new();
        write_string(text, &mut quoted);
        if !self.ensure_ascii {
            return out.push(&quoted);
        }
        let mut ascii = String::new();
        for character in quoted.chars() {
            if character.is_ascii() && character != '\u{7f}' {
                ascii.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
        out.push(&ascii)
    }
}

fn number(value: &Value) -> String {
    match float_of(value) {
        Some(float) if !value.is_integer() && float.is_finite() => float_repr(float),
        Some(float) if !value.is_integer() => non_finite(float).to_owned(),
        _ => value.to_string(),
    }
}
