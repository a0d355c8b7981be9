//! What is to be done, with which tools, and how it is judged.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Call;

/// A tool as it is offered to the model: the three fields of an `OpenAI` function definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The name the model calls it by.
    pub name: String,
    /// One sentence for the model.
    pub description: String,
    /// A JSON Schema of type `object`; the order of its `properties` is the order of the parameters.
    pub parameters: Value,
}

impl ToolSpec {
    /// The parameter names in declared order; empty if the schema has no `properties`.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }
}

/// The part of a domain a task belongs to. The parts share no program and no entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What the base model is made from: never trained on or tested on again.
    Pretrain,
    /// Prompts of the RL arms and transcripts of the SFT arm.
    Train,
    /// Where hyper-parameters are chosen.
    Validation,
    /// What is reported.
    Test,
}

/// How a finished attempt is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// The last boxed answer must equal [`Task::answer`].
    Answer,
    /// The executed calls must form one of [`Task::plans`] and the attempt must have ended (as BFCL judges).
    Calls,
}

/// One valid way to solve a task: the calls in an order that works, with every argument resolved to its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The calls. A call that uses an earlier result holds that result's value.
    pub calls: Vec<Call>,
}

/// A task: what is asked, the tools on offer, and how an attempt at it is judged.
///
/// A task is self-contained: together with the domain's code, `world` is all that executing its tools needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Unique over all suites and splits.
    pub id: String,
    /// The suite it belongs to (`arithmetic`, `multihop`, …).
    pub suite: String,
    /// The split it belongs to.
    pub split: Split,
    /// What the user asks.
    pub question: String,
    /// The tools on offer, distractors included, in the order they are shown.
    pub tools: Vec<ToolSpec>,
    /// The gold answer, as it would stand in the box.
    pub answer: String,
    /// How an attempt is judged.
    pub judge: Judge,
    /// All valid plans; the first is the one the scripted teacher follows. One empty plan: no tool is needed.
    pub plans: Vec<Plan>,
    /// The facts the tools work on (a knowledge base, say); `null` if they need none.
    #[serde(default)]
    pub world: Value,
}
