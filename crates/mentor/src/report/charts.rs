//! Where the arms ended up: accuracy by suite, accuracy against similarity to the teacher, paired differences.

use std::collections::BTreeMap;

use super::ReportInput;
use super::format::{percent, percent_interval, points, points_interval, ratio};
use super::gather::{Material, Outcome};
use super::markup::{Markup, el};
use super::numbers::tool_similarity;
use super::palette::{self, Look};
use super::svg::{Scale, WIDTH, fitted, label, line, panel, point, text, text_width, x_axis, y_axis};
use crate::record::{ArmReport, ComparisonReport, Estimate, Report};

/// A row of a dot plot.
struct Row<'a> {
    name: &'a str,
    sampled: &'a Estimate,
    greedy: Option<&'a Estimate>,
}

/// Finished arms with their numbers, in the order of the experiment.
pub fn finished<'a>(input: &ReportInput<'a>, report: &'a Report) -> Vec<(&'a str, &'a ArmReport)> {
    input.arms.iter().filter_map(|arm| Some((arm.as_str(), report.arms.get(arm)?))).collect()
}

/// Accuracy of every arm on one suite.
pub fn accuracy(input: &ReportInput, report: &Report, suite: &str) -> Markup {
    let rows = finished(input, report).into_iter().map(|(name, arm)| {
        let numbers = &arm.suites[suite];
        Row { name, sampled: &numbers.sampled_accuracy, greedy: Some(&numbers.accuracy) }
    });
    let domain = if input.suites.first().is_some_and(|first| first == suite) { ", in domain" } else { "" };
    dots(input, &format!("{suite}{domain}"), &rows.collect::<Vec<_>>())
}

/// The mean over the out-of-domain suites.
pub fn generalization(input: &ReportInput, report: &Report) -> Markup {
    let arms = finished(input, report).into_iter();
    let rows = arms.map(|(name, arm)| Row { name, sampled: &arm.generalization, greedy: None });
    dots(input, "generalization (mean out of domain)", &rows.collect::<Vec<_>>())
}

fn dots(input: &ReportInput, title: &str, rows: &[Row]) -> Markup {
    const ROW: f64 = 27.0;
    const TOP: f64 = 4.0;
    let names = rows.iter().map(|row| text_width(row.name)).fold(0.0, f64::max).min(96.0);
    let x = Scale::new(0.0, 100.0, names + 12.0, WIDTH - 40.0);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut drawing = vec![x_axis(&x, 5, TOP, bottom, "correct (%)")];
    for (i, row) in rows.iter().enumerate() {
        let middle = TOP + ROW * (i as f64 + 0.5);
        let look = palette::arm(input.arms, row.name);
        drawing.push(label(&look.color, "end", names + 2.0, middle + 4.0, &fitted(row.name, names)).into());
        let (upper, lower) =
            if row.greedy.is_some() { (middle - 4.5, middle + 6.0) } else { (middle, middle) };
        if let Some(greedy) = row.greedy {
            drawing.push(whisker(&x, "whisker faint", &look, greedy, lower));
            drawing.push(
                point(&look, false, x.at(greedy.mean * 100.0), lower, &says(row.name, "greedy", greedy))
                    .into(),
            );
        }
        drawing.push(whisker(&x, "whisker", &look, row.sampled, upper));
        if row.sampled.per_seed.len() > 1 {
            drawing
                .extend(row.sampled.per_seed.iter().map(|&seed| seed_dot(&look, x.at(seed * 100.0), upper)));
        }
        let told = says(row.name, "sampled", row.sampled);
        drawing.push(point(&look, true, x.at(row.sampled.mean * 100.0), upper, &told).into());
        drawing.push(text("value", "end", WIDTH - 2.0, middle + 4.0, &percent(row.sampled.mean)).into());
    }
    let told: Vec<String> = rows.iter().map(|row| says(row.name, "sampled", row.sampled)).collect();
    panel(title, bottom + 34.0, &format!("Accuracy, {title}. {}", told.join("; ")), drawing)
}

fn says(arm: &str, what: &str, estimate: &Estimate) -> String {
    format!("{arm}, {what}: {} % {}", percent(estimate.mean), percent_interval(estimate.ci95))
}

fn whisker(x: &Scale, class: &str, look: &Look, estimate: &Estimate, y: f64) -> Markup {
    let [lo, hi] = estimate.ci95;
    line(class, x.at(lo * 100.0), y, x.at(hi * 100.0), y)
        .attr("style", format!("stroke:{}", look.color))
        .into()
}

