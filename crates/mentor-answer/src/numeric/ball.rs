//! Real numbers known to lie in an interval: arithmetic and elementary functions with a proven error bound.
//!
//! A ball is a middle and a bound of how far the true number is from it. Each operation adds what its operands' errors
//! can do to the result and what rounding does ([`Float`] says how much).

use num_rational::BigRational;

use super::{
    bound::Bound,
    float::{Float, Rounded},
};

/// Why an expression has no value at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// It has none there (a division by zero, the logarithm of a negative number), or the interval is too wide to tell.
    Undefined,
    /// It is beyond what is evaluated here.
    Beyond,
}

pub(super) type Value<T> = Result<T, Hole>;

/// Exponents beyond this are not evaluated, so that no sum of exponents overflows.
const LARGEST: i64 = 1 << 40;

/// How often arguments are halved, or brought nearer to 1 by a square root, before a series is summed.
const EXP_HALVINGS: i64 = 8;
const ANGLE_HALVINGS: i64 = 4;
const LN_ROOTS: i64 = 4;

/// A number not further from `mid` than `error`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ball<const N: usize> {
    pub mid: Float<N>,
    error: Bound,
}

impl<const N: usize> Ball<N> {
    pub const ZERO: Self = Self { mid: Float::ZERO, error: Bound::NONE };

    pub fn small(value: i64) -> Self {
        Self { mid: Float::small(value), error: Bound::NONE }
    }

    /// A float that is off by less than `2^units` units in its last place.
    fn rounded(mid: Float<N>, units: i64) -> Self {
        Self { mid, error: Self::units(mid.exponent, units) }
    }

    /// `2^units` units in the last place of a number with an exponent.
    fn units(exponent: i64, units: i64) -> Bound {
        Bound::power(exponent - Float::<N>::BITS + units)
    }

    fn truncated((mid, exact): Rounded<N>) -> Self {
        if exact { Self { mid, error: Bound::NONE } } else { Self::rounded(mid, 0) }
    }

    /// What its middle is at most in size.
    fn size(&self) -> Bound {
        Bound::new(self.mid.mantissa(), self.mid.exponent)
    }

    pub fn rational(value: &BigRational) -> Value<Self> {
        let numerator = Self::truncated(Float::integer(value.numer()));
        if value.is_integer() {
            return Ok(numerator);
        }
        numerator.over(&Self::truncated(Float::integer(value.denom())))
    }

    #[rustfmt::skip]
    pub fn pi() -> Self {
        Self::rounded(Float::constant(&[
            0xef95_19b3_cd3a_431b, 0x514a_0879_8e34_04dd, 0x020b_bea6_3b13_9b22, 0x2902_4e08_8a67_cc74,
            0xc4c6_628b_80dc_1cd1, 0xc90f_daa2_2168_c234,
        ], 2), 0)
    }

    #[rustfmt::skip]
    pub fn e() -> Self {
        Self::rounded(Float::constant(&[
            0x7d2f_e363_630c_75d8, 0xcc93_9dce_249b_3ef9, 0xa9e1_3641_1464_33fb, 0xd8b9_c583_ce2d_3695,
            0xafdc_5620_273d_3cf1, 0xadf8_5458_a2bb_4a9a,
        ], 2), 0)
    }

    #[rustfmt::skip]
    fn ln_2() -> Self {
        Self::rounded(Float::constant(&[
            0x5595_52fb_4afa_1b10, 0xe7b8_7620_6deb_ac98, 0x8a0d_175b_8baa_fa2b, 0x40f3_4326_7298_b62d,
            0xc9e3_b398_03f2_f6af, 0xb172_17f7_d1cf_79ab,
        ], 0), 0)
    }

    /// An exponent of two that the size of the number does not exceed; none if it is certainly zero.
    pub fn bound(&self) -> i64 {
        if self.mid.is_zero() {
            self.error.exponent()
        } else {
            self.mid.exponent.max(self.error.exponent()) + 1
        }
    }

    /// Whether zero lies within.
    pub fn holds_zero(&self) -> bool {
        self.mid.is_zero() || self.mid.exponent <= self.error.exponent()
    }

    fn is_exact(&self) -> bool {
        self.error.is_none()
    }

    /// Whether it is certainly zero.
    pub fn is_zero(&self) -> bool {
        self.mid.is_zero() && self.is_exact()
    }

    /// −1 or 1 if the sign is certain, 0 if zero is.
    pub fn sign(&self) -> Option<i32> {
        if self.is_zero() {
            return Some(0);
        }
        (!self.holds_zero()).then_some(if self.mid.negative { -1 } else { 1 })
    }

    /// The integer it is, if it certainly is one and a small one.
    pub fn integer(&self) -> Option<i64> {
        let nearest = self.mid.nearest()?;
        (self.is_exact() && self.minus(&Self::small(nearest)).is_zero()).then_some(nearest)
    }

