//! From counts to the numbers of `report.json`.

use std::collections::BTreeMap;

use mentor_eval::{
    Comparison, Interval, ToolUse, bootstrap, bootstrap_strata, paired, paired_strata, pass_at_k, similarity,
    tool_distribution,
};
use rayon::prelude::*;

use super::ReportInput;
use super::gather::{ArmMaterial, Material, Outcome};
use crate::record::{ArmReport, ComparisonReport, Estimate, Report, SuiteReport, TrainReport};

/// Bootstrap resamples behind every interval.
pub const RESAMPLES: usize = 4000;
/// Seed of the resampling: one for all, so that equal data give equal intervals.
const BOOTSTRAP_SEED: u64 = 1;
/// Name of the mean over the out-of-domain suites in comparisons.
pub const GENERALIZATION: &str = "generalization";

/// What two arms are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of samples that are correct.
    Sampled,
    /// Share of greedy rollouts that are correct.
    Greedy,
    /// Share of samples whose executed calls form a valid plan.
    Policy,
}

impl Metric {
    /// All, the main one first.
    pub const ALL: [Self; 3] = [Self::Sampled, Self::Greedy, Self::Policy];

    /// The name in `report.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sampled => "sampled_accuracy",
            Self::Greedy => "accuracy",
            Self::Policy => "policy_correctness",
        }
    }

    /// One value in [0, 1] a task.
    fn values(self, outcome: &Outcome, samples: usize) -> Vec<f64> {
        let shares = |counts: &[usize]| counts.iter().map(|&count| count as f64 / samples as f64).collect();
        match self {
            Self::Sampled => shares(&outcome.correct),
            Self::Greedy => outcome.greedy.clone(),
            Self::Policy => shares(&outcome.policy_correct),
        }
    }
}

/// The report of everything that is finished.
pub fn report(input: &ReportInput, material: &Material) -> Report {
    let finished: Vec<&ArmMaterial> = material.arms.iter().filter(|arm| arm.finished()).collect();
    let arms = finished.par_iter().map(|arm| (arm.name.clone(), arm_report(input, material, arm)));
    Report {
        schema: 1,
        experiment: input.experiment.to_owned(),
        config_hash: input.config_hash.to_owned(),
        seeds: material.seeds.clone(),
        arms: arms.collect(),
        comparisons: comparisons(input, &finished),
    }
}

fn arm_report(input: &ReportInput, material: &Material, arm: &ArmMaterial) -> ArmReport {
    let suites = input.suites.iter().map(|suite| (suite.clone(), suite_report(input, arm, suite)));
    ArmReport {
        suites: suites.collect(),
        generalization: generalization(&out_of_domain_values(input, arm, Metric::Sampled)),
        train: train_report(material, arm),
    }
}

fn suite_report(input: &ReportInput, arm: &ArmMaterial, suite: &str) -> SuiteReport {
    let outcomes: Vec<&Outcome> = arm.outcomes.iter().map(|by_suite| &by_suite[suite]).collect();
    let tasks = input.tasks[suite].len();
    let samples = input.samples;
    let rollouts = (tasks * samples * outcomes.len()) as f64;
    let calls: usize = outcomes.iter().map(|outcome| outcome.calls).sum();
    let hallucinated: usize = outcomes.iter().map(|outcome| outcome.hallucinated).sum();
    let passes =
        outcomes.iter().flat_map(|outcome| &outcome.correct).map(|&c| pass_at_k(samples, c, samples));
    SuiteReport {
        n: tasks,
        k: samples,
        accuracy: estimate(&values(input, arm, suite, Metric::Greedy)),
        sampled_accuracy: estimate(&values(input, arm, suite, Metric::Sampled)),
        policy_correctness: estimate(&values(input, arm, suite, Metric::Policy)),
        pass_at_k: passes.sum::<f64>() / (tasks * outcomes.len()) as f64,
        tool_similarity: tool_similarity(input, suite, &outcomes),
        tool_f1: outcomes.iter().map(|outcome| outcome.tool_f1).sum::<f64>() / rollouts,
        hallucinated_calls: hallucinated as f64 / calls.max(1) as f64,
    }
}

/// Similarity of the pooled tool counts of some seeds to the teacher's.
pub fn tool_similarity(input: &ReportInput, suite: &str, outcomes: &[&Outcome]) -> f64 {
    let mut pooled = ToolUse::default();
    for outcome in outcomes {
        pooled.no_call += outcome.tools.no_call;
        for (tool, count) in &outcome.tools.calls {
            *pooled.calls.entry(tool.clone()).or_default() += count;
        }
    }
    similarity(&pooled, &tool_distribution(&input.teacher[suite]))
}

/// By seed, then task.
fn values(input: &ReportInput, arm: &ArmMaterial, suite: &str, metric: Metric) -> Vec<Vec<f64>> {
    arm.outcomes.iter().map(|by_suite| metric.values(&by_suite[suite], input.samples)).collect()
}

/// By out-of-domain suite, seed, task.
fn out_of_domain_values(input: &ReportInput, arm: &ArmMaterial, metric: Metric) -> Vec<Vec<Vec<f64>>> {
    input.out_of_domain.iter().map(|suite| values(input, arm, suite, metric)).collect()
}

fn estimate(values: &[Vec<f64>]) -> Estimate {
    let per_seed = values.iter().map(|tasks| mean(tasks)).collect();
    as_estimate(bootstrap(values, RESAMPLES, BOOTSTRAP_SEED), per_seed)
}

