//! `cargo xtask pretrain` and `cargo xtask gates`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use mentor::config::Experiment;
use mentor::files;
use mentor::gates::{Gate, Gates};
use mentor::mentor_model::{Model, Tokenizer};
use mentor::pretrain::{self, LossLine, Recipe};

use crate::arguments::{GatesOptions, PretrainOptions};
use crate::display::{duration, say};
use crate::experiment::{repository, use_threads};

/// Makes the base model, or checks that its first steps come out as recorded.
pub fn run(options: &PretrainOptions) -> Result<()> {
    use_threads(options.threads)?;
    let default = repository().join("experiments/base.toml");
    let recipe = Recipe::read(options.config.as_deref().unwrap_or(&default))?;
    match &options.check {
        Some(record) => check(&recipe, record, options.check_steps),
        None => make(&recipe, &options.out.clone().unwrap_or_else(|| PathBuf::from("runs/base"))),
    }
}

/// A line is printed every so many steps.
const SAY_EVERY: usize = 100;

/// Makes the model phase by phase. A phase that left its folder behind is not run again, and every phase starts from
/// what the one before it saved, so that an interrupted run goes on to the same bytes.
fn make(recipe: &Recipe, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out)
        .with_context(|| format!("{}: cannot be made; {}", out.display(), files::REMEDY))?;
    let tokenizer = pretrain::train_tokenizer(recipe)?;
    let mut model = pretrain::initial_model(recipe, &tokenizer)?;
    say(&format!(
        "{} parameters, {} tokens in the vocabulary",
        model.parameter_count(),
        tokenizer.vocab_size()
    ));
    for (number, phase) in recipe.phases.iter().enumerate() {
        let folder = out.join(&phase.name);
        if folder.is_dir() {
            say(&format!("{}: done before", folder.display()));
        } else {
            let losses = out.join(format!("{}.losses.jsonl", phase.name));
            run_phase(recipe, number, &model, &tokenizer, &losses)?;
            let unfinished = folder.with_extension("unfinished");
            pretrain::save(&model, &tokenizer, &unfinished)?;
            std::fs::rename(&losses, unfinished.join("losses.jsonl"))?;
            std::fs::rename(&unfinished, &folder)?;
            say(&format!("{}: done", folder.display()));
        }
        model = Model::load(&folder)?;
    }
    Ok(())
}

fn run_phase(
    recipe: &Recipe,
    number: usize,
    model: &Model,
    tokenizer: &Tokenizer,
    losses: &Path,
) -> Result<()> {
    let phase = &recipe.phases[number];
    let clock = Instant::now();
    files::write_atomic(losses, b"")?;
    pretrain::run_phase(recipe, number, model, tokenizer, &mut |line| {
        files::append_lines(losses, [&line])?;
        if line.step.is_multiple_of(SAY_EVERY) || line.step == phase.steps {
            let elapsed = duration(clock.elapsed().as_secs_f64());
            say(&format!("{} {}/{}  loss {:.4}  {elapsed}", line.phase, line.step, phase.steps, line.loss));
        }
        Ok(true)
    })
}

/// Losses may differ by this much (relative) between instruction sets in the first steps.
const TOLERANCE: f64 = 1e-3;

fn check(recipe: &Recipe, record: &Path, steps: usize) -> Result<()> {
    let expected: Vec<LossLine> = files::read_lines(record)?;
    ensure!(expected.len() >= steps, "{}: holds only {} steps", record.display(), expected.len());
    let tokenizer = pretrain::train_tokenizer(recipe)?;
    let model = pretrain::initial_model(recipe, &tokenizer)?;
    let mut worst: f64 = 0.0;
    pretrain::run_phase(recipe, 0, &model, &tokenizer, &mut |line| {
        let wanted = &expected[line.step - 1];
        let off = (line.loss - wanted.loss).abs() / wanted.loss;
        worst = worst.max(off);
        if off > TOLERANCE || line.tokens_trained != wanted.tokens_trained {
            bail!("{}: step {}: recorded {wanted:?}, found {line:?}", record.display(), line.step);
        }
        Ok(line.step < steps)
    })?;
    say(&format!("the first {steps} steps come out as recorded (largest relative difference {worst:.1e})"));
    Ok(())
}

/// Measures the conditions of a base model and fails if one does not hold.
pub fn gates(options: &GatesOptions) -> Result<()> {
    use_threads(options.threads)?;
    let default = repository().join("experiments/quickstart.toml");
    let experiment = Experiment::read(options.config.as_deref().unwrap_or(&default))?;
    let mut gates = Gates { experiment: &experiment, each: &mut |gate| say(&line(gate)) };
    let mut measured = Vec::new();
    if let Some(skills) = &options.skills {
        measured.extend(gates.skills(skills)?);
    }
    if let Some(base) = &options.base {
        measured.extend(gates.habits(base)?);
        measured.extend(gates.relearnt(base)?);
    }
    ensure!(!measured.is_empty(), "name a model with --skills or --base");
    let failed = measured.iter().filter(|gate| !gate.holds).count();
    ensure!(failed == 0, "{failed} of {} conditions do not hold", measured.len());
    say("all conditions hold");
    Ok(())
}

fn line(gate: &Gate) -> String {
    format!(
        "{:<9} {:<20} greedy {:>3.0} %  sampled {:>5.1} %  {}",
        gate.stage,
        gate.suite,
        100.0 * gate.greedy,
        100.0 * gate.sampled,
        if gate.holds { "holds" } else { "DOES NOT HOLD" }
    )
}
