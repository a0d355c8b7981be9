//! Floating-point numbers with a mantissa of a fixed number of 64-bit limbs, rounded towards zero.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

/// `±0.m · 2^exponent`: the mantissa `m` holds `64 N` bits, least significant limb first, and its top bit is set
/// unless the number is zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Float<const N: usize> {
    pub negative: bool,
    pub exponent: i64,
    limbs: [u64; N],
}

/// A result and whether no digit of it was cut off.
pub(super) type Rounded<const N: usize> = (Float<N>, bool);

impl<const N: usize> Float<N> {
    pub const BITS: i64 = 64 * N as i64;
    pub const ZERO: Self = Self { negative: false, exponent: 0, limbs: [0; N] };

    pub fn is_zero(&self) -> bool {
        self.limbs[N - 1] == 0
    }

    /// The leading limbs of a constant, given with at least `N` of them.
    pub fn constant(limbs: &[u64], exponent: i64) -> Self {
        let mut own = [0; N];
        own.copy_from_slice(&limbs[limbs.len() - N..]);
        Self { negative: false, exponent, limbs: own }
    }

    pub fn small(value: i64) -> Self {
        let magnitude = value.unsigned_abs();
        if magnitude == 0 {
            return Self::ZERO;
        }
        let mut limbs = [0; N];
        limbs[N - 1] = magnitude << magnitude.leading_zeros();
        Self { negative: value < 0, exponent: 64 - i64::from(magnitude.leading_zeros()), limbs }
    }

    pub fn integer(value: &BigInt) -> Rounded<N> {
        let bits = value.bits();
        if bits == 0 {
            return (Self::ZERO, true);
        }
        let magnitude = value.magnitude();
        let (aligned, exact) = if bits > 64 * N as u64 {
            let cut = bits - 64 * N as u64;
            (magnitude >> cut, magnitude.trailing_zeros().is_some_and(|zeros| zeros >= cut))
        } else {
            (magnitude << (64 * N as u64 - bits), true)
        };
        let mut limbs = [0; N];
        for (limb, digit) in limbs.iter_mut().zip(aligned.iter_u64_digits()) {
            *limb = digit;
        }
        (Self { negative: value.sign() == Sign::Minus, exponent: bits as i64, limbs }, exact)
    }

