//! The result in words, computed from the numbers.
//!
//! The sentences have one form whoever wins: an arm is ahead or behind only if the interval of the paired difference
//! leaves out zero.

use mentor_eval::FEWEST_SEEDS;

use super::ReportInput;
use super::charts::{covers_zero, finished};
use super::format::{counted, list, percent, percent_interval, points, points_interval};
use super::gather::Material;
use super::numbers::{GENERALIZATION, Metric, focus};
use crate::record::{ComparisonReport, Estimate, Report};

/// The paragraphs of the summary.
pub fn paragraphs(input: &ReportInput, report: &Report, material: &Material) -> Vec<String> {
    let Some(focus) = focus(input, |arm| report.arms.contains_key(arm)) else {
        return vec!["No arm is finished yet, so there is nothing to compare.".to_owned()];
    };
    let mut said = vec![result(input, report, focus)];
    said.extend(by_suite(input, report, focus));
    said.push(scope(input, report));
    said.extend(unfinished(material));
    said.extend(half_way(input, report));
    said
}

fn result(input: &ReportInput, report: &Report, focus: &str) -> String {
    let arm = &report.arms[focus];
    let first = &input.suites[0];
    let mut said = verdict(
        report,
        focus,
        first,
        &format!("In domain ({first}), {focus} gets"),
        &arm.suites[first].sampled_accuracy,
    );
    if !input.out_of_domain.is_empty() {
        let place =
            format!("Out of domain (mean of {}), it gets", counted(input.out_of_domain.len(), "suite"));
        said.push(' ');
        said += &verdict(report, focus, GENERALIZATION, &place, &arm.generalization);
    }
    said.push_str(&leaders(input, report));
    said
}

/// `In domain (…), mentor gets 62.1 % of samples right [58.0, 66.1]: ahead of …; behind …; no difference shown to ….`
fn verdict(report: &Report, focus: &str, suite: &str, place: &str, estimate: &Estimate) -> String {
    let rows: Vec<&ComparisonReport> = against(report, focus, suite, Metric::Sampled).collect();
    let ahead = told(&rows, |row| row.ci95[0] > 0.0, |row| by(row.difference, row.ci95));
    let behind =
        told(&rows, |row| row.ci95[1] < 0.0, |row| by(-row.difference, [-row.ci95[1], -row.ci95[0]]));
    let open =
        told(&rows, covers_zero, |row| format!("({} {})", points(row.difference), points_interval(row.ci95)));
    let mut clauses = Vec::new();
    if !ahead.is_empty() {
        clauses.push(format!("ahead of {}", list(&ahead)));
    }
    if !behind.is_empty() {
        clauses.push(format!("behind {}", list(&behind)));
    }
    if !open.is_empty() {
        clauses.push(format!("no difference shown to {}", list(&open)));
    }
    let colon = if clauses.is_empty() { "" } else { ": " };
    let share = percent(estimate.mean);
    format!(
        "{place} {share}\u{a0}% of samples right {}{colon}{}.",
        percent_interval(estimate.ci95),
        clauses.join("; ")
    )
}

/// The other arm of each wanted comparison, with what is said of it.
fn told(
    rows: &[&ComparisonReport],
    wanted: impl Fn(&ComparisonReport) -> bool,
    said: impl Fn(&ComparisonReport) -> String,
) -> Vec<String> {
    rows.iter().filter(|row| wanted(row)).map(|row| format!("{} {}", row.b, said(row))).collect()
}

/// `by 3.2 points [1.0, 5.4]`.
fn by(difference: f64, ci95: [f64; 2]) -> String {
    format!("by {}\u{a0}points {}", percent(difference), percent_interval(ci95))
}

/// The comparisons of the focus with each other arm on one suite.
pub fn against<'a>(
    report: &'a Report,
    focus: &'a str,
    suite: &'a str,
    metric: Metric,
) -> impl Iterator<Item = &'a ComparisonReport> {
    let wanted =
        move |row: &&ComparisonReport| row.a == focus && row.suite == suite && row.metric == metric.name();
    report.comparisons.iter().filter(wanted)
}

