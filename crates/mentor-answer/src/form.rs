//! The normal form of an answer.

use std::fmt;

use num_rational::{BigRational, Rational64};
use num_traits::{One, Signed, Zero};

use crate::poly::{Atom, Product, Quotient, Sum};

/// An answer in normal form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    /// A number or an expression with symbols.
    Quantity(Quantity),
    /// ∞ or −∞, which takes part in no arithmetic.
    Infinity { negative: bool },
    /// A tuple, interval or list: order and brackets count.
    Sequence { open: char, close: char, items: Vec<Form> },
    /// A set, in braces or as a bare list: neither order nor repetition counts.
    Set(Vec<Form>),
    /// Words, in lower case with single spaces.
    Phrase(String),
}

/// An expression and what stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantity {
    /// The expression; the number before the sign if it is a percentage.
    pub value: Quotient,
    /// Whether it is a percentage.
    pub percent: bool,
    /// The unit, if it is a known one.
    pub unit: Option<String>,
    /// The variable it is said to be the value of.
    pub name: Option<String>,
}

impl Quantity {
    pub fn plain(value: Quotient) -> Self {
        Self { value, percent: false, unit: None, name: None }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(quantity) => quantity.fmt(f),
            Self::Infinity { negative } => f.write_str(if *negative { "-inf" } else { "inf" }),
            Self::Sequence { open, close, items } => list(f, *open, items, *close),
            Self::Set(items) if items.is_empty() => f.write_str("∅"),
            Self::Set(items) => list(f, '{', items, '}'),
            Self::Phrase(words) => write!(f, "\"{words}\""),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: char, items: &[Form], close: char) -> fmt::Result {
    write!(f, "{open}")?;
    for (index, item) in items.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        write!(f, "{separator}{item}")?;
    }
    write!(f, "{close}")
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name} = ")?;
        }
        let alone = !self.percent && self.unit.is_none() || self.value.as_rational().is_some();
        if alone {
            self.value.fmt(f)?;
        } else {
            write!(f, "({})", self.value)?;
        }
        if self.percent {
            f.write_str("%")?;
        }
        match &self.unit {
            Some(base) if base.starts_with('_') => f.write_str(base),
            Some(unit) => write!(f, " {unit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Quotient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_sum() {
            Some(sum) => sum.fmt(f),
            None => write!(f, "({})/({})", self.numerator, self.denominator),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        for (index, (product, coefficient)) in self.0.iter().rev().enumerate() {
            match (index, coefficient.is_negative()) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            term(f, product, &coefficient.abs())?;
        }
        Ok(())
    }
}

fn term(f: &mut fmt::Formatter<'_>, product: &Product, coefficient: &BigRational) -> fmt::Result {
    if product.is_one() || !coefficient.is_one() {
        write!(f, "{coefficient}")?;
    }
    for (index, (atom, exponent)) in product.0.iter().enumerate() {
        if index > 0 || !coefficient.is_one() {
            f.write_str("*")?;
        }
        match atom {
            Atom::Prime(prime) => write!(f, "{prime}")?,
            Atom::Imaginary => f.write_str("i")?,
            Atom::Symbol(name) => {
                let greek = name.split('_').next().is_some_and(|letter| letter.len() > 1);
                write!(f, "{}{name}", if greek { "\\" } else { "" })?;
            }
        }
        power(f, *exponent)?;
    }
    Ok(())
}

fn power(f: &mut fmt::Formatter<'_>, exponent: Rational64) -> fmt::Result {
    debug_assert!(!exponent.is_zero(), "a product holds no zeroth power");
    if exponent.is_one() {
        Ok(())
    } else if exponent.is_integer() && exponent.is_positive() {
        write!(f, "^{exponent}")
    } else {
        write!(f, "^({exponent})")
    }
}
