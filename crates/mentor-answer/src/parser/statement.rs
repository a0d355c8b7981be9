//! What a whole item says: a value, an equation, an inequality, a set.

use num_traits::One;

use super::{Parser, plain};
use crate::{
    form::{Form, Quantity},
    function::Function,
    lexer::Kind,
    limits::Gap,
    numeric,
    poly::{Atom, Quotient},
    region::Region,
    relation::{Sign, claim},
};

/// The marks between the sides of a statement.
const RELATIONS: [char; 8] = ['=', '≈', '<', '>', '≤', '≥', '≠', '∈'];

impl Parser<'_, '_> {
    /// Sides joined by `=`, `<`, `∈` and the like: `x = 5`, `0 < x \le 1`, `f(x) = 2x`.
    pub(super) fn statement(&mut self) -> Result<Form, Gap> {
        let outer = self.unit.take();
        let _ = self.take('=') || self.take('≈');
        let mut form = match self.defined() {
            Some(name) => plain(Quotient::symbol(&name)),
            None => self.side()?,
        };
        let mut claims = Vec::new();
        while let Some(Kind::Mark(mark)) = self.kind(0)
            && RELATIONS.contains(&mark)
        {
            self.at += 1;
            let right = self.side()?;
            match mark {
                '≈' if is_known(&form) => {}
                '=' | '≈' => form = self.equated(form, right)?,
                '∈' => form = membership(&form, right)?,
                _ => {
                    claims.push(self.inequality(&form, mark, &right)?);
                    form = right;
                }
            }
        }
        if !claims.is_empty() {
            form = self.together(claims)?;
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

    /// The name of a function that is being defined (`f(x) =`, `f'(x) =`, `f^{-1}(x) =`, `\frac{dy}{dx} =`).
    fn defined(&mut self) -> Option<String> {
        use Kind::{Command, Mark, Number, Symbol};
        let next: [_; 11] = std::array::from_fn(|ahead| self.kind(ahead));
        if let [
            Some(Command("frac")),
            Some(Mark('{')),
            Some(Symbol("d")),
            Some(Symbol(above)),
            Some(Mark('}')),
            Some(Mark('{')),
            Some(Symbol("d")),
            Some(Symbol(below)),
            Some(Mark('}')),
            Some(Mark('=')),
            ..,
        ] = next
        {
            self.at += 9;
            return Some(format!("d{above}/d{below}"));
        }
        let words = next.iter().take_while(|kind| matches!(kind, Some(Kind::Word(_)))).count();
        if words > 0 && next.get(words) == Some(&Some(Mark('='))) {
            let name = next[..words].iter().flatten().filter_map(|kind| match kind {
                Kind::Word(word) => Some(word.to_lowercase()),
                _ => None,
            });
            self.at += words;
            return Some(name.collect::<Vec<_>>().join(" "));
        }
        let Some(Symbol(name)) = next[0] else { return None };
        let (name, mut ahead) = match next[1..] {
            [Some(Mark('\'')), Some(Mark('(')), ..] => (format!("{name}'"), 3),
            [Some(Mark('\'')), Some(Mark('\'')), Some(Mark('(')), ..] => (format!("{name}''"), 4),
            [
                Some(Mark('^')),
                Some(Mark('{')),
                Some(Mark('-')),
                Some(Number("1")),
                Some(Mark('}')),
                Some(Mark('(')),
                ..,
            ] => (format!("{name}^-1"), 7),
            [Some(Mark('(')), ..] => (name.to_owned(), 2),
            _ => return None,
        };
        while let (Some(Kind::Symbol(_)), Some(Kind::Mark(mark @ (',' | ')')))) =
            (self.kind(ahead), self.kind(ahead + 1))
        {
            ahead += 2;
            if mark == ')' && self.kind(ahead) == Some(Kind::Mark('=')) {
                self.at += ahead;
                return Some(name);
            }
        }
        None
    }

    /// A sum, or sums joined by `∪`, `∩` and `∖` (or `-`, between sets).
    fn side(&mut self) -> Result<Form, Gap> {
        let mut form = self.sum()?;
        while let Some(Kind::Mark(mark @ ('∪' | '∩' | '∖' | '-'))) = self.kind(0) {
            self.at += 1;
            let right = self.sum()?;
            form = match (form, right, mark) {
                (Form::Set(mut elements), Form::Set(more), '∪') => {
                    elements.extend(more);
                    Form::Set(elements)
                }
                (left, right, _) => {
                    const NO_REGION: Gap = "a set that is not understood";
                    let left = Region::of(&left, self.budget)?.ok_or(NO_REGION)?;
                    let right = Region::of(&right, self.budget)?.ok_or(NO_REGION)?;
                    Form::Region(match mark {
                        '∪' => left.union(right, self.budget)?,
                        '∩' => left.intersection(&right, self.budget)?,
                        _ => left.intersection(&right.complement(), self.budget)?,
                    })
                }
            };
        }
        Ok(form)
    }

    /// `x = 5`, `5 = x`, `(x, y) = (1, 2)`, two expressions of one value, or an equation.
    fn equated(&mut self, left: Form, right: Form) -> Result<Form, Gap> {
        if let (Some(name), Form::Quantity(value)) =
            (variable(&left).or_else(|| measured(&left, &right)), &right)
        {
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
            (_, Form::Sequence { .. } | Form::Set(_) | Form::Infinity { .. } | Form::Matrix(_))
                if variable(&left).is_some() =>
            {
                Ok(right)
            }
            (_, Form::Region(region)) => match variable(&left) {
                Some(name) => Ok(Form::Region(region.clone().named(&name))),
                None => Err("equation of sets"),
            },
            (Form::Quantity(a), Form::Quantity(b)) => {
                if a.value.equals(&b.value, self.budget)? {
                    return Ok(left);
                }
                if a.name.is_some() {
                    // `S = \frac{1}{2}ab = 6`: the last side is the value.
                    return Ok(Form::Quantity(Quantity { name: a.name.clone(), ..b.clone() }));
                }
                let difference = a.value.plus(&b.value.negated(), self.budget)?;
                claim(Sign::Equal, &difference, self.budget)
            }
            _ => Err("equation"),
        }
    }

    /// One step of a chain of inequalities.
    fn inequality(&mut self, left: &Form, mark: char, right: &Form) -> Result<Form, Gap> {
        let infinite = |form: &Form| matches!(form, Form::Infinity { .. });
        if infinite(left) || infinite(right) {
            // `x < ∞` says nothing but that x is real.
            let name = variable(left).or_else(|| variable(right)).ok_or("an inequality with infinity")?;
            return Ok(Form::Region(Region::all().named(&name)));
        }
        let (left, right) = (self.operand(left)?, self.operand(right)?);
        let (sign, value) = match mark {
            '<' => (Sign::Positive, right.plus(&left.negated(), self.budget)?),
            '≤' => (Sign::NotNegative, right.plus(&left.negated(), self.budget)?),
            '>' => (Sign::Positive, left.plus(&right.negated(), self.budget)?),
            '≥' => (Sign::NotNegative, left.plus(&right.negated(), self.budget)?),
            _ => (Sign::NotEqual, left.plus(&right.negated(), self.budget)?),
        };
        claim(sign, &value, self.budget)
    }

    /// Claims that all hold.
    fn together(&mut self, mut claims: Vec<Form>) -> Result<Form, Gap> {
        if claims.len() == 1 {
            return Ok(claims.remove(0));
        }
        let mut whole: Option<Region> = None;
        for claim in &claims {
            let Form::Region(region) = claim else { return Ok(Form::Set(claims)) };
            whole = Some(match whole {
                None => region.clone(),
                Some(whole) if whole.variable == region.variable => {
                    whole.intersection(region, self.budget)?
                }
                Some(_) => return Ok(Form::Set(claims)),
            });
        }
        whole.map(Form::Region).ok_or("nothing")
    }

    /// `\{x \mid x > 3\}` after its opening brace; none if it is no such set.
    pub(super) fn set_of_all(&mut self) -> Result<Option<Form>, Gap> {
        let mut ahead = 1;
        if !matches!(self.kind(0), Some(Kind::Symbol(_))) {
            return Ok(None);
        }
        if self.kind(1) == Some(Kind::Mark('∈')) {
            // `x \in \mathbb{R} \mid`
            ahead =
                (2..8).find(|ahead| matches!(self.kind(*ahead), Some(Kind::Mark('|' | ':')))).unwrap_or(0);
        }
        if !matches!(self.kind(ahead), Some(Kind::Mark('|' | ':'))) {
            return Ok(None);
        }
        self.at += ahead + 1;
        let (items, separators) = self.deeper(Self::list)?;
        let region = match &items[..] {
            [Form::Region(region)] => Some(region.clone()),
            items => super::region(items, &separators, self.budget)?,
        };
        region.map_or(Err("a set that is not understood"), |region| Ok(Some(Form::Region(region))))
    }
}

/// Whether a form is a value of its own, so that what it is about is no more than that in digits.
fn is_known(form: &Form) -> bool {
    match form {
        Form::Quantity(Quantity { name, value, .. }) => name.is_some() || !numeric::has_variables(value),
        _ => false,
    }
}

/// The name of a length or angle by its points (`AB`, `|AB|`, `ABC`), if a number is on the other side.
fn measured(left: &Form, right: &Form) -> Option<String> {
    let (Form::Quantity(left), true) = (left, is_known(right)) else { return None };
    let (product, coefficient) = left.value.as_sum()?.single()?;
    if !coefficient.is_one() {
        return None;
    }
    if let [(Atom::Applied(applied), exponent)] = &product.0[..]
        && applied.function == Function::Abs
        && exponent.is_one()
    {
        let within = Form::Quantity(Quantity::plain(applied.arguments[0].clone()));
        return measured(&within, right);
    }
    let mut name = String::new();
    for (atom, exponent) in &product.0 {
        match atom {
            Atom::Symbol(letter)
                if exponent.is_one() && letter.bytes().all(|byte| byte.is_ascii_uppercase()) =>
            {
                name.push_str(letter);
            }
            _ => return None,
        }
    }
    (product.0.len() > 1).then_some(name)
}

/// `x \in (0, 1)` or `x \in \{1, 2\}`.
fn membership(left: &Form, right: Form) -> Result<Form, Gap> {
    let Some(name) = variable(left) else { return Err("membership of something that is no variable") };
    Ok(match right {
        Form::Region(region) => Form::Region(region.named(&name)),
        Form::Set(items) => Form::Set(items),
        // `k \in \mathbb{Z}`
        other @ (Form::Sequence { .. } | Form::Phrase(_)) => other,
        _ => return Err("membership in something that is no set"),
    })
}

/// The name of a variable if that is all a form is; constants are none.
pub(super) fn variable(form: &Form) -> Option<String> {
    match form {
        Form::Quantity(Quantity { value, percent: false, unit: None, name: None }) => {
            value.as_symbol().filter(|name| !matches!(*name, "pi" | "e")).map(str::to_owned)
        }
        _ => None,
    }
}
