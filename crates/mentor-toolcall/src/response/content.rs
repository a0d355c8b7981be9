//! The content parsers: what stands in a region becomes a value.

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

use fancy_regex::{Captures, Regex};
use indexmap::IndexMap;

use super::{calls, pattern::Pattern};
use crate::{template::PyJson, write_json};

/// A content parser with its arguments.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Text { strip: bool },
    Int { strip: bool },
    Float { strip: bool },
    Bool { strip: bool },
    Json(Dialect),
    XmlInline { tag: Pattern, value: Option<Box<Content>>, merge: bool },
    KvLines { line_separator: String, separator: String, strip: bool, value: Option<Box<Content>> },
    CallList,
}

/// How a model's JSON differs from JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Dialect {
    unquoted_keys: bool,
    string_delimiters: Vec<(String, String)>,
    /// What is no JSON is text.
    allow_other: bool,
    strip: bool,
}

/// The names a response template may use.
pub(super) const NAMES: [&str; 8] =
    ["bool", "float", "int", "json", "kv-lines", "python-call-list", "text", "xml-inline"];

impl Content {
    /// A parser by its name and arguments.
    pub fn new(name: &str, arguments: Option<&PyJson>) -> Result<Self, String> {
        let argument = |key: &str| arguments.and_then(|arguments| arguments.get(key));
        let flag = |key: &str, default: bool| argument(key).map_or(default, is_true);
        let text =
            |key: &str, default: &str| argument(key).and_then(PyJson::as_str).unwrap_or(default).to_owned();
        let strip = flag("strip", true);
        let value = || {
            let parser = argument("value_parser").filter(|parser| **parser != PyJson::Null);
            parser.map(Self::nested).transpose().map(|content| content.map(Box::new))
        };
        Ok(match name {
            "text" => Self::Text { strip },
            "int" => Self::Int { strip },
            "float" => Self::Float { strip },
            "bool" => Self::Bool { strip },
            "json" => Self::Json(Dialect {
                unquoted_keys: flag("unquoted_keys", false),
                string_delimiters: delimiters(argument("string_delims"))?,
                allow_other: flag("allow_non_json", false),
                strip,
            }),
            "xml-inline" => {
                let tag = argument("tag_pattern").and_then(PyJson::as_str);
                let tag = Pattern::new(tag.ok_or("xml-inline: `tag_pattern` is missing")?)?;
                if !tag.names().iter().any(|name| name == "key") {
                    return Err("xml-inline: `tag_pattern` has no group named `key`".to_owned());
                }
                Self::XmlInline { tag, value: value()?, merge: flag("merge_duplicates", false) }
            }
            "kv-lines" => Self::KvLines {
                line_separator: text("line_sep", "\n"),
                separator: text("kv_sep", ":"),
                strip,
                value: value()?,
            },
            "python-call-list" => Self::CallList,
            _ => return Err(format!("no content parser `{name}`; there are {}", NAMES.join(", "))),
        })
    }

    fn nested(parser: &PyJson) -> Result<Self, String> {
        Self::new(parser.get("name").and_then(PyJson::as_str).unwrap_or("text"), parser.get("args"))
    }

    /// The value of a region's text.
    pub fn read(&self, text: &str) -> Result<PyJson, String> {
        match self {
            Self::Text { strip } => Ok(PyJson::String(stripped(text, *strip).to_owned())),
            Self::Int { strip } => {
                integer(stripped(text, *strip)).ok_or_else(|| format!("no integer: {text:?}"))
            }
            Self::Float { strip } => {
                let value = float(stripped(text, *strip));
                value.map(PyJson::Float).ok_or_else(|| format!("no number: {text:?}"))
            }
            Self::Bool { strip } => {
                Ok(PyJson::Bool(matches!(stripped(text, *strip).to_lowercase().as_str(), "true" | "1")))
            }
            Self::Json(dialect) => dialect.read(text),
            Self::XmlInline { tag, value, merge } => tags(text, tag, value.as_deref(), *merge),
            Self::KvLines { line_separator, separator, strip, value } => {
                let mut out = IndexMap::new();
                for line in text.split(line_separator.as_str()) {
                    let Some((key, content)) = stripped(line, *strip).split_once(separator.as_str()) else {
                        continue;
                    };
                    let content = sub(value.as_deref(), stripped(content, *strip))?;
                    out.insert(stripped(key, *strip).to_owned(), content);
                }
                Ok(PyJson::Object(out))
            }
            Self::CallList => calls::read(text),
        }
    }
}

fn is_true(value: &PyJson) -> bool {
    !matches!(value, PyJson::Null | PyJson::Bool(false) | PyJson::Int(0)) && value.as_str() != Some("")
}

fn delimiters(value: Option<&PyJson>) -> Result<Vec<(String, String)>, String> {
    let pairs = value.and_then(PyJson::as_array).unwrap_or_default();
    let pair = |pair: &PyJson| match pair.as_array() {
        Some([PyJson::String(open), PyJson::String(close)]) => Ok((open.clone(), close.clone())),
        _ => Err("json: `string_delims` is a list of pairs of strings".to_owned()),
    };
    pairs.iter().map(pair).collect()
}

