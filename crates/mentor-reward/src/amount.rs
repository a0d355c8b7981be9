//! Amounts of reward that add up exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// An amount of reward as a whole number of units of 2⁻⁸⁰, so that adding is exact and in any order.
///
/// Every `f64` of magnitude 2⁻²⁷ and more is a whole number of units; what is smaller is rounded to one. No sum of a
/// table's terms comes near the largest amount (weights are a million at most).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

const UNITS: f64 = (1_u128 << 80) as f64;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount as the nearest `f64`.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNITS
    }

    /// Divides an amount in proportion to `values`; what rounding leaves over goes to the last.
    ///
    /// The parts add up to the amount exactly. Values that add up to nothing leave everything to the last.
    pub(crate) fn divided(self, values: &[f64]) -> Vec<Self> {
        let all: f64 = values.iter().sum();
        let mut so_far = 0.0;
        let mut given = Self::ZERO;
        let parts = values.iter().enumerate().map(|(index, value)| {
            so_far += value;
            let due = match so_far / all {
                _ if index + 1 == values.len() => self,
                share if share.is_finite() => Self((self.0 as f64 * share).round() as i128),
                _ => Self::ZERO,
            };
            let part = due - given;
            given = due;
            part
        });
        parts.collect()
    }
}

impl From<f64> for Amount {
    fn from(number: f64) -> Self {
        Self((number * UNITS).round() as i128)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// With four decimals, as people read rewards.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4}", self.to_f64())
    }
}
