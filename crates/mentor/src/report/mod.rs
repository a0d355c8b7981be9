//! `report.json` and `report.html`: what a run's files add up to.
//!
//! Everything is computed from the files of the run folder and the test tasks with their teacher trajectories; nothing
//! is kept elsewhere, so a report can be made again, or half-way through a run. An arm whose evaluation is missing
//! is listed as not finished and takes part in nothing but the training curves.
//!
//! The page is one file without outside resources. Charts are inline SVG; the few lines of script only
//! switch between the rollouts of the viewer.

mod charts;
mod curves;
mod definitions;
mod failures;
mod format;
mod gather;
mod markup;
mod numbers;
mod page;
mod palette;
mod summary;
mod svg;
mod tables;
mod viewer;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use mentor_trajectory::{Task, Trajectory};

use self::gather::gather;
use self::page::page;
use crate::files;
use crate::layout::RunDir;
use crate::record::Report;

/// What a report is made from: the run folder and what its files do not say.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// The run folder.
    pub run: &'a RunDir,
    /// The experiment's name.
    pub experiment: &'a str,
    /// One or two sentences about it; may be empty.
    pub description: &'a str,
    /// Hash of the resolved configuration.
    pub config_hash: &'a str,
    /// The resolved configuration itself.
    pub config_toml: &'a str,
    /// The arms in the order they are shown. An arm called `mentor`, or else the last, is the one the summary is
    /// about.
    pub arms: &'a [String],
    /// The training seeds.
    pub seeds: &'a [u64],
    /// The suites in the order they are shown; the first is in domain.
    pub suites: &'a [String],
    /// The suites that count towards generalization.
    pub out_of_domain: &'a [String],
    /// Samples a task at the evaluation temperature; at least 1.
    pub samples: usize,
    /// The test tasks of each suite.
    pub tasks: &'a BTreeMap<String, Vec<Task>>,
    /// The teacher's trajectory of each test task, aligned with `tasks`.
    pub teacher: &'a BTreeMap<String, Vec<Trajectory>>,
    /// One line: processor, threads, date.
    pub machine: &'a str,
}

/// Computes the report from the run folder.
pub fn build(input: &ReportInput) -> Result<Report> {
    check(input)?;
    Ok(numbers::report(input, &gather(input)?))
}

/// Computes the report and writes `report.json` and `report.html`, each whole or not at all.
pub fn write(input: &ReportInput) -> Result<Report> {
    check(input)?;
    let material = gather(input)?;
    let report = numbers::report(input, &material);
    let mut json = serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")?;
    json.push('\n');
    files::write_atomic(&input.run.report_json(), json.as_bytes())?;
    files::write_atomic(&input.run.report_html(), page(input, &report, &material).as_bytes())?;
    Ok(report)
}

fn check(input: &ReportInput) -> Result<()> {
    ensure!(!input.suites.is_empty(), "a report needs at least one suite");
    ensure!(input.samples > 0, "a report needs at least one sample a task");
    for suite in input.suites {
        let tasks = input.tasks.get(suite).map_or(0, Vec::len);
        let teacher = input.teacher.get(suite).map_or(0, Vec::len);
        ensure!(tasks > 0, "suite `{suite}` has no tasks");
        ensure!(tasks == teacher, "suite `{suite}` has {tasks} tasks and {teacher} teacher trajectories");
    }
    for suite in input.out_of_domain {
        ensure!(input.suites.contains(suite), "out-of-domain suite `{suite}` is not among the suites");
    }
    Ok(())
}
