//! Derivatives, antiderivatives and limits of expressions in normal form.

use num_rational::{BigRational, Rational64};
use num_traits::{One, Signed};

use crate::{
    function::{Applied, Function, absolute, binomial, factorial, floor, function, ln},
    limits::{Budget, Gap},
    numeric::{self, Evidence},
    poly::{Atom, Product, Quotient, Sum},
    power::{power, root},
};

/// How often l'Hôpital's rule is applied.
const HOPITAL: usize = 6;

fn rational(value: Rational64) -> BigRational {
    BigRational::new((*value.numer()).into(), (*value.denom()).into())
}

fn raised(atom: &Atom, exponent: Rational64, budget: &mut Budget) -> Result<Quotient, Gap> {
    power(&Quotient::atom(atom.clone()), &Quotient::constant(rational(exponent)), budget)
}

/// Whether an atom holds a variable.
fn depends(atom: &Atom, x: &str) -> bool {
    match atom {
        Atom::Prime(_) | Atom::Imaginary => false,
        Atom::Symbol(name) => **name == *x,
        Atom::Applied(applied) => applied.arguments.iter().any(|argument| holds(argument, x)),
    }
}

fn holds(value: &Quotient, x: &str) -> bool {
    value.products().flat_map(|product| &product.0).any(|(atom, _)| depends(atom, x))
}

/// The degree of a polynomial in a variable; none if it is none or a high one.
pub(crate) fn degree(f: &Quotient, x: &str) -> Option<usize> {
    const LARGEST: i64 = 5;
    let mut degree = 0;
    for product in f.as_sum()?.products() {
        for (atom, exponent) in product.0.iter().filter(|(atom, _)| depends(atom, x)) {
            let whole = exponent.is_integer() && (0..=LARGEST).contains(exponent.numer());
            if !whole || !matches!(atom, Atom::Symbol(_)) {
                return None;
            }
            degree = degree.max(*exponent.numer() as usize);
        }
    }
    Some(degree)
}

/// The polynomial in `n` that has the given values at 0, 1, 2 and so on, as many as its degree asks for, by Newton's
/// forward differences.
pub(crate) fn extended(values: Vec<Quotient>, n: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let mut total = Quotient::integer(0);
    let mut differences = values;
    for order in 0..differences.len() {
        let Some(first) = differences.first() else { break };
        let weight = binomial(n, &Quotient::integer(order as i64), budget)?;
        total = total.plus(&first.times(&weight, budget)?, budget)?;
        let steps: Result<Vec<_>, Gap> =
            differences.windows(2).map(|pair| pair[1].plus(&pair[0].negated(), budget)).collect();
        differences = steps?;
    }
    Ok(total)
}

pub(crate) fn derivative(f: &Quotient, x: &str, budget: &mut Budget) -> Result<Quotient, Gap> {
    let above = derivative_of_sum(&f.numerator, x, budget)?;
    let Some(denominator) = &f.denominator else { return Ok(above) };
    let below = derivative_of_sum(denominator, x, budget)?;
    let (numerator, denominator) =
        (Quotient::whole(f.numerator.clone()), Quotient::whole(denominator.clone()));
    let left = above.times(&denominator, budget)?;
    let right = numerator.times(&below, budget)?;
    let square = denominator.times(&denominator, budget)?;
    left.plus(&right.negated(), budget)?.over(&square, budget)
}

fn derivative_of_sum(sum: &Sum, x: &str, budget: &mut Budget) -> Result<Quotient, Gap> {
    let mut total = Quotient::integer(0);
    for (product, coefficient) in &sum.0 {
        for (at, (atom, exponent)) in product.0.iter().enumerate() {
            if !depends(atom, x) {
                continue;
            }
            // The other factors, times exponent · atom^(exponent − 1) · atom'.
            let others = product
                .0
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .map(|(_, power)| power.clone());
            let others = Quotient::whole(Sum::term(Product(others.collect()), coefficient.clone()));
            let outer = raised(atom, exponent - Rational64::one(), budget)?.scaled(&rational(*exponent));
            let inner = derivative_of_atom(atom, x, budget)?;
            total = total.plus(&others.times(&outer, budget)?.times(&inner, budget)?, budget)?;
        }
    }
    Ok(total)
}

