//! What was done: turns, calls, observations, ending.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tool call: a name and named arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The tool's name as written.
    pub name: String,
    /// The arguments in written order.
    pub arguments: Map<String, Value>,
}

/// How far the text of a call follows its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The format to the letter: what a reward pays for.
    Strict,
    /// Deviates, but only one reading is left: the environment executes it.
    Repaired,
    /// A name or some arguments are readable, but the call is cut off or contradicts itself: diagnosis only.
    Recoverable,
    /// Nothing can be made of it.
    Unusable,
}

/// What a tool gave back, as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The text between the tool-response markers.
    pub content: String,
    /// False if the text reports an error (unknown tool, bad arguments, division by zero, unreadable call, …).
    pub ok: bool,
}

/// One call as it stands in a turn, readable or not, with what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The source text of the call, markers included.
    pub raw: String,
    /// Byte range of `raw` in [`Turn::text`].
    pub span: (usize, usize),
    /// How far the text follows its format.
    pub reading: Reading,
    /// The faults and repairs by name (`trailing_comma`, `missing_close_tag`, …); empty for a strict call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The call read: always there for strict and repaired ones, never complete for the rest.
    pub call: Option<Call>,
    /// The answer of the environment; none if the attempt ended before one was given.
    pub observation: Option<Observation>,
}

impl CallRecord {
    /// The call if it follows its format to the letter: what rewards count.
    pub fn strict(&self) -> Option<&Call> {
        self.call.as_ref().filter(|_| self.reading == Reading::Strict)
    }

    /// The call if exactly one reading is left: what the environment executes.
    pub fn lenient(&self) -> Option<&Call> {
        self.call.as_ref().filter(|_| matches!(self.reading, Reading::Strict | Reading::Repaired))
    }
}

/// What the assistant wrote between two observations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The whole text of the turn, as sampled, without the stop token.
    pub text: String,
    /// What stands inside reasoning blocks (`<think>…</think>`); empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// What stands outside reasoning blocks and calls.
    pub content: String,
    /// The calls in written order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallRecord>,
    /// Whether a stop token closed the turn.
    pub closed: bool,
}

/// Why an attempt is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The last turn was closed by a stop token and holds no call.
    Ended,
    /// The last turn allowed still held a call.
    TurnLimit,
    /// The tokens allowed ran out.
    TokenLimit,
    /// What is recorded stops in an observation: the turn that would have followed is not there.
    InObservation,
}

/// One attempt at one task by a teacher or a student.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// Unique in its file or store (`arm/seed/step/task/sample` for rollouts).
    pub id: String,
    /// The task it is an attempt at ([`crate::Task::id`]).
    pub task_id: String,
    /// Who made it: a model, a checkpoint, or `scripted`.
    pub source: String,
    /// The assistant's turns.
    pub turns: Vec<Turn>,
    /// Why it is over.
    pub ending: Ending,
}

impl Trajectory {
    /// Whether the attempt ended of its own accord (METHOD: *ended*).
    pub fn ended(&self) -> bool {
        self.ending == Ending::Ended
    }

    /// Text of the final turn outside reasoning and calls; none unless the attempt [ended](Self::ended).
    ///
    /// An answer is looked for here and nowhere else.
    pub fn final_text(&self) -> Option<&str> {
        self.ended().then(|| self.turns.last()).flatten().map(|turn| turn.content.as_str())
    }

    /// Every call, readable or not, in order.
    pub fn records(&self) -> impl Iterator<Item = &CallRecord> {
        self.turns.iter().flat_map(|turn| &turn.calls)
    }

    /// The calls that follow their format to the letter, in order: what rewards count.
    pub fn strict_calls(&self) -> impl Iterator<Item = &Call> {
        self.records().filter_map(CallRecord::strict)
    }

    /// The calls the environment executed or would have executed, in order.
    pub fn lenient_calls(&self) -> impl Iterator<Item = &Call> {
        self.records().filter_map(CallRecord::lenient)
    }
}
