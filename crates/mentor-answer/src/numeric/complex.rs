//! Complex numbers as pairs of balls; real ones have no second.

use num_rational::Rational64;
use num_traits::{Signed, ToPrimitive};

use super::ball::{Ball, Hole, Value};

#[derive(Clone, Copy, Debug)]
pub(super) struct Complex<const N: usize> {
    pub re: Ball<N>,
    /// The imaginary part, if the number is not known to be real.
    pub im: Option<Ball<N>>,
}

impl<const N: usize> Complex<N> {
    pub fn real(re: Ball<N>) -> Self {
        Self { re, im: None }
    }

    pub fn imaginary(im: Ball<N>) -> Self {
        Self { re: Ball::ZERO, im: Some(im) }
    }

    /// Its value if it is known to be real.
    pub fn as_real(&self) -> Value<Ball<N>> {
        match self.im {
            None => Ok(self.re),
            Some(im) if im.is_zero() => Ok(self.re),
            Some(_) => Err(Hole::Undefined),
        }
    }

    pub fn plus(&self, other: &Self) -> Self {
        let im = match (self.im, other.im) {
            (Some(a), Some(b)) => Some(a.plus(&b)),
            (a, b) => a.or(b),
        };
        Self { re: self.re.plus(&other.re), im }
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&Self { re: other.re.negated(), im: other.im.map(|im| im.negated()) })
    }

    pub fn times(&self, other: &Self) -> Self {
        match (self.im, other.im) {
            (None, None) => Self::real(self.re.times(&other.re)),
            (a, b) => {
                let (a, b) = (a.unwrap_or(Ball::ZERO), b.unwrap_or(Ball::ZERO));
                Self {
                    re: self.re.times(&other.re).minus(&a.times(&b)),
                    im: Some(self.re.times(&b).plus(&a.times(&other.re))),
                }
            }
        }
    }

    fn inverted(&self) -> Value<Self> {
        let Some(im) = self.im else { return Ok(Self::real(self.re.inverted()?)) };
        let square = self.re.times(&self.re).plus(&im.times(&im)).inverted()?;
        Ok(Self { re: self.re.times(&square), im: Some(im.times(&square).negated()) })
    }

    pub fn over(&self, other: &Self) -> Value<Self> {
        match (self.im, other.im) {
            (None, None) => Ok(Self::real(self.re.over(&other.re)?)),
            _ => Ok(self.times(&other.inverted()?)),
        }
    }

    pub fn exp(&self) -> Value<Self> {
        let size = self.re.exp()?;
        let Some(angle) = self.im else { return Ok(Self::real(size)) };
        let (sine, cosine) = angle.sin_cos()?;
        Ok(Self { re: size.times(&cosine), im: Some(size.times(&sine)) })
    }

    pub fn absolute(&self) -> Value<Ball<N>> {
        match self.im {
            None => match self.re.sign() {
                Some(-1) => Ok(self.re.negated()),
                Some(_) => Ok(self.re),
                None => Err(Hole::Undefined),
            },
            Some(im) => self.re.times(&self.re).plus(&im.times(&im)).square_root(),
        }
    }

    fn whole_power(&self, exponent: i64) -> Value<Self> {
        if self.im.is_none() {
            return self.re.power(exponent).map(Self::real);
        }
        if exponent.unsigned_abs() > 64 {
            return Err(Hole::Beyond);
        }
        let one = Self::real(Ball::small(1));
        let power = (0..exponent.unsigned_abs()).fold(one, |product, _| product.times(self));
        if exponent < 0 { power.inverted() } else { Ok(power) }
    }

    /// A power with a rational exponent: the real root where there is one, else the principal one.
    pub fn rational_power(&self, exponent: Rational64) -> Value<Self> {
        if exponent.is_integer() {
            return self.whole_power(exponent.to_integer());
        }
        let base = self.as_real()?;
        let (numerator, index) = (*exponent.numer(), *exponent.denom());
        let root = |positive: &Ball<N>| -> Value<Ball<N>> {
            if index == 2 {
                return positive.square_root()?.power(numerator);
            }
            positive.ln()?.times(&Ball::small(numerator)).over(&Ball::small(index))?.exp()
        };
        match base.sign() {
            Some(0) if exponent.is_positive() => Ok(Self::real(Ball::ZERO)),
            Some(1) => root(&base).map(Self::real),
            Some(-1) if index % 2 == 1 => {
                let size = root(&base.negated())?;
                Ok(Self::real(if numerator % 2 == 0 { size } else { size.negated() }))
            }
            Some(-1) if index == 2 => {
                let size = root(&base.negated())?;
                // i to the power of the odd numerator.
                Ok(Self::imaginary(if numerator.rem_euclid(4) == 1 { size } else { size.negated() }))
            }
            _ => Err(Hole::Undefined),
        }
    }

    pub fn power(&self, exponent: &Self) -> Value<Self> {
        if let Some(whole) = exponent.as_real().ok().and_then(|real| real.integer()) {
            return self.whole_power(whole);
        }
        let base = self.as_real()?;
        match base.sign() {
            Some(1) => exponent.times(&Self::real(base.ln()?)).exp(),
            Some(0) if exponent.as_real()?.sign() == Some(1) => Ok(Self::real(Ball::ZERO)),
            _ => Err(Hole::Undefined),
        }
    }
}

/// A rational exponent in machine numbers.
pub(super) fn small_ratio(value: &num_rational::BigRational) -> Option<Rational64> {
    Some(Rational64::new(value.numer().to_i32()?.into(), value.denom().to_i32()?.into()))
}
