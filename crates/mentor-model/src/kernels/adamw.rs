//! One AdamW update of one parameter (Loshchilov & Hutter 2019, algorithm 2, as PyTorch computes it).

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::simd::{Simd, dispatched};

/// The numbers of one step, the bias corrections worked out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamWStep {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) eps: f32,
    /// `1 - lr · weight_decay`.
    pub(crate) keep: f32,
    /// `lr / (1 - beta1^t)`.
    pub(crate) rate: f32,
    /// `1 / √(1 - beta2^t)`.
    pub(crate) second_correction: f32,
}

dispatched! {
    /// `p ← keep·p - rate · m / (√v · correction + ε)` with the moments brought up to date first.
    pub(crate) fn adamw(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], step: AdamWStep) = adamw_lanes;
}

#[inline(always)]
pub(crate) fn adamw_lanes<S: Simd>(
    s: S,
    p: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
    step: AdamWStep,
) {
    let n = p.len();
    let (b1, c1) = (s.splat(step.beta1), s.splat(1.0 - step.beta1));
    let (b2, c2) = (s.splat(step.beta2), s.splat(1.0 - step.beta2));
    let (eps, keep, rate) = (s.splat(step.eps), s.splat(step.keep), s.splat(-step.rate));
    let correction = s.splat(step.second_correction);
    for at in (0..n).step_by(S::N) {
        let end = n.min(at + S::N);
        let gradient = s.load(&g[at..end]);
        let first = s.fma(b1, s.load(&m[at..end]), s.mul(c1, gradient));
        let second = s.fma(b2, s.load(&v[at..end]), s.mul(s.mul(c2, gradient), gradient));
        let denominator = s.fma(s.sqrt(second), correction, eps);
        let kept = s.mul(keep, s.load(&p[at..end]));
        s.store(first, &mut m[at..end]);
        s.store(second, &mut v[at..end]);
        s.store(s.fma(rate, s.div(first, denominator), kept), &mut p[at..end]);
    }
}
