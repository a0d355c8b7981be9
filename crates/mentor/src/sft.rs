//! The imitation arm: next-token loss on the assistant's tokens of the teacher's trajectories.

use std::time::Instant;

use anyhow::{Context, Result};
use mentor_model::{Batch, Gradients, Model, PassOptions, Tokenizer};
use mentor_toolcall::Chat;
use mentor_trajectory::{Task, Trajectory};

use crate::checkpoint::TrainState;
use crate::config::{Arm, MemoryConfig};
use crate::lab::Lab;
use crate::layout::ArmDir;
use crate::metrics;
use crate::policy::encode;
use crate::record::{StepMetrics, StepTiming};
use crate::schedule::permutation;

/// A rendered transcript: token ids, and which of them the assistant wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// The ids.
    pub ids: Vec<u32>,
    /// Indices of the assistant's tokens, stop tokens included.
    pub trained: Vec<usize>,
}

/// Renders and encodes a trajectory as the rollout of a student would have stood.
pub fn transcript(tokenizer: &Tokenizer, chat: &Chat, task: &Task, trajectory: &Trajectory) -> Transcript {
    let mut transcript = Transcript { ids: vec![], trained: vec![] };
    let pieces = chat.transcript(&task.tools, &task.question, trajectory);
    for run in pieces.chunk_by(|a, b| a.1 == b.1) {
        let first = transcript.ids.len();
        transcript.ids.extend(encode(tokenizer, run.iter().map(|(piece, _)| piece)));
        if run[0].1 {
            transcript.trained.extend(first..transcript.ids.len());
        }
    }
    transcript
}

/// Packs transcripts into one batch whose scored tokens are the assistant's.
pub fn pack<'a>(transcripts: impl IntoIterator<Item = &'a Transcript>) -> Batch {
    let mut batch = Batch::default();
    for transcript in transcripts {
        let start = batch.ids.len();
        batch.starts.push(start);
        batch.ids.extend(&transcript.ids);
        batch.scored.extend(transcript.trained.iter().map(|index| start + index));
    }
    batch
}

/// Mean negative log-likelihood of the scored tokens, and its gradient.
pub fn imitation_gradient(model: &Model, batch: &Batch, memory: &MemoryConfig) -> Result<(f64, Gradients)> {
    let options = PassOptions { recompute: memory.recompute, recording: None };
    let logprobs = model.logprobs_with(batch, 1.0, options)?;
    let n = logprobs.values.len() as f64;
    let loss = -logprobs.values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    let d_values = vec![(-1.0 / n) as f32; logprobs.values.len()];
    Ok((loss, logprobs.backward(&d_values)?))
}

/// Trains one arm to its last step, handing each step's metrics to `each`.
pub fn train(
    lab: &Lab,
    arm: &Arm,
    seed: u64,
    dir: &ArmDir,
    each: &mut dyn FnMut(&StepMetrics),
) -> Result<TrainState> {
    let experiment = &lab.experiment;
    let optimizer = experiment.optimizer(arm);
    let steps = experiment.steps(arm);
    let transcripts: Vec<Transcript> = lab
        .training
        .tasks
        .iter()
        .zip(&lab.training.teacher)
        .map(|(task, teacher)| transcript(&lab.codec.tokenizer, &experiment.chat, task, teacher))
        .collect();
    let mut state = TrainState::open(dir, lab, &optimizer, seed)?;
    while state.progress.step < steps {
        let clock = Instant::now();
        let step = state.progress.step + 1;
        let batch =
            pack(batch_indices(seed, step, experiment.sft.batch, transcripts.len()).map(|i| &transcripts[i]));
        let (loss, mut gradients) = imitation_gradient(&state.model, &batch, &experiment.memory)
            .with_context(|| format!("arm {}, step {step}", arm.name))?;
        let gradient_norm = f64::from(gradients.clip(optimizer.max_gradient_norm));
        let learning_rate = optimizer.schedule.rate(step - 1, steps);
        state.optimizer.step(&state.model, &gradients, learning_rate)?;

        let progress = &mut state.progress;
        progress.step = step;
        progress.tokens_trained += batch.scored.len() as u64;
        progress.tokens_processed += batch.ids.len() as u64;
        let context = batch.ids.len() / batch.starts.len() / 2;
        progress.flops += batch.ids.len() as f64 * state.model.training_flops_per_token(context);
        let metrics = StepMetrics {
            step,
            tokens_sampled: 0,
            tokens_trained: progress.tokens_trained,
            tokens_processed: progress.tokens_processed,
            loss,
            gradient_norm,
            learning_rate,
            rl: None,
        };
        let update = clock.elapsed().as_secs_f64();
        metrics::log(
            dir,
            &metrics,
            &StepTiming { step, update, total: update, ..StepTiming::default() },
            &[],
        )?;
        each(&metrics);
        if step.is_multiple_of(experiment.rl.checkpoint_every) || step == steps {
            state.save(dir, lab)?;
        }
    }
    Ok(state)
}

/// Indices of a step's transcripts: each epoch in a fresh order, its last batch smaller if it must be.
fn batch_indices(seed: u64, step: usize, batch: usize, count: usize) -> impl Iterator<Item = usize> {
    let per_epoch = count.div_ceil(batch);
    let epoch = (step - 1) / per_epoch;
    let first = (step - 1) % per_epoch * batch;
    let order = permutation(mentor_rollout::derive_seed(&[seed, epoch as u64, SFT_ORDER]), count);
    order.into_iter().skip(first).take(batch)
}

/// Keeps the stream of transcript orders apart from the others.
const SFT_ORDER: u64 = 0x0073_6674;
