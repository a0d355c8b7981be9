//! Sums of products of roots and symbols with exact rational coefficients, and quotients of them.
//!
//! A sum is in normal form: no two terms have the same product and no coefficient is zero. Products of roots of primes
//! with exponents in (0, 1) are linearly independent over the rationals (Besicovitch 1940), also times the imaginary
//! unit, and symbols are taken as independent of each other and of them, so a sum is zero exactly if it has no terms.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use num_bigint::BigInt;
use num_rational::{BigRational, Rational64};
use num_traits::{CheckedAdd, CheckedMul, One, Signed, ToPrimitive, Zero};

use crate::limits::{BITS, Budget, Gap, TERMS};

/// What a term is a product of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Atom {
    /// A prime, with an exponent in (0, 1): a root.
    Prime(u64),
    /// √−1, with exponent 1.
    Imaginary,
    /// A variable or constant (`x`, `pi`, `e`), with any exponent but 0.
    Symbol(Arc<str>),
}

/// A product of powers of different atoms, sorted by atom.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Product(pub Vec<(Atom, Rational64)>);

impl Product {
    pub fn is_one(&self) -> bool {
        self.0.is_empty()
    }

    /// The product of powers of atoms in normal form: a rational factor and what is left.
    pub fn normal(mut powers: Vec<(Atom, Rational64)>) -> Result<(BigRational, Self), Gap> {
        powers.sort();
        let mut merged: Vec<(Atom, Rational64)> = Vec::with_capacity(powers.len());
        for (atom, exponent) in powers {
            match merged.last_mut() {
                Some((last, sum)) if *last == atom => *sum = bounded_sum(*sum, exponent)?,
                _ => merged.push((atom, exponent)),
            }
        }
        Self::carried(merged)
    }

    /// The same for atoms that are sorted and different already.
    fn carried(mut powers: Vec<(Atom, Rational64)>) -> Result<(BigRational, Self), Gap> {
        let mut factor = BigRational::one();
        for (atom, exponent) in &mut powers {
            let whole = exponent.floor().to_integer();
            match atom {
                Atom::Prime(prime) if whole != 0 => {
                    factor *= rational_power(&BigRational::from_integer((*prime).into()), whole)?;
                    *exponent -= Rational64::from_integer(whole);
                }
                Atom::Imaginary => {
                    if !exponent.is_integer() {
                        return Err("root of a complex number");
                    }
                    if whole.rem_euclid(4) >= 2 {
                        factor = -factor;
                    }
                    *exponent = Rational64::from_integer(whole.rem_euclid(2));
                }
                Atom::Prime(_) | Atom::Symbol(_) => {}
            }
        }
        powers.retain(|(_, exponent)| !exponent.is_zero());
        Ok((factor, Self(powers)))
    }

    fn times(&self, other: &Self) -> Result<(BigRational, Self), Gap> {
        if self.is_one() || other.is_one() {
            let product = if self.is_one() { other } else { self };
            return Ok((BigRational::one(), product.clone()));
        }
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        while let (Some((a, p)), Some((b, q))) = (left.peek(), right.peek()) {
            match a.cmp(b) {
                Ordering::Less => merged.extend(left.next().cloned()),
                Ordering::Greater => merged.extend(right.next().cloned()),
                Ordering::Equal => {
                    merged.push((a.clone(), bounded_sum(*p, *q)?));
                    left.next();
                    right.next();
                }
            }
        }
        merged.extend(left.chain(right).cloned());
        Self::carried(merged)
    }

    /// Its value in double precision; none if it holds a variable or is not real.
    fn to_f64(&self) -> Option<f64> {
        self.0.iter().try_fold(1.0, |product, (atom, exponent)| {
            let base = match atom {
                Atom::Prime(prime) => *prime as f64,
                Atom::Symbol(name) if **name == *"pi" => std::f64::consts::PI,
                Atom::Symbol(name) if **name == *"e" => std::f64::consts::E,
                Atom::Symbol(_) | Atom::Imaginary => return None,
            };
            Some(product * base.powf(exponent.to_f64()?))
        })
    }
}

/// A product; of integers without looking for a common divisor, which costs most.
fn multiplied(a: BigRational, b: &BigRational) -> BigRational {
    if b.is_one() {
        a
    } else if a.is_integer() && b.is_integer() {
        BigRational::from_integer(a.numer() * b.numer())
    } else {
        a * b
    }
}

/// A sum; of integers without looking for a common divisor.
fn added(a: &BigRational, b: &BigRational) -> BigRational {
    if a.is_integer() && b.is_integer() { BigRational::from_integer(a.numer() + b.numer()) } else { a + b }
}

