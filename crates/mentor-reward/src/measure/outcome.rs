//! Whether the attempt came to an end, and to the right one.

use mentor_trajectory::{Call, Ending, Judge};

use super::words::clipped;
use crate::boxed_answer;
use crate::facts::{Facts, Memory};
use crate::kernels::argument_agreement;

pub fn correct(facts: &Facts) -> String {
    match facts.case.task.judge {
        Judge::Answer => answered(facts),
        Judge::Calls => solved(facts.case.correct),
    }
}

pub fn answered(facts: &Facts) -> String {
    let answered = boxed_answer(facts.case.student).map_or("nothing".to_owned(), clipped);
    format!("answered {answered}; the answer is {}", clipped(&facts.case.task.answer))
}

pub fn solved(correct: bool) -> String {
    if correct { "the calls solve the task" } else { "the calls do not solve the task" }.to_owned()
}

pub fn state(facts: &Facts) -> String {
    match facts.case.state_correct {
        None => "nobody judged the state of the environment",
        Some(true) => "left the environment in the wanted state",
        Some(false) => "left the environment in another state than wanted",
    }
    .to_owned()
}

pub fn boxed(facts: &Facts) -> String {
    match boxed_answer(facts.case.student) {
        Some(answer) => format!("boxed {}", clipped(answer)),
        None => "the final turn boxes no answer".to_owned(),
    }
}

/// How an attempt ended, as a clause.
pub fn ending_clause(ending: Ending) -> &'static str {
    match ending {
        Ending::Ended => "ended of its own accord",
        Ending::TurnLimit => "still called a tool in the last turn allowed",
        Ending::TokenLimit => "ran out of tokens",
        Ending::InObservation => "stops in an observation, before another turn",
    }
}

/// Whether the calls that were carried out are those of one of the task's plans, in any order.
///
/// A call that came back with an error has changed nothing; one whose observation is not recorded counts as carried out.
pub fn calls_form_a_plan(facts: &mut Facts) -> bool {
    let (student, task) = (facts.student(), facts.case.task);
    let Memory { calls, used, .. } = &mut *facts.memory;
    let carried_out = || {
        let records = calls.lenient.iter().filter(|seen| {
            let record = &student.turns[seen.turn as usize].calls[seen.record as usize];
            record.observation.as_ref().is_none_or(|observation| observation.ok)
        });
        records.filter_map(|seen| seen.call(student))
    };
    let count = carried_out().count();
    task.plans.iter().any(|plan| {
        used.clear();
        used.resize(plan.calls.len(), false);
        // Being equal is transitive, so it does not matter which of several equal calls is taken.
        count == plan.calls.len()
            && carried_out().all(|call| {
                let free = |place: &usize| !used[*place] && calls_equal(&plan.calls[*place], call);
                let found = (0..plan.calls.len()).find(free);
                found.map(|place| used[place] = true).is_some()
            })
    })
}

/// Whether two calls name the same tool with the same arguments.
pub fn calls_equal(a: &Call, b: &Call) -> bool {
    a.name == b.name
        && a.arguments.len() == b.arguments.len()
        && argument_agreement(&a.arguments, &b.arguments) == 1.0
}
