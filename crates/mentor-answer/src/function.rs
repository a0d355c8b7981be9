//! Functions in normal form: exact where they can be, else applied to arguments in normal form.

use std::sync::Arc;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::{BigRational, Rational64};
use num_traits::{One, Signed, ToPrimitive, Zero};

use crate::{
    limits::{BITS, Budget, FACTORIAL, FUNCTIONS_NESTED, Gap, TERMS},
    numeric,
    poly::{Atom, Product, Quotient, Sum, scaled},
    power::{factored, power, root},
};

/// What is left of functions in normal forms; the others are expressed in these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Ln,
    Sin,
    Cos,
    Arcsin,
    Arctan,
    Abs,
    Floor,
    Factorial,
    DoubleFactorial,
    Binomial,
    /// A power that could not be expanded: base and exponent.
    Power,
}

/// A function and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Applied {
    /// How many functions there are in it, itself included; bounded by [`FUNCTIONS_NESTED`].
    size: usize,
    pub function: Function,
    pub arguments: Vec<Quotient>,
}

/// A function of arguments, left as it is.
pub(crate) fn applied(function: Function, arguments: Vec<Quotient>) -> Result<Quotient, Gap> {
    applied_power(function, arguments, Rational64::one())
}

/// The same raised to an exponent that is not zero.
fn applied_power(
    function: Function,
    arguments: Vec<Quotient>,
    exponent: Rational64,
) -> Result<Quotient, Gap> {
    let inner = |product: &Product| -> usize {
        let size =
            |(atom, _): &(Atom, Rational64)| if let Atom::Applied(applied) = atom { applied.size } else { 0 };
        product.0.iter().map(size).sum()
    };
    let (mut terms, mut size) = (0, 1);
    for product in arguments.iter().flat_map(Quotient::products) {
        terms += 1;
        size += inner(product);
    }
    if size > FUNCTIONS_NESTED || terms > TERMS {
        return Err("too many functions");
    }
    let atom = Atom::Applied(Arc::new(Applied { size, function, arguments }));
    Ok(Quotient::whole(Sum::term(Product(vec![(atom, exponent)]), BigRational::one())))
}

/// The names of functions of one argument, in LaTeX with a backslash, and in plain text.
#[rustfmt::skip]
pub(crate) const FUNCTIONS: &[&str] = &[
    "ln", "log", "lg", "exp", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch",
    "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc", "asin", "acos", "atan", "tg", "ctg", "arctg",
    "arcsinh", "arccosh", "arctanh", "arsinh", "arcosh", "artanh", "asinh", "acosh", "atanh",
];

/// The name of the inverse of a function (`\sin^{-1}`).
pub(crate) fn inverse(name: &str) -> Option<&'static str> {
    Some(match name {
        "sin" => "arcsin",
        "cos" => "arccos",
        "tan" => "arctan",
        "cot" => "arccot",
        "sec" => "arcsec",
        "csc" => "arccsc",
        "sinh" => "arcsinh",
        "cosh" => "arccosh",
        "tanh" => "arctanh",
        _ => return None,
    })
}

