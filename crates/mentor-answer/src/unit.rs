//! Units by their canonical names, and what they are worth.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed};

use crate::poly::{Atom, Product, Quotient, Sum};

/// Canonical unit and what else it is called. Names are compared without case and plural `s`, symbols as they stand.
#[rustfmt::skip]
const UNITS: &[(&str, &[&str])] = &[
    ("%", &["percent", "pct"]),
    ("$", &["dollar", "usd", "buck"]),
    ("cent", &["cent"]),
    ("€", &["euro", "eur"]),
    ("£", &["pound sterling", "gbp"]),
    ("°", &["degree", "deg"]),
    ("mm", &["millimeter", "millimetre"]),
    ("cm", &["centimeter", "centimetre"]),
    ("m", &["meter", "metre"]),
    ("km", &["kilometer", "kilometre"]),
    ("in", &["inch", "inche"]),
    ("ft", &["foot", "feet"]),
    ("yd", &["yard"]),
    ("mi", &["mile"]),
    ("mg", &["milligram"]),
    ("g", &["gram"]),
    ("kg", &["kilogram", "kilo"]),
    ("lb", &["pound", "lbs"]),
    ("oz", &["ounce"]),
    ("ml", &["milliliter", "millilitre", "mL"]),
    ("L", &["liter", "litre"]),
    ("s", &["second", "sec"]),
    ("min", &["minute"]),
    ("h", &["hour", "hr"]),
    ("day", &["day"]),
    ("week", &["week"]),
    ("month", &["month"]),
    ("year", &["year", "yr"]),
    ("km/h", &["kph", "kmh"]),
    ("mph", &["mile per hour", "miles per hour"]),
    ("Hz", &["hertz"]),
    ("N", &["newton"]),
    ("J", &["joule"]),
    ("W", &["watt"]),
    ("V", &["volt"]),
    ("Pa", &["pascal"]),
    ("mol", &["mole"]),
];

/// The canonical name of a unit; none if it is not known.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let singular = if lower.len() > 3 { lower.strip_suffix('s').unwrap_or(&lower) } else { lower.as_str() };
    let known = |(symbol, names): &&(&'static str, &[&str])| {
        *symbol == name
            || names.contains(&lower.as_str())
            || names.contains(&singular)
            || names.contains(&name)
    };
    UNITS.iter().find(known).map(|(symbol, _)| *symbol)
}

/// Canonical units that are convertible: the dimension, and how many of its first unit one is, as a fraction.
#[rustfmt::skip]
const MEASURES: &[(&str, char, u64, u64)] = &[
    ("m", 'm', 1, 1), ("mm", 'm', 1, 1000), ("cm", 'm', 1, 100), ("km", 'm', 1000, 1), ("in", 'm', 254, 10_000),
    ("ft", 'm', 3048, 10_000), ("yd", 'm', 9144, 10_000), ("mi", 'm', 1_609_344, 1000),
    ("g", 'g', 1, 1), ("mg", 'g', 1, 1000), ("kg", 'g', 1000, 1), ("lb", 'g', 45_359_237, 100_000),
    ("oz", 'g', 45_359_237, 1_600_000),
    ("L", 'l', 1, 1), ("ml", 'l', 1, 1000),
    ("s", 's', 1, 1), ("min", 's', 60, 1), ("h", 's', 3600, 1), ("day", 's', 86_400, 1), ("week", 's', 604_800, 1),
    ("month", 'M', 1, 1), ("year", 'M', 12, 1),
    ("$", '$', 1, 1), ("cent", '$', 1, 100),
];

/// A quantity in the first units of its dimensions.
pub(crate) struct Measured {
    /// Dimensions with their exponents.
    pub dimensions: Vec<(char, i32)>,
    pub value: Quotient,
}

/// A quantity in basic units, and a numeral with its base as a number; none if the unit is not convertible.
pub(crate) fn in_base(unit: &str, value: &Quotient) -> Option<Measured> {
    if let Some(base) = unit.strip_prefix('_') {
        let read =
            base.parse().ok().zip(value.as_rational()).and_then(|(base, digits)| positional(&digits, base));
        return read.map(|value| Measured { dimensions: Vec::new(), value: Quotient::constant(value) });
    }
    let unit = match unit {
        "mph" => "mi/h",
        unit => unit,
    };
    let (above, below) = unit.split_once('/').unwrap_or((unit, ""));
    let mut dimensions = Vec::new();
    let mut factor = BigRational::one();
    for (part, sign) in [(above, 1), (below, -1)] {
        if part.is_empty() {
            continue;
        }
        let (name, exponent) = part.split_once('^').unwrap_or((part, "1"));
        let known = MEASURES.iter().find(|(known, ..)| *known == name);
        let (Some((_, dimension, numerator, denominator)), Ok(exponent)) = (known, exponent.parse::<i32>())
        else {
            return None;
        };
        if !(1..=4).contains(&exponent) {
            return None;
        }
        let worth = BigRational::new(BigInt::from(*numerator), BigInt::from(*denominator));
        factor *= Pow::pow(&worth, sign * exponent);
        dimensions.push((*dimension, sign * exponent));
    }
    Some(Measured { dimensions, value: value.scaled(&factor) })
}

/// A product with letters of units (`5 m`, `20 m/s`) as a value and its unit.
pub(crate) fn spelled(value: &Quotient) -> Option<(Quotient, String)> {
    let (product, coefficient) = value.as_sum()?.single()?;
    let (mut rest, mut above, mut below) = (Vec::new(), None, None);
    for (atom, exponent) in &product.0 {
        let Atom::Symbol(name) = atom else {
            rest.push((atom.clone(), *exponent));
            continue;
        };
        let place = if exponent.is_positive() { &mut above } else { &mut below };
        if name.len() != 1 || canonical(name).is_none() || !exponent.is_integer() || place.is_some() {
            return None;
        }
        let power = exponent.abs();
        *place = Some(if power.is_one() { name.to_string() } else { format!("{name}^{power}") });
    }
    let unit = above? + &below.map_or_else(String::new, |below| format!("/{below}"));
    Some((Quotient::whole(Sum::term(Product(rest), coefficient.clone())), unit))
}

/// The number that decimal digits stand for in another base.
fn positional(digits: &BigRational, base: u32) -> Option<BigRational> {
    let digits = digits.to_integer().to_string();
    if !(2..=10).contains(&base) || digits.bytes().any(|digit| u32::from(digit.wrapping_sub(b'0')) >= base) {
        return None;
    }
    BigInt::parse_bytes(digits.as_bytes(), base).map(Into::into)
}
