//! Attempts and tasks for tests, built by hand: no parser stands between a test and what it claims.

use std::io::Read;

use flate2::read::GzDecoder;
use mentor_trajectory::{
    Call, CallRecord, Ending, Judge, Observation, Plan, Reading, Split, Task, ToolSpec, Trajectory, Turn,
};
use serde_json::{Map, Value, json};

pub fn task(tools: &[&str]) -> Task {
    Task {
        id: "task".into(),
        suite: "arithmetic".into(),
        split: Split::Train,
        question: "How much?".into(),
        tools: tools
            .iter()
            .map(|name| ToolSpec {
                name: (*name).into(),
                description: String::new(),
                parameters: json!({"type": "object", "properties": {}}),
            })
            .collect(),
        answer: "5".into(),
        judge: Judge::Answer,
        plans: vec![Plan { calls: vec![] }],
        world: Value::Null,
    }
}

pub fn record(reading: Reading, name: Option<&str>, arguments: Option<&Map<String, Value>>) -> CallRecord {
    CallRecord {
        raw: "<tool_call>…</tool_call>".into(),
        span: (0, 0),
        reading,
        faults: vec![],
        call: name.map(|name| Call { name: name.into(), arguments: arguments.cloned().unwrap_or_default() }),
        observation: None,
    }
}

/// An attempt that makes one strict call a turn, with words before it and an answer after it, and then boxes 5.
pub fn attempt(calls: &[(&str, Value)]) -> Trajectory {
    let mut turns: Vec<Turn> = calls
        .iter()
        .map(|(name, arguments)| {
            let content = "A tool helps.\n".to_owned();
            let raw =
                format!("<tool_call>\n{{\"name\": {name:?}, \"arguments\": {arguments}}}\n</tool_call>");
            let call = CallRecord {
                span: (content.len(), content.len() + raw.len()),
                raw: raw.clone(),
                observation: Some(Observation { content: "5".into(), ok: true }),
                ..record(Reading::Strict, Some(name), arguments.as_object())
            };
            Turn { text: content.clone() + &raw, content, calls: vec![call], closed: true, ..Turn::default() }
        })
        .collect();
    let last = "The answer is \\boxed{5}.".to_owned();
    turns.push(Turn { text: last.clone(), content: last, closed: true, ..Turn::default() });
    Trajectory {
        id: "attempt".into(),
        task_id: "task".into(),
        source: "test".into(),
        turns,
        ending: Ending::Ended,
    }
}

/// A fixture's text.
pub fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).expect("a fixture that was packed whole");
    text
}
