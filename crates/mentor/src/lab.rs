//! An experiment with everything it needs opened: base model, tokenizer, tasks, teacher.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mentor_model::{HubOptions, Model, Recording, Tokenizer};
use mentor_rollout::{BuiltIn, Episode, Limits, Rollout, Sampling, Tools, derive_seed};
use mentor_store::{Audience, Store};
use mentor_toolcall::Chat;
use mentor_trajectory::{Split, Task, Trajectory};

use crate::config::{Arm, Experiment, model_digest};
use crate::outside::OutsideTools;
use crate::policy::{ModelCodec, ModelPolicy};
use crate::rewards::Source;

/// Seed of the scripted teacher's wordings: the teacher is the same in every experiment.
const TEACHER_SEED: u64 = 1;

/// Keeps the stream of initial adapters apart from those of training.
const ADAPTER_STREAM: u64 = 0x6c6f_7261;

/// Tasks with the teacher's trajectory for each.
#[derive(Clone, Debug, Default)]
pub struct TaughtTasks {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// The teacher's trajectory of each.
    pub teacher: Vec<Trajectory>,
    /// Further trajectories of each, where the store holds several; rewards say what they make of them (`teachers`).
    pub others: Vec<Vec<Trajectory>>,
}

/// Everything an arm needs, opened once.
pub struct Lab {
    /// The resolved experiment.
    pub experiment: Experiment,
    /// Its hash.
    pub hash: String,
    /// The untrained base model, also the reference policy.
    pub base: Model,
    /// Tokenizer and stop tokens.
    pub codec: ModelCodec,
    /// Training tasks; read through a handle that cannot see the evaluation's trajectories.
    pub training: TaughtTasks,
    /// Who carries out calls.
    pub tools: Box<dyn Tools + Send>,
}

impl Lab {
    /// Opens the base model and makes the training tasks.
    pub fn open(experiment: Experiment, store: &Path) -> Result<Self> {
        let folder = model_folder(&experiment)?;
        let base =
            Model::load(&folder).with_context(|| format!("model: {} cannot be opened", folder.display()))?;
        let tokenizer = Tokenizer::load(&folder).with_context(|| format!("model: {}", folder.display()))?;
        let codec = ModelCodec::new(tokenizer, &base)?;
        let hash = experiment.hash(&model_digest(&folder)?)?;
        let training = training_tasks(store)?;
        let tools: Box<dyn Tools + Send> = match &experiment.tools {
            None => Box::new(BuiltIn),
            Some(config) => Box::new(OutsideTools::new(config)),
        };
        Ok(Self { experiment, hash, base, codec, training, tools })
    }

    /// The model an arm starts from: a copy of the base, or the base under fresh adapters.
    pub fn student(&self, seed: u64) -> Result<Model> {
        Ok(match &self.experiment.lora {
            None => self.base.duplicate()?,
            Some(lora) => self.base.with_lora(lora, derive_seed(&[seed, ADAPTER_STREAM]))?,
        })
    }

    /// How many numbers training changes.
    pub fn trained_count(&self) -> usize {
        match &self.experiment.lora {
            None => self.base.parameter_count(),
            Some(lora) => lora.parameter_count(self.base.config()),
        }
    }

    /// Plays episodes under the experiment's chat format and limits.
    pub fn player(&self) -> Player<'_> {
        Player {
            codec: &self.codec,
            chat: &self.experiment.chat,
            limits: &self.experiment.limits,
            tools: &*self.tools,
        }
    }

    /// Where the scores of an `rl` arm come from.
    pub fn reward(&self, arm: &Arm) -> Result<Source> {
        arm.reward.as_ref().with_context(|| format!("arm `{}` has no reward", arm.name))?.open()
    }
}

/// What playing episodes takes beside a model.
#[derive(Clone, Copy)]
pub struct Player<'a> {
    /// Tokenizer and stop tokens.
    pub codec: &'a ModelCodec,
    /// How tasks, tools and observations are written.
    pub chat: &'a Chat,
    /// Limits of one rollout.
    pub limits: &'a Limits,
    /// Who carries out calls.
    pub tools: &'a dyn Tools,
}

