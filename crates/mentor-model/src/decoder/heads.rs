//! Attention while decoding: each key-value head of a sequence for itself, or of all sequences that share their
//! beginning.

use super::pass::{Attended, Chunk, Pass, Projected};
use crate::cache::{Beginning, HeadCache, Slot};
use crate::kernels::attention::{KeysValues, Part, Visible, append_keys_values, attend, attend_parts};
use crate::kernels::tiles::{Tile, split};
use crate::pool::first;
use rayon::prelude::*;
use std::sync::Arc;

impl Pass<'_> {
    /// Appends keys and values of every chunk and attends, each key-value head for itself.
    pub(super) fn attention(
        &self,
        layer: usize,
        chunks: &mut [Chunk<'_>],
        projected: &Projected<'_>,
        attended: &mut Attended<'_>,
    ) {
        let c = self.model.config();
        let (heads, wide) = (c.num_key_value_heads, c.group() * c.head_dim);
        let columns: Vec<_> = (0..heads).map(|h| h * wide..(h + 1) * wide).collect();
        let of_heads: Vec<_> = (0..heads).map(|h| h * c.group()..(h + 1) * c.group()).collect();
        let outs = split(attended.rows, c.q_width(), chunks.iter().map(Chunk::rows), &columns);
        let sums = split(attended.sums, c.num_attention_heads, chunks.iter().map(Chunk::rows), &of_heads);
        let mut tiles = outs.into_iter().zip(sums);
        let mut tasks: Vec<HeadTask<'_>> = Vec::with_capacity(chunks.len() * heads);
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
            let mine = own.heads(layer * heads..(layer + 1) * heads);
            for ((task, store), (out, sums)) in tasks[first..].iter_mut().zip(mine).zip(tiles.by_ref()) {
                task.members.push(Member { store, capacity, past, start, end, out, sums });
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
        let HeadCache { keys, values } = &mut member.store;
        let (tokens, capacity, past) = (member.end - member.start, member.capacity, member.past);
        append_keys_values(tokens, dim, k, k_stride, v, v_stride, keys, values, capacity, self.panel, past);
    }

    /// A chunk whose sequence shares nothing.
    fn attend_alone(&self, head: usize, member: Member<'_>, projected: &Projected<'_>) {
        let c = self.model.config();
        let (dim, group, k_stride) = (c.head_dim, c.group(), c.qk_width());
        let (tokens, past, start) = (member.tokens(), member.past, member.start);
        let (kv, mut out, mut to_sums) = member.into_view();
        let q = &projected.turned[start * k_stride + head * group * dim..];
        let scale = c.attention_scale();
        self.model.scratch.with(|scratch| {
            let together = first(&mut scratch.a, tokens * group * dim);
            let sums = first(&mut scratch.b, tokens * group);
            let scores = &mut scratch.attention.p;
            if tokens == 1 {
                // The group's heads see the same keys: they are the rows of one product.
                let visible = Visible { first: past + 1, step: 0 };
                attend(group, dim, q, dim, kv, visible, scale, together, dim, sums, scores);
            } else {
                let visible = Visible { first: past + 1, step: 1 };
                for (place, sums) in sums.chunks_exact_mut(tokens).enumerate() {
                    let out = &mut together[place * dim..];
                    let q = &q[place * dim..];
                    attend(tokens, dim, q, k_stride, kv, visible, scale, out, group * dim, sums, scores);
                }
            }
            out.fill_from(together);
            to_sums.fill_from_columns(sums);
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
            let sums = first(&mut scratch.low, task.members.len() * group);
            let scores = &mut scratch.attention.p;
            attend_parts(dim, queries, beginning, shared, &parts, c.attention_scale(), out, sums, scores);
            let rows = out.chunks_exact(wide).zip(sums.chunks_exact(group));
            for (mut member, (out, sums)) in task.members.into_iter().zip(rows) {
                member.out.fill_from(out);
                member.sums.fill_from(sums);
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
            let (own, mut to, mut to_sums) = member.into_view();
            self.model.scratch.with(|scratch| {
                let whole = first(&mut scratch.b, tokens * group * dim);
                let sums = first(&mut scratch.low, tokens * group);
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
                            &mut sums[head * tokens + start..head * tokens + start + rows],
                            scores,
                        );
                        let place = &mut whole[(start * group + head) * dim..];
                        copy_rows(rows, dim, out, dim, place, group * dim);
                    }
                }
                to.fill_from(whole);
                to_sums.fill_from_columns(sums);
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
    store: HeadCache<'a>,
    capacity: usize,
    /// Tokens of the sequence's own that were there before.
    past: usize,
    start: usize,
    end: usize,
    out: Tile<'a>,
    /// Log-sum-exp of the head's queries.
    sums: Tile<'a>,
}

impl<'a> Member<'a> {
    fn tokens(&self) -> usize {
        self.end - self.start
    }

    fn view(&self) -> KeysValues<'_> {
        KeysValues { keys: self.store.keys, values: self.store.values, capacity: self.capacity }
    }

    fn into_view(self) -> (KeysValues<'a>, Tile<'a>, Tile<'a>) {
        let HeadCache { keys, values } = self.store;
        (KeysValues { keys, values, capacity: self.capacity }, self.out, self.sums)
    }
}
