//! The pieces every chart is made of: a scale, axes, points, lines, labels, and the panel around them.
//!
//! All panels have one width, small enough for a telephone; wide screens show several side by side. That keeps text
//! readable where a wide drawing would be scaled down.

use super::markup::{Element, Markup, el, number};
use super::palette::{Look, Shape};

/// Width of every panel, in its own units (about one pixel each).
pub const WIDTH: f64 = 344.0;
/// Mean width of a letter of the labels.
const LETTER: f64 = 6.3;
/// Distance between two labels' baselines that keeps both readable.
pub const LABEL_GAP: f64 = 12.5;

/// A linear scale from data to the drawing.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    lo: f64,
    hi: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Maps `lo` to `from` and `hi` to `to`; a range without width is given some.
    pub fn new(lo: f64, hi: f64, from: f64, to: f64) -> Self {
        let lo = if lo.is_finite() { lo } else { 0.0 };
        let least = (lo.abs() * 1e-6).max(1e-12);
        let hi = if hi - lo > least && (hi - lo).is_finite() { hi } else { lo + (lo.abs() * 0.1).max(1.0) };
        Self { lo, hi, from, to }
    }

    /// Like [`Self::new`], widened to the round numbers outside, with ticks on them.
    pub fn nice(lo: f64, hi: f64, from: f64, to: f64, intervals: usize) -> Self {
        let plain = Self::new(lo, hi, from, to);
        let step = round_step((plain.hi - plain.lo) / intervals as f64);
        Self::new((plain.lo / step + 1e-9).floor() * step, (plain.hi / step - 1e-9).ceil() * step, from, to)
    }

    /// Where a value lies; outside values are drawn at the border.
    pub fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.lo, self.hi);
        self.from + (value - self.lo) / (self.hi - self.lo) * (self.to - self.from)
    }

    /// Round numbers within the range, about `intervals` of them.
    pub fn ticks(&self, intervals: usize) -> Vec<f64> {
        let step = round_step((self.hi - self.lo) / intervals as f64);
        let first = (self.lo / step - 1e-9).ceil();
        let count = ((self.hi / step + 1e-9).floor() - first) as usize;
        (0..=count).map(|i| (first + i as f64) * step).collect()
    }
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|step| *step >= rough * 0.999).unwrap_or(10.0 * power)
}

