//! What a model's calls are judged against: a category, documented functions and allowed answers.

use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;

use super::value::{Dict, Kind, Value};

/// What was wrong with an item, by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError(pub(super) String);

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ItemError {}

/// A single-turn category of BFCL, by what is asked of the calls and how their values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The calls must fit the answers: the categories whose calls BFCL compares as syntax trees.
    Ast(Routine, Language),
    /// No call must be made.
    Irrelevance,
    /// Some call must be made, whichever.
    Relevance,
}

/// How calls are paired with answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routine {
    /// One call of the first function.
    Simple,
    /// One call, of the right function among several. (As many calls as answers are asked for; only the first is looked at.)
    Multiple,
    /// As many calls as answers, in any order: each answer in turn takes the first call left that fits it.
    Parallel,
}

/// The language a category's functions are documented in, which decides how values are written and typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Values are JSON's.
    Python,
    /// Values are Java source text.
    Java,
    /// Values are JavaScript source text.
    JavaScript,
}

impl FromStr for Category {
    type Err = ItemError;

    /// By BFCL's names (those of version 3 too), `live_` or not, hyphens for underscores.
    fn from_str(name: &str) -> Result<Self, ItemError> {
        use Language::{Java, JavaScript, Python};
        use Routine::{Multiple, Parallel, Simple};
        let plain = name.replace('-', "_");
        Ok(match plain.strip_prefix("live_").unwrap_or(&plain) {
            "simple" | "simple_python" => Self::Ast(Simple, Python),
            "simple_java" | "java" => Self::Ast(Simple, Java),
            "simple_javascript" | "javascript" => Self::Ast(Simple, JavaScript),
            "multiple" => Self::Ast(Multiple, Python),
            "parallel" | "parallel_multiple" => Self::Ast(Parallel, Python),
            "irrelevance" => Self::Irrelevance,
            "relevance" => Self::Relevance,
            _ => {
                return Err(ItemError(format!(
                    "category: {name:?} is none of simple[_python], simple_java, simple_javascript, multiple, \
                     parallel, parallel_multiple, irrelevance, relevance (live_ before it or not)"
                )));
            }
        })
    }
}

impl Language {
    /// The Python type that stands for a documented one; none for a type the language lacks.
    pub(super) fn kind(self, documented: &str) -> Option<Kind> {
        Some(match (self, documented) {
            (Self::Python, "string")
            | (Self::Java, "char" | "String")
            | (Self::JavaScript, "String")
            | (_, "any") => Kind::Str,
            (_, "integer") | (Self::Java, "byte" | "short" | "long") | (Self::JavaScript, "Bigint") => {
                Kind::Int
            }
            (_, "float") | (Self::Java, "double") => Kind::Float,
            (Self::Python | Self::Java, "boolean") | (Self::JavaScript, "Boolean") => Kind::Bool,
            (Self::Python | Self::JavaScript, "array")
            | (Self::Python, "tuple")
            | (Self::Java, "Array" | "ArrayList" | "Queue" | "Stack" | "Set") => Kind::List,
            (Self::Python | Self::JavaScript, "dict") | (Self::Java, "HashMap" | "Hashtable") => Kind::Dict,
            _ => return None,
        })
    }

    /// The documented types whose elements are typed too.
    pub(super) fn lists(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["array", "tuple"],
            Self::Java => &["Array", "ArrayList"],
            Self::JavaScript => &["array"],
        }
    }
}

/// The values allowed for each argument of a call; `""` among them says that it may be left out.
pub(super) type Answers = IndexMap<String, Vec<Value>>;

/// A function as its documentation has it.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub name: String,
    /// Parameters by name, each a dictionary.
    pub properties: Dict,
    /// The parameters that must be given; BFCL raises a `KeyError` where the documentation has no such list.
    pub required: Option<Vec<String>>,
}

/// What one item asks for.
#[derive(Clone, Debug)]
pub struct Item {
    pub(super) category: Category,
    pub(super) functions: Vec<Function>,
    /// The name of the function to call and its arguments, one a call.
    pub(super) answers: Vec<(String, Answers)>,
    /// Whether the model saw, and calls, functions with `_` for each `.` in their names. (Models behind interfaces that
    /// allow no `.` do; BFCL's model table has it as `underscore_to_dot`.)
    pub underscore_to_dot: bool,
}

