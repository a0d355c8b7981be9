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
    matrix::Rows,
    numeric::{self, Evidence},
    parser::{expression, parse},
    phrase::{is_everything, is_nothing},
    poly::Quotient,
    region::Region,
    relation::{Relation, Sign},
    unit,
};

/// Significant digits and places from which a decimal counts as the fraction it is the rounding of.
const ROUNDED_DIGITS: usize = 10;
const ROUNDED_PLACES: usize = 6;

/// A verdict and its reason.
pub(crate) type Judgement = (Verdict, &'static str);

const EQUAL: Judgement = (Verdict::Equal, "equal");
const KINDS: Judgement = (Verdict::Different, "different kinds of answer");

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
        (Form::Phrase(word), other) | (other, Form::Phrase(word)) => word_and_set(word, other, budget),
        (Form::Matrix(gold), Form::Matrix(pred)) => matrices(gold, pred, options, budget),
        (Form::Matrix(rows), other) => forms(&vector(rows), other, options, budget),
        (other, Form::Matrix(rows)) => forms(other, &vector(rows), options, budget),
        (Form::Relation(_), _) | (_, Form::Relation(_)) => relations(gold, pred, budget),
        (Form::Region(_), _) | (_, Form::Region(_)) => regions(gold, pred, budget),
        (Form::Sequence { open, close, items }, Form::Sequence { open: o, close: c, items: others }) => {
            if (open, close, items.len()) != (o, c, others.len()) {
                return Ok((Verdict::Different, "brackets or lengths differ"));
            }
            all(items.iter().zip(others).map(|(gold, pred)| forms(gold, pred, options, budget)))
        }
        (Form::Set(gold), Form::Set(pred)) => sets(gold, pred, options, budget),
        (Form::Set(elements), Form::Sequence { open: '(', close: ')', items })
        | (Form::Sequence { open: '(', close: ')', items }, Form::Set(elements))
            if elements.len() == items.len() && are_assignments(elements) =>
        {
            all(elements.iter().zip(items).map(|(gold, pred)| forms(gold, pred, options, budget)))
        }
        (Form::Set(gold), single @ (Form::Quantity(_) | Form::Infinity { .. } | Form::Sequence { .. })) => {
            sets(gold, std::slice::from_ref(single), options, budget)
        }
        (single @ (Form::Quantity(_) | Form::Infinity { .. } | Form::Sequence { .. }), Form::Set(pred)) => {
            sets(std::slice::from_ref(single), pred, options, budget)
        }
        _ => Ok(KINDS),
    }
}

/// Whether a set is `x = 1, y = 2`: values of different variables, so that their order is settled.
fn are_assignments(elements: &[Form]) -> bool {
    let name =
        |form: &Form| if let Form::Quantity(Quantity { name, .. }) = form { name.clone() } else { None };
    let names: Vec<_> = elements.iter().filter_map(name).collect();
    names.len() == elements.len() && names.iter().enumerate().all(|(at, name)| !names[..at].contains(name))
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
            // A set of one number is that number as an answer, but not as an element.
            if matches!(element, Form::Set(_)) != matches!(other, Form::Set(_)) {
                continue;
            }
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
    if word.len() > 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(KINDS);
    }
    let letters = word.chars().map(String::from).collect::<Vec<_>>().join("*");
    let product = parse(&tokens(&letters)?, budget)?;
    let equal = expression(&product, budget)?.equals(&quantity.value, budget)?;
    Ok(if equal { EQUAL } else { KINDS })
}

/// Words that name all numbers or none.
fn word_and_set(word: &str, other: &Form, budget: &mut Budget) -> Result<Judgement, Gap> {
    if !is_nothing(word) && !is_everything(word) {
        return Ok(KINDS);
    }
    let Some(region) = Region::of(other, budget)? else { return Ok(KINDS) };
    let same = region.is_all() && is_everything(word) || region.intervals.is_empty() && is_nothing(word);
    Ok(if same { EQUAL } else { KINDS })
}

fn matrices(gold: &Rows, pred: &Rows, options: &Options, budget: &mut Budget) -> Result<Judgement, Gap> {
    if gold.len() != pred.len() || gold[0].len() != pred[0].len() {
        return Ok((Verdict::Different, "sizes differ"));
    }
    let entries = gold.iter().flatten().zip(pred.iter().flatten());
    all(entries
        .map(|(a, b)| values(&Quantity::plain(a.clone()), &Quantity::plain(b.clone()), options, budget)))
}

/// A matrix as a tuple: of its entries if it is one row or column, else of its rows.
fn vector(rows: &Rows) -> Form {
    let entry = |value: &Quotient| Form::Quantity(Quantity::plain(value.clone()));
    if rows.len() == 1 || rows[0].len() == 1 {
        let items: Vec<Form> = rows.iter().flatten().map(entry).collect();
        return Form::Sequence { open: '(', close: ')', items };
    }
    let row = |row: &Vec<Quotient>| Form::Sequence {
        open: '[',
        close: ']',
        items: row.iter().map(entry).collect(),
    };
    Form::Sequence { open: '[', close: ']', items: rows.iter().map(row).collect() }
}

