//! Sampling: keys and values of many sequences, each in a slot, extended by any tokens at any time.

mod heads;
mod pass;

use crate::cache::Slot;
use crate::kernels::logprob::{TokenLogProb, token_logprob_kernel};
use crate::kernels::rope::RopeTable;
use crate::kernels::simd::Level;
use crate::logprobs::in_pool;
use crate::packed::PackedWeights;
use crate::recording::{Recorder, Recording, SlotRecorder};
use crate::{Device, Error, Model, Result};
use pass::{Chunk, Pass, Rows};
use rayon::prelude::*;
use std::sync::Arc;

/// A model with a key-value cache of `slots` sequences of up to `max_tokens` tokens (continuous batching by
/// slots).
///
/// It works on the processor, on a copy of the weights as they were when it was made, wherever the model lies; a
/// step is one [`Decoder::extend`] with one token for each running slot. Its logits are, bit for bit, those of the
/// training pass over the same tokens on the processor.
#[derive(Debug)]
pub struct Decoder<'m> {
    model: &'m Model,
    /// The model in the processor's memory, if it lies on another device.
    copy: Option<Model>,
    weights: Arc<PackedWeights>,
    table: RopeTable,
    slots: Vec<Slot>,
    max_tokens: usize,
    panel: usize,
    logits: Vec<f32>,
    /// One for each group of chunks that runs on its own.
    rows: Vec<Rows>,
    recorder: Option<Recorder>,
}

/// Rows that are worth a thread of their own: below that, reading the weights once more costs more than sharing
/// the work gains.
const GROUP_ROWS: usize = 24;

/// Rows of a thread that go through the model in one pass, if no chunk is longer: more would need more memory, and
/// fall out of the caches between one operation and the next.
const PASS_ROWS: usize = 1024;

/// How many of the first chunks make up a pass.
fn together(inputs: &[(usize, &[u32])]) -> usize {
    let most = PASS_ROWS * rayon::current_num_threads();
    let mut rows = 0;
    let fitting = inputs.iter().take_while(|(_, ids)| {
        rows += ids.len();
        rows <= most
    });
    fitting.count().max(1)
}

impl<'m> Decoder<'m> {
    /// A decoder with empty slots. Memory: the model once more, and `2·layers·kv_heads·head_dim·4` bytes a
    /// token and slot, which the system hands out as slots fill; what [`Decoder::fork`] shares is there once.
    pub fn new(model: &'m Model, slots: usize, max_tokens: usize) -> Result<Self> {
        if slots == 0 || max_tokens == 0 {
            return Err(Error::Decoder("needs at least one slot and one token of room".into()));
        }
        let copy = if model.is_on_cpu() { None } else { Some(model.to_device(&Device::Cpu)?) };
        let weights = Arc::new(in_pool(|| PackedWeights::new(copy.as_ref().unwrap_or(model)))?);
        let c = model.config();
        Ok(Self {
            model,
            copy,
            weights,
            table: c.rope_table(max_tokens),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            max_tokens,
            panel: Level::detect().panel(),
            logits: Vec::new(),
            rows: Vec::new(),
            recorder: None,
        })
    }

    /// Keeps, from now on, what is computed of every sequence for [`PassOptions::recording`](crate::PassOptions::recording), in at most so many
    /// bytes: the sequences that began first, if it is too much. A sequence is complete when its slot is cleared.
    #[must_use]
    pub fn recording(mut self, bytes: usize) -> Self {
        self.recorder = Some(Recorder::new(self.model.config(), self.slots.len(), bytes));
        self
    }

    /// What was recorded of complete sequences.
    pub fn into_recording(self) -> Option<Recording> {
        Some(self.recorder?.into_recording(self.weights))
    }

    /// Slots, in use or not.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Tokens a slot has room for.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Tokens in a slot. A slot that does not exist is empty.
    pub fn len(&self, slot: usize) -> usize {
        self.slots.get(slot).map_or(0, Slot::len)
    }

    /// Whether a slot holds no token.
    pub fn is_empty(&self, slot: usize) -> bool {
        self.len(slot) == 0
    }

    /// Forgets a slot's tokens.
    pub fn clear(&mut self, slot: usize) {
        self.truncate(slot, 0);
    }

