//! The loss of a batch and its gradient with respect to each log-probability, by hand, in double precision.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::objective::{Kl, KlEstimator, LOG_RATIO_LIMIT, Normalizer, Objective, Ratio, Surrogate};

/// A batch of sampled tokens, sequence after sequence, without padding: one value per token and column.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Log-probability under the policy that is being trained.
    pub logprobs: &'a [f32],
    /// Log-probability stored when the token was sampled.
    pub old_logprobs: &'a [f32],
    /// Log-probability under the reference policy, needed by a KL term; without one it is only measured.
    pub reference: Option<&'a [f32]>,
    /// Advantage of the token: its sequence's ([`per_token`](crate::per_token)), or finer.
    pub advantages: &'a [f32],
    /// Index of each sequence's first token, then the number of tokens: n sequences have n + 1 entries.
    pub sequences: &'a [usize],
}

/// What an update is divided by: the counts of all its parts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalization {
    /// Sampled tokens.
    pub tokens: usize,
    /// Sequences, those without a token included.
    pub sequences: usize,
}

impl Normalization {
    /// The counts of one set of offsets ([`Columns::sequences`]).
    pub fn of(sequences: &[usize]) -> Self {
        let tokens = sequences.last().copied().unwrap_or(0);
        Self { tokens, sequences: sequences.len().saturating_sub(1) }
    }

    /// The counts of sequences of the given lengths in tokens.
    pub fn of_lengths(lengths: impl IntoIterator<Item = usize>) -> Self {
        lengths.into_iter().fold(Self::default(), |sum, length| Self {
            tokens: sum.tokens + length,
            sequences: sum.sequences + 1,
        })
    }
}

/// A loss, its gradient, and what happened inside.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Surrogate and KL term together.
    pub loss: f64,
    /// d(loss)/d(log-probability), one per token.
    pub d_logprobs: Vec<f32>,
    /// Measurements; they carry no gradient.
    pub stats: Stats,
}

/// Measurements of one evaluation, or of several ([`Stats::merge`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Tokens measured.
    pub tokens: usize,
    /// Sequences measured.
    pub sequences: usize,
    /// Mean over tokens of the importance ratio.
    pub mean_ratio: f64,
    /// Largest |log-ratio| of a token, whatever [`Objective::ratio`] says. Zero if the policy is the one that sampled.
    pub max_log_ratio: f64,
    /// Share of tokens that get no policy gradient because their ratio is clipped (CISPO: whose weight is bounded).
    pub clip_fraction: f64,
    /// Mean over tokens of the KL estimate: the objective's, or k3 if it has none; zero without a reference.
    pub kl: f64,
    /// The loss without its KL term.
    pub policy_loss: f64,
}

impl Stats {
    /// Combines two parts of one update: means by tokens, the loss as a sum, since parts share one normalization.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let tokens = self.tokens + other.tokens;
        let mean = |a: f64, b: f64| (a * self.tokens as f64 + b * other.tokens as f64) / tokens.max(1) as f64;
        Self {
            tokens,
            sequences: self.sequences + other.sequences,
            mean_ratio: mean(self.mean_ratio, other.mean_ratio),
            max_log_ratio: self.max_log_ratio.max(other.max_log_ratio),
            clip_fraction: mean(self.clip_fraction, other.clip_fraction),
            kl: mean(self.kl, other.kl),
            policy_loss: self.policy_loss + other.policy_loss,
        }
    }
}

/// Evaluates an update, or a part of one; `whole` counts all parts.
///
/// Losses of the parts add up to the loss of the whole, and every token's gradient is the same bits as if the update had
/// been evaluated at once: cutting it into micro-batches (between sequences) is a matter of memory alone.
pub fn evaluate(objective: &Objective, columns: &Columns, whole: &Normalization) -> Result<Evaluated, Error> {
    objective.validate()?;
    columns.check(objective, whole)?;
    let mut tally = Tally::with_capacity(columns.logprobs.len());
    for bounds in columns.sequences.windows(2) {
        let weight = token_weight(objective.normalizer, bounds[1] - bounds[0], whole);
        tally.add_sequence(objective, &columns.slice(bounds[0], bounds[1]), weight);
    }
    Ok(tally.finish(columns))
}