/// A tick as text: as many decimals as the distance of ticks needs.
pub fn tick_text(value: f64, ticks: &[f64]) -> String {
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let decimals = if step.is_finite() { (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize } else { 0 };
    format!("{:.decimals$}", value + 0.0).replace('-', "−")
}

/// A figure with a caption around a drawing.
pub fn panel(
    title: &str,
    height: f64,
    description: &str,
    drawing: impl IntoIterator<Item = Markup>,
) -> Markup {
    let svg = el("svg")
        .attr("viewBox", format!("0 0 {} {}", number(WIDTH), number(height)))
        .attr("role", "img")
        .attr("aria-label", description)
        .children(drawing);
    el("figure").class("panel").child(el("figcaption").text(title)).child(svg).into()
}

/// A straight line.
pub fn line(class: &str, x1: f64, y1: f64, x2: f64, y2: f64) -> Element {
    el("line").class(class).num("x1", x1).num("y1", y1).num("x2", x2).num("y2", y2)
}

/// Text with its anchor: `start`, `middle` or `end`.
pub fn text(class: &str, anchor: &'static str, x: f64, y: f64, content: &str) -> Element {
    el("text").class(class).attr("text-anchor", anchor).num("x", x).num("y", y).text(content)
}

/// A label in the colour of what it names.
pub fn label(color: &str, anchor: &'static str, x: f64, y: f64, content: &str) -> Element {
    // Towards the ink, since small text needs more contrast than a line.
    text("name", anchor, x, y, content)
        .attr("style", format!("fill:color-mix(in srgb,{color} 75%,var(--ink))"))
}

/// A label for a filled area: a patch of its colour, and plain text, which pale colours could not carry.
pub fn patch_label(color: &str, x: f64, y: f64, content: &str) -> Markup {
    let patch = el("rect").num("x", x).num("y", y - 7.5).attr("width", 8).attr("height", 8);
    let words = text("name", "start", x + 11.0, y, content);
    [patch.attr("style", format!("fill:{color}")), words].into_iter().collect()
}

/// Width a label takes.
pub fn text_width(content: &str) -> f64 {
    content.chars().count() as f64 * LETTER
}

/// A name that fits `width`.
pub fn fitted(name: &str, width: f64) -> String {
    let room = ((width / LETTER) as usize).max(2);
    if name.chars().count() <= room {
        return name.to_owned();
    }
    name.chars().take(room - 1).chain(['…']).collect()
}

/// A horizontal axis at the bottom of a drawing with vertical grid lines up to `top`.
pub fn x_axis(scale: &Scale, intervals: usize, top: f64, bottom: f64, title: &str) -> Markup {
    let ticks = scale.ticks(intervals);
    let grid = ticks.iter().map(|&tick| line("grid", scale.at(tick), top, scale.at(tick), bottom));
    let labels = ticks
        .iter()
        .map(|&tick| text("tick", "middle", scale.at(tick), bottom + 14.0, &tick_text(tick, &ticks)));
    let middle = f64::midpoint(scale.from, scale.to);
    grid.chain(labels).chain([text("axis", "middle", middle, bottom + 29.0, title)]).collect()
}

/// A vertical axis at the left with horizontal grid lines to `right`; its title stands above it.
pub fn y_axis(scale: &Scale, intervals: usize, left: f64, right: f64, title: &str) -> Markup {
    let ticks = scale.ticks(intervals);
    let grid = ticks.iter().map(|&tick| line("grid", left, scale.at(tick), right, scale.at(tick)));
    let labels = ticks
        .iter()
        .map(|&tick| text("tick", "end", left - 5.0, scale.at(tick) + 3.5, &tick_text(tick, &ticks)));
    grid.chain(labels).chain([text("axis", "start", 0.0, scale.to.min(scale.from) - 9.0, title)]).collect()
}

/// A data point with what it says when pointed at.
pub fn point(look: &Look, filled: bool, x: f64, y: f64, says: &str) -> Element {
    let path = |d: String| el("path").attr("d", d);
    let (l, r, u, d) = (number(x - 4.4), number(x + 4.4), number(y - 4.4), number(y + 4.4));
    let (cx, cy) = (number(x), number(y));
    let shape = match look.shape {
        Shape::Circle => el("circle").num("cx", x).num("cy", y).attr("r", "3.9"),
        Shape::Square => el("rect").num("x", x - 3.5).num("y", y - 3.5).attr("width", 7).attr("height", 7),
        Shape::Triangle => path(format!("M{cx} {u}L{r} {}L{l} {}Z", number(y + 3.6), number(y + 3.6))),
        Shape::Diamond => path(format!(
            "M{cx} {}L{} {cy}L{cx} {}L{} {cy}Z",
            number(y - 5.0),
            number(x + 5.0),
            number(y + 5.0),
            number(x - 5.0)
        )),
        Shape::Wedge => path(format!("M{cx} {d}L{r} {}L{l} {}Z", number(y - 3.6), number(y - 3.6))),
    };
    let style = if filled { format!("fill:{}", look.color) } else { format!("stroke:{}", look.color) };
    shape
        .class(if filled { "point" } else { "point hollow" })
        .attr("style", style)
        .child(el("title").text(says))
}

/// A line through points; fewer than two draw nothing.
pub fn polyline(class: &str, color: &str, points: &[(f64, f64)]) -> Markup {
    if points.len() < 2 {
        return Markup::default();
    }
    let path: Vec<String> = points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
    el("polyline").class(class).attr("style", format!("stroke:{color}")).attr("points", path.join(" ")).into()
}

/// A filled shape through points.
pub fn polygon(color: &str, points: &[(f64, f64)], says: &str) -> Markup {
    let path: Vec<String> = points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
    el("polygon")
        .class("area")
        .attr("style", format!("fill:{color}"))
        .attr("points", path.join(" "))
        .child(el("title").text(says))
        .into()
}

/// Moves label positions apart to at least `gap`, as little as possible, keeping their order and, if there is room,
/// within `lo..hi`.
pub fn spread(positions: &[f64], gap: f64, lo: f64, hi: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..positions.len()).collect();
    order.sort_by(|&a, &b| positions[a].total_cmp(&positions[b]));
    // Runs of labels that touch, each with the sum of where its labels want its first one to be, and its length.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    let start = |(sum, length): (f64, usize)| {
        let room = hi - gap * (length - 1) as f64;
        (sum / length as f64).min(room).max(lo)
    };
    for &i in &order {
        let mut run = (positions[i], 1);
        while let Some(&above) =
            runs.last().filter(|&&above| start(above) + gap * above.1 as f64 > start(run))
        {
            runs.pop();
            run = (above.0 + run.0 - gap * (above.1 * run.1) as f64, above.1 + run.1);
        }
        runs.push(run);
    }
    let placed = runs.into_iter().flat_map(|run| (0..run.1).map(move |i| start(run) + gap * i as f64));
    let mut moved = positions.to_vec();
    for (i, place) in order.into_iter().zip(placed) {
        moved[i] = place;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        for (lo, hi, intervals, expected) in [
            (0.0, 100.0, 5, vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (0.13, 0.47, 3, vec![0.2, 0.4]),
            (-12.0, 31.0, 4, vec![0.0, 20.0]),
            (5.0, 5.0, 2, vec![5.0, 5.5, 6.0]),
        ] {
            let ticks = Scale::new(lo, hi, 0.0, 1.0).ticks(intervals);
            assert_eq!(ticks.len(), expected.len(), "{lo} {hi}: {ticks:?}");
            assert!(ticks.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{ticks:?}");
        }
    }

    #[test]
    fn ticks_have_the_decimals_they_need() {
        assert_eq!(tick_text(0.2, &[0.0, 0.2, 0.4]), "0.2");
        assert_eq!(tick_text(-20.0, &[-20.0, 0.0]), "−20");
        assert_eq!(tick_text(0.0005, &[0.0, 0.0005]), "0.0005");
    }

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        for (positions, expected) in [
            ([10.0, 11.0, 50.0], [4.5, 16.5, 50.0]),
            ([1.0, 2.0, 50.0], [0.0, 12.0, 50.0]),
            ([58.0, 30.0, 59.0], [48.0, 30.0, 60.0]),
            ([30.0, 30.0, 30.0], [18.0, 30.0, 42.0]),
            ([57.0, 58.0, 59.0], [36.0, 48.0, 60.0]),
        ] {
            assert_eq!(spread(&positions, 12.0, 0.0, 60.0), expected, "{positions:?}");
        }
        assert_eq!(spread(&[], 12.0, 0.0, 60.0), Vec::<f64>::new());
    }

    #[test]
    fn a_scale_survives_any_numbers() {
        for (lo, hi) in [(0.0, 0.0), (1.0, -1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1e300, -1e300)] {
            let scale = Scale::nice(lo, hi, 0.0, 1.0, 4);
            let _ = (scale.at(0.5), scale.ticks(4).len());
        }
    }
}