/// Unweighted mean over suites; all zero without a suite.
fn generalization(values: &[Vec<Vec<f64>>]) -> Estimate {
    if values.is_empty() {
        return Estimate::default();
    }
    let seeds = values.iter().map(Vec::len).min().unwrap_or(0);
    let over_suites = |seed: usize| mean(&values.iter().map(|suite| mean(&suite[seed])).collect::<Vec<_>>());
    let per_seed = (0..seeds).map(over_suites).collect();
    as_estimate(bootstrap_strata(&slices(values), RESAMPLES, BOOTSTRAP_SEED), per_seed)
}

fn as_estimate(interval: Interval, per_seed: Vec<f64>) -> Estimate {
    Estimate { mean: interval.mean, ci95: [interval.lo, interval.hi], per_seed }
}

fn slices(values: &[Vec<Vec<f64>>]) -> Vec<&[Vec<f64>]> {
    values.iter().map(Vec::as_slice).collect()
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

fn train_report(material: &Material, arm: &ArmMaterial) -> TrainReport {
    let runs = || arm.runs.iter().filter(|run| material.seeds.contains(&run.seed));
    let last = || runs().filter_map(|run| run.steps.last());
    TrainReport {
        steps: last().map(|step| step.step).max().unwrap_or(0),
        tokens_sampled: last().map(|step| step.tokens_sampled).sum(),
        tokens_trained: last().map(|step| step.tokens_trained).sum(),
        flops: runs().fold(0.0, |sum, run| sum + run.flops),
        seconds: runs().flat_map(|run| &run.timing).fold(0.0, |sum, timing| sum + timing.total),
    }
}

/// The arm the report is about: the one called `mentor`, or else the last that is finished.
pub fn focus<'a>(input: &ReportInput<'a>, finished: impl Fn(&str) -> bool) -> Option<&'a str> {
    let mut arms = input.arms.iter().map(String::as_str).filter(|arm| finished(arm));
    arms.clone().find(|&arm| arm == "mentor").or_else(|| arms.next_back())
}

/// Every pair once: the focus against each other arm first, then later arms against earlier ones.
fn pairs<'a>(input: &ReportInput, finished: &[&'a ArmMaterial]) -> Vec<(&'a ArmMaterial, &'a ArmMaterial)> {
    let focus = focus(input, |name| finished.iter().any(|arm| arm.name == name));
    let (first, others): (Vec<_>, Vec<_>) = finished.iter().partition(|arm| Some(arm.name.as_str()) == focus);
    let against_focus = first.iter().flat_map(|&&a| others.iter().map(move |&&b| (a, b)));
    let rest = others.iter().enumerate().rev().flat_map(|(i, &&a)| others[..i].iter().map(move |&&b| (a, b)));
    against_focus.chain(rest).collect()
}

fn comparisons(input: &ReportInput, finished: &[&ArmMaterial]) -> Vec<ComparisonReport> {
    let mut wanted = Vec::new();
    for (a, b) in pairs(input, finished) {
        for metric in Metric::ALL {
            wanted.extend(input.suites.iter().map(|suite| (a, b, metric, Some(suite.as_str()))));
            wanted.extend((!input.out_of_domain.is_empty()).then_some((a, b, metric, None)));
        }
    }
    let compare = |&(a, b, metric, suite): &(&ArmMaterial, &ArmMaterial, _, Option<&str>)| {
        let compared = if let Some(suite) = suite {
            let (of_a, of_b) = (values(input, a, suite, metric), values(input, b, suite, metric));
            paired(&of_a, &of_b, RESAMPLES, BOOTSTRAP_SEED)
        } else {
            let of_a = out_of_domain_values(input, a, metric);
            let of_b = out_of_domain_values(input, b, metric);
            paired_strata(&slices(&of_a), &slices(&of_b), RESAMPLES, BOOTSTRAP_SEED)
        };
        comparison(a, b, suite.unwrap_or(GENERALIZATION), metric, compared)
    };
    wanted.par_iter().map(compare).collect()
}

fn comparison(
    a: &ArmMaterial,
    b: &ArmMaterial,
    suite: &str,
    metric: Metric,
    compared: Comparison,
) -> ComparisonReport {
    ComparisonReport {
        a: a.name.clone(),
        b: b.name.clone(),
        suite: suite.to_owned(),
        metric: metric.name().to_owned(),
        difference: without_dust(compared.difference),
        ci95: [compared.ci95.0, compared.ci95.1].map(without_dust),
        p_value: compared.p_value,
        test: compared.test,
    }
}

/// Zero for what is zero but for rounding: an interval that ends at zero must not seem to leave it out.
fn without_dust(difference: f64) -> f64 {
    if difference.abs() < 1e-12 { 0.0 } else { difference }
}

/// The comparisons of one pair of arms by one metric.
pub struct Pair<'a> {
    /// First arm.
    pub a: &'a str,
    /// Second arm.
    pub b: &'a str,
    /// By suite, generalization included.
    pub suites: BTreeMap<&'a str, &'a ComparisonReport>,
}

/// The comparisons by one metric, in the order of the report.
pub fn by_pair(report: &Report, metric: Metric) -> Vec<Pair<'_>> {
    let mut pairs: Vec<Pair> = Vec::new();
    for row in report.comparisons.iter().filter(|row| row.metric == metric.name()) {
        match pairs.last_mut() {
            Some(last) if last.a == row.a && last.b == row.b => drop(last.suites.insert(&row.suite, row)),
            _ => {
                pairs.push(Pair {
                    a: &row.a,
                    b: &row.b,
                    suites: BTreeMap::from([(row.suite.as_str(), row)]),
                });
            }
        }
    }
    pairs
}
