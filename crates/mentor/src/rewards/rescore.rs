//! Another reward on saved rollouts: what changes in parts, totals, ranks within groups and advantages.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use mentor_optim::AdvantageConfig;
use mentor_reward::{Part, Reward, Score};
use serde::Serialize;

use super::Saved;
use crate::credit::of_attempts;
use crate::record::RolloutRecord;

/// A number under the reward of the run and under the other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// As it was.
    pub before: f64,
    /// As it would be.
    pub after: f64,
}

/// One rollout under both rewards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rescored {
    /// `arm/seed/step/task/sample`.
    pub id: String,
    /// The total.
    pub total: Change,
    /// The rank in its group, 1 for the highest total; equal totals share the mean of their ranks.
    pub rank: Change,
    /// The advantage of the whole attempt.
    pub advantage: Change,
    /// The parts under the other reward.
    pub parts: Vec<Part>,
}

/// What changes for one arm, over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmChange {
    /// The arm.
    pub arm: String,
    /// Rollouts.
    pub rollouts: usize,
    /// Mean total.
    pub total: Change,
    /// Mean value × weight of each part, by name.
    pub parts: BTreeMap<String, Change>,
    /// Share of groups whose totals are all equal.
    pub zero_variance_groups: Change,
    /// Share of rollouts whose total changes.
    pub totals_changed: f64,
    /// Share of rollouts whose rank in the group changes.
    pub ranks_changed: f64,
    /// Share of groups with another best rollout.
    pub best_changed: f64,
    /// Share of rollouts whose advantage changes its sign, zero being a sign of its own.
    pub advantage_signs_changed: f64,
    /// Mean |change| of the advantage.
    pub advantage_change: f64,
}

/// What another reward makes of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescoring {
    /// By arm, in the order of the experiment; arms without rollouts are left out.
    pub arms: Vec<ArmChange>,
    /// Every rollout.
    pub rollouts: Vec<Rescored>,
}

/// Scores every saved rollout with another reward.
pub fn rescore(saved: &Saved, reward: &Reward) -> Result<Rescoring> {
    let mut rescoring = Rescoring { arms: Vec::new(), rollouts: Vec::new() };
    for arm in &saved.experiment.arms {
        let first = rescoring.rollouts.len();
        let (mut records, mut groups) = (Vec::new(), Vec::new());
        for &seed in &saved.experiment.seeds {
            let of_seed = saved.rollouts(&arm.name, seed)?;
            groups.extend(group_sizes(&of_seed));
            records.extend(of_seed);
        }
        if records.is_empty() {
            continue;
        }
        let scores = scores(saved, reward, &records)?;
        let mut start = 0;
        for &size in &groups {
            let members = start..start + size;
            rescoring.rollouts.extend(rescore_group(
                reward,
                saved.experiment.advantage(arm),
                &records[members.clone()],
                &scores[members],
            ));
            start += size;
        }
        rescoring.arms.push(summary(&arm.name, &records, &rescoring.rollouts[first..], &groups));
    }
    ensure!(
        !rescoring.arms.is_empty(),
        "{}: no arm has rollouts; only arms with train = \"rl\" save any",
        saved.dir.0.display()
    );
    Ok(rescoring)
}

/// The sizes of the runs of records that are attempts at one task in one step.
fn group_sizes(records: &[RolloutRecord]) -> Vec<usize> {
    let same = |a: &RolloutRecord, b: &RolloutRecord| {
        a.step == b.step && a.trajectory.task_id == b.trajectory.task_id
    };
    records.chunk_by(same).map(<[RolloutRecord]>::len).collect()
}

fn scores(saved: &Saved, reward: &Reward, records: &[RolloutRecord]) -> Result<Vec<Score>> {
    records.iter().map(|record| Ok(saved.case(record)?.score(&reward.at(record.step)))).collect()
}

fn rescore_group(
    reward: &Reward,
    config: &AdvantageConfig,
    records: &[RolloutRecord],
    scores: &[Score],
) -> Vec<Rescored> {
    let before: Vec<f64> = records.iter().map(|record| record.reward).collect();
    let after: Vec<f64> = scores.iter().map(|score| reward.clipped(score.total)).collect();
    let (old_ranks, new_ranks) = (ranks(&before), ranks(&after));
    let step = records.first().map_or(1, |record| record.step);
    let advantages = of_attempts(&reward.at(step), scores, records.len(), config).rollouts;
    let of = |(index, record): (usize, &RolloutRecord)| Rescored {
        id: record.id.clone(),
        total: Change { before: before[index], after: after[index] },
        rank: Change { before: old_ranks[index], after: new_ranks[index] },
        advantage: Change { before: record.advantage, after: advantages[index] },
        parts: scores[index].parts.clone(),
    };
    records.iter().enumerate().map(of).collect()
}

/// Ranks from the highest value, 1, on; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let above = values.iter().filter(|other| *other > value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        above as f64 + f64::midpoint(1.0, equal as f64)
    };
    values.iter().map(rank).collect()
}

fn summary(arm: &str, records: &[RolloutRecord], rescored: &[Rescored], groups: &[usize]) -> ArmChange {
    let n = rescored.len() as f64;
    let mean = |value: &dyn Fn(&Rescored) -> f64| rescored.iter().map(value).sum::<f64>() / n;
    let share = |holds: &dyn Fn(&Rescored) -> bool| mean(&|rollout| f64::from(u8::from(holds(rollout))));
    let mut parts: BTreeMap<String, Change> = BTreeMap::new();
    for (record, rollout) in records.iter().zip(rescored) {
        for part in &record.parts {
            parts.entry(part.name.clone()).or_default().before += part.value * part.weight / n;
        }
        for part in &rollout.parts {
            parts.entry(part.name.clone()).or_default().after += part.value * part.weight / n;
        }
    }
    let (mut flat, mut best_changed, mut start) = (Change::default(), 0, 0);
    for &size in groups {
        let members = &rescored[start..start + size];
        flat.before +=
            f64::from(u8::from(members.iter().all(|one| one.total.before == members[0].total.before)));
        flat.after +=
            f64::from(u8::from(members.iter().all(|one| one.total.after == members[0].total.after)));
        let best = |rank: fn(&Rescored) -> f64| {
            let lowest = members.iter().map(rank).fold(f64::INFINITY, f64::min);
            members.iter().map(|one| rank(one) == lowest).collect::<Vec<bool>>()
        };
        best_changed += usize::from(best(|one| one.rank.before) != best(|one| one.rank.after));
        start += size;
    }
    let count = groups.len() as f64;
    ArmChange {
        arm: arm.to_owned(),
        rollouts: rescored.len(),
        total: Change { before: mean(&|one| one.total.before), after: mean(&|one| one.total.after) },
        parts,
        zero_variance_groups: Change { before: flat.before / count, after: flat.after / count },
        totals_changed: share(&|one| one.total.before != one.total.after),
        ranks_changed: share(&|one| one.rank.before != one.rank.after),
        best_changed: best_changed as f64 / count,
        advantage_signs_changed: share(&|one| sign(one.advantage.before) != sign(one.advantage.after)),
        advantage_change: mean(&|one| (one.advantage.before - one.advantage.after).abs()),
    }
}

fn sign(number: f64) -> i8 {
    i8::from(number > 0.0) - i8::from(number < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_totals_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&[0.1, 1.1, 0.1, 0.8]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(ranks(&[0.5; 3]), [2.0; 3]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }
}
