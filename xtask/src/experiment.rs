//! `cargo xtask experiment`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use mentor::config::{Arm, Experiment, Method};
use mentor::layout::RunDir;
use mentor::plan::{self, Speed, Work};
use mentor::record::{Estimate, Report};
use mentor::run::{Job, Run, check_folder};

use crate::arguments::ExperimentOptions;
use crate::display::{self, Display, bytes, count, duration, say};

/// The repository this program was built from: where the default experiment and its base model lie.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Runs, goes on with, or describes an experiment.
pub fn run(options: &ExperimentOptions) -> Result<()> {
    let experiment = resolve(options)?;
    use_threads(options.threads)?;
    if let Some(tasks) = options.overfit {
        return overfit(experiment, options, tasks);
    }
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(&experiment.name));
    let scratch =
        options.dry_run.then(|| std::env::temp_dir().join(format!("mentor-dry-run-{}", std::process::id())));
    let place = scratch.clone().unwrap_or_else(|| out.clone());
    let outcome = in_folder(experiment, options, &out, &place);
    if let Some(scratch) = scratch {
        std::fs::remove_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    }
    outcome
}

fn in_folder(experiment: Experiment, options: &ExperimentOptions, out: &Path, place: &Path) -> Result<()> {
    let run = Run::open(experiment, RunDir(place.to_owned()), options.fresh)?;
    let folder = RunDir(out.to_owned());
    if options.dry_run {
        check_folder(&folder, &run.lab.hash, options.fresh)?;
    }
    let arms = chosen_arms(&run.lab.experiment, &options.arms)?;
    let speed = plan::measure(&run.lab)?;
    let finished = if options.dry_run && options.fresh { &run.dir } else { &folder };
    let jobs = run.remaining(finished, &arms, &speed)?;
    describe(&run, &jobs, &speed, out);
    if options.dry_run {
        return Ok(());
    }
    resume_hint_on_interrupt(out)?;
    let report = run.carry_out(&jobs, &mut Display::new())?;
    summarize(&report, &run.lab.experiment);
    say(&format!("\nreport: {}", run.dir.report_html().display()));
    Ok(())
}

/// The experiment file with the flags laid over it.
fn resolve(options: &ExperimentOptions) -> Result<Experiment> {
    let default = repository().join("experiments/quickstart.toml");
    let mut experiment = Experiment::read(options.config.as_deref().unwrap_or(&default))?;
    if let Some(seeds) = &options.seeds {
        experiment.seeds.clone_from(&seeds.0);
    }
    if let Some(model) = &options.model {
        experiment.model.clone_from(model);
    }
    if let Some(steps) = options.steps {
        experiment.rl.steps = steps;
        experiment.sft.max_steps = Some(steps);
    }
    experiment.check()?;
    Ok(experiment)
}

/// Builds the one thread pool everything runs on.
pub fn use_threads(threads: Option<usize>) -> Result<()> {
    ensure!(threads != Some(0), "--threads: at least 1");
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(available))
        .build_global()
        .context("the thread pool cannot be built")
}

fn chosen_arms<'a>(experiment: &'a Experiment, names: &[String]) -> Result<Vec<&'a Arm>> {
    if names.is_empty() {
        return Ok(experiment.arms.iter().collect());
    }
    names.iter().map(|name| experiment.arm(name).context("--arms")).collect()
}

