//! The measures: a value between 0 and 1, and a clause that says why.

use std::fmt::Write as _;

use mentor_trajectory::Judge;

use crate::facts::{Calls, Facts, Located, Reference};
use crate::kernels::{self, Pair};
use crate::score::ending_clause;
use crate::{Measure, TurnShare, boxed_answer};

/// A measured value with its reason, and where it comes from.
pub(crate) struct Outcome {
    pub value: f64,
    pub reason: String,
    pub turn: Option<usize>,
    pub shares: Vec<TurnShare>,
}

impl Outcome {
    fn new(value: f64, reason: String) -> Self {
        Self { value, reason, turn: None, shares: Vec::new() }
    }

    fn yes_or_no(holds: bool, reason: String) -> Self {
        Self::new(f64::from(u8::from(holds)), reason)
    }
}

/// Measures a case; `reference` is the attempt that it is compared with, if there is one.
pub(crate) fn measure(measure: Measure, facts: &Facts, reference: Option<&Reference>) -> Outcome {
    let compared = |compare: &dyn Fn(&Reference) -> Outcome| match reference {
        Some(reference) => compare(reference),
        None => Outcome::new(0.0, "no teacher's attempt to compare with".to_owned()),
    };
    let (student, calls) = (&facts.student_set, &facts.student);
    match measure {
        Measure::Correct => correct(facts),
        Measure::Ended => ended(facts),
        Measure::NoInvalidTool => no_invalid_tool(facts),
        Measure::ToolSetEqual => compared(&|teacher| {
            let equal = !student.is_empty() && kernels::set_equal(student, &teacher.set);
            Outcome::yes_or_no(equal, both_sets(student, teacher))
        }),
        Measure::ToolSetOverlap => compared(&|teacher| {
            Outcome::yes_or_no(kernels::set_overlap(student, &teacher.set), both_sets(student, teacher))
        }),
        Measure::ToolSetF1 => compared(&|teacher| {
            Outcome::new(kernels::set_f1(student, &teacher.set), both_sets(student, teacher))
        }),
        Measure::CallSequenceEqual => compared(&|teacher| call_sequence_equal(calls, &teacher.calls)),
        Measure::Order => compared(&|teacher| order(calls, &teacher.calls)),
        Measure::Arguments => compared(&|teacher| arguments(calls, &teacher.calls)),
    }
}

fn both_sets(student: &[&str], teacher: &Reference) -> String {
    format!("called {}; teacher {}", braces(student), braces(&teacher.set))
}

fn correct(facts: &Facts) -> Outcome {
    let case = &facts.case;
    let reason = match case.task.judge {
        Judge::Answer => {
            let answered = boxed_answer(case.student).map_or("nothing".to_owned(), clipped);
            format!("answered {answered}; the answer is {}", clipped(&case.task.answer))
        }
        Judge::Calls if case.correct => "the calls solve the task".to_owned(),
        Judge::Calls => "the calls do not solve the task".to_owned(),
    };
    Outcome { turn: case.student.turns.len().checked_sub(1), ..Outcome::yes_or_no(case.correct, reason) }
}

fn ended(facts: &Facts) -> Outcome {
    let student = facts.case.student;
    let outcome = Outcome::yes_or_no(student.ended(), ending_clause(student.ending).to_owned());
    Outcome { turn: student.turns.len().checked_sub(1), ..outcome }
}

fn no_invalid_tool(facts: &Facts) -> Outcome {
    let invalid = facts.invalid_calls();
    let Some(first) = invalid.first() else {
        return Outcome::yes_or_no(true, "called no tool that is not on offer".to_owned());
    };
    let names = kernels::to_set(invalid.iter().map(|located| located.call.name.as_str()));
    let outcome = Outcome::yes_or_no(false, format!("called {}, not on offer", braces(&names)));
    Outcome { turn: Some(first.turn), ..outcome }
}

