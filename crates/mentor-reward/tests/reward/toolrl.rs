//! `ToolRL`'s reward against the plain-Python version of `fixtures/reward/toolrl.py`, from text.

use super::common::{attempt, task, unpacked};
use mentor_reward::{Case, Reward, read_response, score};
use mentor_trajectory::{Call, CallRecord, Reading, Trajectory, Turn};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    response: String,
    tools: Vec<String>,
    teacher_calls: Vec<Call>,
    total: f64,
}

fn taught(calls: Vec<Call>) -> Trajectory {
    let record = |call: Call| CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Strict,
        faults: vec![],
        call: Some(call),
        observation: None,
    };
    let turn = Turn { calls: calls.into_iter().map(record).collect(), ..Turn::default() };
    Trajectory { turns: vec![turn], ..attempt(&[]) }
}

#[test]
fn every_text_is_paid_what_python_pays() {
    let reward = Reward::preset("toolrl").unwrap();
    let mut formed = 0;
    let text = unpacked(include_bytes!("../../fixtures/toolrl.jsonl.gz"));
    for (number, line) in (1..).zip(text.lines()) {
        let row: Row = serde_json::from_str(line).unwrap();
        let tools: Vec<&str> = row.tools.iter().map(String::as_str).collect();
        let student = read_response(&row.response, true);
        let score = score(&reward, &Case::new(&task(&tools), &student, &taught(row.teacher_calls), false));
        assert!(
            (score.total - row.total).abs() < 1e-12,
            "line {number}: {} in Python, here {score:?}",
            row.total
        );
        formed += u32::from(score.parts[0].value == 1.0);
    }
    assert!((100..350).contains(&formed), "{formed} of 400 texts have the form");
}
