//! JSON as Python's `json.loads` reads it: key order kept, integers of any size exact, floats correctly rounded.

use std::fmt;

use indexmap::IndexMap;
use minijinja::Value;

use super::python::Digits;

/// Containers within containers that are still read.
const MAX_DEPTH: usize = 128;

/// A JSON value with Python's numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum PyJson {
    /// `null`, Python's `None`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that 128 bits hold.
    Int(i128),
    /// The digits of a larger integer, with its sign.
    BigInt(String),
    /// A float; `NaN` and the infinities are read as Python reads them.
    Float(f64),
    /// A string.
    String(String),
    /// An array, Python's `list`.
    Array(Vec<PyJson>),
    /// An object, Python's `dict`: keys in the order they were first written, the last value of a repeated key.
    Object(IndexMap<String, PyJson>),
}

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyJsonError {
    /// What was wrong.
    pub message: &'static str,
    /// The byte at which it was noticed.
    pub offset: usize,
}

impl fmt::Display for PyJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON: {} at byte {}", self.message, self.offset)
    }
}

impl std::error::Error for PyJsonError {}

impl PyJson {
    /// Reads a text that holds one JSON value.
    ///
    /// As Python does it takes `NaN`, `Infinity` and `-Infinity`. A lone surrogate escape is an error, since no Rust
    /// string can hold one; more than 128 containers within each other are too.
    pub fn parse(text: &str) -> Result<Self, PyJsonError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() { reader.fail("text after the value") } else { Ok(value) }
    }

    /// The value of a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(map) => map.get(key),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The same for `serde_json`, whose numbers are narrower: an integer of more than 64 bits becomes its digits as a
    /// string, a float that is not finite `null`.
    pub fn to_serde(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => value.to_string().into(),
            },
            Self::BigInt(digits) => digits.as_str().into(),
            Self::Float(value) => (*value).into(),
            Self::String(text) => text.as_str().into(),
            Self::Array(items) => items.iter().map(Self::to_serde).collect(),
            Self::Object(map) => serde_json::Value::Object(
                map.iter().map(|(key, value)| (key.clone(), value.to_serde())).collect(),
            ),
        }
    }

    /// What a template sees.
    pub(super) fn to_template(&self) -> Value {
        match self {
            Self::Null => Value::from(()),
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            Self::BigInt(digits) => Value::from_object(Digits::integer(digits)),
            Self::Float(value) => Digits::float(*value),
            Self::String(text) => Value::from(text.as_str()),
            Self::Array(items) => Value::from(items.iter().map(Self::to_template).collect::<Vec<_>>()),
            Self::Object(map) => {
                Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), value.to_template())))
            }
        }
    }
}

impl From<&serde_json::Value> for PyJson {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(integer), _) => Self::Int(integer),
                (None, Some(float)) => Self::Float(float),
                (None, None) => Self::BigInt(number.to_string()),
            },
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => {
                Self::Object(map.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

impl From<serde_json::Value> for PyJson {
    fn from(value: serde_json::Value) -> Self {
        Self::from(&value)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fail<T>(&self, message: &'static str) -> Result<T, PyJsonError> {
        Err(PyJsonError { message, offset: self.at })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Whether the next character that is no space is this one, which is then passed.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<PyJson, PyJsonError> {
        self.space();
        for (word, value) in [
            ("null", PyJson::Null),
            ("true", PyJson::Bool(true)),
            ("false", PyJson::Bool(false)),
            ("NaN", PyJson::Float(f64::NAN)),
            ("Infinity", PyJson::Float(f64::INFINITY)),
            ("-Infinity", PyJson::Float(f64::NEG_INFINITY)),
        ] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => self.fail("nested too deeply"),
            Some(b'{') => self.object(depth).map(PyJson::Object),
            Some(b'[') => self.array(depth).map(PyJson::Array),
            Some(b'"') => self.string().map(PyJson::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.fail("no value"),
            None => self.fail("the text ends"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<IndexMap<String, PyJson>, PyJsonError> {
        let mut map = IndexMap::new();
        self.at += 1;
        if self.next_is(b'}') {
            return Ok(map);
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fail("no key");
            }
            let key = self.string()?;
            if !self.next_is(b':') {
                return self.fail("no colon");
            }
            map.insert(key, self.value(depth + 1)?);
            if self.next_is(b'}') {
                return Ok(map);
            }
            if !self.next_is(b',') {
                return self.fail("no comma");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<PyJson>, PyJsonError> {
        let mut items = Vec::new();
        self.at += 1;
        if self.next_is(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.next_is(b']') {
                return Ok(items);
            }
            if !self.next_is(b',') {
                return self.fail("no comma");
            }
        }
    }

    fn number(&mut self) -> Result<PyJson, PyJsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.digits();
        if whole == 0 || whole > 1 && self.text.as_bytes()[self.at - whole] == b'0' {
            return self.fail("no number");
        }
        let mut float = false;
        if self.peek() == Some(b'.') {
            self.at += 1;
            float = true;
            if self.digits() == 0 {
                return self.fail("no digit after the point");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            float = true;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return self.fail("no exponent");
            }
        }
        let token = &self.text[start..self.at];
        if float {
            return token.parse().map(PyJson::Float).or_else(|_| self.fail("no number"));
        }
        Ok(token.parse().map_or_else(|_| PyJson::BigInt(token.to_owned()), PyJson::Int))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, PyJsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.find(|character| matches!(character, '"' | '\\' | '\0'..'\u{20}')) else {
                self.at = self.text.len();
                return self.fail("a string without its end");
            };
            out.push_str(&rest[..length]);
            self.at += length;
            match rest.as_bytes()[length] {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => out.push(self.escape()?),
                _ => return self.fail("a control character in a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, PyJsonError> {
        self.at += 1;
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return self.fail("no such escape"),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, PyJsonError> {
        let high = self.hex_unit()?;
        if let Some(character) = char::from_u32(high) {
            return Ok(character);
        }
        if high < 0xDC00 && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            let low = self.hex_unit()?;
            if (0xDC00..0xE000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(code).map_or_else(|| self.fail("no character"), Ok);
            }
        }
        self.fail("a lone surrogate")
    }

    /// Reads `uXXXX`.
    fn hex_unit(&mut self) -> Result<u32, PyJsonError> {
        let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or_default();
        if digits.len() < 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.fail("no four hexadecimal digits");
        }
        self.at += 5;
        u32::from_str_radix(digits, 16).or_else(|_| self.fail("no four hexadecimal digits"))
    }
}
