//! The value of an expression at a point.

use num_traits::Zero;

use super::{
    ball::{Ball, Hole, Value},
    complex::{Complex, small_ratio},
    points::Point,
};
use crate::{
    function::{Applied, Function},
    limits::{Budget, FACTORIAL},
    poly::{Atom, Product, Quotient, Sum},
};

/// What an elementary function costs, in steps.
const FUNCTION: u64 = 20;

pub(super) struct Evaluation<'a> {
    pub point: &'a Point<'a>,
    pub budget: &'a mut Budget,
}

impl Evaluation<'_> {
    fn spend(&mut self, steps: u64) -> Value<()> {
        self.budget.spend(steps).map_err(|_| Hole::Beyond)
    }

    pub fn quotient<const N: usize>(&mut self, value: &Quotient) -> Value<Complex<N>> {
        let numerator = self.sum(&value.numerator)?;
        match &value.denominator {
            None => Ok(numerator),
            Some(denominator) => numerator.over(&self.sum(denominator)?),
        }
    }

    fn sum<const N: usize>(&mut self, sum: &Sum) -> Value<Complex<N>> {
        let mut total = Complex::real(Ball::ZERO);
        for (product, coefficient) in &sum.0 {
            let coefficient = Complex::real(Ball::rational(coefficient)?);
            total = total.plus(&self.product(product)?.times(&coefficient));
        }
        Ok(total)
    }

    fn product<const N: usize>(&mut self, product: &Product) -> Value<Complex<N>> {
        let mut total = Complex::real(Ball::small(1));
        self.spend(1 + product.0.len() as u64)?;
        for (atom, exponent) in &product.0 {
            if !exponent.is_integer() {
                self.spend(FUNCTION)?;
            }
            total = total.times(&self.atom(atom)?.rational_power(*exponent)?);
        }
        Ok(total)
    }

    fn atom<const N: usize>(&mut self, atom: &Atom) -> Value<Complex<N>> {
        Ok(match atom {
            Atom::Prime(prime) => {
                Complex::real(Ball::small(i64::try_from(*prime).map_err(|_| Hole::Beyond)?))
            }
            Atom::Imaginary => Complex::imaginary(Ball::small(1)),
            Atom::Symbol(name) => Complex::real(match &**name {
                "pi" => Ball::pi(),
                "e" => Ball::e(),
                name => self.point.value(name),
            }),
            Atom::Applied(applied) => self.applied(applied)?,
        })
    }

    fn applied<const N: usize>(
        &mut self,
        Applied { function, arguments, .. }: &Applied,
    ) -> Value<Complex<N>> {
        self.spend(FUNCTION)?;
        let [first, rest @ ..] = &arguments[..] else { return Err(Hole::Beyond) };
        let value = self.quotient::<N>(first)?;
        match function {
            Function::Power => {
                let exponent = rest.first().ok_or(Hole::Beyond)?;
                if let Some(ratio) = exponent.as_rational().as_ref().and_then(small_ratio) {
                    return value.rational_power(ratio);
                }
                let exponent = self.quotient(exponent)?;
                let natural = first.as_symbol() == Some("e");
                return if natural { exponent.exp() } else { value.power(&exponent) };
            }
            Function::Abs => return value.absolute().map(Complex::real),
            _ => {}
        }
        let value = value.as_real()?;
        Ok(Complex::real(match function {
            Function::Ln => value.ln()?,
            Function::Sin => value.sin_cos()?.0,
            Function::Cos => value.sin_cos()?.1,
            Function::Arctan => value.arctan()?,
            Function::Arcsin => value.arcsin()?,
            Function::Floor => value.floor()?,
            Function::Factorial => self.falling(value.integer(), 1)?,
            Function::DoubleFactorial => self.falling(value.integer(), 2)?,
            Function::Binomial => {
                let below = self.quotient::<N>(rest.first().ok_or(Hole::Beyond)?)?.as_real()?;
                self.binomial(value.integer(), below.integer())?
            }
            Function::Power | Function::Abs => return Err(Hole::Beyond),
        }))
    }

    /// n (n − step) (n − 2 step) … down to 1 or 2.
    fn falling<const N: usize>(&mut self, from: Option<i64>, step: i64) -> Value<Ball<N>> {
        let from = from.filter(|from| *from >= 0).ok_or(Hole::Undefined)?;
        if from > FACTORIAL {
            return Err(Hole::Beyond);
        }
        self.spend((from / step / 4) as u64)?;
        let mut product = Ball::small(1);
        let mut factor = from;
        while factor > 1 {
            product = product.times(&Ball::small(factor));
            factor -= step;
        }
        Ok(product)
    }

    fn binomial<const N: usize>(&mut self, above: Option<i64>, below: Option<i64>) -> Value<Ball<N>> {
        let (Some(above), Some(below)) = (above, below) else { return Err(Hole::Undefined) };
        if above < 0 {
            return Err(Hole::Undefined);
        }
        if below < 0 || below > above {
            return Ok(Ball::ZERO);
        }
        let factors = below.min(above - below);
        if factors > FACTORIAL {
            return Err(Hole::Beyond);
        }
        self.spend(factors as u64 / 2)?;
        let mut product = Ball::small(1);
        for k in 1..=factors {
            product = product.times(&Ball::small(above - factors + k)).over(&Ball::small(k))?;
        }
        // So small that the exact integer is certain.
        let exact = product.mid.exponent < 50;
        Ok(product.mid.nearest().filter(|_| exact).map_or(product, Ball::small))
    }
}

/// The symbols an expression holds, and whether it asks for whole numbers.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub symbols: Vec<String>,
    pub whole: bool,
    /// Whether it holds a function at all.
    pub functions: bool,
}

impl Survey {
    pub fn of(values: &[&Quotient]) -> Self {
        let mut survey = Self::default();
        for value in values {
            survey.quotient(value);
        }
        // So that it does not matter which comes first.
        survey.symbols.sort_unstable();
        survey
    }

    /// How many points must agree: more for more variables, whose signs are to be mixed.
    pub fn agreeing(&self) -> usize {
        match self.symbols.len() {
            0 => 1,
            variables => 2 + variables.min(4),
        }
    }

    pub fn point(&self, number: usize) -> Point<'_> {
        Point { number, variables: &self.symbols, whole: self.whole }
    }

    fn quotient(&mut self, value: &Quotient) {
        for (atom, _) in value.products().flat_map(|product| &product.0) {
            self.atom(atom);
        }
    }

    fn atom(&mut self, atom: &Atom) {
        match atom {
            Atom::Prime(_) | Atom::Imaginary => {}
            Atom::Symbol(name) => {
                if !matches!(&**name, "pi" | "e") && !self.symbols.iter().any(|known| **known == **name) {
                    self.symbols.push(name.to_string());
                }
            }
            Atom::Applied(applied) => {
                self.functions = true;
                let before = std::mem::take(&mut self.symbols);
                for argument in &applied.arguments {
                    self.quotient(argument);
                }
                self.whole |= !self.symbols.is_empty() && asks_for_whole_numbers(applied);
                for name in before {
                    if !self.symbols.contains(&name) {
                        self.symbols.push(name);
                    }
                }
            }
        }
    }
}

fn asks_for_whole_numbers(Applied { function, arguments, .. }: &Applied) -> bool {
    match function {
        Function::Factorial | Function::DoubleFactorial | Function::Binomial => true,
        Function::Power => {
            let negative = |value: num_rational::BigRational| value < num_rational::BigRational::zero();
            arguments.first().and_then(Quotient::as_rational).is_some_and(negative)
        }
        _ => false,
    }
}
