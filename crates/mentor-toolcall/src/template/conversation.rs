//! What a chat template is given, with transformers' checks and preparations.

use indexmap::IndexMap;
use jiff::civil::DateTime;
use minijinja::Value;

use super::{PyJson, TemplateError};

/// The names a message's reasoning goes by; the first is the one templates read.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// What transformers appends to a message that is to be continued, to find its end again.
const CONTINUE_TAG: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// A conversation and what else a chat template is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The messages, prepared as transformers prepares them: without keys whose value is `null`, and with a message's
    /// reasoning (`reasoning_content`, `thinking` or `reasoning`) under the names that templates read.
    pub(super) messages: Vec<PyJson>,
    /// The tools as `OpenAI` function definitions.
    pub tools: Option<Vec<PyJson>>,
    /// Documents to answer from.
    pub documents: Option<Vec<PyJson>>,
    /// More variables for the template, among them the checkpoint's special tokens (`bos_token` and so on).
    pub variables: IndexMap<String, PyJson>,
    /// Whether to end with what opens an assistant's turn.
    pub add_generation_prompt: bool,
    /// The field of the last message that the model is to continue, most often `content`: nothing follows it then.
    pub continue_final_message: Option<String>,
    /// The local time, for templates that ask for it.
    pub now: Option<DateTime>,
}

impl Conversation {
    /// A conversation of messages, an array of objects, and nothing else.
    pub fn new(messages: impl Into<PyJson>) -> Result<Self, TemplateError> {
        let PyJson::Array(messages) = messages.into() else {
            return Err(TemplateError::input("`messages` is no array"));
        };
        Ok(Self { messages: prepared(messages)?, ..Self::default() })
    }

    /// Reads `{"messages", "tools"?, "documents"?, "add_generation_prompt"?, "continue_final_message"?, "variables"?}`,
    /// the arguments of `apply_chat_template`.
    ///
    /// Arguments found among the variables count as such, as they do in Python's call.
    pub fn from_json(object: &PyJson) -> Result<Self, TemplateError> {
        let mut variables = match object.get("variables") {
            None | Some(PyJson::Null) => IndexMap::new(),
            Some(PyJson::Object(variables)) => variables.clone(),
            Some(_) => return Err(TemplateError::input("`variables` is no object")),
        };
        let mut argument = |name: &str| {
            let among_variables = variables.shift_remove(name);
            object.get(name).cloned().or(among_variables).filter(|value| *value != PyJson::Null)
        };
        let mut list = |name: &str| match argument(name) {
            None => Ok(None),
            Some(PyJson::Array(items)) => Ok(Some(items)),
            Some(_) => Err(TemplateError::input(format!("`{name}` is no array"))),
        };
        let messages = list("messages")?.ok_or_else(|| TemplateError::input("`messages` is missing"))?;
        let (tools, documents) = (list("tools")?, list("documents")?);
        let add_generation_prompt = match argument("add_generation_prompt") {
            None => false,
            Some(PyJson::Bool(value)) => value,
            Some(_) => return Err(TemplateError::input("`add_generation_prompt` is neither true nor false")),
        };
        let continue_final_message = match argument("continue_final_message") {
            None | Some(PyJson::Bool(false)) => None,
            Some(PyJson::Bool(true)) => Some("content".to_owned()),
            Some(PyJson::String(field)) => Some(field),
            Some(_) => return Err(TemplateError::input("`continue_final_message` names no field")),
        };
        let messages = prepared(messages)?;
        Ok(Self {
            messages,
            tools,
            documents,
            variables,
            add_generation_prompt,
            continue_final_message,
            now: None,
        })
    }

    /// The messages, as they were prepared.
    pub fn messages(&self) -> &[PyJson] {
        &self.messages
    }

    pub(super) fn check(&self) -> Result<(), TemplateError> {
        if self.messages.is_empty() {
            return Err(TemplateError::input("`messages` is empty"));
        }
        if self.continue_final_message.is_some() && self.add_generation_prompt {
            return Err(TemplateError::input(
                "continue_final_message and add_generation_prompt exclude each other",
            ));
        }
        Ok(())
    }

