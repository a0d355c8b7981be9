//! From what single stretches of rollouts earned to one advantage per token.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::advantage::{AdvantageConfig, GroupAdvantages, Scale, advantages};

/// What one stretch of a rollout's sampled tokens is credited with: the whole rollout, a turn, a call.
///
/// Stretches of one rollout may overlap: a token gets the advantages of all that hold it, added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The rollout, in the order of the batch.
    pub rollout: usize,
    /// The state it was in. Units of one key are compared with each other, and with no others.
    pub key: u64,
    /// What it is credited with, in units of reward.
    pub amount: f64,
    /// Its tokens among the sampled tokens of the rollout.
    pub tokens: Range<usize>,
}

/// One advantage per sampled token of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenAdvantages {
    /// In the order of the columns.
    pub values: Vec<f32>,
    /// Groups in which no unit differs from those it is compared with: they teach nothing.
    pub zero_variance_groups: usize,
}

/// Computes the advantages of units within groups of rollouts, and adds them up at their tokens.
///
/// A unit's baseline is the mean of the units of the same key in the *other* rollouts of its group (leave-one-out: what a
/// rollout earned is no part of what it is measured by). A unit that no other rollout has a counterpart of has the
/// advantage 0, and so, exactly, have units that all earned the same. The deviations are divided as
/// [`AdvantageConfig::scale`] says, by the root of their mean square (over n − 1) in the group or the batch: one divisor for
/// all keys, so that a unit that is worth more keeps counting more. With one unit of one key for each rollout the result
/// is that of [`advantages`].
///
/// `sequences` holds the offsets of [`Columns::sequences`](crate::Columns::sequences); groups are runs of `group_size`
/// rollouts. Units of rollouts that are not there, and tokens past the end of theirs, are left out.
pub fn unit_advantages(
    units: &[Unit],
    sequences: &[usize],
    group_size: usize,
    config: &AdvantageConfig,
) -> TokenAdvantages {
    let rollouts = sequences.len().saturating_sub(1);
    let group_size = if group_size == 0 { rollouts.max(1) } else { group_size };
    let deviations = deviations(units, group_size);
    let square = |group: Option<usize>| {
        let compared = units
            .iter()
            .zip(&deviations)
            .filter(|(unit, _)| group.is_none_or(|group| unit.rollout / group_size == group));
        let (sum, count) = compared
            .filter_map(|(_, deviation)| *deviation)
            .fold((0.0, 0_usize), |(sum, count), d| (sum + d * d, count + 1));
        (sum / count.saturating_sub(1).max(1) as f64).sqrt()
    };
    let groups = rollouts.div_ceil(group_size);
    let of_batch = square(None);
    let mut result = TokenAdvantages {
        values: vec![0.0; sequences.last().copied().unwrap_or(0)],
        zero_variance_groups: 0,
    };
    for group in 0..groups {
        let of_group = square(Some(group));
        let divisor = match config.scale {
            Scale::None => 1.0,
            Scale::Group => of_group + config.epsilon,
            Scale::Batch => of_batch + config.epsilon,
        };
        result.zero_variance_groups += usize::from(of_group == 0.0);
        for (unit, deviation) in units.iter().zip(&deviations) {
            let advantage = deviation.unwrap_or(0.0);
            if unit.rollout / group_size != group || unit.rollout >= rollouts || advantage == 0.0 {
                continue;
            }
            let (start, end) = (sequences[unit.rollout], sequences[unit.rollout + 1]);
            let tokens = (start + unit.tokens.start).min(end)..(start + unit.tokens.end).min(end);
            for value in result.values.get_mut(tokens).into_iter().flatten() {
                *value += (advantage / divisor) as f32;
            }
        }
    }
    result
}

/// Every unit's amount less the mean of its counterparts in other rollouts; none without a counterpart.
fn deviations(units: &[Unit], group_size: usize) -> Vec<Option<f64>> {
    let mut places: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
    for (index, unit) in units.iter().enumerate() {
        places.entry((unit.rollout / group_size, unit.key)).or_default().push(index);
    }
    let mut deviations = vec![None; units.len()];
    for alike in places.values() {
        let equal = alike.iter().all(|&index| units[index].amount == units[alike[0]].amount);
        let sum: f64 = alike.iter().map(|&index| units[index].amount).sum();
        let mut own: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
        for &index in alike {
            let (sum, count) = own.entry(units[index].rollout).or_default();
            *sum += units[index].amount;
            *count += 1;
        }
        for &index in alike {
            let (own_sum, own_count) = own[&units[index].rollout];
            let others = alike.len() - own_count;
            if others > 0 {
                let baseline = (sum - own_sum) / others as f64;
                deviations[index] = Some(if equal { 0.0 } else { units[index].amount - baseline });
            }
        }
    }
    deviations
}

/// One part of a reward over a batch of rollouts.
#[derive(Clone, Debug, PartialEq)]
pub struct PartColumn {
    /// Its weight in the total.
    pub weight: f64,
    /// Its value in each rollout, before the weight.
    pub values: Vec<f64>,
}

/// Computes advantages part by part: each part is normalized within the group, the results are weighed and added up, and
/// the sum is divided by its standard deviation over the batch (GDPO, arXiv 2601.05242, equations 4 to 6).
///
/// A part's weight then says how much it counts however much it varies. The sum's mean is 0 but for rounding and is not
/// taken off, so that a group without variance keeps exactly zero; with [`Scale::None`] nothing is divided at all.
pub fn part_advantages(parts: &[PartColumn], group_size: usize, config: &AdvantageConfig) -> GroupAdvantages {
    let rollouts = parts.iter().map(|part| part.values.len()).max().unwrap_or(0);
    let mut values = vec![0.0; rollouts];
    for part in parts.iter().filter(|part| part.weight != 0.0) {
        for (sum, advantage) in values.iter_mut().zip(advantages(&part.values, group_size, config).values) {
            *sum += part.weight * advantage;
        }
    }
    let group_size = if group_size == 0 { rollouts.max(1) } else { group_size };
    let zero_variance_groups =
        values.chunks(group_size).filter(|group| group.iter().all(|value| *value == 0.0)).count();
    if config.scale != Scale::None {
        let squares: f64 = values.iter().map(|value| value * value).sum();
        let spread = (squares / rollouts.saturating_sub(1).max(1) as f64).sqrt() + config.epsilon;
        for value in &mut values {
            *value /= spread;
        }
    }
    GroupAdvantages { values, zero_variance_groups }
}
