//! A JSON reader that names every deviation, goes on where one reading is left, and keeps what it read before it
//! stopped.

use std::{cell::Cell, collections::HashSet};

use super::Json;
use crate::fault::{Fault, Faults};

/// Containers within containers that are still read; tools' arguments nest a few levels.
pub(crate) const MAX_DEPTH: usize = 100;

/// The whitespace JSON allows between tokens.
pub(crate) const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// Why and with what in hand the reader stopped.
#[derive(Debug)]
pub(crate) struct Halt {
    pub fault: Fault,
    /// The members read completely, if it stopped inside an object.
    pub partial: Option<Members>,
    /// Whether it stopped at the end of the text inside a string.
    pub in_string: bool,
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self { fault, partial: None, in_string: false }
    }
}

/// What delimits calls, so that the reader knows what ends one and what must not stand in a doubtful string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Markers {
    pub open: &'static str,
    pub close: &'static str,
}

/// The members of an object as they were read, and where each value stands in the text.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub pairs: Vec<(String, Json)>,
    pub spans: Vec<(usize, usize)>,
    seen: HashSet<String>,
}

impl Members {
    /// Members that are looked through one by one before they are hashed.
    const FEW: usize = 16;

    /// Adds a member and says whether its key was there already.
    pub fn push(&mut self, key: String, value: Json, span: (usize, usize)) -> bool {
        let twice = if self.pairs.len() < Self::FEW {
            self.pairs.iter().any(|(other, _)| *other == key)
        } else {
            if self.seen.is_empty() {
                self.seen.extend(self.pairs.iter().map(|(other, _)| other.clone()));
            }
            !self.seen.insert(key.clone())
        };
        self.pairs.push((key, value));
        self.spans.push(span);
        twice
    }

    /// Takes out the members of a key and gives the last of them with its place.
    pub fn take(&mut self, key: &str) -> Option<(Json, (usize, usize))> {
        let mut last = None;
        while let Some(index) = self.pairs.iter().position(|(name, _)| name == key) {
            let (_, value) = self.pairs.remove(index);
            last = Some((value, self.spans.remove(index)));
        }
        last
    }
}

/// A position in a text that holds JSON.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    pub at: usize,
    end: usize,
    markers: Option<Markers>,
    pub faults: Faults,
    /// Whether the end of the text had a say in what was read, so that more text might change it.
    touched_end: Cell<bool>,
}

impl<'a> Reader<'a> {
    /// Reads `text[at..end]`; the text after `end` is only looked at to see whether the closing marker is there.
    pub fn new(text: &'a str, at: usize, end: usize, markers: Option<Markers>) -> Self {
        Self { text, at, end, markers, faults: Faults::default(), touched_end: Cell::new(false) }
    }

    /// Whether more text behind the end could have changed what was read.
    pub fn touched_end(&self) -> bool {
        self.touched_end.get()
    }

    /// The byte here, none at the end.
    fn byte(&self) -> Option<u8> {
        if self.at < self.end {
            return Some(self.text.as_bytes()[self.at]);
        }
        if self.end == self.text.len() {
            self.touched_end.set(true);
        }
        None
    }

    /// The next byte, none at the end or at a closing marker outside a string.
    pub fn peek(&self) -> Option<u8> {
        self.byte().filter(|_| !self.at_close())
    }

