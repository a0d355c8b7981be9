//! Python literals, read as the JSON they stand for. Nothing is evaluated: what would have to be is refused.

use crate::{
    fault::{Fault, Faults},
    json::{Json, MAX_DEPTH, Members, is_nan_or_infinity, is_word, number},
};

use super::{More, Unit};

/// A position in a text that holds Python.
#[derive(Debug)]
pub(crate) struct Python<'a> {
    text: &'a str,
    pub at: usize,
    pub faults: Faults,
    /// Whether the end of the text had a say in what was read.
    touched_end: bool,
}

/// What keeps a call from being read to its end.
type Halt = Fault;

impl<'a> Python<'a> {
    pub fn new(text: &'a str, at: usize) -> Self {
        Self { text, at, faults: Faults::default(), touched_end: false }
    }

    /// To be called when reading is done: whether what was read stands, whatever follows.
    pub fn settle(&self, unit: &Unit<'_>) -> Result<(), More> {
        if self.touched_end { unit.ended() } else { Ok(()) }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.touched_end |= byte.is_none();
        byte
    }

    fn is_at(&mut self, expected: &str) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        self.touched_end |= rest.len() < expected.len() && expected.as_bytes().starts_with(rest);
        rest.starts_with(expected.as_bytes())
    }

    pub fn eat(&mut self, expected: &str) -> bool {
        let here = self.is_at(expected);
        if here {
            self.at += expected.len();
        }
        here
    }

    pub fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// What it means that something else is due here.
    fn unexpected(&mut self) -> Fault {
        if self.byte().is_none() { Fault::CutOff } else { Fault::SyntaxError }
    }

    fn word(&mut self) -> &'a str {
        let start = self.at;
        while self.byte().is_some_and(is_word) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A dotted name, empty if none stands here; any word will do, Python's own keywords too.
    pub fn name(&mut self) -> &'a str {
        let start = self.at;
        loop {
            let word = self.word();
            if word.is_empty() || word.as_bytes()[0].is_ascii_digit() {
                self.at = start;
                return "";
            }
            if !self.eat(".") {
                return &self.text[start..self.at];
            }
        }
    }

    /// Reads `key=value, …)`, from behind the opening parenthesis to behind the closing one.
    ///
    /// What was read completely is in `arguments` also if it stops.
    pub fn arguments(&mut self, arguments: &mut Members) -> Result<(), Halt> {
        loop {
            self.skip_space();
            if self.eat(")") {
                return Ok(());
            }
            let start = self.at;
            let key = self.word();
            self.skip_space();
            if key.is_empty() || key.as_bytes()[0].is_ascii_digit() || !self.is_at("=") || self.is_at("==") {
                if self.byte().is_none() {
                    return Err(Fault::CutOff);
                }
                self.at = start;
                return Err(if self.is_at("*") { Fault::Expression } else { Fault::PositionalArgument });
            }
            self.at += 1;
            self.skip_space();
            let from = self.at;
            let value = self.value(0)?;
            let span = (from, self.at);
            let closes = self.closes(")");
            // A value with something else behind it was not complete, or part of an expression.
            if matches!(closes, Ok(_) | Err(Fault::CutOff)) && arguments.push(key.to_owned(), value, span) {
                self.faults.add(Fault::DuplicateKey);
            }
            if closes? {
                return Ok(());
            }
        }
    }

    /// After a value: whether the container ends here or a comma leads on.
    fn closes(&mut self, bracket: &str) -> Result<bool, Halt> {
        self.skip_space();
        if self.eat(",") {
            return Ok(false);
        }
        if self.eat(bracket) {
            return Ok(true);
        }
        Err(match self.byte() {
            None => Fault::CutOff,
            Some(b'+' | b'-' | b'*' | b'/' | b'%' | b'(' | b'[' | b'.' | b'|' | b'&') => Fault::Expression,
            Some(_) => Fault::SyntaxError,
        })
    }

    fn value(&mut self, depth: usize) -> Result<Json, Halt> {
        if depth >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        match self.byte() {
            None => Err(Fault::CutOff),
            Some(b'{') => self.dictionary(depth),
            Some(b'[') => self.items("]", depth).map(Json::Array),
            Some(b'(') => self.tuple(depth),
            Some(b'"' | b'\'') => self.strings(false),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number(),
            Some(byte) if is_word(byte) => self.literal(),
            Some(_) => Err(Fault::SyntaxError),
        }
    }

    /// Items up to a closing bracket; the position is at the opening one.
    fn items(&mut self, bracket: &str, depth: usize) -> Result<Vec<Json>, Halt> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.eat(bracket) {
                return Ok(items);
            }
            items.push(self.value(depth + 1)?);
            if self.closes(bracket)? {
                return Ok(items);
            }
        }
    }

    /// A tuple, or a value in parentheses.
    fn tuple(&mut self, depth: usize) -> Result<Json, Halt> {
        let start = self.at;
        let mut items = self.items(")", depth)?;
        let comma = self.text[start..self.at - 1].trim_end().ends_with(',');
        if items.len() == 1 && !comma {
            return Ok(items.remove(0));
        }
        self.faults.add(Fault::TupleAsList);
        Ok(Json::Array(items))
    }

    fn dictionary(&mut self, depth: usize) -> Result<Json, Halt> {
        self.at += 1;
        let mut members = Members::default();
        loop {
            self.skip_space();
            if self.eat("}") {
                return Ok(Json::Object(members.pairs));
            }
            let key = match self.byte() {
                Some(b'"' | b'\'') => self.strings(false)?,
                None => return Err(Fault::CutOff),
                Some(_) => return Err(Fault::KeyNotString),
            };
            self.skip_space();
            if !self.eat(":") {
                return Err(self.unexpected());
            }
            self.skip_space();
            let from = self.at;
            let value = self.value(depth + 1)?;
            let Json::String(key) = key else { return Err(Fault::KeyNotString) };
            if members.push(key, value, (from, self.at)) {
                self.faults.add(Fault::DuplicateKey);
            }
            if self.closes("}")? {
                return Ok(Json::Object(members.pairs));
            }
        }
    }

    fn literal(&mut self) -> Result<Json, Halt> {
        let start = self.at;
        let word = self.word();
        if matches!(self.byte(), Some(b'"' | b'\'')) {
            return match word {
                "u" | "U" => self.strings(false),
                "r" | "R" => self.strings(true),
                _ => {
                    self.at = start;
                    Err(Fault::Expression)
                }
            };
        }
        if self.byte().is_none() {
            return Err(Fault::CutOff);
        }
        let (value, json) = match word {
            "True" => (Json::Bool(true), false),
            "False" => (Json::Bool(false), false),
            "None" => (Json::Null, false),
            "true" => (Json::Bool(true), true),
            "false" => (Json::Bool(false), true),
            "null" => (Json::Null, true),
            _ => return Err(self.name_as_value(word)),
        };
        if json {
            self.faults.add(Fault::JsonLiteral);
        }
        Ok(value)
    }

    /// What a name where a value is due means.
    fn name_as_value(&mut self, word: &str) -> Fault {
        if matches!(self.byte(), Some(b'(' | b'.' | b'[')) {
            Fault::Expression
        } else if is_nan_or_infinity(word) {
            Fault::NanOrInfinity
        } else {
            Fault::UnquotedValue
        }
    }

    fn number(&mut self) -> Result<Json, Halt> {
        let start = self.at;
        let mut last = 0;
        while let Some(byte) = self.byte() {
            let sign = matches!(byte, b'+' | b'-') && (self.at == start || matches!(last, b'e' | b'E'));
            if !(is_word(byte) || byte == b'.' || sign) {
                break;
            }
            last = byte;
            self.at += 1;
        }
        if self.byte().is_none() {
            return Err(Fault::CutOff);
        }
        let token = &self.text[start..self.at];
        if let Some(plain) = respelt(token) {
            return number(&plain, &mut self.faults);
        }
        number(token, &mut self.faults)
    }

    /// A string, or several of them in a row, which Python joins.
    fn strings(&mut self, raw: bool) -> Result<Json, Halt> {
        let mut out = String::new();
        self.string(raw, &mut out)?;
        loop {
            self.skip_space();
            if !matches!(self.byte(), Some(b'"' | b'\'')) {
                return Ok(Json::String(out));
            }
            self.string(false, &mut out)?;
        }
    }

    fn string(&mut self, raw: bool, out: &mut String) -> Result<(), Halt> {
        let quote = self.byte().unwrap_or(b'"');
        let triple = if quote == b'"' { "\"\"\"" } else { "'''" };
        let is_triple = self.eat(triple);
        if !is_triple {
            self.at += 1;
        }
        loop {
            let plain = self.at;
            while self.byte().is_some_and(|byte| byte != b'\\' && byte != quote && byte >= b' ') {
                self.at += 1;
            }
            out.push_str(&self.text[plain..self.at]);
            match self.byte() {
                None => return Err(Fault::CutOff),
                Some(b'\\') if !raw => self.escape(out)?,
                Some(b'\\') => {
                    out.push('\\');
                    self.at += 1;
                    if self.byte().is_some_and(|byte| byte == quote || byte == b'\\') {
                        out.push(char::from(self.text.as_bytes()[self.at]));
                        self.at += 1;
                    }
                }
                Some(byte) if byte == quote => {
                    if !is_triple {
                        self.at += 1;
                        return Ok(());
                    }
                    if self.eat(triple) {
                        return Ok(());
                    }
                    out.push(char::from(byte));
                    self.at += 1;
                }
                Some(control) => {
                    if !is_triple && matches!(control, b'\n' | b'\r') {
                        self.faults.add(Fault::ControlCharacter);
                    }
                    out.push(char::from(control));
                    self.at += 1;
                }
            }
        }
    }

    /// What an escape stands for; one that Python does not know stands for itself.
    fn escape(&mut self, out: &mut String) -> Result<(), Halt> {
        self.at += 1;
        let Some(byte) = self.byte() else { return Err(Fault::CutOff) };
        self.at += 1;
        out.push(match byte {
            b'\n' => return Ok(()),
            b'\\' | b'\'' | b'"' => char::from(byte),
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'v' => '\u{b}',
            b'0' => '\0',
            b'x' => self.hex(2)?,
            b'u' => self.hex(4)?,
            b'U' => self.hex(8)?,
            b'/' => {
                self.faults.add(Fault::ForeignEscape);
                '/'
            }
            _ => {
                // The character may be longer than a byte.
                self.at -= 1;
                return Err(Fault::InvalidEscape);
            }
        });
        Ok(())
    }

    /// The character of so many hexadecimal digits, or of a surrogate pair of two escapes.
    fn hex(&mut self, digits: usize) -> Result<char, Halt> {
        let high = self.unit(digits)?;
        if let Some(character) = char::from_u32(high) {
            return Ok(character);
        }
        // JSON's way to write characters beyond 16 bits, which Python keeps as two halves.
        if !(0xD800..0xDC00).contains(&high) || digits != 4 || !self.eat("\\u") {
            return Err(Fault::LoneSurrogate);
        }
        let low = self.unit(4)?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(Fault::LoneSurrogate);
        }
        self.faults.add(Fault::ForeignEscape);
        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).ok_or(Fault::LoneSurrogate)
    }

    fn unit(&mut self, digits: usize) -> Result<u32, Halt> {
        let mut unit: u32 = 0;
        for _ in 0..digits {
            let Some(byte) = self.byte() else { return Err(Fault::CutOff) };
            let digit = char::from(byte).to_digit(16).ok_or(Fault::InvalidEscape)?;
            unit = unit.checked_mul(16).ok_or(Fault::InvalidEscape)? + digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

/// A number that Python spells and JSON does not: `1_000`, `0xff`, `0b11`, `0o7`, `.5`, `5.`.
fn respelt(token: &str) -> Option<String> {
    let (sign, unsigned) = match token.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", token.strip_prefix('+').unwrap_or(token)),
    };
    let lower = unsigned.to_ascii_lowercase();
    let radix = |prefix: &str, radix| {
        let digits = lower.strip_prefix(prefix)?.replace('_', "");
        u128::from_str_radix(&digits, radix).ok()
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)) {
        return Some(format!("{sign}{value}"));
    }
    let bytes = unsigned.as_bytes();
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    if !unsigned.match_indices('_').all(|(at, _)| between_digits(at)) {
        return None;
    }
    let plain = unsigned.replace('_', "");
    let plain = if plain.starts_with('.') { format!("0{plain}") } else { plain };
    let plain = plain.strip_suffix('.').map_or(plain.clone(), |whole| format!("{whole}.0"));
    Some(format!("{sign}{plain}"))
}