fn derivative_of_atom(atom: &Atom, x: &str, budget: &mut Budget) -> Result<Quotient, Gap> {
    let one = Quotient::integer(1);
    let Atom::Applied(whole) = atom else { return Ok(one) };
    let u = &whole.arguments[0];
    let inner = derivative(u, x, budget)?;
    let square = u.times(u, budget)?;
    let outer = match whole.function {
        Function::Ln => u.inverted(budget)?,
        Function::Sin => function("cos", u, budget)?,
        Function::Cos => function("sin", u, budget)?.negated(),
        Function::Arctan => one.plus(&square, budget)?.inverted(budget)?,
        Function::Arcsin => root(&one.plus(&square.negated(), budget)?, 2, budget)?.inverted(budget)?,
        Function::Power => {
            // (u^v)' = u^v (v' ln u + v u'/u).
            let v = &whole.arguments[1];
            let logarithmic = if holds(v, x) {
                derivative(v, x, budget)?.times(&ln(u, budget)?, budget)?
            } else {
                Quotient::integer(0)
            };
            let relative = v.times(&inner, budget)?.over(u, budget)?;
            return Quotient::atom(atom.clone()).times(&logarithmic.plus(&relative, budget)?, budget);
        }
        _ => return Err("a derivative that is not understood"),
    };
    outer.times(&inner, budget)
}

/// An expression with a value in place of a variable.
pub(crate) fn substituted(
    f: &Quotient,
    x: &str,
    value: &Quotient,
    budget: &mut Budget,
) -> Result<Quotient, Gap> {
    let above = substituted_sum(&f.numerator, x, value, budget)?;
    match &f.denominator {
        None => Ok(above),
        Some(denominator) => above.over(&substituted_sum(denominator, x, value, budget)?, budget),
    }
}

fn substituted_sum(sum: &Sum, x: &str, value: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let mut total = Quotient::integer(0);
    for (product, coefficient) in &sum.0 {
        let fixed = product.0.iter().filter(|(atom, _)| !depends(atom, x)).cloned().collect();
        let mut term = Quotient::whole(Sum::term(Product(fixed), coefficient.clone()));
        for (atom, exponent) in product.0.iter().filter(|(atom, _)| depends(atom, x)) {
            let base = match atom {
                Atom::Applied(applied) => substituted_function(applied, x, value, budget)?,
                _ => value.clone(),
            };
            let factor = power(&base, &Quotient::constant(rational(*exponent)), budget)?;
            term = term.times(&factor, budget)?;
        }
        total = total.plus(&term, budget)?;
    }
    Ok(total)
}

fn substituted_function(
    whole: &Applied,
    x: &str,
    value: &Quotient,
    budget: &mut Budget,
) -> Result<Quotient, Gap> {
    let arguments: Result<Vec<_>, Gap> =
        whole.arguments.iter().map(|argument| substituted(argument, x, value, budget)).collect();
    let arguments = arguments?;
    let first = &arguments[0];
    match whole.function {
        Function::Ln => ln(first, budget),
        Function::Sin => function("sin", first, budget),
        Function::Cos => function("cos", first, budget),
        Function::Arcsin => function("arcsin", first, budget),
        Function::Arctan => function("arctan", first, budget),
        Function::Abs => absolute(first, budget),
        Function::Floor => floor(first, budget),
        Function::Factorial => factorial(first, 1, budget),
        Function::DoubleFactorial => factorial(first, 2, budget),
        Function::Binomial => binomial(first, &arguments[1], budget),
        Function::Power => power(first, &arguments[1], budget),
    }
}