/// A named function of one argument.
pub(crate) fn function(name: &str, x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let one = Quotient::integer(1);
    match name {
        "ln" => ln(x, budget),
        "log" | "lg" => logarithm(x, &Quotient::integer(10), budget),
        "exp" => power(&Quotient::symbol("e"), x, budget),
        "sin" => sine(x, budget),
        "cos" => cosine(x, budget),
        "tan" | "tg" => sine(x, budget)?.over(&cosine(x, budget)?, budget),
        "cot" | "ctg" => cosine(x, budget)?.over(&sine(x, budget)?, budget),
        "sec" => cosine(x, budget)?.inverted(budget),
        "csc" => sine(x, budget)?.inverted(budget),
        "sinh" | "cosh" | "tanh" | "coth" | "sech" | "csch" => hyperbolic(name, x, budget),
        "arcsin" | "asin" => arcsine(x, budget),
        "arccos" | "acos" => half_pi().plus(&arcsine(x, budget)?.negated(), budget),
        "arctan" | "atan" | "arctg" => arctangent(x, budget),
        "arccot" => half_pi().plus(&arctangent(x, budget)?.negated(), budget),
        "arcsec" => half_pi().plus(&arcsine(&x.inverted(budget)?, budget)?.negated(), budget),
        "arccsc" => arcsine(&x.inverted(budget)?, budget),
        // arsinh x = ln(x + √(x² + 1)), arcosh x = ln(x + √(x² − 1)).
        "arcsinh" | "arsinh" | "asinh" | "arccosh" | "arcosh" | "acosh" => {
            let sign = if name.contains("sinh") { one } else { one.negated() };
            let square = x.times(x, budget)?.plus(&sign, budget)?;
            ln(&x.plus(&root(&square, 2, budget)?, budget)?, budget)
        }
        // artanh x = ln((1 + x) / (1 − x)) / 2.
        "arctanh" | "artanh" | "atanh" => {
            let ratio = one.plus(x, budget)?.over(&one.plus(&x.negated(), budget)?, budget)?;
            ln(&ratio, budget)?.over(&Quotient::integer(2), budget)
        }
        _ => Err("a function that is not understood"),
    }
}

fn half_pi() -> Quotient {
    pi_times(&BigRational::new(BigInt::one(), BigInt::from(2)))
}

fn pi_times(factor: &BigRational) -> Quotient {
    Quotient::symbol("pi").scaled(factor)
}

/// The logarithm of `x` to a base.
pub(crate) fn logarithm(x: &Quotient, base: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    ln(x, budget)?.over(&ln(base, budget)?, budget)
}

/// The natural logarithm: of primes one by one, and of powers of constants.
pub(crate) fn ln(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    if x.numerator.is_zero() {
        return Err("logarithm of zero");
    }
    let split = x.as_sum().and_then(Sum::single).and_then(|(product, coefficient)| {
        let constant = product.0.iter().all(|(atom, _)| match atom {
            Atom::Prime(_) => true,
            Atom::Symbol(name) => matches!(&**name, "pi" | "e"),
            Atom::Applied(applied) => is_natural_power(applied),
            Atom::Imaginary => false,
        });
        let primes = factored(coefficient).filter(|_| constant && coefficient.is_positive())?;
        Some((product, primes))
    });
    let Some((product, primes)) = split else { return applied(Function::Ln, vec![x.clone()]) };
    let mut total = Quotient::integer(0);
    let ln_of = |value: Quotient| applied(Function::Ln, vec![value]);
    for (prime, power) in primes {
        let term = ln_of(Quotient::constant(BigRational::from_integer(prime.into())))?;
        total = total.plus(&term.scaled(&BigRational::from_integer(power.into())), budget)?;
    }
    for (atom, exponent) in &product.0 {
        let term = match atom {
            Atom::Symbol(name) if **name == *"e" => Quotient::integer(1),
            Atom::Prime(prime) => ln_of(Quotient::constant(BigRational::from_integer((*prime).into())))?,
            Atom::Applied(applied) => applied.arguments[1].clone(),
            other => ln_of(Quotient::atom(other.clone()))?,
        };
        let exponent = BigRational::new((*exponent.numer()).into(), (*exponent.denom()).into());
        total = total.plus(&term.scaled(&exponent), budget)?;
    }
    Ok(total)
}

/// Whether it is e to the power of something real.
fn is_natural_power(applied: &Applied) -> bool {
    let real = |value: &Quotient| {
        !value.products().flat_map(|product| &product.0).any(|(atom, _)| *atom == Atom::Imaginary)
    };
    applied.function == Function::Power
        && applied.arguments[0].as_symbol() == Some("e")
        && real(&applied.arguments[1])
}

/// The factor before π, if an expression is a rational multiple of it.
fn turns(x: &Quotient) -> Option<BigRational> {
    if x.numerator.is_zero() {
        return Some(BigRational::zero());
    }
    let (product, coefficient) = x.as_sum()?.single()?;
    match &product.0[..] {
        [(Atom::Symbol(name), exponent)] if **name == *"pi" && exponent.is_one() => Some(coefficient.clone()),
        _ => None,
    }
}

