//! What went wrong, by arm and suite: stacked bars whose length is the share of wrong samples.

use std::collections::BTreeMap;

use mentor_eval::Failure;

use super::format::percent;
use super::gather::{ArmMaterial, Material};
use super::markup::{Markup, el};
use super::palette;
use super::svg::{Scale, WIDTH, fitted, label, line, panel, text, text_width, x_axis};

/// The kinds that occur, each with its place among all kinds, which decides its colour.
pub fn kinds(material: &Material) -> Vec<(usize, Failure)> {
    let outcomes = || material.arms.iter().flat_map(|arm| &arm.outcomes).flat_map(BTreeMap::values);
    let occurs = |kind| outcomes().any(|outcome| outcome.failures.contains_key(&kind));
    Failure::ALL.into_iter().enumerate().filter(|&(_, kind)| occurs(kind)).collect()
}

/// The key to the colours.
pub fn legend(kinds: &[(usize, Failure)]) -> Markup {
    let entry = |&(i, kind): &(usize, Failure)| {
        let swatch = el("span").class("swatch").attr("style", format!("background:{}", palette::category(i)));
        el("span").class("key").child(swatch).text(&kind.to_string())
    };
    el("p").class("legend").children(kinds.iter().map(entry)).into()
}

/// One bar an arm on one suite.
pub fn bars(arms: &[String], material: &Material, kinds: &[(usize, Failure)], suite: &str) -> Markup {
    const ROW: f64 = 23.0;
    const TOP: f64 = 4.0;
    let finished: Vec<&ArmMaterial> = material.arms.iter().filter(|arm| arm.finished()).collect();
    let names = finished.iter().map(|arm| text_width(&arm.name)).fold(0.0, f64::max).min(96.0);
    let x = Scale::new(0.0, 100.0, names + 8.0, WIDTH - 12.0);
    let bottom = TOP + ROW * finished.len() as f64;
    let mut drawing = vec![x_axis(&x, 5, TOP, bottom, "share of samples that failed (%)")];
    let mut says = Vec::new();
    for (row, arm) in finished.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let color = palette::arm(arms, &arm.name).color;
        drawing.push(label(&color, "end", names + 2.0, y + 15.0, &fitted(&arm.name, names)).into());
        let shares = shares(arm, suite);
        let total = shares.values().sum::<f64>();
        says.push(format!("{} {} %", arm.name, percent(total)));
        drawing.extend(segments(&arm.name, &shares, kinds, &x, y));
    }
    drawing.push(line("baseline", x.at(0.0), TOP, x.at(0.0), bottom).into());
    panel(
        suite,
        bottom + 34.0,
        &format!("Share of samples that failed on {suite}: {}", says.join(", ")),
        drawing,
    )
}

/// Share of an arm's samples by what went wrong.
fn shares(arm: &ArmMaterial, suite: &str) -> BTreeMap<Failure, f64> {
    let mut counts: BTreeMap<Failure, usize> = BTreeMap::new();
    for (&kind, &count) in arm.outcomes.iter().flat_map(|outcomes| &outcomes[suite].failures) {
        *counts.entry(kind).or_default() += count;
    }
    let samples: usize = arm.outcomes.iter().map(|outcomes| outcomes[suite].samples).sum();
    counts.into_iter().map(|(kind, count)| (kind, count as f64 / samples.max(1) as f64)).collect()
}

fn segments(
    arm: &str,
    shares: &BTreeMap<Failure, f64>,
    kinds: &[(usize, Failure)],
    x: &Scale,
    y: f64,
) -> Vec<Markup> {
    let mut drawn = Vec::new();
    let mut begins = 0.0;
    for &(place, kind) in kinds {
        let Some(&share) = shares.get(&kind) else { continue };
        let (from, to) = (x.at(begins * 100.0), x.at((begins + share) * 100.0));
        begins += share;
        let color = palette::category(place);
        let says = format!("{arm}: {kind} {} %", percent(share));
        let bar = el("rect").class("bar").num("x", from).num("y", y + 2.0).num("width", (to - from).max(0.4));
        drawn.push(
            bar.attr("height", 18)
                .attr("style", format!("fill:{color}"))
                .child(el("title").text(&says))
                .into(),
        );
        let written = [format!("{kind} {:.0}", share * 100.0), format!("{:.0}", share * 100.0)];
        if share < 0.08 {
            continue;
        }
        if let Some(fits) = written.iter().find(|words| text_width(words) + 6.0 < to - from) {
            let style = format!("fill:{}", palette::on_category(place));
            drawn.push(
                text("inside", "middle", f64::midpoint(from, to), y + 15.0, fits).attr("style", style).into(),
            );
        }
    }
    drawn
}
