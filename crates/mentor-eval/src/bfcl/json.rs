//! JSON as Python's `json.loads` reads it.
//!
//! Over RFC 8259 that means `NaN`, `Infinity` and lone surrogates, whole numbers of any size, and the last of doubled
//! keys in the place of the first. Depth is bounded.

use std::fmt;

use indexmap::IndexMap;

use super::value::{Dict, Int, Value};

/// Why a text is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It is not JSON from this byte on; what was expected there.
    Syntax {
        /// Bytes before it.
        at: usize,
        /// What should have come.
        expected: &'static str,
    },
    /// It is beyond what Python reads (an integer of too many digits) or nested deeper than [`MAX_DEPTH`].
    Limit(&'static str),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at, expected } => write!(f, "not JSON at byte {at}: expected {expected}"),
            Self::Limit(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for JsonError {}

/// Containers within containers that are read. (Python gives up between 990 and some thousands, by its version.)
pub const MAX_DEPTH: usize = 512;

impl Value {
    /// Reads one value.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(MAX_DEPTH)?;
        reader.end()?;
        Ok(value)
    }
}

/// The members of an object as their source text, so that each can be read, and fail, for itself; and what is wrong with the
/// object around them, if something is.
pub(super) fn members(text: &str) -> (IndexMap<String, &str>, Option<JsonError>) {
    let mut reader = Reader { text, at: 0 };
    let mut members = IndexMap::new();
    let mut read = || {
        reader.expect(b'{', "an object")?;
        reader.list_until(b'}', |reader| {
            let key = reader.key()?;
            members.insert(key, reader.skip_value());
            Ok(())
        })?;
        reader.end()
    };
    let error = read().err();
    (members, error)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

type Read<T> = Result<T, JsonError>;

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, expected: &'static str) -> Read<T> {
        Err(JsonError::Syntax { at: self.at, expected })
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes a byte that is there, spaces before it left out.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Read<()> {
        if self.take(byte) { Ok(()) } else { self.fail(expected) }
    }

    fn end(&mut self) -> Read<()> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { self.fail("nothing more") }
    }

    /// Items separated by commas, after the opening bracket.
    fn list_until(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if self.take(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(close) {
                return Ok(());
            }
            self.expect(b',', "a comma or the closing bracket")?;
        }
    }

    fn key(&mut self) -> Read<String> {
        self.expect(b'"', "a key in double quotes")?;
        let key = self.string()?;
        self.expect(b':', "a colon")?;
        Ok(key)
    }

    /// A value that may hold `depth` containers within each other.
    fn value(&mut self, depth: usize) -> Read<Value> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Value::Str(self.string()?))
            }
            Some(b'[' | b'{') if depth == 0 => Err(JsonError::Limit("nested deeper than 512 containers")),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                self.list_until(b']', |reader| {
                    items.push(reader.value(depth - 1)?);
                    Ok(())
                })?;
                Ok(Value::List(items))
            }
            Some(b'{') => {
                self.at += 1;
                let mut dict = Dict::new();
                self.list_until(b'}', |reader| {
                    let key = reader.key()?;
                    dict.insert(key, reader.value(depth - 1)?);
                    Ok(())
                })?;
                Ok(Value::Dict(dict))
            }
            Some(b'-' | b'0'..=b'9') if !self.text[self.at..].starts_with("-I") => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Read<Value> {
        const WORDS: [(&str, Value); 6] = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in WORDS {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("a value")
    }

    fn number(&mut self) -> Read<Value> {
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = self.at + usize::from(bytes[self.at] == b'-');
        // A leading zero stands alone: what follows it is not part of the number.
        let whole = if bytes.get(end) == Some(&b'0') { 1 } else { digits(end) };
        if whole == 0 {
            return self.fail("a digit");
        }
        end += whole;
        let whole_end = end;
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let number = &self.text[self.at..end];
        let value = if end == whole_end {
            Int::from_decimal(number)
                .map(Value::Int)
                .ok_or(JsonError::Limit("an integer of more than 4300 digits"))?
        } else {
            number.parse().map(Value::Float).or_else(|_| self.fail("a number"))?
        };
        self.at = end;
        Ok(value)
    }

    /// The rest of a string, after its opening quote.
    fn string(&mut self) -> Read<String> {
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let special = |byte| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let plain = rest.bytes().position(special).unwrap_or(rest.len());
            string.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                _ => return self.fail("the closing double quote (control characters are escaped)"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let escaped = match self.text.as_bytes().get(self.at + 1) {
            Some(b'u') => return self.code_unit_escape(),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            _ => return self.fail("an escape"),
        };
        self.at += 2;
        Ok(escaped)
    }

    fn code_unit_escape(&mut self) -> Read<char> {
        let Some(unit) = self.code_unit(self.at) else { return self.fail("four hexadecimal digits") };
        self.at += 6;
        if (0xd800..0xdc00).contains(&unit)
            && let Some(low @ 0xdc00..0xe000) = self.code_unit(self.at)
        {
            self.at += 6;
            let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        // A lone surrogate is no `char`: the last 2048 code points of plane 16 stand for the surrogates.
        let stand_in = || char::from_u32(unit.wrapping_sub(0xd800) + 0x0010_f800);
        Ok(char::from_u32(unit).or_else(stand_in).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The number in `\uXXXX`.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
    }

    /// The source text up to the comma or bracket that ends a member, whatever stands there.
    fn skip_value(&mut self) -> &'a str {
        self.skip_space();
        let start = self.at;
        let mut open = 0_usize;
        let mut in_string = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' if in_string => self.at += 1,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => open += 1,
                b',' | b'}' | b']' if open == 0 => break,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        self.text[start..self.at].trim_end_matches([' ', '\t', '\n', '\r'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        Value::from_json(text).unwrap()
    }

    #[test]
    fn python_spellings_are_read() {
        assert_eq!(read(" [NaN, -Infinity, 1e400]\n"), read("[NaN, -Infinity, Infinity]"));
        assert_eq!(read(r#""\ud83d\ude00""#), Value::Str("\u{1f600}".into()));
        assert_eq!(read(r#""\ud83d""#), Value::Str("\u{10f83d}".into()));
        assert_eq!(read(r#""\udfff\ud83d\u0041""#), Value::Str("\u{10ffff}\u{10f83d}A".into()));
        assert_eq!(read(r#""\"\\\/\b\f\n\r\t é""#), Value::Str("\"\\/\u{8}\u{c}\n\r\t é".into()));
        let Value::Dict(dict) = read(r#"{"a": 1, "b": 2, "a": 3}"#) else { panic!() };
        assert_eq!(dict.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(dict["a"], read("3"));
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_stops_being_json() {
        for (text, at) in [
            ("", 0),
            ("01", 1),
            ("1.", 1),
            ("-", 0),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("{a: 1}", 1),
            ("\"a\nb\"", 2),
            ("\"\\x\"", 1),
            ("\"\\u12g4\"", 1),
            ("tru", 0),
            ("+1", 0),
            ("1 2", 2),
            ("\u{feff}1", 0),
            ("[\"é", 4),
        ] {
            match Value::from_json(text) {
                Err(JsonError::Syntax { at: found, .. }) => assert_eq!(found, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn limits_are_limits_and_not_syntax() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Value::from_json(&nested(MAX_DEPTH)).is_ok());
        for text in [nested(MAX_DEPTH + 1), "[".repeat(1_000_000), "9".repeat(Int::MAX_DIGITS + 1)] {
            assert!(matches!(Value::from_json(&text), Err(JsonError::Limit(_))));
        }
    }

    #[test]
    fn members_are_cut_without_being_read() {
        let (found, error) = members(r#" {"a" : [1, {"x": "],}"}] , "b": "\"", "c": nonsense} "#);
        assert_eq!(error, None);
        let expected = [("a", r#"[1, {"x": "],}"}]"#), ("b", r#""\"""#), ("c", "nonsense")];
        assert_eq!(found.iter().map(|(key, text)| (key.as_str(), *text)).collect::<Vec<_>>(), expected);
        for text in ["", "[]", "{\"a\": 1", "{\"a\": \"}", "{\"a\": 1} x", "{\"a\": \"\\"] {
            assert!(members(text).1.is_some(), "{text}");
        }
    }
}
