//! What is played, within which limits, and the record that comes of it.

use mentor_trajectory::{Task, Trajectory};
use serde::{Deserialize, Serialize};

/// One attempt to be made.
#[derive(Clone, Debug)]
pub struct Episode<'a> {
    /// Becomes [`Trajectory::id`].
    pub id: String,
    /// What is to be done.
    pub task: &'a Task,
    /// All randomness of the attempt comes from it (and from the turn): see [`crate::derive_seed`].
    pub seed: u64,
    /// Episodes of one group attempt the same task: their prompt is computed once and forked.
    pub group: usize,
}

/// Where an episode stops at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Assistant turns (at most 65,535 are played).
    pub turns: usize,
    /// Sampled tokens a turn, its stop token included.
    pub turn_tokens: usize,
    /// Tokens of the whole sequence: prompt, turns and observations.
    pub tokens: usize,
    /// Characters of one observation; what is longer is cut and ends in `…`.
    pub observation_chars: usize,
}

impl Limits {
    /// The MENTOR paper's: 5 turns, prompts of 1,536 tokens and responses of 8,192, without a limit a turn.
    /// (The limit on observations is ours.)
    pub fn published() -> Limits {
        Limits { turns: 5, turn_tokens: 8192, tokens: 1536 + 8192, observation_chars: 4096 }
    }
}

/// One token of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// The log-probability it was sampled with ([`crate::Policy::logprob`]); there if and only if it was sampled.
    ///
    /// It is the only mask there is: a token is trained on exactly if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprob: Option<f32>,
    /// The index in [`Trajectory::turns`] of the turn it was sampled in; none for prompt and observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u16>,
}

impl Token {
    /// A token of the prompt or of an observation.
    pub fn given(id: u32) -> Token {
        Token { id, logprob: None, turn: None }
    }
}

/// An episode played: the readable record and the exact tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Turns, calls, observations and ending.
    pub trajectory: Trajectory,
    /// Every token the model was shown or sampled, in order: prompt, turn, observations, turn, …
    ///
    /// Ids are only ever appended; no text is encoded twice. Unless nothing was sampled, the last token is a
    /// sampled one: observations that no turn follows stand in the trajectory only.
    pub tokens: Vec<Token>,
    /// How many tokens the prompt has.
    pub prompt_tokens: usize,
    /// [`Episode::group`].
    pub group: usize,
}

impl Rollout {
    /// How many tokens were sampled, stop tokens included: those that are trained on.
    pub fn tokens_sampled(&self) -> usize {
        self.sampled().count()
    }

    /// The sampled tokens with their positions in [`Rollout::tokens`], in order.
    pub fn sampled(&self) -> impl Iterator<Item = (usize, &Token)> {
        self.tokens.iter().enumerate().filter(|(_, token)| token.logprob.is_some())
    }

    /// The ids of the whole sequence.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    /// The log-probabilities of the sampled tokens, in order.
    pub fn logprobs(&self) -> Vec<f32> {
        self.tokens.iter().filter_map(|token| token.logprob).collect()
    }
}
