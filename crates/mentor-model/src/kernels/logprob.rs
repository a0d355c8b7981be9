//! Log-probability of one token and entropy of a row of logits, and their gradient.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::simd::{Simd, dispatched};

/// What a row of logits says about one token, natural logarithms, after division by the temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenLogProb {
    /// `ln p(token)`.
    pub logprob: f32,
    /// `-Σ p ln p` over the vocabulary.
    pub entropy: f32,
    /// `ln Σ exp(logit / temperature)`: any other token's log-probability is its scaled logit less this.
    pub log_sum_exp: f32,
}

dispatched! {
    /// The log-probability of `token` under `softmax(logits / temperature)`; `token < logits.len()`.
    pub(crate) fn token_logprob_kernel(logits: &[f32], token: usize, temperature: f32) -> TokenLogProb = token_logprob_lanes;
}

#[inline(always)]
pub(crate) fn token_logprob_lanes<S: Simd>(
    s: S,
    logits: &[f32],
    token: usize,
    temperature: f32,
) -> TokenLogProb {
    let inverse = 1.0 / temperature;
    let mut most = s.splat(f32::MIN);
    let whole = logits.len() / S::N * S::N;
    for at in (0..whole).step_by(S::N) {
        most = s.max(most, s.load(&logits[at..at + S::N]));
    }
    let mut largest = s.largest(most);
    for &logit in &logits[whole..] {
        largest = if logit > largest { logit } else { largest };
    }
    let (scale, offset) = (s.splat(inverse), s.splat(-largest * inverse));
    let (mut total, mut moment) = (s.splat(0.0), s.splat(0.0));
    for at in (0..whole).step_by(S::N) {
        let z = s.fma(s.load(&logits[at..at + S::N]), scale, offset);
        let e = s.exp(z);
        total = s.add(total, e);
        moment = s.fma(e, z, moment);
    }
    let (mut total, mut moment) = (s.sum(total), s.sum(moment));
    if whole < logits.len() {
        // The lanes behind the row are not counted.
        let z = s.fma(s.load(&logits[whole..]), scale, offset);
        let (zs, es) = (s.lanes(z), s.lanes(s.exp(z)));
        for i in 0..logits.len() - whole {
            total += es[i];
            moment += es[i] * zs[i];
        }
    }
    let log_total = total.ln();
    TokenLogProb {
        logprob: (logits[token] - largest) * inverse - log_total,
        // H = ln Σe - Σ e·z / Σe, the same for logits shifted by a constant.
        entropy: log_total - moment / total,
        log_sum_exp: largest * inverse + log_total,
    }
}

dispatched! {
    /// Turns a row of logits into the gradient of `d · ln p(token)` to them: `d · (1[j = token] - p_j) /
    /// temperature`.
    pub(crate) fn token_logprob_backward(
        logits: &mut [f32], token: usize, temperature: f32, log_sum_exp: f32, d: f32,
    ) = token_logprob_backward_lanes;
}

#[inline(always)]
pub(crate) fn token_logprob_backward_lanes<S: Simd>(
    s: S,
    logits: &mut [f32],
    token: usize,
    temperature: f32,
    log_sum_exp: f32,
    d: f32,
) {
    let inverse = 1.0 / temperature;
    let (scale, offset, factor) = (s.splat(inverse), s.splat(-log_sum_exp), s.splat(-d * inverse));
    let n = logits.len();
    for at in (0..n).step_by(S::N) {
        let end = n.min(at + S::N);
        let p = s.exp(s.fma(s.load(&logits[at..end]), scale, offset));
        s.store(s.mul(p, factor), &mut logits[at..end]);
    }
    logits[token] += d * inverse;
}
