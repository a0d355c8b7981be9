//! A reward as data: gates, then terms.

mod compose;
mod measure;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::kernels::Strings;

pub use compose::{Clip, Combine, Fade, FadeShape, Teachers};
pub use measure::Measure;

/// A reward: [gates](Gate) in the order they are checked, then [terms](Term) that are added up.
///
/// The first gate whose requirement fails gives the total; otherwise the total is `Σ value × weight` over the terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// What logs and reports call it.
    pub name: String,
    /// Checked first, in this order.
    #[serde(default, rename = "gate", skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// Added up, in this order, if every gate holds.
    #[serde(default, rename = "term", skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// What of the total counts in a group: all of it unless bounds are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
    /// What a group is normalized by: its totals unless said otherwise.
    #[serde(default, skip_serializing_if = "Combine::is_total")]
    pub normalize: Combine,
    /// What several teachers of one task make of a score; without it the first one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teachers: Option<Teachers>,
}

/// A condition without which nothing else is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// What must hold.
    pub require: Requirement,
    /// The total if it does not.
    pub otherwise: f64,
}

/// What a [`Gate`] can require.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// The attempt ended of its own accord ([`mentor_trajectory::Trajectory::ended`]).
    Ended,
    /// The final turn holds a boxed answer that is not blank ([`crate::boxed_answer`]).
    Boxed,
    /// The task's own teacher called at least one tool.
    TeacherUsedTools,
}

impl Requirement {
    /// The name of the one part that a failed gate leaves: `not_ended`, `not_boxed`, `teacher_used_no_tools`.
    ///
    /// It differs from every [`Measure::name`], so that logs never add a gate's value to a term's.
    pub fn failure_name(self) -> &'static str {
        match self {
            Self::Ended => "not_ended",
            Self::Boxed => "not_boxed",
            Self::TeacherUsedTools => "teacher_used_no_tools",
        }
    }
}

/// One summand: a [`Measure`] between 0 and 1, times a weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What is measured; its name is the part's name.
    pub part: Measure,
    /// Whose trajectory it is measured against; [`Teacher::Own`] unless said otherwise.
    #[serde(default, skip_serializing_if = "Teacher::is_own")]
    pub teacher: Teacher,
    /// Factor of the value; any finite number.
    pub weight: f64,
    /// Factor of `weight` while the answer is wrong; 1 unless said otherwise, finite, not negative.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub when_wrong: f64,
    /// Relative tolerance of numbers, for parts that compare arguments ([`Measure::compares_arguments`]); 0 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// How strings are compared, for the same parts; exactly unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strings: Option<Strings>,
    /// [`Measure::Length`]: characters up to which its value is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<usize>,
    /// [`Measure::Length`]: characters from which on its value is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How the weight changes over the steps of a training; it does not unless given ([`Reward::at`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Fade>,
}

impl Term {
    /// A term without options.
    pub fn new(part: Measure, weight: f64) -> Self {
        Self {
            part,
            weight,
            teacher: Teacher::Own,
            when_wrong: 1.0,
            tolerance: None,
            strings: None,
            free: None,
            limit: None,
            schedule: None,
        }
    }

    /// The first key at fault, what is wrong with it, and what to write instead.
    fn problem(&self) -> Option<(&'static str, String, &'static str)> {
        let fault = |key, problem: &str, remedy| Some((key, problem.to_owned(), remedy));
        let misplaced = |key, parts| fault(key, &format!("is no option of {}", self.part.name()), parts);
        if !is_amount(self.weight) {
            return fault("weight", AMOUNT_PROBLEM, AMOUNT_REMEDY);
        }
        if !is_amount(self.when_wrong) || self.when_wrong < 0.0 {
            return fault("when_wrong", "is negative or not finite", "write a factor of 0 or more");
        }
        if !self.part.compares_arguments() {
            const PARTS: &str = "remove it, or use it with arguments, argument_values or alignment";
            if self.tolerance.is_some() {
                return misplaced("tolerance", PARTS);
            }
            if self.strings.is_some() {
                return misplaced("strings", PARTS);
            }
        }
        if self.tolerance.is_some_and(|tolerance| !(0.0..1.0).contains(&tolerance)) {
            return fault(
                "tolerance",
                "is out of range",
                "write a share from 0 up to 1: 0.01 is one in a hundred",
            );
        }
        match (self.part, self.free, self.limit) {
            (Measure::Length, _, None) => {
                return fault("limit", "is missing", "write the characters from which on length is worth 0");
            }
            (Measure::Length, free, Some(limit)) if limit <= free.unwrap_or(0) => {
                return fault("limit", "is not above `free`", "write more characters than are free");
            }
            (Measure::Length, ..) | (_, None, None) => {}
            (_, Some(_), _) => return misplaced("free", "remove it, or use it with length"),
            (_, None, Some(_)) => return misplaced("limit", "remove it, or use it with length"),
        }
        self.schedule.and_then(Fade::problem).map(|(problem, remedy)| ("schedule", problem, remedy))
    }

    /// The factor of the value: `weight`, times `when_wrong` while the answer is wrong.
    pub fn effective_weight(&self, correct: bool) -> f64 {
        if correct { self.weight } else { self.weight * self.when_wrong }
    }
}

const AMOUNT_PROBLEM: &str = "is not finite, or beyond a million";
const AMOUNT_REMEDY: &str = "write a finite number between -1e6 and 1e6";

