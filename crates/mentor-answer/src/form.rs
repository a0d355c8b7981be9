//! The normal form of an answer.

use std::fmt;

use num_rational::{BigRational, Rational64};
use num_traits::{One, Signed, Zero};

use crate::{
    choice,
    function::{Applied, Function},
    poly::{Atom, Product, Quotient, Sum},
    region::Region,
    relation::Relation,
};

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
    /// An equation or inequality that is no assignment and no region.
    Relation(Relation),
    /// A set of real numbers made of intervals, or what an inequality asks of a variable.
    Region(Region),
    /// Rows of one length.
    Matrix(Vec<Vec<Quotient>>),
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
            Self::Relation(relation) => relation.fmt(f),
            Self::Region(region) => region.fmt(f),
            Self::Matrix(rows) => matrix(f, rows),
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

fn matrix(f: &mut fmt::Formatter<'_>, rows: &[Vec<Quotient>]) -> fmt::Result {
    f.write_str("\\begin{pmatrix}")?;
    for (index, row) in rows.iter().enumerate() {
        f.write_str(if index > 0 { " \\\\ " } else { " " })?;
        for (column, entry) in row.iter().enumerate() {
            write!(f, "{}{entry}", if column > 0 { " & " } else { "" })?;
        }
    }
    f.write_str(" \\end{pmatrix}")
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name} = ")?;
        }
        let alone = !self.percent && self.unit.is_none() || self.value.as_rational().is_some();
        if alone {
            self.value.fmt(f)?;
        } else if self.value.as_symbol().is_some_and(|name| choice::letter(name).is_some()) {
            // In brackets alone it would be the label of a choice.
            write!(f, "(({}))", self.value)?;
        } else {
            write!(f, "({})", self.value)?;
        }
        if self.percent {
            f.write_str("%")?;
        }
        match &self.unit {
            Some(base) if base.starts_with('_') => f.write_str(base),
            // Alone it would open a formula.
            Some(unit) if unit == "$" => f.write_str(" \\$"),
            Some(unit) => write!(f, " {unit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Quotient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.denominator {
            None => self.numerator.fmt(f),
            Some(denominator) => write!(f, "({})/({denominator})", self.numerator),
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
            Atom::Applied(applied) if exponent.is_one() => write!(f, "{applied}")?,
            Atom::Applied(applied) => write!(f, "({applied})")?,
            Atom::Symbol(name) => symbol(f, name)?,
        }
        power(f, *exponent)?;
    }
    Ok(())
}

/// A letter with its primes and subscript.
fn symbol(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if let Some(below) = name.strip_prefix("bar_") {
        f.write_str("\\bar{")?;
        symbol(f, below)?;
        return f.write_str("}");
    }
    let (letter, subscript) = name.split_once('_').unwrap_or((name, ""));
    let plain = letter.trim_end_matches('\'');
    let greek = plain.len() > 1 && plain[1..].bytes().all(|byte| byte.is_ascii_lowercase());
    write!(f, "{}{letter}", if greek { "\\" } else { "" })?;
    match subscript.len() {
        0 => Ok(()),
        1 => write!(f, "_{subscript}"),
        _ => write!(f, "_{{{subscript}}}"),
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.function, &self.arguments[..]) {
            (Function::Power, [base, exponent]) => return write!(f, "({base})^({exponent})"),
            (Function::Binomial, [n, k]) => return write!(f, "\\binom{{{n}}}{{{k}}}"),
            (Function::Factorial, [x]) => return write!(f, "({x})!"),
            (Function::DoubleFactorial, [x]) => return write!(f, "({x})!!"),
            (Function::Ln, _) => "\\ln",
            (Function::Sin, _) => "\\sin",
            (Function::Cos, _) => "\\cos",
            (Function::Arcsin, _) => "\\arcsin",
            (Function::Arctan, _) => "\\arctan",
            (Function::Abs, _) => "abs",
            (Function::Floor, _) => "floor",
            _ => return Err(fmt::Error),
        };
        f.write_str(name)?;
        self.arguments.iter().try_for_each(|argument| write!(f, "({argument})"))
    }
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
