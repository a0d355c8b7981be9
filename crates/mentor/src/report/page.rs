//! The page itself: its sections in their order.

use super::charts;
use super::curves::{self, Horizontal, LinePanel, StackPanel};
use super::definitions::DEFINITIONS;
use super::format::{counted, list, significant};
use super::gather::{ArmMaterial, Material, Shown};
use super::markup::{Element, Markup, el};
use super::numbers::{GENERALIZATION, Metric, focus};
use super::summary::{against, paragraphs};
use super::{ReportInput, failures, tables, viewer};
use crate::record::{Report, RlMetrics};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("viewer.js");
/// Nothing is loaded from anywhere, even if a browser were told to.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// Repeats the run from the configuration it left.
const REPEAT: &str = "cargo xtask experiment --config config.toml";

/// The whole of `report.html`.
pub fn page(input: &ReportInput, report: &Report, material: &Material) -> String {
    let head = el("head")
        .child(el("meta").attr("charset", "utf-8"))
        .child(el("meta").attr("name", "viewport").attr("content", "width=device-width, initial-scale=1"))
        .child(el("meta").attr("http-equiv", "Content-Security-Policy").attr("content", POLICY))
        .child(el("title").text(&format!("{}: report", input.experiment)))
        .child(el("style").child(Markup::literal(STYLE)));
    let main = el("main")
        .child(opening(input, report, material))
        .children(results(input, report, material))
        .children(training(input, material))
        .children(explanations(input, report, material))
        .children(closing(input, report, material));
    let body = el("body").child(main).child(el("script").child(Markup::literal(SCRIPT)));
    let html = el("html").attr("lang", "en").child(head).child(body);
    format!("<!doctype html>\n{}\n", Markup::from(html).into_string())
}

fn section(title: &str, reading: &str, content: impl IntoIterator<Item = Markup>) -> Markup {
    let reading = (!reading.is_empty()).then(|| el("p").class("reading").text(reading));
    el("section").child(el("h2").text(title)).children(reading).children(content).into()
}

/// Panels side by side; one or two are drawn larger.
fn panels(panels: impl IntoIterator<Item = Markup>) -> Markup {
    let panels: Vec<Markup> = panels.into_iter().collect();
    el("div").class(if panels.len() > 2 { "panels" } else { "panels pair" }).children(panels).into()
}

fn paragraph(words: &str) -> Element {
    el("p").text(words)
}

fn opening(input: &ReportInput, report: &Report, material: &Material) -> Markup {
    let description =
        (!input.description.is_empty()).then(|| el("p").class("description").text(input.description));
    let seeds: Vec<String> = report.seeds.iter().map(u64::to_string).collect();
    let facts = [
        counted(input.arms.len(), "arm"),
        match seeds.as_slice() {
            [] => "no finished seed".to_owned(),
            [only] => format!("seed {only}"),
            several => format!("seeds {}", several.join(", ")),
        },
        format!("configuration {}", input.config_hash),
        input.machine.to_owned(),
    ];
    let mut said = paragraphs(input, report, material).into_iter();
    let first = said.next().unwrap_or_default();
    el("header")
        .child(el("p").class("kicker").text("MENTOR experiment"))
        .child(el("h1").text(input.experiment))
        .children(description)
        .child(el("p").class("facts").text(&facts.join(" · ")))
        .child(el("p").class("result").text(&first))
        .children(said.map(|words| paragraph(&words)))
        .into()
}

fn results(input: &ReportInput, report: &Report, material: &Material) -> Vec<Markup> {
    let mut sections = vec![section(
        "Results",
        "Share of rollouts judged correct, in percent, with 95 % intervals. Large: sampled; small: greedy. Bold: the \
         highest mean of a column, which is not yet a difference; for those see the comparisons.",
        [tables::results(input, report, material)],
    )];
    if report.arms.is_empty() {
        return sections;
    }
    let mut dots: Vec<Markup> =
        input.suites.iter().map(|suite| charts::accuracy(input, report, suite)).collect();
    if !input.out_of_domain.is_empty() {
        dots.push(charts::generalization(input, report));
    }
    let seeds = if report.seeds.len() > 1 { " Small dots are single seeds." } else { "" };
    let reading = format!(
        "Filled: sampled; hollow: greedy. Lines are 95 % intervals; numbers are sampled accuracy.{seeds}"
    );
    sections.push(section("Accuracy by suite", &reading, [panels(dots)]));
    sections
}

