//! What a checkpoint's tokenizer files say about its chats.

use std::{fs, path::Path};

use indexmap::IndexMap;

use crate::response::ResponseTemplate;

use super::{Detected, PyJson, TemplateError, TemplateErrorKind, detect};

/// The special tokens that templates can name.
const NAMED_TOKENS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// A checkpoint's chat templates and special tokens.
///
/// ```
/// use mentor_toolcall::template::{Checkpoint, PyJson};
///
/// let config = PyJson::parse(
///     r#"{"eos_token": {"content": "</s>"}, "chat_template": [
///         {"name": "default", "template": "{{ messages[0].content }}{{ eos_token }}"},
///         {"name": "tool_use", "template": "[TOOL_CALLS] [{{ eos_token }}"}]}"#,
/// )?;
/// let checkpoint = Checkpoint::from_config(&config)?;
/// assert_eq!(checkpoint.source(None, true)?, "[TOOL_CALLS] [{{ eos_token }}");
/// assert_eq!(checkpoint.format().map(|found| found.id), Some("mistral"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// The templates by name; a checkpoint with one calls it `default`.
    pub templates: IndexMap<String, String>,
    /// The special tokens that templates name (`bos_token`, `eos_token`, …), to be given as variables.
    pub special_tokens: IndexMap<String, PyJson>,
    /// The tokens added to the vocabulary.
    pub added_tokens: Vec<String>,
    /// The declaration by which outputs are read, if there is one; see [`crate::response`].
    pub response_template: Option<PyJson>,
}

impl Checkpoint {
    /// Reads `tokenizer_config.json` in a folder, `chat_template.jinja` beside it and `chat_templates/*.jinja`, which
    /// replace the templates of the former.
    pub fn open(folder: &Path) -> Result<Self, TemplateError> {
        let path = folder.join("tokenizer_config.json");
        let text = read(&path)?;
        let config = PyJson::parse(&text).map_err(|error| unusable(&path, &error.to_string()))?;
        let mut checkpoint = Self::from_config(&config).map_err(|error| unusable(&path, &error.message))?;
        let mut files = IndexMap::new();
        let default = folder.join("chat_template.jinja");
        if default.is_file() {
            files.insert("default".to_owned(), read(&default)?);
        }
        let mut others: Vec<_> = fs::read_dir(folder.join("chat_templates"))
            .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
            .unwrap_or_default();
        others.sort();
        for path in
            others.iter().filter(|path| path.extension().is_some_and(|extension| extension == "jinja"))
        {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, read(path)?);
        }
        if !files.is_empty() {
            checkpoint.templates = files;
        }
        Ok(checkpoint)
    }

    /// Reads the object of a `tokenizer_config.json`. Tokens are strings or objects with `content`.
    pub fn from_config(config: &PyJson) -> Result<Self, TemplateError> {
        let invalid = |key: &str, what: &str| {
            TemplateError::new(TemplateErrorKind::Checkpoint, format!("`{key}` {what}"))
        };
        let token = |key: &str| {
            let value = config.get(key).filter(|value| **value != PyJson::Null)?;
            Some(value.as_str().or_else(|| value.get("content").and_then(PyJson::as_str)))
        };
        let mut special_tokens = IndexMap::new();
        for key in NAMED_TOKENS {
            if let Some(token) = token(key) {
                let token =
                    token.ok_or_else(|| invalid(key, "is neither a string nor an object with `content`"))?;
                special_tokens.insert(key.to_owned(), PyJson::String(token.to_owned()));
            }
        }
        let mut templates = IndexMap::new();
        match config.get("chat_template") {
            None | Some(PyJson::Null) => {}
            Some(PyJson::String(source)) => {
                templates.insert("default".to_owned(), source.clone());
            }
            Some(PyJson::Array(named)) => {
                for template in named {
                    let text = |key| template.get(key).and_then(PyJson::as_str);
                    let (Some(name), Some(source)) = (text("name"), text("template")) else {
                        return Err(invalid(
                            "chat_template",
                            "lists a template without `name` or `template`",
                        ));
                    };
                    templates.insert(name.to_owned(), source.to_owned());
                }
            }
            Some(_) => return Err(invalid("chat_template", "is neither a template nor a list of them")),
        }
        let added_tokens = match config.get("added_tokens_decoder") {
            Some(PyJson::Object(tokens)) => tokens
                .values()
                .filter_map(|token| token.get("content")?.as_str())
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        };
        let response_template =
            config.get("response_template").filter(|template| **template != PyJson::Null).cloned();
        Ok(Self { templates, special_tokens, added_tokens, response_template })
    }

    /// A template's source: the one of that name; without a name `tool_use` where tools are offered and there is one,
    /// else `default`.
    pub fn source(&self, name: Option<&str>, with_tools: bool) -> Result<&str, TemplateError> {
        let found = match name {
            Some(name) => self.templates.get(name),
            None => self
                .templates
                .get("tool_use")
                .filter(|_| with_tools)
                .or_else(|| self.templates.get("default")),
        };
        found.map(String::as_str).ok_or_else(|| {
            let names: Vec<&str> = self.templates.keys().map(String::as_str).collect();
            let wanted = name.unwrap_or("default");
            let message = format!("there is no chat template `{wanted}`; there are: {}", names.join(", "));
            TemplateError::new(TemplateErrorKind::Checkpoint, message)
        })
    }

    /// The format in which the checkpoint writes tool calls, if its templates or else its added tokens tell.
    pub fn format(&self) -> Option<Detected> {
        let templates = ["tool_use", "default"].into_iter().filter_map(|name| self.templates.get(name));
        templates
            .chain(self.templates.values())
            .find_map(|source| detect::from_template(source))
            .or_else(|| detect::from_tokens(&self.added_tokens))
    }

    /// How the checkpoint's outputs are read by its own declaration, if it has one.
    pub fn response(&self) -> Result<Option<ResponseTemplate>, TemplateError> {
        self.response_template.as_ref().map(ResponseTemplate::new).transpose()
    }
}

fn read(path: &Path) -> Result<String, TemplateError> {
    fs::read_to_string(path).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, what: &str) -> TemplateError {
    TemplateError::new(TemplateErrorKind::Checkpoint, format!("{}: {what}", path.display()))
}
