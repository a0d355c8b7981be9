//! From a step's attempts and updates to the lines of its logs.

use std::collections::BTreeMap;

use anyhow::Result;
use mentor_model::{LogProbs, Model};
use mentor_optim::{Evaluated, Stats};
use mentor_trajectory::{Ending, Reading, Task};

use crate::checkpoint::Progress;
use crate::files;
use crate::layout::ArmDir;
use crate::record::{RlMetrics, RolloutRecord, StepMetrics, StepTiming};
use crate::rl::Attempt;

/// What the updates of one step add up to.
#[derive(Clone, Debug, Default)]
pub struct UpdateStats {
    /// Finished updates.
    pub updates: usize,
    /// Norm of the last update's gradient before clipping.
    pub gradient_norm: f64,
    loss: f64,
    entropy: f64,
    first_log_ratio: f64,
    objective: Option<Stats>,
}

impl UpdateStats {
    /// Adds one micro-batch.
    pub fn add(&mut self, evaluated: &Evaluated, logprobs: &LogProbs) {
        self.loss += evaluated.loss;
        self.entropy += logprobs.entropies.iter().map(|&entropy| f64::from(entropy)).sum::<f64>();
        if self.updates == 0 {
            self.first_log_ratio = self.first_log_ratio.max(evaluated.stats.max_log_ratio);
        }
        self.objective = Some(match self.objective.take() {
            None => evaluated.stats,
            Some(before) => before.merge(evaluated.stats),
        });
    }
}

/// Counts a step's tokens and floating-point operations.
pub fn count(progress: &mut Progress, model: &Model, attempts: &[Attempt], with_reference: bool) {
    progress.step += 1;
    for attempt in attempts {
        let length = attempt.rollout.tokens.len();
        let trained = attempt.rollout.tokens_sampled() as u64;
        progress.tokens_sampled += trained;
        progress.tokens_trained += trained;
        progress.tokens_processed += length as u64;
        // Sampling is one forward pass, the reference one more.
        let passes = if with_reference { 2.0 } else { 1.0 };
        let forward = passes * model.flops_per_token(length / 2);
        progress.flops += length as f64 * (forward + model.training_flops_per_token(length / 2));
    }
}

/// The metrics line of one step.
pub fn step_metrics(
    progress: &Progress,
    learning_rate: f64,
    attempts: &[Attempt],
    group: usize,
    zero_variance: usize,
    stats: &UpdateStats,
) -> StepMetrics {
    let n = attempts.len() as f64;
    let objective = stats.objective.unwrap_or_default();
    let mean = |value: &dyn Fn(&Attempt) -> f64| attempts.iter().map(value).sum::<f64>() / n;
    let records: Vec<_> = attempts.iter().flat_map(|attempt| attempt.rollout.trajectory.records()).collect();
    let malformed = records.iter().filter(|record| record.reading != Reading::Strict).count();
    let truncated = |attempt: &Attempt| f64::from(attempt.rollout.trajectory.ending != Ending::Ended);
    let mut parts = BTreeMap::new();
    for part in attempts.iter().flat_map(|attempt| &attempt.score.parts) {
        *parts.entry(part.name.clone()).or_default() += part.value * part.weight / n;
    }
    StepMetrics {
        step: progress.step,
        tokens_sampled: progress.tokens_sampled,
        tokens_trained: progress.tokens_trained,
        tokens_processed: progress.tokens_processed,
        loss: stats.loss / stats.updates as f64,
        gradient_norm: stats.gradient_norm,
        learning_rate,
        rl: Some(RlMetrics {
            reward: mean(&|attempt| attempt.score.total),
            parts,
            advantage_share: advantage_share(attempts, group),
            accuracy: mean(&|attempt| f64::from(attempt.correct)),
            zero_variance_groups: zero_variance as f64 / (n / group as f64),
            entropy: stats.entropy / objective.tokens as f64,
            kl: objective.kl,
            ratio: objective.mean_ratio,
            first_log_ratio: stats.first_log_ratio,
            clip_fraction: objective.clip_fraction,
            malformed: malformed as f64 / records.len().max(1) as f64,
            truncated: mean(&truncated),
            calls_per_rollout: records.len() as f64 / n,
        }),
    }
}

/// Share of the summed |advantage| that each part brings: the advantage of a rollout is a sum over parts of the
/// part's deviation from its group mean, scaled as the group's advantages are.
fn advantage_share(attempts: &[Attempt], group: usize) -> BTreeMap<String, f64> {
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for members in attempts.chunks(group) {
        let n = members.len() as f64;
        let mean_total = members.iter().map(|attempt| attempt.score.total).sum::<f64>() / n;
        let spread: f64 = members.iter().map(|attempt| (attempt.score.total - mean_total).abs()).sum();
        let advantage: f64 = members.iter().map(|attempt| attempt.advantage.abs()).sum();
        let scale = if advantage > 0.0 { advantage / spread } else { 0.0 };
        let names: std::collections::BTreeSet<&str> =
            members.iter().flat_map(|attempt| &attempt.score.parts).map(|part| part.name.as_str()).collect();
        for name in names {
            let values: Vec<f64> = members.iter().map(|attempt| part_value(attempt, name)).collect();
            let mean = values.iter().sum::<f64>() / n;
            let deviation: f64 = values.iter().map(|value| (value - mean).abs()).sum();
            *shares.entry(name.to_owned()).or_default() += scale * deviation;
        }
    }
    let total: f64 = shares.values().sum();
    if total > 0.0 {
        for share in shares.values_mut() {
            *share /= total;
        }
    }
    shares
}

fn part_value(attempt: &Attempt, name: &str) -> f64 {
    attempt.score.parts.iter().filter(|part| part.name == name).map(|part| part.value * part.weight).sum()
}

/// The log line of one attempt.
pub fn rollout_record(step: usize, tasks: &[Task], attempt: Attempt) -> RolloutRecord {
    RolloutRecord {
        id: attempt.rollout.trajectory.id.clone(),
        step,
        question: tasks[attempt.task].question.clone(),
        turn_advantages: attempt.turn_advantages(),
        trajectory: attempt.rollout.trajectory,
        reward: attempt.score.total,
        parts: attempt.score.parts,
        advantage: attempt.advantage,
        correct: attempt.correct,
    }
}

/// Appends a step to the logs of its arm.
pub fn log(
    dir: &ArmDir,
    metrics: &StepMetrics,
    timing: &StepTiming,
    records: &[RolloutRecord],
) -> Result<()> {
    files::append_lines(&dir.rollouts(), records)?;
    files::append_lines(&dir.timing(), [timing])?;
    files::append_lines(&dir.metrics(), [metrics])
}