    /// Forgets all but a slot's first `len` tokens.
    pub fn truncate(&mut self, slot: usize, len: usize) {
        let cut = len < self.len(slot);
        if let Some(recorder) = self.recorder.as_mut().filter(|_| cut) {
            if len == 0 { recorder.finish(slot) } else { recorder.forget(slot) }
        }
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.truncate(len);
        }
    }

    /// Makes slot `to` hold what slot `from` holds. Samples of a group share the work on their prompt, and one
    /// copy of its keys and values: reading them once for all serves a step of the group.
    ///
    /// # Panics
    /// If either slot does not exist.
    pub fn fork(&mut self, from: usize, to: usize) {
        if from == to {
            return;
        }
        let [source, target] = self.slots.get_disjoint_mut([from, to]).expect("both slots must exist");
        source.fork(target, self.model, self.max_tokens);
        if let Some(recorder) = &mut self.recorder {
            recorder.fork(from, to);
        }
    }

    /// Appends each chunk of tokens to its slot and returns the logits after each chunk's last token,
    /// `(inputs.len(), V)` in the order of `inputs`. Chunks may have any lengths from one; a slot appears at
    /// most once.
    ///
    /// On an error nothing was appended.
    pub fn extend(&mut self, inputs: &[(usize, &[u32])]) -> Result<&[f32]> {
        self.check(inputs)?;
        let vocab = self.model.config().vocab_size;
        if inputs.is_empty() {
            return Ok(&[]);
        }
        if self.logits.len() < inputs.len() * vocab {
            self.logits.resize(inputs.len() * vocab, 0.0);
        }
        for &(slot, _) in inputs {
            self.slots[slot].reserve(self.model, self.max_tokens);
        }
        self.record(inputs);
        let mut done = 0;
        while done < inputs.len() {
            let part = &inputs[done..done + together(&inputs[done..])];
            in_pool(|| self.run(part, done * vocab))?;
            done += part.len();
        }
        for &(slot, ids) in inputs {
            self.slots[slot].own_len += ids.len();
        }
        Ok(&self.logits[..inputs.len() * vocab])
    }

    fn check(&self, inputs: &[(usize, &[u32])]) -> Result<()> {
        let vocab = self.model.config().vocab_size;
        let mut seen = vec![false; self.slots.len()];
        for &(slot, ids) in inputs {
            let Some(seen) = seen.get_mut(slot) else {
                return Err(Error::Decoder(format!(
                    "slot {slot} does not exist: there are {}",
                    self.slots.len()
                )));
            };
            if std::mem::replace(seen, true) {
                return Err(Error::Decoder(format!("slot {slot} appears twice in one call")));
            }
            let past = self.slots[slot].len();
            if ids.is_empty() || past + ids.len() > self.max_tokens {
                return Err(Error::Decoder(format!(
                    "slot {slot} holds {past} tokens of {}: cannot append {}",
                    self.max_tokens,
                    ids.len()
                )));
            }
            if let Some(id) = ids.iter().find(|&&id| id as usize >= vocab) {
                return Err(Error::Decoder(format!("token {id} is outside the vocabulary of {vocab}")));
            }
        }
        Ok(())
    }

    /// Makes room for what is recorded of a call.
    fn record(&mut self, inputs: &[(usize, &[u32])]) {
        let Some(recorder) = &mut self.recorder else { return };
        for &(slot, _) in inputs.iter().filter(|&&(slot, _)| self.slots[slot].len() == 0) {
            recorder.begin(slot);
        }
        for &(slot, ids) in inputs {
            recorder.reserve(slot, ids, &self.model.pool);
        }
    }

    /// Runs groups of chunks side by side, each through the whole model: nothing waits between layers. Their logits
    /// go to `at` and behind.
    fn run(&mut self, inputs: &[(usize, &[u32])], at: usize) -> Result<()> {
        let tokens: usize = inputs.iter().map(|(_, ids)| ids.len()).sum();
        let groups = rayon::current_num_threads().min(tokens / GROUP_ROWS).max(1);
        let target = tokens.div_ceil(groups);
        let mut of_slot: Vec<Option<&mut Slot>> = self.slots.iter_mut().map(Some).collect();
        let mut recorders: Vec<Option<SlotRecorder<'_>>> = match &mut self.recorder {
            Some(recorder) => recorder.slots().collect(),
            None => (0..of_slot.len()).map(|_| None).collect(),
        };
        let mut parts: Vec<Vec<Chunk<'_>>> = vec![Vec::new()];
        let mut start = 0;
        for &(slot, ids) in inputs {
            let recorder = recorders[slot].take();
            let Some(slot) = of_slot[slot].take() else { continue };
            if start >= target {
                parts.push(Vec::new());
                start = 0;
            }
            let last = parts.len() - 1;
            parts[last].push(Chunk { ids, slot, start, recorder });
            start += ids.len();
        }
        if self.rows.len() < parts.len() {
            self.rows.resize_with(parts.len(), Rows::default);
        }
        let pass = Pass {
            model: self.copy.as_ref().unwrap_or(self.model),
            weights: &self.weights.forward,
            table: &self.table,
            panel: self.panel,
            alone: parts.len() == 1,
        };
        let vocab = self.model.config().vocab_size;
        let mut logits = &mut self.logits[at..at + inputs.len() * vocab];
        let mut work = Vec::with_capacity(parts.len());
        for (chunks, rows) in parts.into_iter().zip(&mut self.rows) {
            let (mine, rest) = logits.split_at_mut(chunks.len() * vocab);
            logits = rest;
            work.push((chunks, rows, mine));
        }
        work.into_par_iter().map(|(mut chunks, rows, logits)| pass.run(&mut chunks, rows, logits)).collect()
    }
}

/// The log-probability of `token` and the entropy of `softmax(logits / temperature)`, for one row of logits:
/// bit for bit what [`Model::logprobs`] gives for the same logits. `None` if the row has no such token or the
/// temperature is not positive.
pub fn token_logprob(logits: &[f32], token: u32, temperature: f32) -> Option<TokenLogProb> {
    let token = token as usize;
    (token < logits.len() && temperature > 0.0).then(|| token_logprob_kernel(logits, token, temperature))
}
