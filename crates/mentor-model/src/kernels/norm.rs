//! Root-mean-square normalisation of rows: `y = x · w / √(mean(x²) + ε)`.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::matmul::Write;
use super::simd::{Simd, dispatched};

dispatched! {
    /// `y = x · w / √(mean(x²) + ε)` for each of `rows` rows of `w.len()` values, rows `x_stride` and
    /// `y_stride` apart.
    pub(crate) fn rms_norm(
        rows: usize, x: &[f32], x_stride: usize, w: &[f32], eps: f32, y: &mut [f32], y_stride: usize,
    ) = rms_norm_lanes;
}

#[inline(always)]
pub(crate) fn rms_norm_lanes<S: Simd>(
    s: S,
    rows: usize,
    x: &[f32],
    x_stride: usize,
    w: &[f32],
    eps: f32,
    y: &mut [f32],
    y_stride: usize,
) {
    let dim = w.len();
    for row in 0..rows {
        let x = &x[row * x_stride..row * x_stride + dim];
        let y = &mut y[row * y_stride..row * y_stride + dim];
        let inverse = s.splat(inverse_rms(s, x, eps));
        for at in (0..dim).step_by(S::N) {
            let end = dim.min(at + S::N);
            let normal = s.mul(s.load(&x[at..end]), inverse);
            s.store(s.mul(normal, s.load(&w[at..end])), &mut y[at..end]);
        }
    }
}

/// `1 / √(mean(x²) + ε)`.
#[inline(always)]
fn inverse_rms<S: Simd>(s: S, x: &[f32], eps: f32) -> f32 {
    1.0 / (sum_of_squares(s, x) / x.len() as f32 + eps).sqrt()
}

/// `Σ x²`.
#[inline(always)]
pub(super) fn sum_of_squares<S: Simd>(s: S, x: &[f32]) -> f32 {
    let mut squares = s.splat(0.0);
    for at in (0..x.len()).step_by(S::N) {
        let value = s.load(&x[at..x.len().min(at + S::N)]);
        squares = s.fma(value, value, squares);
    }
    s.sum(squares)
}

dispatched! {
    /// The gradient of [`rms_norm`]: sets `dx` or adds to it, and adds each row's share to `dw`, in the order
    /// of rows.
    pub(crate) fn rms_norm_backward(
        rows: usize, x: &[f32], x_stride: usize, w: &[f32], eps: f32, dy: &[f32], dy_stride: usize, dx: &mut [f32],
        dx_stride: usize, write: Write, dw: &mut [f32],
    ) = rms_norm_backward_lanes;
}

#[inline(always)]
pub(crate) fn rms_norm_backward_lanes<S: Simd>(
    s: S,
    rows: usize,
    x: &[f32],
    x_stride: usize,
    w: &[f32],
    eps: f32,
    dy: &[f32],
    dy_stride: usize,
    dx: &mut [f32],
    dx_stride: usize,
    write: Write,
    dw: &mut [f32],
) {
    let dim = w.len();
    for row in 0..rows {
        let x = &x[row * x_stride..row * x_stride + dim];
        let dy = &dy[row * dy_stride..row * dy_stride + dim];
        let dx = &mut dx[row * dx_stride..row * dx_stride + dim];
        // With n = x / rms: dx = (w·dy - n · mean(w·dy·n)) / rms.
        let inverse = inverse_rms(s, x, eps);
        let mut along = s.splat(0.0);
        for at in (0..dim).step_by(S::N) {
            let end = dim.min(at + S::N);
            let weighted = s.mul(s.load(&dy[at..end]), s.load(&w[at..end]));
            along = s.fma(weighted, s.load(&x[at..end]), along);
        }
        let mean = s.sum(along) * inverse / dim as f32;
        let (inverse, back) = (s.splat(inverse), s.splat(-mean * inverse));
        for at in (0..dim).step_by(S::N) {
            let end = dim.min(at + S::N);
            let normal = s.mul(s.load(&x[at..end]), inverse);
            let upstream = s.load(&dy[at..end]);
            s.store(s.fma(upstream, normal, s.load(&dw[at..end])), &mut dw[at..end]);
            let weighted = s.mul(upstream, s.load(&w[at..end]));
            let mut gradient = s.fma(normal, back, s.mul(weighted, inverse));
            if write == Write::Add {
                gradient = s.add(gradient, s.load(&dx[at..end]));
            }
            s.store(gradient, &mut dx[at..end]);
        }
    }
}
