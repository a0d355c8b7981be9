//! The learning rate over the steps of a run.

use serde::{Deserialize, Serialize};

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// It does not.
    #[default]
    Constant,
    /// Along a straight line.
    Linear,
    /// Along half a cosine wave (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
    Cosine,
}

/// A learning rate as a function of the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The way down.
    #[serde(default)]
    pub shape: Shape,
    /// The highest rate, reached at the end of the warm-up.
    pub peak: f64,
    /// Steps of linear warm-up; 0 starts at the peak.
    #[serde(default)]
    pub warmup: usize,
    /// What the rate falls to at the end of the run, as a share of the peak (0 to 1); unused if it does not fall.
    #[serde(default)]
    pub floor: f64,
}

impl Schedule {
    /// The same rate at every step: what the paper trains with.
    pub const fn constant(peak: f64) -> Self {
        Self { shape: Shape::Constant, peak, warmup: 0, floor: 0.0 }
    }

    /// A linear fall to zero after `warmup` steps.
    pub const fn linear(peak: f64, warmup: usize) -> Self {
        Self { shape: Shape::Linear, peak, warmup, floor: 0.0 }
    }

    /// A cosine fall to zero after `warmup` steps.
    pub const fn cosine(peak: f64, warmup: usize) -> Self {
        Self { shape: Shape::Cosine, peak, warmup, floor: 0.0 }
    }

    /// The rate of update number `step` (from 0) of `total`.
    ///
    /// Warm-up step s has `peak · (s+1)/warmup`: the first update already moves, where Hugging Face's schedules spend it at
    /// rate 0. After it the fall starts from the peak itself and would reach the floor at step `total`, one after the last.
    /// Steps from `total` on have the floor.
    pub fn rate(&self, step: usize, total: usize) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let length = total.saturating_sub(self.warmup).max(1) as f64;
        let progress = ((step - self.warmup) as f64 / length).min(1.0);
        let left = match self.shape {
            Shape::Constant => return self.peak,
            Shape::Linear => 1.0 - progress,
            Shape::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        self.peak * (self.floor + (1.0 - self.floor) * left)
    }
}
