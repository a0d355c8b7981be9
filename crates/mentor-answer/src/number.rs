//! Literals as exact rational numbers.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow};

use crate::{
    lexer::plain_digits,
    limits::{BITS, Gap},
    poly::Quotient,
};

/// The value of a number token.
pub(crate) fn value(token: &str) -> Result<Quotient, Gap> {
    exact(&plain_digits(token)).map(Quotient::constant)
}

/// The value of a decimal fraction whose last digits repeat for ever.
pub(crate) fn repeating(token: &str, period: &str) -> Result<Quotient, Gap> {
    let digits = plain_digits(token);
    let places = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let nines = power_of_ten(period.len())? - BigInt::one();
    let tail = BigRational::new(integer(period)?, nines * power_of_ten(places)?);
    Ok(Quotient::constant(exact(&digits)? + tail))
}

/// The value of digits with at most one point and one exponent.
fn exact(digits: &str) -> Result<BigRational, Gap> {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().map_err(|_| "number too large")?;
    let digits = integer(&format!("0{whole}{fraction}"))?;
    if digits.bits() > BITS {
        return Err("number too large");
    }
    let shift = exponent.checked_sub(fraction.len() as i64).ok_or("number too large")?;
    let scale = power_of_ten(usize::try_from(shift.unsigned_abs()).map_err(|_| "number too large")?)?;
    Ok(if shift < 0 { BigRational::new(digits, scale) } else { BigRational::from_integer(digits * scale) })
}

fn integer(digits: &str) -> Result<BigInt, Gap> {
    digits.parse().map_err(|_| "a number that is not understood")
}

fn power_of_ten(exponent: usize) -> Result<BigInt, Gap> {
    // A decimal digit holds less than four bits.
    if exponent as u64 > BITS / 4 {
        return Err("number too large");
    }
    Ok(BigInt::from(10).pow(exponent))
}