fn sine(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    if turns(x).is_some() {
        // sin x = cos(π/2 − x).
        return cosine(&half_pi().plus(&x.negated(), budget)?, budget);
    }
    let flipped = x.leads_negative();
    let value = applied(Function::Sin, vec![if flipped { x.negated() } else { x.clone() }])?;
    Ok(if flipped { value.negated() } else { value })
}

fn cosine(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    if let Some(turns) = turns(x) {
        let twelfths = &turns * BigRational::from_integer(12.into());
        if twelfths.is_integer() {
            let angle = twelfths.to_integer().mod_floor(&BigInt::from(24)).to_i64().unwrap_or(0);
            return cosine_of_twelfths(angle, budget);
        }
        // Into [0, 1/2], so that equal values have the same form.
        let two = BigRational::from_integer(2.into());
        let half = BigRational::new(1.into(), 2.into());
        let mut angle = &turns - (&turns / &two).floor() * &two;
        if angle > BigRational::one() {
            angle = two - angle;
        }
        let flipped = angle > half;
        let angle = if flipped { BigRational::one() - angle } else { angle };
        let value = applied(Function::Cos, vec![pi_times(&angle)])?;
        return Ok(if flipped { value.negated() } else { value });
    }
    applied(Function::Cos, vec![if x.leads_negative() { x.negated() } else { x.clone() }])
}

/// cos(k π/12), for k in 0..24.
fn cosine_of_twelfths(k: i64, budget: &mut Budget) -> Result<Quotient, Gap> {
    let k = if k > 12 { 24 - k } else { k };
    let (k, negative) = if k > 6 { (12 - k, true) } else { (k, false) };
    let mut root_of = |radicand: i64| root(&Quotient::integer(radicand), 2, budget);
    let (doubled, over) = match k {
        0 => (Quotient::integer(2), 2),
        1 => (root_of(6)?.plus(&root_of(2)?, &mut Budget::new())?, 4),
        2 => (root_of(3)?, 2),
        3 => (root_of(2)?, 2),
        4 => (Quotient::integer(1), 2),
        5 => (root_of(6)?.plus(&root_of(2)?.negated(), &mut Budget::new())?, 4),
        _ => (Quotient::integer(0), 1),
    };
    let value = doubled.scaled(&BigRational::new(1.into(), over.into()));
    Ok(if negative { value.negated() } else { value })
}

/// The special angle whose sine or tangent is `x`: a guess that the exact value confirms.
fn special_angle(
    x: &Quotient,
    guess: fn(f64) -> f64,
    of: fn(&Quotient, &mut Budget) -> Result<Quotient, Gap>,
    budget: &mut Budget,
) -> Option<Quotient> {
    let mut atoms = x.products().flat_map(|product| &product.0);
    if !atoms.all(|(atom, _)| matches!(atom, Atom::Prime(2 | 3))) {
        return None;
    }
    let twelfths = (guess(numeric::approximate(x, budget)?) * 12.0 / std::f64::consts::PI).round();
    let angle = pi_times(&BigRational::new(BigInt::from(twelfths as i64), 12.into()));
    (of(&angle, budget).ok()?.equals(x, budget) == Ok(true)).then_some(angle)
}

fn arcsine(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    Ok(match special_angle(x, f64::asin, sine, budget) {
        Some(angle) => angle,
        None => applied(Function::Arcsin, vec![x.clone()])?,
    })
}

fn arctangent(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let tangent = |x: &Quotient, budget: &mut Budget| sine(x, budget)?.over(&cosine(x, budget)?, budget);
    Ok(match special_angle(x, f64::atan, tangent, budget) {
        Some(angle) => angle,
        None => applied(Function::Arctan, vec![x.clone()])?,
    })
}

