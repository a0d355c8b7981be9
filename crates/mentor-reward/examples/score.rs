//! A filter: JSON lines in, JSON lines out, one attempt a line.
//!
//! In: `{"id", "reward", "response", "ended", "answer", "tools": [names], "teacher_tools": [names]}`
//! Out: `{"id", "total", "parts": [{"name", "value", "weight", "reason"}]}`
//!
//! - `reward` is a preset's name, a table as TOML text, or a table as a JSON object.
//! - `response` is what followed the prompt in the Qwen/Hermes form: the assistant's turns and the observations between
//!   them ([`mentor_reward::read_response`]). An observation is exactly what stands between `<|im_end|>\n<|im_start|>user\n` and the next
//!   `<|im_start|>assistant\n`; a `<tool_response>` anywhere else is the student's own text.
//! - `ended` says whether a stop token closed the last turn. A last turn that holds a call did not end all the same.
//! - `answer` is the gold answer; the box is compared with it as mathematics.
//! - `teacher_tools` are the teacher's calls by name, in order. Their arguments are unknown then: `arguments` has nothing
//!   to ask for, and `call_sequence_equal` holds for calls without arguments only.
//!
//! These may be there or not:
//! - `teacher_calls`, `[{"name", "arguments"}]`: the teacher's calls whole, instead of `teacher_tools`;
//! - `other_teacher_tools`: another task's, for `shuffled`;
//! - `correct`: whether the attempt is right, where something else than the box decides that.
//!
//! A line that cannot be read gives `{"id", "error"}` in its place, and the exit status 1 at the end.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use mentor_reward::{Case, Reward, Score, answer_correct, read_response, score};
use mentor_trajectory::{Call, CallRecord, Ending, Judge, Reading, Split, Task, ToolSpec, Trajectory, Turn};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Line {
    reward: Value,
    response: String,
    ended: bool,
    answer: String,
    tools: Vec<String>,
    #[serde(default)]
    teacher_tools: Option<Vec<String>>,
    #[serde(default)]
    teacher_calls: Option<Vec<Call>>,
    #[serde(default)]
    other_teacher_tools: Option<Vec<String>>,
    #[serde(default)]
    correct: Option<bool>,
}

fn main() -> std::io::Result<ExitCode> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut status = ExitCode::SUCCESS;
    // Lines of bytes: one that is no UTF-8 is an error in its place, not the end of the rest.
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let value: Result<Value, _> = serde_json::from_slice(&line);
        let id = value.as_ref().ok().and_then(|value| value.get("id")).cloned().unwrap_or_default();
        match value.map_err(|error| format!("not JSON: {error}")).and_then(scored) {
            Ok(score) => serde_json::to_writer(
                &mut output,
                &json!({"id": id, "total": score.total, "parts": score.parts}),
            )?,
            Err(error) => {
                status = ExitCode::FAILURE;
                serde_json::to_writer(&mut output, &json!({"id": id, "error": error}))?;
            }
        }
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(status)
}

fn scored(line: Value) -> Result<Score, String> {
    let line: Line =
        serde_json::from_value(line).map_err(|error| format!("not a line as described: {error}"))?;
    let reward = reward(&line.reward)?;
    let task = task(&line.tools, line.answer);
    let student = read_response(&line.response, line.ended);
    let teacher = match (line.teacher_calls, line.teacher_tools) {
        (Some(calls), _) => called(calls),
        (None, Some(tools)) => called(by_name(&tools)),
        (None, None) => return Err("not a line as described: missing field `teacher_tools`".to_owned()),
    };
    let placebo = line.other_teacher_tools.as_deref().map(|tools| called(by_name(tools)));
    let correct = line.correct.unwrap_or_else(|| answer_correct(&task, &student));
    let case = Case { placebo: placebo.as_ref(), ..Case::new(&task, &student, &teacher, correct) };
    Ok(score(&reward, &case))
}

fn reward(value: &Value) -> Result<Reward, String> {
    let Some(text) = value.as_str() else {
        let reward: Reward =
            serde_json::from_value(value.clone()).map_err(|error| format!("reward: {error}"))?;
        return reward.check("reward").map(|()| reward).map_err(|error| error.to_string());
    };
    match Reward::preset(text) {
        Some(preset) => Ok(preset),
        None if text.contains('=') => Reward::from_toml(text, "reward").map_err(|error| error.to_string()),
        None => Err(format!("reward: no preset {text:?}; there are {}", Reward::preset_names().join(", "))),
    }
}

fn task(tools: &[String], answer: String) -> Task {
    let tool =
        |name: &String| ToolSpec { name: name.clone(), description: String::new(), parameters: Value::Null };
    Task {
        id: String::new(),
        suite: String::new(),
        split: Split::Train,
        question: String::new(),
        tools: tools.iter().map(tool).collect(),
        answer,
        judge: Judge::Answer,
        plans: Vec::new(),
        world: Value::Null,
    }
}

/// Calls known by their names alone.
fn by_name(tools: &[String]) -> Vec<Call> {
    tools.iter().map(|name| Call { name: name.clone(), arguments: Map::new() }).collect()
}

/// A teacher's attempt of which nothing but the calls is known.
fn called(calls: Vec<Call>) -> Trajectory {
    let record = |call: Call| CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Strict,
        faults: Vec::new(),
        call: Some(call),
        observation: None,
    };
    let turn = Turn { calls: calls.into_iter().map(record).collect(), closed: true, ..Turn::default() };
    Trajectory {
        id: String::new(),
        task_id: String::new(),
        source: "teacher".into(),
        turns: vec![turn],
        ending: Ending::Ended,
    }
}
