//! Sampling: keys and values of many sequences, each in a slot, extended by any tokens at any time.

use crate::cache::{Beginning, HeadCache, Slot};
use crate::forward::{ROWS, embed, finish_block, head_block, head_rows, project_block, rows_per_block};
use crate::kernels::attention::{KeysValues, Part, Visible, append_keys_values, attend, attend_parts};
use crate::kernels::logprob::{TokenLogProb, token_logprob_kernel};
use crate::kernels::rope::RopeTable;
use crate::kernels::simd::Level;
use crate::kernels::tiles::{Tile, split};
use crate::logprobs::in_pool;
use crate::packed::{ForwardLayer, ForwardWeights};
use crate::pool::first;
use crate::{Error, Model, Result};
use rayon::prelude::*;
use std::sync::Arc;

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
    /// token and slot, which the system hands out as slots fill; what [`Decoder::fork`] shares is there once.
    pub fn new(model: &'m Model, slots: usize, max_tokens: usize) -> Result<Self> {
        if slots == 0 || max_tokens == 0 {
            return Err(Error::Decoder("needs at least one slot and one token of room".into()));
        }
        if !model.is_on_cpu() {
            return Err(Error::Decoder("runs on the processor; the model lies on another device".into()));
        }
        let c = model.config();
        Ok(Self {
            model,
            weights: in_pool(|| ForwardWeights::new(model))?,
            table: c.rope_table(max_tokens),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            max_tokens,
            panel: Level::detect().panel(),
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
        source.fork(target, self.model.config(), self.max_tokens);
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
        for &(slot, _) in inputs {
            self.slots[slot].reserve(self.model.config(), self.max_tokens);
        }
        in_pool(|| self.run(inputs, tokens))?;
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
            chunks.iter().flat_map(|chunk| chunk.slot.len()..chunk.slot.len() + chunk.ids.len()).collect();
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
        let mut tasks: Vec<HeadTask<'_>> = Vec::with_capacity(tiles.len());
        for chunk in chunks {
            let (start, end) = chunk.rows();
            let Slot { beginning, own, own_len } = &mut *chunk.slot;
            let (past, capacity) = (*own_len, own.capacity);
            let joins =
                end - start == 1 && tasks.last().is_some_and(|task| task.takes_in(beginning.as_ref()));
            let first = if joins { tasks.len() - heads } else { tasks.len() };
            if !joins {
                let beginning = beginning.as_ref();
                tasks.extend((0..heads).map(|head| HeadTask { head, beginning, members: Vec::new() }));
            }
            let mine = &mut own.heads[layer * heads..(layer + 1) * heads];
            for ((task, store), out) in tasks[first..].iter_mut().zip(mine).zip(tiles.by_ref()) {
                task.members.push(Member { store, capacity, past, start, end, out });
            }
        }
        tasks.into_par_iter().with_min_len(2).for_each(|task| self.attend_head(layer, task, projected));
    }

    /// One key-value head of [`Pass::attention`], for sequences that share their beginning.
    fn attend_head(&self, layer: usize, mut task: HeadTask<'_>, projected: &Projected<'_>) {
        for member in &mut task.members {
            self.append(task.head, member, projected);
        }
        match task.beginning {
            None => {
                for member in task.members {
                    self.attend_alone(task.head, member, projected);
                }
            }
            Some(beginning) => {
                let at = layer * self.model.config().num_key_value_heads + task.head;
                let shared = (beginning.cache.view(at), beginning.len);
                match &task.members[..] {
                    [member] if member.tokens() > 1 => self.attend_chunk(task, shared, projected),
                    _ => self.attend_together(task, shared, projected),
                }
            }
        }
    }

    /// Appends a chunk's keys and values to its sequence's own.
    fn append(&self, head: usize, member: &mut Member<'_>, projected: &Projected<'_>) {
        let c = self.model.config();
        let (k_stride, v_stride, dim) = (c.qk_width(), c.qkv_width(), c.head_dim);
        let k = &projected.turned[member.start * k_stride + c.q_width() + head * dim..];
        let v = &projected.qkv[member.start * v_stride + c.qk_width() + head * dim..];
        let HeadCache { keys, values } = &mut *member.store;
        let (tokens, capacity, past) = (member.end - member.start, member.capacity, member.past);
        append_keys_values(tokens, dim, k, k_stride, v, v_stride, keys, values, capacity, self.panel, past);
    }

    /// A chunk whose sequence shares nothing.
    fn attend_alone(&self, head: usize, member: Member<'_>, projected: &Projected<'_>) {
        let c = self.model.config();
        let (dim, group, k_stride) = (c.head_dim, c.group(), c.qk_width());
        let (tokens, past, start) = (member.tokens(), member.past, member.start);
        let (kv, mut out) = member.into_view();
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
                for place in 0..group {
                    let out = &mut together[place * dim..];
                    let q = &q[place * dim..];
                    attend(tokens, dim, q, k_stride, kv, visible, scale, out, group * dim, &mut [], scores);
                }
            }
            out.fill_from(together);
        });
    }

    /// The next token of every sequence behind a beginning: their queries, and those of the heads that share
    /// these keys, are the rows of one product with it.
    fn attend_together(
        &self,
        task: HeadTask<'_>,
        (beginning, shared): (KeysValues<'_>, usize),
        projected: &Projected<'_>,
    ) {
        let c = self.model.config();
        let (dim, group) = (c.head_dim, c.group());
        let wide = group * dim;
        self.model.scratch.with(|scratch| {
            let queries = first(&mut scratch.a, task.members.len() * wide);
            for (to, member) in queries.chunks_exact_mut(wide).zip(&task.members) {
                let at = member.start * c.qk_width() + task.head * wide;
                to.copy_from_slice(&projected.turned[at..at + wide]);
            }
            let parts: Vec<Part<'_>> = task
                .members
                .iter()
                .map(|member| {
                    let visible = Visible { first: shared + member.past + 1, step: 0 };
                    Part { rows: group, own: member.view(), visible }
                })
                .collect();
            let out = first(&mut scratch.b, task.members.len() * wide);
            let scores = &mut scratch.attention.p;
            attend_parts(dim, queries, beginning, shared, &parts, c.attention_scale(), out, scores);
            for (mut member, out) in task.members.into_iter().zip(out.chunks_exact(wide)) {
                member.out.fill_from(out);
            }
        });
    }

    /// Several tokens of one sequence behind a beginning, head by head and some rows at a time.
    fn attend_chunk(
        &self,
        task: HeadTask<'_>,
        (beginning, shared): (KeysValues<'_>, usize),
        projected: &Projected<'_>,
    ) {
        let c = self.model.config();
        let (dim, group) = (c.head_dim, c.group());
        for member in task.members {
            let (tokens, past, first_row) = (member.tokens(), member.past, member.start);
            let (own, mut to) = member.into_view();
            self.model.scratch.with(|scratch| {
                let whole = first(&mut scratch.b, tokens * group * dim);
                let (queries, out) =
                    first(&mut scratch.a, 2 * CHUNK_ROWS * dim).split_at_mut(CHUNK_ROWS * dim);
                for head in 0..group {
                    for start in (0..tokens).step_by(CHUNK_ROWS) {
                        let rows = CHUNK_ROWS.min(tokens - start);
                        let column = (task.head * group + head) * dim;
                        let q = &projected.turned[(first_row + start) * c.qk_width() + column..];
                        copy_rows(rows, dim, q, c.qk_width(), queries, dim);
                        let visible = Visible { first: shared + past + start + 1, step: 1 };
                        let parts = [Part { rows, own, visible }];
                        let out = &mut out[..rows * dim];
                        let scores = &mut scratch.attention.p;
                        attend_parts(
                            dim,
                            queries,
                            beginning,
                            shared,
                            &parts,
                            c.attention_scale(),
                            out,
                            scores,
                        );
                        let place = &mut whole[(start * group + head) * dim..];
                        copy_rows(rows, dim, out, dim, place, group * dim);
                    }
                }
                to.fill_from(whole);
            });
        }
    }
}

/// Rows of a chunk worked on together behind a shared beginning.
const CHUNK_ROWS: usize = 24;

/// Copies the first `width` values of `rows` rows.
fn copy_rows(rows: usize, width: usize, from: &[f32], from_stride: usize, to: &mut [f32], to_stride: usize) {
    for row in 0..rows {
        to[row * to_stride..row * to_stride + width]
            .copy_from_slice(&from[row * from_stride..row * from_stride + width]);
    }
}

/// The work on one key-value head: a chunk, or the next tokens of sequences that share their beginning.
struct HeadTask<'a> {
    head: usize,
    beginning: Option<&'a Beginning>,
    members: Vec<Member<'a>>,
}

