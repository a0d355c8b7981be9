//! Arguments as Gemma writes them: keys without quotes, strings between two markers, everything else as in JSON.
//!
//! A string between its markers has no escapes: it is what stands there. Since only the marker ends it, it may hold the
//! markers of calls.

use mentor_trajectory::{Call, ToolSpec};
use serde_json::{Map, Value};

use super::{
    More, Observed, Read, Step, Unit, Unwritable, name_of, object_call,
    tagged::{spread, stray_close},
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, MAX_DEPTH, Members, Reader, SPACE, is_nan_or_infinity, number, write_value},
};

/// How a format spells its calls: `OPEN call:NAME{KEY:VALUE,…} CLOSE`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bare {
    pub id: &'static str,
    pub open: &'static str,
    pub close: &'static str,
    /// What stands before and behind a string.
    pub quote: &'static str,
    /// What stands before and behind a tool's declaration and what it gave back.
    pub declaration: (&'static str, &'static str),
    pub response: (&'static str, &'static str),
}

const CALL: &str = "call:";

/// What keeps a call from being read to its end.
type Halt = Fault;

impl Bare {
    /// Reads the call that a marker of the format begins.
    pub fn read(&self, unit: &Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
        if unit.marker == self.close {
            drafts.push(stray_close(unit));
            return Ok(Step::Calls(unit.inside()));
        }
        let mut cursor = Cursor::new(unit.text, self.quote, unit.inside());
        let mut draft = Draft::default();
        let read = cursor.call(&mut draft);
        cursor.settle(unit)?;
        let mut faults = std::mem::take(&mut cursor.faults);
        let from = match read {
            Ok(()) => cursor.at,
            Err(halt) => {
                faults.add(halt);
                unit.inside()
            }
        };
        let found = unit.find(from, &[self.close, self.open])?;
        let (marker, which) = found.unwrap_or((unit.text.len(), 1));
        let rest = unit.text[from..marker].trim_matches(SPACE);
        let end = if which == 0 { marker + self.close.len() } else { marker };
        if which == 1 {
            faults.add(Fault::MissingCloseTag);
        }
        let end = match read {
            Ok(()) if which == 1 => cursor.at,
            Ok(()) if rest.is_empty() => end,
            Ok(()) if rest.bytes().all(|byte| byte == b'}') => {
                faults.add(Fault::ExtraClosingBracket);
                end
            }
            Ok(()) => {
                faults.add(Fault::TextInTag);
                end
            }
            Err(_) => end,
        };
        draft.arguments.get_or_insert_with(object_call::nothing);
        drafts.push(draft);
        spread(drafts, (unit.start, end), &faults);
        Ok(Step::Calls(end))
    }

    /// Writes calls one behind the other.
    pub fn write(&self, calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
        for call in calls {
            out.push_str(self.open);
            out.push_str(CALL);
            let name = name_of(self.id, call)?;
            self.check_word("the name", name)?;
            out.push_str(name);
            self.write_object(&call.arguments, out)?;
            out.push_str(self.close);
        }
        Ok(())
    }

