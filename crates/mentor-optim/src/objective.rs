//! Which loss: plain data, with a named constructor for every published one.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Log-ratios beyond ±20 are taken as ±20 and pass no gradient, in the importance ratio and in k3, as in verl.
///
/// TRL has no such limit. e²⁰ is a ratio of 5·10⁸: whatever produced it, its gradient would be the whole update's.
pub const LOG_RATIO_LIMIT: f64 = 20.0;

/// What the policy gradient is taken of. r is the importance ratio, A the advantage, π the current policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// −min(r·A, clip(r, 1−low, 1+high)·A) (PPO: Schulman et al., arXiv 1707.06347, equation 7).
    #[default]
    Clipped,
    /// −min(r, high)·A·log π with a constant weight: CISPO as TRL has it. `clip_high` is the bound itself, `clip_low` is unused.
    CispoCapped,
    /// −clip(r, 1−low, 1+high)·A·log π with a constant weight: CISPO (`MiniMax`-M1, arXiv 2506.13585, equation 4) as verl has it.
    CispoClamped,
}

/// What the importance ratio compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ratio {
    /// Each token's probability now and at sampling.
    #[default]
    Token,
    /// exp of the sequence's mean log-ratio, the same for all its tokens (GSPO: arXiv 2507.18071, equation 7).
    Sequence,
}

/// How the losses of tokens become one number. The counts are those of the whole update, not of one part of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalizer {
    /// The mean over a sequence's tokens, then over sequences (GRPO). A long answer's token weighs less.
    SequenceMean,
    /// The mean over all tokens (DAPO).
    TokenMean,
    /// The sum over all tokens, divided by the sequences times this number of tokens (Dr. GRPO): no length enters.
    Constant(f64),
}

/// An estimate of the divergence from the reference policy, one per token, of a sample from the current policy.
///
/// With d = log `π_ref` − log `π`; names and properties from Schulman, "Approximating KL divergence" (2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlEstimator {
    /// −d: unbiased in value. As a loss term its gradient has expectation zero: it measures, and does not hold.
    K1,
    /// d²/2: biased in value; its gradient is that of the divergence when sampled from the current policy.
    K2,
    /// exp(d) − d − 1: unbiased, never negative ("low variance"); GRPO's and the paper's choice.
    K3,
}

/// A KL term of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kl {
    /// Which estimator.
    pub estimator: KlEstimator,
    /// Its weight in the loss (β); not negative.
    #[serde(with = "short_f32")]
    pub coefficient: f32,
}

/// A policy objective: per token the surrogate plus the weighted KL estimate, summed up by the normalizer.
///
/// There is no entropy bonus (the released configuration has one of 0.001): an entropy needs the whole distribution, and the
/// columns hold the probability of the sampled token alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The surrogate.
    #[serde(default)]
    pub surrogate: Surrogate,
    /// What the importance ratio compares.
    #[serde(default)]
    pub ratio: Ratio,
    /// The ratio is clipped below at 1 minus this; not negative.
    #[serde(with = "short_f32")]
    pub clip_low: f32,
    /// The ratio is clipped above at 1 plus this ([`Surrogate::CispoCapped`]: at this); not negative.
    #[serde(with = "short_f32")]
    pub clip_high: f32,
    /// With a negative advantage the loss is at most this times |A| (Ye et al., arXiv 1912.09729, equation 5); more than
    /// 1 + `clip_high`, because systems differ on what less would mean. Only for [`Surrogate::Clipped`]. TRL calls it `delta`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "short_option_f32")]
    pub dual_clip: Option<f32>,
    /// The KL term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl: Option<Kl>,
    /// How token losses are summed up.
    pub normalizer: Normalizer,
}

impl Objective {
    /// The recipe of the released MENTOR configuration: clip 0.2, dual clip 3, k3 with 0.001, mean over tokens.
    pub const fn mentor() -> Self {
        Self {
            dual_clip: Some(3.0),
            kl: Some(Kl { estimator: KlEstimator::K3, coefficient: 0.001 }),
            ..Self::clipped(0.2, 0.2, Normalizer::TokenMean)
        }
    }

    /// GRPO (`DeepSeekMath`, arXiv 2402.03300, equation 3; β = 0.04 from section 4.2).
    ///
    /// The paper does not state the clip range; 0.2 is PPO's.
    pub const fn grpo() -> Self {
        Self {
            kl: Some(Kl { estimator: KlEstimator::K3, coefficient: 0.04 }),
            ..Self::clipped(0.2, 0.2, Normalizer::SequenceMean)
        }
    }

