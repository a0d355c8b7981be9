//! A whole experiment in its run folder: what is finished is kept, what was interrupted goes on.

use std::collections::BTreeMap;
use std::fs::{self, File};

use anyhow::{Context, Result, bail, ensure};
use mentor_model::{Model, instruction_set};

use crate::config::{Arm, Experiment, Method, model_digest};
use crate::evaluate::evaluate;
use crate::lab::{Lab, TaughtTasks, evaluation_tasks, fill_store, model_folder};
use crate::layout::{ArmDir, RunDir};
use crate::plan::{Speed, Work, work};
use crate::progress::{Event, Observer};
use crate::record::{EvaluationRecord, Report, StepMetrics};
use crate::report::{self, ReportInput};
use crate::{checkpoint, files, machine, rl, sft};

/// A run folder that belongs to this process and this experiment.
pub struct Run {
    /// The folder.
    pub dir: RunDir,
    /// The opened experiment.
    pub lab: Lab,
    /// The tasks it is measured on, by suite.
    pub evaluation: BTreeMap<String, TaughtTasks>,
    /// Held as long as the run is open, so that two processes never write one folder.
    _lock: File,
}

/// First line of a run's `config.toml`.
const HASH_LINE: &str = "# config_hash = ";

impl Run {
    /// Opens or goes on with a run. A folder made from another configuration is refused unless `fresh`, which
    /// empties it.
    pub fn open(experiment: Experiment, dir: RunDir, fresh: bool) -> Result<Self> {
        experiment.check()?;
        let hash = experiment.hash(&model_digest(&model_folder(&experiment)?)?)?;
        fs::create_dir_all(&dir.0)
            .with_context(|| format!("{}: cannot be made; {}", dir.0.display(), files::REMEDY))?;
        let lock = lock(&dir)?;
        claim(&dir, &hash, fresh)?;
        let resolved = toml::to_string(&experiment).context("the configuration cannot be written as TOML")?;
        let header = format!("{HASH_LINE}\"{hash}\"\n# instruction_set = \"{}\"\n\n", instruction_set());
        files::write_atomic(&dir.config(), (header + &resolved).as_bytes())?;
        fill_store(&experiment, &dir.store())?;
        let evaluation = evaluation_tasks(&experiment, &dir.store())?;
        let lab = Lab::open(experiment, &dir.store())?;
        Ok(Self { dir, lab, evaluation, _lock: lock })
    }

    /// Expected work of what is still to do in `dir`, in the order it will be done.
    pub fn remaining(&self, dir: &RunDir, arms: &[&Arm], speed: &Speed) -> Result<Vec<(Job, Work)>> {
        let mut jobs = Vec::new();
        for job in jobs_of(&self.lab.experiment, arms) {
            let dir = dir.arm(&job.arm.name, job.seed);
            if dir.evaluation().exists() {
                continue;
            }
            let mut work = work(&self.lab.experiment, &job.arm, speed, self.lab.trained_count());
            let done = checkpoint::newest(&dir)?
                .map_or(Ok(0), |folder| checkpoint::read_progress(&folder).map(|p| p.step))?;
            work.steps = work.steps.saturating_sub(done);
            jobs.push((job, work));
        }
        Ok(jobs)
    }

    /// Runs the jobs and writes the report, also after each of them.
    pub fn carry_out(&self, jobs: &[(Job, Work)], observer: &mut dyn Observer) -> Result<Report> {
        let mut clock = WorkClock { done: 0.0, all: jobs.iter().map(|(_, work)| work.seconds()).sum() };
        for (job, work) in jobs {
            self.carry_out_one(job, work, &mut clock, observer)?;
            self.write_report()?;
        }
        self.write_report()
    }

    fn carry_out_one(
        &self,
        job: &Job,
        work: &Work,
        clock: &mut WorkClock,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let label = format!("{}, seed {}", job.arm.name, job.seed);
        let dir = self.dir.arm(&job.arm.name, job.seed);
        let total = self.lab.experiment.steps(&job.arm);
        observer.event(Event::Started { label: label.clone(), done: total - work.steps, total });
        fs::create_dir_all(dir.path())
            .with_context(|| format!("{}: cannot be made", dir.path().display()))?;
        let trained = self.train(job, &dir, &mut |metrics| {
            let share = clock.advance(work.step_seconds);
            observer.event(Event::Advanced { done: metrics.step, total, share, note: note(metrics) });
        })?;
        let model = trained.as_ref().unwrap_or(&self.lab.base);
        let suites = self.lab.experiment.evaluation.suites.len();
        let mut finished = 0;
        let mut results = String::new();
        let records =
            evaluate(&self.lab, model, &job.arm.name, job.seed, &self.evaluation, &mut |suite, records| {
                finished += 1;
                let share = clock.advance(work.evaluation_seconds / suites as f64);
                let result = format!("{suite} {:.0} %", 100.0 * sampled_accuracy(records));
                observer.event(Event::Advanced {
                    done: finished,
                    total: suites,
                    share,
                    note: format!("evaluated {result}"),
                });
                results = if results.is_empty() { result } else { format!("{results}, {result}") };
            })?;
        files::write_lines(&dir.evaluation(), &records)?;
        observer.event(Event::Finished { label, note: results });
        Ok(())
    }

