//! Measured work on random weights, so that anybody can time this engine beside another: a training step, sampling,
//! a whole step of GRPO.
//!
//! Prompts are random and all different, temperature is 1, and nothing stops early, so that the same numbers mean the
//! same work everywhere. The GRPO step plays its episodes with [`mentor_rollout::play`] and updates with
//! [`crate::update`], as an experiment does; only the tokenizer is left out, and the reward is a stand-in that costs
//! nothing.

mod play;

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use mentor_model::{AdamW, AdamWConfig, Batch, Config, Device, Gradients, LoraConfig, Model, PassOptions};
use mentor_optim::{AdvantageConfig, Kl, KlEstimator, Objective, advantages};
use mentor_rollout::{Rng, Rollout, derive_seed};
use serde::{Serialize, Serializer};

use crate::config::MemoryConfig;
use crate::machine;
use crate::metrics::UpdateStats;
use crate::update::{Sample, policy_gradient, reference_logprobs};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Forward, backward, clipping and `AdamW` over rows of `prompt + new` tokens with loss on all positions.
    TrainStep,
    /// The same with low-rank adapters on every projection, the weights below them frozen.
    LoraStep,
    /// Sampling `new` tokens behind each of `batch` prompts.
    Generate,
    /// Sampling a group behind each of `batch` prompts, reference log-probabilities, gradient and update.
    GrpoStep,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TrainStep, Self::LoraStep, Self::Generate, Self::GrpoStep];

    /// As it is written on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrainStep => "train-step",
            Self::LoraStep => "lora-step",
            Self::Generate => "generate",
            Self::GrpoStep => "grpo-step",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("no such benchmark; there are {}", names.join(", "))
        })
    }
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// What is measured.
    pub name: Name,
    /// Prompts ([`Name::GrpoStep`]), or rows (otherwise).
    pub batch: usize,
    /// Tokens of a prompt.
    pub prompt: usize,
    /// Tokens sampled behind it.
    pub new: usize,
    /// Samples of a prompt ([`Name::GrpoStep`]).
    pub group: usize,
    /// Weight of the KL term; at zero there is no reference pass ([`Name::GrpoStep`]).
    pub beta: f32,
    /// Rank of the adapters ([`Name::LoraStep`]).
    pub lora_rank: usize,
    /// Memory against time.
    pub memory: MemoryConfig,
}

/// One repetition.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// [`Name::as_str`].
    pub name: &'static str,
    /// Wall-clock time.
    pub seconds: f64,
    /// Positions of the batch ([`Name::TrainStep`], [`Name::LoraStep`]) or tokens sampled (otherwise).
    pub tokens: usize,
    /// `tokens / seconds`.
    pub tokens_per_s: f64,
    /// Most memory the process held during the repetition; absent where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// Threads of the pool.
    pub threads: usize,
    /// Number format of the computation.
    pub dtype: &'static str,
    /// Seconds of each part; what is missing to `seconds` is making the inputs.
    pub phases: Phases,
}

