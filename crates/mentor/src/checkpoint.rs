//! The state of one arm's training on disk: model, optimizer, counters, and how long its logs were.
//!
//! A checkpoint is a folder `checkpoint-STEP` in Hugging Face layout, or PEFT's where adapters are trained. It is written under a temporary name and renamed
//! when whole, so every folder of that name is complete, and the newest one is where a run goes on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mentor_model::{AdamW, AdamWConfig, Model, SaveDtype};
use serde::{Deserialize, Serialize};

use crate::config::OptimizerConfig;
use crate::files;
use crate::lab::Lab;
use crate::layout::ArmDir;

/// Counters of a training run, all since its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Tokens sampled.
    pub tokens_sampled: u64,
    /// Tokens that carried loss.
    pub tokens_trained: u64,
    /// Tokens that went through a training forward pass.
    pub tokens_processed: u64,
    /// Floating-point operations, estimated from the model's shape.
    pub flops: f64,
    /// Bytes of `metrics.jsonl`, `timing.jsonl` and `rollouts.jsonl` that belong to these steps.
    pub log_lengths: [u64; 3],
}

/// What training changes.
pub struct TrainState {
    /// The model being trained.
    pub model: Model,
    /// Its optimizer.
    pub optimizer: AdamW,
    /// Its counters.
    pub progress: Progress,
}

impl TrainState {
    /// Goes on from the newest checkpoint in `dir`, or starts from the lab's student. Logs are cut back to match.
    pub fn open(dir: &ArmDir, lab: &Lab, optimizer: &OptimizerConfig, seed: u64) -> Result<Self> {
        fs::create_dir_all(dir.path())
            .with_context(|| format!("{}: cannot be made", dir.path().display()))?;
        let config = adamw(optimizer);
        let state = if let Some(folder) = newest(dir)? {
            Self::load(&folder, lab, config).with_context(|| {
                format!(
                    "{}: cannot be read; remove the folder to go on from an earlier one",
                    folder.display()
                )
            })?
        } else {
            let model = lab.student(seed)?;
            let optimizer = AdamW::new(&model, config);
            Self { model, optimizer, progress: Progress::default() }
        };
        for (path, length) in logs(dir).iter().zip(state.progress.log_lengths) {
            files::cut(path, length)?;
        }
        Ok(state)
    }

    fn load(folder: &Path, lab: &Lab, config: AdamWConfig) -> Result<Self> {
        let model = match &lab.experiment.lora {
            None => Model::load(folder)?,
            Some(_) => lab.base.load_lora(folder)?,
        };
        let optimizer = AdamW::load(&model, config, &folder.join("optimizer.safetensors"))?;
        let progress = read_progress(folder)?;
        Ok(Self { model, optimizer, progress })
    }

    /// Writes `checkpoint-STEP` and removes older ones.
    pub fn save(&mut self, dir: &ArmDir, lab: &Lab) -> Result<()> {
        self.progress.log_lengths = logs(dir).map(|path| files::length(&path));
        let folder = dir.path().join(format!("checkpoint-{}", self.progress.step));
        let temporary = dir.path().join("checkpoint.tmp");
        self.write(&temporary, lab)
            .and_then(|()| {
                if folder.exists() {
                    fs::remove_dir_all(&folder)?;
                }
                Ok(fs::rename(&temporary, &folder)?)
            })
            .with_context(|| format!("{}: cannot be written; {}", folder.display(), files::REMEDY))?;
        for (step, old) in checkpoints(dir)? {
            if step != self.progress.step {
                fs::remove_dir_all(&old).with_context(|| format!("{}: cannot be removed", old.display()))?;
            }
        }
        Ok(())
    }

    fn write(&self, folder: &Path, lab: &Lab) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        match self.model.lora() {
            None => self.model.save(folder, SaveDtype::F32)?,
            Some(_) => self.model.save_lora(folder, &lab.experiment.model)?,
        }
        lab.codec.tokenizer.save(folder)?;
        self.optimizer.save(&folder.join("optimizer.safetensors"))?;
        files::write_atomic(&folder.join("progress.json"), &serde_json::to_vec_pretty(&self.progress)?)
    }
}

/// The newest complete checkpoint of an arm.
pub fn newest(dir: &ArmDir) -> Result<Option<PathBuf>> {
    Ok(checkpoints(dir)?.into_iter().max_by_key(|(step, _)| *step).map(|(_, folder)| folder))
}

/// The counters of a checkpoint.
pub fn read_progress(folder: &Path) -> Result<Progress> {
    let path = folder.join("progress.json");
    let read = || -> Result<Progress> { Ok(serde_json::from_slice(&fs::read(&path)?)?) };
    read().with_context(|| format!("{}: cannot be read", path.display()))
}

fn checkpoints(dir: &ArmDir) -> Result<Vec<(usize, PathBuf)>> {
    if !dir.path().is_dir() {
        return Ok(Vec::new());
    }
    let entries =
        fs::read_dir(dir.path()).with_context(|| format!("{}: cannot be read", dir.path().display()))?;
    Ok(entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let step = entry.file_name().to_str()?.strip_prefix("checkpoint-")?.parse().ok()?;
            Some((step, entry.path()))
        })
        .collect())
}

fn logs(dir: &ArmDir) -> [PathBuf; 3] {
    [dir.metrics(), dir.timing(), dir.rollouts()]
}

/// The optimizer's constants; the learning rate is given at every step.
pub fn adamw(config: &OptimizerConfig) -> AdamWConfig {
    AdamWConfig {
        lr: config.schedule.peak,
        beta1: config.beta1,
        beta2: config.beta2,
        eps: 1e-8,
        weight_decay: config.weight_decay,
    }
}