    fn train(&self, job: &Job, dir: &ArmDir, each: &mut dyn FnMut(&StepMetrics)) -> Result<Option<Model>> {
        Ok(match job.arm.train {
            Method::None => None,
            Method::Sft => Some(sft::train(&self.lab, &job.arm, job.seed, dir, each)?.model),
            Method::Rl => Some(
                rl::train(&self.lab, &job.arm, job.seed, dir, &mut |metrics| {
                    each(metrics);
                    true
                })?
                .model,
            ),
        })
    }

    /// Makes `report.json` and `report.html` from what is in the folder.
    pub fn write_report(&self) -> Result<Report> {
        let experiment = &self.lab.experiment;
        let arms: Vec<String> = experiment.arms.iter().map(|arm| arm.name.clone()).collect();
        let config_toml = fs::read_to_string(self.dir.config())?;
        let tasks =
            self.evaluation.iter().map(|(suite, taught)| (suite.clone(), taught.tasks.clone())).collect();
        let teacher =
            self.evaluation.iter().map(|(suite, taught)| (suite.clone(), taught.teacher.clone())).collect();
        report::write(&ReportInput {
            run: &self.dir,
            experiment: &experiment.name,
            description: &experiment.description,
            config_hash: &self.lab.hash,
            config_toml: &config_toml,
            arms: &arms,
            seeds: &experiment.seeds,
            suites: &experiment.evaluation.suites,
            out_of_domain: experiment.out_of_domain(),
            samples: experiment.evaluation.samples,
            tasks: &tasks,
            teacher: &teacher,
            machine: &machine::describe(),
        })
    }
}

/// One arm trained and measured with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The arm.
    pub arm: Arm,
    /// The seed.
    pub seed: u64,
}

/// Every arm with the first seed, then with the next: a report over whole seeds exists as early as can be.
fn jobs_of(experiment: &Experiment, arms: &[&Arm]) -> Vec<Job> {
    experiment
        .seeds
        .iter()
        .flat_map(|&seed| arms.iter().map(move |&arm| Job { arm: arm.clone(), seed }))
        .collect()
}

/// How much of the expected work is done.
struct WorkClock {
    done: f64,
    all: f64,
}

impl WorkClock {
    fn advance(&mut self, seconds: f64) -> f64 {
        self.done += seconds;
        (self.done / self.all).min(1.0)
    }
}

fn note(metrics: &StepMetrics) -> String {
    match &metrics.rl {
        None => format!("loss {:.3}", metrics.loss),
        Some(rl) => format!(
            "reward {:.3}  correct {:.0} %  flat groups {:.0} %",
            rl.reward,
            100.0 * rl.accuracy,
            100.0 * rl.zero_variance_groups
        ),
    }
}

/// Share of the sampled rollouts that are correct.
pub fn sampled_accuracy(records: &[EvaluationRecord]) -> f64 {
    let sampled = records.iter().filter(|record| record.sample.is_some());
    let (correct, all) =
        sampled.fold((0, 0), |(correct, all), record| (correct + usize::from(record.correct), all + 1));
    f64::from(correct as u32) / f64::from((all as u32).max(1))
}

fn lock(dir: &RunDir) -> Result<File> {
    let path = dir.0.join(".lock");
    let file = File::create(&path)
        .with_context(|| format!("{}: cannot be written; {}", path.display(), files::REMEDY))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!(
            "{}: another process is writing this run; wait for it or give another --out",
            dir.0.display()
        ),
    }
}

/// Makes sure the folder is empty or was made from the same configuration.
fn claim(dir: &RunDir, hash: &str, fresh: bool) -> Result<()> {
    check_folder(dir, hash, fresh)?;
    if fresh && dir.config().exists() { empty(dir) } else { Ok(()) }
}

/// Refuses a folder that is no run's, or (unless `fresh`) was made from another configuration than that of `hash`.
pub fn check_folder(dir: &RunDir, hash: &str, fresh: bool) -> Result<()> {
    let config = dir.config();
    if !config.exists() {
        let mut entries = fs::read_dir(&dir.0).into_iter().flatten().filter_map(Result::ok);
        let strangers = entries.any(|entry| entry.file_name() != ".lock");
        ensure!(!strangers, "{}: not empty and not a run folder; give another --out", dir.0.display());
        return Ok(());
    }
    if fresh {
        return Ok(());
    }
    let text = fs::read_to_string(&config).with_context(|| config.display().to_string())?;
    let found = text.lines().next().and_then(|line| line.strip_prefix(HASH_LINE)).unwrap_or("none");
    ensure!(
        found == format!("\"{hash}\""),
        "{}: was made from another configuration (hash {found}, this one has \"{hash}\"); give another --out to keep it, or --fresh to replace it",
        dir.0.display()
    );
    Ok(())
}

fn empty(dir: &RunDir) -> Result<()> {
    for entry in fs::read_dir(&dir.0)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(&path)
        } else if path.file_name().is_some_and(|name| name != ".lock") {
            fs::remove_file(&path)
        } else {
            Ok(())
        }
        .with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    Ok(())
}
