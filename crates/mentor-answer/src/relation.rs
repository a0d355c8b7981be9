//! Equations and inequalities.

use std::fmt;

use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive};

use crate::{
    form::Form,
    function::Function,
    limits::{Budget, Gap},
    numeric::{self, Evidence},
    poly::{Atom, Product, Quotient, Sum},
    power::root,
    region::{Cut, Region, point},
};

/// How the difference of two sides relates to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Equal,
    NotEqual,
    Positive,
    NotNegative,
}

/// A claim that an expression is zero, positive or the like, scaled so that its leading coefficient is 1, or −1 where
/// the sign matters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relation {
    pub sign: Sign,
    pub value: Quotient,
}

impl Relation {
    pub fn new(sign: Sign, value: &Quotient) -> Self {
        let leading = value.numerator.0.last().map_or_else(BigRational::one, |(_, leading)| leading.clone());
        let scale = match sign {
            Sign::Equal | Sign::NotEqual => leading,
            Sign::Positive | Sign::NotNegative => leading.abs(),
        };
        Self { sign, value: value.scaled(&scale.recip()) }
    }

    /// Whether two relations hold for the same values; none if that was not found out.
    pub fn same(&self, other: &Self, budget: &mut Budget) -> Result<Option<bool>, Gap> {
        if self.sign != other.sign {
            return Ok(Some(false));
        }
        if self == other {
            return Ok(Some(true));
        }
        let functions = numeric::has_functions(&self.value) || numeric::has_functions(&other.value);
        Ok(match self.sign {
            Sign::Equal | Sign::NotEqual => {
                // A fraction is zero where its numerator is.
                let same = Self::new(self.sign, &Quotient::whole(self.value.numerator.clone()))
                    == Self::new(other.sign, &Quotient::whole(other.value.numerator.clone()));
                if same || functions && numeric::proportional(&self.value, &other.value, budget) {
                    Some(true)
                } else if functions {
                    None
                } else {
                    Some(false)
                }
            }
            Sign::Positive | Sign::NotNegative => {
                if functions && numeric::compare(&self.value, &other.value, budget) == Evidence::Agree
                    || !functions && self.value.equals(&other.value, budget)?
                {
                    Some(true)
                } else {
                    (numeric::signs(&self.value, &other.value, budget) == Evidence::Differ).then_some(false)
                }
            }
        })
    }
}

/// What `value` being zero, positive or the like says: a region if it is a polynomial of degree 1 or 2 in one variable.
pub(crate) fn claim(sign: Sign, value: &Quotient, budget: &mut Budget) -> Result<Form, Gap> {
    if sign != Sign::Equal
        && let Some((variable, coefficients)) = polynomial(value)
        && let Some(region) = region(sign, &coefficients, budget)?
    {
        return Ok(Form::Region(region.named(&variable)));
    }
    if value.as_rational().is_some() {
        return Err("a claim without variables");
    }
    if sign != Sign::Equal
        && let Some((within, scale, rest)) = absolute_part(value)
        && let Some(region) = absolute_region(sign, &within, &scale, &rest, budget)?
    {
        return Ok(Form::Region(region));
    }
    Ok(Form::Relation(Relation::new(sign, value)))
}

/// `scale · |within| + rest`, if an expression is that with a rational scale.
fn absolute_part(value: &Quotient) -> Option<(Quotient, BigRational, Quotient)> {
    let is_absolute = |product: &Product| match &product.0[..] {
        [(Atom::Applied(applied), exponent)] => applied.function == Function::Abs && exponent.is_one(),
        _ => false,
    };
    let sum = value.as_sum()?;
    let (product, scale) = sum.0.iter().find(|(product, _)| is_absolute(product))?;
    let Atom::Applied(applied) = &product.0[0].0 else { return None };
    let rest = sum.0.iter().filter(|(other, _)| other != product).cloned().collect();
    Some((applied.arguments[0].clone(), scale.clone(), Quotient::whole(Sum(rest))))
}

/// Where |u| is below a bound, u and −u are, and where it is above, one of them is.
fn absolute_region(
    sign: Sign,
    within: &Quotient,
    scale: &BigRational,
    rest: &Quotient,
    budget: &mut Budget,
) -> Result<Option<Region>, Gap> {
    if numeric::has_variables(rest) {
        return Ok(None);
    }
    let mut side = |u: &Quotient| claim(sign, &u.scaled(scale).plus(rest, budget)?, budget);
    let (Form::Region(a), Form::Region(b)) = (side(within)?, side(&within.negated())?) else {
        return Ok(None);
    };
    let both = scale.is_negative() || sign == Sign::NotEqual;
    if both { a.intersection(&b, budget).map(Some) } else { a.union(b, budget).map(Some) }
}

