//! From a case to a total, its parts and the reasons for them.

use mentor_trajectory::Ending;
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Memory, Prepared};
use crate::measure::{self, Share};
use crate::{Case, Gate, Requirement, Reward, Teacher, Term, boxed_answer};

/// A total and the parts it is the sum of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// `Σ value × weight` over the parts, added in their order, starting from 0: exactly that floating-point sum.
    pub total: f64,
    /// One part for each term of the table, in its order; or the single part of the gate that failed.
    pub parts: Vec<Part>,
}

/// One summand of a [`Score`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// [`crate::Measure::name`], or [`Requirement::failure_name`] for a failed gate.
    pub name: String,
    /// Between 0 and 1 for a term; what the gate gives for a failed gate.
    pub value: f64,
    /// The factor it was multiplied with: `weight × when_wrong` of the term while the answer is wrong; 1 for a gate.
    pub weight: f64,
    /// One clause for people: what was seen.
    pub reason: String,
    /// The turn that decided it (from 0), where a single turn did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
    /// How `value` divides over the turns that earned it, for the parts made of pairs of calls (`order`, `arguments`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<TurnShare>,
}

/// What one turn contributed to the value of a [`Part`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnShare {
    /// The turn, from 0.
    pub turn: usize,
    /// Its summand of the value, before the weight.
    pub value: f64,
}

/// A total divided into what single turns earned and what only the whole attempt did.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnCredit {
    /// What belongs to no single turn.
    pub whole: f64,
    /// What each turn earned with its calls; as long as the attempt has turns.
    pub turns: Vec<f64>,
}

impl Score {
    pub(crate) fn of(parts: Vec<Part>) -> Self {
        let total = parts.iter().fold(0.0, |sum, part| sum + part.value * part.weight);
        Self { total, parts }
    }

    /// The part of this name, if the table has such a term (or such a gate failed).
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// The total divided over `turns` turns: the share of an aligned call goes to the turn that made the call, all else
    /// to the whole attempt. The summands add up to the total but for rounding.
    pub fn turn_credit(&self, turns: usize) -> TurnCredit {
        let mut credit = TurnCredit { whole: 0.0, turns: vec![0.0; turns] };
        for part in &self.parts {
            if part.shares.is_empty() {
                credit.whole += part.value * part.weight;
            }
            for share in &part.shares {
                let place = credit.turns.get_mut(share.turn).unwrap_or(&mut credit.whole);
                *place += share.value * part.weight;
            }
        }
        credit
    }
}

/// Scores an attempt: the first gate that fails gives the total, else the terms are added up.
///
/// Never fails and never panics: whatever a model wrote is data. Linear in the size of the attempts but for the parts that
/// align calls, which are bounded by [`crate::kernels::MAX_ALIGNED`] calls a side.
pub fn score(reward: &Reward, case: &Case) -> Score {
    let prepared = Prepared::new(case.task, case.teacher, case.placebo);
    let mut memory = Memory::default();
    explained(reward, &mut Facts::of(case, &prepared, &mut memory)).0
}

/// The score, and for each of its parts what calls and turns contributed.
pub(crate) fn explained(reward: &Reward, facts: &mut Facts) -> (Score, Vec<Vec<Share>>) {
    if let Some(part) = reward.gates.iter().find_map(|gate| failed(gate, facts)) {
        return (Score::of(vec![part]), vec![Vec::new()]);
    }
    let (parts, shares) = reward.terms.iter().map(|term| part_of(term, facts)).unzip();
    (Score::of(parts), shares)
}

/// The total alone, without a word of explanation and without an allocation for the measures of the presets.
pub(crate) fn total(reward: &Reward, facts: &mut Facts) -> f64 {
    if let Some(gate) = reward.gates.iter().find(|gate| !holds(gate, facts)) {
        return 0.0 + gate.otherwise;
    }
    let correct = facts.case.correct;
    reward
        .terms
        .iter()
        .fold(0.0, |sum, term| sum + measure::value(term, facts) * term.effective_weight(correct))
}

fn holds(gate: &Gate, facts: &Facts) -> bool {
    match gate.require {
        Requirement::Ended => facts.case.student.ending() == Ending::Ended,
        Requirement::Boxed => boxed_answer(facts.case.student).is_some(),
        Requirement::TeacherUsedTools => !facts.prepared.teacher.set.is_empty(),
    }
}

fn failed(gate: &Gate, facts: &Facts) -> Option<Part> {
    let student = facts.case.student;
    let reason = match gate.require {
        Requirement::Ended => measure::ending_clause(student.ending()),
        Requirement::Boxed => "the final turn boxes no answer",
        Requirement::TeacherUsedTools => "the teacher called no tool",
    };
    let turn = match gate.require {
        Requirement::Ended | Requirement::Boxed => student.trajectory().turns.len().checked_sub(1),
        Requirement::TeacherUsedTools => None,
    };
    (!holds(gate, facts)).then(|| Part {
        name: gate.require.failure_name().to_owned(),
        value: gate.otherwise,
        weight: 1.0,
        reason: reason.to_owned(),
        turn,
        shares: Vec::new(),
    })
}

fn part_of(term: &Term, facts: &mut Facts) -> (Part, Vec<Share>) {
    let outcome = measure::explained(term, facts);
    let part = Part {
        name: term.part.name().to_owned(),
        value: outcome.value,
        weight: term.effective_weight(facts.case.correct),
        reason: match term.teacher {
            Teacher::Own => outcome.reason,
            Teacher::Other => format!("{} (of another task)", outcome.reason),
        },
        turn: outcome.turn,
        shares: by_turn(&outcome.shares),
    };
    (part, outcome.shares)
}

/// The shares of calls added up for each turn, for the turns that have any.
fn by_turn(shares: &[Share]) -> Vec<TurnShare> {
    let mut turns: Vec<TurnShare> = Vec::new();
    for share in shares {
        match turns.last_mut() {
            Some(last) if last.turn == share.turn => last.value += share.value,
            _ => turns.push(TurnShare { turn: share.turn, value: share.value }),
        }
    }
    turns
}