fn call_sequence_equal(student: &Calls, teacher: &Calls) -> Outcome {
    let (ours, theirs) = (&student.all, &teacher.all);
    let same = |(a, b): (&Located, &Located)| a.call.name == b.call.name && arguments_equal(a, b);
    let agreeing = ours.iter().zip(theirs).take_while(|pair| same(*pair)).count();
    if agreeing == ours.len() && agreeing == theirs.len() {
        let holds = !theirs.is_empty();
        return Outcome::yes_or_no(holds, format!("made the teacher's {}", counted(theirs.len(), "call")));
    }
    let reason = format!(
        "{}; teacher {}; the first difference at call {}",
        counted(ours.len(), "call"),
        theirs.len(),
        agreeing + 1
    );
    Outcome { turn: ours.get(agreeing).map(|located| located.turn), ..Outcome::yes_or_no(false, reason) }
}

fn arguments_equal(a: &Located, b: &Located) -> bool {
    let (a, b) = (&a.call.arguments, &b.call.arguments);
    a.len() == b.len() && kernels::argument_agreement(a, b) == 1.0
}

/// The valid calls of student and teacher, aligned by name; see [`Measure::Arguments`] for the choice among equals.
fn aligned(student: &Calls, teacher: &Calls) -> Vec<Pair> {
    let (ours, theirs) = (&student.valid, &teacher.valid);
    kernels::align(ours.len(), theirs.len(), |i, j| {
        let (given, wanted) = (ours[i].call, theirs[j].call);
        (given.name == wanted.name).then(|| kernels::argument_agreement(&wanted.arguments, &given.arguments))
    })
}

fn order(student: &Calls, teacher: &Calls) -> Outcome {
    let calls = student.valid.len() + teacher.valid.len();
    let pairs = aligned(student, teacher);
    let reason = format!(
        "called {}; teacher {}; {} in common order",
        arrows(&student.valid),
        arrows(&teacher.valid),
        pairs.len()
    );
    if pairs.is_empty() {
        return Outcome::new(0.0, reason);
    }
    let value = 2.0 * pairs.len() as f64 / calls as f64;
    Outcome { shares: shares(student, &pairs, |_| 2.0 / calls as f64), ..Outcome::new(value, reason) }
}

fn arguments(student: &Calls, teacher: &Calls) -> Outcome {
    let longest = student.valid.len().max(teacher.valid.len());
    let pairs = aligned(student, teacher);
    let agreement: f64 = pairs.iter().map(|pair| pair.agreement).sum();
    let reason = format!(
        "arguments agree in {} of {}; {} at most",
        rounded(agreement),
        counted(pairs.len(), "pair"),
        counted(longest, "call")
    );
    if pairs.is_empty() {
        return Outcome::new(0.0, reason);
    }
    let value = agreement / longest as f64;
    Outcome {
        shares: shares(student, &pairs, |pair| pair.agreement / longest as f64),
        ..Outcome::new(value, reason)
    }
}

/// What each turn's pairs contribute, for the turns that have any.
fn shares(student: &Calls, pairs: &[Pair], value: impl Fn(&Pair) -> f64) -> Vec<TurnShare> {
    let mut shares: Vec<TurnShare> = Vec::new();
    for pair in pairs {
        let turn = student.valid[pair.a].turn;
        match shares.last_mut() {
            Some(last) if last.turn == turn => last.value += value(pair),
            _ => shares.push(TurnShare { turn, value: value(pair) }),
        }
    }
    shares
}

/// Names that a reason lists; the rest are counted. A model can name as many tools as it likes.
const LISTED: usize = 8;

fn braces(names: &[&str]) -> String {
    format!("{{{}}}", joined(names, ", "))
}

fn arrows(calls: &[Located]) -> String {
    if calls.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<&str> = calls.iter().take(LISTED + 1).map(|located| located.call.name.as_str()).collect();
    joined_of(&names, calls.len(), " → ")
}

fn joined(names: &[&str], separator: &str) -> String {
    joined_of(names, names.len(), separator)
}

fn joined_of(names: &[&str], count: usize, separator: &str) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().take(LISTED).enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&clipped(name));
    }
    if count > LISTED {
        write!(text, "{separator}{} more", count - LISTED).expect("writing to a string cannot fail");
    }
    text
}

/// A text of at most 60 characters.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Two decimals at most, no trailing zeros.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
