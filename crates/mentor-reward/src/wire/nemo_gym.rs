//! NeMo-Gym's resources server: `POST /seed_session` and `POST /verify` (version 0.4).
//!
//! `/verify` gets `{"responses_create_params": {"input", "tools"?}, "response": {"output": […]}, …}` and gives the same back
//! with `reward`, and `reward_components`: every gate and term by name, with what it brought.
//!
//! - The attempt is `response.output`, items of `OpenAI`'s Responses API: `message`, `reasoning`, `function_call`,
//!   `function_call_output`. It has ended unless `response.status` is `incomplete` or `response.incomplete_details` is there.
//! - The gold side, with the keys of the [table](super), stands in the row's own fields beside `response`, or under
//!   `verifier_metadata`; `expected_answer` is read as `answer`. Tools on offer are `responses_create_params.tools` unless
//!   `tools` says otherwise; without teacher's calls the teacher called none.

use serde_json::{Map, Value, json};

use super::messages::text_of;
use super::{Gold, WireError, contributions, fault, kind, object, read_messages};
use crate::{Reward, score};

/// The reply to `/seed_session`: there is no state, so nothing is to be set up.
pub fn seed_session() -> Value {
    json!({})
}

/// Answers `/verify`.
///
/// # Errors
/// The field at fault.
pub fn verify(request: &Value, reward: &Reward) -> Result<Value, WireError> {
    let fields = object(request, "the request")?;
    let response =
        fields.get("response").ok_or_else(|| fault("response", "is missing: OpenAI's Response object"))?;
    let response = object(response, "response")?;
    let output = match response.get("output") {
        Some(Value::Array(items)) => items,
        Some(other) => return Err(fault("response.output", format!("is {}, not a list", kind(other)))),
        None => return Err(fault("response.output", "is missing: the list of items")),
    };
    let cut = response.get("incomplete_details").is_some_and(|details| !details.is_null())
        || response.get("status").and_then(Value::as_str) == Some("incomplete");
    let messages = messages(output).map_err(|error| error.within("response.output"))?;
    let student = read_messages(&messages, !cut).map_err(|error| error.within("response.output"))?;
    let held = Gold::read(&gold(fields))?.hold(student);
    let score = score(reward, &held.case());
    let mut reply = fields.clone();
    reply.insert("reward".to_owned(), json!(score.total));
    let components: Map<String, Value> =
        contributions(reward, &score).map(|(name, amount)| (name.to_owned(), json!(amount))).collect();
    reply.insert("reward_components".to_owned(), Value::Object(components));
    Ok(Value::Object(reply))
}

/// The gold side's fields wherever they stand; those of the row go before those of `verifier_metadata`.
fn gold(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut gold = fields.get("verifier_metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    gold.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone())));
    if let Some(answer) = gold.get("expected_answer").cloned() {
        gold.entry("answer").or_insert(answer);
    }
    if let Some(tools) = fields.get("responses_create_params").and_then(|params| params.get("tools")) {
        gold.entry("tools").or_insert_with(|| tools.clone());
    }
    gold
}

/// Items of the Responses API as chat messages: what the model wrote up to a tool's output is one message.
fn messages(items: &[Value]) -> Result<Vec<Value>, WireError> {
    let mut messages: Vec<Value> = Vec::new();
    let mut open: Option<Written> = None;
    for (index, item) in items.iter().enumerate() {
        let within = |error: WireError| error.within(&format!("[{index}]"));
        let field = |name: &str| item.get(name).cloned().unwrap_or(Value::Null);
        match item.get("type").and_then(Value::as_str) {
            // A message needs no type.
            Some("message") | None => {
                let role = item.get("role").and_then(Value::as_str);
                match role.ok_or_else(|| within(fault("type", "is missing")))? {
                    "assistant" => {
                        let text = text_of(item.get("content")).map_err(within)?;
                        open.get_or_insert_default().content.push_str(&text);
                    }
                    _ => messages.extend(open.take().map(Written::message)),
                }
            }
            Some("reasoning") => {
                for part in ["summary", "content"] {
                    let text = text_of(item.get(part)).map_err(within)?;
                    open.get_or_insert_default().reasoning.push_str(&text);
                }
            }
            Some("function_call") => {
                let call =
                    json!({"id": field("call_id"), "name": field("name"), "arguments": field("arguments")});
                open.get_or_insert_default().calls.push(call);
            }
            Some("function_call_output") => {
                messages.extend(open.take().map(Written::message));
                let (id, content) = (field("call_id"), field("output"));
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
            }
            // Other items (a search, an image) are neither words nor calls.
            Some(_) => {}
        }
    }
    messages.extend(open.take().map(Written::message));
    Ok(messages)
}

/// What the model wrote since the last output of a tool.
#[derive(Default)]
struct Written {
    reasoning: String,
    content: String,
    calls: Vec<Value>,
}

impl Written {
    fn message(self) -> Value {
        json!({
            "role": "assistant",
            "content": self.content,
            "reasoning_content": self.reasoning,
            "tool_calls": self.calls,
        })
    }
}
