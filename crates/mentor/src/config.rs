//! An experiment as plain data: what stands in `experiments/*.toml` and, fully resolved, in a run's `config.toml`.

mod check;
mod reward;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mentor_model::LoraConfig;
use mentor_optim::{AdvantageConfig, Objective, Schedule};
use mentor_reward::CreditConfig;
use mentor_rollout::Limits;
use mentor_toolcall::Chat;
use mentor_trajectory::Split;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::outside::{ToolsConfig, default_retries, default_timeout};

use check::is_plain;
pub use reward::RewardChoice;

/// One experiment: a base model, arms that train it, and how they are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Names the default run folder and the report.
    pub name: String,
    /// One or two sentences for the report.
    #[serde(default)]
    pub description: String,
    /// The base model: a folder in Hugging Face layout (relative to this file) or a Hub name.
    pub model: String,
    /// How tasks, tools and observations are written for this model.
    pub chat: Chat,
    /// Training seeds; every arm is trained once with each.
    pub seeds: Vec<u64>,
    /// Adapters to train in place of the model's own weights: `rank`, `alpha` (default 2·rank), `targets` (default
    /// all projections). Absent: full training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
    /// Memory against time; nothing here changes a number. Absent: fast.
    #[serde(default, skip_serializing_if = "MemoryConfig::is_default")]
    pub memory: MemoryConfig,
    /// Which tasks are trained on.
    pub tasks: TaskConfig,
    /// Limits of one rollout, in training and evaluation.
    pub limits: Limits,
    /// Tools that another program carries out, in training and evaluation. Absent: all are built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolsConfig>,
    /// How finished arms are measured.
    pub evaluation: EvaluationConfig,
    /// Settings of every arm trained by imitation.
    pub sft: SftConfig,
    /// Settings of every arm trained by reinforcement; arms differ in their reward and in what they set themselves.
    pub rl: RlConfig,
    /// The arms, in the order they are run and reported.
    #[serde(rename = "arm")]
    pub arms: Vec<Arm>,
}

/// What a training step trades memory against time with. No choice changes a bit of metrics or weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Hold only the input of each decoder block for the backward pass, which computes the rest again.
    pub recompute: bool,
    /// Mebibytes of what sampling computed to keep for the gradient, which then need not compute it again; 0: none.
    pub recorded_mib: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { recompute: false, recorded_mib: 384 }
    }
}

impl MemoryConfig {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// [`MemoryConfig::recorded_mib`] in bytes.
    pub fn recorded_bytes(&self) -> usize {
        self.recorded_mib.saturating_mul(1 << 20)
    }
}

/// Which tasks the arms are trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// The suite of the training tasks.
    pub suite: String,
    /// How many there are.
    pub count: usize,
    /// Seed of the generator for training, validation and test tasks alike.
    pub seed: u64,
}

/// How an arm is measured after training (its last step: no other checkpoint is ever chosen).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationConfig {
    /// `test` for results; `validation` while tuning.
    pub split: Split,
    /// The suites; the first is the in-domain one, the others are out of domain.
    pub suites: Vec<String>,
    /// Tasks a suite.
    pub tasks: usize,
    /// Samples a task beside the greedy one.
    pub samples: usize,
    /// Temperature of the samples.
    pub temperature: f32,
}

/// Which checkpoint of an arm is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointRule {
    /// The one after the last step, for every arm.
    LastStep,
}

/// Settings of the optimizer, `AdamW`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Learning rate over the steps.
    pub schedule: Schedule,
    /// Decoupled weight decay, on matrices only.
    pub weight_decay: f64,
    /// First-moment decay.
    pub beta1: f64,
    /// Second-moment decay.
    pub beta2: f64,
    /// Gradients are scaled down to this norm.
    pub max_gradient_norm: f32,
}

/// Supervised fine-tuning on the teacher's trajectories, loss on the assistant's tokens only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftConfig {
    /// Passes over the training tasks.
    pub epochs: usize,
    /// Trajectories a step.
    pub batch: usize,
    /// Stop after this many steps, whatever `epochs` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<usize>,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
}