fn describe(run: &Run, jobs: &[(Job, Work)], speed: &Speed, out: &Path) {
    let experiment = &run.lab.experiment;
    say(&format!("{} → {}", experiment.name, out.display()));
    say(&format!(
        "  base model   {} parameters, {}",
        count(run.lab.base.parameter_count() as f64),
        experiment.model
    ));
    if let Some(lora) = &experiment.lora {
        let targets: Vec<_> = lora.targets.iter().map(|target| target.name()).collect();
        say(&format!(
            "  adapters     {} parameters trained: rank {}, alpha {}, on {}",
            count(run.lab.trained_count() as f64),
            lora.rank,
            lora.alpha,
            targets.join(", ")
        ));
    }
    say(&format!(
        "  tasks        {} of {} to train on; {} of each of {} to measure on, greedy and {} samples",
        experiment.tasks.count,
        experiment.tasks.suite,
        experiment.evaluation.tasks,
        experiment.evaluation.suites.join(", "),
        experiment.evaluation.samples
    ));
    let seeds: Vec<String> = experiment.seeds.iter().map(u64::to_string).collect();
    say(&format!("  seeds        {}", seeds.join(", ")));
    say(&format!(
        "  this machine {:.0} tokens/s trained, {:.0} tokens/s sampled",
        speed.trained, speed.sampled
    ));
    let name_width = name_width(jobs.iter().map(|(job, _)| &job.arm)).max(12);
    for (job, work) in jobs {
        say(&format!(
            "  {:<name_width$} seed {:<3} {:>4} steps, {:>7} tokens sampled, {:>7} through training, about {}",
            job.arm.name,
            job.seed,
            work.steps,
            count(work.tokens_sampled),
            count(work.tokens_processed),
            duration(work.seconds())
        ));
    }
    let seconds: f64 = jobs.iter().map(|(_, work)| work.seconds()).sum();
    let disk: f64 = jobs.iter().map(|(_, work)| work.disk).sum();
    say(&format!(
        "  in all       about {}, {} of memory, {} of disk",
        duration(seconds),
        bytes(plan::memory(experiment, &run.lab.base, run.lab.trained_count())),
        bytes(disk)
    ));
    if jobs.is_empty() {
        say("  everything is finished; only the report is written again");
    }
}

/// Ctrl-C stops at once; the last checkpoint and the logs up to it stay.
fn resume_hint_on_interrupt(out: &Path) -> Result<()> {
    let out = out.display().to_string();
    ctrlc::set_handler(move || {
        display::say(&format!("\nstopped; {out} keeps everything up to the last checkpoint: give the same command again to go on"));
        std::process::exit(130);
    })
    .context("the handler of Ctrl-C cannot be set")
}

fn summarize(report: &Report, experiment: &Experiment) {
    let suites = &experiment.evaluation.suites;
    let width = suites.iter().map(String::len).max().unwrap_or(0).max(14) + 2;
    let name_width = name_width(experiment.arms.iter());
    let row = |name: &str, cells: Vec<String>| {
        let cells: Vec<String> = cells.into_iter().map(|cell| format!("{cell:>width$}")).collect();
        say(&format!("{name:<name_width$}{}", cells.concat()));
    };
    say("\nsampled accuracy, % [95 % interval]");
    row("", suites.iter().cloned().chain(["out of domain".into()]).collect());
    for arm in &experiment.arms {
        let Some(found) = report.arms.get(&arm.name) else { continue };
        let of_suite = |suite: &String| {
            found.suites.get(suite).map_or("–".into(), |suite| cell(&suite.sampled_accuracy))
        };
        row(&arm.name, suites.iter().map(of_suite).chain([cell(&found.generalization)]).collect());
    }
}

/// The longest name of an arm.
fn name_width<'a>(arms: impl Iterator<Item = &'a Arm>) -> usize {
    arms.map(|arm| arm.name.len()).max().unwrap_or(0)
}

fn cell(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    format!("{:.0} [{:.0}, {:.0}]", 100.0 * estimate.mean, 100.0 * low, 100.0 * high)
}

/// Writes the report of a run folder again.
pub fn report(run: &Path) -> Result<()> {
    let dir = RunDir(run.to_owned());
    let experiment =
        Experiment::read(&dir.config()).with_context(|| format!("{}: not a run folder", run.display()))?;
    Run::open(experiment, dir.clone(), false)?.write_report()?;
    say(&format!("report: {}", dir.report_html().display()));
    Ok(())
}

/// Trains the first chosen `rl` arm on a handful of tasks until it has learnt them.
fn overfit(experiment: Experiment, options: &ExperimentOptions, tasks: usize) -> Result<()> {
    let arm = chosen_arms(&experiment, &options.arms)?
        .into_iter()
        .rfind(|arm| arm.train == Method::Rl)
        .context("--overfit: no rl arm is chosen; name one with --arms")?
        .clone();
    let outcome = mentor::overfit::overfit(experiment, &arm, tasks, &mut Display::new())?;
    if outcome.learnt() {
        say(&format!(
            "{}: {tasks} tasks learnt after {} steps ({:.0} % correct)",
            arm.name,
            outcome.steps,
            100.0 * outcome.accuracy
        ));
        return Ok(());
    }
    bail!(
        "{}: {tasks} tasks not learnt after {} steps ({:.0} % correct, {:.0} % wanted); look at reward and learning rate",
        arm.name,
        outcome.steps,
        100.0 * outcome.accuracy,
        100.0 * mentor::overfit::LEARNT
    )
}
