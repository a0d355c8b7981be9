//! Powers and roots in normal form.

use num_bigint::{BigInt, BigUint};
use num_integer::Integer;
use num_rational::{BigRational, Rational64};
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use crate::{
    function::{Function, applied, symbolic_power},
    limits::{Budget, EXPONENT_OF_SUM, FACTOR, Gap, ROOT},
    poly::{Atom, Product, Quotient, Sum, rational_power, scaled},
};

/// `base` to the power of `exponent`; left as a function of both if it has no normal form.
pub(crate) fn power(base: &Quotient, exponent: &Quotient, budget: &mut Budget) -> Result<Quotient, Gap> {
    let Some(rational) = exponent.as_rational() else {
        return match base.as_rational() {
            Some(value) if value.is_zero() => Err("power of zero"),
            Some(value) if value.is_one() => Ok(base.clone()),
            _ => symbolic_power(base, exponent, budget),
        };
    };
    let found = rational_exponent(base, &rational, budget);
    if found.is_err() && !base.numerator.is_zero() {
        return applied(Function::Power, vec![base.clone(), exponent.clone()]);
    }
    found
}

fn rational_exponent(base: &Quotient, exponent: &BigRational, budget: &mut Budget) -> Result<Quotient, Gap> {
    let parts = (exponent.numer().to_i64(), exponent.denom().to_u32());
    let (Some(numerator), Some(index)) = parts else { return Err("exponent too large") };
    if index == 1 {
        return whole_power(base, numerator, budget);
    }
    let rooted = exact_root(base, index, budget)?;
    whole_power(&rooted, numerator, budget)
}

/// The real root of a number, or the principal square root of a negative one; left as a power if it has no normal form.
pub(crate) fn root(base: &Quotient, index: u32, budget: &mut Budget) -> Result<Quotient, Gap> {
    if index == 0 {
        return Err("root with such an index");
    }
    exact_root(base, index, budget).or_else(|_| {
        let exponent = Quotient::constant(BigRational::new(BigInt::one(), index.into()));
        applied(Function::Power, vec![base.clone(), exponent])
    })
}

fn whole_power(base: &Quotient, exponent: i64, budget: &mut Budget) -> Result<Quotient, Gap> {
    if let Some((product, coefficient)) = base.as_sum().and_then(Sum::single) {
        let by = Rational64::from_integer(exponent);
        let raised = |(atom, known): &(Atom, Rational64)| Ok((atom.clone(), scaled(*known, by)?));
        let powers: Result<Vec<_>, Gap> = product.0.iter().map(raised).collect();
        let (factor, product) = Product::normal(powers?)?;
        let coefficient = rational_power(coefficient, exponent)? * factor;
        return Ok(Quotient::whole(Sum::term(product, coefficient)));
    }
    if base.numerator.is_zero() {
        return rational_power(&BigRational::zero(), exponent).map(Quotient::constant);
    }
    let times = u32::try_from(exponent.unsigned_abs()).map_err(|_| "exponent too large")?;
    if times > EXPONENT_OF_SUM {
        return Err("exponent too large");
    }
    let mut result = Quotient::integer(1);
    for _ in 0..times {
        result = result.times(base, budget)?;
    }
    if exponent < 0 { result.inverted(budget) } else { Ok(result) }
}

fn exact_root(base: &Quotient, index: u32, budget: &mut Budget) -> Result<Quotient, Gap> {
    if index == 0 || index > ROOT {
        return Err("root with such an index");
    }
    let sum = &base.numerator;
    if let Some(denominator) = &base.denominator {
        let numerator = exact_root(&Quotient::whole(sum.clone()), index, budget)?;
        let denominator = exact_root(&Quotient::whole(denominator.clone()), index, budget)?;
        return numerator.over(&denominator, budget);
    }
    if sum.is_zero() {
        return Ok(Quotient::integer(0));
    }
    match sum.single() {
        Some((product, coefficient)) => root_of_term(product, coefficient, index).map(Quotient::whole),
        None if index == 2 => denested(sum, budget),
        None => Err("root of a sum"),
    }
}

