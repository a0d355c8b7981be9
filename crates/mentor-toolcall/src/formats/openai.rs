//! `OpenAI` JSON: an assistant message as the chat-completions API has it,
//! `{"tool_calls": [{"id": "…", "type": "function", "function": {"name": "f", "arguments": "{…}"}}]}`.
//!
//! `arguments` is a *string* that holds the object. To the letter: the message is the first thing in the turn, has
//! `tool_calls`, and besides it at most `role` and a `content` that is null or empty; each call has a `function` with
//! exactly the strings `name` and `arguments`, and perhaps `id`, `type` and `index`. Content beside calls is
//! [an extra key](crate::Fault::ExtraKey), since it is no text of the turn. An object without `tool_calls` is content.

use std::fmt::Write as _;

use mentor_trajectory::Call;

use super::{
    Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, name_of, object_call, tagged::spread, write,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Members, Reader, write_object, write_string},
};

pub(super) static SPEC: Spec = Spec {
    id: "openai",
    aliases: &[],
    families: "the chat-completions API",
    thinking: ("<think>", "</think>"),
    opens: &["{"],
    closes: &["}"],
    read,
    write: Write { calls, observations, tools: write::definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if !unit.place.line_start {
        return Ok(unit.no_call());
    }
    let mut around = Faults::default();
    if !unit.place.blank {
        around.add(Fault::BareCall);
    }
    let mut reader = Reader::new(unit.text, unit.start, unit.text.len(), None);
    let message = reader.object(1);
    unit.settle(&reader)?;
    around.extend(&reader.faults);
    let mut message = match message {
        Ok(message) => message,
        Err(halt) => {
            if !unit.text[unit.start..reader.at].contains("\"tool_calls\"") {
                return Ok(unit.no_call());
            }
            around.add(halt.fault);
            drafts.push(Draft {
                span: (unit.start, unit.text.len()),
                arguments: Some(object_call::nothing()),
                faults: around,
                ..Draft::default()
            });
            unit.ended()?;
            return Ok(Step::Calls(unit.text.len()));
        }
    };
    let end = reader.at;
    let Some((Json::Array(_), list)) = message.take("tool_calls") else { return Ok(Step::Text(end)) };
    let role = message.take("role").map(|(role, _)| role);
    let content = message.take("content").map(|(content, _)| content);
    let empty = |value: &Json| *value == Json::Null || *value == Json::String(String::new());
    if !message.pairs.is_empty()
        || !content.as_ref().is_none_or(empty)
        || !role.is_none_or(|role| role == Json::String("assistant".to_owned()))
    {
        around.add(Fault::ExtraKey);
    }
    items(unit.text, list, drafts);
    if drafts.is_empty() {
        return Ok(Step::Markup(end));
    }
    spread(drafts, (unit.start, end), &around);
    Ok(Step::Calls(end))
}

/// Reads the items of a list once more, now for where they stand; it is known to be whole.
fn items(text: &str, (from, to): (usize, usize), drafts: &mut Vec<Draft>) {
    let mut at = from + 1;
    loop {
        let mut reader = Reader::new(text, at, to, None);
        reader.skip_space();
        let start = reader.at;
        match reader.peek() {
            Some(b',') => at = start + 1,
            Some(b'{') => {
                let Ok(members) = reader.object(1) else { return };
                drafts.push(Draft { span: (start, reader.at), ..call(text, members) });
                at = reader.at;
            }
            Some(byte) if byte != b']' => {
                if reader.value(1).is_err() {
                    return;
                }
                let faults = Fault::NoObject.into();
                let arguments = Some(object_call::nothing());
                drafts.push(Draft { span: (start, reader.at), arguments, faults, ..Draft::default() });
                at = reader.at;
            }
            _ => return,
        }
    }
}

/// What one item of `tool_calls` says.
fn call(text: &str, mut members: Members) -> Draft {
    let mut faults = Faults::default();
    let id = match members.take("id") {
        Some((Json::String(id), _)) => Some(id),
        _ => None,
    };
    for key in ["type", "index"] {
        members.take(key);
    }
    let mut function = if let Some((Json::Object(_), (from, to))) = members.take("function") {
        Reader::new(text, from, to, None).object(1).unwrap_or_default()
    } else {
        faults.add(Fault::SiblingForm);
        std::mem::take(&mut members)
    };
    let name = object_call::name(function.take("name"), true, &mut faults);
    let given = function.take("arguments");
    let arguments_span = given.as_ref().map(|(_, span)| *span);
    let arguments = match given {
        Some((Json::String(text), _)) => object_call::string_encoded(&text, &mut faults),
        Some((Json::Object(arguments), _)) => {
            faults.add(Fault::ArgumentsNotEncoded);
            Some(arguments)
        }
        Some((other, _)) => object_call::arguments(other, &mut faults),
        None => {
            faults.add(Fault::NoArguments);
            None
        }
    };
    if !members.pairs.is_empty() || !function.pairs.is_empty() {
        faults.add(Fault::ExtraKey);
    }
    let arguments = Some(Json::Object(arguments.unwrap_or_default()));
    Draft { name, arguments_span, arguments, id, faults, ..Draft::default() }
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str("{\"tool_calls\": [");
    for (index, call) in calls.iter().enumerate() {
        write::separate(", ", index, out);
        let _ = write!(out, "{{\"id\": \"call_{index}\", \"type\": \"function\", \"function\": {{\"name\": ");
        write_string(name_of(SPEC.id, call)?, out);
        out.push_str(", \"arguments\": ");
        let mut arguments = String::new();
        write_object(&call.arguments, &mut arguments);
        write_string(&arguments, out);
        out.push_str("}}");
    }
    out.push_str("]}");
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (place, Observed { index, content, .. }) in observed.iter().enumerate() {
        write::separate("\n", place, out);
        let _ = write!(out, "{{\"role\": \"tool\", \"tool_call_id\": \"call_{index}\", \"content\": ");
        write_string(content, out);
        out.push('}');
    }
}
