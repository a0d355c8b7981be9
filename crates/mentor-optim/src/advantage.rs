//! From one reward per rollout to one advantage per rollout, within groups that share a task.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::objective::not_negative;

/// What the deviation from the group's mean reward is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The standard deviation of the group's rewards (GRPO: `DeepSeekMath`, arXiv 2402.03300, section 4.1.2).
    #[default]
    Group,
    /// Nothing (Dr. GRPO: Liu et al., arXiv 2503.20783, section 3.2).
    None,
    /// The standard deviation of all rewards of the batch; the mean stays the group's (TRL's `scale_rewards="batch"`).
    Batch,
}

/// How rewards become advantages.
///
/// Standard deviations are those of a sample (divided by n − 1), as in TRL and verl: a group of G rollouts is a sample of
/// what the policy does on the task. With the population's deviation every advantage would be √(G/(G−1)) larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvantageConfig {
    /// The divisor.
    #[serde(default)]
    pub scale: Scale,
    /// Added to the standard deviation; unused with [`Scale::None`]. Not negative, in units of reward.
    ///
    /// It does not decide whether a group has variance (see [`advantages`]); it only bounds what a tiny one is blown up to. Zero
    /// would turn rewards that differ by rounding into advantages of full size.
    #[serde(default = "default_epsilon")]
    pub epsilon: f64,
}

/// verl's value; rewards here differ by 0.06 and more, so it changes no advantage by more than 0.01 %.
const fn default_epsilon() -> f64 {
    1e-6
}

impl Default for AdvantageConfig {
    /// [`AdvantageConfig::grpo`].
    fn default() -> Self {
        Self::grpo()
    }
}

impl AdvantageConfig {
    /// Division by the group's sample standard deviation plus 1e-6, as verl 0.9 does.
    pub const fn grpo() -> Self {
        Self { scale: Scale::Group, epsilon: default_epsilon() }
    }

    /// The same with 1e-4, as TRL 1.16 does.
    pub const fn trl() -> Self {
        Self { scale: Scale::Group, epsilon: 1e-4 }
    }

    /// The deviation from the mean alone (Dr. GRPO, arXiv 2503.20783).
    pub const fn dr_grpo() -> Self {
        Self { scale: Scale::None, epsilon: default_epsilon() }
    }

    /// Refuses an `epsilon` that is negative, infinite or undefined: a negative one could turn advantages round.
    pub fn validate(&self) -> Result<(), Error> {
        not_negative("epsilon", self.epsilon)
    }
}

/// One advantage per rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupAdvantages {
    /// In the order of the rewards.
    pub values: Vec<f64>,
    /// Groups in which all rewards are equal: they teach nothing.
    pub zero_variance_groups: usize,
}

/// Computes `(reward − mean of its group) / (scale + epsilon)`, groups being runs of `group_size` rewards.
///
/// Equal rewards give exactly zero, decided by comparing the rewards: a mean of equal numbers is not always that number,
/// and a rounding error over a rounding error is no advantage. A group of one has zero advantage for the same reason.
///
/// A last group that is short is a group of its own, and a `group_size` of 0 makes all rewards one group. A reward that is
/// not finite makes its group's advantages not finite (the whole batch's with [`Scale::Batch`]), which
/// [`evaluate`](crate::evaluate) refuses.
pub fn advantages(rewards: &[f64], group_size: usize, config: &AdvantageConfig) -> GroupAdvantages {
    let group_size = if group_size == 0 { rewards.len().max(1) } else { group_size };
    let batch_scale = match config.scale {
        Scale::Batch => sample_std(rewards),
        Scale::Group | Scale::None => 0.0,
    };
    let mut result = GroupAdvantages { values: Vec::with_capacity(rewards.len()), zero_variance_groups: 0 };
    for group in rewards.chunks(group_size) {
        if group.iter().all(|reward| *reward == group[0]) {
            result.zero_variance_groups += 1;
            result.values.resize(result.values.len() + group.len(), 0.0);
            continue;
        }
        let divisor = match config.scale {
            Scale::None => 1.0,
            Scale::Group => sample_std(group) + config.epsilon,
            Scale::Batch => batch_scale + config.epsilon,
        };
        let center = mean(group);
        result.values.extend(group.iter().map(|reward| (reward - center) / divisor));
    }
    result
}

/// Gives every token of a sequence the sequence's advantage.
///
/// `sequences` holds the offsets of [`Columns::sequences`](crate::Columns::sequences); sequences without a value get none, so
/// that a wrong length is found where the columns are checked.
pub fn per_token(values: &[f64], sequences: &[usize]) -> Vec<f32> {
    let mut tokens = Vec::with_capacity(sequences.last().copied().unwrap_or(0));
    for (value, bounds) in values.iter().zip(sequences.windows(2)) {
        tokens.extend(std::iter::repeat_n(*value as f32, bounds[1].saturating_sub(bounds[0])));
    }
    tokens
}

/// The mean; zero for no values.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The sample standard deviation; zero for fewer than two values.
fn sample_std(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}
