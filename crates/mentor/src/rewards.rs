//! Rewards apart from training: by name or from a file, and what a run folder's rollouts are worth under one.

pub mod check;
pub mod explain;
pub mod rescore;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use mentor_reward::{Reward, Score};

use crate::config::Experiment;
use crate::credit::Taught;
use crate::files;
use crate::lab::{self, TaughtTasks};
use crate::layout::RunDir;
use crate::outside::OutsideReward;
use crate::record::RolloutRecord;

/// A reward by the name of a preset, or the table in a file.
pub fn read(name_or_path: &str) -> Result<Reward> {
    if let Some(preset) = Reward::preset(name_or_path) {
        return Ok(preset);
    }
    let text = std::fs::read_to_string(name_or_path).with_context(|| {
        format!(
            "{name_or_path}: neither a preset ({}) nor a file that can be read",
            Reward::preset_names().join(", ")
        )
    })?;
    Ok(Reward::from_toml(&text, name_or_path)?)
}

/// Where the scores of an arm come from.
pub enum Source {
    /// A table, computed here.
    Table(Reward),
    /// Another program, asked over HTTP.
    Outside(OutsideReward),
}

impl Source {
    /// The table of a step; one without terms, whose totals count as they are, stands for another program.
    pub fn table(&self, step: usize) -> Reward {
        match self {
            Self::Table(reward) => reward.at(step),
            Self::Outside(outside) => outside.table(),
        }
    }

    /// The scores of a step's attempts, in order.
    ///
    /// # Errors
    /// Another program does not give them.
    pub fn scores(&self, step: usize, cases: &[Taught]) -> Result<Vec<Score>> {
        match self {
            Self::Table(reward) => {
                let now = reward.at(step);
                Ok(cases.iter().map(|case| case.score(&now)).collect())
            }
            Self::Outside(outside) => outside.scores(step, cases),
        }
    }
}

/// A run folder opened for reading: its experiment and its training tasks. No model is loaded.
pub struct Saved {
    /// The resolved experiment.
    pub experiment: Experiment,
    /// The folder.
    pub dir: RunDir,
    tasks: TaughtTasks,
    place_of: BTreeMap<String, usize>,
}

impl Saved {
    /// Opens a run folder.
    pub fn open(run: &Path) -> Result<Self> {
        let dir = RunDir(run.to_owned());
        ensure!(
            dir.config().is_file(),
            "{}: not a run folder (it has no config.toml); give the --out of an experiment",
            run.display()
        );
        let experiment = Experiment::read_saved(&dir.config())?;
        let tasks = lab::training_tasks(&dir.store())?;
        let place_of = tasks.tasks.iter().enumerate().map(|(place, task)| (task.id.clone(), place)).collect();
        Ok(Self { experiment, dir, tasks, place_of })
    }

    /// The rollouts of an arm and seed, in the order they were played; none if it has none.
    pub fn rollouts(&self, arm: &str, seed: u64) -> Result<Vec<RolloutRecord>> {
        let path = self.dir.arm(arm, seed).rollouts();
        if files::length(&path) == 0 { Ok(Vec::new()) } else { files::read_lines(&path) }
    }

    /// The rollout as it was scored, beside the teacher's trajectory of its task.
    pub fn case<'a>(&'a self, record: &'a RolloutRecord) -> Result<Taught<'a>> {
        let task = &record.trajectory.task_id;
        let place = self.place_of.get(task).with_context(|| {
            format!("rollout {}: task {task} is not in {}", record.id, self.dir.store().display())
        })?;
        Ok(self.tasks.case(*place, &record.trajectory, record.correct))
    }
}