    /// Whether the text goes on with a marker, also behind the end.
    fn is_at(&self, marker: &str) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        let marker = marker.as_bytes();
        if marker.is_empty() || rest.first() != marker.first() {
            return false;
        }
        if rest.len() < marker.len() && marker.starts_with(rest) {
            self.touched_end.set(true);
        }
        rest.starts_with(marker)
    }

    fn at_close(&self) -> bool {
        self.markers.is_some_and(|markers| self.is_at(markers.close))
    }

    /// What an end of the text means where something is still due.
    fn ended(&self) -> Fault {
        if self.at_close() { Fault::UnexpectedCloseTag } else { Fault::CutOff }
    }

    pub fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Whether nothing is left.
    pub fn is_done(&mut self) -> bool {
        self.skip_space();
        self.at == self.end
    }

    pub fn value(&mut self, depth: usize) -> Result<Json, Halt> {
        match self.peek() {
            None => Err(self.ended().into()),
            Some(b'{') => self.object(depth).map(|members| Json::Object(members.pairs)),
            Some(b'[') => self.array(depth).map(Json::Array),
            Some(b'"' | b'\'') => self.string().map(Json::String),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => Ok(self.number()?),
            Some(byte) if is_word(byte) => Ok(self.literal()?),
            Some(_) => Err(Fault::SyntaxError.into()),
        }
    }

    /// Reads the object that begins here, which is the outermost one at depth 0.
    pub fn object(&mut self, depth: usize) -> Result<Members, Halt> {
        let mut members = Members::default();
        match self.members(depth, &mut members) {
            Ok(()) => Ok(members),
            Err(halt) => Err(Halt { partial: Some(members), ..halt }),
        }
    }

    fn members(&mut self, depth: usize, members: &mut Members) -> Result<(), Halt> {
        self.enter(depth)?;
        let mut comma = false;
        loop {
            self.skip_space();
            if self.peek() == Some(b'}') {
                if comma {
                    self.faults.add(Fault::TrailingComma);
                }
                self.at += 1;
                return Ok(());
            }
            let key = self.key()?;
            self.skip_space();
            match self.peek() {
                Some(b':') => self.at += 1,
                Some(_) => return Err(Fault::SyntaxError.into()),
                None => return Err(self.ended().into()),
            }
            self.skip_space();
            let start = self.at;
            let value = match self.value(depth + 1) {
                Ok(value) => value,
                Err(mut halt) => {
                    // What was read of a call's arguments is worth keeping; half of an argument is not.
                    if let (0, Some(partial)) = (depth, halt.partial.take()) {
                        members.push(key, Json::Object(partial.pairs), (start, self.at));
                    }
                    return Err(halt);
                }
            };
            let span = (start, self.at);
            let closes = self.closes(b'}');
            // A value with something else behind it was not complete: a quote may have ended a string too early.
            if !matches!(closes, Err(Fault::SyntaxError)) && members.push(key, value, span) {
                self.faults.add(Fault::DuplicateKey);
            }
            if closes? {
                return Ok(());
            }
            comma = true;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json>, Halt> {
        self.enter(depth)?;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b']') {
                if !items.is_empty() {
                    self.faults.add(Fault::TrailingComma);
                }
                self.at += 1;
                return Ok(items);
            }
            items.push(self.value(depth + 1).map_err(|halt| Halt { partial: None, ..halt })?);
            if self.closes(b']')? {
                return Ok(items);
            }
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), Halt> {
        self.at += 1;
        if depth < MAX_DEPTH { Ok(()) } else { Err(Fault::TooDeep.into()) }
    }

    /// After a value in a container: whether the container ends here or a comma leads on.
    fn closes(&mut self, bracket: u8) -> Result<bool, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == bracket => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(Fault::SyntaxError),
            None if self.at_close() => {
                self.faults.add(Fault::MissingClosingBracket);
                Ok(true)
            }
            None => Err(Fault::CutOff),
        }
    }

    fn key(&mut self) -> Result<String, Halt> {
        match self.peek() {
            Some(b'"' | b'\'') => self.string(),
            Some(byte) if is_word(byte) && !byte.is_ascii_digit() => {
                let word = self.word()?;
                self.faults.add(Fault::UnquotedKey);
                Ok(word.to_owned())
            }
            Some(_) => Err(Fault::SyntaxError.into()),
            None => Err(self.ended().into()),
        }
    }

    /// A run of word characters that something else proves complete.
    fn word(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        if self.at == self.end && !self.at_close() {
            return Err(Fault::CutOff);
        }
        Ok(&self.text[start..self.at])
    }

    fn literal(&mut self) -> Result<Json, Fault> {
        let word = self.word()?;
        let (value, python) = match word {
            "true" => (Json::Bool(true), false),
            "false" => (Json::Bool(false), false),
            "null" => (Json::Null, false),
            "True" => (Json::Bool(true), true),
            "False" => (Json::Bool(false), true),
            "None" => (Json::Null, true),
            _ if is_nan_or_infinity(word) => return Err(Fault::NanOrInfinity),
            _ => return Err(Fault::UnquotedValue),
        };
        if python {
            self.faults.add(Fault::PythonLiteral);
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| is_word(byte) || matches!(byte, b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        if self.at == self.end && !self.at_close() {
            return Err(Fault::CutOff);
        }
        number(&self.text[start..self.at], &mut self.faults)
    }

    fn string(&mut self) -> Result<String, Halt> {
        let bytes = self.text.as_bytes();
        let quote = bytes[self.at];
        if quote == b'\'' {
            self.faults.add(Fault::SingleQuotes);
        }
        self.at += 1;
        let mut doubt = Doubt::default();
        let mut out = String::new();
        let mut plain = self.at;
        loop {
            let Some(byte) = self.byte() else {
                return Err(Halt { fault: self.ended(), partial: None, in_string: true });
            };
            match byte {
                b'\\' => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    out.push(self.escape(quote)?);
                    plain = self.at;
                    continue;
                }
                _ if byte == quote => break,
                0..b' ' => {
                    doubt.control = true;
                    self.faults.add(Fault::ControlCharacter);
                }
                _ => doubt.marker |= self.at_marker(),
            }
            if doubt.marker && doubt.control {
                // A string over several lines with a marker in it is far more likely one that was never closed.
                return Err(Fault::SyntaxError.into());
            }
            self.at += 1;
        }
        out.push_str(&self.text[plain..self.at]);
        self.at += 1;
        Ok(out)
    }

    fn at_marker(&self) -> bool {
        self.markers.is_some_and(|markers| self.is_at(markers.open) || self.is_at(markers.close))
    }

    /// The character an escape stands for; the position is behind its backslash.
    fn escape(&mut self, quote: u8) -> Result<char, Halt> {
        let Some(byte) = self.byte() else {
            return Err(Halt { fault: self.ended(), partial: None, in_string: true });
        };
        let character = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'\'' => {
                if quote == b'"' {
                    self.faults.add(Fault::EscapedSingleQuote);
                }
                '\''
            }
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Fault::InvalidEscape.into()),
        };
        self.at += 1;
        Ok(character)
    }

    /// The character of `\uXXXX` or of a surrogate pair; the position is at the `u`.
    fn unicode_escape(&mut self) -> Result<char, Halt> {
        let high = self.hex_unit()?;
        if let Some(character) = char::from_u32(high) {
            return Ok(character);
        }
        for due in *b"\\u" {
            if high >= 0xDC00 || self.byte() != Some(due) {
                return Err(Fault::LoneSurrogate.into());
            }
            self.at += 1;
        }
        self.at -= 1;
        let low = self.hex_unit()?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(Fault::LoneSurrogate.into());
        }
        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            .ok_or_else(|| Fault::LoneSurrogate.into())
    }

    /// Reads `uXXXX`.
    fn hex_unit(&mut self) -> Result<u32, Halt> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.byte() else {
                return Err(Halt { fault: self.ended(), partial: None, in_string: true });
            };
            unit = unit * 16 + char::from(byte).to_digit(16).ok_or(Fault::InvalidEscape)?;
            self.at += 1;
        }
        Ok(unit)
    }
}

