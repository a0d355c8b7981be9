//! Are two normal forms equal?

use std::borrow::Cow;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use crate::{
    Options, Verdict,
    form::{Form, Quantity},
    lexer::tokens,
    limits::{Budget, Gap},
    parser::{expression, parse},
    poly::Quotient,
};

/// Significant digits and places from which a decimal counts as the fraction it is the rounding of.
const ROUNDED_DIGITS: usize = 10;
const ROUNDED_PLACES: usize = 6;

/// A verdict and its reason.
pub(crate) type Judgement = (Verdict, &'static str);

const EQUAL: Judgement = (Verdict::Equal, "equal");

pub(crate) fn forms(
    gold: &Form,
    pred: &Form,
    options: &Options,
    budget: &mut Budget,
) -> Result<Judgement, Gap> {
    match (gold, pred) {
        (Form::Quantity(gold), Form::Quantity(pred)) => quantities(gold, pred, options, budget),
        (Form::Infinity { negative: a }, Form::Infinity { negative: b }) => {
            Ok(either(a == b, "infinities differ"))
        }
        (Form::Phrase(gold), Form::Phrase(pred)) => Ok(either(gold == pred, "words differ")),
        (Form::Phrase(word), Form::Quantity(quantity)) | (Form::Quantity(quantity), Form::Phrase(word)) => {
            word_and_quantity(word, quantity, budget)
        }
        (Form::Sequence { open, close, items }, Form::Sequence { open: o, close: c, items: others }) => {
            if (open, close, items.len()) != (o, c, others.len()) {
                return Ok((Verdict::Different, "brackets or lengths differ"));
            }
            let mut pairs = items.iter().zip(others);
            all(pairs.by_ref().map(|(gold, pred)| forms(gold, pred, options, budget)))
        }
        (Form::Set(gold), Form::Set(pred)) => sets(gold, pred, options, budget),
        (Form::Set(gold), single @ (Form::Quantity(_) | Form::Infinity { .. })) => {
            sets(gold, std::slice::from_ref(single), options, budget)
        }
        (single @ (Form::Quantity(_) | Form::Infinity { .. }), Form::Set(pred)) => {
            sets(std::slice::from_ref(single), pred, options, budget)
        }
        _ => Ok((Verdict::Different, "different kinds of answer")),
    }
}

fn either(equal: bool, difference: &'static str) -> Judgement {
    if equal { EQUAL } else { (Verdict::Different, difference) }
}

/// Equal if all are, different if one is.
fn all(judgements: impl Iterator<Item = Result<Judgement, Gap>>) -> Result<Judgement, Gap> {
    let mut whole = EQUAL;
    for judgement in judgements {
        match judgement? {
            (Verdict::Equal, _) => {}
            different @ (Verdict::Different, _) => return Ok(different),
            unknown @ (Verdict::Unknown, _) => whole = unknown,
        }
    }
    Ok(whole)
}

/// Each element of one set must be equal to some element of the other.
fn sets(gold: &[Form], pred: &[Form], options: &Options, budget: &mut Budget) -> Result<Judgement, Gap> {
    let mut matched = vec![false; pred.len()];
    let mut doubt = None;
    for element in gold {
        let mut found = false;
        for (other, matched) in pred.iter().zip(&mut matched) {
            match forms(element, other, options, budget)? {
                (Verdict::Equal, _) => (found, *matched) = (true, true),
                (Verdict::Different, _) => {}
                unknown @ (Verdict::Unknown, _) => doubt = Some(unknown),
            }
        }
        if !found {
            return Ok(doubt.unwrap_or((Verdict::Different, "an element is missing")));
        }
    }
    if matched.iter().all(|matched| *matched) {
        Ok(EQUAL)
    } else {
        Ok(doubt.unwrap_or((Verdict::Different, "an element too many")))
    }
}

/// A short word may have been meant as a product of variables.
fn word_and_quantity(word: &str, quantity: &Quantity, budget: &mut Budget) -> Result<Judgement, Gap> {
    const KINDS: Judgement = (Verdict::Different, "different kinds of answer");
    if word.len() > 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(KINDS);
    }
    let letters = word.chars().map(String::from).collect::<Vec<_>>().join("*");
    let product = parse(&tokens(&letters)?, budget)?;
    let equal = expression(&product, budget)?.equals(&quantity.value, budget)?;
    Ok(if equal { EQUAL } else { KINDS })
}

