//! The formats, one file each, and what all of them are made of.
//!
//! # How to add a format
//!
//! 1. Write `formats/NAME.rs`. Its module documentation is the specification: who writes the format, its wire form, what
//!    "to the letter" means, what is repaired. It declares `pub(super) static SPEC: Spec`, with
//!    - `opens`: the markers at which a call may begin (and markup that belongs to no call); none may be a prefix of
//!      another. Text that holds none of them is scanned at memory speed and never handed to you;
//!    - `closes`: strings one of which must arrive before a call can be complete. It only saves vain attempts while
//!      streaming; empty is correct too;
//!    - `read`: a plain function from a [`Unit`] (the text from a marker on) to a [`Step`]. Write it as if the whole text
//!      were there. Where the end of `unit.text` had a say in a decision, return `Err(More)` unless `unit.last`: use
//!      [`Unit::find`], [`Unit::settle`] and the taint of [`Reader`] rather than looking at the end yourself. That is all
//!      streaming asks for: the machine in `parser.rs` calls again when more is there, and takes the result of the one
//!      call that did not ask for more. Calls go into `drafts`, with spans in `unit.text`;
//!    - `write`: calls, observations and tools. What the format cannot say is an [`Unwritable`], never a text that reads
//!      back as something else.
//! 2. Add it to [`TABLE`]. The properties in `tests/formats.rs` (written calls are read back strictly, every split of
//!    every text gives the same events, hostile text takes linear time) then cover it without another line.
//! 3. Write `fixtures/NAME/*.txt`: a claim, a text, what is read. A new deviation is a line in `fault.rs` and a fixture.
//!
//! JSON bodies: [`object_call`] reads an object as a call under the keys of a format, [`tagged`] objects between two
//! markers, [`list`] a list behind one, [`named`] arguments whose name stands outside the JSON. Bodies without types: [`typing`] gives texts the types of the tool's schema. Python literals:
//! [`python`].
//!
//! Repair only what a delimiter that follows proves; never invent a value that was cut off; never evaluate anything.

use std::{fmt::Write as _, iter, sync::OnceLock};

use mentor_trajectory::{Call, ToolSpec};

use crate::{
    Tools,
    call::Draft,
    json::{Reader, write_string},
    search::Search,
};

mod apertus;
mod bare;
mod cohere;
mod deepseek_v3;
mod deepseek_v31;
mod dsml;
mod function_gemma;
mod functionary_v31;
mod functionary_v32;
mod functools;
mod gemma4;
mod glm;
mod granite3;
mod granite_20b_fc;
mod harmony;
pub mod hermes;
mod internlm2;
mod jamba;
mod kimi_k2;
mod lfm2;
mod list;
mod llama3_json;
mod markup;
mod minimax_m2;
mod mistral;
mod mistral_v11;
mod named;
mod nemotron;
pub(crate) mod object_call;
mod olmo3;
mod openai;
mod python;
mod pythonic;
mod qwen3_coder;
mod react;
mod tagged;
mod typescript;
mod typing;
mod write;
mod xlam;

/// Every format.
pub(crate) static TABLE: &[&Spec] = &[
    &hermes::SPEC,
    &qwen3_coder::SPEC,
    &llama3_json::SPEC,
    &pythonic::SPEC,
    &mistral::SPEC,
    &mistral_v11::SPEC,
    &deepseek_v3::SPEC,
    &deepseek_v31::SPEC,
    &kimi_k2::SPEC,
    &harmony::SPEC,
    &granite3::SPEC,
    &granite_20b_fc::SPEC,
    &functools::SPEC,
    &internlm2::SPEC,
    &xlam::SPEC,
    &functionary_v31::SPEC,
    &functionary_v32::SPEC,
    &cohere::SPEC,
    &jamba::SPEC,
    &nemotron::SPEC,
    &apertus::SPEC,
    &react::SPEC,
    &openai::SPEC,
    &lfm2::SPEC,
    &olmo3::SPEC,
    &dsml::SPEC,
    &glm::SPEC,
    &minimax_m2::SPEC,
    &function_gemma::SPEC,
    &gemma4::SPEC,
];

