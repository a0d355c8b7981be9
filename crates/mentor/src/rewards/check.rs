//! A reward before any training: how far apart it puts teacher, honest, hostile and untrained attempts.

use anyhow::{Context, Result, ensure};
use mentor_reward::{Reward, hostile, read_response};
use mentor_rollout::{BuiltIn, Episode, Sampling, derive_seed};
use mentor_trajectory::{Split, Trajectory};

use crate::config::Experiment;
use crate::lab::{self, Player, TaughtTasks};
use crate::policy::ModelCodec;
use mentor_model::{Model, Tokenizer};

/// What to try a reward on.
#[derive(Clone, Debug)]
pub struct Options {
    /// The suite of the tasks.
    pub suite: String,
    /// How many tasks, from the validation split.
    pub tasks: usize,
    /// Attempts of the base model at each task; 0 leaves the model out.
    pub group: usize,
}

/// Totals of attempts of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// `teacher`, `honest: …`, `hostile`, `base model`.
    pub name: String,
    /// The totals.
    pub totals: Vec<f64>,
}

impl Kind {
    /// The mean; 0 of none.
    pub fn mean(&self) -> f64 {
        self.totals.iter().sum::<f64>() / self.totals.len().max(1) as f64
    }

    /// Lowest and highest.
    pub fn range(&self) -> (f64, f64) {
        self.totals.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), total| {
            (low.min(*total), high.max(*total))
        })
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Teacher first, then honest, hostile and the base model's.
    pub kinds: Vec<Kind>,
    /// Hostile attempts that were paid more than their honest twins: what they tried, and both totals.
    pub paid_tricks: Vec<(String, f64, f64)>,
    /// Hostile attempts in all.
    pub tricks: usize,
    /// Share of the base model's groups whose totals are all equal; none without the model.
    pub zero_variance: Option<f64>,
    /// The highest total that any attempt reached, and the table's own bound.
    pub maximum: (f64, f64),
}

impl Checked {
    /// How well the reward tells the teacher's attempts from others: the probability that one of the teacher's has the
    /// higher total than one of `kind`, ties counting half. 0.5 is blind, 1 is perfect.
    pub fn separation(&self, kind: &Kind) -> f64 {
        let teacher = &self.kinds[0].totals;
        let wins: f64 = teacher
            .iter()
            .flat_map(|ours| kind.totals.iter().map(move |theirs| ours.total_cmp(theirs)))
            .map(|order| match order {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
            .sum();
        wins / (teacher.len() * kind.totals.len()).max(1) as f64
    }
}

/// Hostile attempts are made for this many tasks: they are the same tricks everywhere.
const HOSTILE_TASKS: usize = 4;

/// Tries a reward on attempts of every kind. Needs no run; the base model is the experiment's.
pub fn check(reward: &Reward, experiment: &Experiment, options: &Options) -> Result<Checked> {
    ensure!(options.tasks > 0, "--tasks: at least 1");
    let tasks = mentor_env::generate(&options.suite, Split::Validation, experiment.tasks.seed, options.tasks)
        .context("--suite")?;
    let taught = lab::taught(tasks);
    let reward = reward.at(1);
    let teacher =
        taught.teacher.iter().enumerate().map(|(task, teacher)| total(&reward, &taught, task, teacher));
    let mut kinds = vec![Kind { name: "teacher".to_owned(), totals: teacher.collect() }];
    for (task, teacher) in taught.teacher.iter().enumerate() {
        for sample in hostile::honest(&taught.tasks[task], teacher) {
            let attempt = read_response(&sample.response, sample.ended);
            let name = format!("honest: {}", sample.name);
            add(&mut kinds, &name, total(&reward, &taught, task, &attempt));
        }
    }
    let (mut paid_tricks, mut tricks) = (Vec::new(), 0);
    for (task, teacher) in taught.teacher.iter().enumerate().take(HOSTILE_TASKS) {
        for (sample, twin) in hostile::hostile(&taught.tasks[task], teacher) {
            let total = |sample: &hostile::Sample| {
                total(&reward, &taught, task, &read_response(&sample.response, sample.ended))
            };
            let (hostile, honest) = (total(&sample), total(&twin));
            add(&mut kinds, "hostile", hostile);
            tricks += 1;
            if hostile > honest {
                paid_tricks.push((sample.name, hostile, honest));
            }
        }
    }
    let zero_variance = if options.group == 0 {
        None
    } else {
        let groups = base_model(&reward, experiment, &taught, options.group)?;
        let flat = groups.iter().filter(|group| group.iter().all(|total| *total == group[0])).count();
        for total in groups.iter().flatten() {
            add(&mut kinds, "base model", *total);
        }
        Some(flat as f64 / groups.len() as f64)
    };
    let reached = kinds.iter().map(|kind| kind.range().1).fold(f64::NEG_INFINITY, f64::max);
    Ok(Checked { kinds, paid_tricks, tricks, zero_variance, maximum: (reached, reward.maximum()) })
}

fn add(kinds: &mut Vec<Kind>, name: &str, total: f64) {
    match kinds.iter_mut().find(|kind| kind.name == name) {
        Some(kind) => kind.totals.push(total),
        None => kinds.push(Kind { name: name.to_owned(), totals: vec![total] }),
    }
}

fn total(reward: &Reward, taught: &TaughtTasks, task: usize, attempt: &Trajectory) -> f64 {
    let correct = mentor_eval::correct(&taught.tasks[task], attempt);
    taught.case(task, attempt, correct).score(reward).total
}

/// The totals of a group of the base model's attempts at each task.
fn base_model(
    reward: &Reward,
    experiment: &Experiment,
    taught: &TaughtTasks,
    group: usize,
) -> Result<Vec<Vec<f64>>> {
    let folder = lab::model_folder(experiment)?;
    let model = Model::load(&folder)?;
    let codec = ModelCodec::new(Tokenizer::load(&folder)?, &model)?;
    let player =
        Player { codec: &codec, chat: &experiment.chat, limits: &experiment.limits, tools: &BuiltIn };
    let episodes: Vec<Episode> = (0..taught.tasks.len() * group)
        .map(|number| Episode {
            id: String::new(),
            task: &taught.tasks[number / group],
            seed: derive_seed(&[experiment.tasks.seed, number as u64]),
            group: number / group,
        })
        .collect();
    let sampling = Sampling::for_training(experiment.rl.temperature);
    let rollouts = player.play(&model, &episodes, &sampling, "base")?;
    let totals: Vec<f64> = rollouts
        .iter()
        .enumerate()
        .map(|(number, rollout)| total(reward, taught, number / group, &rollout.trajectory))
        .collect();
    Ok(totals.chunks(group).map(<[f64]>::to_vec).collect())
}