fn quantities(
    gold: &Quantity,
    pred: &Quantity,
    options: &Options,
    budget: &mut Budget,
) -> Result<Judgement, Gap> {
    if gold.name.is_some() && pred.name.is_some() && gold.name != pred.name {
        return Ok((Verdict::Different, "values of different variables"));
    }
    let equal = values(gold, pred, options, budget)?;
    let units_differ = gold.unit.is_some() && pred.unit.is_some() && gold.unit != pred.unit;
    Ok(match (equal, units_differ) {
        (true, true) => (Verdict::Different, "units differ"),
        // 1 m and 100 cm are equal, and units are not converted.
        (false, true) => (Verdict::Unknown, "units differ"),
        (false, false) => (Verdict::Different, "values differ"),
        (true, false) => EQUAL,
    })
}

fn values(gold: &Quantity, pred: &Quantity, options: &Options, budget: &mut Budget) -> Result<bool, Gap> {
    let (a, b) = (share(gold, budget)?, share(pred, budget)?);
    if a.equals(&b, budget)? || is_rounding(&a, &b) || within_tolerance(&a, &b, options) {
        return Ok(true);
    }
    // Of a whole number the sign may have been left out where the question asks for per cent.
    let whole = gold.value.as_rational().is_some_and(|value| value.is_integer());
    Ok(gold.percent != pred.percent && whole && gold.value.equals(&pred.value, budget)?)
}

/// The value of a quantity, of a percentage a hundredth of the number before the sign.
fn share<'a>(quantity: &'a Quantity, budget: &mut Budget) -> Result<Cow<'a, Quotient>, Gap> {
    if quantity.percent {
        return quantity.value.over(&Quotient::integer(100), budget).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(&quantity.value))
}

/// Whether one is a decimal with enough digits and the correct rounding of the other,
/// a fraction that no decimal equals: what a calculator gives for it.
fn is_rounding(a: &Quotient, b: &Quotient) -> bool {
    let (Some(a), Some(b)) = (a.as_rational(), b.as_rational()) else { return false };
    match (decimal_places(&a), decimal_places(&b)) {
        (Some(places), None) => rounds_to(&b, &a, places),
        (None, Some(places)) => rounds_to(&a, &b, places),
        _ => false,
    }
}

fn rounds_to(fraction: &BigRational, decimal: &BigRational, places: usize) -> bool {
    let scale = BigInt::from(10).pow(places);
    let digits = (decimal * &scale).to_integer().magnitude().to_string().len();
    let off = (fraction - decimal).abs() * scale * BigInt::from(2);
    digits >= ROUNDED_DIGITS && places >= ROUNDED_PLACES && off <= BigRational::one()
}

/// How many places a number has behind the point; none if they never end or are too many to be worth a look.
fn decimal_places(value: &BigRational) -> Option<usize> {
    const MOST: usize = 40;
    let mut left = value.denom().clone();
    let mut counts = [0_usize; 2];
    for (count, prime) in counts.iter_mut().zip([2_u32, 5]) {
        while *count <= MOST && (&left % prime).is_zero() {
            left /= prime;
            *count += 1;
        }
    }
    let places = counts[0].max(counts[1]);
    (left.is_one() && places <= MOST).then_some(places)
}

fn within_tolerance(gold: &Quotient, pred: &Quotient, options: &Options) -> bool {
    let Some(tolerance) = options.tolerance else { return false };
    let number = |value: &Quotient| match value.as_rational() {
        Some(exact) => exact.to_f64(),
        None => value.to_f64(),
    };
    match (number(gold), number(pred)) {
        (Some(gold), Some(pred)) => (gold - pred).abs() <= tolerance * gold.abs(),
        _ => false,
    }
}
