//! Causal attention of rows over packed keys and values, in tiles of query rows, and its gradient.
//!
//! Scores of a tile are one matrix product on packed keys, the outputs one on packed values. A row sums over
//! exactly the keys it sees, in their order, so a token's output has the same bits in training, in a prompt of
//! any chunks and when decoded alone.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::matmul::{Write, matmul_of, matmul_tn_of};
use super::packing::{Panels, pack_plain, pack_slabs, pack_transposed, slab_width};
use super::simd::{Simd, dispatched};

/// Query rows worked on together.
const QUERIES: usize = 24;

/// How far the rows of a block see: row `i` sees the keys `0..first + i·step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visible {
    pub(crate) first: usize,
    pub(crate) step: usize,
}

impl Visible {
    #[inline(always)]
    fn of(self, row: usize) -> usize {
        self.first + row * self.step
    }
}

/// Keys and values of one head as panels with room for `capacity` tokens: keys transposed (`head_dim` rows a
/// panel of tokens), values plain (`capacity` rows a panel of dimensions).
#[derive(Clone, Copy)]
pub(crate) struct KeysValues<'a> {
    pub(crate) keys: &'a [f32],
    pub(crate) values: &'a [f32],
    pub(crate) capacity: usize,
}

/// Places that [`KeysValues`] needs: `(keys, values)`.
pub(crate) fn keys_values_len(capacity: usize, head_dim: usize, panel: usize) -> (usize, usize) {
    (capacity.div_ceil(panel) * panel * head_dim, head_dim.div_ceil(panel) * panel * capacity)
}

/// Writes `rows` keys and values as the tokens `at..` of a head's panels.
pub(crate) fn append_keys_values(
    rows: usize,
    head_dim: usize,
    k: &[f32],
    k_stride: usize,
    v: &[f32],
    v_stride: usize,
    keys: &mut [f32],
    values: &mut [f32],
    capacity: usize,
    panel: usize,
    at: usize,
) {
    pack_transposed(k, k_stride, rows, head_dim, keys, panel, head_dim, at);
    pack_plain(v, v_stride, rows, head_dim, values, panel, capacity, at);
}

dispatched! {
    /// `out = softmax(scale · q·Kᵀ)·V` for `rows` query rows of one head; `lse` (if not empty) receives each
    /// row's `ln Σ exp(scale · q·k)`. `scores` is scratch.
    pub(crate) fn attend(
        rows: usize, head_dim: usize, q: &[f32], q_stride: usize, kv: KeysValues<'_>, visible: Visible, scale: f32,
        out: &mut [f32], out_stride: usize, lse: &mut [f32], scores: &mut Vec<f32>,
    ) = attend_lanes;
}

#[inline(always)]
pub(crate) fn attend_lanes<S: Simd>(
    s: S,
    rows: usize,
    head_dim: usize,
    q: &[f32],
    q_stride: usize,
    kv: KeysValues<'_>,
    visible: Visible,
    scale: f32,
    out: &mut [f32],
    out_stride: usize,
    lse: &mut [f32],
    scores: &mut Vec<f32>,
) {
    for start in (0..rows).step_by(QUERIES) {
        let block = QUERIES.min(rows - start);
        let seen = visible.of(start + block - 1);
        // Whole panels: the scores behind the last key are never used, and cheaper to compute than to leave
        // out.
        let width = seen.next_multiple_of(S::PANEL);
        if scores.len() < block * width {
            scores.resize(block * width, 0.0);
        }
        let keys = Panels { k: head_dim, n: width, stride: head_dim * S::PANEL, data: kv.keys };
        matmul_of(s, block, &q[start * q_stride..], q_stride, keys, scores, width, Write::Set);
        let mut inverse = [0.0; QUERIES];
        for i in 0..block {
            let row = &mut scores[i * width..(i + 1) * width];
            let (total, log_sum_exp) = softmax_row(s, row, visible.of(start + i), scale);
            inverse[i] = 1.0 / total;
            if !lse.is_empty() {
                lse[start + i] = log_sum_exp;
            }
        }
        let values = Panels { k: seen, n: head_dim, stride: kv.capacity * S::PANEL, data: kv.values };
        let out = &mut out[start * out_stride..];
        matmul_of(s, block, scores, width, values, out, out_stride, Write::Set);
        for (i, &inverse) in inverse[..block].iter().enumerate() {
            scale_row(s, &mut out[i * out_stride..i * out_stride + head_dim], inverse);
        }
    }
}

