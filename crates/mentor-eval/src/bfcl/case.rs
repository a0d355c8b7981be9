//! A case as a line of JSON.

use std::fmt;

use indexmap::IndexMap;

use super::item::{Category, Item, ItemError};
use super::json::{JsonError, members};
use super::value::Value;
use super::{Verdict, check};

/// A model's calls and the item they answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// The line's `id` as it stands there, in JSON.
    pub id: String,
    /// What is asked for.
    pub item: Item,
    /// What the model called; none if it cannot be read for its depth or for an integer of too many digits.
    pub calls: Option<Value>,
}

/// Why a line is no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseError {
    /// The line's `id` in JSON, `null` if there is none to be read.
    pub id: String,
    /// The field, what is wrong with it, what should be there.
    pub message: String,
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CaseError {}

impl Case {
    /// Reads `{"id", "category", "functions", "calls", "possible_answer", "underscore_to_dot"?}`.
    ///
    /// `category` is one of BFCL's names; `functions` and `possible_answer` are as [`Item::new`] wants them and are not
    /// looked at in irrelevance and relevance. `calls` is what a decoder made of the model's text, whatever it is. Other
    /// fields are ignored.
    pub fn from_json(line: &str) -> Result<Self, CaseError> {
        let (fields, broken) = members(line);
        let line = Line(fields);
        let (id, missing) = match line.value("id") {
            Ok(_) => (line.0["id"].to_owned(), None),
            Err(message) => ("null".to_owned(), Some(message)),
        };
        let broken = broken.map(|error| format!("line: {error}"));
        match broken.or(missing).map_or_else(|| line.read(), Err) {
            Ok((item, calls)) => Ok(Self { id, item, calls }),
            Err(message) => Err(CaseError { id, message }),
        }
    }

    /// The verdict on the calls.
    pub fn check(&self) -> Verdict {
        check(&self.item, self.calls.as_ref())
    }
}

/// The source text of a line's fields.
struct Line<'a>(IndexMap<String, &'a str>);

impl Line<'_> {
    fn text(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).copied().ok_or_else(|| format!("{name}: is missing"))
    }

    fn value(&self, name: &str) -> Result<Value, String> {
        Value::from_json(self.text(name)?).map_err(|error| format!("{name}: {error}"))
    }

    fn read(&self) -> Result<(Item, Option<Value>), String> {
        let Value::Str(category) = self.value("category")? else {
            return Err("category: expected a string".to_owned());
        };
        let mut item = match category.parse().map_err(|error: ItemError| error.to_string())? {
            Category::Irrelevance => Item::irrelevance(),
            Category::Relevance => Item::relevance(),
            Category::Ast(routine, language) => {
                let (functions, answers) = (self.value("functions")?, self.value("possible_answer")?);
                Item::new(routine, language, &functions, &answers).map_err(|error| error.to_string())?
            }
        };
        if self.0.contains_key("underscore_to_dot") {
            let Value::Bool(renamed) = self.value("underscore_to_dot")? else {
                return Err("underscore_to_dot: expected true or false".to_owned());
            };
            item.underscore_to_dot = renamed;
        }
        let calls = match Value::from_json(self.text("calls")?) {
            Ok(calls) => Some(calls),
            Err(JsonError::Limit(_)) => None,
            Err(error) => return Err(format!("calls: {error}")),
        };
        Ok((item, calls))
    }
}
