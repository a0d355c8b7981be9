//! Right or wrong: the answer, and the way to it.

use mentor_trajectory::{Call, CallRecord, Judge, Task, Trajectory};

/// The content of the last box of the final turn, outside reasoning and calls; none if it is empty, unclosed or missing, or if
/// the attempt did not end.
pub fn boxed_answer(attempt: &Trajectory) -> Option<&str> {
    let answer = mentor_answer::last_boxed(attempt.final_text()?)?.trim();
    (!answer.is_empty()).then_some(answer)
}

/// The calls that were carried out, in order: readable (strictly or by a repair), and answered without an error.
///
/// A call that came back with an error (unknown tool, bad argument, division by zero) has changed nothing and told nothing,
/// so a student that then gets it right has carried out one call.
pub fn executed_calls(attempt: &Trajectory) -> impl Iterator<Item = &Call> {
    attempt.records().filter(|record| succeeded(record)).filter_map(CallRecord::lenient)
}

/// Whether the record's call was carried out.
pub fn succeeded(record: &CallRecord) -> bool {
    record.lenient().is_some() && record.observation.as_ref().is_some_and(|observation| observation.ok)
}

/// Whether the [executed calls](executed_calls) are exactly those of one of the task's plans, in any order.
///
/// This is METHOD's *policy correctness*. It asks neither for an answer nor for an end. Making a needed call twice, or an
/// unneeded one that succeeds, is not a valid plan; a failed call beside the right ones is. Where no tool is needed, no call must
/// have succeeded.
pub fn policy_correct(task: &Task, attempt: &Trajectory) -> bool {
    let executed: Vec<&Call> = executed_calls(attempt).collect();
    mentor_env::is_valid_plan(task, &executed)
}

/// Whether the attempt solves the task, as the task says it is judged.
///
/// [`Judge::Answer`]: the [boxed answer](boxed_answer) equals the gold one, however it was found. [`Judge::Calls`]: the attempt
/// ended and is [`policy_correct`]; what it says in the end does not matter.
pub fn correct(task: &Task, attempt: &Trajectory) -> bool {
    match task.judge {
        Judge::Answer => {
            boxed_answer(attempt).is_some_and(|answer| mentor_answer::equal(&task.answer, answer))
        }
        Judge::Calls => attempt.ended() && policy_correct(task, attempt),
    }
}