    fn write_object(&self, members: &Map<String, Value>, out: &mut String) -> Result<(), Unwritable> {
        out.push('{');
        for (index, (key, value)) in members.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.check_word("the argument name", key)?;
            out.push_str(key);
            out.push(':');
            self.write_value(value, out)?;
        }
        out.push('}');
        Ok(())
    }

    /// Writes a value with the format's strings.
    fn write_value(&self, value: &Value, out: &mut String) -> Result<(), Unwritable> {
        match value {
            Value::String(text) => self.write_string(text, out)?,
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.write_value(item, out)?;
                }
                out.push(']');
            }
            Value::Object(members) => self.write_object(members, out)?,
            scalar => write_value(scalar, out),
        }
        Ok(())
    }

    fn write_string(&self, text: &str, out: &mut String) -> Result<(), Unwritable> {
        // A string that ends in what begins its closing marker would end too early.
        let quoted = format!("{text}{}", self.quote);
        if quoted.find(self.quote) != Some(text.len()) {
            let why = "it holds the marker of strings, which has no escape; use another format";
            return Err(Unwritable { format: self.id, what: "the value", text: text.to_owned(), why });
        }
        out.push_str(self.quote);
        out.push_str(&quoted);
        Ok(())
    }

    /// Writes a text that is for the model alone, so that nothing has to be read back.
    fn write_text(&self, text: &str, out: &mut String) {
        out.push_str(self.quote);
        out.push_str(&text.replace(self.quote, ""));
        out.push_str(self.quote);
    }

    /// Writes what tools do and take, as the templates do: keys in alphabetical order, types in capitals.
    pub fn write_tools(&self, tools: &[ToolSpec], out: &mut String) {
        let (open, close) = self.declaration;
        for tool in tools {
            out.extend([open, "declaration:", &tool.name, "{description:"]);
            self.write_text(&tool.description, out);
            out.push_str(",parameters:");
            self.write_schema(&tool.parameters, out);
            out.extend(["}", close]);
        }
    }

    /// Writes what tools gave back.
    pub fn write_observations(&self, observed: &[Observed<'_>], out: &mut String) {
        let (open, close) = self.response;
        for Observed { call, content, .. } in observed {
            out.extend([open, "response:", &call.name, "{value:"]);
            self.write_text(content, out);
            out.extend(["}", close]);
        }
    }

    fn write_schema(&self, schema: &Value, out: &mut String) {
        match schema {
            Value::Object(members) => {
                out.push('{');
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| key.to_lowercase());
                for (index, (key, value)) in members.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(key);
                    out.push(':');
                    match (key.as_str(), value) {
                        ("type", Value::String(name)) => self.write_text(&name.to_uppercase(), out),
                        _ => self.write_schema(value, out),
                    }
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.write_schema(item, out);
                }
                out.push(']');
            }
            Value::String(text) => self.write_text(text, out),
            scalar => write_value(scalar, out),
        }
    }

    fn check_word(&self, what: &'static str, word: &str) -> Result<(), Unwritable> {
        if word.is_empty() || !word.chars().all(is_of_word) {
            let why =
                "it is empty or holds a sign that keys without quotes cannot; use letters, digits and `_`";
            return Err(Unwritable { format: self.id, what, text: word.to_owned(), why });
        }
        Ok(())
    }
}

/// What may stand in a name or a key.
fn is_of_word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '{' | '}' | '[' | ']' | ':' | ',' | '<' | '>' | '"' | '\'' | '|')
}