    /// Dr. GRPO (Liu et al., arXiv 2503.20783): GRPO without KL and length normalization.
    ///
    /// `max_tokens` is the longest response allowed. Goes with [`AdvantageConfig::dr_grpo`](crate::AdvantageConfig::dr_grpo).
    pub const fn dr_grpo(max_tokens: f64) -> Self {
        Self::clipped(0.2, 0.2, Normalizer::Constant(max_tokens))
    }

    /// DAPO (Yu et al., arXiv 2503.14476, equation 8): clip 0.2 below, 0.28 above, mean over tokens, no KL.
    ///
    /// Its dynamic sampling and overlong penalty are not part of a loss and not here.
    pub const fn dapo() -> Self {
        Self::clipped(0.2, 0.28, Normalizer::TokenMean)
    }

    /// GSPO (Zheng et al., arXiv 2507.18071, equation 5, ranges of section 5.1): sequence ratio, clip 3e-4 below, 4e-4 above.
    pub const fn gspo() -> Self {
        Self { ratio: Ratio::Sequence, ..Self::clipped(3e-4, 4e-4, Normalizer::SequenceMean) }
    }

    /// CISPO with the weight capped at `cap`, as TRL has it.
    pub const fn cispo_capped(cap: f32) -> Self {
        Self { surrogate: Surrogate::CispoCapped, ..Self::clipped(0.0, cap, Normalizer::TokenMean) }
    }

    /// CISPO with the weight clamped to 1 − `low` … 1 + `high`, as verl has it.
    pub const fn cispo_clamped(low: f32, high: f32) -> Self {
        Self { surrogate: Surrogate::CispoClamped, ..Self::clipped(low, high, Normalizer::TokenMean) }
    }

    /// The clipped surrogate with token ratios and nothing else.
    const fn clipped(clip_low: f32, clip_high: f32, normalizer: Normalizer) -> Self {
        Self {
            surrogate: Surrogate::Clipped,
            ratio: Ratio::Token,
            clip_low,
            clip_high,
            dual_clip: None,
            kl: None,
            normalizer,
        }
    }

    /// Checks every field's range; [`evaluate`](crate::evaluate) does so, too, but a configuration is better refused before a run.
    pub fn validate(&self) -> Result<(), Error> {
        not_negative("clip_low", self.clip_low.into())?;
        not_negative("clip_high", self.clip_high.into())?;
        if let Some(kl) = &self.kl {
            not_negative("kl.coefficient", kl.coefficient.into())?;
        }
        if let Some(bound) = self.dual_clip {
            let value = f64::from(bound);
            if self.surrogate != Surrogate::Clipped {
                let range = "left out: it belongs to the clipped surrogate";
                return Err(Error::Field { field: "dual_clip", value, range });
            }
            if !(bound.is_finite() && bound > 1.0 + self.clip_high) {
                return Err(Error::Field {
                    field: "dual_clip",
                    value,
                    range: "finite and above 1 + clip_high",
                });
            }
        }
        match self.normalizer {
            Normalizer::Constant(tokens) if !(tokens.is_finite() && tokens > 0.0) => {
                Err(Error::Field { field: "normalizer.constant", value: tokens, range: "finite and above 0" })
            }
            Normalizer::Constant(_) | Normalizer::SequenceMean | Normalizer::TokenMean => Ok(()),
        }
    }
}

/// Refuses negative, infinite and undefined values.
pub(crate) fn not_negative(field: &'static str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::Field { field, value, range: "finite and not negative" })
}

/// Writes an `f32` as the shortest decimal that reads back to it, so that a resolved configuration says 0.2 and not
/// 0.20000000298023224.
mod short_f32 {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over by reference")]
    pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(shortest(*value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        f32::deserialize(deserializer)
    }

    /// The double nearest to the shortest decimal of `value`.
    pub fn shortest(value: f32) -> f64 {
        value.to_string().parse().unwrap_or_else(|_| f64::from(value))
    }
}

/// [`short_f32`] for an optional field.
mod short_option_f32 {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        clippy::ref_option,
        reason = "serde hands the field over by reference"
    )]
    pub fn serialize<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(super::short_f32::shortest).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
        Option::deserialize(deserializer)
    }
}
