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
//! A line that cannot be read gives `{"id", "error"}` in its place, the rest is scored all the same, and the exit status is 1.
#![expect(clippy::print_stderr, reason = "an example prints")]

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use mentor_reward::wire::{Attempt, reply};
use serde_json::{Value, json};

fn main() -> io::Result<ExitCode> {
    let (mut input, mut output) = (io::stdin().lock(), io::BufWriter::new(io::stdout().lock()));
    // Lines of bytes: one that is no UTF-8 is an error in its place, not the end of the rest.
    let (mut line, mut number, mut broken) = (Vec::new(), 0_usize, 0_usize);
    while input.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        if !line.trim_ascii().is_empty() {
            let replied = answered(&line).unwrap_or_else(|(id, error)| {
                broken += 1;
                json!({"id": id, "error": format!("line {number}: {error}")})
            });
            writeln!(output, "{replied}")?;
        }
        line.clear();
    }
    output.flush()?;
    if broken > 0 {
        eprintln!("{broken} of {number} lines could not be read; each has an `error` in the output");
    }
    Ok(ExitCode::from(u8::from(broken > 0)))
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
