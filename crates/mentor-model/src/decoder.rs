//! Sampling: keys and values of many sequences, each in a slot, extended by any tokens at any time.

use crate::forward::{ROWS, embed, finish_block, head_block, head_rows, project_block, rows_per_block};
use crate::kernels::attention::{KeysValues, Visible, append_keys_values, attend, keys_values_len};
use crate::kernels::logprob::{TokenLogProb, token_logprob_kernel};
use crate::kernels::rope::RopeTable;
use crate::kernels::simd::Level;
use crate::kernels::tiles::{Tile, split};
use crate::logprobs::in_pool;
use crate::packed::{ForwardLayer, ForwardWeights};
use crate::pool::first;
use crate::{Error, Model, Result};
use rayon::prelude::*;

/// A model with a key-value cache of `slots` sequences of up to `max_tokens` tokens (continuous batching by
/// slots).
///
/// It works on a copy of the weights as they were when it was made, on plain memory; a step is one
/// [`Decoder::extend`] with one token for each running slot. Its logits are, bit for bit, those of the training
/// pass over the same tokens.
#[derive(Debug)]
pub struct Decoder<'m> {
    model: &'m Model,
    weights: ForwardWeights,
    table: RopeTable,
    slots: Vec<Slot>,
    max_tokens: usize,
    panel: usize,
    logits: Vec<f32>,
    /// One for each group of chunks that runs on its own.
    rows: Vec<Rows>,
}

/// One sequence's keys and values.
#[derive(Debug)]
struct Slot {
    len: usize,
    /// For each layer and key-value head, one behind the other: a head's packed keys and values.
    heads: Vec<HeadCache>,
}

#[derive(Debug)]
struct HeadCache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// The rows of one group of chunks, kept for the next call.
#[derive(Debug, Default)]
struct Rows {
    stream: Vec<f32>,
    output: Vec<f32>,
    qkv: Vec<f32>,
    turned: Vec<f32>,
    attended: Vec<f32>,
    middle: Vec<f32>,
    gate_up: Vec<f32>,
}

/// One chunk of a call: its tokens, its sequence, and its first row in its group.
#[derive(Debug)]
struct Chunk<'a> {
    ids: &'a [u32],
    slot: &'a mut Slot,
    start: usize,
}

impl Chunk<'_> {
    fn rows(&self) -> (usize, usize) {
        (self.start, self.start + self.ids.len())
    }
}

/// Rows that are worth a thread of their own: below that, reading the weights once more costs more than sharing
/// the work gains.
const GROUP_ROWS: usize = 24;

