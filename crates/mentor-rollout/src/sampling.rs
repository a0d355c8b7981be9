//! How the next token is chosen from a row of logits, and the log-probability that is stored with it.

use serde::{Deserialize, Serialize};

use crate::Policy;
use crate::softmax::{Softmax, pick};

/// How tokens are chosen.
///
/// In training the log-probability stored with a token must be that of the distribution it was drawn from, so a
/// sampling that truncates (`top_k`, `top_p`) is for evaluation only: see [`Sampling::check_for_training`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// The logits are divided by it, ≥ 0; 0 takes the most likely token (the lowest id among equals).
    pub temperature: f32,
    /// Draw from the `top_k` most likely tokens only (the lower ids among equals), ≥ 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// Then from the fewest most likely of them that hold this share of their probability, in (0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
}

/// A [`Sampling`] that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The temperature is negative, infinite or NaN.
    #[error("temperature is {0}: it must be a finite number ≥ 0 (0 is greedy)")]
    Temperature(f32),
    /// `top_k` is 0.
    #[error("top_k is 0: leave it out, or allow at least one token")]
    TopK,
    /// `top_p` is outside (0, 1].
    #[error("top_p is {0}: it must be above 0 and at most 1")]
    TopP(f32),
    /// Truncated sampling in training.
    #[error(
        "top_k and top_p are for evaluation: training stores the log-probability of the whole distribution, so leave them out"
    )]
    Truncated,
    /// Greedy decoding in training.
    #[error("temperature is 0: training draws from the policy, so the temperature must be above 0")]
    Greedy,
}

impl Sampling {
    /// Temperature 0: the most likely token every time.
    pub fn greedy() -> Sampling {
        Sampling { temperature: 0.0, top_k: None, top_p: None }
    }

    /// The whole distribution at this temperature, as policy gradients need it.
    pub fn for_training(temperature: f32) -> Sampling {
        Sampling { temperature, top_k: None, top_p: None }
    }

    /// What the MENTOR paper evaluates mathematics with: temperature 0.7, top-p 0.9.
    pub fn published_evaluation() -> Sampling {
        Sampling { temperature: 0.7, top_k: None, top_p: Some(0.9) }
    }

    /// The temperature that log-probabilities are taken at: the sampling temperature, or 1 if greedy.
    pub fn softmax_temperature(&self) -> f32 {
        if self.is_greedy() { 1.0 } else { self.temperature }
    }

    fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// Whether every number is in its range.
    pub fn check(&self) -> Result<(), SamplingError> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(SamplingError::Temperature(self.temperature));
        }
        if self.top_k == Some(0) {
            return Err(SamplingError::TopK);
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => Err(SamplingError::TopP(p)),
            _ => Ok(()),
        }
    }

    /// Whether tokens drawn this way may be trained on: in range, not greedy and not truncated.
    pub fn check_for_training(&self) -> Result<(), SamplingError> {
        self.check()?;
        if self.top_k.is_some() || self.top_p.is_some_and(|p| p < 1.0) {
            return Err(SamplingError::Truncated);
        }
        if self.is_greedy() {
            return Err(SamplingError::Greedy);
        }
        Ok(())
    }
}

/// A token drawn, with its log-probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The token.
    pub id: u32,
    /// ln p(id) under the whole softmax, without truncation, at [`Sampling::softmax_temperature`].
    pub logprob: f32,
}

/// Draws a token from one row of logits by inverting its cumulative distribution at `uniform` of [0, 1).
///
/// The same row and number give the same token and the same bits. None if the row has no distribution: it
/// holds a NaN or +∞, or nothing finite.
///
/// ```
/// use mentor_rollout::{Sampling, draw};
/// let halves = [0.0, f32::NEG_INFINITY, 0.0];
/// assert_eq!(draw(&halves, &Sampling::for_training(1.0), 0.49).unwrap().id, 0);
/// assert_eq!(draw(&halves, &Sampling::for_training(1.0), 0.51).unwrap().id, 2);
/// assert_eq!(draw(&halves, &Sampling::greedy(), 0.51).unwrap().logprob, 0.5_f32.ln());
/// assert!(draw(&[f32::NAN, 0.0], &Sampling::greedy(), 0.0).is_none());
/// ```
pub fn draw(logits: &[f32], sampling: &Sampling, uniform: f64) -> Option<Draw> {
    let softmax = Softmax::new(logits, sampling.softmax_temperature())?;
    let index = choose(&softmax, sampling, uniform);
    Some(Draw { id: index as u32, logprob: softmax.logprob(index) })
}

