//! The reinforcement arm: rollouts → reward → advantage → loss → update. The trainer reads on one page: `step`.

use std::time::Instant;

use anyhow::{Context, Result};
use mentor_model::{Batch, Gradients, Model};
use mentor_optim::{Columns, Normalization, advantages, evaluate};
use mentor_reward::{Case, Reward, Score, score};
use mentor_rollout::{Episode, Rollout, Sampling, derive_seed};

use crate::checkpoint::TrainState;
use crate::config::{Arm, OptimizerConfig};
use crate::lab::Lab;
use crate::layout::ArmDir;
use crate::metrics::{self, UpdateStats};
use crate::record::{RolloutRecord, StepMetrics, StepTiming};
use crate::schedule::task_indices;

/// Trained tokens a forward and backward pass holds at once; gradients of such micro-batches are added up.
pub const MICRO_BATCH_TOKENS: usize = 8192;

/// One rollout with what it earned.
pub struct Attempt {
    /// Index of its task among the training tasks.
    pub task: usize,
    /// What was played.
    pub rollout: Rollout,
    /// What it earned.
    pub score: Score,
    /// Whether it was judged correct.
    pub correct: bool,
    /// Its advantage in its group; every sampled token gets it.
    pub advantage: f64,
}

/// Trains one arm to its last step, or until `each`, which is handed every step's metrics, returns false.
pub fn train(
    lab: &Lab,
    arm: &Arm,
    seed: u64,
    dir: &ArmDir,
    each: &mut dyn FnMut(&StepMetrics) -> bool,
) -> Result<TrainState> {
    let reward = lab.reward(arm)?;
    let optimizer = lab.experiment.optimizer(arm);
    let steps = lab.experiment.steps(arm);
    let mut state = TrainState::open(dir, &lab.base, &optimizer)?;
    while state.progress.step < steps {
        let (metrics, timing, records) = step(lab, arm, &reward, &optimizer, seed, &mut state)
            .with_context(|| format!("arm {}, seed {seed}, step {}", arm.name, state.progress.step + 1))?;
        metrics::log(dir, &metrics, &timing, &records)?;
        let goes_on = each(&metrics);
        if state.progress.step.is_multiple_of(lab.experiment.rl.checkpoint_every)
            || state.progress.step == steps
        {
            state.save(dir, &lab.codec.tokenizer)?;
        }
        if !goes_on {
            break;
        }
    }
    Ok(state)
}

/// One step of group-relative policy optimization (METHOD §1).
fn step(
    lab: &Lab,
    arm: &Arm,
    reward: &Reward,
    optimizer: &OptimizerConfig,
    seed: u64,
    state: &mut TrainState,
) -> Result<(StepMetrics, StepTiming, Vec<RolloutRecord>)> {
    let rl = &lab.experiment.rl;
    let step = state.progress.step + 1;
    let clock = Instant::now();

    let tasks = task_indices(seed, step, rl.prompts, lab.training.tasks.len());
    let rollouts = play(lab, arm, &tasks, seed, step, &state.model)?;
    let rolled = clock.elapsed().as_secs_f64();

    let (attempts, groups) = judge(lab, reward, &tasks, rollouts);
    let references = reference_logprobs(lab, &attempts)?;
    let prepared = clock.elapsed().as_secs_f64();

    let rate = optimizer.schedule.rate(step - 1, rl.steps);
    let mut stats = UpdateStats::default();
    let groups_per_update = rl.prompts.div_ceil(rl.updates);
    for (attempts, references) in
        attempts.chunks(groups_per_update * rl.group).zip(references.chunks(groups_per_update * rl.group))
    {
        let mut gradients = policy_gradient(lab, &state.model, attempts, references, &mut stats)?;
        stats.gradient_norm = f64::from(gradients.clip(optimizer.max_gradient_norm));
        state.optimizer.step(&state.model, &gradients, rate)?;
        stats.updates += 1;
    }

    metrics::count(&mut state.progress, &state.model, &attempts, lab.experiment.rl.objective.kl.is_some());
    let metrics = metrics::step_metrics(&state.progress, rate, &attempts, rl.group, groups, &stats);
    let total = clock.elapsed().as_secs_f64();
    let timing =
        StepTiming { step, rollout: rolled, prepare: prepared - rolled, update: total - prepared, total };
    let records = attempts
        .into_iter()
        .map(|attempt| metrics::rollout_record(step, &lab.training.tasks, attempt))
        .collect();
    Ok((metrics, timing, records))
}

/// Plays a group of rollouts of each task. Random streams depend on seed, step, task and sample, not on the arm, so
/// that all arms see the same prompts and the same draws.
fn play(
    lab: &Lab,
    arm: &Arm,
    tasks: &[usize],
    seed: u64,
    step: usize,
    model: &Model,
) -> Result<Vec<Rollout>> {
    let rl = &lab.experiment.rl;
    let mut episodes = Vec::with_capacity(tasks.len() * rl.group);
    for (group, &index) in tasks.iter().enumerate() {
        let task = &lab.training.tasks[index];
        for sample in 0..rl.group {
            episodes.push(Episode {
                id: format!("{}/{seed}/{step}/{}/{sample}", arm.name, task.id.replace('/', ".")),
                task,
                seed: derive_seed(&[seed, step as u64, group as u64, index as u64, sample as u64]),
                group,
            });
        }
    }
    lab.player().play(model, &episodes, &Sampling::for_training(rl.temperature), &arm.name)
}

