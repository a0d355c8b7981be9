//! Making the base model from nothing: the stand-in for a pretrained small model that can do everything and has bad
//! habits.
//!
//! A tokenizer and a small decoder are trained on transcripts of a demonstrator over all domains, in phases: first
//! its skills, then its habits. A [`Recipe`] and the code decide every byte.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use mentor_model::{AdamW, Config, Model, SaveDtype, Tokenizer};
use mentor_rollout::derive_seed;
use mentor_teacher::demonstrator::{Habits, demonstrate};
use mentor_toolcall::{ADDED_TOKENS, Chat};
use mentor_trajectory::{Split, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checkpoint::adamw;
use crate::config::{MemoryConfig, OptimizerConfig};
use crate::files;
use crate::schedule::permutation;
use crate::sft::{self, Transcript};

/// How a base model is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of initialisation, tasks and demonstrations.
    pub seed: u64,
    /// How transcripts are written.
    pub chat: Chat,
    /// The tokenizer.
    pub tokenizer: TokenizerRecipe,
    /// What is taught, in order.
    #[serde(rename = "phase")]
    pub phases: Vec<Phase>,
    /// The decoder's shape: a Hugging Face `config.json` as a table; `vocab_size` and the token ids are filled in.
    pub model: serde_json::Value,
}

/// How the tokenizer is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerRecipe {
    /// Entries of the vocabulary, special tokens included.
    pub vocabulary: usize,
    /// Regular expression whose matches are merged within, never across.
    pub pieces: String,
    /// Transcripts of the first phase it is trained on.
    pub transcripts: usize,
}

/// One phase of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name, for logs.
    pub name: String,
    /// Optimizer steps.
    pub steps: usize,
    /// Transcripts a step.
    pub batch: usize,
    /// Share of each suite among the transcripts, in any unit.
    pub suites: BTreeMap<String, f64>,
    /// The demonstrator's habits.
    pub habits: Habits,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
}

/// One line of `losses.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossLine {
    /// The phase.
    pub phase: String,
    /// The step in the phase, from 1.
    pub step: usize,
    /// Mean negative log-likelihood of the assistant's tokens, in nats.
    pub loss: f64,
    /// Assistant tokens trained on since the start of the phase.
    pub tokens_trained: u64,
    /// All tokens processed since the start of the phase.
    pub tokens_processed: u64,
}

impl Recipe {
    /// Reads a recipe file.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let recipe: Self =
            toml::from_str(&text).with_context(|| format!("{}: not a valid recipe", path.display()))?;
        ensure!(!recipe.phases.is_empty(), "{}: phase: at least one [[phase]] is needed", path.display());
        for phase in &recipe.phases {
            let total: f64 = phase.suites.values().sum();
            ensure!(
                total > 0.0,
                "{}: phase {}: suites: give at least one a positive share",
                path.display(),
                phase.name
            );
            ensure!(
                phase.batch > 0 && phase.steps > 0,
                "{}: phase {}: batch and steps: at least 1",
                path.display(),
                phase.name
            );
        }
        Ok(recipe)
    }
}

/// Trains the tokenizer on transcripts of the first phase.
pub fn train_tokenizer(recipe: &Recipe) -> Result<Tokenizer> {
    let phase = &recipe.phases[0];
    let texts: Vec<String> = demonstrations(recipe, phase, 0, recipe.tokenizer.transcripts)?
        .into_par_iter()
        .map(|(task, seed)| text_of(recipe, phase, &task, seed))
        .collect();
    Ok(Tokenizer::train(
        texts.into_iter(),
        &recipe.tokenizer.pieces,
        recipe.tokenizer.vocabulary,
        Chat::special_tokens(),
        ADDED_TOKENS,
    )?)
}

fn text_of(recipe: &Recipe, phase: &Phase, task: &Task, seed: u64) -> String {
    let shown = demonstrate(task, &phase.habits, seed);
    let pieces = recipe.chat.transcript(&task.tools, &task.question, &shown.trajectory);
    pieces.iter().map(|(piece, _)| piece.as_str()).collect()
}

