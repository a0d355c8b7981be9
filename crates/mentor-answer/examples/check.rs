//! Reads JSON lines `{"id", "gold", "pred"}` (contents of boxes) and writes `{"id", "verdict", "reason"}`.
//!
//! `echo '{"id": 1, "gold": "1/2", "pred": "0.5"}' | cargo run --release -p mentor-answer --example check`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{error::Error, io};

use mentor_answer::{Options, Verdict, compare};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        let input: Value = serde_json::from_str(&line?)?;
        let text = |field: &str| input[field].as_str().ok_or(format!("a line has no string `{field}`"));
        let comparison = compare(text("gold")?, text("pred")?, &Options::default());
        let verdict = match comparison.verdict {
            Verdict::Equal => "equal",
            Verdict::Different => "different",
            Verdict::Unknown => "unknown",
        };
        println!("{}", json!({"id": input["id"], "verdict": verdict, "reason": comparison.reason}));
    }
    Ok(())
}
