//! What playing needs to know of a language model and its tokenizer.

use mentor_toolcall::Piece;

/// A causal language model with slots, each of which holds one sequence of tokens (in practice: its KV cache).
///
/// The logits of a slot must be a function of the tokens in that slot alone, to the bit: not of the slot's
/// number, of what the other slots hold, or of how the tokens were cut into chunks. Then a rollout does not
/// depend on what it is played beside, and the log-probabilities stored here are those that training
/// computes.
pub trait Policy {
    /// What goes wrong inside the model.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The length of a row of logits.
    fn vocab_size(&self) -> usize;

    /// How many sequences it holds at once.
    fn slots(&self) -> usize;

    /// How many tokens a slot holds.
    fn max_tokens(&self) -> usize;

    /// Appends each chunk (one token or more, lengths may differ) to its slot; a slot occurs at most once.
    ///
    /// Returns the logits after each chunk's last token, (inputs, vocabulary), in the order of the inputs.
    fn extend(&mut self, inputs: &[(usize, &[u32])]) -> Result<&[f32], Self::Error>;

    /// ln p(`token`) under softmax(`logits` / `temperature`), for a row of logits that this policy returned and a
    /// temperature above 0: the number that is stored with the token when it is sampled.
    ///
    /// It must have the bits that training on the token computes, so that the first update of a batch starts from
    /// a ratio of exactly 1. A policy that nobody trains may take [`logprob`](crate::logprob).
    fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32
    where
        Self: Sized;

    /// Makes slot `to` hold what slot `from` holds, whatever it held before.
    fn fork(&mut self, from: usize, to: usize);

    /// Empties a slot.
    fn clear(&mut self, slot: usize);
}

/// Text to token ids and back.
pub trait Codec {
    /// The ids of a rendered piece of conversation.
    ///
    /// Special tokens are special in [`Piece::Markup`] only: what a user or a tool wrote in [`Piece::Text`]
    /// must not be able to close a message ([`mentor_toolcall::stretches`] cuts pieces for a tokenizer that
    /// merges).
    fn encode(&self, pieces: &[Piece]) -> Vec<u32>;

    /// The text of sampled ids. Any sequence has one: bytes that are no UTF-8 become replacement characters.
    fn decode(&self, ids: &[u32]) -> String;

    /// The tokens that close a turn when sampled.
    fn stop_ids(&self) -> &[u32];
}
