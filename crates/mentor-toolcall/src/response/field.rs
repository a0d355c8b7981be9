//! The fields of a response template: their anchors, and what becomes of a region's value.

use indexmap::IndexMap;

use super::{content::Content, pattern::Pattern};
use crate::template::PyJson;

/// A field of the message.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub name: String,
    pub open: Option<Pattern>,
    pub close: Option<Pattern>,
    content: Content,
    repeats: bool,
    join: Option<String>,
    pub optional: bool,
    transform: Option<PyJson>,
    transform_each: bool,
}

const KEYS: [&str; 11] = [
    "open",
    "open_pattern",
    "close",
    "close_pattern",
    "content",
    "content_args",
    "repeats",
    "join",
    "optional",
    "transform",
    "transform_each",
];

impl Field {
    pub fn new(name: &str, field: &PyJson) -> Result<Self, String> {
        let PyJson::Object(field) = field else { return Err("it is no object".to_owned()) };
        if let Some(key) = field.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("unknown key `{key}`"));
        }
        let flag = |key: &str, default: bool| match field.get(key) {
            None => Ok(default),
            Some(PyJson::Bool(value)) => Ok(*value),
            Some(_) => Err(format!("`{key}` is neither true nor false")),
        };
        let join = match field.get("join") {
            None | Some(PyJson::Null) => None,
            Some(PyJson::String(text)) => Some(text.clone()),
            Some(_) => return Err("`join` is no string".to_owned()),
        };
        let repeats = flag("repeats", false)?;
        if join.is_some() && !repeats {
            return Err("`join` requires `repeats`".to_owned());
        }
        let open = anchor(field, "open", "open_pattern")?;
        let close = anchor(field, "close", "close_pattern")?;
        let transform = field.get("transform").filter(|transform| **transform != PyJson::Null).cloned();
        let transform_each = flag("transform_each", false)?;
        match &transform {
            Some(transform) => check_transform(transform)?,
            None if transform_each => return Err("`transform_each` requires `transform`".to_owned()),
            None => {
                let mut groups = open.iter().chain(&close).flat_map(Pattern::names);
                if let Some(name) = groups.next() {
                    return Err(format!("group `{name}` is named, and no `transform` uses it"));
                }
            }
        }
        let content = field
            .get("content")
            .map_or(Ok("text"), |content| content.as_str().ok_or("`content` is no string"))?;
        let content = Content::new(content, field.get("content_args"))?;
        let optional = flag("optional", true)?;
        Ok(Self {
            name: name.to_owned(),
            open,
            close,
            content,
            repeats,
            join,
            optional,
            transform,
            transform_each,
        })
    }

    /// The value of a region of this field.
    pub fn read(&self, text: &str, captures: &IndexMap<String, String>) -> Result<PyJson, String> {
        let value = self.content.read(text)?;
        let Some(transform) = &self.transform else { return Ok(value) };
        let mut scope: IndexMap<String, PyJson> =
            captures.iter().map(|(name, text)| (name.clone(), PyJson::String(text.clone()))).collect();
        if !self.transform_each {
            scope.insert("content".to_owned(), value);
            return apply(transform, &scope);
        }
        let PyJson::Array(items) = value else { return Err("`transform_each` takes a list".to_owned()) };
        let each = |item: PyJson| match item {
            PyJson::Object(item) => {
                let mut scope = scope.clone();
                scope.extend(item);
                apply(transform, &scope)
            }
            _ => Err("`transform_each` takes a list of objects".to_owned()),
        };
        items.into_iter().map(each).collect::<Result<_, _>>().map(PyJson::Array)
    }

    /// Puts a value into the message: in the place of the one before, behind it, or joined to it.
    pub fn store(&self, message: &mut IndexMap<String, PyJson>, value: PyJson) -> Result<(), String> {
        if let Some(join) = &self.join {
            let PyJson::String(text) = value else { return Err("`join` takes strings".to_owned()) };
            let joined = match message.get(&self.name).and_then(PyJson::as_str) {
                Some(before) => format!("{before}{join}{text}"),
                None => text,
            };
            message.insert(self.name.clone(), PyJson::String(joined));
        } else if self.repeats {
            match message.entry(self.name.clone()).or_insert_with(|| PyJson::Array(Vec::new())) {
                PyJson::Array(items) => items.push(value),
                _ => return Err("the default of a field that repeats is no list".to_owned()),
            }
        } else {
            message.insert(self.name.clone(), value);
        }
        Ok(())
    }
}

/// An anchor: a literal, any of several, or a pattern.
pub(super) fn anchor(
    object: &IndexMap<String, PyJson>,
    literal: &str,
    pattern: &str,
) -> Result<Option<Pattern>, String> {
    let invalid = || format!("`{literal}` is neither a string nor a list of strings, none of them empty");
    let found = match (object.get(literal), object.get(pattern)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(format!("`{literal}` and `{pattern}` exclude each other")),
        (None, Some(PyJson::String(source))) => Pattern::new(source),
        (None, Some(_)) => return Err(format!("`{pattern}` is no string")),
        (Some(PyJson::String(text)), None) if !text.is_empty() => Pattern::any_of(&[text]),
        (Some(PyJson::Array(items)), None) if !items.is_empty() => {
            let texts: Option<Vec<&str>> =
                items.iter().map(|item| item.as_str().filter(|text| !text.is_empty())).collect();
            Pattern::any_of(&texts.ok_or_else(invalid)?)
        }
        _ => return Err(invalid()),
    };
    found.map(Some).map_err(|error| format!("`{pattern}`: {error}"))
}

/// The path of a string that is one placeholder, `{name}` or `{name.key}`.
fn placeholder(text: &str) -> Option<&str> {
    let path = text.strip_prefix('{')?.strip_suffix('}')?;
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c == '_' || c.is_alphanumeric());
    path.split('.').all(is_word).then_some(path)
}

/// Refuses strings that mix a placeholder with other text: nothing is put into strings.
fn check_transform(transform: &PyJson) -> Result<(), String> {
    match transform {
        PyJson::Object(map) => map.values().try_for_each(check_transform),
        PyJson::Array(items) => items.iter().try_for_each(check_transform),
        PyJson::String(text) => {
            let holds = text.match_indices('{').any(|(at, _)| {
                text[at..].find('}').is_some_and(|end| placeholder(&text[at..=at + end]).is_some())
            });
            if holds && placeholder(text).is_none() {
                return Err(format!("the transform {text:?} mixes a placeholder with text"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn apply(transform: &PyJson, scope: &IndexMap<String, PyJson>) -> Result<PyJson, String> {
    match transform {
        PyJson::Object(map) => {
            let members = map.iter().map(|(key, value)| Ok((key.clone(), apply(value, scope)?)));
            members.collect::<Result<_, String>>().map(PyJson::Object)
        }
        PyJson::Array(items) => {
            items.iter().map(|item| apply(item, scope)).collect::<Result<_, _>>().map(PyJson::Array)
        }
        PyJson::String(text) => {
            let Some(path) = placeholder(text) else { return Ok(transform.clone()) };
            let mut keys = path.split('.');
            let root = keys.next().and_then(|root| scope.get(root));
            let value = root.and_then(|root| keys.try_fold(root, |value, key| value.get(key)));
            value.cloned().ok_or_else(|| format!("the transform's {text} is not there"))
        }
        other => Ok(other.clone()),
    }
}