/// A randomly initialised model of the recipe's shape for a tokenizer.
pub fn initial_model(recipe: &Recipe, tokenizer: &Tokenizer) -> Result<Model> {
    let mut shape = recipe.model.clone();
    let fields = shape.as_object_mut().context("model: must be a table")?;
    let id =
        |token: &str| tokenizer.token_id(token).with_context(|| format!("tokenizer: no token `{token}`"));
    fields.insert("vocab_size".into(), tokenizer.vocab_size().into());
    fields.insert("eos_token_id".into(), id(Chat::STOP)?.into());
    fields.insert("pad_token_id".into(), id("<|endoftext|>")?.into());
    let config: Config = serde_json::from_value(shape).context("model: not a valid decoder shape")?;
    Ok(Model::random(config, derive_seed(&[recipe.seed, INITIALISATION]))?)
}

/// Runs one phase, handing each step's loss to `each`, which stops the phase by returning false.
pub fn run_phase(
    recipe: &Recipe,
    number: usize,
    model: &Model,
    tokenizer: &Tokenizer,
    each: &mut dyn FnMut(LossLine) -> Result<bool>,
) -> Result<()> {
    let phase = &recipe.phases[number];
    let mut optimizer = AdamW::new(model, adamw(&phase.optimizer));
    let (mut tokens_trained, mut tokens_processed) = (0, 0);
    for step in 1..=phase.steps {
        let transcripts: Vec<Transcript> =
            demonstrations(recipe, phase, (number << 32 | step) as u64, phase.batch)?
                .into_par_iter()
                .map(|(task, seed)| {
                    let shown = demonstrate(&task, &phase.habits, seed);
                    sft::transcript(tokenizer, &recipe.chat, &task, &shown.trajectory)
                })
                .collect();
        let batch = sft::pack(&transcripts);
        let (loss, mut gradients) = sft::imitation_gradient(model, &batch, &MemoryConfig::default())?;
        gradients.clip(phase.optimizer.max_gradient_norm);
        optimizer.step(model, &gradients, phase.optimizer.schedule.rate(step - 1, phase.steps))?;
        tokens_trained += batch.scored.len() as u64;
        tokens_processed += batch.ids.len() as u64;
        if !each(LossLine { phase: phase.name.clone(), step, loss, tokens_trained, tokens_processed })? {
            break;
        }
    }
    Ok(())
}

/// Saves a base model with its tokenizer, in bf16.
pub fn save(model: &Model, tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot be made; {}", folder.display(), files::REMEDY))?;
    model.save(folder, SaveDtype::Bf16)?;
    Ok(tokenizer.save(folder)?)
}

/// Tasks of one step, in a random order, each with the seed of its demonstration. All are of the pretraining split.
fn demonstrations(recipe: &Recipe, phase: &Phase, step: u64, count: usize) -> Result<Vec<(Task, u64)>> {
    let seed = derive_seed(&[recipe.seed, DEMONSTRATIONS, step]);
    let total: f64 = phase.suites.values().sum();
    let mut tasks = Vec::with_capacity(count);
    let (mut share, mut made) = (0.0, 0);
    for (suite, weight) in &phase.suites {
        share += weight;
        let until = (share / total * count as f64).round() as usize;
        tasks.extend(mentor_env::generate(suite, Split::Pretrain, seed, until - made)?);
        made = until;
    }
    let order = permutation(seed, tasks.len());
    let mut slots: Vec<Option<Task>> = tasks.into_iter().map(Some).collect();
    let demonstration_seed = |index: usize| derive_seed(&[seed, index as u64]);
    Ok(order
        .into_iter()
        .filter_map(|index| Some((slots[index].take()?, demonstration_seed(index))))
        .collect())
}

/// Keep the streams of initialisation and demonstrations apart.
const INITIALISATION: u64 = 0x696e_6974;
const DEMONSTRATIONS: u64 = 0x6465_6d6f;
