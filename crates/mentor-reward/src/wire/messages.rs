//! An attempt from chat messages: what an engine has that parses tool calls itself.

use mentor_toolcall::{Format, Options, parse, read_turn};
use mentor_trajectory::{CallRecord, Ending, Observation, Trajectory, Turn};
use serde_json::{Value, json};

use super::{WireError, fault, kind, object, optional};
use crate::response::reports_error;

/// Reads what followed the prompt as messages: `{"role": "assistant", "content", "reasoning_content"?, "tool_calls"?}` and
/// `{"role": "tool", "content", "tool_call_id"?}`.
///
/// Each assistant's message is a turn. Its calls are those in its text (Hermes form) and those in `tool_calls`, as
/// `{"function": {"name", "arguments"}}` or flat, with arguments as an object or a string of JSON, which is diagnosed. A
/// tool's message answers the call of its `tool_call_id`, or else the first without an answer, calls in `tool_calls` first.
/// Other roles are passed over. A content may be text, null, or a list of parts with `text`. `ended` says whether a stop token
/// closed the last message; with a call in it, or a tool's message behind it, the attempt did not end all the same.
///
/// # Errors
/// A message that is no message, by its place. What the model wrote is never an error.
pub fn read_messages(messages: &[Value], ended: bool) -> Result<Trajectory, WireError> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut asked = Asked::default();
    let mut awaits_turn = false;
    let last = messages.iter().rposition(|message| role(message) == Some("assistant"));
    for (index, message) in messages.iter().enumerate() {
        let within = |error: WireError| error.within(&format!("[{index}]"));
        match role(message) {
            Some("assistant") => {
                let (turn, structured) = turn(message, ended || Some(index) != last).map_err(within)?;
                asked = structured;
                turns.push(turn);
                awaits_turn = false;
            }
            Some("tool") => {
                let content = text_of(message.get("content")).map_err(within)?;
                let id = message.get("tool_call_id").and_then(Value::as_str);
                if let Some(turn) = turns.last_mut() {
                    asked.answer(&mut turn.calls, id, content);
                }
                awaits_turn = true;
            }
            Some(_) => {}
            None => return Err(within(fault("role", "is missing: `assistant` or `tool`"))),
        }
    }
    let holds_call = turns.last().is_some_and(|turn| !turn.calls.is_empty());
    let ending = match ended && !turns.is_empty() {
        _ if holds_call || awaits_turn => Ending::TurnLimit,
        true => Ending::Ended,
        false => Ending::TokenLimit,
    };
    Ok(Trajectory { id: String::new(), task_id: String::new(), source: "messages".into(), turns, ending })
}

fn role(message: &Value) -> Option<&str> {
    message.get("role")?.as_str()
}

/// Text, or the texts of a list of parts.
pub(crate) fn text_of(content: Option<&Value>) -> Result<String, WireError> {
    match content {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            Ok(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<String>())
        }
        Some(other) => Err(fault("content", format!("is {}, not text or a list of parts", kind(other)))),
    }
}

/// The calls of the last turn that came in `tool_calls`: where they begin, and their identifiers.
#[derive(Default)]
struct Asked {
    first: usize,
    ids: Vec<Option<String>>,
}

impl Asked {
    fn answer(&self, calls: &mut [CallRecord], id: Option<&str>, content: String) {
        let named = id.and_then(|id| self.ids.iter().position(|known| known.as_deref() == Some(id)));
        let structured = self.first..calls.len();
        let open = |place: &usize| calls[*place].observation.is_none();
        let place = named.map(|place| self.first + place).filter(open);
        let place = place.or_else(|| structured.chain(0..self.first).find(open));
        if let Some(record) = place.and_then(|place| calls.get_mut(place)) {
            record.observation = Some(Observation { ok: !reports_error(&content), content });
        }
    }
}

/// The turn of an assistant's message, and which of its calls came in `tool_calls`.
fn turn(message: &Value, closed: bool) -> Result<(Turn, Asked), WireError> {
    let fields = object(message, "message")?;
    let mut turn = read_turn(&text_of(fields.get("content"))?, closed);
    if let Some(reasoning) = optional::<String>(fields, "reasoning_content")? {
        turn.reasoning.insert_str(0, &reasoning);
    }
    let first = turn.calls.len();
    let listed: Vec<Value> = optional(fields, "tool_calls")?.unwrap_or_default();
    if listed.is_empty() {
        return Ok((turn, Asked { first, ids: Vec::new() }));
    }
    let ids = listed.iter().map(|call| call.get("id")?.as_str().map(str::to_owned)).collect();
    // Read as the text an OpenAI message is, each call on its own line, so that a broken one is diagnosed and none can
    // say anything about another.
    for call in &listed {
        let text = json!({"tool_calls": [spelt(call)]}).to_string();
        let mut read = parse(openai(), &text, Options::default()).into_turn(&text, true);
        let shift = turn.text.len() + 1;
        turn.text.push('\n');
        turn.text.push_str(&text);
        // One listed call is one record, whatever became of it.
        let Some(mut record) = (!read.calls.is_empty()).then(|| read.calls.swap_remove(0)) else { continue };
        record.span = (record.span.0 + shift, record.span.1 + shift);
        turn.calls.push(record);
    }
    Ok((turn, Asked { first, ids }))
}

fn openai() -> Format {
    "openai".parse().expect("the format is one of those known")
}

/// A call as `OpenAI` spells it: arguments as a string. An engine that hands them over as an object has read them already.
fn spelt(call: &Value) -> Value {
    let function = call.get("function").unwrap_or(call);
    let arguments = match function.get("arguments") {
        Some(Value::String(text)) => Value::String(text.clone()),
        Some(Value::Null) | None => Value::String("{}".to_owned()),
        Some(value) => Value::String(value.to_string()),
    };
    json!({"type": "function", "function": {"name": function.get("name"), "arguments": arguments}})
}
