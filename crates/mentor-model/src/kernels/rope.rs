//! Rotary position embedding, the half-rotation form of Llama and Qwen: dimension `i` turns with `i + head_dim
//! / 2`.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::simd::Simd;

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

/// Turns the pairs `(a, b)` by the angles of these cosines and sines.
#[inline(always)]
pub(super) fn turn<S: Simd>(s: S, a: S::V, b: S::V, cos: S::V, sin: S::V) -> (S::V, S::V) {
    (s.sub(s.mul(a, cos), s.mul(b, sin)), s.fma(b, cos, s.mul(a, sin)))
}

/// Turns a head in place by its position, the other way round: the gradient, since the inverse of a rotation is its
/// transpose.
#[inline(always)]
pub(super) fn turn_back<S: Simd>(s: S, head: &mut [f32], position: usize, table: &RopeTable) {
    let half = table.half;
    let (low, high) = head.split_at_mut(half);
    let cos = &table.cos[position * half..(position + 1) * half];
    let sin = &table.sin[position * half..(position + 1) * half];
    for at in (0..half).step_by(S::N) {
        let end = half.min(at + S::N);
        let (cos, sin) = (s.load(&cos[at..end]), s.sub(s.splat(0.0), s.load(&sin[at..end])));
        let (a, b) = turn(s, s.load(&low[at..end]), s.load(&high[at..end]), cos, sin);
        s.store(a, &mut low[at..end]);
        s.store(b, &mut high[at..end]);
    }
}
