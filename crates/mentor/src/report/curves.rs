//! Training over time: lines by arm, and stacked parts of one arm.

use std::collections::BTreeMap;

use super::format::significant;
use super::gather::{ArmMaterial, Material};
use super::markup::Markup;
use super::palette;
use super::svg::{
    LABEL_GAP, Scale, WIDTH, fitted, label, panel, patch_label, polygon, polyline, spread, text_width,
    x_axis, y_axis,
};
use crate::record::{RlMetrics, StepMetrics};

/// Points a line is drawn with at most; longer series are averaged in runs.
const POINTS: usize = 100;
const LEFT: f64 = 34.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 186.0;
const HEIGHT: f64 = 222.0;

/// What a panel of lines shows.
pub struct LinePanel<'a> {
    /// Caption.
    pub title: &'a str,
    /// Above the vertical axis.
    pub y_title: &'a str,
    /// The vertical axis ends here, or at the largest value.
    pub y_max: Option<f64>,
    /// The quantity drawn upwards.
    pub y: &'a dyn Fn(&RlMetrics) -> f64,
    /// The horizontal axis.
    pub x: Horizontal,
    /// Whether single seeds are drawn thin (with one seed: the unsmoothed steps).
    pub seeds: bool,
}

/// The horizontal axis of training curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizontal {
    /// Tokens sampled since the start, the common currency of arms with rollouts.
    Tokens,
    /// Training steps.
    Steps,
}

/// The arms with rollouts in training.
pub fn with_rollouts(material: &Material) -> Vec<&ArmMaterial> {
    let has = |arm: &&ArmMaterial| arm.runs.iter().any(|run| run.steps.iter().any(|step| step.rl.is_some()));
    material.arms.iter().filter(has).collect()
}

/// Steps a centred moving mean covers: about a twelfth of the run, odd.
pub fn window(material: &Material) -> usize {
    let steps = material.arms.iter().flat_map(|arm| &arm.runs).map(|run| run.steps.len()).max().unwrap_or(0);
    (steps / 12) | 1
}

/// One line an arm.
pub fn lines(arms: &[String], material: &Material, wanted: &LinePanel) -> Markup {
    let window = window(material);
    let tokens = unit_of_tokens(material);
    let curves: Vec<Curve> =
        with_rollouts(material).iter().map(|arm| Curve::of(arm, wanted, window, tokens.0)).collect();
    let all = || curves.iter().flat_map(|curve| curve.thin.iter().chain([&curve.mean])).flatten();
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let names = curves.iter().map(|curve| text_width(&curve.name)).fold(0.0, f64::max).min(88.0);
    let right = WIDTH - names - 8.0;
    let x = Scale::new(0.0, largest(&mut all().map(|point| point.0)), LEFT, right);
    let lowest = all().map(|point| point.1).fold(0.0, f64::min);
    let top = wanted.y_max.unwrap_or_else(|| largest(&mut all().map(|point| point.1)));
    let y = Scale::nice(lowest, if top > lowest { top } else { lowest + 1.0 }, BOTTOM, TOP, 4);
    let x_title = match wanted.x {
        Horizontal::Tokens => tokens.1,
        Horizontal::Steps => "training step",
    };
    let place = |points: &[(f64, f64)]| points.iter().map(|&(a, b)| (x.at(a), y.at(b))).collect::<Vec<_>>();
    let mut drawing =
        vec![y_axis(&y, 4, LEFT, right, wanted.y_title), x_axis(&x, 4, BOTTOM, BOTTOM, x_title)];
    let colors: Vec<String> = curves.iter().map(|curve| palette::arm(arms, &curve.name).color).collect();
    for (curve, color) in curves.iter().zip(&colors) {
        drawing.extend(curve.thin.iter().map(|points| polyline("thin", color, &place(points))));
    }
    for (curve, color) in curves.iter().zip(&colors) {
        drawing.push(polyline("line", color, &place(&curve.mean)));
    }
    let ends: Vec<f64> =
        curves.iter().map(|curve| curve.mean.last().map_or(BOTTOM, |point| y.at(point.1))).collect();
    for ((curve, color), height) in curves.iter().zip(&colors).zip(spread(&ends, LABEL_GAP, TOP, BOTTOM)) {
        let from = curve.thin.iter().chain([&curve.mean]).filter_map(|points| points.last());
        let from = from.map(|point| x.at(point.0)).fold(LEFT, f64::max);
        // Lines that end near the border have their labels in one column.
        let from = if from > right - 0.15 * (right - LEFT) { right } else { from };
        drawing.push(label(color, "start", from + 5.0, height + 4.0, &fitted(&curve.name, names)).into());
    }
    let last = |curve: &Curve| curve.mean.last().map_or_else(String::new, |point| significant(point.1));
    let says: Vec<String> = curves.iter().map(|curve| format!("{} {}", curve.name, last(curve))).collect();
    panel(wanted.title, HEIGHT, &format!("{}; last values: {}", wanted.title, says.join(", ")), drawing)
}

