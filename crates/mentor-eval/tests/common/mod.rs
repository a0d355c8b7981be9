//! Short notation for tasks and attempts.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by tests of which none uses everything; a test fails by panicking"
)]

use mentor_trajectory::{
    Call, CallRecord, Ending, Judge, Observation, Plan, Reading, Split, Task, ToolSpec, Trajectory, Turn,
};
use serde_json::{Map, Value};

/// `add 2 3` as a call of `add` with `a` = 2 and `b` = 3; a lone number is called `x`.
pub fn call(text: &str) -> Call {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap().to_owned();
    let values: Vec<Value> = words.map(|word| serde_json::from_str(word).unwrap()).collect();
    let names: &[&str] = if values.len() == 1 { &["x"] } else { &["a", "b", "c"] };
    let arguments: Map<String, Value> = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
    Call { name, arguments }
}

/// A task with the plans given (calls separated by `;`), offering add, subtract, multiply and sqrt.
pub fn task(judge: Judge, answer: &str, plans: &[&str]) -> Task {
    let calls = |plan: &str| plan.split(';').filter(|text| !text.trim().is_empty()).map(call).collect();
    let tool =
        |name: &str| ToolSpec { name: name.into(), description: String::new(), parameters: Value::Null };
    Task {
        id: "t".into(),
        suite: "s".into(),
        split: Split::Test,
        question: String::new(),
        tools: ["add", "subtract", "multiply", "sqrt"].map(tool).to_vec(),
        answer: answer.into(),
        judge,
        plans: plans.iter().map(|plan| Plan { calls: calls(plan) }).collect(),
        world: Value::Null,
    }
}

/// A record: `add 2 3` succeeds; `!` before it makes it fail, `~` makes it a repaired one, `-` leaves it unanswered; `?` is
/// unreadable, `%` recoverable.
pub fn record(text: &str) -> CallRecord {
    let text = text.trim();
    let (mark, rest) = match text.chars().next() {
        Some(mark @ ('!' | '~' | '-' | '?' | '%')) => (mark, &text[1..]),
        _ => (' ', text),
    };
    let reading = match mark {
        '?' => Reading::Unusable,
        '%' => Reading::Recoverable,
        '~' => Reading::Repaired,
        _ => Reading::Strict,
    };
    let ok = !matches!(mark, '!' | '?' | '%');
    CallRecord {
        raw: text.into(),
        span: (0, text.len()),
        reading,
        faults: vec![],
        call: (reading != Reading::Unusable).then(|| call(rest)),
        observation: (mark != '-').then(|| Observation { content: String::new(), ok }),
    }
}

/// An attempt with one call a turn (separated by `;`) and, if it ended, a last turn of the given text.
pub fn attempt(calls: &str, ending: Ending, last: &str) -> Trajectory {
    let mut turns: Vec<Turn> = calls
        .split(';')
        .filter(|text| !text.trim().is_empty())
        .map(|text| Turn { calls: vec![record(text)], closed: true, ..Turn::default() })
        .collect();
    if ending == Ending::Ended {
        turns.push(Turn { text: last.into(), content: last.into(), closed: true, ..Turn::default() });
    }
    Trajectory { id: "i".into(), task_id: "t".into(), source: "test".into(), turns, ending }
}