    /// The variables of the template; a variable of the caller replaces none of transformers' own.
    pub(super) fn variables(&self, messages: &[PyJson]) -> Vec<(&str, Value)> {
        let list = |items: &[PyJson]| Value::from(items.iter().map(PyJson::to_template).collect::<Vec<_>>());
        let optional = |items: &Option<Vec<PyJson>>| items.as_deref().map_or_else(|| Value::from(()), list);
        let given = self.variables.iter().map(|(name, value)| (name.as_str(), value.to_template()));
        given
            .chain([
                ("messages", list(messages)),
                ("tools", optional(&self.tools)),
                ("documents", optional(&self.documents)),
                ("add_generation_prompt", Value::from(self.add_generation_prompt)),
            ])
            .collect()
    }

    /// The conversation with its end marked, if its last message is to be continued.
    pub(super) fn continued(&self, template: &str) -> Result<Option<Continued>, TemplateError> {
        let Some(field) = self.continue_final_message.as_deref() else { return Ok(None) };
        let mut messages = self.messages.clone();
        let Some(PyJson::Object(last)) = messages.last_mut() else { return Ok(None) };
        let Some(value) = last.get(field).cloned() else {
            return Err(TemplateError::input(format!("the last message has no `{field}` to continue")));
        };
        let fields: Vec<&str> = if REASONING.contains(&field) {
            REASONING.into_iter().filter(|name| last.get(*name) == Some(&value)).collect()
        } else {
            vec![field]
        };
        if !fields.iter().any(|name| template.contains(name)) {
            return Err(TemplateError::input(format!(
                "the template reads no `{field}` that could be continued"
            )));
        }
        let nothing = || TemplateError::input("the last message has no text to continue");
        let text = match value {
            PyJson::String(text) => {
                for name in fields {
                    last.insert(name.to_owned(), PyJson::String(format!("{text}{CONTINUE_TAG}")));
                }
                text
            }
            PyJson::Array(_) => {
                let Some(PyJson::Array(blocks)) = last.get_mut(field) else { return Err(nothing()) };
                let block = blocks.iter_mut().rev().find_map(|block| match block {
                    PyJson::Object(block) => block.get_mut("text"),
                    _ => None,
                });
                let Some(PyJson::String(text)) = block else { return Err(nothing()) };
                let before = text.clone();
                text.push_str(CONTINUE_TAG);
                before
            }
            _ => return Err(nothing()),
        };
        Ok(Some(Continued { messages, text }))
    }
}

/// A conversation whose last message carries a mark at its end.
pub(super) struct Continued {
    pub messages: Vec<PyJson>,
    text: String,
}

impl Continued {
    /// Cuts a rendered conversation at the mark, as transformers does.
    pub fn cut(&self, rendered: &mut String) -> Result<(), TemplateError> {
        let found = rendered.rfind(CONTINUE_TAG.trim_end());
        let Some(end) = found.filter(|_| rendered.contains(super::methods::strip(&self.text, None))) else {
            let message = "the template does not show the message that is to be continued as it is";
            return Err(TemplateError::input(message));
        };
        let kept_space = rendered[end..].starts_with(CONTINUE_TAG);
        rendered.truncate(end);
        if !kept_space {
            rendered.truncate(super::methods::strip_end(rendered, None).len());
        }
        Ok(())
    }
}

fn prepared(messages: Vec<PyJson>) -> Result<Vec<PyJson>, TemplateError> {
    messages
        .into_iter()
        .enumerate()
        .map(|(index, message)| match message {
            PyJson::Object(message) => Ok(PyJson::Object(with_reasoning(
                message.into_iter().filter(|(_, value)| *value != PyJson::Null).collect(),
            ))),
            _ => Err(TemplateError::input(format!("message {index} is no object"))),
        })
        .collect()
}

/// Gives a message's reasoning the names that templates read: `thinking` goes first if it is new, as in transformers.
fn with_reasoning(mut message: IndexMap<String, PyJson>) -> IndexMap<String, PyJson> {
    let Some(reasoning) = REASONING.iter().find_map(|name| message.get(*name)).cloned() else {
        return message;
    };
    // Python's `{"thinking": …, **message}`: the key goes first, with the message's own value if it has one.
    match message.get_index_of("thinking") {
        Some(index) => message.move_index(index, 0),
        None => drop(message.shift_insert(0, "thinking".to_owned(), reasoning.clone())),
    }
    message.insert("reasoning_content".to_owned(), reasoning);
    message
}