    pub fn negated(self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..self }
    }

    pub fn scaled(self, by: i64) -> Self {
        Self { exponent: self.exponent.saturating_add(by), ..self }
    }

    /// Its value to about 53 bits, of the mantissa alone: in [1/2, 1), without its sign.
    pub fn mantissa(&self) -> f64 {
        self.limbs[N - 1] as f64 / 2_f64.powi(64)
    }

    /// Shifts a mantissa right; whether only zeros fell out.
    fn shifted(limbs: [u64; N], by: u64) -> ([u64; N], bool) {
        let (whole, bits) = ((by / 64) as usize, by % 64);
        if whole >= N {
            return ([0; N], limbs.iter().all(|limb| *limb == 0));
        }
        let mut out = [0; N];
        for (index, limb) in out[..N - whole].iter_mut().enumerate() {
            let low = limbs[index + whole];
            let high = limbs.get(index + whole + 1).copied().unwrap_or(0);
            *limb = if bits == 0 { low } else { low >> bits | high << (64 - bits) };
        }
        let lost = limbs[..whole].iter().all(|limb| *limb == 0) && limbs[whole] & ((1 << bits) - 1) == 0;
        (out, lost)
    }

    /// Moves the top bit of a mantissa that is not zero to the top.
    fn normal(negative: bool, exponent: i64, mut limbs: [u64; N]) -> Self {
        let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else { return Self::ZERO };
        let whole = N - 1 - top;
        let bits = limbs[top].leading_zeros();
        limbs.rotate_right(whole);
        if bits > 0 {
            for index in (0..N).rev() {
                let below = if index == 0 { 0 } else { limbs[index - 1] >> (64 - bits) };
                limbs[index] = limbs[index] << bits | below;
            }
        }
        Self { negative, exponent: exponent - 64 * whole as i64 - i64::from(bits), limbs }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => (self.exponent.cmp(&other.exponent))
                .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev())),
        }
    }

    /// The sum; its error is below one unit in the last place of the larger operand, twice that after a carry.
    pub fn plus(&self, other: &Self) -> Rounded<N> {
        let (large, small) =
            if self.compare_magnitude(other).is_ge() { (self, other) } else { (other, self) };
        if small.is_zero() {
            return (*large, true);
        }
        let apart = large.exponent.saturating_sub(small.exponent) as u64;
        let (aligned, mut exact) = Self::shifted(small.limbs, apart);
        let mut limbs = large.limbs;
        let mut carry = false;
        for (limb, other) in limbs.iter_mut().zip(aligned) {
            let (moved, again) = if large.negative == small.negative {
                let (sum, first) = limb.overflowing_add(other);
                let (sum, second) = sum.overflowing_add(u64::from(carry));
                (sum, first || second)
            } else {
                let (difference, first) = limb.overflowing_sub(other);
                let (difference, second) = difference.overflowing_sub(u64::from(carry));
                (difference, first || second)
            };
            (*limb, carry) = (moved, again);
        }
        if large.negative != small.negative {
            return (Self::normal(large.negative, large.exponent, limbs), exact);
        }
        let mut exponent = large.exponent;
        if carry {
            exact &= limbs[0] & 1 == 0;
            limbs = Self::shifted(limbs, 1).0;
            limbs[N - 1] |= 1 << 63;
            exponent += 1;
        }
        (Self { negative: large.negative, exponent, limbs }, exact)
    }

    /// The product; its error is below two units in the last place.
    pub fn times(&self, other: &Self) -> Rounded<N> {
        if self.is_zero() || other.is_zero() {
            return (Self::ZERO, true);
        }
        let (mut low, mut high) = ([0_u64; N], [0_u64; N]);
        for (i, a) in self.limbs.iter().enumerate() {
            let mut carry = 0_u64;
            for (j, b) in other.limbs.iter().enumerate() {
                let place = if i + j < N { &mut low[i + j] } else { &mut high[i + j - N] };
                let sum = u128::from(*a) * u128::from(*b) + u128::from(*place) + u128::from(carry);
                *place = sum as u64;
                carry = (sum >> 64) as u64;
            }
            high[i] = carry;
        }
        let mut exponent = self.exponent.saturating_add(other.exponent);
        if high[N - 1] >> 63 == 0 {
            let mut below = low[N - 1] >> 63;
            low[N - 1] <<= 1;
            for limb in &mut high {
                let top = *limb >> 63;
                *limb = *limb << 1 | below;
                below = top;
            }
            exponent = exponent.saturating_sub(1);
        }
        let exact = low.iter().all(|limb| *limb == 0);
        (Self { negative: self.negative != other.negative, exponent, limbs: high }, exact)
    }

    /// The quotient by a small number; its error is below one unit in the last place of the dividend.
    pub fn over_small(&self, divisor: u64) -> Self {
        let mut remainder = 0_u64;
        let mut limbs = self.limbs;
        for limb in limbs.iter_mut().rev() {
            let part = u128::from(remainder) << 64 | u128::from(*limb);
            *limb = (part / u128::from(divisor)) as u64;
            remainder = (part % u128::from(divisor)) as u64;
        }
        Self::normal(self.negative, self.exponent, limbs)
    }

    /// The reciprocal of a number that is not zero, by Newton's method from 52 bits; its error is below 16 units in
    /// the last place: the error squares each time, and the last three operations add two units each.
    pub fn reciprocal(&self) -> Self {
        let divisor = Self { negative: false, exponent: 0, limbs: self.limbs };
        let two = Self::small(2);
        let mut inverse = Self::from_f64(1.0 / self.mantissa());
        let mut bits = 48;
        while bits < Self::BITS + 8 {
            let off = two.plus(&divisor.times(&inverse).0.negated()).0;
            inverse = inverse.times(&off).0;
            bits *= 2;
        }
        Self { negative: self.negative, exponent: inverse.exponent.saturating_sub(self.exponent), ..inverse }
    }

    /// The square root of a positive number, by Newton's method for its reciprocal; its error is below 32 units in the
    /// last place.
    pub fn square_root(&self) -> Self {
        let odd = self.exponent.rem_euclid(2);
        let radicand = Self { negative: false, exponent: odd, limbs: self.limbs };
        let three = Self::small(3);
        let mut inverse = Self::from_f64(1.0 / (self.mantissa() * 2_f64.powi(odd as i32)).sqrt());
        let mut bits = 46;
        while bits < Self::BITS + 8 {
            let square = inverse.times(&inverse).0;
            let off = three.plus(&radicand.times(&square).0.negated()).0;
            inverse = inverse.times(&off).0.scaled(-1);
            bits = bits * 2 - 1;
        }
        radicand.times(&inverse).0.scaled((self.exponent - odd) / 2)
    }

    /// The value of a positive double between 2^-60 and 2^60.
    fn from_f64(value: f64) -> Self {
        let whole = value * 2_f64.powi(62);
        let mut scale = 0;
        let mut part = whole;
        while part >= 2_f64.powi(63) {
            part /= 2.0;
            scale += 1;
        }
        Self::small(part as i64).scaled(scale - 62)
    }

    /// The nearest integer, of a number below 2^62 in size.
    pub fn nearest(&self) -> Option<i64> {
        if self.is_zero() || self.exponent < 0 {
            return Some(0);
        }
        if self.exponent > 62 {
            return None;
        }
        // One bit more than the integer part, to round by.
        let doubled = self.limbs[N - 1] >> (63 - self.exponent);
        let rounded = doubled.div_ceil(2) as i64;
        Some(if self.negative { -rounded } else { rounded })
    }
}