/// Query rows of one sequence, one behind the other, and the keys and values of its own that they see behind a
/// shared beginning.
pub(crate) struct Part<'a> {
    pub(crate) rows: usize,
    pub(crate) own: KeysValues<'a>,
    /// How many tokens each row sees, those of the beginning included.
    pub(crate) visible: Visible,
}

dispatched! {
    /// [`attend`] of several sequences that begin with the same `shared` tokens, whose keys and values are read
    /// once for all of them: `q` and `out` are `(rows of all parts, head_dim)`, `lse` has one number a row. The bits are those of each
    /// sequence for itself, its keys and values in one piece.
    pub(crate) fn attend_parts(
        head_dim: usize, q: &[f32], beginning: KeysValues<'_>, shared: usize, parts: &[Part<'_>], scale: f32,
        out: &mut [f32], lse: &mut [f32], scores: &mut Vec<f32>,
    ) = attend_parts_lanes;
}

#[inline(always)]
pub(crate) fn attend_parts_lanes<S: Simd>(
    s: S,
    head_dim: usize,
    q: &[f32],
    beginning: KeysValues<'_>,
    shared: usize,
    parts: &[Part<'_>],
    scale: f32,
    out: &mut [f32],
    lse: &mut [f32],
    scores: &mut Vec<f32>,
) {
    let d = head_dim;
    let all: usize = parts.iter().map(|part| part.rows).sum();
    let seen_by = |part: &Part<'_>| part.visible.of(part.rows - 1);
    let most = parts.iter().map(seen_by).max().unwrap_or(0);
    let width = most.next_multiple_of(S::PANEL);
    if scores.len() < all * width {
        scores.resize(all * width, 0.0);
    }
    let keys = Panels { k: d, n: shared, stride: d * S::PANEL, data: beginning.keys };
    matmul_of(s, all, q, d, keys, scores, width, Write::Set);
    let mut inverse = Vec::with_capacity(all);
    let mut first = 0;
    for part in parts {
        let own = seen_by(part) - shared;
        let keys = Panels { k: d, n: own, stride: d * S::PANEL, data: part.own.keys };
        let scores = &mut scores[first * width..(first + part.rows) * width];
        matmul_of(s, part.rows, &q[first * d..], d, keys, &mut scores[shared..], width, Write::Set);
        for (i, row) in scores.chunks_exact_mut(width).enumerate() {
            let (total, log_sum_exp) = softmax_row(s, row, part.visible.of(i), scale);
            inverse.push(1.0 / total);
            lse[first + i] = log_sum_exp;
        }
        first += part.rows;
    }
    let values = Panels { k: shared, n: d, stride: beginning.capacity * S::PANEL, data: beginning.values };
    matmul_of(s, all, scores, width, values, out, d, Write::Set);
    let mut first = 0;
    for part in parts {
        let own = seen_by(part) - shared;
        let values = Panels { k: own, n: d, stride: part.own.capacity * S::PANEL, data: part.own.values };
        let scores = &scores[first * width + shared..];
        matmul_of(s, part.rows, scores, width, values, &mut out[first * d..], d, Write::Add);
        first += part.rows;
    }
    for (row, &inverse) in out.chunks_exact_mut(d).zip(&inverse) {
        scale_row(s, row, inverse);
    }
}

/// `row *= factor`.
#[inline(always)]
fn scale_row<S: Simd>(s: S, row: &mut [f32], factor: f32) {
    for at in (0..row.len()).step_by(S::N) {
        let end = row.len().min(at + S::N);
        s.store(s.mul(s.load(&row[at..end]), s.splat(factor)), &mut row[at..end]);
    }
}

/// Turns the first `seen` scores into `exp(scale · (score - max))` and the rest of the row into zeros. The
/// row's length is a multiple of the lanes. Returns the sum and `ln Σ exp(scale · score)`.
#[inline(always)]
fn softmax_row<S: Simd>(s: S, row: &mut [f32], seen: usize, scale: f32) -> (f32, f32) {
    let padded = seen.next_multiple_of(S::N);
    // Padding lanes are so small that their exponentials vanish beside the maximum's, which is one.
    row[seen..padded].fill(f32::MIN);
    let mut most = s.splat(f32::MIN);
    for chunk in row[..padded].chunks_exact(S::N) {
        most = s.max(most, s.load(chunk));
    }
    let largest = s.largest(most);
    let (factor, offset) = (s.splat(scale), s.splat(-largest * scale));
    let mut total = s.splat(0.0);
    for chunk in row[..padded].chunks_exact_mut(S::N) {
        let e = s.exp(s.fma(s.load(chunk), factor, offset));
        total = s.add(total, e);
        s.store(e, chunk);
    }
    row[seen..].fill(0.0);
    let total = s.sum(total);
    (total, largest * scale + total.ln())
}

/// What the gradient of one key-value head of one sequence reads. All matrices have one row a token; the
/// queries, outputs and their gradients hold the heads of the group side by side from the given slices' start.
#[derive(Clone, Copy)]
pub(crate) struct AttentionGrad<'a> {
    pub(crate) tokens: usize,
    /// Tokens before these, whose keys and values an earlier call with the same scratch and capacity was given.
    pub(crate) past: usize,
    /// Tokens that the scratch has room for, those of the past included.
    pub(crate) capacity: usize,
    pub(crate) head_dim: usize,
    /// Query heads that share these keys and values.
    pub(crate) group: usize,
    pub(crate) scale: f32,
    pub(crate) q: &'a [f32],
    pub(crate) q_stride: usize,
    pub(crate) k: &'a [f32],
    pub(crate) k_stride: usize,
    pub(crate) v: &'a [f32],
    pub(crate) v_stride: usize,
    pub(crate) out: &'a [f32],
    pub(crate) out_stride: usize,
    pub(crate) dout: &'a [f32],
    pub(crate) dout_stride: usize,
    /// `(group, tokens)`: one row a head.
    pub(crate) lse: &'a [f32],
}

