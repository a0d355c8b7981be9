//! The tables of the page.

use super::ReportInput;
use super::charts::{covers_zero, finished};
use super::format::{
    count, counted, p_value, percent, percent_interval, points, points_interval, ratio, scientific, seconds,
};
use super::gather::{ArmMaterial, Material};
use super::markup::{Element, Markup, el};
use super::numbers::{GENERALIZATION, Metric, by_pair};
use super::palette;
use crate::record::{Estimate, Report, SuiteReport};

/// A table that scrolls sideways on a narrow screen, its first column in place.
fn table(head: Vec<Element>, rows: impl IntoIterator<Item = Element>) -> Markup {
    let head = el("thead").child(el("tr").children(head));
    el("div").class("scroll").child(el("table").child(head).child(el("tbody").children(rows))).into()
}

fn head(words: &str) -> Element {
    el("th").attr("scope", "col").text(words)
}

fn heads(words: &[&str]) -> Vec<Element> {
    words.iter().map(|word| head(word)).collect()
}

fn arm_head(input: &ReportInput, name: &str) -> Element {
    let look = palette::arm(input.arms, name);
    el("th").attr("scope", "row").child(el("span").attr("style", format!("color:{}", look.color)).text(name))
}

/// Arms × suites: sampled and greedy accuracy with intervals, and generalization.
pub fn results(input: &ReportInput, report: &Report, material: &Material) -> Markup {
    let arms = finished(input, report);
    let mut columns = vec![head("arm")];
    for suite in input.suites {
        let kind = if input.out_of_domain.contains(suite) { "out of domain" } else { "in domain" };
        let tasks = counted(input.tasks[suite].len(), "task");
        columns.push(head(suite).child(el("small").text(&format!("{kind}, {tasks}"))));
    }
    if !input.out_of_domain.is_empty() {
        columns.push(head(GENERALIZATION).child(el("small").text("mean out of domain")));
    }
    let best = |value: &dyn Fn(&crate::record::ArmReport) -> f64| {
        arms.iter().map(|(_, arm)| value(arm)).fold(f64::NEG_INFINITY, f64::max)
    };
    let rows = arms.iter().map(|&(name, arm)| {
        let cells = input.suites.iter().map(|suite| {
            let best = best(&|arm| arm.suites[suite].sampled_accuracy.mean);
            suite_cell(&arm.suites[suite], best)
        });
        let last = (!input.out_of_domain.is_empty()).then(|| {
            let best = best(&|arm| arm.generalization.mean);
            el("td").child(headline(&arm.generalization, best))
        });
        el("tr").child(arm_head(input, name)).children(cells).children(last)
    });
    let open = material
        .arms
        .iter()
        .filter(|arm| !arm.finished())
        .map(|arm| not_finished(input, arm, columns.len() - 1));
    let rows: Vec<Element> = rows.chain(open).collect();
    table(columns, rows)
}

fn suite_cell(suite: &SuiteReport, best: f64) -> Element {
    let greedy = format!("greedy {} {}", percent(suite.accuracy.mean), percent_interval(suite.accuracy.ci95));
    el("td").child(headline(&suite.sampled_accuracy, best)).child(el("small").text(&greedy))
}

/// Mean and interval; the highest of a column is set bold.
fn headline(estimate: &Estimate, best: f64) -> Element {
    let number = if estimate.mean >= best { el("b") } else { el("span") };
    let interval = el("span").class("interval").text(&percent_interval(estimate.ci95));
    el("div").child(number.class("number").text(&percent(estimate.mean))).text(" ").child(interval)
}

fn not_finished(input: &ReportInput, arm: &ArmMaterial, columns: usize) -> Element {
    let seeds: Vec<String> = arm.missing.iter().map(u64::to_string).collect();
    let words = format!("not finished: no evaluation for seed {}", seeds.join(", "));
    el("tr")
        .child(arm_head(input, &arm.name))
        .child(el("td").attr("colspan", columns).class("open").text(&words))
}

