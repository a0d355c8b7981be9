//! Order and arguments: the student's calls aligned with the teacher's.

use serde_json::Map;
use serde_json::Value;

use super::outcome::calls_equal as same_call;
use super::words::{arrows, counted, rounded};
use super::{Outcome, Share, truth};
use crate::facts::{self, Facts, Reference, Seen};
use crate::kernels::{self, Closeness, Pair};
use crate::{Measure, Teacher, Term};

/// How many calls from the first on are the teacher's, name and arguments.
fn agreeing(facts: &Facts, reference: &Reference) -> usize {
    let student = facts.student();
    let same = |(ours, theirs): (&Seen, &Seen)| match (ours.call(student), theirs.call(reference.trajectory))
    {
        (Some(ours), Some(theirs)) => same_call(ours, theirs),
        _ => false,
    };
    facts.calls().strict.iter().zip(&reference.calls.strict).take_while(|pair| same(*pair)).count()
}

pub fn calls_equal(facts: &Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    let (ours, theirs) = (facts.calls().strict.len(), reference.calls.strict.len());
    truth(ours == theirs && theirs > 0 && agreeing(facts, reference) == theirs)
}

pub fn explain_calls_equal(value: f64, facts: &Facts, teacher: Teacher) -> Outcome {
    let Some(reference) = facts.prepared.reference(teacher) else {
        return Outcome::new(value, String::new());
    };
    let (ours, theirs) = (&facts.calls().strict, reference.calls.strict.len());
    let agreeing = agreeing(facts, reference);
    if agreeing == ours.len() && agreeing == theirs {
        return Outcome::new(value, format!("made the teacher's {}", counted(theirs, "call")));
    }
    let reason = format!(
        "{}; teacher {theirs}; the first difference at call {}",
        counted(ours.len(), "call"),
        agreeing + 1
    );
    Outcome::new(value, reason).at(ours.get(agreeing).map(|seen| seen.turn as usize))
}

pub fn order(facts: &mut Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    let calls = facts.calls().valid.len() + reference.calls.valid.len();
    match facts.pairs(teacher).len() {
        0 => 0.0,
        pairs => 2.0 * pairs as f64 / calls as f64,
    }
}

pub fn explain_order(value: f64, facts: &mut Facts, teacher: Teacher) -> Outcome {
    let Some(reference) = facts.prepared.reference(teacher) else {
        return Outcome::new(value, String::new());
    };
    let (ours, theirs) = (names(facts.student(), &facts.calls().valid), names_of(reference));
    let reason = |pairs| format!("called {ours}; teacher {theirs}; {pairs} in common order");
    let calls = facts.calls().valid.len() + reference.calls.valid.len();
    let pairs = facts.pairs(teacher).to_vec();
    let shares = pairs.iter().map(|pair| {
        share_of(facts, pair, 2.0 / calls as f64, format!("in order as the teacher's call {}", pair.b + 1))
    });
    Outcome::new(value, reason(pairs.len())).shared(shares.collect())
}

fn names(trajectory: &mentor_trajectory::Trajectory, calls: &[Seen]) -> String {
    arrows(calls.iter().map(|seen| seen.call(trajectory).map_or("", |call| call.name.as_str())))
}

fn names_of(reference: &Reference) -> String {
    names(reference.trajectory, &reference.calls.valid)
}

fn closeness(term: &Term) -> Closeness {
    Closeness { tolerance: term.tolerance.unwrap_or(0.0), strings: term.strings.unwrap_or_default() }
}

pub fn alignment(facts: &mut Facts, term: &Term) -> f64 {
    let calls = weigh(facts, term);
    let similarity: f64 = facts.memory.aligner.pairs().iter().map(|pair| pair.agreement).sum();
    if calls == 0 { 0.0 } else { 2.0 * similarity / calls as f64 }
}

/// Leaves the alignment of the highest similarity in the aligner; the number of valid calls of both sides.
fn weigh(facts: &mut Facts, term: &Term) -> usize {
    let Some(reference) = facts.prepared.reference(term.teacher) else { return 0 };
    let closeness = closeness(term);
    let student = facts.student();
    let (ours, theirs) = (&facts.memory.calls.valid, &reference.calls.valid);
    facts.memory.aligner.heaviest(ours.len(), theirs.len(), |i, j| {
        let (wanted, given) = arguments_of(reference, &theirs[j], student, &ours[i]);
        let same = ours[i].name == theirs[j].name;
        same.then(|| 0.5 + 0.5 * kernels::argument_similarity(wanted, given, &closeness))
    });
    facts.memory.aligned = None;
    ours.len() + theirs.len()
}

fn arguments_of<'a>(
    reference: &Reference<'a>,
    theirs: &Seen,
    student: &'a mentor_trajectory::Trajectory,
    ours: &Seen,
) -> (&'a Map<String, Value>, &'a Map<String, Value>) {
    (facts::arguments(theirs, reference.trajectory), facts::arguments(ours, student))
}

