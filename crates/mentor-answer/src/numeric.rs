//! What exact normal forms leave open, by evaluation: an interval that excludes zero proves a difference, and agreement
//! to fifty digits at every point tried supports equality.

mod ball;
mod bound;
mod complex;
mod eval;
mod float;
mod points;

use ball::Ball;
use complex::Complex;
use eval::{Evaluation, Survey};

use crate::{limits::Budget, poly::Quotient};

/// Limbs of the first look, which finds most differences, and of the second.
const COARSE: usize = 2;
const FINE: usize = 4;
/// Points tried at most, and how many must agree where expressions have no values at the others.
const POINTS: usize = 16;
const FEWEST: usize = 3;
/// Bits that must agree: fifty decimal digits and a few more.
const AGREED: i64 = 170;
/// Numbers with more bits before the point may differ behind the digits compared.
const LARGEST: i64 = 128;

/// What evaluation found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The same value, to fifty digits, wherever both have one.
    Agree,
    /// Certainly different values somewhere.
    Differ,
    /// Nothing that counts.
    None,
}

/// Whether an expression holds a function, so that its normal form may not be the only one.
pub(crate) fn has_functions(value: &Quotient) -> bool {
    Survey::of(&[value]).functions
}

/// Whether an expression holds a variable.
pub(crate) fn has_variables(value: &Quotient) -> bool {
    !Survey::of(&[value]).symbols.is_empty()
}

/// Compares the values of two expressions.
pub(crate) fn compare(a: &Quotient, b: &Quotient, budget: &mut Budget) -> Evidence {
    let survey = Survey::of(&[a, b]);
    let points = if survey.symbols.is_empty() { 1 } else { POINTS };
    let mut agreeing = 0;
    for number in 0..points {
        let mut evaluation = Evaluation { point: &survey.point(number), budget };
        if number == 0 && compare_at::<COARSE>(a, b, &mut evaluation) == Evidence::Differ {
            return Evidence::Differ;
        }
        match compare_at::<FINE>(a, b, &mut evaluation) {
            Evidence::Differ => return Evidence::Differ,
            Evidence::Agree => agreeing += 1,
            Evidence::None => {}
        }
        if agreeing >= survey.agreeing() {
            return Evidence::Agree;
        }
    }
    if agreeing >= FEWEST { Evidence::Agree } else { Evidence::None }
}

fn compare_at<const N: usize>(a: &Quotient, b: &Quotient, evaluation: &mut Evaluation<'_>) -> Evidence {
    match (evaluation.quotient::<N>(a), evaluation.quotient(b)) {
        (Ok(a), Ok(b)) => values(&a, &b),
        _ => Evidence::None,
    }
}

fn values<const N: usize>(a: &Complex<N>, b: &Complex<N>) -> Evidence {
    let difference = a.minus(b);
    let parts = [Some(difference.re), difference.im];
    if parts.iter().flatten().any(|part| !part.holds_zero()) {
        return Evidence::Differ;
    }
    let size = a.re.bound().max(a.im.map_or(0, |im| im.bound())).max(0);
    let close = parts.iter().flatten().all(|part| part.bound() <= size - AGREED);
    if close && size <= LARGEST { Evidence::Agree } else { Evidence::None }
}

/// Whether two expressions are the same but for a constant factor, so that they vanish together.
///
/// That they are not proves nothing: others vanish together, too.
pub(crate) fn proportional(a: &Quotient, b: &Quotient, budget: &mut Budget) -> bool {
    let survey = Survey::of(&[a, b]);
    let mut first: Option<Complex<FINE>> = None;
    let mut agreeing = 0;
    for number in 0..POINTS {
        let mut evaluation = Evaluation { point: &survey.point(number), budget };
        let (Ok(x), Ok(y)) = (evaluation.quotient::<FINE>(a), evaluation.quotient::<FINE>(b)) else {
            continue;
        };
        let Ok(ratio) = x.over(&y) else { continue };
        match first.as_ref().map(|first| values(first, &ratio)) {
            None => first = Some(ratio),
            Some(Evidence::Agree) => agreeing += 1,
            Some(_) => return false,
        }
        if agreeing >= survey.agreeing() {
            return true;
        }
    }
    false
}

/// Whether two expressions have the same sign everywhere tried; equal signs prove nothing.
pub(crate) fn signs(a: &Quotient, b: &Quotient, budget: &mut Budget) -> Evidence {
    let survey = Survey::of(&[a, b]);
    for number in 0..4 * POINTS {
        let mut evaluation = Evaluation { point: &survey.point(number), budget };
        let mut sign = |value| evaluation.quotient::<COARSE>(value).ok()?.as_real().ok()?.sign();
        if let (Some(a), Some(b)) = (sign(a), sign(b))
            && a != b
        {
            return Evidence::Differ;
        }
    }
    Evidence::None
}

/// The sign of a constant, if it is real and certain.
pub(crate) fn sign(value: &Quotient, budget: &mut Budget) -> Option<i32> {
    constant::<COARSE>(value, budget)
        .and_then(|value| value.sign())
        .or_else(|| constant::<FINE>(value, budget).and_then(|value| value.sign()))
}

/// The largest integer not above a constant, if it is real and that integer certain.
pub(crate) fn floor(value: &Quotient, budget: &mut Budget) -> Option<i64> {
    constant::<FINE>(value, budget)?.floor().ok()?.integer()
}

/// A constant in double precision.
pub(crate) fn approximate(value: &Quotient, budget: &mut Budget) -> Option<f64> {
    constant::<COARSE>(value, budget)?.approximate()
}

fn constant<const N: usize>(value: &Quotient, budget: &mut Budget) -> Option<Ball<N>> {
    let survey = Survey::of(&[value]);
    if !survey.symbols.is_empty() {
        return None;
    }
    Evaluation { point: &survey.point(0), budget }.quotient::<N>(value).ok()?.as_real().ok()
}

#[cfg(test)]
mod tests;