/// Scores every rollout against the teacher and turns scores into advantages; also the number of groups whose
/// rewards are all equal.
fn judge(lab: &Lab, reward: &Reward, tasks: &[usize], rollouts: Vec<Rollout>) -> (Vec<Attempt>, usize) {
    let rl = &lab.experiment.rl;
    let training = &lab.training;
    let mut attempts: Vec<Attempt> = rollouts
        .into_iter()
        .enumerate()
        .map(|(i, rollout)| {
            let task = tasks[i / rl.group];
            let correct = mentor_eval::correct(&training.tasks[task], &rollout.trajectory);
            let case = Case {
                task: &training.tasks[task],
                student: &rollout.trajectory,
                teacher: &training.teacher[task],
                placebo: Some(&training.teacher[(task + 1) % training.teacher.len()]),
                correct,
            };
            let score = score(reward, &case);
            Attempt { task, rollout, score, correct, advantage: 0.0 }
        })
        .collect();
    let rewards: Vec<f64> = attempts.iter().map(|attempt| attempt.score.total).collect();
    let groups = advantages(&rewards, rl.group, &rl.advantage);
    for (attempt, advantage) in attempts.iter_mut().zip(&groups.values) {
        attempt.advantage = *advantage;
    }
    (attempts, groups.zero_variance_groups)
}

/// Log-probabilities of the sampled tokens under the base model, if the objective has a KL term.
fn reference_logprobs(lab: &Lab, attempts: &[Attempt]) -> Result<Vec<Vec<f32>>> {
    if lab.experiment.rl.objective.kl.is_none() {
        return Ok(vec![Vec::new(); attempts.len()]);
    }
    let mut references = Vec::with_capacity(attempts.len());
    for micro in micro_batches(attempts) {
        let (values, _) = lab.base.logprobs_no_grad(&pack(micro), lab.experiment.rl.temperature)?;
        let mut rest = values.as_slice();
        for attempt in micro {
            let (mine, others) = rest.split_at(attempt.rollout.tokens_sampled());
            references.push(mine.to_vec());
            rest = others;
        }
    }
    Ok(references)
}

/// Gradient of the objective over one mini-batch.
fn policy_gradient(
    lab: &Lab,
    model: &Model,
    attempts: &[Attempt],
    references: &[Vec<f32>],
    stats: &mut UpdateStats,
) -> Result<Gradients> {
    let rl = &lab.experiment.rl;
    let normalization =
        Normalization::of_lengths(attempts.iter().map(|attempt| attempt.rollout.tokens_sampled()));
    let mut total: Option<Gradients> = None;
    let mut first = 0;
    for micro in micro_batches(attempts) {
        let columns = TokenColumns::new(micro, &references[first..first + micro.len()]);
        first += micro.len();
        let logprobs = model.logprobs(&pack(micro), rl.temperature)?;
        let evaluated = evaluate(
            &rl.objective,
            &columns.of(&logprobs.values, rl.objective.kl.is_some()),
            &normalization,
        )?;
        stats.add(&evaluated, &logprobs);
        let gradients = logprobs.backward(&evaluated.d_logprobs)?;
        match &mut total {
            None => total = Some(gradients),
            Some(total) => total.accumulate(gradients)?,
        }
    }
    total.context("a mini-batch without rollouts")
}

/// The columns of a micro-batch, one entry per sampled token.
struct TokenColumns {
    sampled: Vec<f32>,
    reference: Vec<f32>,
    advantages: Vec<f32>,
    sequences: Vec<usize>,
}

impl TokenColumns {
    fn new(attempts: &[Attempt], references: &[Vec<f32>]) -> Self {
        let mut columns =
            Self { sampled: vec![], reference: references.concat(), advantages: vec![], sequences: vec![0] };
        for attempt in attempts {
            columns.sampled.extend(sampled(attempt));
            columns.advantages.resize(columns.sampled.len(), attempt.advantage as f32);
            columns.sequences.push(columns.sampled.len());
        }
        columns
    }

    fn of<'a>(&'a self, logprobs: &'a [f32], with_reference: bool) -> Columns<'a> {
        Columns {
            logprobs,
            old_logprobs: &self.sampled,
            reference: with_reference.then_some(self.reference.as_slice()),
            advantages: &self.advantages,
            sequences: &self.sequences,
        }
    }
}

/// Log-probabilities of an attempt's sampled tokens, as stored when they were sampled.
fn sampled(attempt: &Attempt) -> impl Iterator<Item = f32> {
    attempt.rollout.tokens.iter().filter_map(|token| token.logprob)
}

/// Packs the very ids that were played; a token is scored if and only if it was sampled.
fn pack(attempts: &[Attempt]) -> Batch {
    let mut batch = Batch { ids: vec![], starts: vec![], scored: vec![] };
    for attempt in attempts {
        let start = batch.ids.len();
        batch.starts.push(start);
        for (offset, token) in attempt.rollout.tokens.iter().enumerate() {
            batch.ids.push(token.id);
            if token.logprob.is_some() {
                batch.scored.push(start + offset);
            }
        }
    }
    batch
}

/// Cuts attempts, in order, into runs of at most [`MICRO_BATCH_TOKENS`] tokens (or one attempt).
fn micro_batches(attempts: &[Attempt]) -> impl Iterator<Item = &[Attempt]> {
    let mut rest = attempts;
    std::iter::from_fn(move || {
        let mut tokens = 0;
        let count = rest
            .iter()
            .take_while(|attempt| {
                tokens += attempt.rollout.tokens.len();
                tokens <= MICRO_BATCH_TOKENS
            })
            .count()
            .max(1)
            .min(rest.len());
        let (micro, others) = rest.split_at(count);
        rest = others;
        (!micro.is_empty()).then_some(micro)
    })
}