/// Scratch of [`attend_backward`], and its results: of its tokens' queries, and of all keys and values so far.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    pub(crate) keys_t: Vec<f32>,
    pub(crate) keys: Vec<f32>,
    values_t: Vec<f32>,
    pub(crate) p: Vec<f32>,
    dp: Vec<f32>,
    slabs: Vec<f32>,
    packed: Vec<f32>,
    /// `(tokens, group · head_dim)`.
    pub(crate) dq: Vec<f32>,
    /// `(past + tokens, head_dim)`.
    pub(crate) dk: Vec<f32>,
    /// `(past + tokens, head_dim)`.
    pub(crate) dv: Vec<f32>,
}

fn grow(x: &mut Vec<f32>, length: usize) {
    if x.len() < length {
        x.resize(length, 0.0);
    }
}

dispatched! {
    /// The gradient to queries, keys and values, left in `scratch.dq`, `dk` and `dv`. Probabilities are
    /// recomputed from the saved log-sum-exp (as FlashAttention does); heads of the group are added in their
    /// order. Keys and values of the past gather what these tokens give them.
    pub(crate) fn attend_backward(of: AttentionGrad<'_>, scratch: &mut AttentionScratch) = attend_backward_lanes;
}

#[inline(always)]
pub(crate) fn attend_backward_lanes<S: Simd>(s: S, of: AttentionGrad<'_>, scratch: &mut AttentionScratch) {
    let (t, d, past) = (of.tokens, of.head_dim, of.past);
    let (transposed, plain) = keys_values_len(of.capacity, d, S::PANEL);
    grow(&mut scratch.keys_t, transposed);
    grow(&mut scratch.values_t, transposed);
    grow(&mut scratch.keys, plain);
    grow(&mut scratch.dq, t * of.group * d);
    pack_transposed(of.k, of.k_stride, t, d, &mut scratch.keys_t, S::PANEL, d, past);
    pack_transposed(of.v, of.v_stride, t, d, &mut scratch.values_t, S::PANEL, d, past);
    pack_plain(of.k, of.k_stride, t, d, &mut scratch.keys, S::PANEL, of.capacity, past);
    for x in [&mut scratch.dk, &mut scratch.dv] {
        grow(x, of.capacity * d);
        x[past * d..(past + t) * d].fill(0.0);
    }
    for head in 0..of.group {
        for start in (0..t).step_by(QUERIES) {
            backward_block(s, of, head, start, QUERIES.min(t - start), scratch);
        }
    }
}

#[inline(always)]
fn backward_block<S: Simd>(
    s: S,
    of: AttentionGrad<'_>,
    head: usize,
    start: usize,
    block: usize,
    scratch: &mut AttentionScratch,
) {
    let (t, d) = (of.tokens, of.head_dim);
    let seen = of.past + start + block;
    let width = seen.next_multiple_of(S::PANEL);
    let column = head * d;
    let q = &of.q[start * of.q_stride + column..];
    let out = &of.out[start * of.out_stride + column..];
    let dout = &of.dout[start * of.dout_stride + column..];
    let keys_t = Panels { k: d, n: width, stride: d * S::PANEL, data: &scratch.keys_t };
    let values_t = Panels { k: d, n: width, stride: d * S::PANEL, data: &scratch.values_t };
    grow(&mut scratch.p, block * width);
    grow(&mut scratch.dp, block * width);
    let (p, dp) = (&mut scratch.p, &mut scratch.dp);
    matmul_of(s, block, q, of.q_stride, keys_t, p, width, Write::Set);
    matmul_of(s, block, dout, of.dout_stride, values_t, dp, width, Write::Set);
    for i in 0..block {
        let row = i * width..(i + 1) * width;
        // Σ_j p_j · dp_j is the output's product with its gradient.
        let mut along = s.splat(0.0);
        for at in (0..d).step_by(S::N) {
            let end = d.min(at + S::N);
            let out = s.load(&out[i * of.out_stride + at..i * of.out_stride + end]);
            along = s.fma(out, s.load(&dout[i * of.dout_stride + at..i * of.dout_stride + end]), along);
        }
        let log_sum_exp = of.lse[head * t + start + i];
        let (p, dp) = (&mut p[row.clone()], &mut dp[row]);
        probabilities_and_gradient(s, p, dp, of.past + start + i + 1, of.scale, log_sum_exp, s.sum(along));
    }
    let keys = Panels { k: seen, n: d, stride: of.capacity * S::PANEL, data: &scratch.keys };
    let dq = &mut scratch.dq[start * of.group * d + column..];
    matmul_of(s, block, dp, width, keys, dq, of.group * d, Write::Set);
    grow(&mut scratch.slabs, block * slab_width(d, S::PANEL));
    let AttentionScratch { slabs, packed, dk, dv, .. } = scratch;
    pack_slabs(block, d, q, of.q_stride, slabs, S::PANEL);
    matmul_tn_of(s, block, seen, d, dp, width, slabs, dk, d, Write::Add, packed);
    pack_slabs(block, d, dout, of.dout_stride, slabs, S::PANEL);
    matmul_tn_of(s, block, seen, d, p, width, slabs, dv, d, Write::Add, packed);
}

/// Turns scores into probabilities, and their gradients `dp` into the scores': `scale · p · (dp - along)`; both
/// zero from `seen` on.
#[inline(always)]
fn probabilities_and_gradient<S: Simd>(
    s: S,
    p: &mut [f32],
    dp: &mut [f32],
    seen: usize,
    scale: f32,
    log_sum_exp: f32,
    along: f32,
) {
    let padded = seen.next_multiple_of(S::N);
    let (factor, offset, along) = (s.splat(scale), s.splat(-log_sum_exp), s.splat(along));
    for (p, dp) in p[..padded].chunks_exact_mut(S::N).zip(dp[..padded].chunks_exact_mut(S::N)) {
        let probability = s.exp(s.fma(s.load(p), factor, offset));
        s.store(probability, p);
        s.store(s.mul(s.mul(probability, factor), s.sub(s.load(dp), along)), dp);
    }
    p[seen..].fill(0.0);
    dp[seen..].fill(0.0);
}