/// What one token's loss is multiplied by.
fn token_weight(normalizer: Normalizer, length: usize, whole: &Normalization) -> f64 {
    let divisor = match normalizer {
        Normalizer::SequenceMean => whole.sequences as f64 * length as f64,
        Normalizer::TokenMean => whole.tokens as f64,
        Normalizer::Constant(tokens) => whole.sequences as f64 * tokens,
    };
    1.0 / divisor
}

impl<'a> Columns<'a> {
    /// Checks lengths, offsets and values, and that the counts of the whole cover this part.
    fn check(&self, objective: &Objective, whole: &Normalization) -> Result<(), Error> {
        if objective.kl.is_some() && self.reference.is_none() {
            return Err(Error::NoReference);
        }
        let tokens = self.logprobs.len();
        for (column, values) in self.named() {
            if values.len() != tokens {
                return Err(Error::Length { column, found: values.len(), expected: tokens });
            }
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                return Err(Error::NotFinite { column, index, value: values[index] });
            }
        }
        check_offsets(self.sequences, tokens)?;
        let part = Normalization::of(self.sequences);
        for (unit, whole, part) in
            [("tokens", whole.tokens, part.tokens), ("sequences", whole.sequences, part.sequences)]
        {
            if whole < part {
                return Err(Error::Normalization { unit, whole, part });
            }
        }
        Ok(())
    }

    /// The columns present, by name.
    fn named(&self) -> impl Iterator<Item = (&'static str, &'a [f32])> + use<'a> {
        [("logprobs", self.logprobs), ("old_logprobs", self.old_logprobs), ("advantages", self.advantages)]
            .into_iter()
            .chain(self.reference.map(|values| ("reference", values)))
    }

    /// The tokens of one sequence.
    fn slice(&self, start: usize, end: usize) -> Sequence<'a> {
        Sequence {
            logprobs: &self.logprobs[start..end],
            old_logprobs: &self.old_logprobs[start..end],
            reference: self.reference.map(|values| &values[start..end]),
            advantages: &self.advantages[start..end],
        }
    }
}

/// Offsets must cut the tokens into sequences.
fn check_offsets(offsets: &[usize], tokens: usize) -> Result<(), Error> {
    if offsets.first() != Some(&0) {
        return Err(Error::Offsets { index: 0, tokens });
    }
    if let Some(index) = offsets.windows(2).position(|pair| pair[1] < pair[0] || pair[1] > tokens) {
        return Err(Error::Offsets { index: index + 1, tokens });
    }
    if offsets.last() != Some(&tokens) {
        return Err(Error::Offsets { index: offsets.len(), tokens });
    }
    Ok(())
}

/// One sequence's part of the columns.
struct Sequence<'a> {
    logprobs: &'a [f32],
    old_logprobs: &'a [f32],
    reference: Option<&'a [f32]>,
    advantages: &'a [f32],
}

/// A token's surrogate loss and its derivatives.
struct Term {
    loss: f64,
    /// With respect to the log of the importance ratio.
    by_log_ratio: f64,
    /// With respect to the token's own log-probability, other than through the ratio.
    direct: f64,
    clipped: bool,
}

/// Sums over the tokens seen so far.
struct Tally {
    policy_loss: f64,
    kl_loss: f64,
    ratios: f64,
    max_log_ratio: f64,
    clipped: usize,
    kl: f64,
    d_logprobs: Vec<f32>,
}

impl Tally {
    fn with_capacity(tokens: usize) -> Self {
        Self {
            policy_loss: 0.0,
            kl_loss: 0.0,
            ratios: 0.0,
            max_log_ratio: 0.0,
            clipped: 0,
            kl: 0.0,
            d_logprobs: Vec::with_capacity(tokens),
        }
    }

    fn add_sequence(&mut self, objective: &Objective, sequence: &Sequence, weight: f64) {
        let tokens = sequence.logprobs.len();
        let log_ratio = |t: usize| f64::from(sequence.logprobs[t]) - f64::from(sequence.old_logprobs[t]);
        let mean_log_ratio = (0..tokens).map(log_ratio).sum::<f64>() / tokens as f64;
        let mut shared_slope = 0.0;
        let start = self.d_logprobs.len();
        for t in 0..tokens {
            let own = log_ratio(t);
            let seen = match objective.ratio {
                Ratio::Token => own,
                Ratio::Sequence => mean_log_ratio,
            };
            let term =
                surrogate(objective, seen, f64::from(sequence.advantages[t]), sequence.logprobs[t].into());
            let mut slope = term.direct;
            match objective.ratio {
                Ratio::Token => slope += term.by_log_ratio,
                Ratio::Sequence => shared_slope += term.by_log_ratio / tokens as f64,
            }
            slope += self.add_kl(objective.kl.as_ref(), sequence, t, weight);
            self.policy_loss += weight * term.loss;
            self.ratios += limited(seen).exp();
            self.max_log_ratio = self.max_log_ratio.max(own.abs());
            self.clipped += usize::from(term.clipped);
            self.d_logprobs.push((weight * slope) as f32);
        }
        if objective.ratio == Ratio::Sequence {
            for slope in &mut self.d_logprobs[start..] {
                *slope += (weight * shared_slope) as f32;
            }
        }
    }

