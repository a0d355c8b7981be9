//! The tools on offer: what gives untyped arguments their types, and what calls are checked against.

use std::collections::HashMap;

use mentor_trajectory::ToolSpec;
use serde_json::{Value, json};

use crate::{ParsedCall, Stage};

/// The tools a model was offered.
#[derive(Debug, Default)]
pub struct Tools {
    specs: Vec<ToolSpec>,
    places: HashMap<String, usize>,
    #[cfg(feature = "schema")]
    validators: Vec<jsonschema::Validator>,
}

/// What is wrong with a list of tools.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tool {index}{}: {problem}", name.as_ref().map(|name| format!(" (`{name}`)")).unwrap_or_default())]
pub struct ToolsError {
    /// Which tool of the list, from 0.
    pub index: usize,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl Tools {
    /// Tools by their specification.
    ///
    /// # Errors
    /// Two tools of one name; with the feature `schema` also parameters that are no JSON Schema.
    pub fn new(specs: Vec<ToolSpec>) -> Result<Self, ToolsError> {
        let mut tools = Self::default();
        for (index, spec) in specs.into_iter().enumerate() {
            let error = |problem: String| ToolsError { index, name: Some(spec.name.clone()), problem };
            #[cfg(feature = "schema")]
            tools.validators.push(
                jsonschema::validator_for(&spec.parameters)
                    .map_err(|schema| error(format!("`parameters` is no JSON Schema: {schema}")))?,
            );
            if tools.places.insert(spec.name.clone(), index).is_some() {
                return Err(error("there is another tool of this name; give each its own".to_owned()));
            }
            tools.specs.push(spec);
        }
        Ok(tools)
    }

    /// Tools from a list of `OpenAI` function definitions, with or without `{"type": "function", "function": …}` around
    /// each; description and parameters may be missing.
    ///
    /// # Errors
    /// No list, a definition without a name, and as [`new`](Self::new).
    pub fn from_openai(definitions: &Value) -> Result<Self, ToolsError> {
        let error = |index, problem: &str| ToolsError { index, name: None, problem: problem.to_owned() };
        let Some(definitions) = definitions.as_array() else {
            return Err(error(0, "`tools` is no list; give a list of function definitions"));
        };
        let spec = |(index, definition): (usize, &Value)| {
            let function = definition.get("function").unwrap_or(definition);
            let name = function["name"].as_str().ok_or_else(|| error(index, "it has no string `name`"))?;
            let parameters = match &function["parameters"] {
                Value::Null => json!({"type": "object", "properties": {}}),
                parameters => parameters.clone(),
            };
            let description = function["description"].as_str().unwrap_or_default().to_owned();
            Ok(ToolSpec { name: name.to_owned(), description, parameters })
        };
        Self::new(definitions.iter().enumerate().map(spec).collect::<Result<_, _>>()?)
    }

    /// The tools, in the order they were given.
    pub fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// The tool of a name.
    pub fn get(&self, name: &str) -> Option<&ToolSpec> {
        self.places.get(name).map(|&index| &self.specs[index])
    }

    /// The schema of one parameter of a tool, where it declares one.
    pub(crate) fn parameter(&self, tool: &str, parameter: &str) -> Option<&Value> {
        self.get(tool)?.parameters.get("properties")?.get(parameter)
    }

    /// Says how far a call that can be executed goes with these tools.
    pub(crate) fn check(&self, call: &mut ParsedCall) {
        if !call.is_executable() || !self.places.contains_key(&call.name) {
            return;
        }
        call.stage = Stage::KnownTool;
        #[cfg(feature = "schema")]
        {
            let validator = &self.validators[self.places[&call.name]];
            crate::schema::check(validator, call);
        }
    }
}