/// The other measures, one row an arm and suite.
pub fn measures(input: &ReportInput, report: &Report) -> Markup {
    let columns = [
        "suite",
        "arm",
        "policy-correct (%)",
        "pass@k (%)",
        "tool similarity",
        "tool F1",
        "calls of tools not offered (%)",
    ];
    let mut rows = Vec::new();
    for suite in input.suites {
        for (i, (name, arm)) in finished(input, report).into_iter().enumerate() {
            let numbers = &arm.suites[suite];
            let policy = &numbers.policy_correctness;
            let cells = [
                format!("{} {}", percent(policy.mean), percent_interval(policy.ci95)),
                percent(numbers.pass_at_k),
                ratio(numbers.tool_similarity),
                ratio(numbers.tool_f1),
                percent(numbers.hallucinated_calls),
            ];
            let suite_name = el("th").attr("scope", "row").text(if i == 0 { suite } else { "" });
            let row = if i == 0 { el("tr").class("first") } else { el("tr") };
            let arm_cell = arm_head(input, name);
            rows.push(
                row.child(suite_name).child(arm_cell).children(cells.iter().map(|cell| el("td").text(cell))),
            );
        }
    }
    table(heads(&columns), rows)
}

/// Paired differences by one metric: a row a pair, a column a suite.
pub fn comparisons(input: &ReportInput, report: &Report, metric: Metric) -> Markup {
    let generalization = (!input.out_of_domain.is_empty()).then_some(GENERALIZATION);
    let suites: Vec<&str> = input.suites.iter().map(String::as_str).chain(generalization).collect();
    let rows = by_pair(report, metric).into_iter().map(|pair| {
        let name = el("th").attr("scope", "row").text(&format!("{} − {}", pair.a, pair.b));
        let cells = suites.iter().map(|suite| {
            pair.suites.get(suite).map_or_else(
                || el("td"),
                |row| {
                    let class = if covers_zero(row) { "open" } else { "shown" };
                    let interval = el("span").class("interval").text(&points_interval(row.ci95));
                    let p = row.p_value.map(|p| el("small").text(&format!("p {}", p_value(p))));
                    let number = el("span").class("number").text(&points(row.difference));
                    el("td").class(class).child(number).child(el("br")).child(interval).children(p)
                },
            )
        });
        el("tr").child(name).children(cells.collect::<Vec<_>>())
    });
    let mut columns = heads(&["difference (points)"]);
    columns.extend(suites.iter().map(|suite| head(suite)));
    table(columns, rows.collect::<Vec<_>>())
}

/// What training took.
pub fn cost(input: &ReportInput, report: &Report, material: &Material) -> Markup {
    let columns = [
        "arm",
        "steps a seed",
        "tokens sampled",
        "tokens with loss",
        "floating-point operations",
        "time",
        "rollouts",
        "preparation",
        "updates",
    ];
    let rows = finished(input, report).into_iter().map(|(name, arm)| {
        let train = &arm.train;
        let runs = || {
            let arms = material.arms.iter().filter(|material| material.name == name);
            arms.flat_map(|arm| &arm.runs)
                .filter(|run| report.seeds.contains(&run.seed))
                .flat_map(|run| &run.timing)
        };
        let cells = [
            train.steps.to_string(),
            count(train.tokens_sampled as f64),
            count(train.tokens_trained as f64),
            scientific(train.flops),
            seconds(train.seconds),
            seconds(runs().map(|timing| timing.rollout).sum()),
            seconds(runs().map(|timing| timing.prepare).sum()),
            seconds(runs().map(|timing| timing.update).sum()),
        ];
        let cells =
            cells.map(|cell| el("td").text(if cell == "0" || cell == "0.0 s" { "–" } else { &cell }));
        el("tr").child(arm_head(input, name)).children(cells)
    });
    table(heads(&columns), rows.collect::<Vec<_>>())
}
