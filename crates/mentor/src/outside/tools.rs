//! Tools that another program carries out: `POST` a list of calls, get a list of observations.

use anyhow::{Context, Result};
use mentor_rollout::{Asked, BuiltIn, Tools, ToolsError};
use mentor_trajectory::Observation;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Endpoint, Outside, Question, default_retries, default_timeout};

/// `[tools]` of an experiment: calls that another program carries out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolsConfig {
    /// [`Endpoint::url`].
    pub url: String,
    /// [`Endpoint::timeout`].
    #[serde(default = "default_timeout")]
    pub timeout: f64,
    /// [`Endpoint::retries`]. A call that may have arrived is never sent again.
    #[serde(default = "default_retries")]
    pub retries: usize,
    /// [`Endpoint::remote`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remote: bool,
    /// The names of the tools that are asked for there; all unless given. The others stay built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
}

impl ToolsConfig {
    /// Where it is asked.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { url: self.url.clone(), timeout: self.timeout, retries: self.retries, remote: self.remote }
    }
}

/// Tools asked over HTTP.
///
/// What needs no asking is answered here, in the words of the built-in tools: a tool that the task does not offer, arguments
/// that its schema refuses, a tool that is not among [`ToolsConfig::only`].
#[derive(Clone, Debug)]
pub struct OutsideTools {
    outside: Outside,
    only: Option<Vec<String>>,
}

/// What comes back for a call.
#[derive(Deserialize)]
struct Reply {
    content: String,
    #[serde(default = "yes")]
    ok: bool,
}

fn yes() -> bool {
    true
}

impl OutsideTools {
    /// Tools at an address.
    pub fn new(config: &ToolsConfig) -> Self {
        Self { outside: Outside::new(&config.endpoint()), only: config.only.clone() }
    }

    fn is_outside(&self, asked: &Asked) -> bool {
        let chosen = self.only.as_ref().is_none_or(|only| only.contains(&asked.call.name));
        chosen && mentor_env::refusal(asked.task, asked.call).is_none()
    }

    fn observations(&self, asked: &[Asked]) -> Result<Vec<Observation>> {
        let outside: Vec<bool> = asked.iter().map(|asked| self.is_outside(asked)).collect();
        let questions: Vec<Value> = asked
            .iter()
            .zip(&outside)
            .filter(|(_, outside)| **outside)
            .map(|(asked, _)| question(asked))
            .collect();
        let mut replies = self.outside.ask(&questions, Question::Once)?.into_iter();
        let mut observation = |(asked, outside): (&Asked, bool)| {
            let Some(reply) = outside.then(|| replies.next()).flatten() else {
                return Ok(BuiltIn::execute(asked));
            };
            let reply: Reply = serde_json::from_value(reply).with_context(|| {
                format!(
                    "{}: the reply to {} of {}: no {{\"content\": text, \"ok\"?: true or false}}",
                    self.outside.endpoint.url, asked.call.name, asked.episode
                )
            })?;
            Ok(Observation { content: reply.content, ok: reply.ok })
        };
        asked.iter().zip(outside).map(&mut observation).collect()
    }
}

/// A call as it is sent: whose it is, and what a tool may need to know of the task.
fn question(asked: &Asked) -> Value {
    json!({
        "episode": asked.episode,
        "turn": asked.turn,
        "task": asked.task.id,
        "name": asked.call.name,
        "arguments": asked.call.arguments,
        "world": asked.task.world,
    })
}

impl Tools for OutsideTools {
    fn carry_out(&self, asked: &[Asked]) -> Result<Vec<Observation>, ToolsError> {
        self.observations(asked).map_err(Into::into)
    }
}