fn bounded_sum(a: Rational64, b: Rational64) -> Result<Rational64, Gap> {
    let whole = (a.is_integer() && b.is_integer()).then(|| Rational64::from_integer(a.numer() + b.numer()));
    bounded(whole.or_else(|| a.checked_add(&b)).ok_or("exponent too large")?)
}

fn bounded(exponent: Rational64) -> Result<Rational64, Gap> {
    let fits = exponent.numer().abs() < 1 << 30 && *exponent.denom() < 1 << 20;
    if fits { Ok(exponent) } else { Err("exponent too large") }
}

/// The product of an exponent and what it is raised to, within bounds that keep later sums exact.
pub(crate) fn scaled(exponent: Rational64, by: Rational64) -> Result<Rational64, Gap> {
    bounded(exponent.checked_mul(&by).ok_or("exponent too large")?)
}

/// An exact power with an exponent whose result stays within [`BITS`].
pub(crate) fn rational_power(base: &BigRational, exponent: i64) -> Result<BigRational, Gap> {
    if base.is_zero() && exponent <= 0 {
        return Err("division by zero or 0^0");
    }
    let bits = base.numer().bits().max(base.denom().bits());
    let unit = base.numer().magnitude().is_one() && base.denom().is_one();
    let exponent = if unit { exponent % 2 } else { exponent };
    if bits.saturating_sub(1).saturating_mul(exponent.unsigned_abs()) > BITS {
        return Err("number too large");
    }
    let exponent = i32::try_from(exponent).map_err(|_| "exponent too large")?;
    Ok(num_traits::Pow::pow(base, exponent))
}

/// The steps a product of two coefficients costs: multiplying and reducing take time quadratic in their length.
fn steps(a: &BigRational, b: &BigRational) -> u64 {
    let words = |value: &BigRational| value.numer().bits().max(value.denom().bits()) / 64;
    let words = words(a) + words(b);
    1 + words * words / 8
}

/// A sum of terms in normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(pub BTreeMap<Product, BigRational>);

impl Sum {
    pub fn constant(value: BigRational) -> Self {
        Self::term(Product::default(), value)
    }

    pub fn term(product: Product, coefficient: BigRational) -> Self {
        let mut terms = BTreeMap::new();
        if !coefficient.is_zero() {
            terms.insert(product, coefficient);
        }
        Self(terms)
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn is_one(&self) -> bool {
        self.as_rational().is_some_and(|value| value.is_one())
    }

    /// Its value if it is a rational number.
    pub fn as_rational(&self) -> Option<BigRational> {
        match self.single() {
            None if self.is_zero() => Some(BigRational::zero()),
            Some((product, value)) if product.is_one() => Some(value.clone()),
            _ => None,
        }
    }

    /// Its term if it has exactly one.
    pub fn single(&self) -> Option<(&Product, &BigRational)> {
        self.0.first_key_value().filter(|_| self.0.len() == 1)
    }

    fn add_term(&mut self, product: Product, coefficient: BigRational) -> Result<(), Gap> {
        if coefficient.numer().bits().max(coefficient.denom().bits()) > BITS {
            return Err("number too large");
        }
        match self.0.entry(product) {
            Entry::Vacant(entry) => {
                entry.insert(coefficient);
            }
            Entry::Occupied(mut entry) => {
                let sum = added(entry.get(), &coefficient);
                entry.insert(sum);
                if entry.get().is_zero() {
                    entry.remove();
                }
            }
        }
        if self.0.len() > TERMS { Err("too many terms") } else { Ok(()) }
    }

    pub fn plus(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        // Copying a term costs less than multiplying by one.
        budget.spend((self.0.len() + other.0.len()) as u64 / 4)?;
        let mut sum = self.clone();
        for (product, coefficient) in &other.0 {
            sum.add_term(product.clone(), coefficient.clone())?;
        }
        Ok(sum)
    }

    pub fn negated(&self) -> Self {
        Self(self.0.iter().map(|(product, coefficient)| (product.clone(), -coefficient)).collect())
    }

    pub fn times(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        let mut sum = Self::default();
        for (left, a) in &self.0 {
            for (right, b) in &other.0 {
                budget.spend(steps(a, b))?;
                let (factor, product) = left.times(right)?;
                let coefficient = multiplied(multiplied(a.clone(), b), &factor);
                if !coefficient.is_zero() {
                    sum.add_term(product, coefficient)?;
                }
            }
        }
        Ok(sum)
    }

    /// Its value in double precision; none if it holds a variable or is not real.
    pub fn to_f64(&self) -> Option<f64> {
        self.0.iter().try_fold(0.0, |sum, (product, value)| Some(sum + product.to_f64()? * value.to_f64()?))
    }
}

/// A quotient of two sums; the denominator is one unless it has several terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quotient {
    pub numerator: Sum,
    pub denominator: Sum,
}

