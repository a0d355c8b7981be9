//! Attention over a batch, forward and backward: each key-value head of each family of sequences is a task of its
//! own. A family's shared beginning is packed once, and each of its sequences in turn behind it.

use crate::activations::AttentionActivations;
use crate::kernels::attention::{
    AttentionGrad, KeysValues, Visible, append_keys_values, attend, attend_backward, keys_values_len,
};
use crate::kernels::simd::Level;
use crate::kernels::tiles::{Tile, split};
use crate::pool::{Scratch, first};
use crate::{Batch, Config, Model};
use rayon::prelude::*;
use std::ops::Range;

/// One sequence of a family.
#[derive(Clone, Copy)]
struct Member {
    start: usize,
    end: usize,
    /// Tokens before its first.
    past: usize,
}

impl Member {
    fn tokens(self) -> usize {
        self.end - self.start
    }
}

/// One key-value head of a family, and what belongs to each member.
struct Task<T> {
    head: usize,
    /// Tokens of the longest sequence, beginning included.
    longest: usize,
    members: Vec<(Member, T)>,
}

/// Sorts `items`, one for each sequence and head in this order, into tasks.
fn tasks<T>(batch: &Batch, heads: usize, items: impl Iterator<Item = T>) -> Vec<Task<T>> {
    let sequences = batch.sequences().zip(batch.pasts());
    let members: Vec<Member> = sequences.map(|((start, end), past)| Member { start, end, past }).collect();
    let mut items = items;
    let mut all = Vec::new();
    for family in batch.families() {
        let members = &members[family];
        let longest = members.iter().map(|m| m.past + m.tokens()).max().unwrap_or(0);
        let first = all.len();
        all.extend((0..heads).map(|head| Task { head, longest, members: Vec::with_capacity(members.len()) }));
        for &member in members {
            for (task, item) in all[first..].iter_mut().zip(items.by_ref()) {
                task.members.push((member, item));
            }
        }
    }
    all
}

/// Columns of each key-value head's queries in a row of `q_width`.
fn query_columns(c: &Config) -> impl Iterator<Item = Range<usize>> {
    let wide = c.group() * c.head_dim;
    (0..c.num_key_value_heads).map(move |head| head * wide..(head + 1) * wide)
}

/// What attention gives every token of the batch, and its log-sum-exp.
pub(crate) fn forward(model: &Model, batch: &Batch, acts: &mut AttentionActivations) {
    let c = model.config();
    let (heads, group) = (c.num_key_value_heads, c.group());
    let columns: Vec<_> = query_columns(c).collect();
    let tiles = split(&mut acts.attended, c.q_width(), batch.sequences(), &columns);
    let mut rest = &mut acts.lse[..];
    let mut sums = Vec::with_capacity(tiles.len());
    for (start, end) in batch.sequences() {
        for _ in 0..heads {
            let (mine, others) = rest.split_at_mut(group * (end - start));
            rest = others;
            sums.push(mine);
        }
    }
    let (qkv, turned) = (&acts.qkv[..], &acts.turned[..]);
    let tasks = tasks(batch, heads, tiles.into_iter().zip(sums));
    tasks.into_par_iter().with_max_len(1).for_each(|task| {
        model.scratch.with(|scratch| forward_task(c, qkv, turned, task, scratch));
    });
}