impl<'m> Decoder<'m> {
    /// A decoder with empty slots. Memory: the model once more, and `2·layers·kv_heads·head_dim·4` bytes a
    /// token and slot, which the system hands out as slots fill.
    pub fn new(model: &'m Model, slots: usize, max_tokens: usize) -> Result<Self> {
        if slots == 0 || max_tokens == 0 {
            return Err(Error::Decoder("needs at least one slot and one token of room".into()));
        }
        if !model.is_on_cpu() {
            return Err(Error::Decoder("runs on the processor; the model lies on another device".into()));
        }
        let c = model.config();
        let panel = Level::detect().panel();
        let (keys, values) = keys_values_len(max_tokens, c.head_dim, panel);
        let heads = c.num_hidden_layers * c.num_key_value_heads;
        let head = || HeadCache { keys: vec![0.0; keys], values: vec![0.0; values] };
        let slot = || Slot { len: 0, heads: (0..heads).map(|_| head()).collect() };
        Ok(Self {
            model,
            weights: in_pool(|| ForwardWeights::new(model))?,
            table: c.rope_table(max_tokens),
            slots: (0..slots).map(|_| slot()).collect(),
            max_tokens,
            panel,
            logits: Vec::new(),
            rows: Vec::new(),
        })
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
        self.slots.get(slot).map_or(0, |slot| slot.len)
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
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.len = slot.len.min(len);
        }
    }

    /// Makes slot `to` a copy of slot `from`: samples of a group share the work on their prompt.
    ///
    /// # Panics
    /// If either slot does not exist.
    pub fn fork(&mut self, from: usize, to: usize) {
        if from == to {
            return;
        }
        let [source, target] = self.slots.get_disjoint_mut([from, to]).expect("both slots must exist");
        target.len = source.len;
        let (len, dim) = (source.len, self.model.config().head_dim);
        let keys = len.div_ceil(self.panel) * self.panel * dim;
        for (target, source) in target.heads.iter_mut().zip(&source.heads) {
            target.keys[..keys].copy_from_slice(&source.keys[..keys]);
            let stride = self.max_tokens * self.panel;
            for (to, from) in target.values.chunks_mut(stride).zip(source.values.chunks(stride)) {
                to[..len * self.panel].copy_from_slice(&from[..len * self.panel]);
            }
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
        let tokens: usize = inputs.iter().map(|(_, ids)| ids.len()).sum();
        in_pool(|| self.run(inputs, tokens))?;
        for &(slot, ids) in inputs {
            self.slots[slot].len += ids.len();
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
            let past = self.slots[slot].len;
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

    /// Runs groups of chunks side by side, each through the whole model: nothing waits between layers.
    fn run(&mut self, inputs: &[(usize, &[u32])], tokens: usize) -> Result<()> {
        let groups = rayon::current_num_threads().min(tokens / GROUP_ROWS).max(1);
        let target = tokens.div_ceil(groups);
        let mut of_slot: Vec<Option<&mut Slot>> = self.slots.iter_mut().map(Some).collect();
        let mut parts: Vec<Vec<Chunk<'_>>> = vec![Vec::new()];
        let mut start = 0;
        for &(slot, ids) in inputs {
            let Some(slot) = of_slot[slot].take() else { continue };
            if start >= target {
                parts.push(Vec::new());
                start = 0;
            }
            let at = parts.len() - 1;
            parts[at].push(Chunk { ids, slot, start });
            start += ids.len();
        }
        if self.rows.len() < parts.len() {
            self.rows.resize_with(parts.len(), Rows::default);
        }
        let pass = Pass {
            model: self.model,
            weights: &self.weights,
            table: &self.table,
            panel: self.panel,
            capacity: self.max_tokens,
            alone: parts.len() == 1,
        };
        let vocab = self.model.config().vocab_size;
        let mut logits = &mut self.logits[..inputs.len() * vocab];
        let mut work = Vec::with_capacity(parts.len());
        for (chunks, rows) in parts.into_iter().zip(&mut self.rows) {
            let (mine, rest) = logits.split_at_mut(chunks.len() * vocab);
            logits = rest;
            work.push((chunks, rows, mine));
        }
        work.into_par_iter().map(|(mut chunks, rows, logits)| pass.run(&mut chunks, rows, logits)).collect()
    }
}

/// What every group reads.
struct Pass<'a> {
    model: &'a Model,
    weights: &'a ForwardWeights,
    table: &'a RopeTable,
    panel: usize,
    /// Tokens a slot has room for.
    capacity: usize,
    /// Whether this group may use all threads.
    alone: bool,
}

/// Where a group's projections go.
struct Projected<'a> {
    qkv: &'a mut [f32],
    turned: &'a mut [f32],
}

/// The rows of a block's second half; `positions` tells how many.
struct Finished<'a> {
    positions: &'a [usize],
    stream: &'a [f32],
    attended: &'a [f32],
    middle: &'a mut [f32],
    gate_up: &'a mut [f32],
    output: &'a mut [f32],
}

