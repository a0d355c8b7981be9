//! A reward as data: gates, then terms.

use serde::{Deserialize, Serialize};

use crate::Error;

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
}

impl Term {
    /// The factor of the value: `weight`, times `when_wrong` while the answer is wrong.
    pub fn effective_weight(&self, correct: bool) -> f64 {
        if correct { self.weight } else { self.weight * self.when_wrong }
    }
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

/// What a [`Term`] measures: a value between 0 (nothing of it) and 1 (all of it).
///
/// Sets and sequences of calls are those of the *strict* reading; only [`NoInvalidTool`](Self::NoInvalidTool) looks at
/// the lenient one, so that sloppy JSON cannot hide a forbidden call. A *valid* call names a tool the task offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// 1 if the attempt was judged correct.
    Correct,
    /// 1 if the attempt ended of its own accord.
    Ended,
    /// 1 if the student called the same set of tools as the teacher, and called any.
    ToolSetEqual,
    /// 1 if the student called at least one of the teacher's tools.
    ToolSetOverlap,
    /// F1 of the student's set of tools against the teacher's: `2·|S ∩ T| / (|S| + |T|)`.
    ToolSetF1,
    /// 1 if the student made the same calls in the same order, names and arguments, and made any.
    CallSequenceEqual,
    /// `2·LCS(names) / (calls of student + calls of teacher)`, over the valid calls of both.
    Order,
    /// Over the pairs of the same longest common subsequence, the sum of the shares of the teacher's arguments given with an
    /// equal value, divided by the larger number of valid calls. Of several longest common subsequences it is the one that
    /// agrees most.
    Arguments,
    /// 1 if no call of the lenient reading names a tool that the task does not offer.
    NoInvalidTool,
}

impl Measure {
    /// Every measure, in declaration order.
    pub const ALL: [Self; 9] = [
        Self::Correct,
        Self::Ended,
        Self::ToolSetEqual,
        Self::ToolSetOverlap,
        Self::ToolSetF1,
        Self::CallSequenceEqual,
        Self::Order,
        Self::Arguments,
        Self::NoInvalidTool,
    ];

    /// The name that tables, logs and reports use: an interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Ended => "ended",
            Self::ToolSetEqual => "tool_set_equal",
            Self::ToolSetOverlap => "tool_set_overlap",
            Self::ToolSetF1 => "tool_set_f1",
            Self::CallSequenceEqual => "call_sequence_equal",
            Self::Order => "order",
            Self::Arguments => "arguments",
            Self::NoInvalidTool => "no_invalid_tool",
        }
    }
}

/// The embedded tables by name.
const PRESETS: [(&str, &str); 9] = [
    ("mentor", include_str!("../presets/mentor.toml")),
    ("sparse", include_str!("../presets/sparse.toml")),
    ("overlap", include_str!("../presets/overlap.toml")),
    ("no-match", include_str!("../presets/no-match.toml")),
    ("f1", include_str!("../presets/f1.toml")),
    ("binary", include_str!("../presets/binary.toml")),
    ("strict", include_str!("../presets/strict.toml")),
    ("process", include_str!("../presets/process.toml")),
    ("shuffled", include_str!("../presets/shuffled.toml")),
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

    /// The names of the presets: the published ones (`mentor`, `sparse`, `overlap`, `no-match`, `f1`), then ours.
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

    /// Whether the table can score: a name, a gate or a term, finite numbers, no part twice.
    ///
    /// [`Reward::from_toml`] calls it; call it yourself for a table read in another way. `origin` is what errors call it.
    pub fn check(&self, origin: &str) -> Result<(), Error> {
        let refuse = |key: String, problem: &str, remedy: &'static str| {
            Err(Error::Value { origin: origin.to_owned(), key, problem: problem.to_owned(), remedy })
        };
        if self.name.trim().is_empty() {
            return refuse("name".into(), "is blank", "give the reward a name for logs and reports");
        }
        if self.terms.is_empty() && self.gates.is_empty() {
            return refuse(
                "term".into(),
                "is missing",
                "write at least one [[term]] with `part` and `weight`",
            );
        }
        for (number, gate) in (1..).zip(&self.gates) {
            if !gate.otherwise.is_finite() {
                return refuse(format!("gate {number}: otherwise"), "is not finite", "write a finite number");
            }
        }
        for (number, term) in (1..).zip(&self.terms) {
            if !term.weight.is_finite() {
                return refuse(format!("term {number}: weight"), "is not finite", "write a finite number");
            }
            if !term.when_wrong.is_finite() || term.when_wrong < 0.0 {
                let problem = "is negative or not finite";
                return refuse(format!("term {number}: when_wrong"), problem, "write a factor of 0 or more");
            }
            if self.terms[..number - 1].iter().any(|earlier| earlier.part == term.part) {
                let problem = format!("names {} a second time", term.part.name());
                return refuse(format!("term {number}: part"), &problem, "keep one term for each part");
            }
        }
        Ok(())
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