/// A format: how its calls are found, read and written.
pub(crate) struct Spec {
    /// The name it goes by, and others it is known under.
    pub id: &'static str,
    pub aliases: &'static [&'static str],
    /// The model families that write it.
    pub families: &'static str,
    /// What begins and ends reasoning; the first may be empty if [`read`](Self::read) finds that out.
    pub thinking: (&'static str, &'static str),
    /// Markers at which [`read`](Self::read) is called; an empty one stands for the beginning of the turn.
    pub opens: &'static [&'static str],
    /// Strings one of which must arrive before a call can be complete; none: any text may complete one.
    pub closes: &'static [&'static str],
    pub read: fn(&mut Unit<'_>, &mut Vec<Draft>) -> Read,
    pub write: Write,
    pub scanner: Scanner,
}

/// How a format is written.
pub(crate) struct Write {
    pub calls: fn(&[Call], &mut String) -> Result<(), Unwritable>,
    pub observations: fn(&[Observed<'_>], &mut String),
    pub tools: fn(&[ToolSpec], &mut String),
}

/// What a tool gave back for a call.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The call it answers.
    pub call: &'a Call,
    /// Which of the turn's calls that is, from 0; formats with identifiers derive them from it.
    pub index: usize,
    /// What the model is to see.
    pub content: &'a str,
}

/// What a format has no way to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("format `{format}` cannot write {what} `{text}`: {why}")]
pub struct Unwritable {
    /// The format's id.
    pub format: &'static str,
    /// What it is: a name, the name of an argument, a value.
    pub what: &'static str,
    /// The text in question.
    pub text: String,
    /// What stands in the way, and what to do.
    pub why: &'static str,
}

/// The compiled searches for a format's markers, made when they are first needed.
pub(crate) struct Scanner(OnceLock<Searches>);

/// What is looked for, and when.
#[derive(Debug)]
pub(crate) struct Searches {
    /// In content: what opens reasoning, then what opens a call.
    pub content: Search,
    /// In reasoning: what closes it, then what opens a call.
    pub reasoning: Search,
    /// In reasoning where no call counts: what closes it.
    pub reasoning_end: Search,
    /// In a call that waits: what it waits for, if that can be said.
    pub closes: Option<Search>,
}

impl Scanner {
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }
}

impl Spec {
    pub fn searches(&self) -> &Searches {
        self.scanner.0.get_or_init(|| {
            let (open, close) = self.thinking;
            let with_opens = |first| Search::new(iter::once(first).chain(self.opens.iter().copied()));
            Searches {
                content: with_opens(open),
                reasoning: with_opens(close),
                reasoning_end: Search::new([close]),
                closes: (!self.closes.is_empty()).then(|| Search::new(self.closes.iter().copied())),
            }
        })
    }
}

/// The text from a marker on, as far as it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit<'a> {
    pub text: &'a str,
    /// Where the marker begins.
    pub start: usize,
    /// Which of [`Spec::opens`] it is.
    pub marker: &'static str,
    /// Whether the text ends where `text` does.
    pub last: bool,
    pub tools: Option<&'a Tools>,
    pub place: Place,
    /// What the format remembers from unit to unit; changes are kept only if no [`More`] is returned.
    pub memory: Memory,
}

/// Where in the turn something stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Nothing but whitespace, reasoning and calls stand before it.
    pub blank: bool,
    /// Nothing but spaces stand before it in its line.
    pub line_start: bool,
    /// A call stands before it, with nothing but whitespace between.
    pub after_call: bool,
}

/// What a format remembers from one unit to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// How often a string may still be followed across a marker in vain.
    pub crossings_left: usize,
    /// Whether a section of calls is open, in formats that have them.
    pub in_section: bool,
    /// Calls read so far.
    pub calls: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { crossings_left: tagged::VAIN_CROSSINGS, in_section: false, calls: 0 }
    }
}

/// The text does not go far enough to decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct More;

/// What a unit turned out to be, up to where (in the text it was given, behind its start).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The calls in `drafts`.
    Calls(usize),
    /// Nothing of the format's: content.
    Text(usize),
    /// The format's, but part of no call: it is dropped.
    Markup(usize),
    /// The same, and what follows is reasoning.
    Reasoning(usize),
}

pub(crate) type Read = Result<Step, More>;