/// Group-relative policy optimization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RlConfig {
    /// Steps: one batch of rollouts each.
    pub steps: usize,
    /// Tasks a step.
    pub prompts: usize,
    /// Rollouts a task.
    pub group: usize,
    /// Updates a step: the step's groups are split into this many mini-batches.
    pub updates: usize,
    /// Sampling temperature; sampling is never truncated in training.
    pub temperature: f32,
    /// From rewards to advantages.
    pub advantage: AdvantageConfig,
    /// Who is credited with a reward: the whole attempt (`"trajectory"`, the default and the paper's), each `"turn"` or each
    /// `"call"`; with options a table, `{ per = "turn", returns = "to_go", shaping = 0.2 }`.
    #[serde(default, skip_serializing_if = "CreditConfig::is_trajectory")]
    pub credit: CreditConfig,
    /// Which tasks are drawn at first; all of them unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curriculum: Option<Curriculum>,
    /// From advantages to a loss.
    pub objective: Objective,
    /// The optimizer; its schedule counts steps, not updates.
    pub optimizer: OptimizerConfig,
    /// A checkpoint is written every so many steps and after the last.
    pub checkpoint_every: usize,
    /// Which checkpoint is evaluated.
    pub checkpoint_rule: CheckpointRule,
}

/// Easy tasks first, by what they took the teacher.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curriculum {
    /// What makes a task difficult.
    pub by: Difficulty,
    /// The share of the tasks, the easiest first, that the first step draws from.
    pub from: f64,
    /// The step (from 1) from which on all are drawn from; the share grows in a line until then.
    pub until: usize,
}

/// What makes a task difficult.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// The calls the teacher made.
    TeacherCalls,
    /// The characters the teacher wrote.
    TeacherLength,
}

/// One arm: a name and how the base model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Names the folder and the row of the report.
    pub name: String,
    /// How it is trained.
    pub train: Method,
    /// The reward of an `rl` arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardChoice>,
    /// Its own learning rate, where tuning found another than the shared one best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Its own way from rewards to advantages, in place of `rl.advantage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advantage: Option<AdvantageConfig>,
}

/// How an arm is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Not at all: the base model as it is.
    None,
    /// By imitation of the teacher.
    Sft,
    /// By reinforcement.
    Rl,
}

impl Experiment {
    /// Reads and checks an experiment file; `model` becomes an absolute path if it names a folder.
    pub fn read(path: &Path) -> Result<Self> {
        let mut experiment = Self::parse(path)?;
        let folder = path.parent().unwrap_or(Path::new(".")).join(&experiment.model);
        if folder.is_dir() {
            experiment.model = folder.canonicalize()?.to_string_lossy().into_owned();
        } else {
            ensure!(
                is_hub_name(&experiment.model),
                "{}: model: there is no folder {}; give a folder relative to this file, or a Hub name",
                path.display(),
                folder.display()
            );
        }
        experiment.check().with_context(|| path.display().to_string())?;
        Ok(experiment)
    }

    /// Reads and checks the configuration of a run folder, whose base model need not be there any more.
    pub fn read_saved(path: &Path) -> Result<Self> {
        let experiment = Self::parse(path)?;
        experiment.check().with_context(|| path.display().to_string())?;
        Ok(experiment)
    }

