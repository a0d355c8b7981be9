//! Training one arm on a handful of tasks until it has learnt them: if that fails, nothing else will work.

use anyhow::{Result, ensure};

use crate::config::{Arm, Experiment};
use crate::lab::{Lab, fill_store};
use crate::layout::ArmDir;
use crate::progress::{Event, Observer};
use crate::rl;

/// Share of rollouts that must be correct.
pub const LEARNT: f64 = 0.95;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Steps taken.
    pub steps: usize,
    /// Share of the last steps' rollouts that were correct.
    pub accuracy: f64,
}

impl Outcome {
    /// Whether the tasks were learnt.
    pub fn learnt(&self) -> bool {
        self.accuracy >= LEARNT
    }
}

/// Rollouts of a task a step at least: with few tasks nothing else keeps a rare success from being missed.
const LEAST_GROUP: usize = 32;

/// Steps whose accuracy is averaged to decide.
const WINDOW: usize = 3;

/// Trains `arm` on `tasks` tasks for at most the experiment's steps; every step sees all of them. Nothing is kept.
pub fn overfit(
    mut experiment: Experiment,
    arm: &Arm,
    tasks: usize,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    ensure!(tasks > 0, "--overfit: at least one task");
    experiment.tasks.count = tasks;
    experiment.rl.prompts = tasks;
    experiment.rl.group = experiment.rl.group.max(LEAST_GROUP);
    experiment.rl.updates = experiment.rl.updates.min(tasks);
    experiment.rl.checkpoint_every = experiment.rl.steps;
    let folder = std::env::temp_dir().join(format!("mentor-overfit-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = train(experiment, arm, &folder, observer);
    std::fs::remove_dir_all(&folder)?;
    outcome
}

fn train(
    experiment: Experiment,
    arm: &Arm,
    folder: &std::path::Path,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let total = experiment.rl.steps;
    let seed = experiment.seeds[0];
    let store = folder.join("teacher.sqlite");
    fill_store(&experiment, &store)?;
    let lab = Lab::open(experiment, &store)?;
    observer.event(Event::Started { label: format!("{}, overfit", arm.name), done: 0, total });
    let mut history = Vec::new();
    rl::train(&lab, arm, seed, &ArmDir(folder.join(&arm.name)), &mut |metrics| {
        let rl = metrics.rl.as_ref().expect("an rl arm has rl metrics");
        history.push(rl.accuracy);
        let note = format!("reward {:.3}  correct {:.0} %", rl.reward, 100.0 * rl.accuracy);
        observer.event(Event::Advanced {
            done: metrics.step,
            total,
            share: metrics.step as f64 / total as f64,
            note,
        });
        recent(&history) < LEARNT
    })?;
    Ok(Outcome { steps: history.len(), accuracy: recent(&history) })
}

fn recent(history: &[f64]) -> f64 {
    if history.len() < WINDOW {
        return 0.0;
    }
    history[history.len() - WINDOW..].iter().sum::<f64>() / WINDOW as f64
}
