//! Measuring a trained arm on fixed test tasks: once greedy, and k times at the evaluation temperature.

use std::collections::BTreeMap;

use anyhow::Result;
use mentor_eval::{correct, diagnose, hallucinated_calls, policy_correct, tool_f1};
use mentor_model::Model;
use mentor_rollout::{Episode, Rollout, Sampling, derive_seed};

use crate::config::EvaluationConfig;
use crate::lab::{Lab, Player, TaughtTasks};
use crate::record::EvaluationRecord;

/// Keeps the streams of evaluation apart from those of training.
const EVALUATION_STREAM: u64 = 0x6576_616c;

/// Plays every task of every suite and judges the rollouts; `each` hears of a finished suite.
pub fn evaluate(
    lab: &Lab,
    model: &Model,
    arm: &str,
    seed: u64,
    suites: &BTreeMap<String, TaughtTasks>,
    each: &mut dyn FnMut(&str, &[EvaluationRecord]),
) -> Result<Vec<EvaluationRecord>> {
    let mut records = Vec::new();
    for suite in &lab.experiment.evaluation.suites {
        let suite_records = evaluate_suite(
            lab.player(),
            &lab.experiment.evaluation,
            model,
            arm,
            seed,
            suite,
            &suites[suite],
        )?;
        each(suite, &suite_records);
        records.extend(suite_records);
    }
    Ok(records)
}

/// Plays and judges one suite.
pub fn evaluate_suite(
    player: Player,
    evaluation: &EvaluationConfig,
    model: &Model,
    arm: &str,
    seed: u64,
    suite: &str,
    taught: &TaughtTasks,
) -> Result<Vec<EvaluationRecord>> {
    let greedy = episodes(arm, seed, taught, None);
    let sampled: Vec<Episode> = (0..taught.tasks.len())
        .flat_map(|task| sampled_episodes(arm, seed, taught, task, evaluation.samples))
        .collect();
    let mut records = Vec::with_capacity(greedy.len() + sampled.len());
    for (i, rollout) in player.play(model, &greedy, &Sampling::greedy(), arm)?.into_iter().enumerate() {
        records.push(judge(suite, taught, i, None, rollout));
    }
    let sampling = Sampling::for_training(evaluation.temperature);
    for (i, rollout) in player.play(model, &sampled, &sampling, arm)?.into_iter().enumerate() {
        let (task, sample) = (i / evaluation.samples, i % evaluation.samples);
        records.push(judge(suite, taught, task, Some(sample), rollout));
    }
    Ok(records)
}

fn episodes<'a>(arm: &str, seed: u64, taught: &'a TaughtTasks, sample: Option<usize>) -> Vec<Episode<'a>> {
    (0..taught.tasks.len()).map(|task| episode(arm, seed, taught, task, sample)).collect()
}

fn sampled_episodes<'a>(
    arm: &str,
    seed: u64,
    taught: &'a TaughtTasks,
    task: usize,
    samples: usize,
) -> impl Iterator<Item = Episode<'a>> {
    (0..samples).map(move |sample| episode(arm, seed, taught, task, Some(sample)))
}

fn episode<'a>(
    arm: &str,
    seed: u64,
    taught: &'a TaughtTasks,
    index: usize,
    sample: Option<usize>,
) -> Episode<'a> {
    let task = &taught.tasks[index];
    let draw = sample.map_or("greedy".to_owned(), |sample| sample.to_string());
    Episode {
        id: format!("{arm}/{seed}/evaluation/{}/{draw}", task.id.replace('/', ".")),
        task,
        seed: derive_seed(&[EVALUATION_STREAM, seed, index as u64, sample.unwrap_or(0) as u64]),
        group: index,
    }
}

fn judge(
    suite: &str,
    taught: &TaughtTasks,
    index: usize,
    sample: Option<usize>,
    rollout: Rollout,
) -> EvaluationRecord {
    let task = &taught.tasks[index];
    let trajectory = &rollout.trajectory;
    let (hallucinated, calls) = hallucinated_calls(task, trajectory);
    EvaluationRecord {
        suite: suite.to_owned(),
        task: index,
        sample,
        correct: correct(task, trajectory),
        policy_correct: policy_correct(task, trajectory),
        tool_f1: tool_f1(trajectory, &taught.teacher[index]),
        hallucinated,
        calls,
        failure: diagnose(task, trajectory),
        tokens: rollout.tokens_sampled(),
        trajectory: rollout.trajectory,
    }
}