/// Whether a number can stand in a sum of rewards: within these bounds every sum is exact to 2⁻³² at worst.
fn is_amount(number: f64) -> bool {
    number.abs() <= 1e6
}

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_one(factor: &f64) -> bool {
    *factor == 1.0
}

/// Whose trajectory a [`Term`] compares the student's with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Teacher {
    /// The teacher's trajectory of this task ([`crate::Case::teacher`]).
    #[default]
    Own,
    /// The teacher's trajectory of another task ([`crate::Case::placebo`]): same density, no information.
    Other,
}

impl Teacher {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    fn is_own(&self) -> bool {
        *self == Self::Own
    }
}

/// The embedded tables by name.
const PRESETS: [(&str, &str); 10] = [
    ("mentor", include_str!("../presets/mentor.toml")),
    ("sparse", include_str!("../presets/sparse.toml")),
    ("overlap", include_str!("../presets/overlap.toml")),
    ("no-match", include_str!("../presets/no-match.toml")),
    ("f1", include_str!("../presets/f1.toml")),
    ("binary", include_str!("../presets/binary.toml")),
    ("strict", include_str!("../presets/strict.toml")),
    ("process", include_str!("../presets/process.toml")),
    ("shuffled", include_str!("../presets/shuffled.toml")),
    ("toolrl", include_str!("../presets/toolrl.toml")),
];

const PRESET_NAMES: [&str; PRESETS.len()] = {
    let mut names = [""; PRESETS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = PRESETS[index].0;
        index += 1;
    }
    names
};

impl Reward {
    /// The preset of this name, if there is one; see [`Reward::preset_names`].
    pub fn preset(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(preset, _)| *preset == name)?;
        Self::from_toml(text, name).ok()
    }

    /// The names of the presets: those published for MENTOR (`mentor`, `sparse`, `overlap`, `no-match`,
    /// `f1`), ours, and that of another paper (`toolrl`).
    pub fn preset_names() -> &'static [&'static str] {
        &PRESET_NAMES
    }

    /// Reads a table; `origin` is what errors call it (its path, say).
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, Error> {
        let reward: Self = toml::from_str(text).map_err(|error| Error::Table {
            origin: origin.to_owned(),
            detail: error.to_string().trim_end().to_owned(),
        })?;
        reward.check(origin)?;
        Ok(reward)
    }

    /// The table as TOML; [`Reward::from_toml`] gives it back.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("strings, numbers and two arrays of tables always serialise")
    }

    /// Whether the table can score: a name, a gate or a term, finite numbers, no part twice, no option that its part does
    /// not take.
    ///
    /// [`Reward::from_toml`] calls it; call it yourself for a table read in another way. `origin` is what errors call it.
    pub fn check(&self, origin: &str) -> Result<(), Error> {
        self.problem().map_or(Ok(()), |(key, problem, remedy)| {
            Err(Error::Value { origin: origin.to_owned(), key, problem, remedy })
        })
    }

    /// The first key at fault, what is wrong with it, and what to write instead.
    fn problem(&self) -> Option<(String, String, &'static str)> {
        let fault = |key: &str, problem: &str, remedy| Some((key.to_owned(), problem.to_owned(), remedy));
        if self.name.trim().is_empty() {
            return fault("name", "is blank", "give the reward a name for logs and reports");
        }
        if self.terms.is_empty() && self.gates.is_empty() {
            return fault("term", "is missing", "write at least one [[term]] with `part` and `weight`");
        }
        for (number, gate) in (1..).zip(&self.gates) {
            if !is_amount(gate.otherwise) {
                return fault(&format!("gate {number}: otherwise"), AMOUNT_PROBLEM, AMOUNT_REMEDY);
            }
        }
        for (number, term) in (1..).zip(&self.terms) {
            if let Some((key, problem, remedy)) = term.problem() {
                return fault(&format!("term {number}: {key}"), &problem, remedy);
            }
            if self.terms[..number - 1].iter().any(|earlier| earlier.part == term.part) {
                let problem = format!("names {} a second time", term.part.name());
                return fault(&format!("term {number}: part"), &problem, "keep one term for each part");
            }
        }
        self.clip.filter(|clip| !clip.is_range()).and_then(|_| {
            fault("clip", "is no range", "write `clip = { low = …, high = … }` with low below high")
        })
    }

    /// A bound from above: every term at its best, or a gate's value if that is higher.
    ///
    /// For the presets it is the sum of the weights, added in the order of the terms, so that a perfect attempt's total
    /// is this very number.
    pub fn maximum(&self) -> f64 {
        self.extreme(f64::max)
    }

    /// A bound from below: no total is lower.
    pub fn minimum(&self) -> f64 {
        self.extreme(f64::min)
    }

    /// Whether a term compares with another task's teacher, so that [`crate::Case::placebo`] must be given.
    pub fn needs_placebo(&self) -> bool {
        self.terms.iter().any(|term| term.teacher == Teacher::Other)
    }

    fn extreme(&self, better: fn(f64, f64) -> f64) -> f64 {
        let of_terms = |correct: bool| {
            let best = |term: &Term| match term.part {
                Measure::Constant => term.effective_weight(correct),
                Measure::Correct => term.effective_weight(correct) * f64::from(u8::from(correct)),
                _ => better(term.effective_weight(correct), 0.0),
            };
            self.terms.iter().map(best).fold(0.0, |sum, value| sum + value)
        };
        let terms = better(of_terms(true), of_terms(false));
        self.gates.iter().map(|gate| gate.otherwise).fold(terms, better)
    }
}

#[cfg(test)]
mod tests;