/// Divisor and title of a token axis.
fn unit_of_tokens(material: &Material) -> (f64, &'static str) {
    let last = |arm: &ArmMaterial| {
        arm.runs.iter().filter_map(|run| run.steps.last()).map(|step| step.tokens_sampled).max()
    };
    match material.arms.iter().filter_map(last).max().unwrap_or(0) {
        0..20_000 => (1.0, "tokens sampled in training"),
        20_000..2_000_000 => (1e3, "thousand tokens sampled in training"),
        _ => (1e6, "million tokens sampled in training"),
    }
}

/// The lines of one arm, in data coordinates.
struct Curve {
    name: String,
    mean: Vec<(f64, f64)>,
    thin: Vec<Vec<(f64, f64)>>,
}

impl Curve {
    fn of(arm: &ArmMaterial, wanted: &LinePanel, window: usize, tokens: f64) -> Self {
        let point = |step: &StepMetrics| {
            let x = match wanted.x {
                Horizontal::Tokens => step.tokens_sampled as f64 / tokens,
                Horizontal::Steps => step.step as f64,
            };
            step.rl.as_ref().map(|rl| (x, (wanted.y)(rl)))
        };
        let runs: Vec<Vec<(f64, f64)>> =
            arm.runs.iter().map(|run| run.steps.iter().filter_map(point).collect()).collect();
        let mean = smoothed(&mean_of_runs(&runs), window);
        let thin = match runs.as_slice() {
            _ if !wanted.seeds => Vec::new(),
            [only] => vec![only.clone()],
            several => several.iter().map(|run| smoothed(run, window)).collect(),
        };
        Self {
            name: arm.name.clone(),
            mean: thinned(&mean),
            thin: thin.iter().map(|run| thinned(run)).collect(),
        }
    }
}

/// Point by point, as far as every run goes.
fn mean_of_runs(runs: &[Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let length = runs.iter().map(Vec::len).min().unwrap_or(0);
    let n = runs.len() as f64;
    let mean = |i: usize| {
        let sum = runs.iter().fold((0.0, 0.0), |sum, run| (sum.0 + run[i].0, sum.1 + run[i].1));
        (sum.0 / n, sum.1 / n)
    };
    (0..length).map(mean).collect()
}

/// A centred moving mean of the heights; towards the ends it covers what there is.
fn smoothed(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let half = window / 2;
    let around = |i: usize| {
        // As many steps on either side, so that the ends are not pulled towards the middle.
        let half = half.min(i).min(points.len() - 1 - i);
        let near = &points[i - half..=i + half];
        (points[i].0, near.iter().map(|point| point.1).sum::<f64>() / near.len() as f64)
    };
    (0..points.len()).map(around).collect()
}

/// At most [`POINTS`] points, each the mean of a run, and the last as it is.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let run = points.len().div_ceil(POINTS).max(1);
    if run == 1 {
        return points.to_vec();
    }
    let mean = |run: &[(f64, f64)]| {
        let n = run.len() as f64;
        (run.iter().map(|point| point.0).sum::<f64>() / n, run.iter().map(|point| point.1).sum::<f64>() / n)
    };
    points.chunks(run).map(mean).chain(points.last().copied()).collect()
}

/// Values by name that add up to something, at one training step.
pub type Parts = dyn Fn(&RlMetrics) -> &BTreeMap<String, f64>;

/// The names of reward parts in all arms, largest mean contribution first: one order and colour for all panels.
pub fn part_names(material: &Material) -> Vec<String> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for rl in material
        .arms
        .iter()
        .flat_map(|arm| &arm.runs)
        .flat_map(|run| &run.steps)
        .filter_map(|step| step.rl.as_ref())
    {
        for (name, value) in &rl.parts {
            *sums.entry(name).or_default() += value.abs();
        }
    }
    let mut names: Vec<(&str, f64)> = sums.into_iter().collect();
    names.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// What a panel of stacked parts shows.
pub struct StackPanel<'a> {
    /// Caption.
    pub title: &'a str,
    /// Above the vertical axis.
    pub y_title: &'a str,
    /// Range of the vertical axis, shared by the panels of all arms.
    pub range: (f64, f64),
    /// The parts.
    pub parts: &'a Parts,
}

