//! SwiGLU: `y = silu(gate) · up`, on rows that hold the gate's values and then the up projection's.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::simd::{Simd, dispatched};

dispatched! {
    /// `y = g · σ(g) · u` of rows `[g | u]` of `2 · width` values, into rows of `width`.
    pub(crate) fn swiglu(rows: usize, width: usize, gate_up: &[f32], y: &mut [f32]) = swiglu_lanes;
}

#[inline(always)]
pub(crate) fn swiglu_lanes<S: Simd>(s: S, rows: usize, width: usize, gate_up: &[f32], y: &mut [f32]) {
    for row in 0..rows {
        let (gate, up) = gate_up[2 * row * width..2 * (row + 1) * width].split_at(width);
        let y = &mut y[row * width..(row + 1) * width];
        for at in (0..width).step_by(S::N) {
            let end = width.min(at + S::N);
            let g = s.load(&gate[at..end]);
            s.store(s.mul(s.mul(g, sigmoid(s, g)), s.load(&up[at..end])), &mut y[at..end]);
        }
    }
}

dispatched! {
    /// The gradient of [`swiglu`]: `gate_up` becomes its own gradient, `dy` becomes `y` (which the next weight
    /// gradient needs, and recomputing it here is nearly free).
    pub(crate) fn swiglu_backward(rows: usize, width: usize, gate_up: &mut [f32], dy: &mut [f32]) = swiglu_backward_lanes;
}

#[inline(always)]
pub(crate) fn swiglu_backward_lanes<S: Simd>(
    s: S,
    rows: usize,
    width: usize,
    gate_up: &mut [f32],
    dy: &mut [f32],
) {
    let one = s.splat(1.0);
    for row in 0..rows {
        let (gate, up) = gate_up[2 * row * width..2 * (row + 1) * width].split_at_mut(width);
        let dy = &mut dy[row * width..(row + 1) * width];
        for at in (0..width).step_by(S::N) {
            let end = width.min(at + S::N);
            let (g, u, d) = (s.load(&gate[at..end]), s.load(&up[at..end]), s.load(&dy[at..end]));
            let sigma = sigmoid(s, g);
            let silu = s.mul(g, sigma);
            // (g·σ)' = σ + g·σ·(1 - σ)
            let slope = s.fma(silu, s.sub(one, sigma), sigma);
            s.store(s.mul(silu, u), &mut dy[at..end]);
            s.store(s.mul(s.mul(d, u), slope), &mut gate[at..end]);
            s.store(s.mul(d, silu), &mut up[at..end]);
        }
    }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.div(one, s.add(one, s.exp(s.sub(s.splat(0.0), x))))
}
