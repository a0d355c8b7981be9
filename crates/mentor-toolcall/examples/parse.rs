//! Reads JSON lines `{"id", "format", "text", "tools"?, "chunks"?}`, one assistant turn each, and writes what they hold.
//!
//! ```text
//! echo '{"id": 1, "format": "hermes", "text": "<tool_call>{\"name\": \"now\",}</tool_call>"}' |
//!     cargo run --release -p mentor-toolcall --all-features --example parse
//! ```
//!
//! `format` is a format's id, a `response_template` (transformers' declaration, as an object), or, as `checkpoint` in its
//! place, a folder with a checkpoint's tokenizer files, which tell either. With a declaration, `prefix` may give the prompt
//! that the model went on from.
//!
//! `calls` is the lenient reading with its diagnosis: calls whose `status` is `strict` or `repaired` are what an
//! environment executes. `strict` is what a reward pays for. With `chunks` they are fed one by one; together they must
//! be `text`; a declaration is applied when the last one is there, since its patterns may look ahead to the end. A line that
//! cannot be used gives `{"id", "error"}`, and the exit status is 1 at the end.

use std::{
    io::{self, BufRead as _, Write as _},
    path::Path,
    process::ExitCode,
};

use mentor_toolcall::{
    Format, Options, Parsed, ParsedCall, Parser, Stage, Tools, parse,
    response::ResponseTemplate,
    template::{Checkpoint, PyJson},
};
use mentor_trajectory::Reading;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// The identifier of a line, as it is written.
#[derive(Deserialize)]
struct Id<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Failure<'a> {
    id: Option<&'a RawValue>,
    error: String,
}

#[derive(Serialize)]
struct Output<'a> {
    id: Option<&'a RawValue>,
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

/// By what a text is read.
enum Reader {
    Format(Format),
    Declared(Box<ResponseTemplate>),
}

fn reader(input: &Value) -> Result<Reader, String> {
    let format = |id: &str| id.parse().map(Reader::Format).map_err(|error| format!("`format`: {error}"));
    match (&input["format"], &input["checkpoint"]) {
        (Value::String(id), Value::Null) => format(id),
        (declaration @ Value::Object(_), Value::Null) => {
            let template = ResponseTemplate::new(&PyJson::from(declaration));
            template.map(Box::new).map(Reader::Declared).map_err(|error| format!("`format`: {error}"))
        }
        (Value::Null, Value::String(folder)) => {
            let error = |error: &dyn std::fmt::Display| format!("`checkpoint`: {error}");
            let checkpoint = Checkpoint::open(Path::new(folder)).map_err(|kind| error(&kind))?;
            if let Some(template) = checkpoint.response().map_err(|kind| error(&kind))? {
                return Ok(Reader::Declared(Box::new(template)));
            }
            let detected = checkpoint.format().ok_or_else(|| {
                error(&"neither its chat template nor its tokens tell a format; name one as `format`")
            })?;
            format(detected.id)
        }
        _ => {
            Err("the line has neither a `format` (an id or a response template) nor a `checkpoint`, or both"
                .to_owned())
        }
    }
}

fn read(input: &Value) -> Result<Parsed, String> {
    let text = input["text"].as_str().ok_or("the line has no string `text`")?;
    let reader = reader(input)?;
    let tools = match &input["tools"] {
        Value::Null => None,
        tools => Some(Tools::from_openai(tools).map_err(|error| format!("`tools`: {error}"))?),
    };
    let chunks = chunks(input, text)?;
    let format = match reader {
        Reader::Format(format) => format,
        Reader::Declared(template) => {
            let prefix = input["prefix"].as_str().unwrap_or_default();
            return Ok(template.parse(text, prefix, tools.as_ref()));
        }
    };
    let options = Options { tools: tools.as_ref(), ..Options::default() };
    let Some(chunks) = chunks else { return Ok(parse(format, text, options)) };
    let mut parser = Parser::new(format, options);
    let mut events = Vec::new();
    for chunk in chunks {
        events.extend(parser.feed(chunk));
    }
    events.extend(parser.finish());
    Ok(events.into_iter().collect())
}

/// The chunks in which the text is to be fed, if any are given.
fn chunks<'a>(input: &'a Value, text: &str) -> Result<Option<Vec<&'a str>>, String> {
    let Some(chunks) = input.get("chunks").filter(|chunks| !chunks.is_null()) else { return Ok(None) };
    let chunks: Option<Vec<&str>> =
        chunks.as_array().and_then(|chunks| chunks.iter().map(Value::as_str).collect());
    let chunks = chunks.ok_or("`chunks` is no list of strings")?;
    if chunks.concat() != text {
        return Err("`chunks` do not concatenate to `text`".to_owned());
    }
    Ok(Some(chunks))
}

fn answer(line: &str, id: Option<&RawValue>) -> Result<String, String> {
    let input: Value = serde_json::from_str(line).map_err(|error| format!("the line is no JSON: {error}"))?;
    let parsed = read(&input)?;
    let calls: Vec<OutputCall> = parsed.calls.iter().map(output_call).collect::<Result<_, _>>()?;
    let strict = calls.iter().filter(|call| call.status == Reading::Strict).cloned().collect();
    let output = Output { id, text: parsed.content, reasoning: parsed.reasoning, calls, strict };
    serde_json::to_string(&output).map_err(|error| error.to_string())
}

fn main() -> io::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().split(b'\n') {
        let line = String::from_utf8(line?);
        if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        let id = line.as_ref().ok().and_then(|line| serde_json::from_str::<Id<'_>>(line).ok()?.id);
        let answer = match &line {
            Ok(line) => answer(line, id),
            Err(error) => Err(format!("the line is no UTF-8: {error}")),
        };
        match answer {
            Ok(output) => writeln!(out, "{output}")?,
            Err(error) => {
                serde_json::to_writer(&mut out, &Failure { id, error })?;
                out.write_all(b"\n")?;
                status = ExitCode::FAILURE;
            }
        }
        // Whoever feeds lines one by one waits for each answer.
        out.flush()?;
    }
    Ok(status)
}
