//! How the attempt went about it: economy, errors, form, thought.

use mentor_trajectory::{Call, CallRecord, Reading};

use super::outcome::calls_equal;
use super::words::{braces, counted, rounded};
use super::{Outcome, Share, share};
use crate::facts::{Facts, Memory, Seen};
use crate::kernels::{self, value_hash};
use crate::{Teacher, Term};

pub fn efficiency(facts: &Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    match (facts.calls().records, reference.calls.records) {
        (0, 0) => 1.0,
        (0, _) => 0.0,
        (ours, theirs) => (theirs as f64 / ours as f64).min(1.0),
    }
}

pub fn both_counts(facts: &Facts, teacher: Teacher) -> String {
    let theirs = facts.prepared.reference(teacher).map_or(0, |reference| reference.calls.records);
    format!("{}; teacher {theirs}", counted(facts.calls().records, "call"))
}

/// The calls of the lenient reading that repeat an earlier one, by their places in it.
fn repeated<'f>(facts: &'f mut Facts) -> &'f [usize] {
    let student = facts.student();
    let Memory { calls, hashed, repeated, .. } = &mut *facts.memory;
    let call = |place: usize| calls.lenient[place].call(student);
    hashed.clear();
    hashed.extend((0..calls.lenient.len()).map(|place| (call(place).map_or(0, call_hash), place)));
    hashed.sort_unstable();
    let same = |(a, b): (usize, usize)| call(a).zip(call(b)).is_some_and(|(a, b)| calls_equal(a, b));
    let twice = hashed.windows(2).filter(|two| two[0].0 == two[1].0 && same((two[0].1, two[1].1)));
    repeated.clear();
    repeated.extend(twice.map(|two| two[1].1));
    repeated.sort_unstable();
    repeated
}

/// A hash that is the same for calls that are equal.
fn call_hash(call: &Call) -> u64 {
    call.arguments.iter().fold(kernels::text_hash(&call.name), |hash, (name, value)| {
        hash.wrapping_add(kernels::text_hash(name).wrapping_mul(value_hash(value) | 1))
    })
}

pub fn redundancy(facts: &mut Facts) -> f64 {
    let all = facts.calls().lenient.len();
    share(repeated(facts).len(), all, 0.0)
}

pub fn explain_redundancy(value: f64, facts: &mut Facts) -> Outcome {
    let places = repeated(facts).to_vec();
    let calls = &facts.calls().lenient;
    let repeated: Vec<Seen> = places.into_iter().map(|place| calls[place]).collect();
    let reason = format!("{} of {} repeated an earlier one", repeated.len(), counted(calls.len(), "call"));
    Outcome::new(value, reason).shared(equal_shares(&repeated, calls.len(), "repeats an earlier call"))
}

/// Every call of some with the same share of all.
fn equal_shares(some: &[Seen], all: usize, reason: &str) -> Vec<Share> {
    let of = |seen: &Seen| Share {
        turn: seen.turn as usize,
        record: Some(seen.record as usize),
        value: 1.0 / all as f64,
        arguments: Vec::new(),
        reason: reason.to_owned(),
    };
    some.iter().map(of).collect()
}

