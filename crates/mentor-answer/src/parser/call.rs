//! Functions with their arguments, finite sums and products, matrices.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};

use super::{Parser, plain};
use crate::{
    calculus,
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

    /// `\sum_{k=1}^{n} k^2`, of polynomials in the index or a bounded number of terms, or `\prod` of the latter.
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
        let first = self.operand(&first)?;
        let start = self.at;
        let body = self.term_with(index, Quotient::symbol(index))?;
        let degree = calculus::degree(&body, index).filter(|_| !product);
        let whole = |value: &Quotient| {
            let value = value.as_rational().filter(BigRational::is_integer)?.to_integer().to_i64()?;
            (value.abs() < 1 << 40).then_some(value)
        };
        let first = whole(&first).ok_or(BROKEN)?;
        let bounds = whole(&last).map(|last| (last - first).clamp(-1, TERMS));
        let terms = match (degree, bounds) {
            (_, Some(above)) if above < TERMS => above + 1,
            (Some(degree), _) => degree as i64 + 1,
            _ => return Err(BROKEN),
        };
        let mut total = Quotient::integer(i64::from(product));
        let mut partial = vec![total.clone()];
        for value in first..first + terms {
            self.rewind(start);
            let term = self.term_with(index, Quotient::integer(value))?;
            total =
                if product { total.times(&term, self.budget)? } else { total.plus(&term, self.budget)? };
            partial.push(total.clone());
        }
        if bounds.is_none_or(|above| above == TERMS) {
            let count = last.plus(&Quotient::integer(1 - first), self.budget)?;
            total = calculus::extended(partial, &count, self.budget)?;
        }
        Ok(plain(total))
    }

    /// The next term, with a value for a name.
    fn term_with(&mut self, name: &'a str, value: Quotient) -> Result<Quotient, Gap> {
        let start = self.at;
        self.bound.push((name, value));
        let term = self.deeper(Self::term);
        self.bound.pop();
        self.budget.spend(1 + (self.at - start) as u64)?;
        self.operand(&term?)
    }

    /// `\lim_{x \to 0} \frac{\sin x}{x}`.
    pub(super) fn limit(&mut self) -> Result<Form, Gap> {
        self.at += 1;
        let (Some(Kind::Mark('_')), Some(Kind::Mark('{')), Some(Kind::Symbol(index)), Some(Kind::Mark('→'))) =
            (self.kind(0), self.kind(1), self.kind(2), self.kind(3))
        else {
            return Err("a limit that is not understood");
        };
        self.at += 4;
        let towards = match self.enclosed(Self::sum)? {
            Form::Infinity { negative: false } => None,
            form => Some(self.operand(&form)?),
        };
        self.expect('}')?;
        let form = self.deeper(Self::term)?;
        let f = self.operand(&form)?;
        calculus::limit(&f, index, towards.as_ref(), self.budget).map(plain)
    }

    /// `\int_0^1 x^2 dx`, or without bounds, up to a constant `C`.
    pub(super) fn integral(&mut self) -> Result<Form, Gap> {
        self.at += 1;
        let mut bounds = [None, None];
        for (bound, mark) in bounds.iter_mut().zip(['_', '^']) {
            if self.take(mark) {
                *bound = Some(self.script()?);
            }
        }
        let (end, variable) = self.differential().ok_or("an integral that is not understood")?;
        let rest = self.tokens.split_off(end);
        let form = if self.at == end { plain(Quotient::integer(1)) } else { self.enclosed(Self::sum)? };
        if self.at < end {
            return Err("an integral that is not understood");
        }
        self.tokens.extend(rest);
        self.at = end + 2;
        let f = self.operand(&form)?;
        let whole = calculus::antiderivative(&f, variable, self.budget)?;
        let mut at = |bound: &Quotient| calculus::substituted(&whole, variable, bound, self.budget);
        let value = match bounds {
            [None, None] => whole.plus(&Quotient::symbol("C"), self.budget)?,
            [Some(from), Some(to)] => {
                let (from, to) = (at(&from)?, at(&to)?);
                to.plus(&from.negated(), self.budget)?
            }
            _ => return Err("an integral with one bound"),
        };
        Ok(plain(value))
    }

    /// Where the `dx` of an integral stands, outside of brackets, and its variable.
    fn differential(&self) -> Option<(usize, &'a str)> {
        let mut depth = 0_usize;
        for at in self.at..self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Mark('(' | '[' | '{' | '⦃') => depth += 1,
                Kind::Mark(')' | ']' | '}' | '⦄') => depth = depth.checked_sub(1)?,
                Kind::Symbol("d") if depth == 0 => {
                    if let Some(Kind::Symbol(variable)) = self.tokens.get(at + 1).map(|token| token.kind) {
                        return Some((at, variable));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// `\frac{d}{dx} f`, after the command; none if it is an ordinary fraction.
    pub(super) fn derivative(&mut self) -> Result<Option<Form>, Gap> {
        let pattern =
            [Kind::Mark('{'), Kind::Symbol("d"), Kind::Mark('}'), Kind::Mark('{'), Kind::Symbol("d")];
        let matches = pattern.iter().enumerate().all(|(ahead, kind)| self.kind(ahead) == Some(*kind));
        let (true, Some(Kind::Symbol(variable)), Some(Kind::Mark('}'))) =
            (matches, self.kind(5), self.kind(6))
        else {
            return Ok(None);
        };
        self.at += 7;
        let form = self.deeper(Self::term)?;
        let f = self.operand(&form)?;
        calculus::derivative(&f, variable, self.budget).map(|slope| Some(plain(slope)))
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
