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
//! [`mentor_reward::wire`] has the rest of what a line may say (messages instead of a text, the step of a schedule).
//!
//! A line that cannot be read gives `{"id", "error"}` in its place, and the exit status 1 at the end.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use mentor_reward::wire::{Attempt, reply};
use serde_json::{Value, json};

fn main() -> std::io::Result<ExitCode> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut status = ExitCode::SUCCESS;
    // Lines of bytes: one that is no UTF-8 is an error in its place, not the end of the rest.
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let replied = answered(&line).unwrap_or_else(|(id, error)| {
            status = ExitCode::FAILURE;
            json!({"id": id, "error": error})
        });
        serde_json::to_writer(&mut output, &replied)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(status)
}

/// The reply to a line, or its id and what is wrong with it.
fn answered(line: &[u8]) -> Result<Value, (Value, String)> {
    let line: Value =
        serde_json::from_slice(line).map_err(|error| (Value::Null, format!("not JSON: {error}")))?;
    let id = line.get("id").cloned().unwrap_or_default();
    match Attempt::read(&line).and_then(|attempt| attempt.score(None)) {
        Ok(score) => Ok(reply(&id, &score)),
        Err(error) => Err((id, error.to_string())),
    }
}