fn training(input: &ReportInput, material: &Material) -> Vec<Markup> {
    let arms = curves::with_rollouts(material);
    if arms.is_empty() {
        return Vec::new();
    }
    let seeds = arms.iter().map(|arm| arm.runs.len()).max().unwrap_or(0);
    let thin = match (seeds, curves::window(material)) {
        (2.., _) => "; thin lines are single seeds",
        (_, 1) => "",
        _ => "; the thin line is every step",
    };
    let thick = smoothing(material);
    let without: Vec<String> = material
        .arms
        .iter()
        .filter(|arm| !arms.iter().any(|with| with.name == arm.name))
        .map(|arm| arm.name.clone())
        .collect();
    let without = if without.is_empty() {
        String::new()
    } else {
        format!(" Without rollouts in training: {}.", list(&without))
    };
    let reading = format!(
        "Training rollouts, over the tokens sampled so far. Thick lines are {thick}{thin}. \
         Rewards of different tables have different maxima, so compare their shapes, not their heights.{without}"
    );
    let learning = [
        line_panel(input, material, "Accuracy of training rollouts", "correct (%)", None, true, &|rl| {
            rl.accuracy * 100.0
        }),
        line_panel(input, material, "Reward of training rollouts", "mean reward", None, true, &|rl| {
            rl.reward
        }),
    ];
    vec![section("Learning curves", &reading, [panels(learning)])]
}

/// What is drawn of each step.
fn smoothing(material: &Material) -> String {
    match curves::window(material) {
        1 => "not smoothed".to_owned(),
        window => format!("a moving mean over {window} steps"),
    }
}

/// One line an arm; over tokens with seeds, over steps without.
fn line_panel(
    input: &ReportInput,
    material: &Material,
    title: &str,
    y_title: &str,
    y_max: Option<f64>,
    over_tokens: bool,
    value: &dyn Fn(&RlMetrics) -> f64,
) -> Markup {
    let x = if over_tokens { Horizontal::Tokens } else { Horizontal::Steps };
    curves::lines(input.arms, material, &LinePanel { title, y_title, y_max, y: value, x, seeds: over_tokens })
}

fn explanations(input: &ReportInput, report: &Report, material: &Material) -> Vec<Markup> {
    let mut sections = Vec::new();
    if !report.arms.is_empty() {
        sections.push(strategy(input, report, material));
    }
    if !curves::with_rollouts(material).is_empty() {
        sections.push(rewards(material));
        sections.push(dynamics(input, material));
    }
    if !report.arms.is_empty() {
        sections.push(went_wrong(input, material));
        sections.push(compared(input, report));
    }
    sections
}

fn strategy(input: &ReportInput, report: &Report, material: &Material) -> Markup {
    let first = &input.suites[..1];
    let title = format!("In domain: {}", first[0]);
    let inside = charts::scatter(input, report, material, &title, first, &|arm| {
        &arm.suites[&first[0]].sampled_accuracy
    });
    let mut drawn = vec![inside];
    if !input.out_of_domain.is_empty() {
        let title = format!("Out of domain: mean of {}", counted(input.out_of_domain.len(), "suite"));
        drawn.push(charts::scatter(input, report, material, &title, input.out_of_domain, &|arm| {
            &arm.generalization
        }));
    }
    section(
        "Accuracy and strategy",
        "Does an arm use tools as the teacher does, and does that go with being right? Similarity of the pooled tool \
         counts to the teacher’s on the same test tasks; axes fit the data.",
        [panels(drawn), more_measures(input, report)],
    )
}

fn more_measures(input: &ReportInput, report: &Report) -> Markup {
    let summary = el("summary").text("Policy correctness, pass@k, tool similarity and F1 as a table");
    el("details").child(summary).child(tables::measures(input, report)).into()
}

fn rewards(material: &Material) -> Markup {
    let stacked = |title: &str, y_title: &str, range, parts: &curves::Parts| {
        let arms = curves::with_rollouts(material).into_iter();
        let draw = |arm: &ArmMaterial| {
            let title = format!("{}: {title}", arm.name);
            curves::stack(arm, material, &StackPanel { title: &title, y_title, range, parts })
        };
        panels(arms.map(draw))
    };
    let range = curves::stack_range(material, &|rl| &rl.parts);
    section(
        "What the reward paid for",
        "Above: mean value × weight of each reward part, which add up to the mean reward; a failed gate is a part of its \
         own. Below: the share of the learning signal that comes from each part. A part that everyone earns pays without \
         teaching.",
        [
            stacked("reward by part", "mean reward", range, &|rl| &rl.parts),
            stacked("share of |advantage| by part", "share", (0.0, 1.0), &|rl| &rl.advantage_share),
        ],
    )
}

fn dynamics(input: &ReportInput, material: &Material) -> Markup {
    let steps = |title, y_title, y_max, value: &dyn Fn(&RlMetrics) -> f64| {
        line_panel(input, material, title, y_title, y_max, false, value)
    };
    let drawn = [
        steps("Entropy", "nats a token", None, &|rl| rl.entropy),
        steps("KL to the untrained model", "nats a token", None, &|rl| rl.kl),
        steps("Groups without variance", "groups (%)", Some(100.0), &|rl| rl.zero_variance_groups * 100.0),
        steps("Malformed calls", "calls (%)", None, &|rl| rl.malformed * 100.0),
        steps("Cut off by a limit", "rollouts (%)", None, &|rl| rl.truncated * 100.0),
        steps("Calls in a rollout", "mean number", None, &|rl| rl.calls_per_rollout),
    ];
    let ratios = curves::with_rollouts(material).into_iter().map(|arm| {
        let steps = arm.runs.iter().flat_map(|run| &run.steps).filter_map(|step| step.rl.as_ref());
        format!("{} {}", arm.name, significant(steps.map(|rl| rl.first_log_ratio).fold(0.0, f64::max)))
    });
    let check = format!(
        "Sampling and training share one numeric path if the log-ratio at the first update of a step is 0 but for \
         rounding. The largest seen: {}.",
        list(&ratios.collect::<Vec<_>>())
    );
    let reading = format!("Mean over seeds, {}.", smoothing(material));
    section("Inside training", &reading, [panels(drawn), paragraph(&check).into()])
}