/// What makes it doubtful that a string ends where its quote says.
#[derive(Default)]
struct Doubt {
    control: bool,
    marker: bool,
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

pub(crate) fn is_nan_or_infinity(word: &str) -> bool {
    ["nan", "inf", "infinity"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Reads a number, spelt as JSON spells it or nearly so.
pub(crate) fn number(token: &str, faults: &mut Faults) -> Result<Json, Fault> {
    if is_nan_or_infinity(token.trim_start_matches(['+', '-'])) {
        return Err(Fault::NanOrInfinity);
    }
    let to_the_letter = is_number_to_the_letter(token).ok_or(Fault::MalformedNumber)?;
    if !token.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(Fault::NumberOutOfRange);
    }
    if to_the_letter {
        return Ok(Json::Number(token.into()));
    }
    faults.add(Fault::NumberSpelling);
    Ok(Json::Number(respelt(token).into()))
}

/// `+12`, `.5` and `5.` as JSON spells them.
fn respelt(token: &str) -> String {
    let (sign, unsigned) = match token.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", token.strip_prefix('+').unwrap_or(token)),
    };
    let exponent = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let (mantissa, exponent) = unsigned.split_at(exponent);
    let zero = |part: &str| if part.is_empty() { "0".to_owned() } else { part.to_owned() };
    match mantissa.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{}{exponent}", zero(whole), zero(fraction)),
        None => format!("{sign}{mantissa}{exponent}"),
    }
}

/// Whether a token is a number as JSON spells it, or one with a `+` before or no digit on one side of its point: none
/// if neither, otherwise whether it is to the letter.
fn is_number_to_the_letter(token: &str) -> Option<bool> {
    let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let complete = |part: &str| !part.is_empty() && digits(part);
    if !digits(whole) || !fraction.is_none_or(digits) || !exponent.is_none_or(complete) {
        return None;
    }
    if whole.is_empty() && fraction.is_none_or(str::is_empty) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    Some(!token.starts_with('+') && !whole.is_empty() && fraction.is_none_or(complete))
}