fn seed_dot(look: &Look, x: f64, y: f64) -> Markup {
    let dot = el("circle").class("seed").num("cx", x).num("cy", y).attr("r", "1.8");
    dot.attr("style", format!("fill:{}", look.color)).into()
}

/// A point of the scatter plot.
struct Spot<'a> {
    name: &'a str,
    similarity: f64,
    accuracy: &'a Estimate,
    seeds: Vec<(f64, f64)>,
}

/// Sampled accuracy against similarity to the teacher's tool distribution, averaged over `suites`.
///
/// `accuracy` is what the vertical axis shows: a suite's accuracy or the mean over the out-of-domain suites.
pub fn scatter<'a>(
    input: &ReportInput<'a>,
    report: &'a Report,
    material: &Material,
    title: &str,
    suites: &[String],
    accuracy: &dyn Fn(&'a ArmReport) -> &'a Estimate,
) -> Markup {
    let spots: Vec<Spot> = finished(input, report)
        .into_iter()
        .map(|(name, arm)| {
            let similarity = suites.iter().map(|suite| arm.suites[suite].tool_similarity).sum::<f64>();
            let accuracy = accuracy(arm);
            let seeds = seed_similarities(input, material, name, suites)
                .into_iter()
                .zip(accuracy.per_seed.iter().copied());
            Spot { name, similarity: similarity / suites.len() as f64, accuracy, seeds: seeds.collect() }
        })
        .collect();
    scatter_of(input, title, &spots)
}

/// Similarity of each seed, averaged over suites.
fn seed_similarities(input: &ReportInput, material: &Material, arm: &str, suites: &[String]) -> Vec<f64> {
    let outcomes =
        material.arms.iter().find(|material| material.name == arm).map_or(&[][..], |arm| &arm.outcomes);
    let mean = |by_suite: &BTreeMap<String, Outcome>| {
        suites.iter().map(|suite| tool_similarity(input, suite, &[&by_suite[suite]])).sum::<f64>()
            / suites.len() as f64
    };
    outcomes.iter().map(mean).collect()
}

fn scatter_of(input: &ReportInput, title: &str, spots: &[Spot]) -> Markup {
    const LEFT: f64 = 34.0;
    const TOP: f64 = 24.0;
    const BOTTOM: f64 = 226.0;
    const RIGHT: f64 = WIDTH - 12.0;
    let seeds = || spots.iter().flat_map(|spot| &spot.seeds);
    let leftmost =
        spots.iter().map(|spot| spot.similarity).chain(seeds().map(|seed| seed.0)).fold(1.0, f64::min);
    let highest = spots.iter().map(|spot| spot.accuracy.ci95[1].max(spot.accuracy.mean));
    let highest = highest.chain(seeds().map(|seed| seed.1)).fold(0.05, f64::max);
    // At least a tenth wide, so that differences too small to matter look small.
    let x = Scale::new(((leftmost - 0.02).min(0.9) * 20.0).floor().max(0.0) / 20.0, 1.0, LEFT, RIGHT);
    let y = Scale::nice(0.0, highest * 100.0, BOTTOM, TOP, 4);
    let mut drawing = vec![
        y_axis(&y, 4, LEFT, RIGHT, "sampled accuracy (%)"),
        x_axis(&x, 4, BOTTOM, BOTTOM, "similarity to the teacher's tools (1 − JSD)"),
    ];
    let places: Vec<(f64, f64)> =
        spots.iter().map(|spot| (x.at(spot.similarity), y.at(spot.accuracy.mean * 100.0))).collect();
    let mut taken: Vec<Rectangle> = places.iter().map(|&(a, b)| Rectangle::around(a, b, 6.0, 6.0)).collect();
    let dots = seeds().map(|seed| Rectangle::around(x.at(seed.0), y.at(seed.1 * 100.0), 2.0, 2.0));
    taken.extend(dots.filter(|_| spots.iter().any(|spot| spot.seeds.len() > 1)));
    for (spot, &(cx, cy)) in spots.iter().zip(&places) {
        let look = palette::arm(input.arms, spot.name);
        let [lo, hi] = spot.accuracy.ci95.map(|end| y.at(end * 100.0));
        drawing.push(line("whisker", cx, lo, cx, hi).attr("style", format!("stroke:{}", look.color)).into());
        if spot.seeds.len() > 1 {
            drawing.extend(spot.seeds.iter().map(|seed| seed_dot(&look, x.at(seed.0), y.at(seed.1 * 100.0))));
        }
        let told =
            format!("{}; similarity {}", says(spot.name, "sampled", spot.accuracy), ratio(spot.similarity));
        drawing.push(point(&look, true, cx, cy, &told).into());
        let (at, anchor) = free_place(&mut taken, cx, cy, text_width(spot.name), (LEFT, RIGHT, TOP, BOTTOM));
        drawing.push(label(&look.color, anchor, at.0, at.1, spot.name).into());
    }
    let told: Vec<String> = spots
        .iter()
        .map(|spot| {
            format!(
                "{}: similarity {}, accuracy {} %",
                spot.name,
                ratio(spot.similarity),
                percent(spot.accuracy.mean)
            )
        })
        .collect();
    panel(title, BOTTOM + 36.0, &told.join("; "), drawing)
}

