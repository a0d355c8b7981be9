//! Arithmetic programs: a start value and a chain of operations, each on the result before it.

use mentor_trajectory::Call;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::number::to_json;
use crate::rng::Rng;
use crate::tools::compute;

/// How the question is put; it limits which operations can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// "Start with 12. Add 7. …": every operation.
    Instruction,
    /// "Mia has 12 apples. …": whole numbers of things.
    Story,
    /// "Compute (12 + 7) * 3.": what has an infix sign.
    Expression,
}

/// One operation on the value so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add(i64),
    /// Several addends at once.
    Sum(Vec<i64>),
    Subtract(i64),
    Multiply(i64),
    Divide(i64),
    Modulo(i64),
    Square,
    Sqrt,
    Abs,
    Floor,
    Ceil,
    Round(i64),
}

impl Op {
    /// The call that the teacher makes for this operation on `value`.
    pub(crate) fn call(&self, value: Decimal) -> Call {
        let x = to_json(value);
        let pair = |name, k: i64| call(name, &[("a", x.clone()), ("b", k.into())]);
        match self {
            Self::Add(k) => pair("add", *k),
            Self::Subtract(k) => pair("subtract", *k),
            Self::Multiply(k) => pair("multiply", *k),
            Self::Divide(k) => pair("divide", *k),
            Self::Modulo(k) => pair("modulo", *k),
            Self::Sum(addends) => {
                let numbers = std::iter::once(x).chain(addends.iter().map(|k| Value::from(*k)));
                call("sum_numbers", &[("numbers", numbers.collect())])
            }
            Self::Square => call("power", &[("base", x), ("exponent", 2.into())]),
            Self::Sqrt => call("sqrt", &[("x", x)]),
            Self::Abs => call("abs_value", &[("x", x)]),
            Self::Floor => call("floor", &[("x", x)]),
            Self::Ceil => call("ceil", &[("x", x)]),
            Self::Round(digits) => call("round_number", &[("x", x), ("digits", (*digits).into())]),
        }
    }

    /// Another valid way to do this operation: repeated `add` for a sum, `multiply` for a square.
    pub(crate) fn other_calls(&self, value: Decimal) -> Option<Vec<Call>> {
        match self {
            Self::Sum(addends) => {
                let mut total = value;
                let mut calls = Vec::new();
                for addend in addends {
                    calls.push(Self::Add(*addend).call(total));
                    total += Decimal::from(*addend);
                }
                Some(calls)
            }
            Self::Square => Some(vec![call("multiply", &[("a", to_json(value)), ("b", to_json(value))])]),
            _ => None,
        }
    }

    /// The value after this operation, computed by the tool itself.
    pub(crate) fn apply(&self, value: Decimal) -> Option<Decimal> {
        let call = self.call(value);
        compute(&call.name, &call.arguments).ok().map(|result| result.normalize())
    }

    /// Two operations that could be merged into one, or exchanged, do not follow each other.
    fn may_follow(&self, before: Option<&Self>) -> bool {
        let kind = |op: &Self| match op {
            Self::Add(_) | Self::Sum(_) => 0,
            Self::Subtract(_) => 1,
            Self::Multiply(_) => 2,
            Self::Divide(_) => 3,
            Self::Modulo(_) => 4,
            Self::Square => 5,
            Self::Sqrt => 6,
            Self::Abs => 7,
            Self::Floor | Self::Ceil | Self::Round(_) => 8,
        };
        before.is_none_or(|before| kind(before) != kind(self))
    }
}

fn call(name: &str, arguments: &[(&str, Value)]) -> Call {
    let arguments: Map<String, Value> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), arguments }
}

/// A start value and what is done to it, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) start: Decimal,
    pub(crate) ops: Vec<Op>,
}

impl Program {
    /// Draws a program of `steps` operations that `style` can tell; none if the draw ran into a dead end.
    pub(crate) fn draw(steps: usize, style: Style, rng: &mut Rng) -> Option<Self> {
        let largest = Decimal::from(if rng.chance(0.05) { 9999 } else { 999 });
        let start = draw_start(style, rng);
        let mut value = start;
        let mut met = vec![start];
        let mut ops: Vec<Op> = Vec::new();
        for left in (0..steps).rev() {
            let summed = ops.iter().any(|op| matches!(op, Op::Sum(_)));
            let most_addends = match steps {
                _ if summed => 0,
                0..=2 => 3,
                3 => 2,
                _ => 0,
            };
            let step = Step { value, style, last: left == 0, most_addends };
            let op = step.draw(rng).filter(|op| op.may_follow(ops.last()))?;
            let next = op.apply(value)?;
            let negative_is_fine = style == Style::Instruction && left > 0;
            let told =
                (negative_is_fine || next >= Decimal::ZERO) && next.abs() <= largest && next.scale() <= 2;
            let dead_end = left > 0 && next.is_zero();
            // A value met before would make the steps between undo each other.
            if !told || dead_end || met.contains(&next) {
                return None;
            }
            value = next;
            met.push(next);
            ops.push(op);
        }
        Some(Self { start, ops })
    }
}