/// [`draw`] with the log-probability that the policy itself gives the token.
pub(crate) fn draw_from<P: Policy>(logits: &[f32], sampling: &Sampling, uniform: f64) -> Option<Draw> {
    let temperature = sampling.softmax_temperature();
    let id = choose(&Softmax::new(logits, temperature)?, sampling, uniform) as u32;
    Some(Draw { id, logprob: P::logprob(logits, id, temperature) })
}

/// ln p(`token`) under softmax(`logits` / `temperature`), for policies without an arithmetic of their own; -∞ if the
/// row is no distribution or has no such token. The temperature must be positive.
pub fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32 {
    Softmax::new(logits, temperature).map_or(f32::NEG_INFINITY, |softmax| softmax.logprob(token as usize))
}

fn choose(softmax: &Softmax, sampling: &Sampling, uniform: f64) -> usize {
    match (sampling.is_greedy(), sampling.top_k, sampling.top_p) {
        (true, _, _) => softmax.mode(),
        (false, None, None) => softmax.quantile(uniform),
        (false, top_k, top_p) => truncated(&softmax.weights(), top_k, top_p, uniform),
    }
}

/// Inverts the cumulative distribution of the truncated weights, most likely first.
fn truncated(weights: &[f32], top_k: Option<usize>, top_p: Option<f32>, uniform: f64) -> usize {
    let most = top_k.unwrap_or(weights.len()).clamp(1, weights.len());
    let share = top_p.map_or(1.0, f64::from);
    let kept = match top_k {
        Some(_) => largest(weights, most),
        None => nucleus(weights, share),
    };
    let kept_weights: Vec<f32> = kept.iter().map(|&index| weights[index]).collect();
    let count = prefix_with_share(&kept_weights, share * total(&kept_weights));
    let kept_weights = &kept_weights[..count];
    kept[pick(kept_weights, uniform * total(kept_weights))]
}

/// The most likely indices that hold `share` of the weight, and perhaps some more: a vocabulary need not be
/// sorted whole to find the few tokens that matter.
fn nucleus(weights: &[f32], share: f64) -> Vec<usize> {
    let wanted = share * total(weights);
    let mut most = 64;
    loop {
        let kept = largest(weights, most);
        let held: f64 = kept.iter().map(|&index| f64::from(weights[index])).sum();
        if held >= wanted || most >= weights.len() {
            return kept;
        }
        most *= 8;
    }
}

/// The indices of the `most` largest weights, largest first, the lower index first among equals.
fn largest(weights: &[f32], most: usize) -> Vec<usize> {
    let by_rank = |a: &usize, b: &usize| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b));
    let mut indices: Vec<usize> = (0..weights.len()).collect();
    if most < indices.len() {
        indices.select_nth_unstable_by(most, by_rank);
        indices.truncate(most);
    }
    indices.sort_unstable_by(by_rank);
    indices
}

/// How many of the weights, from the first on, reach `wanted` together; all of them if rounding keeps them below.
fn prefix_with_share(weights: &[f32], wanted: f64) -> usize {
    let mut sum = 0.0;
    let reached = weights.iter().position(|&weight| {
        sum += f64::from(weight);
        sum >= wanted
    });
    reached.map_or(weights.len(), |index| index + 1)
}

fn total(weights: &[f32]) -> f64 {
    weights.iter().map(|&weight| f64::from(weight)).sum()
}

#[cfg(test)]
mod tests;
