//! Reads JSON lines `{"id", "text"}` (one assistant turn each, Hermes format) and writes what they hold.
//!
//! `echo '{"id": 1, "text": "<tool_call>{\"name\": \"now\",}"}' | cargo run --release -p mentor-toolcall --example parse`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{error::Error, io};

use mentor_toolcall::hermes;
use mentor_trajectory::{Call, CallRecord};
use serde_json::{Value, json};

fn call(record: &CallRecord, call: Option<&Call>) -> Value {
    json!({
        "name": call.map(|call| &call.name),
        "arguments": call.map(|call| &call.arguments),
        "status": record.reading,
        "repairs": record.faults,
        "span": record.span,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        let input: Value = serde_json::from_str(&line?)?;
        let parsed = hermes::parse(input["text"].as_str().ok_or("a line has no string `text`")?);
        let strict = parsed.calls.iter().filter_map(|record| Some(call(record, Some(record.strict()?))));
        let output = json!({
            "id": input["id"],
            "text": parsed.content,
            "reasoning": parsed.reasoning,
            "calls": parsed.calls.iter().map(|record| call(record, record.call.as_ref())).collect::<Vec<_>>(),
            "strict": strict.collect::<Vec<_>>(),
        });
        println!("{output}");
    }
    Ok(())
}
