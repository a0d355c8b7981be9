//! Tokens to normal form, by recursive descent with a bounded depth.

mod arithmetic;
mod call;
mod operand;
mod statement;

use crate::{
    form::{Form, Quantity},
    lexer::{Kind, Token},
    limits::{Budget, DEPTH, Gap, ITEMS},
    poly::Quotient,
    region::Region,
};

/// Reads a whole answer.
pub(crate) fn parse(tokens: &[Token<'_>], budget: &mut Budget) -> Result<Form, Gap> {
    let mut parser = Parser {
        original: tokens,
        tokens: tokens.to_vec(),
        at: 0,
        depth: 0,
        unit: None,
        choice: None,
        bars: false,
        bound: Vec::new(),
        budget,
    };
    let (mut items, separators) = parser.list()?;
    if parser.at < parser.tokens.len() {
        return Err("something that is not understood");
    }
    if let Some(region) = region(&items, &separators, parser.budget)? {
        return Ok(Form::Region(region));
    }
    Ok(if items.len() == 1 { items.remove(0) } else { Form::Set(items) })
}

/// What stands between two items of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Comma,
    And,
    Or,
}

/// What several inequalities say together: both if joined by `and`, either if by `or`; after a comma both, if that is
/// possible.
fn region(items: &[Form], separators: &[Separator], budget: &mut Budget) -> Result<Option<Region>, Gap> {
    if items.len() < 2 || !items.iter().any(|item| matches!(item, Form::Region(_))) {
        return Ok(None);
    }
    let mut regions = Vec::with_capacity(items.len());
    for item in items {
        let Some(region) = Region::of(item, budget)? else { return Ok(None) };
        regions.push(region);
    }
    let variable = regions.iter().find_map(|region| region.variable.clone());
    if regions.iter().any(|region| region.variable.is_some() && region.variable != variable) {
        return Ok(None);
    }
    let mut rest = regions.into_iter();
    let Some(mut whole) = rest.next() else { return Ok(None) };
    for (region, separator) in rest.zip(separators) {
        let both = whole.intersection(&region, budget)?;
        let either =
            *separator == Separator::Or || *separator == Separator::Comma && both.intervals.is_empty();
        whole = if either { whole.union(region, budget)? } else { both };
    }
    Ok(Some(whole))
}

/// The sign that ± stands for in one reading of an item.
struct Choice {
    negative: bool,
    /// Whether there was a ± at all.
    met: bool,
}

struct Parser<'a, 'b> {
    original: &'b [Token<'a>],
    /// The tokens still to be read; of a number a digit may have been taken already.
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    /// The unit met in the current item.
    unit: Option<String>,
    /// How ± is read in the current item.
    choice: Option<Choice>,
    /// Whether a bar ends the absolute value that is being read.
    bars: bool,
    /// Names that stand for values: the index of a sum.
    bound: Vec<(&'a str, Quotient)>,
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

    /// Goes back to an earlier token.
    fn rewind(&mut self, to: usize) {
        let end = (self.at + 1).min(self.tokens.len());
        self.tokens[to..end].copy_from_slice(&self.original[to..end]);
        self.at = to;
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

    /// Runs a rule within brackets, where a bar opens an absolute value of its own.
    fn enclosed<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, Gap>) -> Result<T, Gap> {
        let bars = std::mem::take(&mut self.bars);
        let result = self.deeper(rule);
        self.bars = bars;
        result
    }

    /// `item (separator item)*`, with separators `,`, `;`, `and`, `or`; a separator may end it.
    fn list(&mut self) -> Result<(Vec<Form>, Vec<Separator>), Gap> {
        let (mut items, mut separators) = (Vec::new(), Vec::new());
        while self.at < self.tokens.len() && !self.at_closing() {
            let before = items.len();
            self.deeper(|parser| parser.item(&mut items))?;
            // `x \ne \pm 1` is two claims.
            separators.extend((before + 1..items.len()).map(|_| Separator::Comma));
            let mut met = None;
            while let Some(separator) = self.separator() {
                met = Some(met.filter(|met| *met != Separator::Comma).unwrap_or(separator));
                self.at += 1;
            }
            let Some(separator) = met else { break };
            separators.push(separator);
            if items.len() > ITEMS {
                return Err("too many elements");
            }
        }
        if items.is_empty() { Err("nothing") } else { Ok((items, separators)) }
    }

    fn separator(&self) -> Option<Separator> {
        match self.kind(0)? {
            Kind::Mark(',' | ';') => Some(Separator::Comma),
            Kind::Mark('∧') | Kind::Word("and") => Some(Separator::And),
            Kind::Mark('∨') | Kind::Word("or") => Some(Separator::Or),
            _ => None,
        }
    }

    fn at_closing(&self) -> bool {
        matches!(self.kind(0), Some(Kind::Mark(')' | ']' | '}' | '⦄')))
    }

    /// A statement, or two if it holds ±: one for each sign, the same throughout.
    fn item(&mut self, items: &mut Vec<Form>) -> Result<(), Gap> {
        if self.choice.is_some() || self.is_mark('⦃') {
            items.push(self.statement()?);
            return Ok(());
        }
        let start = self.at;
        for negative in [false, true] {
            self.choice = Some(Choice { negative, met: false });
            let form = self.statement();
            let met = self.choice.take().is_some_and(|choice| choice.met);
            match form? {
                // `x \in \{±1\}`
                Form::Set(elements) if met => items.extend(elements),
                // `k\pi, k \in \mathbb{Z}`: what the variable stands for is left out.
                Form::Phrase(_) if !items.is_empty() => {}
                form => items.push(form),
            }
            if !met {
                break;
            }
            if !negative {
                self.rewind(start);
            }
        }
        Ok(())
    }
}

/// An expression with nothing beside it.
fn plain(value: Quotient) -> Form {
    Form::Quantity(Quantity::plain(value))
}

/// A form as an operand.
pub(crate) fn expression(form: &Form, budget: &mut Budget) -> Result<Quotient, Gap> {
    match form {
        Form::Quantity(Quantity { value, percent: true, .. }) => value.over(&Quotient::integer(100), budget),
        Form::Quantity(Quantity { value, .. }) => Ok(value.clone()),
        Form::Sequence { open: '[', close: ']', items } if items.len() == 1 => expression(&items[0], budget),
        Form::Infinity { .. } => Err("arithmetic with infinity"),
        Form::Sequence { .. } | Form::Set(_) | Form::Region(_) | Form::Matrix(_) => {
            Err("arithmetic with a list")
        }
        Form::Relation(_) => Err("arithmetic with an equation"),
        Form::Phrase(_) => Err("arithmetic with words"),
    }
}
