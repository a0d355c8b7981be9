//! Sums, products and powers.

use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};

use super::{Parser, expression, plain};
use crate::{
    form::{Form, Quantity},
    function::{FUNCTIONS, binomial, factorial},
    lexer::{Kind, MATH_WORDS, Token},
    limits::Gap,
    matrix, number,
    poly::Quotient,
    power::power,
    unit,
};

/// Whether what begins with a token is a factor of the product before it.
fn is_factor(kind: Kind<'_>) -> bool {
    match kind {
        Kind::Symbol(_) | Kind::Begin(_) | Kind::Mark('(' | '{' | '|' | '⌊' | '⌈') => true,
        Kind::Word(word) => {
            matches!(word, "pi" | "sqrt" | "abs" | "floor" | "ceil") || FUNCTIONS.contains(&word)
        }
        Kind::Command(name) => {
            matches!(name, "frac" | "sqrt" | "binom" | "overline" | "bar") || FUNCTIONS.contains(&name)
        }
        _ => false,
    }
}

impl Parser<'_, '_> {
    pub(super) fn sum(&mut self) -> Result<Form, Gap> {
        let mut form = self.signed(Self::term)?;
        loop {
            let negative = match self.kind(0) {
                // What is left of a set is not for arithmetic.
                Some(Kind::Mark('-')) if matches!(form, Form::Region(_) | Form::Set(_)) => return Ok(form),
                Some(Kind::Mark(mark @ ('+' | '-' | '±' | '∓'))) => self.is_negative(mark)?,
                // Of `-7 \bmod 3` and `2+7 \bmod 3` all that stands before is divided.
                Some(Kind::Mark('m')) => {
                    self.at += 1;
                    let right = self.signed(Self::factor)?;
                    form = self.remainder(&form, &right)?;
                    continue;
                }
                Some(Kind::Mark('(')) if self.kind(1) == Some(Kind::Mark('m')) => {
                    self.at += 2;
                    form = self.modulus(&form)?;
                    self.expect(')')?;
                    continue;
                }
                Some(Kind::Command("pmod")) => {
                    self.at += 1;
                    form = self.modulus(&form)?;
                    continue;
                }
                Some(Kind::Mark('⊚')) => {
                    self.at += 1;
                    let below = self.signed(Self::sum)?;
                    let (above, below) = (self.operand(&form)?, self.operand(&below)?);
                    return Ok(plain(binomial(&above, &below, self.budget)?));
                }
                Some(Kind::Mark('÷')) => {
                    self.at += 1;
                    let denominator = self.signed(Self::sum)?;
                    return self.quotient(&form, &denominator);
                }
                _ => return Ok(form),
            };
            self.at += 1;
            let right = self.signed(Self::term)?;
            let right = if negative { self.negated(right)? } else { right };
            form = self.added(&form, &right)?;
        }
    }

    /// What a sign stands for in this reading.
    fn is_negative(&mut self, mark: char) -> Result<bool, Gap> {
        if matches!(mark, '+' | '-') {
            return Ok(mark == '-');
        }
        let choice = self.choice.as_mut().ok_or("± within a set of sets")?;
        choice.met = true;
        Ok(choice.negative == (mark == '±'))
    }

    /// The sum of two expressions or matrices.
    fn added(&mut self, left: &Form, right: &Form) -> Result<Form, Gap> {
        if let (Form::Matrix(left), Form::Matrix(right)) = (left, right) {
            return matrix::sum(left, right, self.budget).map(Form::Matrix);
        }
        let right = self.operand(right)?;
        Ok(plain(self.operand(left)?.plus(&right, self.budget)?))
    }

    /// Any number of signs, then a rule.
    pub(super) fn signed(&mut self, rule: fn(&mut Self) -> Result<Form, Gap>) -> Result<Form, Gap> {
        let mut negative = false;
        while let Some(Kind::Mark(mark @ ('+' | '-' | '±' | '∓'))) = self.kind(0) {
            negative ^= self.is_negative(mark)?;
            self.at += 1;
        }
        let form = self.deeper(rule)?;
        if negative { self.negated(form) } else { Ok(form) }
    }

    fn negated(&mut self, form: Form) -> Result<Form, Gap> {
        Ok(match form {
            Form::Infinity { negative } => Form::Infinity { negative: !negative },
            Form::Quantity(quantity) => {
                Form::Quantity(Quantity { value: quantity.value.negated(), ..quantity })
            }
            Form::Matrix(rows) => Form::Matrix(matrix::scaled(&rows, &Quotient::integer(-1), self.budget)?),
            other => plain(self.operand(&other)?.negated()),
        })
    }

    /// A form that takes part in arithmetic.
    pub(super) fn operand(&mut self, form: &Form) -> Result<Quotient, Gap> {
        if self.unit.as_ref().is_some_and(|unit| unit.starts_with('_')) {
            return Err("arithmetic in another base");
        }
        expression(form, self.budget)
    }