impl Quotient {
    pub fn constant(value: BigRational) -> Self {
        Self { numerator: Sum::constant(value), denominator: Sum::constant(BigRational::one()) }
    }

    pub fn integer(value: i64) -> Self {
        Self::constant(BigRational::from_integer(BigInt::from(value)))
    }

    pub fn symbol(name: &str) -> Self {
        let product = Product(vec![(Atom::Symbol(name.into()), Rational64::one())]);
        Self::whole(Sum::term(product, BigRational::one()))
    }

    pub fn imaginary() -> Self {
        let product = Product(vec![(Atom::Imaginary, Rational64::one())]);
        Self::whole(Sum::term(product, BigRational::one()))
    }

    pub fn whole(numerator: Sum) -> Self {
        Self { numerator, denominator: Sum::constant(BigRational::one()) }
    }

    /// Its sum if its denominator is one.
    pub fn as_sum(&self) -> Option<&Sum> {
        self.denominator.is_one().then_some(&self.numerator)
    }

    /// Its value if it is a rational number in normal form.
    pub fn as_rational(&self) -> Option<BigRational> {
        self.as_sum()?.as_rational()
    }

    /// Its name if it is a symbol and nothing else.
    pub fn as_symbol(&self) -> Option<&str> {
        let (product, coefficient) = self.as_sum()?.single()?;
        match &product.0[..] {
            [(Atom::Symbol(name), exponent)] if exponent.is_one() && coefficient.is_one() => Some(name),
            _ => None,
        }
    }

    pub fn plus(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        if self.denominator == other.denominator {
            let numerator = self.numerator.plus(&other.numerator, budget)?;
            return Ok(Self { numerator, denominator: self.denominator.clone() });
        }
        let left = self.numerator.times(&other.denominator, budget)?;
        let right = other.numerator.times(&self.denominator, budget)?;
        let denominator = self.denominator.times(&other.denominator, budget)?;
        Self { numerator: left.plus(&right, budget)?, denominator }.normal(budget)
    }

    pub fn negated(&self) -> Self {
        Self { numerator: self.numerator.negated(), denominator: self.denominator.clone() }
    }

    pub fn times(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        let numerator = self.numerator.times(&other.numerator, budget)?;
        let denominator = self.denominator.times(&other.denominator, budget)?;
        Self { numerator, denominator }.normal(budget)
    }

    pub fn inverted(&self, budget: &mut Budget) -> Result<Self, Gap> {
        Self { numerator: self.denominator.clone(), denominator: self.numerator.clone() }.normal(budget)
    }

    pub fn over(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        self.times(&other.inverted(budget)?, budget)
    }

    /// Brings a denominator of one term into the numerator.
    fn normal(self, budget: &mut Budget) -> Result<Self, Gap> {
        if self.denominator.is_zero() {
            return Err("division by zero");
        }
        if self.numerator.is_zero() {
            return Ok(Self::integer(0));
        }
        let Some((product, coefficient)) = self.denominator.single() else { return Ok(self) };
        if product.is_one() && coefficient.is_one() {
            return Ok(self);
        }
        let powers = product.0.iter().map(|(atom, exponent)| (atom.clone(), -exponent)).collect();
        let (factor, product) = Product::normal(powers)?;
        let inverse = Sum::term(product, factor / coefficient);
        Ok(Self::whole(self.numerator.times(&inverse, budget)?))
    }

    /// Whether two quotients have the same value, by cross-multiplication.
    pub fn equals(&self, other: &Self, budget: &mut Budget) -> Result<bool, Gap> {
        if self.denominator == other.denominator {
            return Ok(self.numerator == other.numerator);
        }
        let left = self.numerator.times(&other.denominator, budget)?;
        Ok(left == other.numerator.times(&self.denominator, budget)?)
    }

    /// Its value in double precision; none if it holds a variable or is not real.
    pub fn to_f64(&self) -> Option<f64> {
        Some(self.numerator.to_f64()? / self.denominator.to_f64()?)
    }

    /// Its absolute value, if its sign is beyond doubt.
    pub fn absolute(&self) -> Result<Self, Gap> {
        let negative = match self.as_rational() {
            Some(value) => value.is_negative(),
            None => match self.to_f64() {
                Some(value) if value.abs() > 1e-6 => value < 0.0,
                _ => return Err("absolute value of an expression"),
            },
        };
        Ok(if negative { self.negated() } else { self.clone() })
    }
}
