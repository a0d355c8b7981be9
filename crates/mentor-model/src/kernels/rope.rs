//! Rotary position embedding, the half-rotation form of Llama and Qwen: dimension `i` turns with `i + head_dim
//! / 2`.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::simd::{Simd, dispatched};

/// Cosines and sines of positions `0..positions`, `head_dim / 2` of each a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct RopeTable {
    pub(crate) half: usize,
    pub(crate) cos: Vec<f32>,
    pub(crate) sin: Vec<f32>,
}

impl RopeTable {
    /// Angles `p · frequency`, rounded to f32 where transformers rounds them, so that long contexts agree.
    pub(crate) fn new(positions: usize, frequencies: &[f32]) -> Self {
        let half = frequencies.len();
        let angles = (0..positions).flat_map(|p| frequencies.iter().map(move |f| f64::from(p as f32 * f)));
        let (cos, sin) = angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Self { half, cos, sin }
    }
}

/// Which way to turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// The forward pass.
    Forward,
    /// The gradient: the inverse of a rotation is its transpose.
    Back,
}

dispatched! {
    /// Turns the vector of `2 · table.half` values at the start of each row of `x` in place, rows `stride`
    /// apart, by the row's position.
    pub(crate) fn rope(x: &mut [f32], stride: usize, positions: &[usize], table: &RopeTable, turn: Turn) = rope_lanes;
}

#[inline(always)]
pub(crate) fn rope_lanes<S: Simd>(
    s: S,
    x: &mut [f32],
    stride: usize,
    positions: &[usize],
    table: &RopeTable,
    turn: Turn,
) {
    let half = table.half;
    let sign = s.splat(if turn == Turn::Forward { 1.0 } else { -1.0 });
    for (row, &position) in positions.iter().enumerate() {
        let (low, high) = x[row * stride..row * stride + 2 * half].split_at_mut(half);
        let cos = &table.cos[position * half..(position + 1) * half];
        let sin = &table.sin[position * half..(position + 1) * half];
        for at in (0..half).step_by(S::N) {
            let end = half.min(at + S::N);
            let (c, n) = (s.load(&cos[at..end]), s.mul(sign, s.load(&sin[at..end])));
            let (a, b) = (s.load(&low[at..end]), s.load(&high[at..end]));
            s.store(s.sub(s.mul(a, c), s.mul(b, n)), &mut low[at..end]);
            s.store(s.fma(b, c, s.mul(a, n)), &mut high[at..end]);
        }
    }
}