    pub(super) fn quotient(&mut self, numerator: &Form, denominator: &Form) -> Result<Form, Gap> {
        let denominator = self.operand(denominator)?;
        if let Form::Matrix(rows) = numerator {
            let inverse = denominator.inverted(self.budget)?;
            return matrix::scaled(rows, &inverse, self.budget).map(Form::Matrix);
        }
        Ok(plain(self.operand(numerator)?.over(&denominator, self.budget)?))
    }

    pub(super) fn product(&mut self, left: &Form, right: &Form) -> Result<Form, Gap> {
        match (left, right) {
            (Form::Matrix(left), Form::Matrix(right)) => {
                return matrix::product(left, right, self.budget).map(Form::Matrix);
            }
            (Form::Matrix(rows), scalar) | (scalar, Form::Matrix(rows)) => {
                let scalar = self.operand(scalar)?;
                return matrix::scaled(rows, &scalar, self.budget).map(Form::Matrix);
            }
            _ => {}
        }
        let right = self.operand(right)?;
        Ok(plain(self.operand(left)?.times(&right, self.budget)?))
    }

    /// Factors, written with signs or side by side; units behind them.
    pub(super) fn term(&mut self) -> Result<Form, Gap> {
        let mut form = self.factor()?;
        loop {
            match self.kind(0) {
                Some(Kind::Mark('*')) => {
                    self.at += 1;
                    let right = self.signed(Self::factor)?;
                    form = self.product(&form, &right)?;
                }
                Some(Kind::Mark('/' | ':')) => {
                    self.at += 1;
                    let right = self.signed(Self::factor)?;
                    form = self.quotient(&form, &right)?;
                }
                Some(Kind::Mark('%')) => {
                    self.at += 1;
                    let value = self.operand(&form)?;
                    form = Form::Quantity(Quantity { percent: true, ..Quantity::plain(value) });
                }
                Some(Kind::Mark('(')) if self.remark() => {}
                Some(Kind::Mark('(')) if self.kind(1) == Some(Kind::Mark('m')) => return Ok(form),
                Some(Kind::Word(word))
                    if !MATH_WORDS.contains(&word) || matches!(word, "percent" | "min" | "sec") =>
                {
                    form = self.units(form)?;
                }
                Some(Kind::Mark('$' | '€' | '£')) => self.currency(),
                Some(Kind::Mark('|')) if self.bars => return Ok(form),
                Some(kind) if is_factor(kind) => {
                    let right = self.deeper(Self::factor)?;
                    form = self.product(&form, &right)?;
                }
                Some(Kind::Number(_)) if self.is_number_a_factor() => {
                    let right = self.deeper(Self::factor)?;
                    form = self.product(&form, &right)?;
                }
                _ => return Ok(form),
            }
        }
    }

    /// Whether a variable or factorial stands right before, so that a number here is a factor (`x2`, `2!3!`).
    fn is_number_a_factor(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        matches!(before, Some(Token { kind: Kind::Symbol(_) | Kind::Mark('!'), .. }))
            && !self.tokens[self.at].spaced
    }

    /// `7 mod 3` of integers, with the sign of the divisor.
    fn remainder(&mut self, left: &Form, right: &Form) -> Result<Form, Gap> {
        let whole = |parser: &mut Self, form: &Form| -> Result<_, Gap> {
            let value = parser.operand(form)?.as_rational().filter(BigRational::is_integer);
            value.map(|value| value.to_integer()).ok_or("remainder of something that is no integer")
        };
        let (left, right) = (whole(self, left)?, whole(self, right)?);
        if right.is_zero() {
            return Err("division by zero");
        }
        let remainder = num_integer::Integer::mod_floor(&left, &right);
        Ok(plain(Quotient::constant(remainder.into())))
    }

    /// `3 \pmod 5`: the residue, with the modulus for a unit.
    fn modulus(&mut self, form: &Form) -> Result<Form, Gap> {
        let modulus = self.deeper(Self::factor)?;
        let form = self.remainder(form, &modulus)?;
        let name = format!("mod {}", self.operand(&modulus)?);
        self.unit = Some(name);
        Ok(form)
    }

    /// Skips a remark in words in brackets, as in `5 (approx)`.
    fn remark(&mut self) -> bool {
        let mut ahead = 1;
        while matches!(self.kind(ahead), Some(Kind::Word(word)) if !MATH_WORDS.contains(&word)) {
            ahead += 1;
        }
        let found = ahead > 1 && self.kind(ahead) == Some(Kind::Mark(')'));
        self.at += if found { ahead + 1 } else { 0 };
        found
    }

    fn currency(&mut self) {
        if let Some(Kind::Mark(mark)) = self.kind(0) {
            self.unit = Some(mark.to_string());
            self.at += 1;
        }
    }