fn sub(parser: Option<&Content>, text: &str) -> Result<PyJson, String> {
    parser.map_or_else(|| Ok(PyJson::String(text.to_owned())), |parser| parser.read(text))
}

fn stripped(text: &str, strip: bool) -> &str {
    if strip { crate::template::python_strip(text) } else { text }
}

fn tags(text: &str, tag: &Pattern, value: Option<&Content>, merge: bool) -> Result<PyJson, String> {
    let mut out: IndexMap<String, PyJson> = IndexMap::new();
    let mut merged = Vec::new();
    for found in tag.find_all(text) {
        let found = found.map_err(|_| "xml-inline: `tag_pattern` takes too many steps".to_owned())?;
        let key = found.groups.get("key").cloned().ok_or("xml-inline: a tag without its key")?;
        let content = sub(value, found.groups.get("value").map_or("", String::as_str))?;
        if !merge || !out.contains_key(&key) {
            out.insert(key, content);
            continue;
        }
        let Some(before) = out.get_mut(&key) else { continue };
        if merged.contains(&key) {
            if let PyJson::Array(items) = before {
                items.push(content);
            }
        } else {
            *before = PyJson::Array(vec![before.clone(), content]);
            merged.push(key);
        }
    }
    Ok(PyJson::Object(out))
}

impl Dialect {
    fn read(&self, text: &str) -> Result<PyJson, String> {
        match PyJson::parse(&self.rewritten(text)?) {
            Ok(value) => Ok(value),
            Err(_) if self.allow_other => Ok(PyJson::String(stripped(text, self.strip).to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The text as JSON: strings between the model's own delimiters are set aside while keys are quoted.
    fn rewritten(&self, text: &str) -> Result<String, String> {
        const MARKS: [char; 2] = ['\u{1}', '\u{2}'];
        if !self.string_delimiters.is_empty() && text.contains(MARKS) {
            return Err("json: the text holds \\x01 or \\x02".to_owned());
        }
        let mut strings = Vec::new();
        let mut working = text.to_owned();
        for (open, close) in &self.string_delimiters {
            let mut out = String::new();
            let mut rest = working.as_str();
            while let Some((before, inside)) = rest.split_once(open.as_str()) {
                let Some((string, after)) = inside.split_once(close.as_str()) else { break };
                out.push_str(before);
                let _ = write!(out, "\u{1}{}\u{2}", strings.len());
                strings.push(string.to_owned());
                rest = after;
            }
            out.push_str(rest);
            working = out;
        }
        if self.unquoted_keys {
            working = quoted_keys(&working)?;
        }
        if strings.is_empty() {
            return Ok(working);
        }
        let mut out = String::new();
        let mut rest = working.as_str();
        while let Some((before, marked)) = rest.split_once(MARKS[0]) {
            out.push_str(before);
            let (index, after) = marked.split_once(MARKS[1]).ok_or("json: a mark without its end")?;
            let string = index.parse().ok().and_then(|index: usize| strings.get(index));
            out.push_str(&write_json(&serde_json::Value::from(string.map_or("", String::as_str))));
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// Quotes bare keys; what stands in a string already is passed over.
fn quoted_keys(text: &str) -> Result<String, String> {
    static KEY: LazyLock<Result<Regex, String>> = LazyLock::new(|| {
        Regex::new(r#"(?s)"(?:\\.|[^"\\])*"|(?<=[{,])(\s*)(\w+)(\s*):"#).map_err(|error| error.to_string())
    });
    let key = KEY.as_ref().map_err(Clone::clone)?;
    let quoted = |found: &Captures| {
        let group = |index| found.get(index).map(|group| group.as_str());
        match (group(1), group(2), group(3)) {
            (Some(before), Some(name), Some(after)) => format!("{before}\"{name}\"{after}:"),
            _ => group(0).unwrap_or_default().to_owned(),
        }
    };
    key.try_replacen(text, 0, quoted).map(Cow::into_owned).map_err(|error| error.to_string())
}

/// Python's `int` of a text.
pub(super) fn integer(text: &str) -> Option<PyJson> {
    let text = crate::template::python_strip(text);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let digits = digits.replace('_', "");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(PyJson::Int(0));
    }
    let token = format!("{sign}{digits}");
    Some(token.parse().map_or(PyJson::BigInt(token), PyJson::Int))
}

/// Python's `float` of a text.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = crate::template::python_strip(text);
    let parts_of_digits = text.split('_').collect::<Vec<_>>();
    let well_placed = parts_of_digits.windows(2).all(|pair| {
        pair[0].ends_with(|c: char| c.is_ascii_digit()) && pair[1].starts_with(|c: char| c.is_ascii_digit())
    });
    if well_placed { parts_of_digits.concat().parse().ok() } else { None }
}
