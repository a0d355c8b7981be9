//! Reads JSON lines `{"id", "format", "text", "tools"?, "chunks"?}`, one assistant turn each, and writes what they hold.
//!
//! ```text
//! echo '{"id": 1, "format": "hermes", "text": "<tool_call>{\"name\": \"now\",}</tool_call>"}' |
//!     cargo run --release -p mentor-toolcall --all-features --example parse
//! ```
//!
//! `calls` is the lenient reading with its diagnosis: calls whose `status` is `strict` or `repaired` are what an
//! environment executes. `strict` is what a reward pays for. With `chunks` they are fed one by one; together they must
//! be `text`. A line that cannot be used gives `{"id", "error"}`, and the exit status is 1 at the end.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{io, process::ExitCode};

use mentor_toolcall::{Format, Options, Parsed, ParsedCall, Parser, Stage, Tools, parse};
use mentor_trajectory::Reading;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

#[derive(Serialize)]
struct Output {
    id: Value,
    text: String,
    reasoning: String,
    calls: Vec<OutputCall>,
    strict: Vec<OutputCall>,
}

#[derive(Clone, Serialize)]
struct OutputCall {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: Option<String>,
    /// Every digit kept; of a key given twice the last value.
    arguments: Box<RawValue>,
    arguments_text: String,
    status: Reading,
    stage: Stage,
    repairs: Vec<&'static str>,
    span: (usize, usize),
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<String>,
}

fn output_call(call: &ParsedCall) -> Result<OutputCall, String> {
    let arguments = RawValue::from_string(call.arguments().last_wins().to_string());
    Ok(OutputCall {
        id: call.id.clone(),
        name: (!call.name.is_empty()).then(|| call.name.clone()),
        arguments: arguments.map_err(|error| error.to_string())?,
        arguments_text: call.arguments_text.clone(),
        status: call.status,
        stage: call.stage,
        repairs: call.faults.iter().map(|fault| fault.name()).collect(),
        span: call.span,
        violations: call.violations.clone(),
    })
}

fn read(input: &Value) -> Result<Parsed, String> {
    let text = input["text"].as_str().ok_or("the line has no string `text`")?;
    let format = input["format"].as_str().ok_or("the line has no string `format`")?;
    let format: Format = format.parse().map_err(|error| format!("`format`: {error}"))?;
    let tools = match &input["tools"] {
        Value::Null => None,
        tools => Some(Tools::from_openai(tools).map_err(|error| format!("`tools`: {error}"))?),
    };
    let options = Options { tools: tools.as_ref(), ..Options::default() };
    let Some(chunks) = input.get("chunks").filter(|chunks| !chunks.is_null()) else {
        return Ok(parse(format, text, options));
    };
    let chunks: Option<Vec<&str>> =
        chunks.as_array().and_then(|chunks| chunks.iter().map(Value::as_str).collect());
    let chunks = chunks.ok_or("`chunks` is no list of strings")?;
    if chunks.concat() != text {
        return Err("`chunks` do not concatenate to `text`".to_owned());
    }
    let mut parser = Parser::new(format, options);
    let mut events = Vec::new();
    for chunk in chunks {
        events.extend(parser.feed(chunk));
    }
    events.extend(parser.finish());
    Ok(events.into_iter().collect())
}

fn answer(line: &str, id: &mut Value) -> Result<String, String> {
    let input: Value = serde_json::from_str(line).map_err(|error| format!("the line is no JSON: {error}"))?;
    *id = input["id"].clone();
    let parsed = read(&input)?;
    let calls: Vec<OutputCall> = parsed.calls.iter().map(output_call).collect::<Result<_, _>>()?;
    let strict = calls.iter().filter(|call| call.status == Reading::Strict).cloned().collect();
    let output = Output { id: id.clone(), text: parsed.content, reasoning: parsed.reasoning, calls, strict };
    serde_json::to_string(&output).map_err(|error| error.to_string())
}

fn main() -> io::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    for line in io::stdin().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let mut id = Value::Null;
        match answer(&line, &mut id) {
            Ok(output) => println!("{output}"),
            Err(error) => {
                println!("{}", json!({"id": id, "error": error}));
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}
