//! `ToolRL`'s reward (Qian et al., arXiv 2504.13958): whether the form is right, and how well the calls match.

use mentor_trajectory::{CallRecord, Turn};

use super::words::{counted, rounded};
use crate::Teacher;
use crate::facts::{Facts, Memory, Reference, Seen, UNKNOWN, arguments};
use crate::kernels::{self, text_hash};

/// Whether the attempt has the form: words first, every call between markers on lines of their own and answered, and a
/// turn without a call at the end.
///
/// The paper asks for its own markers (`<think>`, `<tool_call>`, `<response>`) in order. In the Hermes form what comes
/// before the first call is thought with or without a reasoning block, and the last turn is the response.
pub fn format(facts: &Facts) -> bool {
    fault(facts).is_none()
}

pub fn format_clause(facts: &Facts) -> &'static str {
    fault(facts).unwrap_or("words, then calls that are enclosed and answered, then a turn without a call")
}

fn fault(facts: &Facts) -> Option<&'static str> {
    let turns = &facts.student().turns;
    let [first, .., last] = turns.as_slice() else { return Some("no call that was answered") };
    if facts.calls().records == 0 {
        return Some("no call");
    }
    if !last.calls.is_empty() {
        return Some("the last turn calls a tool");
    }
    if !begins_with_words(first) {
        return Some("no words before the first call");
    }
    if turns.iter().any(|turn| memchr::memchr(b'<', turn.content.as_bytes()).is_some()) {
        return Some("a marker outside the calls");
    }
    let bad = facts.student().records().any(|record| !enclosed(record) || record.observation.is_none());
    bad.then_some("a call that is not enclosed, or not answered")
}

/// Whether words (which a reasoning block holds, too) come before the turn's first call.
fn begins_with_words(turn: &Turn) -> bool {
    let start = turn.calls.first().map_or(turn.text.len(), |record| record.span.0);
    turn.text.get(..start).is_some_and(|before| !before.is_empty())
}

fn enclosed(record: &CallRecord) -> bool {
    let inside =
        record.raw.strip_prefix("<tool_call>\n").and_then(|rest| rest.strip_suffix("\n</tool_call>"));
    inside.is_some()
}

pub fn matching(facts: &mut Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    let names = names_in_common(facts, reference);
    let student = facts.student();
    let memory = &mut *facts.memory;
    // What is past the limit cannot pair: the time stays bounded whatever a model wrote.
    let ours = &memory.calls.strict[..memory.calls.strict.len().min(kernels::MAX_ALIGNED)];
    let theirs = &reference.calls.strict;
    let parameters = theirs.iter().map(|seen| arguments(seen, reference.trajectory).len());
    kernels::toolrl_match(names, parameters, ours.len(), &mut memory.used, |j, i| {
        let same = ours[i].name == theirs[j].name;
        same.then(|| {
            kernels::toolrl_call(arguments(&theirs[j], reference.trajectory), arguments(&ours[i], student))
        })
    })
}

/// The Jaccard index of the two sets of tool names; 1 if nobody called any.
fn names_in_common(facts: &mut Facts, reference: &Reference) -> f64 {
    let student = facts.student();
    let Memory { calls, numbers: strangers, known, .. } = &mut *facts.memory;
    let unknown = |seen: &&Seen| seen.name == UNKNOWN;
    strangers.clear();
    let names = calls.strict.iter().filter(unknown).filter_map(|seen| seen.call(student));
    strangers.extend(names.map(|call| text_hash(&call.name)));
    strangers.sort_unstable();
    strangers.dedup();
    known.clear();
    for seen in calls.strict.iter().filter(|seen| seen.name != UNKNOWN) {
        known.insert(seen.name);
    }
    let shared = known.intersection_len(&reference.set);
    let either = known.len() + strangers.len() + reference.set.len() - shared;
    if either == 0 { 1.0 } else { shared as f64 / either as f64 }
}

pub fn matching_clause(facts: &mut Facts, teacher: Teacher) -> String {
    let theirs = facts.prepared.reference(teacher).map_or(0, |reference| reference.calls.strict.len());
    let value = matching(facts, teacher);
    format!(
        "{}; teacher {theirs}; they match by {}",
        counted(facts.calls().strict.len(), "call"),
        rounded(value)
    )
}
