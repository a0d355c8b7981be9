//! A tokenizer and a policy without any learning: for documentation, examples and tests of what is built on
//! rollouts.

use std::collections::BTreeMap;
use std::convert::Infallible;

use mentor_toolcall::{Chat, Piece, Stretch, stretches};

use crate::{Codec, Policy, logprob};

const BYTES: u32 = 256;

/// A token for each byte (ids 0 to 255) and for each special token of the chat templates (from 256 on).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteCodec {
    stop_ids: Vec<u32>,
}

impl Default for ByteCodec {
    fn default() -> Self {
        ByteCodec::new()
    }
}

impl ByteCodec {
    /// The codec; `<|im_end|>` and `<|endoftext|>` close a turn.
    pub fn new() -> ByteCodec {
        let stops = [Chat::STOP, "<|endoftext|>"];
        ByteCodec { stop_ids: stops.iter().filter_map(|token| special_id(token)).collect() }
    }

    /// How many ids there are.
    pub fn vocab_size(&self) -> usize {
        BYTES as usize + Chat::special_tokens().len()
    }
}

impl Codec for ByteCodec {
    fn encode(&self, pieces: &[Piece]) -> Vec<u32> {
        let mut ids = Vec::new();
        for stretch in stretches(pieces) {
            match stretch {
                Stretch::Special(token) => ids.extend(special_id(token)),
                Stretch::Plain(text) => ids.extend(text.bytes().map(u32::from)),
            }
        }
        ids
    }

    fn decode(&self, ids: &[u32]) -> String {
        let mut bytes = Vec::with_capacity(ids.len());
        for &id in ids {
            if let Ok(byte) = u8::try_from(id) {
                bytes.push(byte);
            } else {
                let special = Chat::special_tokens().get((id - BYTES) as usize);
                bytes.extend_from_slice(special.unwrap_or(&"\u{FFFD}").as_bytes());
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn stop_ids(&self) -> &[u32] {
        &self.stop_ids
    }
}

fn special_id(token: &str) -> Option<u32> {
    Chat::special_tokens().iter().position(|special| *special == token).map(|index| BYTES + index as u32)
}

/// A policy that recites: asked a question it knows, it says the turns of its script, each closed by
/// `<|im_end|>`, with certainty (log-probability 0); asked anything else, or beyond its script, it closes the
/// turn at once.
///
/// A turn of a script may hold special tokens; a stop token in it closes the turn there.
#[derive(Clone, Debug)]
pub struct Reciter {
    codec: ByteCodec,
    /// What opens an assistant turn, encoded.
    opening: Vec<u32>,
    /// Encoded user message → encoded turns.
    scripts: BTreeMap<Vec<u32>, Vec<Vec<u32>>>,
    stop: u32,
    max_tokens: usize,
    slots: Vec<Vec<u32>>,
    logits: Vec<f32>,
}

impl Reciter {
    /// A reciter of `scripts`, question → turns, over [`ByteCodec`]'s ids.
    pub fn new(
        chat: Chat,
        slots: usize,
        max_tokens: usize,
        scripts: &BTreeMap<String, Vec<String>>,
    ) -> Reciter {
        let codec = ByteCodec::new();
        let markup = |text: &str| codec.encode(&[Piece::Markup(text.to_owned())]);
        let encode = |(question, turns): (&String, &Vec<String>)| {
            let message = [
                Piece::Markup("<|im_start|>user\n".to_owned()),
                Piece::Text(question.clone()),
                Piece::Markup(Chat::STOP.to_owned()),
            ];
            (codec.encode(&message), turns.iter().map(|turn| markup(turn)).collect())
        };
        Reciter {
            opening: markup(chat.opening()),
            scripts: scripts.iter().map(encode).collect(),
            stop: special_id(Chat::STOP).unwrap_or_default(),
            max_tokens,
            slots: vec![Vec::new(); slots],
            logits: Vec::new(),
            codec,
        }
    }

    /// The token that comes next in a conversation.
    fn next(&self, said: &[u32]) -> u32 {
        let width = self.opening.len();
        let openings: Vec<usize> = (0..said.len())
            .filter(|&at| said[at..].starts_with(&self.opening))
            .map(|at| at + width)
            .collect();
        let (Some(&turn_start), Some(turn)) = (openings.last(), openings.len().checked_sub(1)) else {
            return self.stop;
        };
        let asked = |message: &[u32]| said.windows(message.len()).any(|window| window == message);
        let script = self.scripts.iter().find(|(message, _)| asked(message));
        let line = script.and_then(|(_, turns)| turns.get(turn));
        line.and_then(|line| line.get(said.len() - turn_start)).copied().unwrap_or(self.stop)
    }
}

impl Policy for Reciter {
    type Error = Infallible;

    fn vocab_size(&self) -> usize {
        self.codec.vocab_size()
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn extend(&mut self, inputs: &[(usize, &[u32])]) -> Result<&[f32], Infallible> {
        let vocab = self.vocab_size();
        self.logits.clear();
        self.logits.resize(inputs.len() * vocab, f32::NEG_INFINITY);
        for (row, &(slot, chunk)) in inputs.iter().enumerate() {
            self.slots[slot].extend_from_slice(chunk);
            let next = self.next(&self.slots[slot]) as usize;
            self.logits[row * vocab + next] = 0.0;
        }
        Ok(&self.logits)
    }

    fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32 {
        logprob(logits, token, temperature)
    }

    fn fork(&mut self, from: usize, to: usize) {
        self.slots[to] = self.slots[from].clone();
    }

    fn clear(&mut self, slot: usize) {
        self.slots[slot].clear();
    }
}

#[cfg(test)]
mod tests;