impl HeadTask<'_> {
    /// Whether another single token may come to these.
    fn takes_in(&self, beginning: Option<&Beginning>) -> bool {
        let (Some(mine), Some(theirs)) = (self.beginning, beginning) else { return false };
        let single = self.members.first().is_some_and(|member| member.tokens() == 1);
        single && mine.len == theirs.len && Arc::ptr_eq(&mine.cache, &theirs.cache)
    }
}

/// One chunk of a [`HeadTask`].
struct Member<'a> {
    store: &'a mut HeadCache,
    capacity: usize,
    /// Tokens of the sequence's own that were there before.
    past: usize,
    start: usize,
    end: usize,
    out: Tile<'a>,
}

impl<'a> Member<'a> {
    fn tokens(&self) -> usize {
        self.end - self.start
    }

    fn view(&self) -> KeysValues<'_> {
        KeysValues { keys: &self.store.keys, values: &self.store.values, capacity: self.capacity }
    }

    fn into_view(self) -> (KeysValues<'a>, Tile<'a>) {
        let HeadCache { keys, values } = self.store;
        (KeysValues { keys, values, capacity: self.capacity }, self.out)
    }
}

/// The log-probability of `token` and the entropy of `softmax(logits / temperature)`, for one row of logits:
/// bit for bit what [`Model::logprobs`] gives for the same logits. `None` if the row has no such token or the
/// temperature is not positive.
pub fn token_logprob(logits: &[f32], token: u32, temperature: f32) -> Option<TokenLogProb> {
    let token = token as usize;
    (token < logits.len() && temperature > 0.0).then(|| token_logprob_kernel(logits, token, temperature))
}
