//! Reading a run folder: counts per suite, training curves, and a few rollouts to look at.
//!
//! Files are read line by line, since evaluations hold every trajectory and can be large.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use mentor_eval::{Failure, ToolUse};
use mentor_store::{Audience, Store};
use mentor_trajectory::{Task, Trajectory};
use rayon::prelude::*;
use serde::de::DeserializeOwned;

use super::ReportInput;
use crate::checkpoint;
use crate::layout::ArmDir;
use crate::record::{EvaluationRecord, RolloutRecord, StepMetrics, StepTiming};

/// Everything the page is drawn from besides the report itself.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The seeds every number is over.
    pub seeds: Vec<u64>,
    /// Every arm, finished or not, in the order of the input.
    pub arms: Vec<ArmMaterial>,
}

/// What the folder holds about one arm.
#[derive(Clone, Debug, Default)]
pub struct ArmMaterial {
    /// Its name.
    pub name: String,
    /// Seeds of the input without an evaluation.
    pub missing: Vec<u64>,
    /// By seed of [`Material::seeds`], then suite; empty if the arm is not finished.
    pub outcomes: Vec<BTreeMap<String, Outcome>>,
    /// Training records by seed of the input, as far as they go.
    pub runs: Vec<SeedRun>,
    /// Rollouts for the viewer, in the order of the files.
    pub shown: Vec<Shown>,
    /// The task of the training rollouts among them, and the teacher's trajectory.
    pub taught: Option<(Task, Trajectory)>,
}

impl ArmMaterial {
    /// Whether the arm is part of the comparison.
    pub fn finished(&self) -> bool {
        !self.outcomes.is_empty()
    }
}

/// The training record of one seed.
#[derive(Clone, Debug, Default)]
pub struct SeedRun {
    /// The seed.
    pub seed: u64,
    /// `metrics.jsonl`.
    pub steps: Vec<StepMetrics>,
    /// `timing.jsonl`.
    pub timing: Vec<StepTiming>,
    /// Floating-point operations up to the newest checkpoint.
    pub flops: f64,
}

/// What one arm and seed reached on one suite. The vectors have one entry a task.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// 1 if the greedy rollout is correct, else 0.
    pub greedy: Vec<f64>,
    /// Number of correct samples.
    pub correct: Vec<usize>,
    /// Number of policy-correct samples.
    pub policy_correct: Vec<usize>,
    /// Number of samples, all tasks.
    pub samples: usize,
    /// Sum of the samples' tool F1.
    pub tool_f1: f64,
    /// Calls of the samples that name a tool not on offer.
    pub hallucinated: usize,
    /// Calls of the samples.
    pub calls: usize,
    /// Samples by what went wrong.
    pub failures: BTreeMap<Failure, usize>,
    /// Tools the samples called.
    pub tools: ToolUse,
}

/// One rollout in the viewer.
#[derive(Clone, Debug)]
pub enum Shown {
    /// Sample 0 of a test task.
    Evaluated(Box<EvaluationRecord>),
    /// A rollout of one group of the last training step.
    Trained(Box<RolloutRecord>),
}

/// Reads the run folder.
pub fn gather(input: &ReportInput) -> Result<Material> {
    let missing: Vec<Vec<u64>> = input.arms.iter().map(|arm| seeds_without_evaluation(input, arm)).collect();
    let seeds = reported_seeds(input.seeds, &missing);
    let arms =
        input.arms.par_iter().zip(missing).map(|(arm, missing)| gather_arm(input, arm, missing, &seeds));
    Ok(Material { arms: arms.collect::<Result<_>>()?, seeds })
}

fn seeds_without_evaluation(input: &ReportInput, arm: &str) -> Vec<u64> {
    let missing = |&&seed: &&u64| !input.run.arm(arm, seed).evaluation().is_file();
    input.seeds.iter().filter(missing).copied().collect()
}

/// In the middle of a run: the seeds of some arm for which most evaluations count, those of arms that have all of
/// these seeds; the more arms, the better.
fn reported_seeds(all: &[u64], missing: &[Vec<u64>]) -> Vec<u64> {
    let finished = |missing: &Vec<u64>| all.iter().copied().filter(|seed| !missing.contains(seed)).collect();
    let finished: Vec<Vec<u64>> = missing.iter().map(finished).collect();
    let arms =
        |seeds: &[u64]| finished.iter().filter(|has| seeds.iter().all(|seed| has.contains(seed))).count();
    let worth = |seeds: &&Vec<u64>| (arms(seeds) * seeds.len(), arms(seeds));
    finished.iter().max_by_key(worth).cloned().unwrap_or_default()
}