impl Player<'_> {
    /// Plays episodes with a model.
    pub fn play(
        &self,
        model: &Model,
        episodes: &[Episode],
        sampling: &Sampling,
        source: &str,
    ) -> Result<Vec<Rollout>> {
        let mut policy = ModelPolicy::new(model, episodes.len().min(MAX_SLOTS), self.limits.tokens)?;
        self.play_with(&mut policy, episodes, sampling, source)
    }

    /// [`Player::play`], with what sampling computed kept for the gradient, in at most `bytes`.
    pub fn play_recorded(
        &self,
        model: &Model,
        episodes: &[Episode],
        sampling: &Sampling,
        source: &str,
        bytes: usize,
    ) -> Result<(Vec<Rollout>, Option<Recording>)> {
        let policy = ModelPolicy::new(model, episodes.len().min(MAX_SLOTS), self.limits.tokens)?;
        let mut policy = policy.recording(bytes);
        let rollouts = self.play_with(&mut policy, episodes, sampling, source)?;
        Ok((rollouts, policy.into_recording()))
    }

    fn play_with(
        &self,
        policy: &mut ModelPolicy,
        episodes: &[Episode],
        sampling: &Sampling,
        source: &str,
    ) -> Result<Vec<Rollout>> {
        // On a thread of the pool, where starting parallel work is cheap.
        Ok(rayon::scope(|_| {
            let Self { codec, chat, limits, tools } = *self;
            mentor_rollout::play_with(policy, codec, chat, tools, episodes, sampling, limits, source)
        })?)
    }
}

/// Episodes played side by side: enough to keep both cores in matrix products, few enough to stay in cache.
pub const MAX_SLOTS: usize = 128;

/// The base model's folder, fetched from the Hub if it is not on this disk.
pub fn model_folder(experiment: &Experiment) -> Result<PathBuf> {
    mentor_model::resolve_checkpoint(&experiment.model, &HubOptions::from_env())
        .with_context(|| format!("model: `{}`", experiment.model))
}

/// Solves tasks with the scripted teacher.
pub fn taught(tasks: Vec<Task>) -> TaughtTasks {
    let teacher = tasks.iter().map(|task| mentor_teacher::solve(task, TEACHER_SEED)).collect();
    TaughtTasks { others: vec![Vec::new(); tasks.len()], tasks, teacher }
}

fn generated(experiment: &Experiment, suite: &str, split: Split, count: usize) -> Result<TaughtTasks> {
    Ok(taught(mentor_env::generate(suite, split, experiment.tasks.seed, count)?))
}

const TRAINING: &str = "training";
const EVALUATION: &str = "evaluation";

/// Writes the teacher's trajectories of training and evaluation tasks to the store, each in its own snapshot.
pub fn fill_store(experiment: &Experiment, path: &Path) -> Result<()> {
    let training = generated(experiment, &experiment.tasks.suite, Split::Train, experiment.tasks.count)?;
    let mut store = Store::open(path, Audience::Evaluation)?;
    let members = store.put_all(training.tasks.iter().zip(&training.teacher))?;
    store.snapshot(TRAINING, Audience::Training, &members)?;
    let mut members = Vec::new();
    for suite in &experiment.evaluation.suites {
        let suite = generated(experiment, suite, experiment.evaluation.split, experiment.evaluation.tasks)?;
        members.extend(store.put_all(suite.tasks.iter().zip(&suite.teacher))?);
    }
    store.snapshot(EVALUATION, Audience::Evaluation, &members)?;
    Ok(())
}

/// The training tasks with the teacher's trajectories.
pub fn training_tasks(path: &Path) -> Result<TaughtTasks> {
    read_snapshot(path, TRAINING, Audience::Training)
}

/// The evaluation tasks by suite, with the teacher's trajectories. Training code has no way to call for these.
pub fn evaluation_tasks(experiment: &Experiment, path: &Path) -> Result<BTreeMap<String, TaughtTasks>> {
    let all = read_snapshot(path, EVALUATION, Audience::Evaluation)?;
    let mut suites: BTreeMap<String, TaughtTasks> = BTreeMap::new();
    for (task, trajectory) in all.tasks.into_iter().zip(all.teacher) {
        let suite = suites.entry(task.suite.clone()).or_default();
        suite.tasks.push(task);
        suite.teacher.push(trajectory);
        suite.others.push(Vec::new());
    }
    for suite in &experiment.evaluation.suites {
        let count = suites.get(suite).map_or(0, |taught| taught.tasks.len());
        ensure!(
            count == experiment.evaluation.tasks,
            "{}: holds {count} tasks of suite `{suite}` where {} are wanted; start afresh with --fresh",
            path.display(),
            experiment.evaluation.tasks
        );
    }
    Ok(suites)
}

fn read_snapshot(path: &Path, name: &str, audience: Audience) -> Result<TaughtTasks> {
    let store = Store::open_read_only(path, audience)?;
    let snapshot = store.open_snapshot(name)?;
    let tasks = snapshot.tasks()?;
    let mut taught = TaughtTasks { teacher: Vec::new(), others: Vec::new(), tasks };
    for task in &taught.tasks {
        let mut found = snapshot.by_task(&task.id)?;
        ensure!(!found.is_empty(), "{}: no teacher trajectory of task {}", path.display(), task.id);
        taught.teacher.push(found.remove(0));
        taught.others.push(found);
    }
    Ok(taught)
}