fn hyperbolic(name: &str, x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let up = function("exp", x, budget)?;
    let down = function("exp", &x.negated(), budget)?;
    let (sum, difference) = (up.plus(&down, budget)?, up.plus(&down.negated(), budget)?);
    let two = Quotient::integer(2);
    match name {
        "sinh" => difference.over(&two, budget),
        "cosh" => sum.over(&two, budget),
        "tanh" => difference.over(&sum, budget),
        "coth" => sum.over(&difference, budget),
        "sech" => two.over(&sum, budget),
        _ => two.over(&difference, budget),
    }
}

/// The absolute value.
pub(crate) fn absolute(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    if let Some((re, im)) = x.complex_parts() {
        let square = re.times(&re, budget)?.plus(&im.times(&im, budget)?, budget)?;
        return root(&square, 2, budget);
    }
    match numeric::sign(x, budget) {
        Some(-1) => Ok(x.negated()),
        Some(_) => Ok(x.clone()),
        None => applied(Function::Abs, vec![if x.leads_negative() { x.negated() } else { x.clone() }]),
    }
}

/// The largest integer that is not above it.
pub(crate) fn floor(x: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    if let Some(value) = x.as_rational() {
        return Ok(Quotient::constant(value.floor()));
    }
    match numeric::floor(x, budget) {
        Some(whole) => Ok(Quotient::integer(whole)),
        None => applied(Function::Floor, vec![x.clone()]),
    }
}

/// Factorials and binomial coefficients with more bits than this are left as they are: they cost too much to write out.
const LONG: u64 = 1024;

/// n!, or n!! if every second factor is left out.
pub(crate) fn factorial(x: &Quotient, step: u32, budget: &mut Budget) -> Result<Quotient, Gap> {
    let function = if step == 1 { Function::Factorial } else { Function::DoubleFactorial };
    let Some(value) = x.as_rational() else { return applied(function, vec![x.clone()]) };
    if !value.is_integer() || value.is_negative() {
        return Err("factorial of something that is no natural number");
    }
    let from = value.to_integer().to_i64().filter(|from| *from <= FACTORIAL).ok_or("factorial too large")?;
    let mut product = BigInt::one();
    // Factors are gathered in one machine word before they meet the long product.
    let mut word = 1_u64;
    let mut factor = from as u64;
    while factor > 1 {
        word = word.checked_mul(factor).unwrap_or_else(|| {
            product *= word;
            factor
        });
        if product.bits() > LONG {
            return applied(function, vec![x.clone()]);
        }
        budget.spend(u64::from(word == factor) * (1 + product.bits() / 4096))?;
        factor = factor.saturating_sub(step.into());
    }
    product *= word;
    Ok(Quotient::constant(product.into()))
}

/// The binomial coefficient.
pub(crate) fn binomial(n: &Quotient, k: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    /// Up to this many factors, those of a symbol are multiplied out.
    const EXPANDED: i64 = 6;
    let left = || applied(Function::Binomial, vec![n.clone(), k.clone()]);
    let whole = |value: &Quotient| {
        value.as_rational().filter(BigRational::is_integer).and_then(|v| v.to_integer().to_i64())
    };
    let (above, Some(mut below)) = (whole(n), whole(k)) else { return left() };
    if let Some(above) = above.filter(|above| *above >= 0) {
        if below < 0 || below > above {
            return Ok(Quotient::integer(0));
        }
        below = below.min(above - below);
    } else if n.as_rational().is_some() || !(0..=EXPANDED).contains(&below) {
        return left();
    }
    if below > FACTORIAL {
        return Err("binomial coefficient too large");
    }
    if let Some(above) = above {
        return whole_binomial(above, below, budget)?.map_or_else(left, Ok);
    }
    let mut product = Quotient::integer(1);
    for factor in 0..below {
        let above = n.plus(&Quotient::integer(-factor), budget)?;
        product = product.times(&above, budget)?.scaled(&BigRational::new(1.into(), (factor + 1).into()));
    }
    Ok(product)
}

/// The binomial coefficient of whole numbers; none if it is too long to write out.
fn whole_binomial(above: i64, below: i64, budget: &mut Budget) -> Result<Option<Quotient>, Gap> {
    let mut product = BigInt::one();
    for factor in 0..below {
        product = product * (above - factor) / (factor + 1);
        budget.spend(1)?;
        if product.bits() > LONG {
            return Ok(None);
        }
    }
    Ok(Some(Quotient::constant(product.into())))
}

