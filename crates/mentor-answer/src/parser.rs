//! Tokens to normal form, by recursive descent with a bounded depth.

mod operand;

use num_rational::BigRational;
use num_traits::Zero;

use crate::{
    form::{Form, Quantity},
    lexer::{Kind, MATH_WORDS, Token},
    limits::{Budget, DEPTH, Gap, ITEMS},
    number,
    poly::Quotient,
    power::power,
    unit,
};

/// Reads a whole answer.
pub(crate) fn parse(tokens: &[Token<'_>], budget: &mut Budget) -> Result<Form, Gap> {
    let mut parser = Parser { tokens: tokens.to_vec(), at: 0, depth: 0, unit: None, budget };
    let mut items = parser.list()?;
    if parser.at < parser.tokens.len() {
        return Err("something that is not understood");
    }
    Ok(if items.len() == 1 { items.remove(0) } else { Form::Set(items) })
}

struct Parser<'a, 'b> {
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    /// The unit met in the current item.
    unit: Option<String>,
    budget: &'b mut Budget,
}

impl<'a> Parser<'a, '_> {
    fn kind(&self, ahead: usize) -> Option<Kind<'a>> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    fn is_mark(&self, mark: char) -> bool {
        self.kind(0) == Some(Kind::Mark(mark))
    }

    fn take(&mut self, mark: char) -> bool {
        let found = self.is_mark(mark);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: char) -> Result<(), Gap> {
        if self.take(mark) { Ok(()) } else { Err("brackets that do not match") }
    }

    /// Runs a rule one level deeper.
    fn deeper<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, Gap>) -> Result<T, Gap> {
        if self.depth >= DEPTH {
            return Err("nested too deeply");
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// `item (separator item)*`, with separators `,`, `;`, `and`, `or`; a separator may end it.
    fn list(&mut self) -> Result<Vec<Form>, Gap> {
        let mut items = Vec::new();
        while self.at < self.tokens.len() && !self.at_closing() {
            items.push(self.deeper(Self::item)?);
            let before = self.at;
            while matches!(self.kind(0), Some(Kind::Mark(',' | ';') | Kind::Word("and" | "or"))) {
                self.at += 1;
            }
            if self.at == before {
                break;
            }
            if items.len() > ITEMS {
                return Err("too many elements");
            }
        }
        if items.is_empty() { Err("nothing") } else { Ok(items) }
    }

    fn at_closing(&self) -> bool {
        matches!(self.kind(0), Some(Kind::Mark(')' | ']' | '}' | '⦄')))
    }

    /// An expression, said to be the value of a variable or equal to others.
    fn item(&mut self) -> Result<Form, Gap> {
        let outer = self.unit.take();
        self.take('=');
        let mut form = self.sum()?;
        while self.take('=') {
            let right = self.sum()?;
            form = self.equated(form, right)?;
        }
        if let Form::Quantity(quantity) = &mut form {
            quantity.unit = quantity.unit.take().or(self.unit.take());
            if quantity.percent && quantity.unit.is_some() {
                return Err("a percentage with a unit");
            }
        }
        self.unit = outer;
        Ok(form)
    }

    /// `x = 5`, `5 = x`, `(x, y) = (1, 2)` or two expressions of one value.
    fn equated(&mut self, left: Form, right: Form) -> Result<Form, Gap> {
        if let (Some(name), Form::Quantity(value)) = (variable(&left), &right) {
            return Ok(Form::Quantity(Quantity { name: Some(name), ..value.clone() }));
        }
        if let (Form::Quantity(value), Some(name)) = (&left, variable(&right)) {
            return Ok(Form::Quantity(Quantity { name: Some(name), ..value.clone() }));
        }
        match (&left, &right) {
            (Form::Sequence { items, .. }, Form::Sequence { items: values, .. })
                if items.len() == values.len() && items.iter().all(|item| variable(item).is_some()) =>
            {
                Ok(right)
            }
            (_, Form::Sequence { .. } | Form::Set(_) | Form::Infinity { .. })
                if variable(&left).is_some() =>
            {
                Ok(right)
            }
            (Form::Quantity(a), Form::Quantity(b)) if a.value.equals(&b.value, self.budget)? => Ok(left),
            _ => Err("equation"),
        }
    }

    fn sum(&mut self) -> Result<Form, Gap> {
        let mut form = self.signed(Self::term)?;
        loop {
            let negative = match self.kind(0) {
                Some(Kind::Mark('+')) => false,
                Some(Kind::Mark('-')) => true,
                Some(Kind::Mark('÷')) => {
                    self.at += 1;
                    let denominator = self.signed(Self::sum)?;
                    return self.quotient(&form, &denominator);
                }
                _ => return Ok(form),
            };
            self.at += 1;
            let right = self.signed(Self::term)?;
            let right = self.operand(&right)?;
            let right = if negative { right.negated() } else { right };
            form = plain(self.operand(&form)?.plus(&right, self.budget)?);
        }
    }

    /// Any number of signs, then a rule.
    fn signed(&mut self, rule: fn(&mut Self) -> Result<Form, Gap>) -> Result<Form, Gap> {
        let mut negative = false;
        while let Some(Kind::Mark(sign @ ('+' | '-'))) = self.kind(0) {
            negative ^= sign == '-';
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
            other => plain(self.operand(&other)?.negated()),
        })
    }

    /// A form that takes part in arithmetic.
    fn operand(&mut self, form: &Form) -> Result<Quotient, Gap> {
        if self.unit.as_ref().is_some_and(|unit| unit.starts_with('_')) {
            return Err("arithmetic in another base");
        }
        expression(form, self.budget)
    }

    fn quotient(&mut self, numerator: &Form, denominator: &Form) -> Result<Form, Gap> {
        let denominator = self.operand(denominator)?;
        Ok(plain(self.operand(numerator)?.over(&denominator, self.budget)?))
    }

    fn product(&mut self, left: &Form, right: &Form) -> Result<Form, Gap> {
        let right = self.operand(right)?;
        Ok(plain(self.operand(left)?.times(&right, self.budget)?))
    }

    /// Factors, written with signs or side by side; units behind them.
    fn term(&mut self) -> Result<Form, Gap> {
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
                Some(Kind::Mark('m')) => {
                    self.at += 1;
                    let right = self.signed(Self::factor)?;
                    form = self.remainder(&form, &right)?;
                }
                Some(Kind::Mark('(')) if self.remark() => {}
                Some(Kind::Word(word))
                    if !MATH_WORDS.contains(&word) || matches!(word, "percent" | "min" | "sec") =>
                {
                    form = self.units(form)?;
                }
                Some(Kind::Mark('$' | '€' | '£')) => self.currency(),
                Some(
                    Kind::Symbol(_)
                    | Kind::Word("pi" | "sqrt")
                    | Kind::Command("frac" | "sqrt")
                    | Kind::Mark('(' | '{'),
                ) => {
                    let right = self.deeper(Self::factor)?;
                    form = self.product(&form, &right)?;
                }
                Some(Kind::Number(_)) if self.follows_symbol() => {
                    let right = self.deeper(Self::factor)?;
                    form = self.product(&form, &right)?;
                }
                _ => return Ok(form),
            }
        }
    }

    /// Whether a variable stands right before, so that a number here is a factor (`x2`).
    fn follows_symbol(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        matches!(before, Some(Token { kind: Kind::Symbol(_), .. })) && !self.tokens[self.at].spaced
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
        }
        if self.unit.is_some() && known.is_some() && self.unit != known {
            return Err("several units");
        }
        self.unit = self.unit.take().or(known);
        Ok(form)
    }

    /// A base with its exponent and signs behind it.
    fn factor(&mut self) -> Result<Form, Gap> {
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
                (Some(Kind::Mark('^')), ..) => {
                    self.at += 1;
                    let exponent = self.exponent()?;
                    let base = self.operand(&form)?;
                    form = plain(power(&base, &exponent, self.budget)?);
                }
                (Some(Kind::Mark('!' | '\'' | '_')), ..) => return Err("a sign behind an expression"),
                _ => return Ok(form),
            }
        }
    }

    fn degrees(&mut self, tokens: usize) {
        self.at += tokens;
        self.unit = Some("°".to_owned());
    }

    /// What follows `^`: a group, or a sign and one base that may be raised itself.
    fn exponent(&mut self) -> Result<Quotient, Gap> {
        let form = if self.is_mark('{') { self.base()? } else { self.signed(Self::unmixed_factor)? };
        self.operand(&form)
    }

    fn unmixed_factor(&mut self) -> Result<Form, Gap> {
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

/// An expression with nothing beside it.
fn plain(value: Quotient) -> Form {
    Form::Quantity(Quantity::plain(value))
}

/// The name of a variable if that is all a form is; constants are none.
fn variable(form: &Form) -> Option<String> {
    match form {
        Form::Quantity(Quantity { value, percent: false, unit: None, name: None }) => {
            value.as_symbol().filter(|name| !matches!(*name, "pi" | "e")).map(str::to_owned)
        }
        _ => None,
    }
}

/// A form as an operand.
pub(crate) fn expression(form: &Form, budget: &mut Budget) -> Result<Quotient, Gap> {
    match form {
        Form::Quantity(Quantity { value, percent: true, .. }) => value.over(&Quotient::integer(100), budget),
        Form::Quantity(Quantity { value, .. }) => Ok(value.clone()),
        Form::Sequence { open: '[', close: ']', items } if items.len() == 1 => expression(&items[0], budget),
        Form::Infinity { .. } => Err("arithmetic with infinity"),
        Form::Sequence { .. } | Form::Set(_) => Err("arithmetic with a list"),
        Form::Phrase(_) => Err("arithmetic with words"),
    }
}
