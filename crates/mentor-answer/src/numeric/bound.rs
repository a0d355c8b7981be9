//! Bounds of errors: upper bounds of small positive numbers, far beyond the range of a double.

/// At most `mantissa · 2^exponent`, with a mantissa in [1, 2), or nothing at all.
///
/// Every operation rounds up: its result is multiplied by a little more than the three roundings in it can take away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    mantissa: f64,
    exponent: i64,
}

const UP: f64 = 1.0 + f64::EPSILON * 8.0;
const EXPONENT_BITS: u64 = 0x7ff << 52;

impl Bound {
    pub const NONE: Self = Self { mantissa: 0.0, exponent: i64::MIN / 4 };

    pub fn power(exponent: i64) -> Self {
        Self { mantissa: 1.0, exponent }
    }

    /// A positive number that is no subnormal, up to a relative error of a few roundings.
    pub fn new(value: f64, exponent: i64) -> Self {
        if value == 0.0 {
            return Self::NONE;
        }
        let bits = (value * UP).to_bits();
        let shift = ((bits & EXPONENT_BITS) >> 52) as i64 - 1023;
        Self { mantissa: f64::from_bits(bits & !EXPONENT_BITS | 1023 << 52), exponent: exponent + shift }
    }

    pub fn is_none(self) -> bool {
        self.mantissa == 0.0
    }

    /// An exponent of two that it does not exceed; very small if there is no error.
    pub fn exponent(self) -> i64 {
        self.exponent + 1
    }

    pub fn scaled(self, by: i64) -> Self {
        if self.is_none() { self } else { Self { exponent: self.exponent.saturating_add(by), ..self } }
    }

    pub fn plus(self, other: Self) -> Self {
        if self.is_none() || other.is_none() {
            return if self.is_none() { other } else { self };
        }
        let (large, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let apart = (large.exponent - small.exponent).min(48);
        let aligned = small.mantissa * f64::from_bits((1023 - apart as u64) << 52);
        Self::new(large.mantissa + aligned, large.exponent)
    }

    pub fn times(self, other: Self) -> Self {
        if self.is_none() || other.is_none() {
            return Self::NONE;
        }
        Self::new(self.mantissa * other.mantissa, self.exponent.saturating_add(other.exponent))
    }
}
