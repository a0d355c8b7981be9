//! Which tools were used, how often, and how near that is to the teacher.

use std::collections::{BTreeMap, BTreeSet};

use mentor_trajectory::{Task, Trajectory};
use serde::{Deserialize, Serialize};

use crate::failure::shared;

/// How often each tool was called over a set of attempts; attempts without a call are a category of their own.
///
/// Calls are those whose text leaves one reading (strict or repaired), whether they then succeeded or not, and whether the
/// tool was on offer or not: this is what the policy chose to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// Calls by tool name.
    pub calls: BTreeMap<String, u64>,
    /// Attempts without a readable call.
    pub no_call: u64,
}

impl ToolUse {
    /// Adds one attempt.
    pub fn add(&mut self, attempt: &Trajectory) {
        let mut any = false;
        for call in attempt.lenient_calls() {
            *self.calls.entry(call.name.clone()).or_default() += 1;
            any = true;
        }
        self.no_call += u64::from(!any);
    }

    /// All counts together, attempts without a call included.
    pub fn total(&self) -> u64 {
        self.calls.values().sum::<u64>() + self.no_call
    }

    /// The share of a tool (of "no call" for none) in all counts; 0 where nothing was counted.
    pub fn share(&self, tool: Option<&str>) -> f64 {
        let count = tool.map_or(self.no_call, |tool| self.calls.get(tool).copied().unwrap_or(0));
        count as f64 / self.total().max(1) as f64
    }
}

/// Pools the tool use of attempts, failed ones included.
pub fn tool_distribution<'a>(attempts: impl IntoIterator<Item = &'a Trajectory>) -> ToolUse {
    let mut pooled = ToolUse::default();
    for attempt in attempts {
        pooled.add(attempt);
    }
    pooled
}

/// 1 − the Jensen–Shannon divergence, base 2, of two tool distributions: 1 for equal ones, 0 for ones without a common tool.
///
/// METHOD's *strategic competence*, of counts pooled over a suite. Where nothing was counted on one side there is no
/// distribution: 0, or 1 if on neither.
pub fn similarity(a: &ToolUse, b: &ToolUse) -> f64 {
    match (a.total(), b.total()) {
        (0, 0) => return 1.0,
        (0, _) | (_, 0) => return 0.0,
        _ => {}
    }
    let tools: BTreeSet<&str> = a.calls.keys().chain(b.calls.keys()).map(String::as_str).collect();
    let categories = tools.into_iter().map(Some).chain([None]);
    let divergence: f64 = categories
        .map(|tool| {
            let (p, q) = (a.share(tool), b.share(tool));
            let middle = f64::midpoint(p, q);
            0.5 * (surprise(p, middle) + surprise(q, middle))
        })
        .sum();
    // Rounding may leave the divergence of equal or disjoint distributions a hair outside its range.
    1.0 - divergence.clamp(0.0, 1.0)
}

/// p·log₂(p/m), the limit 0 at p = 0.
fn surprise(p: f64, middle: f64) -> f64 {
    if p > 0.0 { p * (p / middle).log2() } else { 0.0 }
}

/// F1 of the two multisets of tools called: 2·|common| / (|student| + |teacher|); 1 if neither called any.
///
/// Calls are counted as in [`ToolUse`]. (The reward's `tool_f1` is over *sets* of *strict* calls.)
pub fn tool_f1(student: &Trajectory, teacher: &Trajectory) -> f64 {
    let (student, teacher) = (sorted_tools(student), sorted_tools(teacher));
    if student.is_empty() && teacher.is_empty() {
        return 1.0;
    }
    2.0 * shared(&student, &teacher) as f64 / (student.len() + teacher.len()) as f64
}

fn sorted_tools(attempt: &Trajectory) -> Vec<&str> {
    let mut tools: Vec<&str> = attempt.lenient_calls().map(|call| call.name.as_str()).collect();
    tools.sort_unstable();
    tools
}

/// Calls that name a tool the task does not offer, and all calls, unreadable ones included.
///
/// The name is looked at in the lenient reading, so that breaking the format does not hide it.
pub fn hallucinated_calls(task: &Task, attempt: &Trajectory) -> (usize, usize) {
    let offered = |name: &str| task.tools.iter().any(|tool| tool.name == name);
    let bad = attempt.lenient_calls().filter(|call| !offered(&call.name)).count();
    (bad, attempt.records().count())
}
