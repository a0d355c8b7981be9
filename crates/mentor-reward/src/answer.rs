//! The answer of an attempt.

use mentor_trajectory::Task;

use crate::Student;

/// The boxed answer of an attempt: what stands in the last box of its final turn, outside reasoning and calls.
///
/// None if the attempt did not end, holds no box there, or the last box is blank. Boxes in prompts, observations,
/// reasoning and earlier turns are never looked at.
pub fn boxed_answer<'a>(student: impl Into<Student<'a>>) -> Option<&'a str> {
    mentor_answer::last_boxed(student.into().final_text()?).filter(|content| !content.trim().is_empty())
}

/// Whether the boxed answer of an attempt equals the task's, as mathematics.
///
/// This decides [`crate::Case::correct`] for tasks judged by their answer ([`mentor_trajectory::Judge::Answer`]); those
/// judged by their calls are the environment's to decide.
pub fn answer_correct<'a>(task: &Task, student: impl Into<Student<'a>>) -> bool {
    boxed_answer(student).is_some_and(|answer| mentor_answer::equal(&task.answer, answer))
}