fn forward_task(
    c: &Config,
    qkv: &[f32],
    turned: &[f32],
    task: Task<(Tile<'_>, &mut [f32])>,
    scratch: &mut Scratch,
) {
    let (d, group, panel) = (c.head_dim, c.group(), Level::detect().panel());
    let (k_stride, v_stride) = (c.qk_width(), c.qkv_width());
    let (keys_len, values_len) = keys_values_len(task.longest, d, panel);
    let keys = first(&mut scratch.attention.keys_t, keys_len);
    let values = first(&mut scratch.attention.keys, values_len);
    let scores = &mut scratch.attention.p;
    for (member, (mut out, lse)) in task.members {
        let (start, tokens, past) = (member.start, member.tokens(), member.past);
        let k = &turned[start * k_stride + c.q_width() + task.head * d..];
        let v = &qkv[start * v_stride + c.qk_width() + task.head * d..];
        append_keys_values(tokens, d, k, k_stride, v, v_stride, keys, values, task.longest, panel, past);
        let kv = KeysValues { keys, values, capacity: task.longest };
        let together = first(&mut scratch.a, tokens * group * d);
        let visible = Visible { first: past + 1, step: 1 };
        for (place, lse) in lse.chunks_exact_mut(tokens).enumerate() {
            let q = &turned[start * k_stride + (task.head * group + place) * d..];
            let out = &mut together[place * d..];
            attend(tokens, d, q, k_stride, kv, visible, c.attention_scale(), out, group * d, lse, scores);
        }
        out.fill_from(together);
    }
}

/// The gradient of every token's query, key and value (still turned and normalised), into the rows of `d_qkv`.
pub(crate) fn backward(
    model: &Model,
    batch: &Batch,
    acts: &AttentionActivations,
    d_attended: &[f32],
    d_qkv: &mut [f32],
) {
    let c = model.config();
    let (heads, d) = (c.num_key_value_heads, c.head_dim);
    let rest = (0..2 * heads).map(|head| c.q_width() + head * d..c.q_width() + (head + 1) * d);
    let columns: Vec<_> = query_columns(c).chain(rest).collect();
    let mut tiles = split(d_qkv, c.qkv_width(), batch.sequences(), &columns).into_iter();
    let mut threes = Vec::with_capacity(batch.starts.len() * heads);
    for _ in &batch.starts {
        let [queries, keys, values] = [(); 3].map(|()| tiles.by_ref().take(heads).collect::<Vec<_>>());
        threes.extend(queries.into_iter().zip(keys).zip(values).map(|((q, k), v)| [q, k, v]));
    }
    let tasks = tasks(batch, heads, threes.into_iter());
    tasks.into_par_iter().with_max_len(1).for_each(|task| {
        model.scratch.with(|scratch| backward_task(c, acts, d_attended, task, scratch));
    });
}

fn backward_task(
    c: &Config,
    acts: &AttentionActivations,
    d_attended: &[f32],
    task: Task<[Tile<'_>; 3]>,
    scratch: &mut Scratch,
) {
    let (d, group) = (c.head_dim, c.group());
    let column = task.head * group * d;
    let scratch = &mut scratch.attention;
    let mut beginning = None;
    for (member, [mut d_q, mut d_k, mut d_v]) in task.members {
        let (start, tokens, past) = (member.start, member.tokens(), member.past);
        let of = AttentionGrad {
            tokens,
            past,
            capacity: task.longest,
            head_dim: d,
            group,
            scale: c.attention_scale(),
            q: &acts.turned[start * c.qk_width() + column..],
            q_stride: c.qk_width(),
            k: &acts.turned[start * c.qk_width() + c.q_width() + task.head * d..],
            k_stride: c.qk_width(),
            v: &acts.qkv[start * c.qkv_width() + c.qk_width() + task.head * d..],
            v_stride: c.qkv_width(),
            out: &acts.attended[start * c.q_width() + column..],
            out_stride: c.q_width(),
            dout: &d_attended[start * c.q_width() + column..],
            dout_stride: c.q_width(),
            lse: &acts.lse[start * c.num_attention_heads + task.head * group * tokens..],
        };
        attend_backward(of, scratch);
        d_q.fill_from(&scratch.dq);
        if past == 0 {
            // Complete only when every member has been through.
            beginning = Some((d_k, d_v));
        } else {
            d_k.fill_from(&scratch.dk[past * d..]);
            d_v.fill_from(&scratch.dv[past * d..]);
        }
    }
    if let Some((mut d_k, mut d_v)) = beginning {
        d_k.fill_from(&scratch.dk);
        d_v.fill_from(&scratch.dv);
    }
}
