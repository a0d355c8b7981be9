//! A response as calls, content and reasoning: what the formats with a parser of their own give.

use super::{Response, ResponseTemplate};
use crate::{
    Fault, Json, Parsed, ParsedCall, Tools, call::Draft, fault::Faults, formats::object_call,
    template::PyJson,
};

/// The message's field that holds the calls.
pub(super) const CALLS: &str = "tool_calls";

/// The names a message's reasoning goes by.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

impl ResponseTemplate {
    /// Reads a model's output as [`parse`](crate::parse) reads a format's: `content`, the reasoning and `tool_calls` of the
    /// message. Other fields are left out; [`read`](Self::read) gives them all.
    ///
    /// A declaration knows no repairs: a call is to the letter, or a fault says why it could not be read. Arguments in a
    /// string that holds the object are taken out of it, and that is [named](Fault::StringEncodedArguments).
    pub fn parse(&self, text: &str, prefix: &str, tools: Option<&Tools>) -> Parsed {
        let definitions: Vec<PyJson> = tools.map_or(&[][..], Tools::specs).iter().map(definition).collect();
        let Response { message, call_spans, faults } = self.read(text, prefix, &definitions);
        let string = |name: &str| message.get(name).and_then(PyJson::as_str);
        let given = message.get(CALLS).and_then(PyJson::as_array).unwrap_or_default();
        let mut calls: Vec<ParsedCall> = given
            .iter()
            .zip(call_spans)
            .map(|(call, span)| read_call(call, (span.start, span.end)))
            .collect();
        for fault in faults.into_iter().filter(|fault| fault.field == CALLS) {
            let span = (fault.span.start, fault.span.end);
            let draft = Draft {
                span,
                arguments: Some(object_call::nothing()),
                faults: Fault::SyntaxError.into(),
                ..Draft::default()
            };
            calls.push(ParsedCall { violations: vec![fault.message], ..draft.finish("", 0) });
        }
        calls.sort_by_key(|call| call.span);
        if let Some(tools) = tools {
            for call in &mut calls {
                tools.check(call);
            }
        }
        Parsed {
            reasoning: REASONING.into_iter().find_map(string).unwrap_or_default().to_owned(),
            content: string("content").unwrap_or_default().to_owned(),
            calls,
        }
    }
}

fn definition(tool: &mentor_trajectory::ToolSpec) -> PyJson {
    serde_json::json!({"type": "function", "function": {"name": tool.name, "parameters": tool.parameters}})
        .into()
}

/// A call of a message, with or without `function` around it.
fn read_call(call: &PyJson, span: (usize, usize)) -> ParsedCall {
    let function = call.get("function").unwrap_or(call);
    let mut faults = Faults::default();
    let name = match function.get("name") {
        Some(PyJson::String(name)) if !name.is_empty() => Some(name.clone()),
        Some(PyJson::String(_)) => fault(&mut faults, Fault::EmptyName),
        Some(_) => fault(&mut faults, Fault::NameNotString),
        None => fault(&mut faults, Fault::MissingName),
    };
    let arguments = match function.get("arguments") {
        Some(given) => object_call::arguments(json(given, &mut faults), &mut faults),
        None => fault(&mut faults, Fault::NoArguments),
    };
    let arguments = Json::Object(arguments.unwrap_or_default());
    let id = call.get("id").and_then(PyJson::as_str).map(str::to_owned);
    let text = arguments.to_string();
    let draft = Draft { span, name, arguments: Some(arguments), id, faults, ..Draft::default() };
    ParsedCall { arguments_text: text, ..draft.finish("", 0) }
}

fn fault<T>(faults: &mut Faults, fault: Fault) -> Option<T> {
    faults.add(fault);
    None
}

/// The same without loss; a number that JSON does not have becomes `null`, and that is named.
fn json(value: &PyJson, faults: &mut Faults) -> Json {
    match value {
        PyJson::Null => Json::Null,
        PyJson::Bool(flag) => Json::Bool(*flag),
        PyJson::Int(value) => Json::Number(value.to_string().into()),
        PyJson::BigInt(digits) => Json::Number(digits.as_str().into()),
        PyJson::Float(value) => {
            let number = serde_json::Number::from_f64(*value).map(serde_json::Value::Number);
            if number.is_none() {
                faults.add(Fault::NanOrInfinity);
            }
            number.as_ref().map_or(Json::Null, Json::from)
        }
        PyJson::String(text) => Json::String(text.clone()),
        PyJson::Array(items) => Json::Array(items.iter().map(|item| json(item, faults)).collect()),
        PyJson::Object(map) => {
            Json::Object(map.iter().map(|(key, value)| (key.clone(), json(value, faults))).collect())
        }
    }
}
