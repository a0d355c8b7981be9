//! Where everything lies in a run folder.

use std::path::{Path, PathBuf};

/// A run folder.
#[derive(Clone, Debug)]
pub struct RunDir(pub PathBuf);

impl RunDir {
    /// The resolved configuration; running it again repeats the run.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The store of teacher trajectories.
    pub fn store(&self) -> PathBuf {
        self.0.join("teacher.sqlite")
    }

    /// The numbers.
    pub fn report_json(&self) -> PathBuf {
        self.0.join("report.json")
    }

    /// The page.
    pub fn report_html(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// The folder of one arm and seed.
    pub fn arm(&self, arm: &str, seed: u64) -> ArmDir {
        ArmDir(self.0.join(arm).join(format!("seed-{seed}")))
    }
}

/// The folder of one arm and seed.
#[derive(Clone, Debug)]
pub struct ArmDir(pub PathBuf);

impl ArmDir {
    /// One [`crate::record::StepMetrics`] a line.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// One [`crate::record::StepTiming`] a line.
    pub fn timing(&self) -> PathBuf {
        self.0.join("timing.jsonl")
    }

    /// One [`crate::record::RolloutRecord`] a line.
    pub fn rollouts(&self) -> PathBuf {
        self.0.join("rollouts.jsonl")
    }

    /// One [`crate::record::EvaluationRecord`] a line; written whole when the arm is finished.
    pub fn evaluation(&self) -> PathBuf {
        self.0.join("evaluation.jsonl")
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
