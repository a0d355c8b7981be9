//! Judges tool calls as BFCL does, JSON lines in and out: `cargo run --release -p mentor-eval --example bfcl < cases.jsonl`.
//!
//! `{"id", "category", "functions", "calls": [{name: {argument: value}}], "possible_answer": [{name: {argument: [values]}}]}`
//! becomes `{"id", "valid", "error_type"}`. A line that is no case becomes `{"id", "error"}`, and the exit status is 1.
//! An optional `"underscore_to_dot": true` expects function names with `_` for `.`.

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;

use mentor_eval::bfcl::{Case, CaseError};
use serde_json::json;

/// Bytes of a line that is read.
const LONGEST_LINE: u64 = 64 << 20;

fn main() -> io::Result<ExitCode> {
    let mut input = io::BufReader::new(io::stdin().lock());
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut exit = ExitCode::SUCCESS;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let cut = line.len() as u64 == LONGEST_LINE && !line.ends_with(b"\n");
        if cut {
            input.skip_until(b'\n')?;
        } else if line.trim_ascii().is_empty() {
            continue;
        }
        match if cut { Err(too_long()) } else { Case::from_json(&String::from_utf8_lossy(&line)) } {
            Ok(case) => {
                let verdict = case.check();
                let (id, valid, error) = (case.id, verdict.valid, json!(verdict.error_type));
                writeln!(output, r#"{{"id":{id},"valid":{valid},"error_type":{error}}}"#)?;
            }
            Err(CaseError { id, message }) => {
                exit = ExitCode::FAILURE;
                writeln!(output, r#"{{"id":{id},"error":{}}}"#, json!(message))?;
            }
        }
        // Whoever waits for an answer before the next line gets it.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(exit)
}

fn too_long() -> CaseError {
    CaseError { id: "null".to_owned(), message: "line: longer than 64 MiB".to_owned() }
}