fn gather_arm(input: &ReportInput, name: &str, missing: Vec<u64>, seeds: &[u64]) -> Result<ArmMaterial> {
    let mut arm = ArmMaterial { name: name.to_owned(), ..ArmMaterial::default() };
    let finished = !seeds.is_empty() && seeds.iter().all(|seed| !missing.contains(seed));
    arm.missing = missing;
    for &seed in input.seeds {
        let dir = input.run.arm(name, seed);
        let steps: Vec<StepMetrics> = read_log(&dir.metrics())?;
        if !steps.is_empty() {
            arm.runs.push(SeedRun { seed, steps, timing: read_log(&dir.timing())?, flops: flops(&dir)? });
        }
    }
    for &seed in seeds.iter().filter(|_| finished) {
        let first = arm.outcomes.is_empty();
        let outcomes = read_evaluation(input, &input.run.arm(name, seed).evaluation(), &mut |record| {
            if first && record.sample == Some(0) && record.task < tasks_shown(input) {
                arm.shown.push(Shown::Evaluated(Box::new(record)));
            }
        })?;
        arm.outcomes.push(outcomes);
    }
    if let Some(run) = arm.runs.first() {
        let group = last_group(&input.run.arm(name, run.seed).rollouts())?;
        arm.taught = group
            .first()
            .map_or(Ok(None), |record| taught(&input.run.store(), &record.trajectory.task_id))?;
        arm.shown.extend(group.into_iter().map(|record| Shown::Trained(Box::new(record))));
    }
    Ok(arm)
}

fn flops(dir: &ArmDir) -> Result<f64> {
    let newest = checkpoint::newest(dir)?;
    newest.map_or(Ok(0.0), |folder| checkpoint::read_progress(&folder).map(|progress| progress.flops))
}

/// A training task with the teacher's trajectory, if the run has a store that knows it.
fn taught(store: &Path, task: &str) -> Result<Option<(Task, Trajectory)>> {
    if !store.is_file() {
        return Ok(None);
    }
    let store = Store::open_read_only(store, Audience::Training)?;
    Ok(store.task(task)?.zip(store.by_task(task)?.into_iter().next()))
}

/// Test tasks a suite and arm in the viewer: about eighty rollouts in all.
fn tasks_shown(input: &ReportInput) -> usize {
    (80 / (input.arms.len() * input.suites.len()).max(1)).clamp(1, 5)
}

/// Reads one `evaluation.jsonl`, which is whole or an error.
fn read_evaluation(
    input: &ReportInput,
    path: &Path,
    each: &mut dyn FnMut(EvaluationRecord),
) -> Result<BTreeMap<String, Outcome>> {
    let sizes: BTreeMap<&str, usize> =
        input.suites.iter().map(|suite| (suite.as_str(), input.tasks[suite].len())).collect();
    let mut tallies: BTreeMap<&str, Tally> =
        sizes.iter().map(|(&suite, &n)| (suite, Tally::new(n, input.samples))).collect();
    for_each_line(path, Last::Whole, &mut |record: EvaluationRecord| {
        let tally = tallies.get_mut(record.suite.as_str());
        let tally =
            tally.with_context(|| format!("suite `{}` is not part of this experiment", record.suite))?;
        tally.add(&record)?;
        each(record);
        Ok(())
    })?;
    let mut outcomes = BTreeMap::new();
    for (suite, tally) in tallies {
        let remedy = "delete the file and run the arm again to have it evaluated again";
        let outcome =
            tally.finish().with_context(|| format!("{}: suite `{suite}`; {remedy}", path.display()))?;
        outcomes.insert(suite.to_owned(), outcome);
    }
    Ok(outcomes)
}

/// An [`Outcome`] being counted.
struct Tally {
    samples: usize,
    seen: BTreeSet<(usize, Option<usize>)>,
    outcome: Outcome,
}

impl Tally {
    fn new(tasks: usize, samples: usize) -> Self {
        let outcome = Outcome {
            greedy: vec![0.0; tasks],
            correct: vec![0; tasks],
            policy_correct: vec![0; tasks],
            ..Outcome::default()
        };
        Self { samples, seen: BTreeSet::new(), outcome }
    }