/// Lowest and highest point that stacked parts reach in any arm.
pub fn stack_range(material: &Material, parts: &Parts) -> (f64, f64) {
    let window = window(material);
    let mut range = (0.0_f64, 0.0_f64);
    for arm in with_rollouts(material) {
        for (_, band) in bands(arm, &part_names(material), parts, window) {
            for (_, lower, upper) in band {
                range = (range.0.min(lower).min(upper), range.1.max(lower).max(upper));
            }
        }
    }
    range
}

/// A part as (step, where it begins, where it ends); negative parts hang below the axis.
type Band = Vec<(f64, f64, f64)>;

fn bands(arm: &ArmMaterial, names: &[String], parts: &Parts, window: usize) -> Vec<(usize, Band)> {
    let series = |name: &String| {
        let value = |step: &StepMetrics| {
            step.rl.as_ref().map(|rl| (step.step as f64, parts(rl).get(name).copied().unwrap_or(0.0)))
        };
        let runs: Vec<Vec<_>> =
            arm.runs.iter().map(|run| run.steps.iter().filter_map(value).collect()).collect();
        thinned(&smoothed(&mean_of_runs(&runs), window))
    };
    let mut above: Vec<f64> = Vec::new();
    let mut below: Vec<f64> = Vec::new();
    let mut stacked = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let points = series(name);
        if points.iter().all(|point| point.1 == 0.0) {
            continue;
        }
        above.resize(points.len(), 0.0);
        below.resize(points.len(), 0.0);
        let stack = |(at, &(x, value)): (usize, &(f64, f64))| {
            let pile = if value < 0.0 { &mut below[at] } else { &mut above[at] };
            let begins = *pile;
            *pile += value;
            (x, begins, *pile)
        };
        stacked.push((i, points.iter().enumerate().map(stack).collect()));
    }
    stacked
}

/// The parts of one arm, stacked.
pub fn stack(arm: &ArmMaterial, material: &Material, wanted: &StackPanel) -> Markup {
    let names = part_names(material);
    let bands = bands(arm, &names, wanted.parts, window(material));
    let room = names.iter().map(|name| text_width(name)).fold(0.0, f64::max).min(104.0);
    let right = WIDTH - room - 17.0;
    let last_step = bands.iter().filter_map(|(_, band)| band.last()).map(|point| point.0).fold(1.0, f64::max);
    let x = Scale::new(1.0, last_step, LEFT, right);
    let y = Scale::nice(wanted.range.0, wanted.range.1, BOTTOM, TOP, 4);
    let mut drawing =
        vec![y_axis(&y, 4, LEFT, right, wanted.y_title), x_axis(&x, 4, BOTTOM, BOTTOM, "training step")];
    let mut middles = Vec::new();
    for (i, band) in &bands {
        let lower = band.iter().rev().map(|&(at, begins, _)| (x.at(at), y.at(begins)));
        let outline: Vec<(f64, f64)> =
            band.iter().map(|&(at, _, ends)| (x.at(at), y.at(ends))).chain(lower).collect();
        drawing.push(polygon(&palette::category(*i), &outline, &names[*i]));
        middles.push(band.last().map_or(BOTTOM, |&(_, begins, ends)| y.at(f64::midpoint(begins, ends))));
    }
    let heights = spread(&middles, LABEL_GAP, TOP, BOTTOM);
    for ((i, _), height) in bands.iter().zip(heights) {
        let name = fitted(&names[*i], room);
        drawing.push(patch_label(&palette::category(*i), right + 5.0, height + 4.0, &name));
    }
    let shown: Vec<&str> = bands.iter().map(|(i, _)| names[*i].as_str()).collect();
    panel(wanted.title, HEIGHT, &format!("{}: {}", wanted.title, shown.join(", ")), drawing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_lines_straight_and_ends_in_place() {
        let straight: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        let smooth = smoothed(&straight, 7);
        assert!(straight.iter().zip(&smooth).all(|(a, b)| (a.1 - b.1).abs() < 1e-12));
        assert!(smoothed(&[], 7).is_empty());
    }

    #[test]
    fn long_series_become_short_and_keep_their_end() {
        let long: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), 1.0)).collect();
        let short = thinned(&long);
        assert!(short.len() <= POINTS + 1);
        assert_eq!(short.last(), long.last());
        assert!(short.iter().all(|point| point.1 == 1.0));
    }

    #[test]
    fn runs_of_unequal_length_are_averaged_as_far_as_all_go() {
        let runs = [vec![(1.0, 0.0), (2.0, 2.0)], vec![(3.0, 1.0)]];
        assert_eq!(mean_of_runs(&runs), [(2.0, 0.5)]);
        assert!(mean_of_runs(&[]).is_empty());
    }
}