/// Equations and inequalities; a value with a name is an equation, too.
fn relations(gold: &Form, pred: &Form, budget: &mut Budget) -> Result<Judgement, Gap> {
    let mut relation = |form: &Form| -> Result<Option<Relation>, Gap> {
        Ok(match form {
            Form::Relation(relation) => Some(relation.clone()),
            Form::Quantity(Quantity { name: Some(name), value, .. }) => {
                let difference = Quotient::symbol(name).plus(&value.negated(), budget)?;
                Some(Relation::new(Sign::Equal, &difference))
            }
            _ => None,
        })
    };
    let (Some(a), Some(b)) = (relation(gold)?, relation(pred)?) else { return Ok(KINDS) };
    Ok(match a.same(&b, budget)? {
        Some(true) => EQUAL,
        Some(false) => (Verdict::Different, "relations differ"),
        None => (Verdict::Unknown, "relations that cannot be compared"),
    })
}

fn regions(gold: &Form, pred: &Form, budget: &mut Budget) -> Result<Judgement, Gap> {
    let (Some(a), Some(b)) = (Region::of(gold, budget)?, Region::of(pred, budget)?) else { return Ok(KINDS) };
    if a.variable.is_some() && b.variable.is_some() && a.variable != b.variable {
        return Ok((Verdict::Different, "regions of different variables"));
    }
    Ok(either(a.equals(&b, budget)?, "regions differ"))
}

fn quantities(
    gold: &Quantity,
    pred: &Quantity,
    options: &Options,
    budget: &mut Budget,
) -> Result<Judgement, Gap> {
    if gold.name.is_some() && pred.name.is_some() && gold.name != pred.name {
        // Of `y = 2x` and `x = y/2` both are the same equation.
        return relations_of_names(gold, pred, budget);
    }
    let (unit, other) = match (&gold.unit, &pred.unit) {
        (Some(unit), Some(other)) => (unit, other),
        (None, None) => return values(gold, pred, options, budget),
        (of_gold, _) => {
            // `5\text{ m}` and `5 m`
            let plain = if of_gold.is_none() { gold } else { pred };
            let Some((value, unit)) = unit::spelled(&plain.value) else {
                let differ = Ok((Verdict::Different, "units differ"));
                return if plain.percent { differ } else { values(gold, pred, options, budget) };
            };
            let spelled = &Quantity { value, unit: Some(unit), ..plain.clone() };
            let (gold, pred) = if of_gold.is_none() { (spelled, pred) } else { (gold, spelled) };
            return quantities(gold, pred, options, budget);
        }
    };
    if unit == other {
        return values(gold, pred, options, budget);
    }
    let (Some(a), Some(b)) = (unit::in_base(unit, &gold.value), unit::in_base(other, &pred.value)) else {
        return Ok((Verdict::Different, "units differ"));
    };
    if a.dimensions != b.dimensions {
        return Ok((Verdict::Different, "units differ"));
    }
    values(&Quantity::plain(a.value), &Quantity::plain(b.value), options, budget)
}

fn relations_of_names(gold: &Quantity, pred: &Quantity, budget: &mut Budget) -> Result<Judgement, Gap> {
    let constant = |quantity: &Quantity| !numeric::has_variables(&quantity.value);
    if constant(gold) || constant(pred) {
        return Ok((Verdict::Different, "values of different variables"));
    }
    relations(&Form::Quantity(gold.clone()), &Form::Quantity(pred.clone()), budget)
}

fn values(
    gold: &Quantity,
    pred: &Quantity,
    options: &Options,
    budget: &mut Budget,
) -> Result<Judgement, Gap> {
    let (a, b) = (share(gold, budget)?, share(pred, budget)?);
    let exact = a.equals(&b, budget);
    if exact == Ok(true) || is_rounding(&a, &b) || within_tolerance(&a, &b, options, budget) {
        return Ok(EQUAL);
    }
    // Of a whole number the sign may have been left out where the question asks for per cent.
    let whole = gold.value.as_rational().is_some_and(|value| value.is_integer());
    if gold.percent != pred.percent && whole && gold.value.equals(&pred.value, budget)? {
        return Ok(EQUAL);
    }
    if exact == Ok(false) && !numeric::has_functions(&a) && !numeric::has_functions(&b) {
        return Ok((Verdict::Different, "values differ"));
    }
    // Evaluation has steps of its own: normal forms may have used up theirs.
    Ok(match numeric::compare(&a, &b, &mut Budget::new()) {
        Evidence::Agree => (Verdict::Equal, "equal to fifty digits wherever evaluated"),
        Evidence::Differ => (Verdict::Different, "values differ"),
        Evidence::None => (Verdict::Unknown, "expressions that cannot be evaluated"),
    })
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
    if a.is_integer() && b.is_integer() || !are_close(&a, &b) {
        return false;
    }
    match (decimal_places(&a), decimal_places(&b)) {
        (Some(places), None) => rounds_to(&b, &a, places),
        (None, Some(places)) => rounds_to(&a, &b, places),
        _ => false,
    }
}

/// Whether two numbers agree in about eight digits, so that one may be the other's rounding.
fn are_close(a: &BigRational, b: &BigRational) -> bool {
    match (a.to_f64(), b.to_f64()) {
        (Some(a), Some(b)) if a.is_finite() && b.is_finite() => (a - b).abs() <= 1e-8 * a.abs().max(b.abs()),
        _ => true,
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

fn within_tolerance(gold: &Quotient, pred: &Quotient, options: &Options, budget: &mut Budget) -> bool {
    let Some(tolerance) = options.tolerance else { return false };
    let mut number = |value: &Quotient| match value.as_rational() {
        Some(exact) => exact.to_f64(),
        None => numeric::approximate(value, budget),
    };
    match (number(gold), number(pred)) {
        (Some(gold), Some(pred)) => (gold - pred).abs() <= tolerance * gold.abs(),
        _ => false,
    }
}