impl Pass<'_> {
    fn run(&self, chunks: &mut [Chunk<'_>], rows: &mut Rows, logits: &mut [f32]) -> Result<()> {
        let c = self.model.config();
        let ids: Vec<u32> = chunks.iter().flat_map(|chunk| chunk.ids.iter().copied()).collect();
        let positions: Vec<usize> =
            chunks.iter().flat_map(|chunk| chunk.slot.len..chunk.slot.len + chunk.ids.len()).collect();
        let n = ids.len();
        let mut stream = first(&mut rows.stream, n * c.hidden_size);
        let mut output = first(&mut rows.output, n * c.hidden_size);
        let attended = first(&mut rows.attended, n * c.q_width());
        let middle = first(&mut rows.middle, n * c.hidden_size);
        let gate_up = first(&mut rows.gate_up, n * 2 * c.intermediate_size);
        let mut projected = Projected {
            qkv: first(&mut rows.qkv, n * c.qkv_width()),
            turned: first(&mut rows.turned, n * c.qk_width()),
        };
        embed(self.model, &ids, stream)?;
        self.project(&self.weights.layers[0], &positions, stream, &mut projected);
        let mut finished = n;
        for (at, layer) in self.weights.layers.iter().enumerate() {
            self.attention(at, chunks, &projected, attended);
            let next = self.weights.layers.get(at + 1);
            if next.is_none() {
                // After the last attention only the rows that logits are wanted of go on.
                finished = chunks.len();
                for (i, chunk) in chunks.iter().enumerate() {
                    let row = chunk.rows().1 - 1;
                    stream.copy_within(row * c.hidden_size..(row + 1) * c.hidden_size, i * c.hidden_size);
                    attended.copy_within(row * c.q_width()..(row + 1) * c.q_width(), i * c.q_width());
                }
            }
            let rows =
                Finished { positions: &positions[..finished], stream, attended, middle, gate_up, output };
            self.finish(layer, next, rows, &mut projected);
            std::mem::swap(&mut stream, &mut output);
        }
        let vocab = c.vocab_size;
        let block = head_rows(vocab).min(self.block(finished));
        let stream = &stream[..finished * c.hidden_size];
        logits.par_chunks_mut(block * vocab).zip(stream.par_chunks(block * c.hidden_size)).for_each(
            |(logits, stream)| {
                self.model.scratch.with(|scratch| head_block(c, self.weights, stream, logits, scratch));
            },
        );
        Ok(())
    }

    /// Rows worked on together.
    fn block(&self, rows: usize) -> usize {
        if self.alone { rows_per_block(rows) } else { ROWS }
    }

    /// Norm and projections of all rows.
    fn project(
        &self,
        layer: &ForwardLayer,
        positions: &[usize],
        stream: &[f32],
        projected: &mut Projected<'_>,
    ) {
        let c = self.model.config();
        let rows = self.block(positions.len());
        let Projected { qkv, turned } = projected;
        qkv.par_chunks_mut(rows * c.qkv_width())
            .zip(turned.par_chunks_mut(rows * c.qk_width()))
            .zip(stream.par_chunks(rows * c.hidden_size))
            .zip(positions.par_chunks(rows))
            .for_each(|(((qkv, turned), stream), positions)| {
                self.model.scratch.with(|scratch| {
                    project_block(c, layer, self.table, positions, stream, qkv, turned, scratch);
                });
            });
    }

    /// Output projection and MLP, and the next block's projections while the rows are at hand.
    fn finish(
        &self,
        layer: &ForwardLayer,
        next: Option<&ForwardLayer>,
        rows: Finished<'_>,
        projected: &mut Projected<'_>,
    ) {
        let c = self.model.config();
        let d = c.hidden_size;
        let Finished { positions, stream, attended, middle, gate_up, output } = rows;
        let (n, rows) = (positions.len(), self.block(positions.len()));
        let Projected { qkv, turned } = projected;
        output[..n * d]
            .par_chunks_mut(rows * d)
            .zip(middle.par_chunks_mut(rows * d))
            .zip(gate_up.par_chunks_mut(rows * 2 * c.intermediate_size))
            .zip(qkv.par_chunks_mut(rows * c.qkv_width()))
            .zip(turned.par_chunks_mut(rows * c.qk_width()))
            .zip(attended.par_chunks(rows * c.q_width()))
            .zip(stream.par_chunks(rows * d))
            .zip(positions.par_chunks(rows))
            .for_each(|(((((((output, middle), gate_up), qkv), turned), attended), stream), positions)| {
                let n = positions.len();
                let (stream, attended) = (&stream[..n * d], &attended[..n * c.q_width()]);
                let (middle, gate_up) = (&mut middle[..n * d], &mut gate_up[..n * 2 * c.intermediate_size]);
                self.model.scratch.with(|scratch| {
                    finish_block(c, layer, stream, attended, middle, gate_up, output, scratch);
                    if let Some(next) = next {
                        project_block(c, next, self.table, positions, output, qkv, turned, scratch);
                    }
                });
            });
    }

    /// Appends keys and values of every chunk and attends, each key-value head for itself.
    fn attention(
        &self,
        layer: usize,
        chunks: &mut [Chunk<'_>],
        projected: &Projected<'_>,
        attended: &mut [f32],
    ) {
        let c = self.model.config();
        let (heads, wide) = (c.num_key_value_heads, c.group() * c.head_dim);
        let columns: Vec<_> = (0..heads).map(|h| h * wide..(h + 1) * wide).collect();
        let mut tiles = split(attended, c.q_width(), chunks.iter().map(Chunk::rows), &columns).into_iter();
        let mut tasks = Vec::with_capacity(tiles.len());
        for chunk in chunks {
            let (past, (start, end)) = (chunk.slot.len, chunk.rows());
            let mine = &mut chunk.slot.heads[layer * heads..(layer + 1) * heads];
            for ((head, store), out) in mine.iter_mut().enumerate().zip(tiles.by_ref()) {
                tasks.push(HeadTask { head, store, out, past, start, end });
            }
        }
        tasks.into_par_iter().with_min_len(4).for_each(|task| self.attend_head(task, projected));
    }

    /// One chunk and key-value head of [`Pass::attention`].
    fn attend_head(&self, task: HeadTask<'_>, projected: &Projected<'_>) {
        let HeadTask { head, store, mut out, past, start, end } = task;
        let c = self.model.config();
        let (dim, group, tokens) = (c.head_dim, c.group(), end - start);
        let (k_stride, v_stride) = (c.qk_width(), c.qkv_width());
        let k = &projected.turned[start * k_stride + c.q_width() + head * dim..];
        let v = &projected.qkv[start * v_stride + c.qk_width() + head * dim..];
        let HeadCache { keys, values } = store;
        append_keys_values(
            tokens,
            dim,
            k,
            k_stride,
            v,
            v_stride,
            keys,
            values,
            self.capacity,
            self.panel,
            past,
        );
        let kv = KeysValues { keys, values, capacity: self.capacity };
        let q = &projected.turned[start * k_stride + head * group * dim..];
        let scale = c.attention_scale();
        self.model.scratch.with(|scratch| {
            let together = first(&mut scratch.a, tokens * group * dim);
            let scores = &mut scratch.attention.p;
            if tokens == 1 {
                // The group's heads see the same keys: they are the rows of one product.
                let visible = Visible { first: past + 1, step: 0 };
                attend(group, dim, q, dim, kv, visible, scale, together, dim, &mut [], scores);
            } else {
                let visible = Visible { first: past + 1, step: 1 };
                for member in 0..group {
                    let out = &mut together[member * dim..];
                    let q = &q[member * dim..];
                    attend(tokens, dim, q, k_stride, kv, visible, scale, out, group * dim, &mut [], scores);
                }
            }
            out.fill_from(together);
        });
    }
}

/// The work on one chunk and key-value head.
struct HeadTask<'a> {
    head: usize,
    store: &'a mut HeadCache,
    out: Tile<'a>,
    /// Tokens that were there before.
    past: usize,
    start: usize,
    end: usize,
}

/// The log-probability of `token` and the entropy of `softmax(logits / temperature)`, for one row of logits:
/// bit for bit what [`Model::logprobs`] gives for the same logits. `None` if the row has no such token or the
/// temperature is not positive.
pub fn token_logprob(logits: &[f32], token: u32, temperature: f32) -> Option<TokenLogProb> {
    let token = token as usize;
    (token < logits.len() && temperature > 0.0).then(|| token_logprob_kernel(logits, token, temperature))
}
