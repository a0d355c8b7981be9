//! The content parser `python-call-list`: `[get_weather(city="Paris"), ping()]`, deliberately strict.

use indexmap::IndexMap;

use crate::template::PyJson;

/// Lists and dicts within each other.
const MAX_DEPTH: usize = 100;
/// The largest integer that every reader of JSON holds exactly.
const MAX_INTEGER: i128 = (1 << 53) - 1;

/// Reads a list of calls as a list of `{"name", "arguments"}`.
pub(super) fn read(text: &str) -> Result<PyJson, String> {
    let mut reader = Reader { text, at: 0 };
    let calls = reader.list_of(b'[', b']', Reader::call)?;
    reader.space();
    if reader.at < text.len() { reader.fail("text behind the list") } else { Ok(PyJson::Array(calls)) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, message: &str) -> Result<T, String> {
        Err(format!("python-call-list: {message} at byte {}", self.at))
    }

    fn space(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.peek() != Some(byte) {
            return self.fail(&format!("expected {:?}", char::from(byte)));
        }
        self.at += 1;
        Ok(())
    }

    fn list_of<T>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        self.expect(open)?;
        let mut items = Vec::new();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.peek() == Some(close) {
                self.at += 1;
                return Ok(items);
            }
            self.expect(b',')?;
        }
    }

    fn unique(&self, pairs: Vec<(String, PyJson)>) -> Result<PyJson, String> {
        let mut map = IndexMap::new();
        for (key, value) in pairs {
            if map.insert(key, value).is_some() {
                return self.fail("a repeated name");
            }
        }
        Ok(PyJson::Object(map))
    }

    fn call(&mut self) -> Result<PyJson, String> {
        let name = self.name("a function name")?.to_owned();
        let arguments = self.list_of(b'(', b')', |reader| {
            let key = reader.name("a keyword argument")?.to_owned();
            reader.expect(b'=')?;
            Ok((key, reader.value(0)?))
        })?;
        let arguments = self.unique(arguments)?;
        Ok(PyJson::Object(
            [("name".to_owned(), PyJson::String(name)), ("arguments".to_owned(), arguments)].into(),
        ))
    }

    fn name(&mut self, what: &str) -> Result<&'a str, String> {
        self.space();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        if !bytes.get(start).is_some_and(|byte| is_word(byte) && !byte.is_ascii_digit()) {
            return self.fail(&format!("expected {what}"));
        }
        while bytes.get(self.at).is_some_and(is_word)
            || matches!(bytes.get(self.at), Some(b'-' | b'.')) && bytes.get(self.at + 1).is_some_and(is_word)
        {
            self.at += 1;
        }
        Ok(&self.text[start..self.at])
    }

    /// A value that stands in so many lists and dicts.
    fn value(&mut self, depth: usize) -> Result<PyJson, String> {
        match self.peek() {
            Some(b'\'' | b'"') => self.string().map(PyJson::String),
            Some(b'[' | b'{') if depth >= MAX_DEPTH => self.fail("lists and dicts nested too deeply"),
            Some(b'[') => self.list_of(b'[', b']', |reader| reader.value(depth + 1)).map(PyJson::Array),
            Some(b'{') => {
                let pairs = self.list_of(b'{', b'}', |reader| {
                    if !matches!(reader.peek(), Some(b'\'' | b'"')) {
                        return reader.fail("a key that is no string");
                    }
                    let key = reader.string()?;
                    reader.expect(b':')?;
                    Ok((key, reader.value(depth + 1)?))
                })?;
                self.unique(pairs)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => match self.name("a value")? {
                "True" | "true" => Ok(PyJson::Bool(true)),
                "False" | "false" => Ok(PyJson::Bool(false)),
                "None" | "null" => Ok(PyJson::Null),
                _ => self.fail("expected a value"),
            },
        }
    }

    fn number(&mut self) -> Result<PyJson, String> {
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let start = self.at;
        let mut end = start + usize::from(bytes[start] == b'-');
        let whole = digits(end);
        if whole == 0 {
            return self.fail("expected a value");
        }
        end += if bytes[end] == b'0' { 1 } else { whole };
        let integer = end;
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let token = &self.text[start..end];
        let value = if end == integer {
            token.parse().ok().filter(|value: &i128| value.abs() <= MAX_INTEGER).map(PyJson::Int)
        } else {
            token.parse().ok().filter(|value: &f64| value.is_finite()).map(PyJson::Float)
        };
        match value {
            Some(value) => {
                self.at = end;
                Ok(value)
            }
            None => self.fail("a number out of range"),
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let rest = &self.text[self.at..];
        let mut characters = rest.char_indices().peekable();
        let quote = characters.next().map(|(_, quote)| quote);
        let mut out = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                _ if Some(character) == quote => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\n' | '\r' => break,
                '\\' => match characters.next() {
                    Some((_, same @ ('\\' | '\'' | '"' | '/'))) => out.push(same),
                    Some((_, 'b')) => out.push('\u{8}'),
                    Some((_, 'f')) => out.push('\u{c}'),
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, 't')) => out.push('\t'),
                    Some((at, 'u')) => {
                        let Some((character, length)) = unicode(&rest[at + 1..]) else {
                            return self.fail("a lone surrogate or an unsupported escape in a string");
                        };
                        out.push(character);
                        for _ in 0..length {
                            characters.next();
                        }
                    }
                    _ => return self.fail("an unsupported escape in a string"),
                },
                other => out.push(other),
            }
        }
        self.fail("an invalid string")
    }
}

/// The character of `XXXX` or `XXXX\uXXXX`, and how many characters that takes.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| {
        let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let high = unit(text)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, 4));
    }
    let low = unit(text[4..].strip_prefix("\\u")?)?;
    if high >= 0xDC00 || !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    Some((char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?, 10))
}