    fn parse(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("{}: cannot be read; give an experiment file with --config", path.display())
        })?;
        toml::from_str(&text).with_context(|| format!("{}: not a valid experiment", path.display()))
    }

    /// Hash of everything that decides the result: the resolved file without the seeds, memory settings and time limits
    /// of other programs, and with the model named by its content (`model_digest`), not its place.
    pub fn hash(&self, model_digest: &str) -> Result<String> {
        let mut content = self.clone();
        content.seeds.clear();
        content.memory = MemoryConfig::default();
        if let Some(tools) = &mut content.tools {
            (tools.timeout, tools.retries) = (default_timeout(), default_retries());
        }
        for arm in &mut content.arms {
            if let Some(RewardChoice::Outside(asked)) = &mut arm.reward {
                (asked.timeout, asked.retries) = (default_timeout(), default_retries());
            }
        }
        model_digest.clone_into(&mut content.model);
        let text = toml::to_string(&content).context("the configuration cannot be written as TOML")?;
        Ok(hex(&Sha256::digest(text.as_bytes()))[..16].to_owned())
    }

    /// The arm of that name.
    pub fn arm(&self, name: &str) -> Result<&Arm> {
        self.arms.iter().find(|arm| arm.name == name).with_context(|| {
            let names: Vec<_> = self.arms.iter().map(|arm| arm.name.as_str()).collect();
            format!("arm `{name}` is not in this experiment; it has {}", names.join(", "))
        })
    }

    /// The optimizer of an arm, its own learning rate included.
    pub fn optimizer(&self, arm: &Arm) -> OptimizerConfig {
        let mut optimizer = match arm.train {
            Method::Sft => self.sft.optimizer.clone(),
            Method::Rl | Method::None => self.rl.optimizer.clone(),
        };
        if let Some(rate) = arm.learning_rate {
            optimizer.schedule.peak = rate;
        }
        optimizer
    }

    /// How rewards of an arm become advantages.
    pub fn advantage<'a>(&'a self, arm: &'a Arm) -> &'a AdvantageConfig {
        arm.advantage.as_ref().unwrap_or(&self.rl.advantage)
    }

    /// Optimizer steps of an arm.
    pub fn steps(&self, arm: &Arm) -> usize {
        match arm.train {
            Method::None => 0,
            Method::Rl => self.rl.steps,
            Method::Sft => {
                let steps = self.sft.epochs * self.tasks.count.div_ceil(self.sft.batch);
                self.sft.max_steps.map_or(steps, |most| steps.min(most))
            }
        }
    }

    /// The suites that are not the in-domain one.
    pub fn out_of_domain(&self) -> &[String] {
        &self.evaluation.suites[1..]
    }
}

/// Digest of a model folder's weights and tokenizer.
pub fn model_digest(folder: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("{}: the model folder cannot be read", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name == "config.json" || name == "tokenizer.json" || name.ends_with(".safetensors")
        })
        .collect();
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(std::fs::read(&file).with_context(|| file.display().to_string())?);
    }
    Ok(hex(&hasher.finalize()))
}

/// `name` or `owner/name`: what the Hub calls a repository.
fn is_hub_name(model: &str) -> bool {
    let parts: Vec<&str> = model.split('/').collect();
    let fits = |part: &&str| !part.is_empty() && !part.starts_with('.') && is_plain(&part.replace('.', ""));
    parts.len() <= 2 && parts.iter().all(fits)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_go_on_with_more_memory_or_patience_but_not_as_another_experiment() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/quickstart.toml");
        let mut experiment = Experiment::read(&path).unwrap();
        let reward = |extra: &str| {
            toml::from_str::<Arm>(&format!(
                "name = \"theirs\"\ntrain = \"rl\"\nreward = {{ url = \"http://127.0.0.1:1/score\"{extra} }}"
            ))
            .unwrap()
        };
        let tools =
            |text: &str| Some(toml::from_str(&format!("url = \"http://127.0.0.1:1/call\"\n{text}")).unwrap());
        experiment.arms.push(reward(""));
        experiment.tools = tools("");
        let hash = |experiment: &Experiment| experiment.hash("model").unwrap();
        let before = hash(&experiment);

        let mut same = experiment.clone();
        same.seeds = vec![7];
        same.memory = MemoryConfig { recompute: true, recorded_mib: 0 };
        same.tools = tools("timeout = 600.0");
        *same.arms.last_mut().unwrap() = reward(", timeout = 600.0, retries = 9");
        assert_eq!(hash(&same), before);

        let mut other = experiment.clone();
        other.tools = tools("only = [\"add\"]");
        assert_ne!(hash(&other), before);
        experiment.rl.steps += 1;
        assert_ne!(hash(&experiment), before);
    }
}
