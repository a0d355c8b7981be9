//! The trainable model as a policy that plays episodes, and its tokenizer as their codec.

use anyhow::{Context, Result};
use mentor_model::{Decoder, Model, Recording, Tokenizer, token_logprob};
use mentor_rollout::{Codec, Policy};
use mentor_toolcall::{Chat, Piece, Stretch, stretches};

/// A model with a key-value cache for each episode in play.
pub struct ModelPolicy<'m> {
    decoder: Decoder<'m>,
    vocabulary: usize,
    slots: usize,
    max_tokens: usize,
}

impl<'m> ModelPolicy<'m> {
    /// Room for `slots` episodes of at most `max_tokens` tokens.
    pub fn new(model: &'m Model, slots: usize, max_tokens: usize) -> Result<Self> {
        let decoder = Decoder::new(model, slots, max_tokens)?;
        Ok(Self { decoder, vocabulary: model.config().vocab_size, slots, max_tokens })
    }

    /// Keeps what is computed of finished episodes, in at most so many bytes, so that their gradient need not compute
    /// it again.
    #[must_use]
    pub fn recording(self, bytes: usize) -> Self {
        Self { decoder: self.decoder.recording(bytes), ..self }
    }

    /// What was kept of finished episodes.
    pub fn into_recording(self) -> Option<Recording> {
        self.decoder.into_recording()
    }
}

impl Policy for ModelPolicy<'_> {
    type Error = mentor_model::Error;

    fn vocab_size(&self) -> usize {
        self.vocabulary
    }

    fn slots(&self) -> usize {
        self.slots
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn extend(&mut self, inputs: &[(usize, &[u32])]) -> Result<&[f32], Self::Error> {
        self.decoder.extend(inputs)
    }

    fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32 {
        token_logprob(logits, token, temperature).map_or(f32::NEG_INFINITY, |found| found.logprob)
    }

    fn fork(&mut self, from: usize, to: usize) {
        self.decoder.fork(from, to);
    }

    fn clear(&mut self, slot: usize) {
        self.decoder.clear(slot);
    }
}

/// A tokenizer that knows which tokens close a turn.
pub struct ModelCodec {
    /// The tokenizer itself.
    pub tokenizer: Tokenizer,
    stop: Vec<u32>,
}

impl ModelCodec {
    /// The stop tokens are the chat format's and the checkpoint's own.
    pub fn new(tokenizer: Tokenizer, model: &Model) -> Result<Self> {
        let chat_stop = tokenizer
            .token_id(Chat::STOP)
            .with_context(|| format!("tokenizer.json: has no token `{}`, which closes a turn", Chat::STOP))?;
        let mut stop = model.config().eos_token_id.clone();
        if !stop.contains(&chat_stop) {
            stop.push(chat_stop);
        }
        Ok(Self { tokenizer, stop })
    }
}

impl Codec for ModelCodec {
    fn encode(&self, pieces: &[Piece]) -> Vec<u32> {
        encode(&self.tokenizer, pieces)
    }

    fn decode(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids)
    }

    fn stop_ids(&self) -> &[u32] {
        &self.stop
    }
}

/// Token ids of a stretch of conversation: special tokens count in markup only.
pub fn encode<'a>(tokenizer: &Tokenizer, pieces: impl IntoIterator<Item = &'a Piece>) -> Vec<u32> {
    stretches(pieces)
        .iter()
        .flat_map(|stretch| match stretch {
            Stretch::Special(token) => tokenizer.encode(token),
            Stretch::Plain(text) => tokenizer.encode_plain(text),
        })
        .collect()
}
