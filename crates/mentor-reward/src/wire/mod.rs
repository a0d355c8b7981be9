//! Attempts as JSON: what the filter `score`, an HTTP service and bindings to other languages read and write.
//!
//! An attempt is one object. It says what was done, in one of three ways,
//!
//! - `response`, a text in the Qwen/Hermes form ([`crate::read_response`]), with `ended`: whether a stop token closed it,
//! - `messages`, the assistant's and the tools' messages ([`read_messages`]), with `ended` unless it did,
//! - `trajectory`, a whole [`Trajectory`] as rollouts are logged,
//!
//! and what it is held against:
//!
//! | key | meaning |
//! |---|---|
//! | `answer` | the gold answer, a text or a number; the box is compared with it as mathematics |
//! | `tools` | the tools on offer: names, or definitions with a name |
//! | `teacher_tools` | the teacher's calls by name, in order; their arguments are unknown then |
//! | `teacher_calls` | the teacher's calls whole, `{"name", "arguments"}`, instead of `teacher_tools` |
//! | `other_teacher_tools`, `other_teacher_calls` | another task's, for `shuffled`; optional |
//! | `correct` | whether the attempt is right, where something else than the box decides that; optional |
//! | `reward` | a preset's name, a table as TOML or as an object; optional where there is another to fall back on |
//! | `step` | the step of the training, from 1, for rewards with a schedule; optional |
//! | `id` | given back as it is; optional |
//!
//! Other keys are for others. With `teacher_tools` alone `arguments` has nothing to ask for, and `call_sequence_equal`
//! holds for calls without arguments only.
//!
//! [`openrlhf`] and [`nemo_gym`] are the shapes in which these engines ask for rewards.

mod gold;
mod messages;
pub mod nemo_gym;
pub mod openrlhf;
mod write;

use mentor_trajectory::Trajectory;
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub use gold::{Gold, Held, called};
pub use messages::read_messages;
pub use write::write_attempt;

use crate::{Reward, Score, read_response, score};

/// A request that cannot be read: which field is at fault, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct WireError {
    /// The field, with its place (`[3].teacher_calls[0]`).
    pub field: String,
    /// What is wrong with it, and what to write instead.
    pub problem: String,
}

impl WireError {
    /// The same, where `outer` holds the field.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let dot = if self.field.starts_with('[') || self.field.is_empty() { "" } else { "." };
        Self { field: format!("{outer}{dot}{}", self.field), ..self }
    }
}

pub(crate) fn fault(field: &str, problem: impl Into<String>) -> WireError {
    WireError { field: field.to_owned(), problem: problem.into() }
}

/// The fields of an object; `what` names it in the error.
pub(crate) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, WireError> {
    value.as_object().ok_or_else(|| fault(what, format!("is {}, not an object", kind(value))))
}

/// A field that may be missing or null.
pub(crate) fn optional<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, WireError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value).map(Some).map_err(|error| fault(name, error.to_string())),
    }
}

/// What a JSON value is, for errors.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An attempt read from its object, ready to be scored, and the reward it names.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The attempt beside what it is held against.
    pub held: Held,
    /// The reward it names, at its step; none: whoever asks has one.
    pub reward: Option<Reward>,
    /// Its step.
    pub step: Option<usize>,
}

impl Attempt {
    /// Reads an attempt.
    ///
    /// # Errors
    /// A field that is missing or of the wrong type, by name. What the model wrote is never an error.
    pub fn read(value: &Value) -> Result<Self, WireError> {
        let fields = object(value, "the attempt")?;
        let student = student(fields)?;
        let gold = Gold::read(fields)?;
        if gold.tools.is_none() {
            return Err(fault("tools", "is missing: list the names of the tools on offer"));
        }
        if gold.teacher.is_none() {
            return Err(fault(
                "teacher_tools",
                "is missing: list the names of the teacher's calls, or give teacher_calls",
            ));
        }
        let reward = fields.get("reward").filter(|value| !value.is_null()).map(read_reward).transpose()?;
        Ok(Self { held: gold.hold(student), reward, step: optional(fields, "step")? })
    }

