//! Functions with their arguments, finite sums and products, matrices.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};

use super::{Parser, plain};
use crate::{
    form::{Form, Quantity},
    function::{self, function, logarithm},
    lexer::Kind,
    limits::Gap,
    matrix,
    poly::{Atom, Quotient},
    power::power,
};

impl<'a> Parser<'a, '_> {
    /// A function with its base (`\log_2`), its power (`\sin^2`) and its argument.
    pub(super) fn call(&mut self, name: &str) -> Result<Form, Gap> {
        self.at += 1;
        let (mut name, mut base, mut exponent) = (name, None, None);
        loop {
            if self.is_mark('_') && base.is_none() {
                self.at += 1;
                base = Some(self.script()?);
            } else if self.is_mark('^') && exponent.is_none() {
                self.at += 1;
                let raised = self.exponent()?;
                match function::inverse(name).filter(|_| raised == Quotient::integer(-1)) {
                    Some(inverse) => name = inverse,
                    None => exponent = Some(raised),
                }
            } else {
                break;
            }
        }
        let x = self.deeper(|parser| parser.call_argument(name))?;
        let value = match base {
            Some(base) if matches!(name, "log" | "lg" | "ln") => logarithm(&x, &base, self.budget)?,
            Some(_) => return Err("a function with a subscript"),
            None => function(name, &x, self.budget)?,
        };
        Ok(plain(match exponent {
            Some(exponent) => power(&value, &exponent, self.budget)?,
            None => value,
        }))
    }

    /// A group or one operand below or above a sign.
    fn script(&mut self) -> Result<Quotient, Gap> {
        let form = self.enclosed(Self::base_alone)?;
        self.operand(&form)
    }

    /// What a function is applied to: a bracket, or factors side by side up to the next function or bracket.
    fn call_argument(&mut self, name: &str) -> Result<Quotient, Gap> {
        let outer = self.unit.take();
        let form = match self.kind(0) {
            Some(Kind::Mark('(' | '[' | '{' | '|' | '⌊' | '⌈')) => self.enclosed(Self::base)?,
            _ => self.signed(Self::factors)?,
        };
        let mut x = self.operand(&form)?;
        // `\cos 2\pi/3`, but not `\ln 2/2`.
        let trigonometric = !matches!(name, "ln" | "log" | "lg" | "exp");
        let holds_pi =
            x.products().flat_map(|product| &product.0).any(|(atom, _)| *atom == Atom::Symbol("pi".into()));
        if trigonometric
            && holds_pi
            && let (Some(Kind::Mark('/')), Some(Kind::Number(_))) = (self.kind(0), self.kind(1))
        {
            self.at += 1;
            let below = self.factor()?;
            let below = self.operand(&below)?;
            x = x.over(&below, self.budget)?;
        }
        let degrees = matches!(&form, Form::Quantity(Quantity { unit: Some(unit), .. }) if unit == "°")
            || self.unit.as_deref() == Some("°");
        self.unit = outer;
        if degrees && trigonometric {
            let degree = Quotient::symbol("pi").scaled(&BigRational::new(BigInt::one(), BigInt::from(180)));
            x = x.times(&degree, self.budget)?;
        }
        Ok(x)
    }

    /// Factors without signs between them that are no functions and no brackets.
    fn factors(&mut self) -> Result<Form, Gap> {
        let mut form = self.factor()?;
        while matches!(
            self.kind(0),
            Some(Kind::Symbol(_) | Kind::Word("pi" | "sqrt") | Kind::Command("frac" | "sqrt"))
        ) {
            let right = self.factor()?;
            form = self.product(&form, &right)?;
        }
        Ok(form)
    }

    /// `\gcd(12, 18)` and the like.
    pub(super) fn call_of_several(&mut self, name: &str) -> Result<Form, Gap> {
        self.at += 1;
        let form = self.enclosed(Self::base)?;
        let (Form::Sequence { items, .. } | Form::Set(items)) = form else { return Ok(form) };
        let values: Result<Vec<_>, Gap> = items.iter().map(|item| self.operand(item)).collect();
        function::of_several(name, &values?, self.budget).map(plain)
    }

    /// `\sum_{k=1}^{5} k^2` or `\prod`, of a number of terms that is known and bounded.
    pub(super) fn series(&mut self, product: bool) -> Result<Form, Gap> {
        const BROKEN: Gap = "a sum that is not understood";
        const TERMS: i64 = 1000;
        self.at += 1;
        let (Some(Kind::Mark('_')), Some(Kind::Mark('{')), Some(Kind::Symbol(index)), Some(Kind::Mark('='))) =
            (self.kind(0), self.kind(1), self.kind(2), self.kind(3))
        else {
            return Err(BROKEN);
        };
        self.at += 4;
        let first = self.enclosed(Self::sum)?;
        self.expect('}')?;
        self.expect('^')?;
        let last = self.exponent()?;
        let whole = |value: Quotient| {
            let value = value.as_rational().filter(BigRational::is_integer)?.to_integer().to_i64()?;
            (value.abs() < 1 << 40).then_some(value)
        };
        let (first, last) = (self.operand(&first)?, last);
        let (Some(first), Some(last)) = (whole(first), whole(last)) else { return Err(BROKEN) };
        if !(0..TERMS).contains(&(last - first)) {
            return Err(BROKEN);
        }
        let start = self.at;
        let mut total = Quotient::integer(i64::from(product));
        for value in first..=last {
            self.rewind(start);
            self.bound.push((index, Quotient::integer(value)));
            let term = self.deeper(Self::term);
            self.bound.pop();
            self.budget.spend(1 + (self.at - start) as u64)?;
            let term = self.operand(&term?)?;
            total =
                if product { total.times(&term, self.budget)? } else { total.plus(&term, self.budget)? };
        }
        Ok(plain(total))
    }

    /// `\lim_{x \to 2} x^2`, where the value is the limit.
    pub(super) fn limit(&mut self) -> Result<Form, Gap> {
        self.at += 1;
        let (Some(Kind::Mark('_')), Some(Kind::Mark('{')), Some(Kind::Symbol(index)), Some(Kind::Mark('→'))) =
            (self.kind(0), self.kind(1), self.kind(2), self.kind(3))
        else {
            return Err("a limit that is not understood");
        };
        self.at += 4;
        let towards = self.enclosed(Self::sum)?;
        self.expect('}')?;
        let towards = self.operand(&towards)?;
        self.bound.push((index, towards));
        let value = self.deeper(Self::term);
        self.bound.pop();
        value
    }

    /// A matrix or determinant, after its beginning.
    pub(super) fn environment(&mut self, name: &'a str) -> Result<Form, Gap> {
        if !matches!(
            name,
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "vmatrix" | "Vmatrix" | "smallmatrix" | "array"
        ) {
            return Err("an environment that is not understood");
        }
        self.at += 1;
        let mut rows = vec![Vec::new()];
        loop {
            match self.kind(0) {
                Some(Kind::End) => break,
                Some(Kind::Mark('⏎')) => {
                    self.at += 1;
                    rows.push(Vec::new());
                }
                Some(Kind::Mark('&')) => self.at += 1,
                Some(_) => {
                    let entry = self.enclosed(Self::sum)?;
                    let entry = self.operand(&entry)?;
                    rows.last_mut().ok_or("nothing")?.push(entry);
                    if !matches!(self.kind(0), Some(Kind::End | Kind::Mark('⏎' | '&'))) {
                        return Err("a matrix that is not understood");
                    }
                }
                None => return Err("a matrix that is never closed"),
            }
        }
        self.at += 1;
        rows.retain(|row| !row.is_empty());
        let rows = matrix::checked(rows)?;
        if name == "vmatrix" {
            return matrix::determinant(&rows, self.budget).map(plain);
        }
        Ok(Form::Matrix(rows))
    }
}