/// Who has the highest mean, whether or not it is the focus.
fn leaders(input: &ReportInput, report: &Report) -> String {
    let arms = finished(input, report);
    if arms.len() < 2 {
        return String::new();
    }
    let first = &input.suites[0];
    let best = |value: &dyn Fn(&crate::record::ArmReport) -> f64| {
        arms.iter().max_by(|a, b| value(a.1).total_cmp(&value(b.1))).map_or("", |best| best.0)
    };
    let inside = best(&|arm| arm.suites[first].sampled_accuracy.mean);
    if input.out_of_domain.is_empty() {
        return format!(" The highest mean in domain is {inside}’s.");
    }
    let outside = best(&|arm| arm.generalization.mean);
    if inside == outside {
        format!(" The highest mean is {inside}’s in both.")
    } else {
        format!(" The highest mean in domain is {inside}’s, out of domain {outside}’s.")
    }
}

/// On which out-of-domain suites the focus is ahead of or behind each other arm; with many arms, a matter for the table.
fn by_suite(input: &ReportInput, report: &Report, focus: &str) -> Option<String> {
    let others = finished(input, report).into_iter().map(|(name, _)| name).filter(|&name| name != focus);
    let told: Vec<String> = others.map(|other| suites_against(input, report, focus, other)).collect();
    let readable = input.out_of_domain.len() > 1 && (1..=4).contains(&told.len());
    readable.then(|| format!("Suite by suite out of domain, {focus} against {}.", told.join("; against ")))
}

fn suites_against(input: &ReportInput, report: &Report, focus: &str, other: &str) -> String {
    let place =
        |suite: &String| match against(report, focus, suite, Metric::Sampled).find(|row| row.b == other) {
            Some(row) if row.ci95[0] > 0.0 => "ahead",
            Some(row) if row.ci95[1] < 0.0 => "behind",
            _ => "undecided",
        };
    let clauses = ["ahead", "behind", "undecided"].into_iter().filter_map(|wanted| {
        let suites: Vec<String> =
            input.out_of_domain.iter().filter(|&suite| place(suite) == wanted).cloned().collect();
        match suites.len() {
            0 => None,
            n if n == input.out_of_domain.len() => Some(format!("{wanted} on all {n}")),
            _ => Some(format!("{wanted} on {}", list(&suites))),
        }
    });
    format!("{other}: {}", clauses.collect::<Vec<_>>().join(", "))
}

/// What the intervals are about.
fn scope(input: &ReportInput, report: &Report) -> String {
    let sizes: Vec<usize> = input.suites.iter().map(|suite| input.tasks[suite].len()).collect();
    let (least, most) = (sizes.iter().min().copied().unwrap_or(0), sizes.iter().max().copied().unwrap_or(0));
    let tasks = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let made = format!(
        "{} over {tasks} test tasks a suite, {} a task; differences are paired by task.",
        counted(report.seeds.len(), "training seed"),
        counted(input.samples, "sample"),
    );
    let covers = match report.seeds.len() {
        0 | 1 => {
            "With one seed the intervals cover the choice of test tasks, not training: another training run of the same arm may land elsewhere."
        }
        2..FEWEST_SEEDS => {
            "Intervals cover seeds and tasks; with so few seeds they are on the narrow side, and no p-values are given."
        }
        _ => "Intervals cover seeds and tasks; p-values are not corrected for the number of comparisons.",
    };
    format!("{made} {covers}")
}

fn half_way(input: &ReportInput, report: &Report) -> Option<String> {
    let seeds = |seeds: &[u64]| list(&seeds.iter().map(u64::to_string).collect::<Vec<_>>());
    let open = report.seeds.len() < input.seeds.len();
    open.then(|| {
        format!(
            "The run is not over: numbers are over seed {} of {}.",
            seeds(&report.seeds),
            seeds(input.seeds)
        )
    })
}

fn unfinished(material: &Material) -> Option<String> {
    let open = material.arms.iter().filter(|arm| !arm.finished()).map(|arm| {
        let seeds: Vec<String> = arm.missing.iter().map(u64::to_string).collect();
        format!("{} (seed {})", arm.name, seeds.join(", "))
    });
    let open: Vec<String> = open.collect();
    (!open.is_empty()).then(|| format!("Not finished, and left out of every comparison: {}.", list(&open)))
}