    /// Its middle in double precision, if it is in range.
    pub fn approximate(&self) -> Option<f64> {
        let size = self.mid.mantissa() * 2_f64.powi(i32::try_from(self.mid.exponent).ok()?);
        size.is_finite().then_some(if self.mid.negative { -size } else { size })
    }

    pub fn negated(&self) -> Self {
        Self { mid: self.mid.negated(), ..*self }
    }

    pub fn scaled(&self, by: i64) -> Self {
        Self { mid: self.mid.scaled(by), error: self.error.scaled(by) }
    }

    pub fn plus(&self, other: &Self) -> Self {
        let (mid, exact) = self.mid.plus(&other.mid);
        let errors = self.error.plus(other.error);
        let unit = Self::units(self.mid.exponent.max(other.mid.exponent), 1);
        Self { mid, error: if exact { errors } else { errors.plus(unit) } }
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    pub fn times(&self, other: &Self) -> Self {
        let (mid, exact) = self.mid.times(&other.mid);
        let mut error = Bound::NONE;
        if !self.is_exact() {
            error = self.error.times(other.size().plus(other.error));
        }
        if !other.is_exact() {
            error = error.plus(other.error.times(self.size()));
        }
        Self { mid, error: if exact { error } else { error.plus(Self::units(mid.exponent, 1)) } }
    }

    pub fn inverted(&self) -> Value<Self> {
        // So that the true number is at least three quarters of the middle.
        if self.mid.is_zero() || self.mid.exponent <= self.error.exponent() + 2 {
            return Err(Hole::Undefined);
        }
        let mid = self.mid.reciprocal();
        // |1/x − 1/m| = |x − m| / |x m| ≤ 4/3 |x − m| / m².
        let moved = self.error.times(Bound::new(1.34 / self.mid.mantissa().powi(2), -2 * self.mid.exponent));
        Ok(Self { mid, error: moved.plus(Self::units(mid.exponent, 4)) })
    }

    pub fn over(&self, other: &Self) -> Value<Self> {
        if self.is_zero() && !other.holds_zero() {
            return Ok(Self::ZERO);
        }
        Ok(self.times(&other.inverted()?))
    }

    pub fn square_root(&self) -> Value<Self> {
        match self.sign() {
            Some(0) => return Ok(Self::ZERO),
            Some(1) => {}
            _ => return Err(Hole::Undefined),
        }
        let mid = self.mid.square_root();
        // |√x − √m| ≤ |x − m| / √m.
        let moved = self.error.times(Bound::new(1.01 / mid.mantissa(), -mid.exponent));
        let root = Self { mid, error: moved.plus(Self::units(mid.exponent, 5)) };
        // The root of a square stays exact.
        let whole = mid.nearest().map(Self::small).filter(|_| self.is_exact());
        Ok(whole.filter(|whole| whole.times(whole).minus(self).is_zero()).unwrap_or(root))
    }

    /// A power with a whole exponent.
    pub fn power(&self, exponent: i64) -> Value<Self> {
        if exponent <= 0 && self.holds_zero() {
            return Err(Hole::Undefined);
        }
        let size = self.mid.exponent.unsigned_abs().saturating_add(1).saturating_mul(exponent.unsigned_abs());
        if size > LARGEST as u64 {
            return Err(Hole::Beyond);
        }
        let mut result = Self::small(1);
        for bit in (0..64 - exponent.unsigned_abs().leading_zeros()).rev() {
            result = result.times(&result);
            if exponent.unsigned_abs() >> bit & 1 == 1 {
                result = result.times(self);
            }
        }
        if exponent < 0 { result.inverted() } else { Ok(result) }
    }

    fn over_small(&self, divisor: u64) -> Self {
        let cut = Self::units(self.mid.exponent, 0);
        let error = self.error.times(Bound::new(1.0 / divisor as f64, 0)).plus(cut);
        Self { mid: self.mid.over_small(divisor), error }
    }

    /// Σ terms, each the last one times `ratio` and over a small number; stops below the last place of `first`.
    ///
    /// Each term is at most half the one before, so what is left out is less than the last one taken.
    fn series(first: Self, ratio: &Self, divisors: impl Iterator<Item = u64>) -> Self {
        let (mut sum, mut power) = (first, first);
        let least = first.mid.exponent - Float::<N>::BITS - 8;
        for divisor in divisors {
            power = power.times(ratio);
            power = power.over_small(divisor);
            sum = sum.plus(&power);
            if power.mid.is_zero() || power.mid.exponent < least {
                break;
            }
        }
        // What is left out is at most the last term.
        Self { error: sum.error.plus(power.size()).plus(power.error), ..sum }
    }

    pub fn exp(&self) -> Value<Self> {
        if self.is_zero() {
            return Ok(Self::small(1));
        }
        if self.bound() > 38 {
            return Err(Hole::Beyond);
        }
        let twos = self.over(&Self::ln_2())?.mid.nearest().ok_or(Hole::Beyond)?;
        let rest = self.minus(&Self::ln_2().times(&Self::small(twos)));
        if rest.bound() > 0 {
            return Err(Hole::Undefined);
        }
        let rest = rest.scaled(-EXP_HALVINGS);
        let mut result = Self::series(Self::small(1), &rest, 1..);
        for _ in 0..EXP_HALVINGS {
            result = result.times(&result);
        }
        Ok(result.scaled(twos))
    }

    pub fn ln(&self) -> Value<Self> {
        if self.sign() != Some(1) {
            return Err(Hole::Undefined);
        }
        let near = self.mid.mantissa() < 0.7;
        let twos = self.mid.exponent - i64::from(near);
        let mut near_one = self.scaled(-twos);
        for _ in 0..LN_ROOTS {
            near_one = near_one.square_root()?;
        }
        let one = Self::small(1);
        let ratio = near_one.minus(&one).over(&near_one.plus(&one))?;
        let logarithm = Self::odd_powers(&ratio, &ratio.times(&ratio)).scaled(LN_ROOTS + 1);
        Ok(logarithm.plus(&Self::ln_2().times(&Self::small(twos))))
    }

    /// x + x·s/3 + x·s²/5 + …, with |s| < 1/32.
    fn odd_powers(first: &Self, square: &Self) -> Self {
        let (mut sum, mut power) = (*first, *first);
        let least = first.mid.exponent - Float::<N>::BITS - 8;
        for divisor in (3_u64..).step_by(2) {
            power = power.times(square);
            sum = sum.plus(&power.over_small(divisor));
            if power.mid.is_zero() || power.mid.exponent < least {
                break;
            }
        }
        // What is left out is at most the last term.
        Self { error: sum.error.plus(power.size()).plus(power.error), ..sum }
    }

    /// Sine and cosine.
    pub fn sin_cos(&self) -> Value<(Self, Self)> {
        if self.bound() > 38 {
            return Err(Hole::Beyond);
        }
        let quarter = Self::pi().scaled(-1);
        let quarters = self.over(&quarter)?.mid.nearest().ok_or(Hole::Beyond)?;
        let rest = self.minus(&quarter.times(&Self::small(quarters)));
        if rest.bound() > 1 {
            return Err(Hole::Undefined);
        }
        let rest = rest.scaled(-ANGLE_HALVINGS);
        let square = rest.times(&rest).negated();
        let mut sine = Self::series(rest, &square, (1..).map(|k| 2 * k * (2 * k + 1)));
        let mut cosine = Self::series(Self::small(1), &square, (1..).map(|k| 2 * k * (2 * k - 1)));
        for _ in 0..ANGLE_HALVINGS {
            let product = sine.times(&cosine);
            let squared = sine.times(&sine);
            (sine, cosine) = (product.scaled(1), Self::small(1).minus(&squared.scaled(1)));
        }
        Ok(match quarters.rem_euclid(4) {
            0 => (sine, cosine),
            1 => (cosine, sine.negated()),
            2 => (sine.negated(), cosine.negated()),
            _ => (cosine.negated(), sine),
        })
    }

    pub fn arctan(&self) -> Value<Self> {
        let one = Self::small(1);
        if self.is_zero() {
            return Ok(*self);
        }
        let mut ratio = *self;
        // arctan x = 2 arctan(x / (1 + √(1 + x²))).
        for _ in 0..ANGLE_HALVINGS {
            let root = one.plus(&ratio.times(&ratio)).square_root()?;
            ratio = ratio.over(&one.plus(&root))?;
        }
        let square = ratio.times(&ratio).negated();
        Ok(Self::odd_powers(&ratio, &square).scaled(ANGLE_HALVINGS))
    }

    pub fn arcsin(&self) -> Value<Self> {
        let rest = Self::small(1).minus(&self.times(self));
        if rest.is_zero() {
            let quarter = Self::pi().scaled(-1);
            return Ok(if self.mid.negative { quarter.negated() } else { quarter });
        }
        self.over(&rest.square_root()?)?.arctan()
    }

    /// The largest integer that is not above it.
    pub fn floor(&self) -> Value<Self> {
        let nearest = self.mid.nearest().ok_or(Hole::Beyond)?;
        let whole = Self::small(nearest);
        match self.minus(&whole).sign() {
            Some(-1) => Ok(Self::small(nearest - 1)),
            Some(_) => Ok(whole),
            None => Err(Hole::Undefined),
        }
    }
}