fn root_of_term(product: &Product, coefficient: &BigRational, index: u32) -> Result<Sum, Gap> {
    let share = Rational64::new(1, i64::from(index));
    let mut powers = Vec::new();
    for (atom, exponent) in &product.0 {
        match atom {
            Atom::Imaginary => return Err("root of a complex number"),
            // The root of a square is an absolute value, and of x^3 it has a domain of its own.
            Atom::Symbol(name) if !exponent.is_one() && !matches!(&**name, "pi" | "e") => {
                return Err("root of a power of a variable");
            }
            Atom::Applied(_) if !exponent.is_one() => return Err("root of a power of a function"),
            Atom::Symbol(_) | Atom::Prime(_) | Atom::Applied(_) => {
                powers.push((atom.clone(), scaled(*exponent, share)?));
            }
        }
    }
    let (mut outside, mut negative) = (BigRational::one(), false);
    if coefficient.is_negative() {
        match index {
            2 => powers.push((Atom::Imaginary, Rational64::one())),
            _ if index.is_odd() => negative = true,
            _ => return Err("even root of a negative number"),
        }
    }
    for (number, share) in [(coefficient.numer(), share), (coefficient.denom(), -share)] {
        let (whole, roots) = root_of_integer(number.magnitude(), index)?;
        outside *= rational_power(
            &BigRational::from_integer(whole.into()),
            if share.is_negative() { -1 } else { 1 },
        )?;
        powers.extend(roots.into_iter().map(|(prime, power)| (Atom::Prime(prime), share * i64::from(power))));
    }
    let (factor, product) = Product::normal(powers)?;
    let value = outside * factor;
    Ok(Sum::term(product, if negative { -value } else { value }))
}

/// A root as a whole factor and primes with the power they have under the root.
fn root_of_integer(number: &BigUint, index: u32) -> Result<(BigUint, Vec<(u64, u32)>), Gap> {
    let whole = number.nth_root(index);
    if Pow::pow(&whole, index) == *number {
        return Ok((whole, Vec::new()));
    }
    let number = number.to_u64().ok_or("root of a number too large to factor")?;
    Ok((BigUint::one(), factors(number)?))
}

/// The prime factors of a rational number with their powers, below zero for those of the denominator.
pub(crate) fn factored(value: &BigRational) -> Option<Vec<(u64, i64)>> {
    let parts = [(value.numer(), 1), (value.denom(), -1)];
    let mut found = Vec::new();
    for (part, sign) in parts {
        let primes = factors(part.magnitude().to_u64().filter(|part| *part > 0)?).ok()?;
        found.extend(primes.into_iter().map(|(prime, power)| (prime, sign * i64::from(power))));
    }
    Some(found)
}

/// The prime factors with their powers.
fn factors(mut number: u64) -> Result<Vec<(u64, u32)>, Gap> {
    let mut found = Vec::new();
    let mut candidate = 2;
    while candidate < FACTOR && candidate * candidate <= number {
        let mut power = 0;
        while number.is_multiple_of(candidate) {
            number /= candidate;
            power += 1;
        }
        if power > 0 {
            found.push((candidate, power));
        }
        candidate += if candidate == 2 { 1 } else { 2 };
    }
    if number >= FACTOR * FACTOR {
        return Err("root of a number too large to factor");
    }
    if number > 1 {
        found.push((number, 1));
    }
    Ok(found)
}

/// √(a + b√c) = √x ± √y with x, y = (a ± √(a² − b²c)) / 2, if those are rational.
fn denested(sum: &Sum, budget: &mut Budget) -> Result<Quotient, Gap> {
    const NESTED: Gap = "root of a sum";
    // The rational term comes first, if there is one.
    let [(one, a), (surd, b)] = &sum.0[..] else { return Err(NESTED) };
    let real = surd.0.iter().all(|(atom, _)| matches!(atom, Atom::Prime(_)));
    if !one.is_one() || !real || a.is_negative() {
        return Err(NESTED);
    }
    let surd = Sum::term(surd.clone(), b.clone());
    let square = surd.times(&surd, budget)?.as_rational().ok_or(NESTED)?;
    let radicand = a * a - square;
    let discriminant = rational_square_root(&radicand).ok_or(NESTED)?;
    let half = BigRational::new(BigInt::one(), BigInt::from(2));
    let larger = exact_root(&Quotient::constant((a + &discriminant) * &half), 2, budget)?;
    let smaller = exact_root(&Quotient::constant((a - &discriminant) * &half), 2, budget)?;
    larger.plus(&if b.is_negative() { smaller.negated() } else { smaller }, budget)
}

fn rational_square_root(value: &BigRational) -> Option<BigRational> {
    if value.is_negative() {
        return None;
    }
    let (numerator, denominator) = (value.numer().sqrt(), value.denom().sqrt());
    let exact = &numerator * &numerator == *value.numer() && &denominator * &denominator == *value.denom();
    exact.then(|| BigRational::new(numerator, denominator))
}