/// Functions of several rational numbers.
pub(crate) fn of_several(name: &str, values: &[Quotient], budget: &mut Budget) -> Result<Quotient, Gap> {
    let Some(first) = values.first() else { return Err("a function without arguments") };
    if matches!(name, "max" | "min") {
        return values[1..].iter().try_fold(first.clone(), |best, value| {
            let order = numeric::sign(&value.plus(&best.negated(), budget)?, budget)
                .ok_or("maximum of expressions")?;
            Ok(if (order > 0) == (name == "max") { value.clone() } else { best })
        });
    }
    let mut whole = Vec::with_capacity(values.len());
    for value in values {
        let value = value
            .as_rational()
            .filter(BigRational::is_integer)
            .ok_or("gcd of something that is no integer")?;
        budget.spend(1 + value.numer().bits() / 64)?;
        whole.push(value.to_integer());
    }
    let combined = whole
        .iter()
        .skip(1)
        .fold(whole[0].abs(), |all, value| if name == "gcd" { all.gcd(value) } else { all.lcm(value) });
    if combined.bits() > BITS { Err("number too large") } else { Ok(Quotient::constant(combined.into())) }
}

/// A power of something with an exponent that is an expression: split by the terms of the exponent, so that
/// `2^{x+1}` is `2·2^x`.
pub(crate) fn symbolic_power(
    base: &Quotient,
    exponent: &Quotient,
    budget: &mut Budget,
) -> Result<Quotient, Gap> {
    let whole = || applied(Function::Power, vec![base.clone(), exponent.clone()]);
    let (Some(bases), Some(sum)) = (split_base(base), exponent.as_sum()) else { return whole() };
    let mut result = Quotient::integer(1);
    for (factor, share) in &bases {
        for (product, coefficient) in &sum.0 {
            let coefficient = coefficient * BigRational::from_integer((*share).into());
            let imaginary = product.0.iter().any(|(atom, _)| *atom == Atom::Imaginary);
            let part = if product.is_one() {
                power(factor, &Quotient::constant(coefficient), budget)?
            } else if imaginary {
                imaginary_power(factor, &Quotient::whole(Sum::term(product.clone(), coefficient)), budget)?
            } else {
                let (Some(above), Some(below)) = (coefficient.numer().to_i64(), coefficient.denom().to_i64())
                else {
                    return whole();
                };
                let outer = scaled(Rational64::new(above, below), Rational64::one())?;
                let inner = Quotient::whole(Sum::term(product.clone(), BigRational::one()));
                applied_power(Function::Power, vec![factor.clone(), inner], outer)?
            };
            result = result.times(&part, budget)?;
        }
    }
    Ok(result)
}

/// A power with an imaginary exponent; that of e is exact where the angle is a multiple of π.
fn imaginary_power(base: &Quotient, exponent: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let imaginary = Quotient::atom(Atom::Imaginary);
    let angle = exponent.over(&imaginary, budget)?;
    if base.as_symbol() == Some("e") && turns(&angle).is_some() {
        let height = sine(&angle, budget)?.times(&imaginary, budget)?;
        return cosine(&angle, budget)?.plus(&height, budget);
    }
    applied(Function::Power, vec![base.clone(), exponent.clone()])
}

/// A base as factors whose powers may be taken one by one: primes, or one symbol.
fn split_base(base: &Quotient) -> Option<Vec<(Quotient, i64)>> {
    let (product, coefficient) = base.as_sum()?.single()?;
    if product.is_one() && coefficient.is_positive() {
        let primes = factored(coefficient)?;
        return Some(
            primes
                .into_iter()
                .map(|(p, k)| (Quotient::constant(BigRational::from_integer(p.into())), k))
                .collect(),
        );
    }
    let symbol = matches!(&product.0[..], [(Atom::Symbol(_), exponent)] if exponent.is_one());
    (symbol && coefficient.is_one()).then(|| vec![(base.clone(), 1)])
}
