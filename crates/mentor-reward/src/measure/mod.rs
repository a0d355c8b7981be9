//! The measures: a value between 0 and 1, a clause that says why, and which calls earned it.
//!
//! [`value`] is the arithmetic, and allocates nothing but to compare similar strings and to read an answer; [`explained`] puts the words to it.

mod conduct;
mod outcome;
mod sequence;
mod toolrl;
mod tools;
mod words;

use mentor_trajectory::Ending;

use crate::facts::Facts;
use crate::{Measure, Term};

pub(crate) use outcome::ending_clause;

/// A measured value with its reason, and where it comes from.
pub(crate) struct Outcome {
    pub value: f64,
    pub reason: String,
    /// The turn that decided it, where a single turn did.
    pub turn: Option<usize>,
    /// How the value divides over what earned it; empty if it belongs to the whole attempt.
    pub shares: Vec<Share>,
}

/// What one turn, or one call of it, contributed to a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    pub turn: usize,
    /// The call's place among those of its turn; none if the turn as a whole earned it.
    pub record: Option<usize>,
    pub value: f64,
    /// The arguments that earned it, if arguments did.
    pub arguments: Vec<String>,
    pub reason: String,
}

impl Outcome {
    fn new(value: f64, reason: String) -> Self {
        Self { value, reason, turn: None, shares: Vec::new() }
    }

    fn at(self, turn: Option<usize>) -> Self {
        Self { turn, ..self }
    }

    fn shared(self, shares: Vec<Share>) -> Self {
        Self { shares, ..self }
    }
}

/// The value of a term's measure.
pub(crate) fn value(term: &Term, facts: &mut Facts) -> f64 {
    let teacher = term.teacher;
    match term.part {
        Measure::Correct => truth(facts.case.correct),
        Measure::CorrectAnswer => truth(crate::answer_correct(facts.case.task, facts.case.student)),
        Measure::CorrectCalls => truth(outcome::calls_form_a_plan(facts)),
        Measure::CorrectState => truth(facts.case.state_correct == Some(true)),
        Measure::Ended => truth(facts.case.student.ending() == Ending::Ended),
        Measure::Boxed => truth(crate::boxed_answer(facts.case.student).is_some()),
        Measure::ToolSetEqual => tools::set_equal(facts, teacher),
        Measure::ToolSetOverlap => tools::set_overlap(facts, teacher),
        Measure::ToolSetF1 => tools::set_f1(facts, teacher),
        Measure::ToolDistribution => tools::distribution(facts, teacher),
        Measure::CallSequenceEqual => sequence::calls_equal(facts, teacher),
        Measure::Order => sequence::order(facts, teacher),
        Measure::Alignment => sequence::alignment(facts, term),
        Measure::Arguments | Measure::ArgumentNames | Measure::ArgumentValues => {
            sequence::arguments(facts, term)
        }
        Measure::Efficiency => conduct::efficiency(facts, teacher),
        Measure::Redundancy => conduct::redundancy(facts),
        Measure::ExecutionSuccess => conduct::execution_success(facts),
        Measure::NoInvalidTool => truth(conduct::hallucinated(facts) == 0),
        Measure::HallucinatedTools => conduct::hallucinated_tools(facts),
        Measure::Format => conduct::format(facts),
        Measure::Length => conduct::length(facts, term),
        Measure::Thinking => conduct::thinking(facts),
        Measure::TeacherLikelihood => conduct::teacher_likelihood(facts),
        Measure::ToolrlFormat => truth(toolrl::format(facts)),
        Measure::ToolrlMatch => toolrl::matching(facts, teacher),
        Measure::Constant => 1.0,
    }
}

/// The same with its reason and its shares.
pub(crate) fn explained(term: &Term, facts: &mut Facts) -> Outcome {
    let value = value(term, facts);
    let teacher = term.teacher;
    if term.part.compares() && facts.prepared.reference(teacher).is_none() {
        return Outcome::new(value, "no teacher's attempt to compare with".to_owned());
    }
    let last = facts.student().turns.len().checked_sub(1);
    match term.part {
        Measure::Correct => Outcome::new(value, outcome::correct(facts)).at(last),
        Measure::CorrectAnswer => Outcome::new(value, outcome::answered(facts)).at(last),
        Measure::CorrectCalls => Outcome::new(value, outcome::solved(value == 1.0)),
        Measure::CorrectState => Outcome::new(value, outcome::state(facts)),
        Measure::Ended => Outcome::new(value, ending_clause(facts.case.student.ending()).to_owned()).at(last),
        Measure::Boxed => Outcome::new(value, outcome::boxed(facts)).at(last),
        Measure::ToolSetEqual | Measure::ToolSetOverlap | Measure::ToolSetF1 => {
            Outcome::new(value, tools::both_sets(facts, teacher))
        }
        Measure::ToolDistribution => Outcome::new(value, tools::both_distributions(facts, teacher)),
        Measure::CallSequenceEqual => sequence::explain_calls_equal(value, facts, teacher),
        Measure::Order => sequence::explain_order(value, facts, teacher),
        Measure::Alignment => sequence::explain_alignment(value, facts, term),
        Measure::Arguments | Measure::ArgumentNames | Measure::ArgumentValues => {
            sequence::explain_arguments(value, facts, term)
        }
        Measure::Efficiency => Outcome::new(value, conduct::both_counts(facts, teacher)),
        Measure::Redundancy => conduct::explain_redundancy(value, facts),
        Measure::ExecutionSuccess => conduct::explain_execution(value, facts),
        Measure::NoInvalidTool => conduct::explain_no_invalid_tool(value, facts),
        Measure::HallucinatedTools => conduct::explain_hallucinated(value, facts),
        Measure::Format => conduct::explain_format(value, facts),
        Measure::Length => Outcome::new(value, conduct::written(facts)),
        Measure::Thinking => conduct::explain_thinking(value, facts),
        Measure::TeacherLikelihood => Outcome::new(value, conduct::likelihood_clause(facts)),
        Measure::ToolrlFormat => Outcome::new(value, toolrl::format_clause(facts).to_owned()),
        Measure::ToolrlMatch => Outcome::new(value, toolrl::matching_clause(facts, teacher)),
        Measure::Constant => Outcome::new(value, "the same for every attempt".to_owned()),
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// A share of a whole; `without` where there is no whole.
fn share(part: usize, whole: usize, without: f64) -> f64 {
    if whole == 0 { without } else { part as f64 / whole as f64 }
}
