//! A filter: JSON lines in, JSON lines out, one attempt a line.
//!
//! In: `{"id", "reward", "response", "ended", "answer", "tools": [names], "teacher_tools": [names]}`
//! Out: `{"id", "total", "parts": [{"name", "value", "weight", "reason"}]}`
//!
//! - `reward` is a preset's name, a table as TOML text, or a table as a JSON object.
//! - `response` is what followed the prompt in the Qwen/Hermes form: the assistant's turns and the observations between
//!   them. An observation is exactly what stands between `<|im_end|>\n<|im_start|>user\n` and the next
//!   `<|im_start|>assistant\n`; a `<tool_response>` anywhere else is the student's own text.
//! - `ended` says whether a stop token closed the last turn. A last turn that holds a call did not end all the same.
//! - `answer` is the gold answer; the box is compared with it as mathematics.
//! - `teacher_tools` are the teacher's calls by name, in order. Their arguments are unknown here, so `arguments` has
//!   nothing to ask for, and `call_sequence_equal` holds for calls without arguments only.
//! - `other_teacher_tools` (optional) are another task's, for `shuffled`.
//!
//! A line that cannot be read gives `{"id", "error"}` in its place, and the exit status 1 at the end.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use mentor_reward::{Case, Reward, Score, answer_correct, score};
use mentor_toolcall::read_turn;
use mentor_trajectory::{Call, CallRecord, Ending, Judge, Reading, Split, Task, ToolSpec, Trajectory, Turn};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const TO_USER: &str = "<|im_end|>\n<|im_start|>user\n";
const TO_ASSISTANT: &str = "<|im_start|>assistant\n";
const STOP: &str = "<|im_end|>";

#[derive(Deserialize)]
struct Line {
    reward: Value,
    response: String,
    ended: bool,
    answer: String,
    tools: Vec<String>,
    teacher_tools: Vec<String>,
    #[serde(default)]
    other_teacher_tools: Option<Vec<String>>,
}

fn main() -> std::io::Result<ExitCode> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut status = ExitCode::SUCCESS;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        let id = value.get("id").cloned().unwrap_or_default();
        match scored(value) {
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
    let student = student(&line.response, line.ended);
    let teacher = called(&line.teacher_tools);
    let placebo = line.other_teacher_tools.as_deref().map(called);
    let correct = answer_correct(&task, &student);
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

/// The assistant's turns of a response; a response that stops in an observation has no turn after it.
fn turns(response: &str) -> (Vec<&str>, bool) {
    let mut turns = Vec::new();
    let mut rest = response;
    loop {
        let Some((turn, after)) = rest.split_once(TO_USER) else {
            let unclosed = rest.trim_end_matches('\n').strip_suffix(STOP);
            turns.push(unclosed.unwrap_or(rest));
            return (turns, true);
        };
        turns.push(turn);
        let Some((_observation, next)) = after.split_once(TO_ASSISTANT) else { return (turns, false) };
        rest = next;
    }
}

fn student(response: &str, ended: bool) -> Trajectory {
    let (texts, last_is_assistant) = turns(response);
    let last = texts.len() - 1;
    let turns: Vec<Turn> =
        texts.iter().enumerate().map(|(index, text)| read_turn(text, index < last || ended)).collect();
    let holds_call = turns.last().is_none_or(|turn| !turn.calls.is_empty());
    let ending = match ended {
        _ if holds_call || !last_is_assistant => Ending::TurnLimit,
        true => Ending::Ended,
        false => Ending::TokenLimit,
    };
    Trajectory { id: String::new(), task_id: String::new(), source: "response".into(), turns, ending }
}

/// A teacher known by the names of its calls alone.
fn called(tools: &[String]) -> Trajectory {
    let record = |name: &String| CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Strict,
        faults: Vec::new(),
        call: Some(Call { name: name.clone(), arguments: Map::new() }),
        observation: None,
    };
    let turn = Turn { calls: tools.iter().map(record).collect(), closed: true, ..Turn::default() };
    Trajectory {
        id: String::new(),
        task_id: String::new(),
        source: "teacher".into(),
        turns: vec![turn],
        ending: Ending::Ended,
    }
}
