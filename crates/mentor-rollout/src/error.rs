//! What can go wrong while playing. Nothing a model writes is among it: that is data.

use crate::SamplingError;

/// Why a batch could not be played; `E` is the policy's own error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E: std::error::Error + 'static> {
    /// The policy could not extend its sequences.
    #[error("the policy could not extend its sequences")]
    Policy(#[source] E),
    /// The sampling options cannot be used.
    #[error("sampling: {0}")]
    Sampling(#[from] SamplingError),
    /// The policy cannot hold a single sequence.
    #[error("the policy has no slots, so no episode can be played: build it with at least one")]
    NoSlots,
    /// The policy's logits have the wrong size.
    #[error(
        "the policy returned {got} logits for {rows} sequences of a vocabulary of {vocab}: it must return rows × vocabulary"
    )]
    Shape {
        /// Logits returned.
        got: usize,
        /// Rows asked for.
        rows: usize,
        /// The policy's vocabulary size.
        vocab: usize,
    },
    /// The tools could not carry out a step's calls.
    #[error("the tools could not carry out the calls")]
    Tools(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There are not as many observations as calls.
    #[error("the tools gave {got} observations for {calls} calls: they must give one for each, in order")]
    Observations {
        /// Observations given.
        got: usize,
        /// Calls asked for.
        calls: usize,
    },
    /// A row of logits is no distribution.
    #[error(
        "episode {episode}: the logits are no distribution (a NaN, an infinity or all ruled out), so the model has diverged: go back to an earlier checkpoint or lower the learning rate"
    )]
    NotFinite {
        /// [`crate::Episode::id`] of the episode whose next token could not be drawn.
        episode: String,
    },
}