impl Item {
    /// An item of a category whose calls are compared with answers.
    ///
    /// `functions` is `[{"name", "parameters": {"properties": {name: {"type", …}}, "required": [name]}}]`, and
    /// `possible_answer` is `[{name: {argument: [values]}}]`, both as BFCL's files have them. Anything else is an error that
    /// names the place; a `type`, `items` or `required` that is missing or unknown is not, since BFCL raises only when it
    /// meets one.
    pub fn new(
        routine: Routine,
        language: Language,
        functions: &Value,
        possible_answer: &Value,
    ) -> Result<Self, ItemError> {
        let category = Category::Ast(routine, language);
        let functions = each(functions, "functions", read_function)?;
        let answers = each(possible_answer, "possible_answer", read_answer)?;
        Ok(Self { category, functions, answers, underscore_to_dot: false })
    }

    /// An item that wants no call.
    pub fn irrelevance() -> Self {
        Self::without_answers(Category::Irrelevance)
    }

    /// An item that wants some call.
    pub fn relevance() -> Self {
        Self::without_answers(Category::Relevance)
    }

    fn without_answers(category: Category) -> Self {
        Self { category, functions: vec![], answers: vec![], underscore_to_dot: false }
    }
}

fn wrong<T>(place: &str, expected: &str) -> Result<T, ItemError> {
    Err(ItemError(format!("{place}: expected {expected}")))
}

fn list<'a>(value: &'a Value, place: &str) -> Result<&'a [Value], ItemError> {
    match value {
        Value::List(items) => Ok(items),
        _ => wrong(place, "an array"),
    }
}

fn dict<'a>(value: &'a Value, place: &str) -> Result<&'a Dict, ItemError> {
    match value {
        Value::Dict(dict) => Ok(dict),
        _ => wrong(place, "an object"),
    }
}

fn text(value: &Value, place: &str) -> Result<String, ItemError> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        _ => wrong(place, "a string"),
    }
}

fn member<'a>(dict: &'a Dict, key: &str, place: &str) -> Result<&'a Value, ItemError> {
    dict.get(key).ok_or_else(|| ItemError(format!("{place}: {key:?} is missing")))
}

fn each<T>(
    value: &Value,
    place: &str,
    read: impl Fn(&Value, &str) -> Result<T, ItemError>,
) -> Result<Vec<T>, ItemError> {
    let items = list(value, place)?.iter().enumerate();
    items.map(|(index, item)| read(item, &format!("{place}[{index}]"))).collect()
}

fn read_function(value: &Value, place: &str) -> Result<Function, ItemError> {
    let function = dict(value, place)?;
    let name = text(member(function, "name", place)?, &format!("{place}.name"))?;
    let parameters = member(function, "parameters", place)?;
    let place = format!("{place}.parameters");
    let parameters = dict(parameters, &place)?;
    let properties = member(parameters, "properties", &place)?;
    let properties = dict(properties, &format!("{place}.properties"))?;
    for (name, property) in properties {
        dict(property, &format!("{place}.properties.{name}"))?;
    }
    let required = parameters.get("required");
    let required = required.map(|names| each(names, &format!("{place}.required"), text)).transpose()?;
    Ok(Function { name, properties: properties.clone(), required })
}

/// BFCL reads the first member only.
fn read_answer(value: &Value, place: &str) -> Result<(String, Answers), ItemError> {
    let Some((name, arguments)) = dict(value, place)?.first() else {
        return wrong(place, "{name: {argument: [values]}}");
    };
    let place = format!("{place}.{name}");
    let argument = |(key, values): (&String, &Value)| {
        Ok((key.clone(), list(values, &format!("{place}.{key}"))?.to_vec()))
    };
    let answers = dict(arguments, &place)?.iter().map(argument).collect::<Result<_, ItemError>>()?;
    Ok((name.clone(), answers))
}
