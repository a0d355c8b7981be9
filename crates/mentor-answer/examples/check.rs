//! Reads JSON lines `{"id", "gold", "pred"}` (contents of boxes) and writes `{"id", "verdict", "reason"}`.
//!
//! `echo '{"id": 1, "gold": "1/2", "pred": "0.5"}' | cargo run --release -p mentor-answer --example check`
//!
//! A line that is no such object gives `{"id", "error"}`, the rest is judged all the same, and the exit status is 1.
#![expect(clippy::print_stderr, reason = "an example prints")]

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use mentor_answer::{Options, Verdict, compare};
use serde_json::{Value, json};

fn main() -> io::Result<ExitCode> {
    let (mut input, mut output) = (io::stdin().lock(), io::BufWriter::new(io::stdout().lock()));
    let (mut line, mut number, mut broken) = (Vec::new(), 0_usize, 0_usize);
    while input.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        if !line.trim_ascii().is_empty() {
            let judged = judged(&line).unwrap_or_else(|(id, error)| {
                broken += 1;
                json!({"id": id, "error": format!("line {number}: {error}")})
            });
            writeln!(output, "{judged}")?;
        }
        line.clear();
    }
    output.flush()?;
    if broken > 0 {
        eprintln!("{broken} of {number} lines could not be read; each has an `error` in the output");
    }
    Ok(ExitCode::from(u8::from(broken > 0)))
}

/// The output for a line, or its id, if it has one, and what is wrong with it.
fn judged(line: &[u8]) -> Result<Value, (Value, String)> {
    let input: Value =
        serde_json::from_slice(line).map_err(|error| (Value::Null, format!("not JSON: {error}")))?;
    let text = |field: &str| {
        let missing =
            || (input["id"].clone(), format!("no string `{field}`; give {{\"id\", \"gold\", \"pred\"}}"));
        input[field].as_str().ok_or_else(missing)
    };
    let comparison = compare(text("gold")?, text("pred")?, &Options::default());
    let verdict = match comparison.verdict {
        Verdict::Equal => "equal",
        Verdict::Different => "different",
        Verdict::Unknown => "unknown",
    };
    Ok(json!({"id": input["id"], "verdict": verdict, "reason": comparison.reason}))
}
