//! What happens to queries and keys between projection and attention: each head is normalised, in models that do, and
//! turned by its token's position. A row's heads follow each other in memory, and are taken in this order.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::matmul::Write;
use super::norm::{rms_norm_backward_lanes, sum_of_squares};
use super::rope::{RopeTable, turn, turn_back};
use super::simd::{Simd, dispatched};

/// The heads at the start of each row: queries, then keys.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a> {
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) head_dim: usize,
    /// Absent where heads are not normalised.
    pub(crate) q_norm: Option<&'a [f32]>,
    pub(crate) k_norm: Option<&'a [f32]>,
    pub(crate) eps: f32,
    pub(crate) table: &'a RopeTable,
}

impl<'a> Heads<'a> {
    #[inline(always)]
    fn norm(&self, head: usize) -> Option<&'a [f32]> {
        if head < self.queries { self.q_norm } else { self.k_norm }
    }
}

dispatched! {
    /// `turned = rope(norm(projected))` for the heads of each row; rows lie `stride` and `turned_stride` apart.
    pub(crate) fn turn_heads(
        heads: Heads<'_>, positions: &[usize], projected: &[f32], stride: usize, turned: &mut [f32],
        turned_stride: usize,
    ) = turn_heads_lanes;
}

#[inline(always)]
pub(crate) fn turn_heads_lanes<S: Simd>(
    s: S,
    heads: Heads<'_>,
    positions: &[usize],
    projected: &[f32],
    stride: usize,
    turned: &mut [f32],
    turned_stride: usize,
) {
    let (dim, half, count) = (heads.head_dim, heads.table.half, heads.queries + heads.keys);
    for (row, &position) in positions.iter().enumerate() {
        let from = &projected[row * stride..row * stride + count * dim];
        let to = &mut turned[row * turned_stride..row * turned_stride + count * dim];
        let angles = position * half..(position + 1) * half;
        let (cos, sin) = (&heads.table.cos[angles.clone()], &heads.table.sin[angles]);
        for first in (0..count).step_by(TOGETHER) {
            let group = first..count.min(first + TOGETHER);
            let inverse = inverse_rms_of_each(s, &from[group.start * dim..group.end * dim], dim, heads.eps);
            for (head, inverse) in group.zip(inverse) {
                let place = head * dim..(head + 1) * dim;
                let norm = heads.norm(head).map(|norm| (norm, inverse));
                turn_head(s, &from[place.clone()], norm, cos, sin, &mut to[place]);
            }
        }
    }
}

/// Heads whose roots and quotients are computed side by side.
const TOGETHER: usize = 16;

/// [`inverse_rms`](super::norm) of up to [`TOGETHER`] heads that follow each other.
#[inline(always)]
fn inverse_rms_of_each<S: Simd>(s: S, heads: &[f32], dim: usize, eps: f32) -> [f32; TOGETHER] {
    let mut inverse = [0.0; TOGETHER];
    for (head, inverse) in heads.chunks_exact(dim).zip(&mut inverse) {
        *inverse = sum_of_squares(s, head);
    }
    for sums in inverse.chunks_exact_mut(S::N) {
        let mean = s.div(s.load(sums), s.splat(dim as f32));
        s.store(s.div(s.splat(1.0), s.sqrt(s.add(mean, s.splat(eps)))), sums);
    }
    inverse
}

/// One head: with its norm's weights and inverse root mean square, if there is a norm.
#[inline(always)]
fn turn_head<S: Simd>(
    s: S,
    from: &[f32],
    norm: Option<(&[f32], f32)>,
    cos: &[f32],
    sin: &[f32],
    to: &mut [f32],
) {
    let half = cos.len();
    let (low, high) = to.split_at_mut(half);
    for at in (0..half).step_by(S::N) {
        let end = half.min(at + S::N);
        let (mut a, mut b) = (s.load(&from[at..end]), s.load(&from[half + at..half + end]));
        if let Some((weight, inverse)) = norm {
            let inverse = s.splat(inverse);
            a = s.mul(s.mul(a, inverse), s.load(&weight[at..end]));
            b = s.mul(s.mul(b, inverse), s.load(&weight[half + at..half + end]));
        }
        let (a, b) = turn(s, a, b, s.load(&cos[at..end]), s.load(&sin[at..end]));
        s.store(a, &mut low[at..end]);
        s.store(b, &mut high[at..end]);
    }
}

dispatched! {
    /// The gradient of [`turn_heads`]: `gradient`, of what was turned, becomes that of what was projected, in place;
    /// rows lie `stride` apart in both. Each row's share of the norms' gradients is added to `d_q_norm` and
    /// `d_k_norm`, in the order of rows. `unturned` has room for a head.
    pub(crate) fn turn_heads_backward(
        heads: Heads<'_>, positions: &[usize], projected: &[f32], gradient: &mut [f32], stride: usize,
        d_q_norm: &mut [f32], d_k_norm: &mut [f32], unturned: &mut [f32],
    ) = turn_heads_backward_lanes;
}

#[inline(always)]
pub(crate) fn turn_heads_backward_lanes<S: Simd>(
    s: S,
    heads: Heads<'_>,
    positions: &[usize],
    projected: &[f32],
    gradient: &mut [f32],
    stride: usize,
    d_q_norm: &mut [f32],
    d_k_norm: &mut [f32],
    unturned: &mut [f32],
) {
    let dim = heads.head_dim;
    for (row, &position) in positions.iter().enumerate() {
        for head in 0..heads.queries + heads.keys {
            let place = row * stride + head * dim..row * stride + (head + 1) * dim;
            let (from, gradient) = (&projected[place.clone()], &mut gradient[place]);
            turn_back(s, gradient, position, heads.table);
            let Some(norm) = heads.norm(head) else { continue };
            let d_norm = if head < heads.queries { &mut *d_q_norm } else { &mut *d_k_norm };
            unturned[..dim].copy_from_slice(gradient);
            let eps = heads.eps;
            rms_norm_backward_lanes(
                s,
                1,
                from,
                dim,
                norm,
                eps,
                unturned,
                dim,
                gradient,
                dim,
                Write::Set,
                d_norm,
            );
        }
    }
}