fn went_wrong(input: &ReportInput, material: &Material) -> Markup {
    let kinds = failures::kinds(material);
    let bars = input.suites.iter().map(|suite| failures::bars(input.arms, material, &kinds, suite));
    section(
        "What went wrong",
        "Every wrong sample has one kind of failure, the first that applies. The length of a bar is the share of samples \
         that failed.",
        [failures::legend(&kinds), panels(bars)],
    )
}

fn compared(input: &ReportInput, report: &Report) -> Markup {
    let p = if report.comparisons.iter().any(|row| row.p_value.is_some()) {
        ""
    } else {
        " p-values: – (fewer than six seeds)."
    };
    let reading = format!(
        "Differences of means in percentage points with 95 % intervals, paired by task and seed. Hollow and pale: the \
         interval covers zero, so no difference is shown.{p}"
    );
    let Some(focus) = focus(input, |arm| report.arms.contains_key(arm)).filter(|_| report.arms.len() > 1)
    else {
        return section("Comparisons", "There is only one finished arm, so there is nothing to compare.", []);
    };
    let generalization = (!input.out_of_domain.is_empty()).then_some(GENERALIZATION);
    let suites = || input.suites.iter().map(String::as_str).chain(generalization);
    let rows = |suite| against(report, focus, suite, Metric::Sampled).collect::<Vec<_>>();
    let ends = || suites().flat_map(rows).flat_map(|row| row.ci95);
    let range = (ends().fold(-0.05, f64::min), ends().fold(0.05, f64::max));
    let drawn = suites().map(|suite| {
        charts::differences(input, &format!("{focus} minus others: {suite}"), &rows(suite), range)
    });
    let all = [
        (Metric::Sampled, "All pairs by sampled accuracy"),
        (Metric::Greedy, "All pairs by greedy accuracy"),
        (Metric::Policy, "All pairs by policy correctness"),
    ];
    let all = all.map(|(metric, title)| {
        let details =
            el("details").child(el("summary").text(title)).child(tables::comparisons(input, report, metric));
        Markup::from(if metric == Metric::Sampled { details.attr("open", "") } else { details })
    });
    section("Comparisons", &reading, [panels(drawn)].into_iter().chain(all))
}

fn closing(input: &ReportInput, report: &Report, material: &Material) -> Vec<Markup> {
    let mut sections = Vec::new();
    if material.arms.iter().any(|arm| !arm.shown.is_empty()) {
        let start = focus(input, |arm| report.arms.contains_key(arm)).unwrap_or_default();
        sections.push(section(
            "Rollouts to read",
            &viewer_reading(material),
            [controls(), viewer::rollouts(input, material, start)],
        ));
    }
    if !report.arms.is_empty() {
        let reading = format!("Training only, {} together.", counted(report.seeds.len(), "seed"));
        sections.push(section("Cost", &reading, [tables::cost(input, report, material)]));
    }
    let config = el("details")
        .child(el("summary").text("config.toml"))
        .child(el("pre").child(el("code").text(input.config_toml)));
    let repeat = [
        paragraph(
            "The configuration below is complete. With the same program and instruction set it gives the same metrics and weights, byte for byte.",
        ),
        el("pre").child(el("code").text(REPEAT)),
        el("p").class("facts").text(&format!("Configuration hash {} · {}", input.config_hash, input.machine)),
        config,
    ];
    sections.push(section("How to repeat this", "", repeat.map(Markup::from)));
    let terms = DEFINITIONS.iter().flat_map(|(term, meaning)| [el("dt").text(term), el("dd").text(meaning)]);
    sections.push(section("Definitions", "", [el("dl").children(terms).into()]));
    sections
}

fn viewer_reading(material: &Material) -> String {
    let shown = || material.arms.iter().flat_map(|arm| &arm.shown);
    let tested = shown().filter(|shown| matches!(shown, Shown::Evaluated(_))).count();
    let trained = shown().count() - tested;
    let group = if trained > 0 {
        ", and of each arm with rollouts in training one group of its last step, with what the reward paid"
    } else {
        ""
    };
    format!(
        "The first sample of the first test tasks of every suite, chosen before looking{group}. All from the first seed."
    )
}

/// Menus, shown by the script.
fn controls() -> Markup {
    let menu = |id: &'static str, words: &str| el("label").text(words).child(el("select").attr("id", id));
    el("p")
        .attr("id", "controls")
        .attr("hidden", "")
        .child(menu("pick-arm", "Arm "))
        .child(menu("pick-set", "Tasks "))
        .child(menu("pick-item", "Rollout "))
        .into()
}
