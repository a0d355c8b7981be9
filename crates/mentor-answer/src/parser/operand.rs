//! What operators stand between.

use std::borrow::Cow;

use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::{Parser, plain};
use crate::{
    form::Form,
    function::{FUNCTIONS, absolute, binomial, floor},
    lexer::Kind,
    limits::{Budget, Gap},
    number,
    poly::{Atom, Quotient},
    power::{power, root},
    region::Region,
};

/// A function of one argument that stands between signs of its own.
type Delimited = fn(&Quotient, &mut Budget) -> Result<Quotient, Gap>;

impl<'a> Parser<'a, '_> {
    /// Reads one operand: a number, symbol, command or bracket with what it holds.
    pub(super) fn base(&mut self) -> Result<Form, Gap> {
        let Some(kind) = self.kind(0) else { return Err("an expression that breaks off") };
        match kind {
            Kind::Number(digits) => self.number(digits),
            Kind::Symbol(name) => self.symbol(name),
            Kind::Word("pi") => self.symbol("pi"),
            Kind::Word("infinity" | "inf") | Kind::Mark('∞') => {
                self.at += 1;
                Ok(Form::Infinity { negative: false })
            }
            Kind::Word("sqrt") => {
                self.at += 1;
                let radicand = self.deeper(Self::unmixed_factor)?;
                self.square_root(&radicand)
            }
            Kind::Word("abs") => self.delimited(absolute),
            Kind::Word("floor") => self.delimited(floor),
            Kind::Word("ceil") => self.delimited(|x, budget| Ok(floor(&x.negated(), budget)?.negated())),
            Kind::Word(name) | Kind::Command(name) if FUNCTIONS.contains(&name) => self.call(name),
            Kind::Word(name @ ("gcd" | "lcm" | "max" | "min"))
            | Kind::Command(name @ ("gcd" | "lcm" | "max" | "min")) => self.call_of_several(name),
            Kind::Word("det") | Kind::Command("det") => {
                self.at += 1;
                let Form::Matrix(rows) = self.deeper(Self::base)? else {
                    return Err("determinant of no matrix");
                };
                crate::matrix::determinant(&rows, self.budget).map(plain)
            }
            Kind::Word(_) => Err("words within an expression"),
            Kind::Command("sum") => self.series(false),
            Kind::Command("prod") => self.series(true),
            Kind::Command("lim") => self.limit(),
            Kind::Command("int") => self.integral(),
            Kind::Command("binom") => {
                self.at += 1;
                let (above, below) = (self.argument()?, self.argument()?);
                let (above, below) = (self.operand(&above)?, self.operand(&below)?);
                Ok(plain(binomial(&above, &below, self.budget)?))
            }
            Kind::Command("overline" | "bar") => {
                self.at += 1;
                let form = self.argument()?;
                self.barred(form)
            }
            Kind::Command("dot") => {
                self.at += 1;
                self.argument()
            }
            Kind::Begin(name) => self.environment(name),
            Kind::End => Err("an environment that is not understood"),
            Kind::Command("frac") => {
                self.at += 1;
                if let Some(form) = self.derivative()? {
                    return Ok(form);
                }
                let (numerator, denominator) = (self.argument()?, self.argument()?);
                self.quotient(&numerator, &denominator)
            }
            Kind::Command("sqrt") => self.command_root(),
            Kind::Command("mathbb") => self.number_set(),
            Kind::Command(_) => Err("a command that is not understood"),
            Kind::Mark(mark) => self.bracketed(mark),
        }
    }

    fn square_root(&mut self, radicand: &Form) -> Result<Form, Gap> {
        let radicand = self.operand(radicand)?;
        Ok(plain(root(&radicand, 2, self.budget)?))
    }

    fn command_root(&mut self) -> Result<Form, Gap> {
        self.at += 1;
        let mut index = Quotient::integer(2);
        if self.take('[') {
            let form = self.enclosed(Self::sum)?;
            index = self.operand(&form)?;
            self.expect(']')?;
        }
        let radicand = self.argument()?;
        let radicand = self.operand(&radicand)?;
        let whole =
            index.as_rational().filter(BigRational::is_integer).and_then(|whole| whole.to_integer().to_u32());
        Ok(plain(match whole {
            Some(index) => root(&radicand, index, self.budget)?,
            None => power(&radicand, &index.inverted(self.budget)?, self.budget)?,
        }))
    }

    /// `\mathbb{R}` and the like, by name.
    fn number_set(&mut self) -> Result<Form, Gap> {
        self.at += 1;
        let braced = self.take('{');
        let Some(Kind::Symbol(letter)) = self.kind(0) else { return Err("a command that is not understood") };
        self.at += 1;
        if braced {
            self.expect('}')?;
        }
        if letter == "R" {
            return Ok(Form::Region(Region::all()));
        }
        Ok(Form::Phrase(format!("the set {letter}")))
    }

    /// The argument of a command: a group, one digit, or one base.
    pub(super) fn argument(&mut self) -> Result<Form, Gap> {
        if let Some(Kind::Number(digits)) = self.kind(0)
            && digits.len() > 1
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            let (first, rest) = digits.split_at(1);
            self.tokens[self.at].kind = Kind::Number(rest);
            return Ok(plain(number::value(first)?));
        }
        match self.kind(0) {
            Some(Kind::Number(digits)) => {
                self.at += 1;
                Ok(plain(number::value(digits)?))
            }
            _ => self.deeper(Self::base),
        }
    }

    fn symbol(&mut self, name: &str) -> Result<Form, Gap> {
        self.at += 1;
        if let Some((_, value)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return Ok(plain(value.clone()));
        }
        if name == "C" && self.is_mark('(') {
            return self.choose();
        }
        if self.is_mark('\'') {
            let mut name = name.to_owned();
            while self.take('\'') {
                name.push('\'');
            }
            return Ok(plain(Quotient::symbol(&name)));
        }
        if self.take('_') {
            let below = self.subscript()?;
            return Ok(plain(Quotient::symbol(&format!("{name}_{below}"))));
        }
        Ok(plain(if name == "i" { Quotient::atom(Atom::Imaginary) } else { Quotient::symbol(name) }))
    }

    /// `C(4, 2)`, a binomial coefficient, or a product with what stands in brackets.
    fn choose(&mut self) -> Result<Form, Gap> {
        let form = self.deeper(Self::base)?;
        if let Form::Sequence { open: '(', close: ')', items } = &form
            && let [above, below] = &items[..]
        {
            let (above, below) = (self.operand(above)?, self.operand(below)?);
            return Ok(plain(binomial(&above, &below, self.budget)?));
        }
        self.product(&plain(Quotient::symbol("C")), &form)
    }

    /// What a line above means: of a complex number the conjugate, of a small letter another name, and nothing above a
    /// segment or digits.
    fn barred(&mut self, form: Form) -> Result<Form, Gap> {
        let Form::Quantity(quantity) = &form else { return Ok(form) };
        let small = |name: &&str| name.starts_with(|first: char| first.is_ascii_lowercase());
        if let Some(name) = quantity.value.as_symbol().filter(small) {
            return Ok(plain(Quotient::symbol(&format!("bar_{name}"))));
        }
        let Some((real, imaginary)) = quantity.value.complex_parts() else { return Ok(form) };
        let imaginary = imaginary.times(&Quotient::atom(Atom::Imaginary), self.budget)?;
        Ok(plain(real.plus(&imaginary.negated(), self.budget)?))
    }

    /// A word with one argument in brackets.
    fn delimited(&mut self, function: Delimited) -> Result<Form, Gap> {
        self.at += 1;
        let form = self.enclosed(Self::base)?;
        let value = self.operand(&form)?;
        Ok(plain(function(&value, self.budget)?))
    }

    /// One operand that is not mixed with the fraction behind it: what a base or bound is.
    pub(super) fn base_alone(&mut self) -> Result<Form, Gap> {
        match self.kind(0) {
            Some(Kind::Number(digits)) => {
                self.at += 1;
                Ok(plain(number::value(digits)?))
            }
            _ => self.base(),
        }
    }

    /// What follows `_`: one token, or several in braces.
    fn subscript(&mut self) -> Result<String, Gap> {
        let braced = self.take('{');
        let mut name = String::new();
        loop {
            match self.kind(0) {
                Some(Kind::Number(part) | Kind::Symbol(part) | Kind::Word(part)) => name.push_str(part),
                Some(Kind::Mark(mark @ ('+' | '-' | ','))) if braced => name.push(mark),
                _ => break,
            }
            self.at += 1;
            if !braced {
                break;
            }
        }
        if braced {
            self.expect('}')?;
        }
        if name.is_empty() { Err("a subscript that is not understood") } else { Ok(name) }
    }

    /// A number, repeating (`0.1\overline{6}`), mixed (`3\frac{1}{2}`) or with a base below it (`101_2`).
    fn number(&mut self, digits: &'a str) -> Result<Form, Gap> {
        self.at += 1;
        if let Some((period, tokens)) = self.repeating(digits) {
            self.at += tokens;
            return Ok(plain(number::repeating(digits, &period)?));
        }
        if digits.contains('.') && self.kind(0) == Some(Kind::Command("ldots")) {
            // Digits that go on nobody knows how are left out.
            self.at += 1;
        }
        let value = number::value(digits)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(plain(value));
        }
        if self.take('_') {
            // The digits of a number in another base stand for themselves; what they are worth is not worked out.
            self.unit = Some(format!("_{}", self.subscript()?));
            return Ok(plain(value));
        }
        if let Some((fraction, tokens)) = self.mixed_fraction() {
            self.at += tokens;
            return Ok(plain(value.plus(&fraction, self.budget)?));
        }
        Ok(plain(value))
    }

    /// The digits that repeat behind a decimal fraction, and how many tokens they take: below a line, with a dot above
    /// them or above the first and last, in brackets right behind the point, or written at least twice before dots.
    fn repeating(&self, digits: &'a str) -> Option<(Cow<'a, str>, usize)> {
        let (_, fraction) = digits.split_once('.')?;
        let (period, tokens) = match (self.kind(0)?, self.kind(1), self.kind(2)) {
            (Kind::Command("ldots"), ..) => (period_before_dots(fraction)?, 1),
            (Kind::Command("overline" | "bar" | "dot"), ..) => {
                let (first, taken) = self.marked_digits(0)?;
                match self.kind(taken) {
                    Some(Kind::Command("dot")) => {
                        let (last, more) = self.marked_digits(taken)?;
                        return Some((Cow::Owned(format!("{first}{last}")), taken + more));
                    }
                    Some(Kind::Number(middle)) if self.kind(taken + 1) == Some(Kind::Command("dot")) => {
                        let (last, more) = self.marked_digits(taken + 1)?;
                        return Some((Cow::Owned(format!("{first}{middle}{last}")), taken + 1 + more));
                    }
                    _ => (first, taken),
                }
            }
            (Kind::Mark('('), Some(Kind::Number(period)), Some(Kind::Mark(')'))) if digits.ends_with('.') => {
                (period, 3)
            }
            _ => return None,
        };
        is_digits(period).then_some((Cow::Borrowed(period), tokens))
    }

    /// The digits below a line or dot, and how many tokens they take with it.
    fn marked_digits(&self, ahead: usize) -> Option<(&'a str, usize)> {
        match (self.kind(ahead + 1)?, self.kind(ahead + 2), self.kind(ahead + 3)) {
            (Kind::Mark('{'), Some(Kind::Number(period)), Some(Kind::Mark('}'))) => Some((period, 4)),
            (Kind::Number(period), ..) if period.len() == 1 => Some((period, 2)),
            _ => None,
        }
    }

    /// The proper fraction behind an integer, and how many tokens it takes.
    fn mixed_fraction(&self) -> Option<(Quotient, usize)> {
        let (above, below, tokens) = match (self.kind(0)?, self.kind(1)?) {
            (Kind::Command("frac"), Kind::Number(two)) if two.len() == 2 => (&two[..1], &two[1..], 2),
            (Kind::Command("frac"), _) => {
                let (above, taken) = self.literal(1)?;
                let (below, more) = self.literal(1 + taken)?;
                (above, below, 1 + taken + more)
            }
            (Kind::Number(above), Kind::Mark('/')) if self.tokens[self.at].spaced => match self.kind(2)? {
                Kind::Number(below) => (above, below, 3),
                _ => return None,
            },
            _ => return None,
        };
        let (above, below) = (above.parse::<u64>().ok()?, below.parse::<u64>().ok()?);
        let proper = 0 < above && above < below;
        proper.then(|| (Quotient::constant(BigRational::new(above.into(), below.into())), tokens))
    }

    /// A number that is a command's whole argument, and how many tokens it takes.
    fn literal(&self, ahead: usize) -> Option<(&'a str, usize)> {
        match (self.kind(ahead)?, self.kind(ahead + 1), self.kind(ahead + 2)) {
            (Kind::Mark('{'), Some(Kind::Number(digits)), Some(Kind::Mark('}'))) => Some((digits, 3)),
            (Kind::Number(digits), ..) if digits.len() == 1 => Some((digits, 1)),
            _ => None,
        }
    }

    fn bracketed(&mut self, mark: char) -> Result<Form, Gap> {
        self.at += 1;
        match mark {
            '(' | '[' => self.sequence(mark),
            '⦃' => {
                if self.take('⦄') {
                    return Ok(Form::Set(Vec::new()));
                }
                if let Some(form) = self.enclosed(Self::set_of_all)? {
                    self.expect('⦄')?;
                    return Ok(form);
                }
                let (items, _) = self.enclosed(Self::list)?;
                self.expect('⦄')?;
                Ok(Form::Set(items))
            }
            '{' => {
                let (mut items, _) = self.enclosed(Self::list)?;
                self.expect('}')?;
                Ok(if items.len() == 1 { items.remove(0) } else { Form::Set(items) })
            }
            '∅' => Ok(Form::Set(Vec::new())),
            '|' => {
                let outer = std::mem::replace(&mut self.bars, true);
                let inner = self.deeper(Self::sum);
                self.bars = outer;
                let inner = inner?;
                self.expect('|')?;
                if let Form::Matrix(rows) = &inner {
                    return crate::matrix::determinant(rows, self.budget).map(plain);
                }
                let value = self.operand(&inner)?;
                Ok(plain(absolute(&value, self.budget)?))
            }
            '⌊' | '⌈' => {
                let inner = self.enclosed(Self::sum)?;
                self.expect(if mark == '⌊' { '⌋' } else { '⌉' })?;
                let value = self.operand(&inner)?;
                Ok(plain(match mark {
                    '⌊' => floor(&value, self.budget)?,
                    _ => floor(&value.negated(), self.budget)?.negated(),
                }))
            }
            '$' | '€' | '£' => {
                self.unit = Some(mark.to_string());
                self.deeper(Self::base)
            }
            '*' | '/' | '^' | '+' | '-' => Err("an operator without its operand"),
            _ => Err("a sign that is not understood"),
        }
    }

    /// What stands in round or square brackets; round ones around one thing only group.
    fn sequence(&mut self, open: char) -> Result<Form, Gap> {
        let (mut items, _) = self.enclosed(Self::list)?;
        let Some(Kind::Mark(close @ (')' | ']'))) = self.kind(0) else {
            return Err("brackets that do not match");
        };
        self.at += 1;
        // `\left[\begin{array}{cc}…\end{array}\right]`
        if matches!(items[..], [Form::Matrix(_)]) && (open == '(') == (close == ')') {
            return Ok(items.remove(0));
        }
        if items.len() > 1 || open == '[' && close == ']' {
            Ok(Form::Sequence { open, close, items })
        } else if open == '(' && close == ')' {
            Ok(items.remove(0))
        } else {
            Err("brackets that do not match")
        }
    }
}

/// The shortest run of digits that is written at least twice at the end.
fn period_before_dots(fraction: &str) -> Option<&str> {
    let length = fraction.len();
    let repeats =
        |period: &usize| fraction[length - 2 * period..length - period] == fraction[length - period..];
    (1..=length / 2).find(repeats).map(|period| &fraction[length - period..])
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