pub fn explain_alignment(value: f64, facts: &mut Facts, term: &Term) -> Outcome {
    let calls = weigh(facts, term);
    let pairs = facts.memory.aligner.pairs().to_vec();
    let similarity: f64 = pairs.iter().map(|pair| pair.agreement).sum();
    let reason = format!(
        "similarity {} over {}; {} in all",
        rounded(similarity),
        counted(pairs.len(), "pair"),
        counted(calls, "call")
    );
    let shares = pairs.iter().map(|pair| {
        let reason = format!("like the teacher's call {} by {}", pair.b + 1, rounded(pair.agreement));
        share_of(facts, pair, 2.0 * pair.agreement / calls as f64, reason)
    });
    Outcome::new(value, reason).shared(shares.collect())
}

/// The agreement of a pair, as the term's measure has it.
fn agreement(facts: &Facts, reference: &Reference, pair: &Pair, term: &Term) -> f64 {
    let (ours, theirs) = (&facts.calls().valid[pair.a], &reference.calls.valid[pair.b]);
    let (wanted, given) = arguments_of(reference, theirs, facts.student(), ours);
    let closeness = closeness(term);
    match term.part {
        Measure::ArgumentNames => kernels::argument_names_f1(wanted, given),
        Measure::ArgumentValues => {
            let shared =
                wanted.iter().filter_map(|(name, value)| Some(closeness.of(value, given.get(name)?)));
            match shared.fold((0.0, 0), |(sum, count), near| (sum + near, count + 1)) {
                _ if wanted.is_empty() => 1.0,
                (_, 0) => 0.0,
                (sum, count) => sum / f64::from(count),
            }
        }
        _ if closeness == Closeness::default() => pair.agreement,
        _ => kernels::argument_similarity(wanted, given, &closeness),
    }
}

/// The summed agreement of the pairs, and the larger number of valid calls.
fn agreements(facts: &mut Facts, term: &Term) -> (f64, usize) {
    let Some(reference) = facts.prepared.reference(term.teacher) else { return (0.0, 0) };
    let longest = facts.calls().valid.len().max(reference.calls.valid.len());
    facts.pairs(term.teacher);
    let pairs = facts.memory.aligner.pairs();
    (pairs.iter().map(|pair| agreement(facts, reference, pair, term)).sum(), longest)
}

pub fn arguments(facts: &mut Facts, term: &Term) -> f64 {
    let (agreement, longest) = agreements(facts, term);
    if facts.memory.aligner.pairs().is_empty() || longest == 0 { 0.0 } else { agreement / longest as f64 }
}

pub fn explain_arguments(value: f64, facts: &mut Facts, term: &Term) -> Outcome {
    let (sum, longest) = agreements(facts, term);
    let Some(reference) = facts.prepared.reference(term.teacher) else {
        return Outcome::new(value, String::new());
    };
    let pairs = facts.memory.aligner.pairs().to_vec();
    let what = match term.part {
        Measure::ArgumentNames => "names of arguments",
        Measure::ArgumentValues => "values of arguments",
        _ => "arguments",
    };
    let reason = format!(
        "{what} agree in {} of {}; {} at most",
        rounded(sum),
        counted(pairs.len(), "pair"),
        counted(longest, "call")
    );
    let shares = pairs.iter().map(|pair| {
        let agreement = agreement(facts, reference, pair, term);
        let reason = format!("{what} of the teacher's call {} agree by {}", pair.b + 1, rounded(agreement));
        Share {
            arguments: agreeing_arguments(facts, reference, pair, term),
            ..share_of(facts, pair, agreement / longest as f64, reason)
        }
    });
    Outcome::new(value, reason).shared(shares.collect())
}

/// The arguments that a pair's agreement comes from.
fn agreeing_arguments(facts: &Facts, reference: &Reference, pair: &Pair, term: &Term) -> Vec<String> {
    let (ours, theirs) = (&facts.calls().valid[pair.a], &reference.calls.valid[pair.b]);
    let (wanted, given) = arguments_of(reference, theirs, facts.student(), ours);
    let closeness = closeness(term);
    let agrees = |(name, value): &(&String, &Value)| {
        given
            .get(*name)
            .is_some_and(|other| term.part == Measure::ArgumentNames || closeness.of(value, other) > 0.0)
    };
    wanted.iter().filter(agrees).map(|(name, _)| name.clone()).collect()
}

/// What the student's call of a pair contributed.
fn share_of(facts: &Facts, pair: &Pair, value: f64, reason: String) -> Share {
    let seen = facts.calls().valid[pair.a];
    Share {
        turn: seen.turn as usize,
        record: Some(seen.record as usize),
        value,
        arguments: Vec::new(),
        reason,
    }
}