/// The variable and the coefficients, lowest power first, of a polynomial in one variable with constant coefficients.
fn polynomial(value: &Quotient) -> Option<(String, Vec<Quotient>)> {
    const DEGREE: usize = 2;
    let mut variable: Option<&str> = None;
    let mut coefficients = vec![Sum::default(); DEGREE + 1];
    for (product, coefficient) in &value.as_sum()?.0 {
        let mut degree = 0;
        let mut rest = Vec::new();
        for (atom, exponent) in &product.0 {
            match atom {
                Atom::Symbol(name) if !matches!(&**name, "pi" | "e") => {
                    if variable.is_some_and(|known| known != &**name) || !exponent.is_integer() {
                        return None;
                    }
                    variable = Some(name);
                    degree = exponent.to_usize()?;
                }
                Atom::Imaginary | Atom::Applied(_) => return None,
                _ => rest.push((atom.clone(), *exponent)),
            }
        }
        coefficients.get_mut(degree)?.add_term(Product(rest), coefficient.clone()).ok()?;
    }
    while coefficients.last().is_some_and(Sum::is_zero) {
        coefficients.pop();
    }
    Some((variable?.to_owned(), coefficients.into_iter().map(Quotient::whole).collect()))
}

fn region(sign: Sign, coefficients: &[Quotient], budget: &mut Budget) -> Result<Option<Region>, Gap> {
    let Some(leading) = coefficients.last().and_then(|leading| numeric::sign(leading, budget)) else {
        return Ok(None);
    };
    let upwards = leading > 0;
    let roots = match coefficients {
        [b, a] => vec![b.negated().over(a, budget)?],
        [c, b, a] => {
            let Some(roots) = quadratic_roots(a, b, c, budget)? else { return Ok(None) };
            roots
        }
        _ => return Ok(None),
    };
    let at_roots = Region::new(roots.iter().cloned().map(point).collect(), budget)?;
    // Where it is above zero: right of the one root, or outside of the two.
    let above = match &roots[..] {
        [] => Region::all(),
        [root] if coefficients.len() == 2 => Region::new(vec![(Cut::after(root.clone()), Cut::End)], budget)?,
        [low] => outside(low, low, budget)?,
        [low, .., high] => outside(low, high, budget)?,
    };
    let positive = if upwards { above } else { above.union(at_roots.clone(), budget)?.complement() };
    Ok(Some(match sign {
        Sign::Positive => positive,
        Sign::NotNegative => positive.union(at_roots, budget)?,
        Sign::NotEqual => at_roots.complement(),
        Sign::Equal => at_roots,
    }))
}

fn outside(low: &Quotient, high: &Quotient, budget: &mut Budget) -> Result<Region, Gap> {
    let parts = vec![(Cut::Start, Cut::before(low.clone())), (Cut::after(high.clone()), Cut::End)];
    Region::new(parts, budget)
}

/// The real roots of a x² + b x + c in ascending order; none if their number is uncertain.
fn quadratic_roots(
    a: &Quotient,
    b: &Quotient,
    c: &Quotient,
    budget: &mut Budget,
) -> Result<Option<Vec<Quotient>>, Gap> {
    let four = BigRational::from_integer(4.into());
    let discriminant = b.times(b, budget)?.plus(&a.times(c, budget)?.scaled(&four).negated(), budget)?;
    let doubled = a.plus(a, budget)?;
    let centre = b.negated().over(&doubled, budget)?;
    let number =
        if discriminant.numerator.is_zero() { Some(0) } else { numeric::sign(&discriminant, budget) };
    Ok(match number {
        None => None,
        Some(-1) => Some(Vec::new()),
        Some(0) => Some(vec![centre]),
        Some(_) => {
            let reach = root(&discriminant, 2, budget)?.over(&doubled, budget)?;
            let reach = if numeric::sign(a, budget) == Some(-1) { reach.negated() } else { reach };
            Some(vec![centre.plus(&reach.negated(), budget)?, centre.plus(&reach, budget)?])
        }
    })
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.sign {
            Sign::Equal => "=",
            Sign::NotEqual => "≠",
            Sign::Positive => ">",
            Sign::NotNegative => "≥",
        };
        write!(f, "{} {sign} 0", self.value)
    }
}
