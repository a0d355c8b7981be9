//! What a run will take, measured rather than guessed: a second of training and sampling on this machine, times
//! the work the configuration asks for.

use std::time::Instant;

use anyhow::Result;
use mentor_model::Model;
use mentor_rollout::{BuiltIn, Episode, Rollout, Sampling};

use crate::config::{Arm, Experiment, Method};
use crate::lab::{Lab, MAX_SLOTS, Player};
use crate::sft;
use crate::update::MICRO_BATCH_TOKENS;

/// Speed of this machine with this model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Tokens a second through forward and backward.
    pub trained: f64,
    /// Tokens sampled a second.
    pub sampled: f64,
    /// Mean tokens of a teacher's transcript, prompt and observations included.
    pub transcript_tokens: f64,
    /// Mean tokens the teacher wrote of it.
    pub written_tokens: f64,
}

/// A forward pass alone takes this share of forward and backward.
const FORWARD_SHARE: f64 = 1.0 / 3.0;

/// Episodes and transcripts tried out.
const TRIAL: usize = 48;

/// Measures [`Speed`] on the first training tasks.
pub fn measure(lab: &Lab) -> Result<Speed> {
    let count = TRIAL.min(lab.training.tasks.len());
    let pairs = lab.training.tasks.iter().zip(&lab.training.teacher).take(count);
    let transcripts: Vec<_> = pairs
        .map(|(task, teacher)| sft::transcript(&lab.codec.tokenizer, &lab.experiment.chat, task, teacher))
        .collect();
    let batch = sft::pack(&transcripts);
    // The first pass warms caches and the allocator; the second is timed.
    let student = lab.student(0)?;
    sft::imitation_gradient(&student, &batch, &lab.experiment.memory)?;
    let clock = Instant::now();
    sft::imitation_gradient(&student, &batch, &lab.experiment.memory)?;
    let trained = batch.ids.len() as f64 / clock.elapsed().as_secs_f64();

    let episodes: Vec<Episode> = (0..TRIAL * 2)
        .map(|i| Episode {
            id: String::new(),
            task: &lab.training.tasks[i % count],
            seed: i as u64,
            group: i,
        })
        .collect();
    let clock = Instant::now();
    // Speed is the model's; another program's tools are not asked for a trial.
    let player = Player { tools: &BuiltIn, ..lab.player() };
    let rollouts = player.play(&student, &episodes, &Sampling::for_training(1.0), "trial")?;
    let tokens: usize = rollouts.iter().map(Rollout::tokens_sampled).sum();
    Ok(Speed {
        trained,
        sampled: tokens as f64 / clock.elapsed().as_secs_f64(),
        transcript_tokens: batch.ids.len() as f64 / count as f64,
        written_tokens: batch.scored.len() as f64 / count as f64,
    })
}

/// Expected work of one arm and seed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Training steps.
    pub steps: usize,
    /// Seconds of one step.
    pub step_seconds: f64,
    /// Seconds of the evaluation.
    pub evaluation_seconds: f64,
    /// Tokens sampled in training.
    pub tokens_sampled: f64,
    /// Tokens through forward and backward.
    pub tokens_processed: f64,
    /// Bytes written.
    pub disk: f64,
}

impl Work {
    /// Seconds in all.
    pub fn seconds(&self) -> f64 {
        self.steps as f64 * self.step_seconds + self.evaluation_seconds
    }
}

/// Bytes a logged rollout takes on disk, near enough.
const ROLLOUT_BYTES: f64 = 3000.0;

/// Expected work of one arm for one seed.
///
/// `trained` is how many numbers training changes: weights and two moments of each are saved.
pub fn work(experiment: &Experiment, arm: &Arm, speed: &Speed, trained: usize) -> Work {
    let evaluation = &experiment.evaluation;
    let evaluated = (evaluation.suites.len() * evaluation.tasks * (1 + evaluation.samples)) as f64;
    let steps = experiment.steps(arm);
    let (sequences, sampled) = match arm.train {
        Method::None => (0.0, 0.0),
        Method::Sft => ((experiment.sft.epochs * experiment.tasks.count) as f64 / steps.max(1) as f64, 0.0),
        Method::Rl => {
            let rollouts = (experiment.rl.prompts * experiment.rl.group) as f64;
            (rollouts, rollouts * speed.written_tokens)
        }
    };
    let processed = sequences * speed.transcript_tokens;
    let reference =
        if arm.train == Method::Rl && experiment.rl.objective.kl.is_some() { FORWARD_SHARE } else { 0.0 };
    let logged = if arm.train == Method::Rl { steps as f64 * sequences } else { 0.0 };
    Work {
        steps,
        step_seconds: processed * (1.0 + reference) / speed.trained + sampled / speed.sampled,
        evaluation_seconds: evaluated * speed.written_tokens / speed.sampled,
        tokens_sampled: steps as f64 * sampled,
        tokens_processed: steps as f64 * processed,
        disk: (logged + evaluated) * ROLLOUT_BYTES + 12.0 * trained as f64,
    }
}

/// Memory the run takes at its peak, near enough: the caches of all episodes in play, what is recorded of them, the
/// activations of one micro-batch, the base model (the reference), and weights, gradients and two moments of what is
/// trained.
pub fn memory(experiment: &Experiment, model: &Model, trained: usize) -> f64 {
    let config = model.config();
    let layers = config.num_hidden_layers as f64;
    let cache = 2.0 * layers * (config.num_key_value_heads * config.head_dim) as f64;
    let slots =
        (experiment.rl.prompts * experiment.rl.group).max(experiment.evaluation.tasks).min(MAX_SLOTS) as f64;
    let widths = 12.0 * config.hidden_size as f64 + 5.0 * config.intermediate_size as f64;
    let activations = MICRO_BATCH_TOKENS as f64 * layers * widths;
    let parameters = model.parameter_count() as f64 + 4.0 * trained as f64;
    let tokens = (experiment.rl.prompts * experiment.rl.group * experiment.limits.tokens) as f64;
    let recorded_widths = 4.0 * config.hidden_size as f64 + 2.0 * config.intermediate_size as f64;
    let recorded = (4.0 * tokens * layers * recorded_widths).min(experiment.memory.recorded_bytes() as f64);
    let floats = slots * experiment.limits.tokens as f64 * cache + activations + parameters;
    4.0 * floats + recorded + PROGRAM_BYTES
}

/// The program, its tasks and its logs.
const PROGRAM_BYTES: f64 = 60e6;
