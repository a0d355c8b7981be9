//! `OpenRLHF`'s remote reward: `{"query": […], "prompts": […], "labels": […]}` in, `{"rewards": […], "scores": […],
//! "extra_logs": {name: […]}}` out (`--reward.remote_url`, version 0.11).
//!
//! - `query[i]` is prompt and response decoded with special tokens; `prompts[i]` is the prompt. What follows it is the
//!   response, in the Qwen/Hermes form.
//! - `labels[i]` is the gold side: an object with the keys of the [table](super), or the same as a string of JSON, or a plain
//!   answer. With a plain answer no tool is on offer and the teacher called none.
//! - The response has ended if it closes with a stop token (`<|im_end|>`, `<|endoftext|>`, `</s>`), or as `ended` in the
//!   label says.
//! - `extra_logs` has every gate and term of the reward by name, each time, with what it brought: their sum is the reward.

use serde_json::{Map, Value, json};

use super::{Gold, WireError, contributions, each, fault, kind, object, optional};
use crate::{Reward, Score, read_response, score};

const STOPS: [&str; 3] = ["<|im_end|>", "<|endoftext|>", "</s>"];

/// Where an assistant's turn begins in a rendered prompt.
const ASSISTANT: &str = "<|im_start|>assistant\n";

/// Answers a request.
///
/// # Errors
/// The field at fault; nothing is scored then.
pub fn answer(request: &Value, reward: &Reward) -> Result<Value, WireError> {
    let fields = object(request, "the request")?;
    let list = |name: &str| {
        optional::<Vec<Value>>(fields, name)?
            .ok_or_else(|| fault(name, "is missing: a list, one entry a sample"))
    };
    let (queries, prompts, labels) = (list("query")?, list("prompts")?, list("labels")?);
    for (name, other) in [("prompts", &prompts), ("labels", &labels)] {
        if other.len() != queries.len() {
            return Err(fault(name, format!("has {} entries, query has {}", other.len(), queries.len())));
        }
    }
    let at = |index: usize| {
        let (query, prompt) = (text("query", index, &queries)?, text("prompts", index, &prompts)?);
        let response = response(query, prompt).ok_or_else(|| {
            fault(
                &format!("query[{index}]"),
                "does not hold its prompt, so that nothing says where the response begins",
            )
        })?;
        let (gold, ended) =
            label(&labels[index]).map_err(|error| error.within(&format!("labels[{index}]")))?;
        Ok(scored(response, gold, ended, reward))
    };
    let scores = each(queries.len(), at)?;
    let rewards: Vec<f64> = scores.iter().map(|score| score.total).collect();
    Ok(json!({"rewards": rewards, "scores": rewards, "extra_logs": logs(reward, &scores)}))
}

fn text<'a>(name: &str, index: usize, list: &'a [Value]) -> Result<&'a str, WireError> {
    let value = &list[index];
    value
        .as_str()
        .ok_or_else(|| fault(&format!("{name}[{index}]"), format!("is {}, not a string", kind(value))))
}

fn scored(response: &str, gold: Gold, ended: Option<bool>, reward: &Reward) -> Score {
    let trimmed = response.trim_end();
    let stop = STOPS.iter().find_map(|stop| trimmed.strip_suffix(stop));
    let student = read_response(stop.unwrap_or(response), ended.unwrap_or(stop.is_some()));
    score(reward, &gold.hold(student).case())
}

/// What follows the prompt. A tokenizer may have changed the prompt on its way (a token before it, a space), so if it is not
/// found as it is, the response begins behind as many assistants' headers as the prompt has.
fn response<'a>(query: &'a str, prompt: &str) -> Option<&'a str> {
    if let Some(place) = query.find(prompt) {
        return Some(&query[place + prompt.len()..]);
    }
    let turns = prompt.matches(ASSISTANT).count();
    let (place, header) = query.match_indices(ASSISTANT).nth(turns.checked_sub(1)?)?;
    Some(&query[place + header.len()..])
}

/// The gold side, and whether the response ended if the label says so.
fn label(label: &Value) -> Result<(Gold, Option<bool>), WireError> {
    let written = label.as_str().filter(|text| text.trim_start().starts_with('{'));
    let parsed: Option<Map<String, Value>> = written.and_then(|text| serde_json::from_str(text).ok());
    if let Some(fields) = parsed.as_ref().or(label.as_object()) {
        return Ok((Gold::read(fields)?, optional(fields, "ended")?));
    }
    let answer = match label {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return Err(fault("", format!("is {}, not an answer or an object", kind(other)))),
    };
    Ok((Gold { answer, ..Gold::default() }, None))
}

fn logs(reward: &Reward, scores: &[Score]) -> Map<String, Value> {
    let mut logs: Map<String, Value> = Map::new();
    for score in scores {
        for (name, amount) in contributions(reward, score) {
            if let Value::Array(list) = logs.entry(name).or_insert_with(|| json!([])) {
                list.push(json!(amount));
            }
        }
    }
    logs
}