#[derive(Clone, Copy)]
struct Rectangle {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Rectangle {
    fn around(x: f64, y: f64, dx: f64, dy: f64) -> Self {
        Self { left: x - dx, right: x + dx, top: y - dy, bottom: y + dy }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Where a point's label collides with nothing: beside the point, then further up or down.
fn free_place(
    taken: &mut Vec<Rectangle>,
    x: f64,
    y: f64,
    width: f64,
    (left, right, top, bottom): (f64, f64, f64, f64),
) -> ((f64, f64), &'static str) {
    let shifts = [0.0, -12.0, 12.0, -24.0, 24.0, -36.0, 36.0];
    let candidates = shifts.into_iter().flat_map(|shift| {
        let middle = y + shift;
        let right_side =
            Rectangle { left: x + 7.0, right: x + 9.0 + width, top: middle - 6.0, bottom: middle + 6.0 };
        let left_side = Rectangle { left: x - 9.0 - width, right: x - 7.0, ..right_side };
        [(right_side, (x + 8.0, middle + 4.0), "start"), (left_side, (x - 8.0, middle + 4.0), "end")]
    });
    let fits = |area: &Rectangle| {
        let inside = area.left > left
            && area.right < right + 10.0
            && area.top > top - 12.0
            && area.bottom < bottom + 4.0;
        inside && !taken.iter().any(|other| area.meets(other))
    };
    let found = candidates.into_iter().find(|(area, _, _)| fits(area));
    let beside = Rectangle::around(x, y, width, 6.0);
    let (area, at, anchor) = found.unwrap_or((beside, (x - 8.0, y + 4.0), "end"));
    taken.push(area);
    (at, anchor)
}

/// Paired differences of one arm to the others on one suite (or the mean over suites); `range` is shared by all
/// panels.
pub fn differences(
    input: &ReportInput,
    title: &str,
    rows: &[&ComparisonReport],
    range: (f64, f64),
) -> Markup {
    const ROW: f64 = 22.0;
    const TOP: f64 = 4.0;
    let written: Vec<String> = rows.iter().map(|row| format!("− {}", row.b)).collect();
    let names = written.iter().map(|name| text_width(name)).fold(0.0, f64::max).min(108.0);
    let x = Scale::nice(range.0 * 100.0, range.1 * 100.0, names + 12.0, WIDTH - 42.0, 5);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut drawing = vec![
        x_axis(&x, 5, TOP, bottom, "difference in sampled accuracy (points)"),
        line("baseline", x.at(0.0), TOP, x.at(0.0), bottom).into(),
    ];
    for (i, (row, name)) in rows.iter().zip(&written).enumerate() {
        let middle = TOP + ROW * (i as f64 + 0.5);
        let look = palette::arm(input.arms, &row.b);
        let shown = !covers_zero(row);
        let told = format!("{} − {}: {} {}", row.a, row.b, points(row.difference), points_interval(row.ci95));
        let ends = row.ci95.map(|end| x.at(end * 100.0));
        drawing.push(label(&look.color, "end", names + 4.0, middle + 4.0, &fitted(name, names)).into());
        let class = if shown { "whisker" } else { "whisker faint" };
        drawing.push(
            line(class, ends[0], middle, ends[1], middle)
                .attr("style", format!("stroke:{}", look.color))
                .into(),
        );
        drawing.push(point(&look, shown, x.at(row.difference * 100.0), middle, &told).into());
        let class = if shown { "value" } else { "value faint" };
        drawing.push(text(class, "end", WIDTH - 2.0, middle + 4.0, &points(row.difference)).into());
    }
    let told: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {} {}", row.b, points(row.difference), points_interval(row.ci95)))
        .collect();
    panel(title, bottom + 34.0, &format!("{title}, difference to: {}", told.join("; ")), drawing)
}

/// Whether the data leave the sign of a difference open.
pub fn covers_zero(comparison: &ComparisonReport) -> bool {
    comparison.ci95[0] <= 0.0 && comparison.ci95[1] >= 0.0
}
