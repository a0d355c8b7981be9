//! Reads JSON lines `{"id", "template", "messages", "tools"?, "add_generation_prompt"?, "variables"?}` and renders each
//! conversation with its Jinja chat template, as Hugging Face transformers does.
//!
//! ```text
//! echo '{"id": 1, "template": "{% for m in messages %}{{ m.content }}{% endfor %}", "messages": [{"role": "user", "content": "é"}]}' |
//!     cargo run --release -p mentor-toolcall --all-features --example render
//! ```
//!
//! Writes `{"id", "text", "assistant_spans"}`, or `{"id", "error"}` with the message that the template raised, or why it
//! could not be rendered; a line that is no conversation with a template also makes the exit status 1. `assistant_spans`
//! are `[start, end)` in Unicode code points, as Python's string indices are; `null`, with `assistant_spans_unknown`
//! saying why, where they cannot be told.
//!
//! `variables` go to the template (`bos_token`, `enable_thinking`, …). As in `apply_chat_template`, `documents` and
//! `continue_final_message` may be given among them or beside them.

use std::{
    error::Error,
    io::{self, BufRead as _, Write as _},
    process::ExitCode,
};

use jiff::ZonedDateTime;
use mentor_toolcall::template::{
    AssistantSpans, ChatTemplate, Conversation, PyJson, TemplateError, char_spans,
};
use serde_json::{Value, json};

fn main() -> io::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let input = read(&line);
        let id = input.as_ref().ok().and_then(|input| input.get("id")).map_or(Value::Null, PyJson::to_serde);
        let given = input.and_then(|input| given(&input));
        if given.is_err() {
            status = ExitCode::FAILURE;
        }
        let mut object = json!({"id": id});
        let answer = given.and_then(|(source, conversation)| Ok(render(&source, &conversation)?));
        let answer = answer.unwrap_or_else(|error| json!({"error": error.to_string()}));
        if let (Value::Object(object), Value::Object(answer)) = (&mut object, answer) {
            object.extend(answer);
        }
        writeln!(out, "{object}")?;
        // Whoever feeds lines one by one waits for each answer.
        out.flush()?;
    }
    Ok(status)
}

fn read(line: &[u8]) -> Result<PyJson, Box<dyn Error>> {
    Ok(PyJson::parse(std::str::from_utf8(line)?)?)
}

/// The template and the conversation of a line.
fn given(input: &PyJson) -> Result<(String, Conversation), Box<dyn Error>> {
    let source = input.get("template").and_then(PyJson::as_str).ok_or("a line has no string `template`")?;
    let mut conversation = Conversation::from_json(input)?;
    conversation.now = Some(ZonedDateTime::now().datetime());
    Ok((source.to_owned(), conversation))
}

fn render(source: &str, conversation: &Conversation) -> Result<Value, TemplateError> {
    let template = ChatTemplate::new(source)?;
    let rendered = template.render(conversation)?;
    let spans = template.assistant_spans(conversation, &rendered);
    let mut answer = json!({"text": rendered.text, "assistant_spans": null});
    match spans {
        AssistantSpans::Unknown(reason) => answer["assistant_spans_unknown"] = json!(reason),
        AssistantSpans::Generation(ranges) | AssistantSpans::Prefixes(ranges) => {
            let spans = char_spans(&rendered.text, &ranges);
            answer["assistant_spans"] = spans.iter().map(|span| json!([span.start, span.end])).collect();
        }
    }
    Ok(answer)
}
