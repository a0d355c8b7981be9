//! Episodes of random tokens: as long as they may be, whatever is sampled.

use std::time::Instant;

use anyhow::Result;
use mentor_model::{Model, Recording};
use mentor_rollout::{Codec, Episode, Limits, Policy, Rollout, Sampling, derive_seed, play};
use mentor_toolcall::{Chat, Piece};
use mentor_trajectory::{Judge, Split, Task};
use serde_json::Value;

use super::Phases;
use crate::lab::MAX_SLOTS;
use crate::policy::ModelPolicy;

/// Plays `group` episodes behind each prompt, `new` tokens each, and records them in at most so many bytes.
pub(super) fn rollouts(
    model: &Model,
    prompts: &[Vec<u32>],
    group: usize,
    new: usize,
    round: u64,
    recorded_bytes: usize,
) -> Result<(Vec<Rollout>, Times, Option<Recording>)> {
    let tasks: Vec<Task> = (0..prompts.len()).map(task).collect();
    let episode = |(index, task)| {
        (0..group).map(move |sample| Episode {
            id: format!("{index}/{sample}"),
            task,
            seed: derive_seed(&[round, index as u64, sample as u64]),
            group: index,
        })
    };
    let episodes: Vec<Episode> = tasks.iter().enumerate().flat_map(episode).collect();
    let length = prompts.first().map_or(0, Vec::len) + new;
    let limits = Limits { turns: 1, turn_tokens: new, tokens: length, observation_chars: 0 };
    let start = Instant::now();
    let policy = ModelPolicy::new(model, episodes.len().min(MAX_SLOTS), length)?;
    let pack = start.elapsed().as_secs_f64();
    let policy = if recorded_bytes > 0 { policy.recording(recorded_bytes) } else { policy };
    let mut policy = TimedPolicy { policy, times: Times { pack, ..Times::default() } };
    let sampling = Sampling::for_training(1.0);
    let codec = IndexCodec { prompts };
    // On a thread of the pool, where starting parallel work is cheap.
    let rollouts =
        rayon::scope(|_| play(&mut policy, &codec, &Chat::Qwen3, &episodes, &sampling, &limits, "bench"))?;
    Ok((rollouts, policy.times, policy.policy.into_recording()))
}

/// A task whose question is the index of a prompt.
fn task(index: usize) -> Task {
    Task {
        id: index.to_string(),
        suite: String::new(),
        split: Split::Train,
        question: index.to_string(),
        tools: Vec::new(),
        answer: String::new(),
        judge: Judge::Answer,
        plans: Vec::new(),
        world: Value::Null,
    }
}

/// Stands in for a tokenizer: the question's number names the ids, and nothing closes a turn.
struct IndexCodec<'a> {
    prompts: &'a [Vec<u32>],
}

impl Codec for IndexCodec<'_> {
    fn encode(&self, pieces: &[Piece]) -> Vec<u32> {
        let index = pieces.iter().find_map(|piece| match piece {
            Piece::Text(text) => text.parse::<usize>().ok(),
            Piece::Markup(_) => None,
        });
        index.and_then(|index| self.prompts.get(index)).cloned().unwrap_or_default()
    }

    fn decode(&self, _ids: &[u32]) -> String {
        String::new()
    }

    fn stop_ids(&self) -> &[u32] {
        &[]
    }
}

/// Where a rollout's time goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    /// Copying the weights into the layout that products read.
    pack: f64,
    prefill: f64,
    decode: f64,
}

impl Times {
    /// The parts of a whole: what is none of the others is sampling and keeping the books.
    pub(super) fn phases(self, whole: &Phases) -> Phases {
        let total: f64 = whole.0.iter().map(|(_, seconds)| seconds).sum();
        let rest = total - self.pack - self.prefill - self.decode;
        Phases(vec![
            ("pack", self.pack),
            ("prefill", self.prefill),
            ("decode", self.decode),
            ("sample", rest),
        ])
    }
}

/// Notes how long the model takes over prompts, and over tokens one at a time.
struct TimedPolicy<'m> {
    policy: ModelPolicy<'m>,
    times: Times,
}

impl Policy for TimedPolicy<'_> {
    type Error = mentor_model::Error;

    fn vocab_size(&self) -> usize {
        self.policy.vocab_size()
    }

    fn slots(&self) -> usize {
        self.policy.slots()
    }

    fn max_tokens(&self) -> usize {
        self.policy.max_tokens()
    }

    fn extend(&mut self, inputs: &[(usize, &[u32])]) -> Result<&[f32], Self::Error> {
        let start = Instant::now();
        let logits = self.policy.extend(inputs)?;
        let seconds = start.elapsed().as_secs_f64();
        if inputs.iter().any(|(_, ids)| ids.len() > 1) {
            self.times.prefill += seconds;
        } else {
            self.times.decode += seconds;
        }
        Ok(logits)
    }

    fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32 {
        ModelPolicy::logprob(logits, token, temperature)
    }

    fn fork(&mut self, from: usize, to: usize) {
        self.policy.fork(from, to);
    }

    fn clear(&mut self, slot: usize) {
        self.policy.clear(slot);
    }
}