/// An antiderivative, term by term: powers of the variable, and sines, cosines and exponentials of what is linear in it.
pub(crate) fn antiderivative(f: &Quotient, x: &str, budget: &mut Budget) -> Result<Quotient, Gap> {
    const UNKNOWN: Gap = "an integral that is not understood";
    let variable = Quotient::symbol(x);
    let mut total = Quotient::integer(0);
    for (product, coefficient) in &f.as_sum().ok_or(UNKNOWN)?.0 {
        let (moving, fixed): (Vec<_>, Vec<_>) =
            product.0.iter().cloned().partition(|(atom, _)| depends(atom, x));
        let constant = Quotient::whole(Sum::term(Product(fixed), coefficient.clone()));
        let integral = match &moving[..] {
            [] => variable.clone(),
            [(Atom::Symbol(_), exponent)] if *exponent == -Rational64::one() => {
                ln(&absolute(&variable, budget)?, budget)?
            }
            [(atom @ Atom::Symbol(_), exponent)] => {
                let next = exponent + Rational64::one();
                raised(atom, next, budget)?.scaled(&rational(next).recip())
            }
            [(Atom::Applied(whole), exponent)] => {
                let inner = match whole.function {
                    Function::Power if !holds(&whole.arguments[0], x) => {
                        // b^(v c), where v is linear: divided by ln b · v' c.
                        let slope = derivative(&whole.arguments[1], x, budget)?.scaled(&rational(*exponent));
                        ln(&whole.arguments[0], budget)?.times(&slope, budget)?
                    }
                    Function::Sin | Function::Cos if exponent.is_one() => {
                        derivative(&whole.arguments[0], x, budget)?
                    }
                    _ => return Err(UNKNOWN),
                };
                if holds(&inner, x) {
                    return Err(UNKNOWN);
                }
                let outer = match whole.function {
                    Function::Sin => function("cos", &whole.arguments[0], budget)?.negated(),
                    Function::Cos => function("sin", &whole.arguments[0], budget)?,
                    _ => Quotient::whole(Sum::term(Product(moving.clone()), BigRational::one())),
                };
                outer.over(&inner, budget)?
            }
            _ => return Err(UNKNOWN),
        };
        total = total.plus(&constant.times(&integral, budget)?, budget)?;
    }
    Ok(total)
}

/// The limit for a variable towards a value, or towards ∞ if there is none, by continuity and l'Hôpital's rule.
pub(crate) fn limit(
    f: &Quotient,
    x: &str,
    towards: Option<&Quotient>,
    budget: &mut Budget,
) -> Result<Quotient, Gap> {
    let Some(value) = towards else {
        let inverse = Quotient::symbol(x).inverted(budget)?;
        let f = substituted(f, x, &inverse, budget)?;
        return limit(&f, x, Some(&Quotient::integer(0)), budget);
    };
    if let Some((base, exponent)) = power_of_variables(f, x) {
        let logarithm = exponent.times(&ln(&base, budget)?, budget)?;
        let limit = limit(&logarithm, x, towards, budget)?;
        return function("exp", &limit, budget);
    }
    let (mut above, mut below) = cleared(f, x, budget)?;
    for _ in 0..HOPITAL {
        let top = substituted(&above, x, value, budget)?;
        let bottom = substituted(&below, x, value, budget)?;
        match (is_zero(&top, budget), is_zero(&bottom, budget)) {
            (_, false) => return top.over(&bottom, budget),
            (true, true) => {
                above = derivative(&above, x, budget)?;
                below = derivative(&below, x, budget)?;
            }
            (false, true) => return Err("a limit that is infinite"),
        }
    }
    Err("a limit that is not understood")
}

fn is_zero(value: &Quotient, budget: &mut Budget) -> bool {
    value.numerator.is_zero()
        || numeric::has_functions(value)
            && numeric::compare(value, &Quotient::integer(0), budget) == Evidence::Agree
}

/// Base and exponent, if an expression is a power with the variable in both.
fn power_of_variables(f: &Quotient, x: &str) -> Option<(Quotient, Quotient)> {
    let (product, coefficient) = f.as_sum()?.single()?;
    let [(Atom::Applied(whole), outer)] = &product.0[..] else { return None };
    let both = whole.function == Function::Power && whole.arguments.iter().all(|argument| holds(argument, x));
    (both && coefficient.is_one())
        .then(|| (whole.arguments[0].clone(), whole.arguments[1].scaled(&rational(*outer))))
}

/// Numerator and denominator without negative powers of what holds the variable.
fn cleared(f: &Quotient, x: &str, budget: &mut Budget) -> Result<(Quotient, Quotient), Gap> {
    let mut factors: Vec<(Atom, Rational64)> = Vec::new();
    for (atom, exponent) in f.products().flat_map(|product| &product.0) {
        if exponent.is_negative() && depends(atom, x) {
            match factors.iter_mut().find(|(known, _)| known == atom) {
                Some((_, lowest)) => *lowest = (*lowest).min(*exponent),
                None => factors.push((atom.clone(), *exponent)),
            }
        }
    }
    let mut above = Quotient::whole(f.numerator.clone());
    let mut below = f.denominator.clone().map_or_else(|| Quotient::integer(1), Quotient::whole);
    for (atom, lowest) in factors {
        let factor = raised(&atom, -lowest, budget)?;
        (above, below) = (above.times(&factor, budget)?, below.times(&factor, budget)?);
    }
    Ok((above, below))
}