    fn add(&mut self, record: &EvaluationRecord) -> Result<()> {
        let outcome = &mut self.outcome;
        let tasks = outcome.greedy.len();
        ensure!(
            record.task < tasks,
            "suite `{}` has {tasks} tasks, but the line is about task {}",
            record.suite,
            record.task
        );
        ensure!(
            self.seen.insert((record.task, record.sample)),
            "task {} of suite `{}` has sample {:?} twice",
            record.task,
            record.suite,
            record.sample
        );
        let Some(sample) = record.sample else {
            outcome.greedy[record.task] = f64::from(record.correct);
            return Ok(());
        };
        ensure!(
            sample < self.samples,
            "{} samples a task were asked for, but the line is sample {sample}",
            self.samples
        );
        outcome.correct[record.task] += usize::from(record.correct);
        outcome.policy_correct[record.task] += usize::from(record.policy_correct);
        outcome.samples += 1;
        outcome.tool_f1 += record.tool_f1;
        outcome.hallucinated += record.hallucinated;
        outcome.calls += record.calls;
        if let Some(failure) = record.failure {
            *outcome.failures.entry(failure).or_default() += 1;
        }
        outcome.tools.add(&record.trajectory);
        Ok(())
    }

    fn finish(self) -> Result<Outcome> {
        let expected = self.outcome.greedy.len() * (1 + self.samples);
        if self.seen.len() != expected {
            bail!("{} rollouts where {expected} were expected", self.seen.len());
        }
        Ok(self.outcome)
    }
}

/// The first group of the last step whose rewards differ, or its first group.
fn last_group(path: &Path) -> Result<Vec<RolloutRecord>> {
    let mut last: Vec<RolloutRecord> = Vec::new();
    if path.is_file() {
        for_each_line(path, Last::MayBeCut, &mut |record: RolloutRecord| {
            if last.first().is_some_and(|first| first.step != record.step) {
                last.clear();
            }
            last.push(record);
            Ok(())
        })?;
    }
    let mut groups: Vec<Vec<RolloutRecord>> = Vec::new();
    for record in last {
        match groups.last_mut() {
            Some(group) if group[0].trajectory.task_id == record.trajectory.task_id => group.push(record),
            _ => groups.push(vec![record]),
        }
    }
    let telling = groups.iter().position(|group| group.iter().any(|record| record.reward != group[0].reward));
    Ok(if groups.is_empty() { Vec::new() } else { groups.swap_remove(telling.unwrap_or(0)) })
}

/// A training log: empty if it is missing, without its last line if that is cut off.
fn read_log<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let mut lines = Vec::new();
    if path.is_file() {
        for_each_line(path, Last::MayBeCut, &mut |line| {
            lines.push(line);
            Ok(())
        })?;
    }
    Ok(lines)
}

/// What is allowed of the last line of a file.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// It must be as whole as the others.
    Whole,
    /// The writer may have been stopped within it.
    MayBeCut,
}

fn for_each_line<T: DeserializeOwned>(
    path: &Path,
    last: Last,
    each: &mut dyn FnMut(T) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let place = || format!("{}:{number}", path.display());
        if reader.read_until(b'\n', &mut line).with_context(place)? == 0 {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(value) => each(value).with_context(place)?,
            Err(_) if last == Last::MayBeCut && !line.ends_with(b"\n") => break,
            Err(error) => {
                return Err(error).with_context(|| format!("{}: not a line of the expected form", place()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::reported_seeds;

    #[test]
    fn half_way_the_seeds_are_those_that_keep_most_evaluations() {
        let all = [1, 2, 3];
        for (missing, expected) in [
            (vec![vec![], vec![]], vec![1, 2, 3]),
            (vec![vec![], vec![3], vec![3], vec![3]], vec![1, 2]),
            (vec![vec![], vec![], vec![], vec![2, 3]], vec![1, 2, 3]),
            (vec![vec![2, 3], vec![1, 2, 3]], vec![1]),
            (vec![vec![1, 2, 3], vec![1, 2, 3]], vec![]),
            (vec![], vec![]),
        ] {
            assert_eq!(reported_seeds(&all, &missing), expected, "{missing:?}");
        }
    }
}
