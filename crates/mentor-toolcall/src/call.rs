//! What was read of one call.

use std::ops::Range;

use mentor_trajectory::{Call, CallRecord, Reading};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Fault, Json, fault::Faults, json::build_object};

/// How far along the way from text to an executable call a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Something announced a call; what follows could not be read to its end.
    Marker,
    /// It was read to its end, but says no name.
    Syntax,
    /// It has a name. Without tools nothing more can be said.
    Name,
    /// The name is one of the tools'.
    KnownTool,
    /// The arguments have the names and types of the tool's schema, and none required is missing.
    Schema,
    /// The values too are what the schema allows (`enum`, `minimum`, `pattern`, …).
    Values,
}

/// One call as it was read, executable or not.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedCall {
    /// The tool's name; empty if none could be read.
    pub name: String,
    /// The arguments exactly as written; of a call that breaks off, as far as they go.
    pub arguments_text: String,
    /// What the arguments say, where that is not simply what `arguments_text` says as JSON.
    pub(crate) value: Option<Json>,
    /// The identifier the model gave the call, in formats that have one.
    pub id: Option<String>,
    /// Byte range in the whole text, markers included.
    pub span: (usize, usize),
    /// How far the text follows its format.
    pub status: Reading,
    /// How far it came.
    pub stage: Stage,
    /// Every deviation, repairs and refusals, in the order they were met; none for a strict call.
    pub faults: Vec<Fault>,
    /// What the tool's schema objects to, in words, each with the place in the arguments.
    pub violations: Vec<String>,
    /// Whether it stands in reasoning; only with [`Thinking::Calls`](crate::Thinking::Calls).
    pub in_reasoning: bool,
}

impl ParsedCall {
    /// The arguments as an object that loses nothing: every digit, every member of a key given twice.
    ///
    /// Of a call that cannot be executed these are the arguments that were read completely.
    pub fn arguments(&self) -> Json {
        match &self.value {
            Some(value) => value.clone(),
            None => Json::Object(build_object::<Json>(&self.arguments_text)),
        }
    }

    /// The arguments as `serde_json` holds them, without a detour.
    fn arguments_map(&self) -> Map<String, Value> {
        match &self.value {
            Some(value) => value.to_map(),
            None => build_object::<Value>(&self.arguments_text),
        }
    }

    /// The call as far as it was read, none if neither a name nor an argument was.
    pub fn call(&self) -> Option<Call> {
        (self.status != Reading::Unusable)
            .then(|| Call { name: self.name.clone(), arguments: self.arguments_map() })
    }

    /// The call if it follows its format to the letter: what a reward pays for.
    pub fn strict(&self) -> Option<Call> {
        if self.status == Reading::Strict { self.call() } else { None }
    }

    /// The call if exactly one reading is left: what an environment executes.
    pub fn lenient(&self) -> Option<Call> {
        if self.is_executable() { self.call() } else { None }
    }

    /// Whether exactly one reading is left.
    pub fn is_executable(&self) -> bool {
        matches!(self.status, Reading::Strict | Reading::Repaired)
    }

    /// The tokens the call touches, given the byte range of each token in the text, in order.
    pub fn token_span(&self, offsets: &[(usize, usize)]) -> Range<usize> {
        let start = offsets.partition_point(|&(_, end)| end <= self.span.0);
        let end = offsets.partition_point(|&(start, _)| start < self.span.1);
        start..end.max(start)
    }

    /// The call as a trajectory records it; `text` is the whole text.
    pub(crate) fn record(self, text: &str) -> CallRecord {
        CallRecord {
            raw: text[self.span.0..self.span.1].to_owned(),
            span: self.span,
            reading: self.status,
            faults: self.faults.iter().map(|fault| fault.name().to_owned()).collect(),
            call: self.call(),
            observation: None,
        }
    }
}

/// What a format says of a call; spans are of the text it was given.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Markers included.
    pub span: (usize, usize),
    pub name: Option<String>,
    /// Where the arguments' source text stands, if they have one.
    pub arguments_span: Option<(usize, usize)>,
    /// None: the source text is a JSON object to the letter, to be read when it is asked for.
    pub arguments: Option<Json>,
    pub id: Option<String>,
    pub faults: Faults,
}

impl Draft {
    /// How far the text follows its format.
    pub fn status(&self) -> Reading {
        let empty = |json: &Json| matches!(json, Json::Object(members) if members.is_empty());
        self.faults.reading(self.name.is_some() || self.arguments.as_ref().is_none_or(|json| !empty(json)))
    }

    /// The finished call; `base` is where `text` begins in the whole text.
    pub fn finish(self, text: &str, base: usize) -> ParsedCall {
        let status = self.status();
        ParsedCall {
            arguments_text: self.arguments_span.map_or(String::new(), |(from, to)| text[from..to].to_owned()),
            value: self.arguments,
            id: self.id,
            span: (base + self.span.0, base + self.span.1),
            status,
            stage: self.faults.stage(self.name.is_some()),
            faults: self.faults.list(),
            violations: Vec::new(),
            in_reasoning: false,
            name: self.name.unwrap_or_default(),
        }
    }
}
