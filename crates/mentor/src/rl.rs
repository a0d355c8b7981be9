//! The reinforcement arm: rollouts → reward → advantage → loss → update. The trainer reads on one page: `step`.

use std::time::Instant;

use anyhow::{Context, Result};
use mentor_model::{Model, Recording};
use mentor_reward::Score;
use mentor_rollout::{Episode, Rollout, Sampling, derive_seed};

use crate::checkpoint::TrainState;
use crate::config::{Arm, OptimizerConfig};
use crate::credit::{self, Taught};
use crate::lab::Lab;
use crate::layout::ArmDir;
use crate::metrics::{self, UpdateStats};
use crate::record::{RolloutRecord, StepMetrics, StepTiming};
use crate::rewards::Source;
use crate::schedule::drawn;
use crate::update::{Sample, policy_gradient, reference_logprobs};

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
    /// Its advantage in its group; every sampled token gets it unless `token_advantages` says otherwise.
    pub advantage: f64,
    /// One advantage for each sampled token, where turns or calls are credited; else empty.
    pub token_advantages: Vec<f32>,
}

impl Attempt {
    /// The mean advantage of each turn's tokens, where turns or calls are credited.
    pub fn turn_advantages(&self) -> Vec<f64> {
        let turns = if self.token_advantages.is_empty() { 0 } else { self.rollout.trajectory.turns.len() };
        let mut sums = vec![(0.0, 0_usize); turns];
        for ((_, token), advantage) in self.rollout.sampled().zip(&self.token_advantages) {
            if let Some((sum, count)) = token.turn.and_then(|turn| sums.get_mut(usize::from(turn))) {
                *sum += f64::from(*advantage);
                *count += 1;
            }
        }
        sums.into_iter().map(|(sum, count)| sum / count.max(1) as f64).collect()
    }

    fn sample(&self) -> Sample<'_> {
        Sample {
            rollout: &self.rollout,
            advantage: self.advantage as f32,
            token_advantages: &self.token_advantages,
        }
    }
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
    let mut state = TrainState::open(dir, lab, &optimizer, seed)?;
    while state.progress.step < steps {
        let (metrics, timing, records) = step(lab, arm, &reward, &optimizer, seed, &mut state)
            .with_context(|| format!("arm {}, seed {seed}, step {}", arm.name, state.progress.step + 1))?;
        metrics::log(dir, &metrics, &timing, &records)?;
        let goes_on = each(&metrics);
        if state.progress.step.is_multiple_of(lab.experiment.rl.checkpoint_every)
            || state.progress.step == steps
        {
            state.save(dir, lab)?;
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
    reward: &Source,
    optimizer: &OptimizerConfig,
    seed: u64,
    state: &mut TrainState,
) -> Result<(StepMetrics, StepTiming, Vec<RolloutRecord>)> {
    let rl = &lab.experiment.rl;
    let step = state.progress.step + 1;
    let clock = Instant::now();

    let tasks = drawn(rl.curriculum.as_ref(), &lab.training.teacher, (seed, step, rl.prompts));
    let (rollouts, mut recording) = play(lab, arm, &tasks, seed, step, &state.model)?;
    let rolled = clock.elapsed().as_secs_f64();

    let (attempts, groups) = judge(lab, arm, reward, step, &tasks, rollouts)?;
    let samples: Vec<Sample> = attempts.iter().map(Attempt::sample).collect();
    let objective = &rl.objective;
    let references = match objective.kl {
        Some(_) => reference_logprobs(&lab.base, &samples, rl.temperature)?,
        None => vec![Vec::new(); samples.len()],
    };
    let prepared = clock.elapsed().as_secs_f64();

    let rate = optimizer.schedule.rate(step - 1, rl.steps);
    let mut stats = UpdateStats::default();
    let groups_per_update = rl.prompts.div_ceil(rl.updates);
    for (samples, references) in
        samples.chunks(groups_per_update * rl.group).zip(references.chunks(groups_per_update * rl.group))
    {
        let mut gradients = policy_gradient(
            &state.model,
            objective,
            rl.temperature,
            samples,
            references,
            lab.experiment.memory.recompute,
            recording.as_mut(),
            &mut stats,
        )?;
        // What was recorded is of the weights before the update.
        recording = None;
        stats.gradient_norm = f64::from(gradients.clip(optimizer.max_gradient_norm));
        state.optimizer.step(&state.model, &gradients, rate)?;
        stats.updates += 1;
    }

    metrics::count(&mut state.progress, &state.model, &attempts, objective.kl.is_some());
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

/// Plays a group of rollouts of each task, and keeps what that computed. Random streams depend on seed, step, task and sample, not on the arm, so
/// that all arms see the same prompts and the same draws.
fn play(
    lab: &Lab,
    arm: &Arm,
    tasks: &[usize],
    seed: u64,
    step: usize,
    model: &Model,
) -> Result<(Vec<Rollout>, Option<Recording>)> {
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
    let (sampling, bytes) = (Sampling::for_training(rl.temperature), lab.experiment.memory.recorded_bytes());
    lab.player().play_recorded(model, &episodes, &sampling, &arm.name, bytes)
}

/// Scores every rollout against the teacher and turns scores into advantages; also the number of groups whose
/// rewards are all equal.
fn judge(
    lab: &Lab,
    arm: &Arm,
    reward: &Source,
    step: usize,
    tasks: &[usize],
    rollouts: Vec<Rollout>,
) -> Result<(Vec<Attempt>, usize)> {
    let rl = &lab.experiment.rl;
    let task_of = |i: usize| tasks[i / rl.group];
    let corrects: Vec<bool> = rollouts
        .iter()
        .enumerate()
        .map(|(i, rollout)| mentor_eval::correct(&lab.training.tasks[task_of(i)], &rollout.trajectory))
        .collect();
    let cases: Vec<Taught> = rollouts
        .iter()
        .zip(&corrects)
        .enumerate()
        .map(|(i, (rollout, &correct))| lab.training.case(task_of(i), &rollout.trajectory, correct))
        .collect();
    let scores = reward.scores(step, &cases)?;
    let given = credit::advantages(lab, arm, &reward.table(step), &rollouts, &cases, &scores);
    drop(cases);
    let attempts = rollouts
        .into_iter()
        .zip(scores)
        .enumerate()
        .map(|(i, (rollout, score))| Attempt {
            task: task_of(i),
            rollout,
            score,
            correct: corrects[i],
            advantage: given.rollouts[i],
            token_advantages: given.tokens.get(i).cloned().unwrap_or_default(),
        })
        .collect();
    Ok((attempts, given.zero_variance_groups))
}
