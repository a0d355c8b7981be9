//! Sums of products of roots and symbols with exact rational coefficients, and quotients of them.
//!
//! A sum is in normal form: no two terms have the same product and no coefficient is zero. Products of roots of primes
//! with exponents in (0, 1) are linearly independent over the rationals (Besicovitch 1940), also times the imaginary
//! unit, and symbols are taken as independent of each other and of them, so a sum without functions is zero exactly if
//! it has no terms. Functions depend on each other; what equal normal forms do not settle is left to evaluation.

use std::{cmp::Ordering, sync::Arc};

use num_bigint::BigInt;
use num_rational::{BigRational, Rational64};
use num_traits::{CheckedAdd, CheckedMul, One, Signed, Zero};

use crate::{
    function::Applied,
    limits::{BITS, Budget, Gap, TERMS},
};

/// What a term is a product of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Atom {
    /// A prime, with an exponent in (0, 1): a root.
    Prime(u64),
    /// √−1, with exponent 1.
    Imaginary,
    /// A variable or constant (`x`, `pi`, `e`), with any exponent but 0.
    Symbol(Arc<str>),
    /// A function of something, with any exponent but 0.
    Applied(Arc<Applied>),
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
                Atom::Prime(_) | Atom::Symbol(_) | Atom::Applied(_) => {}
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
}