/// Whole numbers below 100; among instructions now and then a decimal, a negative number or a square.
fn draw_start(style: Style, rng: &mut Rng) -> Decimal {
    let whole = Decimal::from(if rng.chance(0.3) { rng.within(2, 12) } else { rng.within(5, 99) });
    match (style, rng.below(20)) {
        (Style::Instruction, 0 | 1) => Decimal::new(rng.within(11, 199), 1).normalize(),
        (Style::Instruction, 2) => Decimal::new(rng.within(101, 1999), 2).normalize(),
        (Style::Instruction, 3) => -whole,
        (Style::Instruction, 4 | 5) => Decimal::from(rng.within(2, 20).pow(2)),
        _ => whole,
    }
}

/// Where in a program an operation is drawn.
struct Step {
    value: Decimal,
    style: Style,
    last: bool,
    /// Addends a sum may have, 0 for none: with repeated `add` instead, a plan still has four calls at most.
    most_addends: i64,
}

impl Step {
    fn draw(&self, rng: &mut Rng) -> Option<Op> {
        if self.value.is_sign_negative() {
            return Some(Op::Abs);
        }
        if !self.value.fract().is_zero() {
            return Some(self.on_fraction(rng));
        }
        let value: i64 = self.value.try_into().ok()?;
        self.on_whole(value, rng)
    }

    /// Mostly rounding; what a person would do next with `8.5`.
    fn on_fraction(&self, rng: &mut Rng) -> Op {
        match rng.below(12) {
            0..3 => Op::Floor,
            3..6 => Op::Ceil,
            6..10 => Op::Round(i64::from(self.value.scale() > 1 && rng.chance(0.5))),
            10 => Op::Add(rng.within(1, 20)),
            _ => Op::Multiply(rng.pick([2, 4, 5, 10])),
        }
    }

    fn on_whole(&self, value: i64, rng: &mut Rng) -> Option<Op> {
        let anything = self.style == Style::Instruction;
        let root = (1..=100).find(|root| root * root == value);
        let squares = self.style != Style::Story && (2..=15).contains(&value);
        let weights = [
            18.0,
            17.0,
            14.0,
            14.0,
            if self.most_addends == 0 { 0.0 } else { 11.0 },
            if value > 6 { 6.0 } else { 0.0 },
            if squares { 16.0 } else { 0.0 },
            if anything && value > 3 && root.is_some() { 40.0 } else { 0.0 },
        ];
        Some(match rng.weighted(&weights)? {
            0 => Op::Add(self.addend(value, anything, rng)),
            1 => Op::Subtract(self.subtrahend(value, anything, rng)),
            2 => Op::Multiply(rng.within(2, if value < 20 { 9 } else { 5 })),
            3 => Op::Divide(self.divisor(value, rng)?),
            4 => {
                let addends = if rng.chance(0.3) { self.most_addends } else { 2 };
                Op::Sum((0..addends).map(|_| rng.within(1, 20)).collect())
            }
            5 => Op::Modulo(rng.within(3, (value - 1).min(20))),
            6 => Op::Square,
            _ => Op::Sqrt,
        })
        .filter(|op| !matches!(op, Op::Add(k) | Op::Multiply(k) if *k == value))
    }

    /// Small; now and then it leads to a square, so that a root can follow.
    fn addend(&self, value: i64, anything: bool, rng: &mut Rng) -> i64 {
        let largest = largest_operand(rng);
        let to_square = (1..=100).map(|root| root * root - value).find(|k| *k > 0).filter(|k| *k <= 30);
        match to_square {
            Some(k) if anything && !self.last && rng.chance(0.2) => k,
            _ => rng.within(2, largest),
        }
    }

    /// At most the value, except now and then before an absolute value.
    fn subtrahend(&self, value: i64, anything: bool, rng: &mut Rng) -> i64 {
        if anything && !self.last && rng.chance(0.2) {
            value + rng.within(1, 20)
        } else {
            let largest = largest_operand(rng);
            rng.within(1, value.min(largest))
        }
    }

    /// Mostly one that divides the value; the rest leaves at most two decimals.
    fn divisor(&self, value: i64, rng: &mut Rng) -> Option<i64> {
        let inexact = match self.style {
            Style::Instruction if !self.last => 0.5,
            Style::Instruction | Style::Expression if self.last => 0.12,
            _ => 0.0,
        };
        let wanted = !rng.chance(inexact);
        let candidates: Vec<i64> = if wanted { (2..=12).collect() } else { vec![2, 4, 5, 10] };
        let fitting: Vec<i64> =
            candidates.into_iter().filter(|k| (value % k == 0) == wanted && *k < value).collect();
        rng.choose(&fitting).copied()
    }
}

/// Mostly one digit or just above; copying long numbers is not what is tested.
fn largest_operand(rng: &mut Rng) -> i64 {
    if rng.chance(0.6) { 20 } else { 60 }
}