    /// Words behind a quantity: a unit if they are known as one, a noun that is left out if not.
    fn units(&mut self, form: Form) -> Result<Form, Gap> {
        let mut name = String::new();
        while let Some(Kind::Word(word)) = self.kind(0) {
            if matches!(word, "and" | "or") {
                break;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(word);
            self.at += 1;
        }
        let mut known = unit::canonical(&name).map(str::to_owned);
        if known.as_deref() == Some("%") {
            return match form {
                Form::Quantity(quantity) => Ok(Form::Quantity(Quantity { percent: true, ..quantity })),
                _ => Err("percentage of something that is no number"),
            };
        }
        if self.take('^') {
            let exponent = self.exponent()?;
            known = known.map(|unit| format!("{unit}^{exponent}"));
        }
        if let (Some(Kind::Mark('/')), Some(Kind::Word(below) | Kind::Symbol(below))) =
            (self.kind(0), self.kind(1))
        {
            self.at += 2;
            known = known.map(|unit| format!("{unit}/{}", unit::canonical(below).unwrap_or(below)));
            if self.take('^') {
                let exponent = self.exponent()?;
                known = known.map(|unit| format!("{unit}^{exponent}"));
            }
        }
        if self.unit.is_some() && known.is_some() && self.unit != known {
            return Err("several units");
        }
        self.unit = self.unit.take().or(known);
        Ok(form)
    }

    /// A base with its exponent and signs behind it.
    pub(super) fn factor(&mut self) -> Result<Form, Gap> {
        let mut form = self.base()?;
        loop {
            match (self.kind(0), self.kind(1), self.kind(2), self.kind(3)) {
                (Some(Kind::Mark('^')), Some(Kind::Mark('°')), ..) => self.degrees(2),
                (
                    Some(Kind::Mark('^')),
                    Some(Kind::Mark('{')),
                    Some(Kind::Mark('°')),
                    Some(Kind::Mark('}')),
                ) => {
                    self.degrees(4);
                }
                (Some(Kind::Mark('°')), ..) => self.degrees(1),
                (Some(Kind::Mark('^')), ..) if matches!(form, Form::Matrix(_)) => {
                    form = self.matrix_power(form)?;
                }
                (Some(Kind::Mark('^')), ..) => {
                    self.at += 1;
                    let exponent = self.exponent()?;
                    let base = self.operand(&form)?;
                    form = plain(power(&base, &exponent, self.budget)?);
                }
                (Some(Kind::Mark('!')), ..) => {
                    let mut marks = 0;
                    while self.take('!') {
                        marks += 1;
                    }
                    if marks > 2 {
                        return Err("a factorial that is not understood");
                    }
                    let value = self.operand(&form)?;
                    form = plain(factorial(&value, marks, self.budget)?);
                }
                (Some(Kind::Mark('\'' | '_')), ..) => return Err("a sign behind an expression"),
                _ => return Ok(form),
            }
        }
    }

    /// A matrix with `^T` or a small natural number behind it.
    fn matrix_power(&mut self, form: Form) -> Result<Form, Gap> {
        const UNKNOWN: Gap = "a power of a matrix";
        self.at += 1;
        let exponent = self.exponent()?;
        let Form::Matrix(rows) = form else { return Err(UNKNOWN) };
        if exponent.as_symbol() == Some("T") {
            return Ok(Form::Matrix(matrix::transposed(&rows)));
        }
        let whole = exponent.as_rational().filter(BigRational::is_integer).and_then(|whole| whole.to_u32());
        let times = whole.filter(|times| (1..=16).contains(times)).ok_or(UNKNOWN)?;
        let mut power = rows.clone();
        for _ in 1..times {
            power = matrix::product(&power, &rows, self.budget)?;
        }
        Ok(Form::Matrix(power))
    }

    fn degrees(&mut self, tokens: usize) {
        self.at += tokens;
        // `20°C`, `20^\circ\text{F}`
        let scale = match self.kind(0) {
            Some(Kind::Symbol(scale @ ("C" | "F")) | Kind::Word(scale @ ("C" | "F"))) => scale,
            _ => "",
        };
        self.at += usize::from(!scale.is_empty());
        self.unit = Some(format!("°{scale}"));
    }

    /// What follows `^`: a group, or a sign and one base that may be raised itself.
    pub(super) fn exponent(&mut self) -> Result<Quotient, Gap> {
        let form = if self.is_mark('{') { self.base()? } else { self.signed(Self::unmixed_factor)? };
        self.operand(&form)
    }

    pub(super) fn unmixed_factor(&mut self) -> Result<Form, Gap> {
        let base = match self.kind(0) {
            Some(Kind::Number(digits)) => {
                self.at += 1;
                plain(number::value(digits)?)
            }
            _ => self.base()?,
        };
        if !self.take('^') {
            return Ok(base);
        }
        let exponent = self.deeper(Self::exponent)?;
        let base = self.operand(&base)?;
        Ok(plain(power(&base, &exponent, self.budget)?))
    }
}