/// A product; of integers without looking for a common divisor, which costs most.
fn multiplied(a: BigRational, b: &BigRational) -> BigRational {
    if b.is_one() {
        a
    } else if a.is_one() {
        b.clone()
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
    if a.is_one() || b.is_one() {
        return 1;
    }
    let words = |value: &BigRational| value.numer().bits().max(value.denom().bits()) / 64;
    let (a_words, b_words) = (words(a), words(b));
    let whole = a.is_integer() && b.is_integer();
    1 + if whole { a_words * b_words } else { (a_words + b_words) * (a_words + b_words) } / 8
}

/// A sum of terms in normal form: products in ascending order, with coefficients that are not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sum(pub Vec<(Product, BigRational)>);

impl Sum {
    pub fn constant(value: BigRational) -> Self {
        Self::term(Product::default(), value)
    }

    pub fn term(product: Product, coefficient: BigRational) -> Self {
        Self(if coefficient.is_zero() { Vec::new() } else { vec![(product, coefficient)] })
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn is_one(&self) -> bool {
        self.single().is_some_and(|(product, value)| product.is_one() && value.is_one())
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
        if let [(product, coefficient)] = &self.0[..] { Some((product, coefficient)) } else { None }
    }

    /// What its terms are products of.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.0.iter().map(|(product, _)| product)
    }

    pub fn add_term(&mut self, product: Product, coefficient: BigRational) -> Result<(), Gap> {
        if coefficient.numer().bits().max(coefficient.denom().bits()) > BITS {
            return Err("number too large");
        }
        match self.0.binary_search_by(|(known, _)| known.cmp(&product)) {
            Err(at) => self.0.insert(at, (product, coefficient)),
            Ok(at) => {
                self.0[at].1 = added(&self.0[at].1, &coefficient);
                if self.0[at].1.is_zero() {
                    self.0.remove(at);
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
}

/// A quotient of two sums; the denominator has several terms, or there is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quotient {
    pub numerator: Sum,
    pub denominator: Option<Sum>,
}

impl Quotient {
    pub fn constant(value: BigRational) -> Self {
        Self::whole(Sum::constant(value))
    }

    pub fn integer(value: i64) -> Self {
        Self::constant(BigRational::from_integer(BigInt::from(value)))
    }

    pub fn symbol(name: &str) -> Self {
        Self::atom(Atom::Symbol(name.into()))
    }

    pub fn atom(atom: Atom) -> Self {
        Self::whole(Sum::term(Product(vec![(atom, Rational64::one())]), BigRational::one()))
    }

    pub fn whole(numerator: Sum) -> Self {
        Self { numerator, denominator: None }
    }

    /// Its sum if its denominator is one.
    pub fn as_sum(&self) -> Option<&Sum> {
        self.denominator.is_none().then_some(&self.numerator)
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

    /// Its value if it is a rational number other than zero.
    fn constant_term(&self) -> Option<&BigRational> {
        let (product, value) = self.numerator.single()?;
        (product.is_one() && self.denominator.is_none()).then_some(value)
    }

    /// What an operation makes of two rational numbers, without going through sums.
    fn of_constants(
        &self,
        other: &Self,
        operation: impl Fn(&BigRational, &BigRational) -> BigRational,
        budget: &mut Budget,
    ) -> Result<Option<Self>, Gap> {
        let (Some(a), Some(b)) = (self.constant_term(), other.constant_term()) else { return Ok(None) };
        budget.spend(steps(a, b))?;
        let value = operation(a, b);
        if value.numer().bits().max(value.denom().bits()) > BITS {
            return Err("number too large");
        }
        Ok(Some(Self::constant(value)))
    }

    pub fn plus(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        if let Some(sum) = self.of_constants(other, added, budget)? {
            return Ok(sum);
        }
        if self.denominator == other.denominator {
            let numerator = self.numerator.plus(&other.numerator, budget)?;
            let denominator = self.denominator.clone().filter(|_| !numerator.is_zero());
            return Ok(Self { numerator, denominator });
        }
        let left = times_denominator(&self.numerator, other, budget)?;
        let right = times_denominator(&other.numerator, self, budget)?;
        self.common(other, left.plus(&right, budget)?, budget)
    }

    /// A numerator over the product of two denominators.
    fn common(&self, other: &Self, numerator: Sum, budget: &mut Budget) -> Result<Self, Gap> {
        match (&self.denominator, &other.denominator) {
            (None, None) => Ok(Self::whole(numerator)),
            (Some(one), None) | (None, Some(one)) => Self::fraction(numerator, one.clone(), budget),
            (Some(a), Some(b)) => Self::fraction(numerator, a.times(b, budget)?, budget),
        }
    }

    pub fn negated(&self) -> Self {
        Self { numerator: self.numerator.negated(), denominator: self.denominator.clone() }
    }

    pub fn times(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        if let Some(product) = self.of_constants(other, |a, b| multiplied(a.clone(), b), budget)? {
            return Ok(product);
        }
        self.common(other, self.numerator.times(&other.numerator, budget)?, budget)
    }

    pub fn inverted(&self, budget: &mut Budget) -> Result<Self, Gap> {
        let above = self.denominator.clone().unwrap_or_else(|| Sum::constant(BigRational::one()));
        Self::fraction(above, self.numerator.clone(), budget)
    }

    pub fn over(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        if let Some(quotient) = self.of_constants(other, |a, b| a / b, budget)? {
            return Ok(quotient);
        }
        self.times(&other.inverted(budget)?, budget)
    }

    /// A fraction in normal form: a denominator of one term goes into the numerator.
    fn fraction(numerator: Sum, denominator: Sum, budget: &mut Budget) -> Result<Self, Gap> {
        if denominator.is_zero() {
            return Err("division by zero");
        }
        if numerator.is_zero() || denominator.is_one() {
            return Ok(Self::whole(numerator));
        }
        let Some((product, coefficient)) = denominator.single() else {
            return Ok(Self { numerator, denominator: Some(denominator) });
        };
        let powers = product.0.iter().map(|(atom, exponent)| (atom.clone(), -exponent)).collect();
        let (factor, product) = Product::normal(powers)?;
        let inverse = Sum::term(product, factor / coefficient);
        Ok(Self::whole(numerator.times(&inverse, budget)?))
    }

    /// Whether two quotients have the same value, by cross-multiplication.
    pub fn equals(&self, other: &Self, budget: &mut Budget) -> Result<bool, Gap> {
        if self.denominator == other.denominator {
            return Ok(self.numerator == other.numerator);
        }
        let left = times_denominator(&self.numerator, other, budget)?;
        Ok(left == times_denominator(&other.numerator, self, budget)?)
    }

    /// What the terms of its numerator and denominator are products of.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.numerator.products().chain(self.denominator.iter().flat_map(Sum::products))
    }

    /// Itself times a rational number.
    pub fn scaled(&self, factor: &BigRational) -> Self {
        if factor.is_zero() {
            return Self::integer(0);
        }
        let terms = self.numerator.0.iter().map(|(product, value)| (product.clone(), value * factor));
        Self { numerator: Sum(terms.collect()), denominator: self.denominator.clone() }
    }

    /// Whether the coefficient of its leading term is negative.
    pub fn leads_negative(&self) -> bool {
        self.numerator.0.last().is_some_and(|(_, coefficient)| coefficient.is_negative())
    }

    /// Real and imaginary part, if it is a sum of terms without symbols and functions and not real.
    pub fn complex_parts(&self) -> Option<(Self, Self)> {
        let (mut re, mut im) = (Sum::default(), Sum::default());
        for (product, coefficient) in &self.as_sum()?.0 {
            if product.0.iter().any(|(atom, _)| matches!(atom, Atom::Symbol(_) | Atom::Applied(_))) {
                return None;
            }
            let real: Vec<_> =
                product.0.iter().filter(|(atom, _)| *atom != Atom::Imaginary).cloned().collect();
            let part = if real.len() == product.0.len() { &mut re } else { &mut im };
            part.add_term(Product(real), coefficient.clone()).ok()?;
        }
        (!im.is_zero()).then(|| (Self::whole(re), Self::whole(im)))
    }
}

/// A sum times the denominator of a quotient.
fn times_denominator(sum: &Sum, quotient: &Quotient, budget: &mut Budget) -> Result<Sum, Gap> {
    match &quotient.denominator {
        None => Ok(sum.clone()),
        Some(denominator) => sum.times(denominator, budget),
    }
}