    /// Adds the KL term of token `t`; returns its derivative before the weight.
    fn add_kl(&mut self, kl: Option<&Kl>, sequence: &Sequence, t: usize, weight: f64) -> f64 {
        let Some(reference) = sequence.reference else { return 0.0 };
        let distance = f64::from(reference[t]) - f64::from(sequence.logprobs[t]);
        let (value, slope) = estimate(kl.map_or(KlEstimator::K3, |kl| kl.estimator), distance);
        self.kl += value;
        let coefficient = kl.map_or(0.0, |kl| f64::from(kl.coefficient));
        self.kl_loss += weight * coefficient * value;
        coefficient * slope
    }

    fn finish(self, columns: &Columns) -> Evaluated {
        let Normalization { tokens, sequences } = Normalization::of(columns.sequences);
        let count = tokens.max(1) as f64;
        let stats = Stats {
            tokens,
            sequences,
            mean_ratio: self.ratios / count,
            max_log_ratio: self.max_log_ratio,
            clip_fraction: self.clipped as f64 / count,
            kl: self.kl / count,
            policy_loss: self.policy_loss,
        };
        Evaluated { loss: self.policy_loss + self.kl_loss, d_logprobs: self.d_logprobs, stats }
    }
}

/// A log-ratio within the limit.
fn limited(log_ratio: f64) -> f64 {
    log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
}

/// The surrogate of one token, with the log of its (or its sequence's) importance ratio.
fn surrogate(objective: &Objective, log_ratio: f64, advantage: f64, logprob: f64) -> Term {
    let ratio = limited(log_ratio).exp();
    let low = 1.0 - f64::from(objective.clip_low);
    let high = 1.0 + f64::from(objective.clip_high);
    let weight = match objective.surrogate {
        Surrogate::Clipped => {
            return clipped(objective, log_ratio, ratio, ratio.max(low).min(high), advantage);
        }
        Surrogate::CispoCapped => ratio.min(f64::from(objective.clip_high)),
        Surrogate::CispoClamped => ratio.max(low).min(high),
    };
    Term {
        loss: -weight * advantage * logprob,
        by_log_ratio: 0.0,
        direct: -weight * advantage,
        clipped: weight != ratio,
    }
}

/// PPO's surrogate, with the dual clip if there is one.
fn clipped(objective: &Objective, log_ratio: f64, ratio: f64, bounded: f64, advantage: f64) -> Term {
    // Only a negative advantage can make the unclipped loss large without end.
    let capped = match objective.dual_clip {
        Some(bound) if advantage < 0.0 => ratio.min(f64::from(bound)),
        _ => ratio,
    };
    let gain = (capped * advantage).min(bounded * advantage);
    let follows_ratio = capped == ratio && capped * advantage <= bounded * advantage;
    let within_limit = log_ratio.abs() <= LOG_RATIO_LIMIT;
    Term {
        loss: -gain,
        by_log_ratio: if follows_ratio && within_limit { -ratio * advantage } else { 0.0 },
        direct: 0.0,
        clipped: !follows_ratio,
    }
}

/// A KL estimate and its derivative with respect to the log-probability; `distance` is log `π_ref` − log `π`.
fn estimate(estimator: KlEstimator, distance: f64) -> (f64, f64) {
    match estimator {
        KlEstimator::K1 => (-distance, 1.0),
        KlEstimator::K2 => (0.5 * distance * distance, -distance),
        KlEstimator::K3 => {
            let bounded = limited(distance);
            // exp_m1 keeps the digits that exp(d) − 1 loses where policies agree, which is where training starts.
            let growth = bounded.exp_m1();
            (growth - bounded, if bounded == distance { -growth } else { 0.0 })
        }
    }
}
