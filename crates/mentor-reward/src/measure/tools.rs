//! Which tools were called, and how often.

use super::{truth, words::braces};
use crate::facts::{Facts, UNKNOWN};
use crate::{Teacher, kernels};

pub fn set_equal(facts: &Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    truth(!facts.memory.set.is_empty() && facts.memory.set == reference.set)
}

pub fn set_overlap(facts: &Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    truth(facts.memory.set.intersection_len(&reference.set) > 0)
}

pub fn set_f1(facts: &Facts, teacher: Teacher) -> f64 {
    facts.prepared.reference(teacher).map_or(0.0, |reference| facts.memory.set.f1(&reference.set))
}

pub fn both_sets(facts: &Facts, teacher: Teacher) -> String {
    let names = |set| braces(facts.prepared.names_of(set).into_iter());
    let theirs = facts.prepared.reference(teacher).map(|reference| names(&reference.set)).unwrap_or_default();
    format!("called {}; teacher {theirs}", names(&facts.memory.set))
}

pub fn distribution(facts: &mut Facts, teacher: Teacher) -> f64 {
    let Some(reference) = facts.prepared.reference(teacher) else { return 0.0 };
    // One category a known name, one for all others (no teacher calls those, so they need no telling apart), and one
    // for "no call".
    let others = facts.prepared.count();
    let counts = &mut facts.memory.counts;
    counts.clear();
    counts.resize(others + 2, [0, 0]);
    for (side, calls) in [&facts.memory.calls.strict, &reference.calls.strict].into_iter().enumerate() {
        for seen in calls {
            let category = if seen.name == UNKNOWN { others } else { seen.name as usize };
            counts[category][side] += 1;
        }
        counts[others + 1][side] = u32::from(calls.is_empty());
    }
    kernels::distribution_similarity(counts)
}

pub fn both_distributions(facts: &Facts, teacher: Teacher) -> String {
    let theirs = facts.prepared.reference(teacher).map_or(0, |reference| reference.calls.strict.len());
    format!("{} calls; teacher {theirs}; compared tool by tool", facts.calls().strict.len())
}