/// Every call record with what it is worth, as shares of their number; those worth nothing are left out.
fn record_shares(facts: &Facts, worth: impl Fn(&CallRecord) -> (f64, &'static str)) -> Vec<Share> {
    let all = facts.calls().records as f64;
    let turns = facts.student().turns.iter().enumerate();
    let records = turns.flat_map(|(turn, text)| {
        text.calls.iter().enumerate().map(move |(place, record)| (turn, place, record))
    });
    records
        .filter_map(|(turn, place, record)| {
            let (worth, reason) = worth(record);
            let share = Share {
                turn,
                record: Some(place),
                value: worth / all,
                arguments: Vec::new(),
                reason: reason.to_owned(),
            };
            (worth > 0.0).then_some(share)
        })
        .collect()
}

fn carried_out(record: &CallRecord) -> bool {
    record.lenient().is_some() && record.observation.as_ref().is_some_and(|observation| observation.ok)
}

pub fn execution_success(facts: &Facts) -> f64 {
    let ok = facts.student().records().filter(|record| carried_out(record)).count();
    share(ok, facts.calls().records, 0.0)
}

pub fn explain_execution(value: f64, facts: &Facts) -> Outcome {
    let ok = facts.student().records().filter(|record| carried_out(record)).count();
    let reason = format!("{ok} of {} carried out without an error", counted(facts.calls().records, "call"));
    let shares =
        record_shares(facts, |record| (super::truth(carried_out(record)), "carried out without an error"));
    Outcome::new(value, reason).shared(shares)
}

/// How many calls of the lenient reading name a tool not on offer.
pub fn hallucinated(facts: &Facts) -> usize {
    facts.calls().lenient.iter().filter(|seen| !seen.valid).count()
}

pub fn hallucinated_tools(facts: &Facts) -> f64 {
    share(hallucinated(facts), facts.calls().lenient.len(), 0.0)
}

/// The calls that name a tool not on offer, and what is said of them.
fn invalid(facts: &Facts) -> (Vec<Seen>, String) {
    let invalid: Vec<Seen> = facts.calls().lenient.iter().filter(|seen| !seen.valid).copied().collect();
    if invalid.is_empty() {
        return (invalid, "called no tool that is not on offer".to_owned());
    }
    let student = facts.student();
    let names = invalid.iter().filter_map(|seen| seen.call(student)).map(|call| call.name.as_str());
    let reason = format!("called {}, not on offer", braces(kernels::to_set(names).into_iter()));
    (invalid, reason)
}

pub fn explain_no_invalid_tool(value: f64, facts: &Facts) -> Outcome {
    let (invalid, reason) = invalid(facts);
    Outcome::new(value, reason).at(invalid.first().map(|seen| seen.turn as usize))
}

pub fn explain_hallucinated(value: f64, facts: &Facts) -> Outcome {
    let (invalid, reason) = invalid(facts);
    let shares = equal_shares(&invalid, facts.calls().lenient.len(), "names a tool that is not on offer");
    Outcome::new(value, reason).shared(shares)
}

fn form(record: &CallRecord) -> f64 {
    match record.reading {
        Reading::Strict => 1.0,
        Reading::Repaired => 0.5,
        Reading::Recoverable | Reading::Unusable => 0.0,
    }
}

pub fn format(facts: &Facts) -> f64 {
    let records = facts.calls().records;
    if records == 0 { 1.0 } else { facts.student().records().map(form).sum::<f64>() / records as f64 }
}

pub fn explain_format(value: f64, facts: &Facts) -> Outcome {
    let strict = facts.calls().strict.len();
    let broken = facts.student().records().find(|record| record.reading != Reading::Strict);
    let fault = broken
        .and_then(|record| record.faults.first())
        .map_or(String::new(), |fault| format!("; first fault {fault}"));
    let reason = format!("{strict} of {} to the letter{fault}", counted(facts.calls().records, "call"));
    let shares = record_shares(facts, |record| {
        (form(record), if form(record) == 1.0 { "to the letter" } else { "repaired" })
    });
    Outcome::new(value, reason).shared(shares)
}

fn characters(facts: &Facts) -> usize {
    facts.student().turns.iter().map(|turn| turn.text.chars().count()).sum()
}

pub fn length(facts: &Facts, term: &Term) -> f64 {
    let (free, limit) = (term.free.unwrap_or(0), term.limit.unwrap_or(usize::MAX));
    let over = characters(facts).saturating_sub(free);
    let room = limit.saturating_sub(free).max(1);
    (1.0 - over as f64 / room as f64).max(0.0)
}

pub fn written(facts: &Facts) -> String {
    format!("wrote {}", counted(characters(facts), "character"))
}

fn thought(facts: &Facts) -> impl Iterator<Item = usize> {
    let turns = facts.student().turns.iter().enumerate();
    turns.filter(|(_, turn)| !turn.reasoning.trim().is_empty()).map(|(place, _)| place)
}

pub fn thinking(facts: &Facts) -> f64 {
    share(thought(facts).count(), facts.student().turns.len(), 0.0)
}

pub fn explain_thinking(value: f64, facts: &Facts) -> Outcome {
    let turns = facts.student().turns.len();
    let shares: Vec<Share> = thought(facts)
        .map(|turn| Share {
            turn,
            record: None,
            value: 1.0 / turns as f64,
            arguments: Vec::new(),
            reason: "thought before it spoke".to_owned(),
        })
        .collect();
    let reason = format!("thought in {} of {}", shares.len(), counted(turns, "turn"));
    Outcome::new(value, reason).shared(shares)
}

pub fn teacher_likelihood(facts: &Facts) -> f64 {
    let logprobs = facts.case.teacher_logprobs.unwrap_or_default();
    if logprobs.is_empty() {
        return 0.0;
    }
    let mean = logprobs.iter().map(|&logprob| f64::from(logprob)).sum::<f64>() / logprobs.len() as f64;
    // What is no log-probability (above 0, or none at all) is worth no more than certainty, and no less than nothing.
    if mean.is_nan() { 0.0 } else { mean.exp().clamp(0.0, 1.0) }
}

pub fn likelihood_clause(facts: &Facts) -> String {
    match facts.case.teacher_logprobs {
        None | Some([]) => "no log-probabilities of the teacher are stored".to_owned(),
        Some(logprobs) => format!(
            "the teacher gives {} a probability of {} each",
            counted(logprobs.len(), "token"),
            rounded(teacher_likelihood(facts))
        ),
    }
}
