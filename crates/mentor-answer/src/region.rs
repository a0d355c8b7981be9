//! Sets of real numbers made of intervals.

use std::{cmp::Ordering, fmt};

use num_traits::Signed;

use crate::{
    form::{Form, Quantity},
    limits::{Budget, Gap, ITEMS},
    numeric,
    poly::Quotient,
};

/// A cut of the number line: before everything, just before or just after a number, or after everything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cut {
    Start,
    At { value: Quotient, after: bool },
    End,
}

impl Cut {
    pub fn before(value: Quotient) -> Self {
        Self::At { value, after: false }
    }

    pub fn after(value: Quotient) -> Self {
        Self::At { value, after: true }
    }

    fn compare(&self, other: &Self, budget: &mut Budget) -> Result<Ordering, Gap> {
        Ok(match (self, other) {
            (Self::At { value: a, after }, Self::At { value: b, after: other }) => {
                order(a, b, budget)?.then(after.cmp(other))
            }
            (Self::Start, Self::Start) | (Self::End, Self::End) => Ordering::Equal,
            (Self::Start, _) | (_, Self::End) => Ordering::Less,
            (_, Self::Start) | (Self::End, _) => Ordering::Greater,
        })
    }
}

/// The order of two real constants.
pub(crate) fn order(a: &Quotient, b: &Quotient, budget: &mut Budget) -> Result<Ordering, Gap> {
    if let (Some(a), Some(b)) = (a.as_rational(), b.as_rational()) {
        return Ok(a.cmp(&b));
    }
    let difference = a.plus(&b.negated(), budget)?;
    if let Some(value) = difference.as_rational() {
        return Ok(if value.is_positive() { 1 } else { -i32::from(value.is_negative()) }.cmp(&0));
    }
    let sign = match numeric::compare(a, b, budget) {
        numeric::Evidence::Agree => Some(0),
        _ => numeric::sign(&difference, budget),
    };
    sign.map(|sign| sign.cmp(&0)).ok_or("bounds that cannot be compared")
}

/// Intervals in ascending order that neither overlap nor touch, each from one cut to the next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Region {
    /// The variable that is said to lie there.
    pub variable: Option<String>,
    pub intervals: Vec<(Cut, Cut)>,
}

impl Region {
    pub fn new(intervals: Vec<(Cut, Cut)>, budget: &mut Budget) -> Result<Self, Gap> {
        let mut sorted: Vec<(Cut, Cut)> = Vec::with_capacity(intervals.len());
        for interval in intervals {
            if interval.0.compare(&interval.1, budget)? != Ordering::Less {
                continue;
            }
            let mut at = sorted.len();
            while at > 0 && interval.0.compare(&sorted[at - 1].0, budget)? == Ordering::Less {
                at -= 1;
            }
            sorted.insert(at, interval);
        }
        let mut merged: Vec<(Cut, Cut)> = Vec::with_capacity(sorted.len());
        for (low, high) in sorted {
            match merged.last_mut() {
                Some(last) if low.compare(&last.1, budget)? != Ordering::Greater => {
                    if high.compare(&last.1, budget)? == Ordering::Greater {
                        last.1 = high;
                    }
                }
                _ => merged.push((low, high)),
            }
        }
        if merged.len() > ITEMS {
            Err("too many intervals")
        } else {
            Ok(Self { variable: None, intervals: merged })
        }
    }

    pub fn all() -> Self {
        Self { variable: None, intervals: vec![(Cut::Start, Cut::End)] }
    }

    pub fn named(self, variable: &str) -> Self {
        Self { variable: Some(variable.to_owned()), ..self }
    }

    pub fn is_all(&self) -> bool {
        self.intervals == [(Cut::Start, Cut::End)]
    }

    pub fn union(self, other: Self, budget: &mut Budget) -> Result<Self, Gap> {
        let variable = self.variable.or(other.variable);
        let all = self.intervals.into_iter().chain(other.intervals).collect();
        Ok(Self { variable, ..Self::new(all, budget)? })
    }

