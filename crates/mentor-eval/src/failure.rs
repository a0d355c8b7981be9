//! Why an attempt is wrong: one reason each, by a fixed order of questions.

use std::fmt;

use mentor_trajectory::{Call, Ending, Plan, Task, Trajectory};
use serde::{Deserialize, Serialize};

use crate::judge::{correct, executed_calls, succeeded};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// A tool was called that the plan does not (any longer) ask for.
    WrongTool,
    /// The right tool, with other arguments than the plan's.
    WrongArgument,
    /// Right so far, but calls of the plan are missing.
    StoppedEarly,
    /// The whole plan, and more.
    OverCalled,
    /// Right so far, and the last try was a call that could not be read.
    Malformed,
    /// The calls are right; the answer is not the one they lead to, or there is none.
    CopyError,
    /// Tools are needed and none was called.
    NoTool,
    /// Right so far, but cut off by a limit.
    Truncated,
}

impl Failure {
    /// All of them, in the order reports show them.
    pub const ALL: [Self; 8] = [
        Self::NoTool,
        Self::WrongTool,
        Self::WrongArgument,
        Self::StoppedEarly,
        Self::OverCalled,
        Self::CopyError,
        Self::Malformed,
        Self::Truncated,
    ];

    /// The name in files: `wrong_tool`, ….
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongTool => "wrong_tool",
            Self::WrongArgument => "wrong_argument",
            Self::StoppedEarly => "stopped_early",
            Self::OverCalled => "over_called",
            Self::Malformed => "malformed",
            Self::CopyError => "copy_error",
            Self::NoTool => "no_tool",
            Self::Truncated => "truncated",
        }
    }
}

impl fmt::Display for Failure {
    /// The name with spaces: `wrong tool`, ….
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.pad(&self.name().replace('_', " "))
    }
}

/// Names what went wrong; none if the attempt is [`correct`].
///
/// The [executed calls](executed_calls) are compared with the plan that shares most calls with them (then most tool names, then the
/// plan nearer in length, then the first), calls by [`mentor_env::canonical`] form, in any order. The first of these that holds is
/// the reason:
///
///  1. All calls of the plan and no other were made: `Truncated` if the attempt did not end, else `CopyError`.
///  2. All calls of the plan and others: `OverCalled` (also where no tool is needed).
///  3. Among the calls outside the plan is a tool more often than among the plan's missing calls: `WrongTool`. So a wrong tool
///     outranks the wrong arguments that follow from it.
///  4. A call outside the plan: `WrongArgument`.
///  5. What was made is part of the plan, and the tokens ran out: `Truncated`.
///  6. A call failed, its tool is among the missing ones and did not succeed later: `WrongArgument`. Else, if the last try of all did
///     not succeed: `Malformed` if it was unreadable, `WrongTool` if it could be read.
///  7. The turns ran out: `Truncated`.
///  8. No call at all: `NoTool`.
///  9. Else `StoppedEarly`.
///
/// For a task without plans only the ending is known: `Truncated` or `CopyError`.
pub fn diagnose(task: &Task, attempt: &Trajectory) -> Option<Failure> {
    (!correct(task, attempt)).then(|| reason(task, attempt))
}

fn reason(task: &Task, attempt: &Trajectory) -> Failure {
    let executed: Vec<&Call> = executed_calls(attempt).collect();
    let Some(gap) = nearest_gap(&task.plans, &executed) else {
        return if attempt.ended() { Failure::CopyError } else { Failure::Truncated };
    };
    match (gap.missing.is_empty(), gap.extra.is_empty()) {
        (true, true) if attempt.ended() => Failure::CopyError,
        (true, true) => Failure::Truncated,
        (true, false) => Failure::OverCalled,
        (false, false) if shared(&gap.extra_names, &gap.missing_names) < gap.extra.len() => {
            Failure::WrongTool
        }
        (false, false) => Failure::WrongArgument,
        (false, true) => unfinished(attempt, &gap),
    }
}

/// The reason for an attempt that did nothing outside the plan and did not do all of it.
fn unfinished(attempt: &Trajectory, gap: &Gap) -> Failure {
    if attempt.ending == Ending::TokenLimit {
        return Failure::Truncated;
    }
    if tried_in_vain(attempt, gap) {
        return Failure::WrongArgument;
    }
    if let Some(last) = attempt.records().last().filter(|record| !succeeded(record)) {
        return if last.lenient().is_some() { Failure::WrongTool } else { Failure::Malformed };
    }
    if !attempt.ended() {
        return Failure::Truncated;
    }
    if attempt.records().next().is_none() { Failure::NoTool } else { Failure::StoppedEarly }
}

/// Whether a call of a missing tool failed and the tool did not succeed later.
fn tried_in_vain(attempt: &Trajectory, gap: &Gap) -> bool {
    let tries: Vec<(&str, bool)> = attempt
        .records()
        .filter_map(|record| record.lenient().map(|call| (call.name.as_str(), succeeded(record))))
        .collect();
    tries.iter().enumerate().any(|(i, &(name, ok))| {
        let missing = gap.missing_names.iter().any(|missing| missing == name);
        !ok && missing && !tries[i + 1..].contains(&(name, true))
    })
}

/// What lies between the executed calls and a plan; all lists are sorted.
struct Gap {
    /// Canonical forms of executed calls outside the plan.
    extra: Vec<String>,
    /// Their tools.
    extra_names: Vec<String>,
    /// Canonical forms of the plan's calls that were not made.
    missing: Vec<String>,
    /// Their tools.
    missing_names: Vec<String>,
}

/// The gap to the plan nearest to what was done; none if there is no plan.
fn nearest_gap(plans: &[Plan], executed: &[&Call]) -> Option<Gap> {
    let gaps = plans.iter().map(|plan| gap(plan, executed));
    // With the executed calls given, fewer extra calls are more shared ones. The first of equals wins.
    gaps.min_by_key(|gap| {
        let names_apart = gap.extra.len() - shared(&gap.extra_names, &gap.missing_names);
        (gap.extra.len(), names_apart, gap.extra.len().abs_diff(gap.missing.len()))
    })
}

fn gap(plan: &Plan, executed: &[&Call]) -> Gap {
    let made = sorted_forms(executed.iter().copied());
    let planned = sorted_forms(&plan.calls);
    let (extra, extra_names) = left_over(&made, &planned);
    let (missing, missing_names) = left_over(&planned, &made);
    Gap { extra, extra_names, missing, missing_names }
}

/// Canonical forms with their tools, sorted.
fn sorted_forms<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<(String, String)> {
    let mut forms: Vec<_> =
        calls.into_iter().map(|call| (mentor_env::canonical(call), call.name.clone())).collect();
    forms.sort();
    forms
}

/// The multiset difference of sorted lists, as sorted forms and sorted tools.
fn left_over(of: &[(String, String)], without: &[(String, String)]) -> (Vec<String>, Vec<String>) {
    let mut taken = without.iter().peekable();
    let mut rest = Vec::new();
    for item in of {
        while taken.next_if(|other| *other < item).is_some() {}
        if taken.next_if(|other| *other == item).is_none() {
            rest.push(item.clone());
        }
    }
    let (forms, mut names): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
    names.sort();
    (forms, names)
}

/// The size of the multiset intersection of two sorted lists.
pub fn shared<T: Ord>(a: &[T], b: &[T]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, count) = (i + 1, j + 1, count + 1),
        }
    }
    count
}