/// Seconds of each part, in order.
#[derive(Clone, Debug, Default)]
pub struct Phases(pub Vec<(&'static str, f64)>);

impl Serialize for Phases {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Notes the time since the last note under a name.
struct Clock {
    last: Instant,
    phases: Phases,
}

impl Clock {
    fn start() -> Self {
        Self { last: Instant::now(), phases: Phases::default() }
    }

    fn note(&mut self, phase: &'static str) {
        let now = Instant::now();
        self.phases.0.push((phase, (now - self.last).as_secs_f64()));
        self.last = now;
    }
}

/// A model with random weights and what the work needs beside it.
pub struct Bench {
    workload: Workload,
    model: Model,
    /// The policy that the KL term measures the distance to.
    reference: Option<Model>,
    optimizer: AdamW,
    round: u64,
}

/// Learning rate of the updates: they are real, but leave the weights random.
const RATE: f64 = 1e-5;

impl Bench {
    /// Makes the model, on a device that it is trained on; sampling is the processor's. This is not part of any
    /// measurement.
    pub fn new(config: Config, workload: Workload, device: &Device) -> Result<Self> {
        let Workload { name, batch, prompt, new, group, beta, lora_rank, memory: _ } = workload;
        ensure!(batch > 0 && prompt > 0 && new > 0, "--batch, --prompt and --new: at least 1");
        ensure!(group > 0, "--group: at least 1");
        ensure!(beta.is_finite() && beta >= 0.0, "--beta: a number from 0");
        ensure!(name != Name::LoraStep || lora_rank > 0, "--lora-rank: at least 1");
        let mut model = Model::random(config, 1)?;
        if name == Name::LoraStep {
            model = model.with_lora(&LoraConfig::new(lora_rank), 2)?;
        }
        if !device.is_cpu() {
            model = model.to_device(device)?;
        }
        let reference = if name == Name::GrpoStep && beta > 0.0 { Some(model.duplicate()?) } else { None };
        let optimizer = AdamW::new(&model, AdamWConfig { weight_decay: 0.01, ..AdamWConfig::default() });
        Ok(Self { workload, model, reference, optimizer, round: 0 })
    }

    /// Parameters of the model.
    pub fn parameter_count(&self) -> usize {
        self.model.parameter_count()
    }

    /// One repetition, on inputs of its own.
    pub fn run(&mut self) -> Result<Measurement> {
        self.round += 1;
        let Workload { name, batch, prompt, new, group, .. } = self.workload;
        machine::reset_peak_memory();
        let start = Instant::now();
        let (tokens, phases) = match name {
            Name::TrainStep | Name::LoraStep => (batch * (prompt + new), self.train_step()?),
            Name::Generate => (batch * new, self.generate()?),
            Name::GrpoStep => (batch * group * new, self.grpo_step()?),
        };
        let seconds = start.elapsed().as_secs_f64();
        Ok(Measurement {
            name: name.as_str(),
            seconds,
            tokens,
            tokens_per_s: tokens as f64 / seconds,
            peak_rss_bytes: machine::peak_memory(),
            threads: rayon::current_num_threads(),
            dtype: "f32",
            phases,
        })
    }

    fn train_step(&mut self) -> Result<Phases> {
        let rows = self.prompts(self.workload.prompt + self.workload.new)?;
        let batch = Batch::from_whole_sequences(rows.iter().map(Vec::as_slice));
        let mut clock = Clock::start();
        let options = PassOptions { recompute: self.workload.memory.recompute, recording: None };
        let logprobs = self.model.logprobs_with(&batch, 1.0, options)?;
        clock.note("forward");
        let scored = logprobs.values.len();
        let gradients = logprobs.backward(&vec![-1.0 / scored.max(1) as f32; scored])?;
        clock.note("backward");
        self.update(gradients)?;
        clock.note("optimizer");
        Ok(clock.phases)
    }

    fn generate(&self) -> Result<Phases> {
        let prompts = self.prompts(self.workload.prompt)?;
        let mut clock = Clock::start();
        let (_, times, _) = play::rollouts(&self.model, &prompts, 1, self.workload.new, self.round, 0)?;
        clock.note("total");
        Ok(times.phases(&clock.phases))
    }

    fn grpo_step(&mut self) -> Result<Phases> {
        let Workload { new, group, beta, memory, .. } = self.workload;
        let prompts = self.prompts(self.workload.prompt)?;
        let mut clock = Clock::start();
        let (rollouts, _, mut recording) =
            play::rollouts(&self.model, &prompts, group, new, self.round, memory.recorded_bytes())?;
        clock.note("rollout");
        let rewards: Vec<f64> = rollouts.iter().map(stand_in_reward).collect();
        let advantages = advantages(&rewards, group, &AdvantageConfig::trl()).values;
        let samples: Vec<Sample> = rollouts
            .iter()
            .zip(&advantages)
            .map(|(rollout, &advantage)| Sample {
                rollout,
                advantage: advantage as f32,
                token_advantages: &[],
            })
            .collect();
        clock.note("advantages");
        let references = match &self.reference {
            Some(reference) => reference_logprobs(reference, &samples, 1.0)?,
            None => vec![Vec::new(); samples.len()],
        };
        clock.note("reference");
        let objective = Objective {
            dual_clip: None,
            kl: (beta > 0.0).then_some(Kl { estimator: KlEstimator::K3, coefficient: beta }),
            ..Objective::mentor()
        };
        let mut stats = UpdateStats::default();
        let gradients = policy_gradient(
            &self.model,
            &objective,
            1.0,
            &samples,
            &references,
            memory.recompute,
            recording.as_mut(),
            &mut stats,
        )?;
        clock.note("gradient");
        self.update(gradients)?;
        clock.note("optimizer");
        Ok(clock.phases)
    }

    fn update(&mut self, mut gradients: Gradients) -> Result<()> {
        let norm = gradients.clip(1.0);
        ensure!(norm.is_finite(), "the gradient is no number");
        Ok(self.optimizer.step(&self.model, &gradients, RATE)?)
    }

    /// As many different rows of `length` random tokens as the batch has.
    fn prompts(&self, length: usize) -> Result<Vec<Vec<u32>>> {
        let vocabulary = self.model.config().vocab_size;
        let mut rng = Rng::new(derive_seed(&[self.round]));
        let mut seen = HashSet::new();
        let mut rows = Vec::with_capacity(self.workload.batch);
        for _ in 0..self.workload.batch * 4 + 64 {
            if rows.len() == self.workload.batch {
                break;
            }
            let row: Vec<u32> = (0..length).map(|_| (rng.uniform() * vocabulary as f64) as u32).collect();
            if seen.insert(row.clone()) {
                rows.push(row);
            }
        }
        if rows.len() < self.workload.batch {
            bail!("{} different prompts of {length} tokens are more than there are", self.workload.batch);
        }
        Ok(rows)
    }
}

/// The share of even ids: it differs within a group, which is all an update needs.
fn stand_in_reward(rollout: &Rollout) -> f64 {
    let even = rollout.sampled().filter(|(_, token)| token.id % 2 == 0).count();
    even as f64 / rollout.tokens_sampled().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(name: Name) -> Measurement {
        let config = Config {
            vocab_size: 64,
            hidden_size: 16,
            intermediate_size: 32,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            head_dim: 8,
            ..Config::default()
        };
        let memory = MemoryConfig::default();
        let workload =
            Workload { name, batch: 3, prompt: 5, new: 4, group: 2, beta: 0.001, lora_rank: 2, memory };
        let mut bench = Bench::new(config, workload, &Device::Cpu).unwrap();
        bench.run().unwrap();
        bench.run().unwrap()
    }

    #[test]
    fn tokens_are_those_that_the_name_says() {
        for (name, tokens) in
            [(Name::TrainStep, 27), (Name::LoraStep, 27), (Name::Generate, 12), (Name::GrpoStep, 24)]
        {
            let found = measure(name);
            assert_eq!((found.name, found.tokens), (name.as_str(), tokens));
            let parts: f64 = found.phases.0.iter().map(|(_, seconds)| seconds).sum();
            assert!(parts > 0.0 && parts <= found.seconds);
        }
    }

    #[test]
    fn a_measurement_is_one_object_with_its_parts() {
        let text = serde_json::to_string(&measure(Name::GrpoStep)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let expected =
            ["name", "seconds", "tokens", "tokens_per_s", "peak_rss_bytes", "threads", "dtype", "phases"];
        assert_eq!(keys, expected);
        let phases: Vec<&str> = value["phases"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(phases, ["rollout", "advantages", "reference", "gradient", "optimizer"]);
    }

    #[test]
    fn more_different_prompts_than_there_are_is_an_error() {
        let config = Config { vocab_size: 4, ..Config::default() };
        let workload = Workload {
            name: Name::Generate,
            batch: 5,
            prompt: 1,
            new: 1,
            group: 1,
            beta: 0.0,
            lora_rank: 1,
            memory: MemoryConfig::default(),
        };
        assert!(Bench::new(config, workload, &Device::Cpu).unwrap().run().is_err());
    }
}