    pub fn intersection(&self, other: &Self, budget: &mut Budget) -> Result<Self, Gap> {
        let mut common = Vec::new();
        for (low, high) in &self.intervals {
            for (start, end) in &other.intervals {
                let low = if low.compare(start, budget)?.is_ge() { low } else { start };
                let high = if high.compare(end, budget)?.is_le() { high } else { end };
                common.push((low.clone(), high.clone()));
            }
        }
        let variable = self.variable.clone().or_else(|| other.variable.clone());
        Ok(Self { variable, ..Self::new(common, budget)? })
    }

    /// What is not in it.
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.intervals.len() + 1);
        let mut from = Cut::Start;
        for (low, high) in &self.intervals {
            if from != *low {
                gaps.push((from, low.clone()));
            }
            from = high.clone();
        }
        if from != Cut::End {
            gaps.push((from, Cut::End));
        }
        Self { variable: self.variable.clone(), intervals: gaps }
    }

    pub fn equals(&self, other: &Self, budget: &mut Budget) -> Result<bool, Gap> {
        if self.intervals.len() != other.intervals.len() {
            return Ok(false);
        }
        for ((low, high), (start, end)) in self.intervals.iter().zip(&other.intervals) {
            if low.compare(start, budget)?.is_ne() || high.compare(end, budget)?.is_ne() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The region a form stands for: intervals, points and sets of them; none if it stands for no region.
    pub fn of(form: &Form, budget: &mut Budget) -> Result<Option<Self>, Gap> {
        Ok(match form {
            Form::Region(region) => Some(region.clone()),
            Form::Quantity(Quantity { value, percent: false, unit: None, name }) => {
                let point = Self { variable: name.clone(), intervals: vec![point(value.clone())] };
                // Only a real constant is a point.
                numeric::sign(value, budget).map(|_| point)
            }
            Form::Sequence { open, close, items } if items.len() == 2 => {
                let low = match &items[0] {
                    Form::Infinity { negative: true } => Cut::Start,
                    Form::Quantity(quantity) if *open == '[' => Cut::before(quantity.value.clone()),
                    Form::Quantity(quantity) => Cut::after(quantity.value.clone()),
                    _ => return Ok(None),
                };
                let high = match &items[1] {
                    Form::Infinity { negative: false } => Cut::End,
                    Form::Quantity(quantity) if *close == ']' => Cut::after(quantity.value.clone()),
                    Form::Quantity(quantity) => Cut::before(quantity.value.clone()),
                    _ => return Ok(None),
                };
                Some(Self::new(vec![(low, high)], budget)?)
            }
            Form::Set(items) => {
                let mut union = Self { variable: None, intervals: Vec::new() };
                for item in items {
                    let Some(region) = Self::of(item, budget)? else { return Ok(None) };
                    union = union.union(region, budget)?;
                }
                Some(union)
            }
            _ => None,
        })
    }
}

/// The interval that holds one number.
pub(crate) fn point(value: Quotient) -> (Cut, Cut) {
    (Cut::before(value.clone()), Cut::after(value))
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = &self.variable {
            write!(f, "{variable} ∈ ")?;
        }
        if self.intervals.is_empty() {
            return f.write_str("∅");
        }
        for (index, (low, high)) in self.intervals.iter().enumerate() {
            f.write_str(if index > 0 { " ∪ " } else { "" })?;
            match low {
                Cut::At { value, after } => write!(f, "{}{value}, ", if *after { '(' } else { '[' })?,
                _ => f.write_str("(-inf, ")?,
            }
            match high {
                Cut::At { value, after } => write!(f, "{value}{}", if *after { ']' } else { ')' })?,
                _ => f.write_str("inf)")?,
            }
        }
        Ok(())
    }
}
