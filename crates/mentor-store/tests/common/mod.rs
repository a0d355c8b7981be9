//! Tasks and attempts for tests.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use mentor_trajectory::{
    Call, CallRecord, Ending, Judge, Observation, Plan, Reading, Split, Task, ToolSpec, Trajectory, Turn,
};
use serde_json::{Value, json};

pub fn task(id: &str, split: Split) -> Task {
    let call = Call { name: "add".into(), arguments: arguments(&json!({"a": 2, "b": 0.1})) };
    Task {
        id: id.into(),
        suite: "arithmetic".into(),
        split,
        question: "How much is 2 + 0.1?".into(),
        tools: vec![ToolSpec {
            name: "add".into(),
            description: "Adds.".into(),
            // Parameters in an order that is not the alphabet's.
            parameters: json!({"type": "object", "properties": {"b": {"type": "number"}, "a": {"type": "number"}}}),
        }],
        answer: "2.1".into(),
        judge: Judge::Answer,
        plans: vec![Plan { calls: vec![call] }],
        world: Value::Null,
    }
}

pub fn arguments(value: &Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// An attempt at a task; `number` tells attempts apart.
pub fn attempt(task_id: &str, number: usize) -> Trajectory {
    let raw = r#"<tool_call>{"name": "add", "arguments": {"b": 0.1, "a": 2}}</tool_call>"#;
    let first = Turn {
        text: raw.into(),
        calls: vec![CallRecord {
            raw: raw.into(),
            span: (0, raw.len()),
            reading: Reading::Strict,
            faults: vec![],
            call: Some(Call {
                name: "add".into(),
                arguments: arguments(&json!({"b": 0.1, "a": 2 + number})),
            }),
            observation: Some(Observation { content: "2.1".into(), ok: true }),
        }],
        closed: true,
        ..Turn::default()
    };
    let last = "It is \\boxed{2.1}.".to_owned();
    let turns = vec![first, Turn { text: last.clone(), content: last, closed: true, ..Turn::default() }];
    let (id, task_id) = (format!("{task_id}/{number}"), task_id.to_owned());
    Trajectory { id, task_id, source: "scripted".into(), turns, ending: Ending::Ended }
}