/// A position in the text of a call.
struct Cursor<'a> {
    text: &'a str,
    quote: &'static str,
    at: usize,
    faults: Faults,
    /// Whether the end of the text had a say in what was read.
    touched_end: bool,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str, quote: &'static str, at: usize) -> Self {
        Self { text, quote, at, faults: Faults::default(), touched_end: false }
    }

    fn settle(&self, unit: &Unit<'_>) -> Result<(), More> {
        if self.touched_end { unit.ended() } else { Ok(()) }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.touched_end |= byte.is_none();
        byte
    }

    fn eat(&mut self, expected: &str) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        self.touched_end |= rest.len() < expected.len() && expected.as_bytes().starts_with(rest);
        let here = rest.starts_with(expected.as_bytes());
        if here {
            self.at += expected.len();
        }
        here
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// What it means that something else is due here.
    fn unexpected(&mut self) -> Halt {
        if self.byte().is_none() { Fault::CutOff } else { Fault::SyntaxError }
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        self.touched_end |= length == rest.len();
        self.at += length;
        &rest[..length]
    }

    /// Reads `call:NAME{…}` into a draft, which holds what was read completely also if it stops.
    fn call(&mut self, draft: &mut Draft) -> Result<(), Halt> {
        self.skip_space();
        if !self.eat(CALL) {
            return Err(if self.byte().is_none() { Fault::EmptyTag } else { Fault::NoFunction });
        }
        let name = self.word();
        self.skip_space();
        if self.byte() != Some(b'{') {
            return Err(self.unexpected());
        }
        if name.is_empty() {
            self.faults.add(Fault::EmptyName);
        } else {
            draft.name = Some(name.to_owned());
        }
        let start = self.at;
        let mut arguments = Members::default();
        let read = self.object(0, &mut arguments);
        draft.arguments_span = Some((start, self.at));
        draft.arguments = Some(Json::Object(arguments.pairs));
        read
    }

    /// Reads an object from its opening bracket to behind its closing one.
    fn object(&mut self, depth: usize, members: &mut Members) -> Result<(), Halt> {
        if depth >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        let mut comma = false;
        loop {
            self.skip_space();
            if self.eat("}") {
                if comma {
                    self.faults.add(Fault::TrailingComma);
                }
                return Ok(());
            }
            let key = self.key()?;
            self.skip_space();
            if !self.eat(":") {
                return Err(self.unexpected());
            }
            self.skip_space();
            let from = self.at;
            let value = self.value(depth + 1)?;
            let span = (from, self.at);
            self.skip_space();
            comma = self.eat(",");
            if !comma && self.byte() != Some(b'}') {
                return Err(self.unexpected());
            }
            if members.push(key, value, span) {
                self.faults.add(Fault::DuplicateKey);
            }
        }
    }

    /// A key: a word, or (a repair) a string.
    fn key(&mut self) -> Result<String, Halt> {
        let word = self.word();
        if !word.is_empty() {
            return Ok(word.to_owned());
        }
        if self.eat(self.quote) {
            self.faults.add(Fault::QuotedKey);
            return self.string();
        }
        if self.byte() == Some(b'"') {
            self.faults.add(Fault::QuotedKey);
            return match self.json()? {
                Json::String(key) => Ok(key),
                _ => Err(Fault::KeyNotString),
            };
        }
        Err(self.unexpected())
    }

    fn value(&mut self, depth: usize) -> Result<Json, Halt> {
        if self.eat(self.quote) {
            return self.string().map(Json::String);
        }
        match self.byte() {
            None => Err(Fault::CutOff),
            Some(b'{') => {
                let mut members = Members::default();
                self.object(depth, &mut members)?;
                Ok(Json::Object(members.pairs))
            }
            Some(b'[') => self.array(depth).map(Json::Array),
            Some(b'"') => {
                self.faults.add(Fault::JsonString);
                self.json()
            }
            Some(_) => self.literal(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json>, Halt> {
        if depth >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.eat("]") {
                if !items.is_empty() {
                    self.faults.add(Fault::TrailingComma);
                }
                return Ok(items);
            }
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.eat("]") {
                return Ok(items);
            }
            if !self.eat(",") {
                return Err(self.unexpected());
            }
        }
    }

    /// The rest of a string, from behind its opening marker.
    fn string(&mut self) -> Result<String, Halt> {
        let rest = &self.text[self.at..];
        let Some(length) = rest.find(self.quote) else {
            self.touched_end = true;
            self.at = self.text.len();
            return Err(Fault::CutOff);
        };
        self.at += length + self.quote.len();
        Ok(rest[..length].to_owned())
    }

    /// A string as JSON spells it.
    fn json(&mut self) -> Result<Json, Halt> {
        let mut reader = Reader::new(self.text, self.at, self.text.len(), None);
        let value = reader.value(0);
        self.touched_end |= reader.touched_end();
        self.faults.extend(&reader.faults);
        self.at = reader.at;
        value.map_err(|halt| halt.fault)
    }

    /// A number, `true`, `false` or `null`.
    fn literal(&mut self) -> Result<Json, Halt> {
        let word = self.word();
        if self.byte().is_none() {
            return Err(Fault::CutOff);
        }
        Ok(match word {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            "True" | "False" | "None" => {
                self.faults.add(Fault::PythonLiteral);
                if word == "None" { Json::Null } else { Json::Bool(word == "True") }
            }
            _ if is_nan_or_infinity(word.trim_start_matches('-')) => return Err(Fault::NanOrInfinity),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
                number(word, &mut self.faults)?
            }
            "" => return Err(self.unexpected()),
            _ => return Err(Fault::UnquotedValue),
        })
    }
}
