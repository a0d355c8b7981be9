//! What the measures look at, collected once for a case.

use mentor_trajectory::{Call, Trajectory};

use crate::{Case, kernels::to_set};

/// A call and the turn that made it.
#[derive(Clone, Copy)]
pub(crate) struct Located<'a> {
    pub turn: usize,
    pub call: &'a Call,
}

/// The strict calls of an attempt.
pub(crate) struct Calls<'a> {
    /// All of them, in order.
    pub all: Vec<Located<'a>>,
    /// Those that name an offered tool, in order.
    pub valid: Vec<Located<'a>>,
}

/// A case as the measures see it.
pub(crate) struct Facts<'a> {
    pub case: Case<'a>,
    /// The set of the names on offer.
    pub offered: Vec<&'a str>,
    pub student: Calls<'a>,
    /// The set of *offered* tools that the student called.
    pub student_set: Vec<&'a str>,
    pub teacher: Reference<'a>,
    /// Another task's teacher, if the case has one.
    pub placebo: Option<Reference<'a>>,
}

/// A teacher's attempt as the measures see it.
pub(crate) struct Reference<'a> {
    pub calls: Calls<'a>,
    /// The set of all tools it called, on offer here or not.
    pub set: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    pub fn of(case: &Case<'a>) -> Self {
        let offered = to_set(case.task.tools.iter().map(|tool| tool.name.as_str()));
        let student = Calls::of(case.student, &offered);
        Self {
            case: *case,
            student_set: to_set(student.valid.iter().map(|located| located.call.name.as_str())),
            student,
            teacher: Reference::of(case.teacher, &offered),
            placebo: case.placebo.map(|trajectory| Reference::of(trajectory, &offered)),
            offered,
        }
    }

    /// The first call of the lenient reading that names a tool not on offer, and the names of all such calls.
    pub fn invalid_calls(&self) -> Vec<Located<'a>> {
        let calls = located(self.case.student, |record| record.lenient());
        calls.filter(|located| !is_offered(&self.offered, located.call)).collect()
    }
}

impl<'a> Reference<'a> {
    fn of(trajectory: &'a Trajectory, offered: &[&str]) -> Self {
        let calls = Calls::of(trajectory, offered);
        Self { set: to_set(calls.all.iter().map(|located| located.call.name.as_str())), calls }
    }
}

impl<'a> Calls<'a> {
    fn of(trajectory: &'a Trajectory, offered: &[&str]) -> Self {
        let all: Vec<_> = located(trajectory, |record| record.strict()).collect();
        let valid = all.iter().filter(|located| is_offered(offered, located.call)).copied().collect();
        Self { all, valid }
    }
}

fn is_offered(offered: &[&str], call: &Call) -> bool {
    offered.binary_search(&call.name.as_str()).is_ok()
}

fn located<'a>(
    trajectory: &'a Trajectory,
    reading: impl Fn(&'a mentor_trajectory::CallRecord) -> Option<&'a Call>,
) -> impl Iterator<Item = Located<'a>> {
    trajectory
        .turns
        .iter()
        .enumerate()
        .flat_map(|(turn, text)| text.calls.iter().map(move |record| (turn, record)))
        .filter_map(move |(turn, record)| reading(record).map(|call| Located { turn, call }))
}
