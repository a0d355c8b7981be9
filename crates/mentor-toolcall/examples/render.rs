//! Reads JSON lines `{"id", "template", "messages", "tools"?, "add_generation_prompt"?, "variables"?}` and renders each
//! conversation with its Jinja chat template, as Hugging Face transformers does.
//!
//! ```text
//! echo '{"id": 1, "template": "{% for m in messages %}{{ m.content }}{% endfor %}", "messages": [{"role": "user", "content": "é"}]}' |
//!     cargo run --release -p mentor-toolcall --all-features --example render
//! ```
//!
//! Writes `{"id", "text", "assistant_spans"}`, or `{"id", "error"}` with the message that the template raised, or why it
//! could not be rendered. `assistant_spans` are `[start, end)` in Unicode code points, as Python's string indices are;
//! `null`, with `assistant_spans_unknown` saying why, where they cannot be told.
//!
//! `variables` go to the template (`bos_token`, `enable_thinking`, …). As in `apply_chat_template`, `documents` and
//! `continue_final_message` may be given among them or beside them.

use std::{
    error::Error,
    io::{self, Write as _},
};

use jiff::ZonedDateTime;
use mentor_toolcall::template::{
    AssistantSpans, ChatTemplate, Conversation, PyJson, TemplateError, char_spans,
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for (number, line) in io::stdin().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let input = PyJson::parse(&line).map_err(|error| format!("line {}: {error}", number + 1))?;
        let id = input.get("id").map_or(Value::Null, PyJson::to_serde);
        let answer = match render(&input) {
            Ok(answer) => answer,
            Err(error) => json!({"error": error.to_string()}),
        };
        let mut object = json!({"id": id});
        if let (Value::Object(object), Value::Object(answer)) = (&mut object, answer) {
            object.extend(answer);
        }
        writeln!(out, "{object}")?;
    }
    Ok(())
}

fn render(input: &PyJson) -> Result<Value, Box<dyn Error>> {
    let template = input.get("template").and_then(PyJson::as_str).ok_or("a line has no string `template`")?;
    let template = ChatTemplate::new(template)?;
    let conversation = conversation(input)?;
    let rendered = template.render(&conversation)?;
    let spans = template.assistant_spans(&conversation, &rendered);
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

fn conversation(input: &PyJson) -> Result<Conversation, TemplateError> {
    let mut conversation = Conversation::from_json(input)?;
    conversation.now = Some(ZonedDateTime::now().datetime());
    Ok(conversation)
}
