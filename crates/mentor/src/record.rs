//! What a run writes down: one type per line of each file, and `report.json`.
//!
//! Everything the report shows is computed from these files, so a report can be made again from a run folder alone.

use std::collections::BTreeMap;

use mentor_eval::Failure;
use mentor_reward::Part;
use mentor_trajectory::Trajectory;
use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`: one training step of one arm and seed. It holds no clock, so that runs compare
/// byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// The step, from 1.
    pub step: usize,
    /// Tokens sampled since the start of training (0 for an arm that samples none).
    pub tokens_sampled: u64,
    /// Tokens that carried loss since the start of training.
    pub tokens_trained: u64,
    /// Tokens that went through a training forward pass since the start, prompts and observations included.
    pub tokens_processed: u64,
    /// The loss of the step.
    pub loss: f64,
    /// Norm of the gradient before clipping (the last update of the step).
    pub gradient_norm: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// What only an arm with rollouts has.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub rl: Option<RlMetrics>,
}

/// The part of [`StepMetrics`] that describes the step's rollouts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RlMetrics {
    /// Mean reward.
    pub reward: f64,
    /// Mean value × weight of each reward part, by name; the means add up to `reward`.
    pub parts: BTreeMap<String, f64>,
    /// Share of the summed |advantage| that each part is responsible for, by name; adds up to 1 (or is all 0).
    pub advantage_share: BTreeMap<String, f64>,
    /// Share of rollouts judged correct.
    pub accuracy: f64,
    /// Share of groups whose rewards are all equal.
    pub zero_variance_groups: f64,
    /// Mean entropy of the policy at the sampled tokens, in nats.
    pub entropy: f64,
    /// Mean k3 estimate of the divergence from the reference policy, per sampled token, in nats.
    pub kl: f64,
    /// Mean ratio of current to sampling probability over the step's updates.
    pub ratio: f64,
    /// Largest |log-ratio| at the first update of the step: 0, since sampling and training share one arithmetic.
    pub first_log_ratio: f64,
    /// Share of trained tokens whose ratio was clipped.
    pub clip_fraction: f64,
    /// Share of calls that are not strictly well-formed.
    pub malformed: f64,
    /// Share of rollouts that ran out of tokens or turns.
    pub truncated: f64,
    /// Mean number of calls in a rollout.
    pub calls_per_rollout: f64,
}

/// One line of `timing.jsonl`: seconds of wall clock of one step, by phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// The step, from 1.
    pub step: usize,
    /// Playing the episodes.
    pub rollout: f64,
    /// Scoring, reference log-probabilities, packing.
    pub prepare: f64,
    /// Forward, backward and optimizer.
    pub update: f64,
    /// The whole step.
    pub total: f64,
}

/// One line of `rollouts.jsonl`: one rollout of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// `arm/seed/step/task/sample`, the task's own slashes written as dots.
    pub id: String,
    /// The step, from 1.
    pub step: usize,
    /// What was asked.
    pub question: String,
    /// The attempt, with its text, calls and observations.
    pub trajectory: Trajectory,
    /// Total reward.
    pub reward: f64,
    /// Each reward part with value, weight and reason.
    pub parts: Vec<Part>,
    /// The advantage of the rollout in its group; the mean over its tokens where turns or calls are credited.
    pub advantage: f64,
    /// The mean advantage of each turn's tokens, where turns or calls are credited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turn_advantages: Vec<f64>,
    /// Whether it was judged correct.
    pub correct: bool,
}

/// One line of `evaluation.jsonl`: one evaluated rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// The suite.
    pub suite: String,
    /// Index of the task in the suite's test set.
    pub task: usize,
    /// None: greedy. Some(i): sample i at the evaluation temperature.
    pub sample: Option<usize>,
    /// Judged correct.
    pub correct: bool,
    /// Executed calls form a valid plan.
    pub policy_correct: bool,
    /// F1 of the tool multisets of student and teacher.
    pub tool_f1: f64,
    /// Calls of tools the task does not offer.
    pub hallucinated: usize,
    /// All calls.
    pub calls: usize,
    /// What went wrong; none if correct.
    pub failure: Option<Failure>,
    /// Tokens sampled.
    pub tokens: usize,
    /// The attempt.
    pub trajectory: Trajectory,
}

/// A mean with its 95 % interval and the value of each seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over seeds and tasks.
    pub mean: f64,
    /// 2.5th and 97.5th percentile of the bootstrap over seeds, then tasks.
    pub ci95: [f64; 2],
    /// Mean over tasks of each seed, in the order of [`Report::seeds`].
    pub per_seed: Vec<f64>,
}

/// What one arm reached on one suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SuiteReport {
    /// Tasks.
    pub n: usize,
    /// Samples a task at the evaluation temperature.
    pub k: usize,
    /// Share correct, greedy.
    pub accuracy: Estimate,
    /// Share correct at temperature 1, mean over k samples.
    pub sampled_accuracy: Estimate,
    /// Share of sampled rollouts whose executed calls form a valid plan.
    pub policy_correctness: Estimate,
    /// Unbiased pass@k over the samples.
    pub pass_at_k: f64,
    /// 1 − Jensen–Shannon divergence (base 2) of the pooled tool counts to the teacher's.
    pub tool_similarity: f64,
    /// Mean F1 of tool multisets to the teacher's.
    pub tool_f1: f64,
    /// Share of calls that name a tool not on offer.
    pub hallucinated_calls: f64,
}

/// What training an arm took, summed over seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Optimizer steps of one seed.
    pub steps: usize,
    /// Tokens sampled, all seeds.
    pub tokens_sampled: u64,
    /// Tokens that carried loss, all seeds.
    pub tokens_trained: u64,
    /// Floating-point operations estimated from the model's shape, all seeds.
    pub flops: f64,
    /// Wall-clock seconds, all seeds.
    pub seconds: f64,
}

/// Everything about one arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmReport {
    /// By suite name.
    pub suites: BTreeMap<String, SuiteReport>,
    /// Unweighted mean of sampled accuracy over the out-of-domain suites.
    pub generalization: Estimate,
    /// Cost of training.
    pub train: TrainReport,
}

/// One paired comparison of two arms on one suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonReport {
    /// First arm.
    pub a: String,
    /// Second arm.
    pub b: String,
    /// The suite, or `generalization`.
    pub suite: String,
    /// `sampled_accuracy`, `accuracy` or `policy_correctness`.
    pub metric: String,
    /// Mean of a − mean of b.
    pub difference: f64,
    /// 95 % interval of the difference.
    pub ci95: [f64; 2],
    /// Null with fewer than six seeds.
    pub p_value: Option<f64>,
    /// How interval and p-value were made.
    pub test: String,
}

/// `report.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// 1.
    pub schema: u32,
    /// The experiment's name.
    pub experiment: String,
    /// Hash of the resolved configuration.
    pub config_hash: String,
    /// The seeds every number is over.
    pub seeds: Vec<u64>,
    /// By arm name.
    pub arms: BTreeMap<String, ArmReport>,
    /// Paired comparisons between arms.
    pub comparisons: Vec<ComparisonReport>,
}