    /// Scores it with its own reward, or with `fallback` if it names none.
    ///
    /// # Errors
    /// There is neither.
    pub fn score(&self, fallback: Option<&Reward>) -> Result<Score, WireError> {
        let reward = self.reward.as_ref().or(fallback).ok_or_else(|| {
            let names = Reward::preset_names().join(", ");
            fault("reward", format!("is missing: name a preset ({names}) or give a table"))
        })?;
        let scored = match self.step {
            Some(step) => score(&reward.at(step), &self.held.case()),
            None => score(reward, &self.held.case()),
        };
        Ok(scored)
    }
}

/// What was done: `response`, `messages` or `trajectory`.
fn student(fields: &Map<String, Value>) -> Result<Trajectory, WireError> {
    if let Some(trajectory) = optional(fields, "trajectory")? {
        return Ok(trajectory);
    }
    let ended: Option<bool> = optional(fields, "ended")?;
    if let Some(messages) = optional::<Vec<Value>>(fields, "messages")? {
        return read_messages(&messages, ended.unwrap_or(true)).map_err(|error| error.within("messages"));
    }
    let response: Option<String> = optional(fields, "response")?;
    let response = response.ok_or_else(|| fault("response", "is missing: give the text after the prompt"))?;
    let ended = ended.ok_or_else(|| fault("ended", "is missing: did a stop token close the response?"))?;
    Ok(read_response(&response, ended))
}

/// A reward as a preset's name, a table as TOML, or a table as an object.
///
/// # Errors
/// What is wrong with it.
pub fn read_reward(value: &Value) -> Result<Reward, WireError> {
    let Some(text) = value.as_str() else {
        let reward = serde_json::from_value::<Reward>(value.clone())
            .map_err(|error| fault("reward", error.to_string()))?;
        return reward.check("reward").map(|()| reward).map_err(|error| fault("reward", error.to_string()));
    };
    match Reward::preset(text) {
        Some(preset) => Ok(preset),
        None if text.contains('=') => {
            Reward::from_toml(text, "the table").map_err(|error| fault("reward", error.to_string()))
        }
        None => {
            let names = Reward::preset_names().join(", ");
            Err(fault("reward", format!("no preset {text:?}; there are {names}")))
        }
    }
}

/// `{"id", "total", "parts"}`: the reply to one attempt.
pub fn reply(id: &Value, score: &Score) -> Value {
    json!({"id": id, "total": score.total, "parts": score.parts})
}

/// Scores an attempt, or a list of them on all threads of rayon's pool: the reply, or the list of replies in their order.
///
/// # Errors
/// The first attempt that cannot be read; nothing is scored then.
pub fn score_json(request: &Value, fallback: Option<&Reward>) -> Result<Value, WireError> {
    let one = |value: &Value| {
        let score = Attempt::read(value)?.score(fallback)?;
        Ok(reply(value.get("id").unwrap_or(&Value::Null), &score))
    };
    match request {
        Value::Array(attempts) => {
            let at = |index: usize| {
                one(&attempts[index]).map_err(|error: WireError| error.within(&format!("[{index}]")))
            };
            each(attempts.len(), at).map(Value::Array)
        }
        _ => one(request),
    }
}

/// Does something for each index up to `count`, in parallel; of several errors the first in the order of the indices.
pub(crate) fn each<T: Send>(
    count: usize,
    of: impl Fn(usize) -> Result<T, WireError> + Sync + Send,
) -> Result<Vec<T>, WireError> {
    // Collected first, so that the error is the first in the list and not the first in time.
    let found: Vec<Result<T, WireError>> = (0..count).into_par_iter().map(of).collect();
    found.into_iter().collect()
}

/// What each term and each gate that can fail brought, by name: the same names for every attempt.
pub(crate) fn contributions<'a>(
    reward: &'a Reward,
    score: &'a Score,
) -> impl Iterator<Item = (&'static str, f64)> + 'a {
    let gates = reward.gates.iter().map(|gate| gate.require.failure_name());
    let terms = reward.terms.iter().map(|term| term.part.name());
    gates.chain(terms).map(|name| (name, score.part(name).map_or(0.0, |part| part.value * part.weight)))
}
