//! The conditions a base model has to meet before any arm is trained from it.
//!
//! It must be able to do every suite (so that a suite measures policy and not copying), hardly ever do a training
//! task right as it stands (so that reward is scarce), and be quick to show its ability again.

use std::path::Path;

use anyhow::{Context, Result};
use mentor_model::{AdamW, Model, Tokenizer};
use mentor_rollout::BuiltIn;
use mentor_trajectory::Split;
use serde::{Deserialize, Serialize};

use crate::checkpoint::adamw;
use crate::config::{EvaluationConfig, Experiment, MemoryConfig};
use crate::evaluate::evaluate_suite;
use crate::lab::{Player, TaughtTasks, taught};
use crate::policy::ModelCodec;
use crate::record::EvaluationRecord;
use crate::schedule::permutation;
use crate::sft;

/// Greedy accuracy a model with skills must reach on every suite.
pub const SKILLED: f64 = 0.85;
/// Sampled accuracy of the base model on training tasks may be at most this.
pub const STARVED: f64 = 0.02;
/// Sampled accuracy of the base model on an out-of-domain suite may be at most this.
pub const WEAK: f64 = 0.20;

/// One measured condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What was measured (`skills`, `habits`, `relearnt`).
    pub stage: String,
    /// On which suite (`training` for the training tasks).
    pub suite: String,
    /// Greedy accuracy.
    pub greedy: f64,
    /// Sampled accuracy.
    pub sampled: f64,
    /// Whether the condition holds.
    pub holds: bool,
}

/// Measures models under an experiment's suites and limits, on validation tasks only.
pub struct Gates<'a> {
    /// Whose suites, chat format and limits count.
    pub experiment: &'a Experiment,
    /// Hears of each measured condition.
    pub each: &'a mut dyn FnMut(&Gate),
}

impl Gates<'_> {
    /// The model after its skills: at least [`SKILLED`] on every suite.
    pub fn skills(&mut self, folder: &Path) -> Result<Vec<Gate>> {
        let (model, codec) = open(folder)?;
        self.suites(|gates, suite| {
            let tasks = gates.tasks(suite, Split::Validation)?;
            gates.measure("skills", suite, &model, &codec, &tasks, |greedy, _| greedy >= SKILLED)
        })
    }

    /// The base model as it stands: at most [`STARVED`] on the training tasks, [`WEAK`] out of domain.
    pub fn habits(&mut self, folder: &Path) -> Result<Vec<Gate>> {
        let (model, codec) = open(folder)?;
        let mut training = self.tasks(&self.experiment.tasks.suite, Split::Train)?;
        training.tasks.truncate(self.experiment.evaluation.tasks);
        training.teacher.truncate(self.experiment.evaluation.tasks);
        let mut measured =
            vec![
                self.measure("habits", "training", &model, &codec, &training, |_, sampled| {
                    sampled <= STARVED
                })?,
            ];
        let in_domain = self.experiment.evaluation.suites[0].clone();
        measured.extend(self.suites(|gates, suite| {
            let tasks = gates.tasks(suite, Split::Validation)?;
            gates.measure("habits", suite, &model, &codec, &tasks, |_, sampled| {
                suite == in_domain || sampled <= WEAK
            })
        })?);
        Ok(measured)
    }

    /// The base model after a little imitation on each suite's own training split: at least [`SKILLED`] again.
    pub fn relearnt(&mut self, folder: &Path) -> Result<Vec<Gate>> {
        let (base, codec) = open(folder)?;
        self.suites(|gates, suite| {
            let model = base.duplicate()?;
            gates.imitate(&model, &codec, &gates.tasks(suite, Split::Train)?)?;
            let tasks = gates.tasks(suite, Split::Validation)?;
            gates.measure("relearnt", suite, &model, &codec, &tasks, |greedy, _| greedy >= SKILLED)
        })
    }

    fn suites(&mut self, mut measure: impl FnMut(&mut Self, &str) -> Result<Gate>) -> Result<Vec<Gate>> {
        let suites = &self.experiment.evaluation.suites;
        suites.iter().map(|suite| measure(self, suite)).collect()
    }

    fn tasks(&self, suite: &str, split: Split) -> Result<TaughtTasks> {
        let count = if split == Split::Train {
            self.experiment.tasks.count
        } else {
            self.experiment.evaluation.tasks
        };
        Ok(taught(mentor_env::generate(suite, split, self.experiment.tasks.seed, count)?))
    }

    fn measure(
        &mut self,
        stage: &str,
        suite: &str,
        model: &Model,
        codec: &ModelCodec,
        tasks: &TaughtTasks,
        holds: impl Fn(f64, f64) -> bool,
    ) -> Result<Gate> {
        let Experiment { chat, limits, .. } = &self.experiment;
        let player = Player { codec, chat, limits, tools: &BuiltIn };
        let evaluation = EvaluationConfig { split: Split::Validation, ..self.experiment.evaluation.clone() };
        let records = evaluate_suite(player, &evaluation, model, stage, 0, suite, tasks)?;
        let greedy = accuracy(&records, |record| record.sample.is_none());
        let sampled = accuracy(&records, |record| record.sample.is_some());
        let gate =
            Gate { stage: stage.into(), suite: suite.into(), greedy, sampled, holds: holds(greedy, sampled) };
        (self.each)(&gate);
        Ok(gate)
    }

    fn imitate(&self, model: &Model, codec: &ModelCodec, tasks: &TaughtTasks) -> Result<()> {
        let settings = &self.experiment.sft;
        let transcripts: Vec<_> = tasks
            .tasks
            .iter()
            .zip(&tasks.teacher)
            .map(|(task, teacher)| sft::transcript(&codec.tokenizer, &self.experiment.chat, task, teacher))
            .collect();
        let mut optimizer = AdamW::new(model, adamw(&settings.optimizer));
        let steps = settings.epochs * transcripts.len().div_ceil(settings.batch);
        let mut step = 0;
        for epoch in 0..settings.epochs {
            for indices in permutation(epoch as u64, transcripts.len()).chunks(settings.batch) {
                step += 1;
                let batch = sft::pack(indices.iter().map(|&index| &transcripts[index]));
                let (_, mut gradients) = sft::imitation_gradient(model, &batch, &MemoryConfig::default())?;
                gradients.clip(settings.optimizer.max_gradient_norm);
                optimizer.step(model, &gradients, settings.optimizer.schedule.rate(step - 1, steps))?;
            }
        }
        Ok(())
    }
}

fn open(folder: &Path) -> Result<(Model, ModelCodec)> {
    let model = Model::load(folder).with_context(|| folder.display().to_string())?;
    let codec = ModelCodec::new(Tokenizer::load(folder)?, &model)?;
    Ok((model, codec))
}

fn accuracy(records: &[EvaluationRecord], counts: impl Fn(&EvaluationRecord) -> bool) -> f64 {
    let counted: Vec<_> = records.iter().filter(|record| counts(record)).collect();
    counted.iter().filter(|record| record.correct).count() as f64 / counted.len().max(1) as f64
}
