//! What is scored.

use mentor_trajectory::{Ending, Task, Trajectory};

use crate::Response;

/// The attempt that is scored: read already, or a text that is read as far as the reward looks.
#[derive(Clone, Copy, Debug)]
pub enum Student<'a> {
    /// A whole attempt.
    Trajectory(&'a Trajectory),
    /// A response as one text.
    Response(&'a Response<'a>),
}

impl<'a> From<&'a Trajectory> for Student<'a> {
    fn from(trajectory: &'a Trajectory) -> Self {
        Self::Trajectory(trajectory)
    }
}

impl<'a> From<&'a Response<'a>> for Student<'a> {
    fn from(response: &'a Response<'a>) -> Self {
        Self::Response(response)
    }
}

impl<'a> Student<'a> {
    /// The whole attempt; a response is read to the last argument for it, once.
    pub fn trajectory(self) -> &'a Trajectory {
        match self {
            Self::Trajectory(trajectory) => trajectory,
            Self::Response(response) => response.trajectory(),
        }
    }

    /// Why it is over.
    pub fn ending(self) -> Ending {
        match self {
            Self::Trajectory(trajectory) => trajectory.ending,
            Self::Response(response) => response.ending,
        }
    }

    /// What [`Trajectory::final_text`] is.
    pub fn final_text(self) -> Option<&'a str> {
        match self {
            Self::Trajectory(trajectory) => trajectory.final_text(),
            Self::Response(response) => response.final_text(),
        }
    }
}

/// One attempt with everything its reward depends on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The task; it says which tools are on offer.
    pub task: &'a Task,
    /// The attempt that is scored.
    pub student: Student<'a>,
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
    pub fn new(
        task: &'a Task,
        student: impl Into<Student<'a>>,
        teacher: &'a Trajectory,
        correct: bool,
    ) -> Self {
        let student = student.into();
        Self { task, student, teacher, placebo: None, correct, state_correct: None, teacher_logprobs: None }
    }
}