impl Unit<'_> {
    /// Behind the marker.
    pub fn inside(&self) -> usize {
        self.start + self.marker.len()
    }

    /// Where the first of several strings stands from a position on, and which of them; none if the text ends without.
    pub fn find(&self, from: usize, needles: &[&str]) -> Result<Option<(usize, usize)>, More> {
        let bytes = self.text.as_bytes();
        let mut at = from;
        while let Some(offset) = first_of(&bytes[at..], needles) {
            at += offset;
            if let Some(index) = needles.iter().position(|needle| bytes[at..].starts_with(needle.as_bytes()))
            {
                return Ok(Some((at, index)));
            }
            at += 1;
        }
        self.ended()?;
        Ok(None)
    }

    /// Whether the text goes on with a string.
    pub fn is_at(&self, at: usize, expected: &str) -> Result<bool, More> {
        let rest = &self.text[at..];
        if rest.len() < expected.len() && expected.starts_with(rest) {
            self.ended()?;
        }
        Ok(rest.starts_with(expected))
    }

    /// The first position from `at` on that is no whitespace of JSON's.
    pub fn skip_space(&self, at: usize) -> Result<usize, More> {
        let rest = self.text[at..].trim_start_matches(crate::json::SPACE);
        if rest.is_empty() {
            self.ended()?;
        }
        Ok(self.text.len() - rest.len())
    }

    /// Behind the whitespace at `at` if one of several strings follows it, `at` otherwise.
    pub fn space_before(&self, at: usize, followers: &[&str]) -> Result<usize, More> {
        let behind = self.skip_space(at)?;
        for follower in followers {
            if self.is_at(behind, follower)? {
                return Ok(behind);
            }
        }
        Ok(at)
    }

    /// To be called where the end of the text had a say.
    pub fn ended(&self) -> Result<(), More> {
        if self.last { Ok(()) } else { Err(More) }
    }

    /// To be called when a reader is done: whether what it read stands, whatever follows.
    pub fn settle(&self, reader: &Reader<'_>) -> Result<(), More> {
        if reader.touched_end() { self.ended() } else { Ok(()) }
    }

    /// This is no call: its marker is content.
    pub fn no_call(&self) -> Step {
        Step::Text(self.inside())
    }
}

/// Where one of the strings may begin.
fn first_of(bytes: &[u8], needles: &[&str]) -> Option<usize> {
    let first = |index: usize| needles.get(index).unwrap_or(&needles[0]).as_bytes()[0];
    if needles.iter().all(|needle| needle.as_bytes()[0] == first(0)) {
        return memchr::memchr(first(0), bytes);
    }
    if needles.len() <= 3 {
        return memchr::memchr3(first(0), first(1), first(2), bytes);
    }
    bytes.iter().position(|byte| needles.iter().any(|needle| needle.as_bytes()[0] == *byte))
}

/// The name of a call that is to be written.
fn name_of<'a>(format: &'static str, call: &'a Call) -> Result<&'a str, Unwritable> {
    if call.name.is_empty() {
        let why = "a call without a name cannot be told from a broken one; give it one";
        return Err(Unwritable { format, what: "the name", text: String::new(), why });
    }
    Ok(&call.name)
}

/// A tool as an `OpenAI` function definition, as most chat templates put it before a model.
fn write_definition(tool: &ToolSpec, out: &mut String) {
    out.push_str("{\"type\": \"function\", \"function\": ");
    write_function(tool, out);
    out.push('}');
}

/// A tool's name, description and parameters as one JSON object.
fn write_function(tool: &ToolSpec, out: &mut String) {
    out.push_str("{\"name\": ");
    write_string(&tool.name, out);
    out.push_str(", \"description\": ");
    write_string(&tool.description, out);
    let _ = write!(out, ", \"parameters\": {}}}", crate::write_json(&tool.parameters));
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn no_marker_is_a_prefix_of_another() {
        for spec in TABLE {
            let mut markers: Vec<&str> = spec.opens.iter().chain([&spec.thinking.0]).copied().collect();
            markers.retain(|marker| !marker.is_empty());
            for (index, marker) in markers.iter().enumerate() {
                let others = markers.iter().enumerate().filter(|(other, _)| *other != index);
                for (_, other) in others {
                    assert!(!other.starts_with(marker), "{}: {marker} begins {other}", spec.id);
                }
            }
        }
    }

    #[test]
    fn no_id_is_given_twice() {
        let mut ids: Vec<&str> =
            TABLE.iter().flat_map(|spec| spec.aliases.iter().chain([&spec.id])).copied().collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
