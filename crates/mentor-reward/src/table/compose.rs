//! What a table says beyond gates and weights: bounds, fading, normalization, several teachers.

use serde::{Deserialize, Serialize};

use super::Reward;

/// Bounds of a total.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Totals below it count as this.
    pub low: f64,
    /// Totals above it count as this.
    pub high: f64,
}

impl Clip {
    pub(crate) fn is_range(self) -> bool {
        self.low.is_finite() && self.high.is_finite() && self.low < self.high
    }
}

/// What is normalized within a group of attempts at one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The totals (GRPO).
    #[default]
    Total,
    /// Each part by itself, before the parts are weighed and added up (GDPO, arXiv 2601.05242): a part that differs little
    /// within the group is not drowned by one that differs much.
    Parts,
}

impl Combine {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    pub(crate) fn is_total(&self) -> bool {
        *self == Self::Total
    }
}

/// What several teachers' attempts at one task make of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Teachers {
    /// The score against the teacher that gives the highest total; of equals the first.
    Best,
    /// Every part's mean over the teachers.
    Mean,
}

/// How a weight changes over the steps of a training: a factor that goes from `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fade {
    /// The way from one to the other.
    pub shape: FadeShape,
    /// The factor up to step `start`.
    #[serde(default = "one")]
    pub from: f64,
    /// The factor from step `end` on.
    #[serde(default)]
    pub to: f64,
    /// The last step (from 1) with the factor `from`.
    #[serde(default)]
    pub start: usize,
    /// The first step with the factor `to`.
    pub end: usize,
}

/// The way of a [`Fade`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FadeShape {
    /// Along a straight line.
    Linear,
    /// Along half a cosine wave.
    Cosine,
    /// All at once, at step `end`.
    Step,
}

fn one() -> f64 {
    1.0
}

impl Fade {
    /// The factor at a step, counted from 1.
    pub fn factor(&self, step: usize) -> f64 {
        if step >= self.end {
            return self.to;
        }
        if step <= self.start {
            return self.from;
        }
        let progress = (step - self.start) as f64 / (self.end - self.start) as f64;
        let left = match self.shape {
            FadeShape::Linear => 1.0 - progress,
            FadeShape::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            FadeShape::Step => 1.0,
        };
        self.to + (self.from - self.to) * left
    }

    /// What is wrong with it, and what to write instead.
    pub(super) fn problem(self) -> Option<(String, &'static str)> {
        if !(super::is_amount(self.from) && super::is_amount(self.to)) {
            return Some(("has a factor that is not finite".into(), "write finite `from` and `to`"));
        }
        (self.end <= self.start).then(|| {
            ("ends before it begins".into(), "write an `end` above `start`, both steps counted from 1")
        })
    }
}

impl Reward {
    /// The table as it stands at a step of a training (from 1): every schedule turned into a plain weight.
    #[must_use]
    pub fn at(&self, step: usize) -> Self {
        let mut now = self.clone();
        for term in &mut now.terms {
            if let Some(fade) = term.schedule.take() {
                term.weight *= fade.factor(step);
            }
        }
        now
    }

    /// What of a total counts against its group: the total within the bounds of `clip`, if there are any.
    pub fn clipped(&self, total: f64) -> f64 {
        self.clip.map_or(total, |clip| total.clamp(clip.low, clip.high))
    }
}
