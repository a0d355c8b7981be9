//! What is scored.

use mentor_trajectory::{Task, Trajectory};

/// One attempt with everything its reward depends on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The task; it says which tools are on offer.
    pub task: &'a Task,
    /// The attempt that is scored.
    pub student: &'a Trajectory,
    /// The teacher's attempt at the same task. Gates always look at this one.
    pub teacher: &'a Trajectory,
    /// The teacher's attempt at *another* task, for terms that say `teacher = "other"` (the preset `shuffled`).
    ///
    /// Draw it from attempts that called a tool, and from tasks with the same tools on offer: the placebo is then as
    /// dense as the real thing. Without one such a term is worth 0 and its reason says so.
    pub placebo: Option<&'a Trajectory>,
    /// Whether the attempt solved the task, judged outside: [`crate::answer_correct`] for tasks judged by their answer,
    /// the environment for those judged by their calls.
    pub correct: bool,
    /// Whether the environment was left in the wanted state, where somebody judged that (`correct_state`).
    pub state_correct: Option<bool>,
    /// The log-probabilities that the teacher gives the tokens the student sampled, in order, where they are stored
    /// (`teacher_likelihood`).
    pub teacher_logprobs: Option<&'a [f32]>,
}

impl<'a> Case<'a> {
    /// A case without a placebo, a judged state or log-probabilities of the teacher.
    pub fn new(task: &'a Task, student: &'a Trajectory, teacher: &'a Trajectory, correct: bool) -> Self {
        Self { task, student, teacher, placebo: None, correct, state_correct: None, teacher_logprobs: None }
    }
}
