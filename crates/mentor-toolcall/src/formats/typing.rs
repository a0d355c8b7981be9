//! Values of formats that write every argument as bare text: the schema says what type a text has.

use serde_json::Value;

use crate::{
    fault::{Fault, Faults},
    json::{Json, Reader, number},
};

/// The JSON types a schema allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Types(u8);

const NULL: u8 = 1;
const BOOLEAN: u8 = 2;
const NUMBER: u8 = 4;
const STRING: u8 = 8;
const ARRAY: u8 = 16;
const OBJECT: u8 = 32;

/// How many schemas within schemas (`anyOf` and the like) are looked into.
const MAX_DEPTH: usize = 8;

/// Reads a text as a value of its parameter's schema.
///
/// Without a schema, or where only strings are allowed, it is a string. Where other types are allowed too, it is of one
/// of them if it reads as one. Where no string is allowed and it reads as none of the types, it is kept as a string, and
/// that is named.
pub(crate) fn read(text: &str, schema: Option<&Value>, faults: &mut Faults) -> Json {
    let types = schema.map_or(Types::default(), |schema| Types::of(schema, MAX_DEPTH));
    if types == Types::default() || types == Types(STRING) {
        return Json::String(text.to_owned());
    }
    if let Some(value) = typed(text.trim(), types, faults) {
        return value;
    }
    if !types.allow(STRING) {
        faults.add(Fault::UntypedValue);
    }
    Json::String(text.to_owned())
}

/// Reads a text that is declared to be JSON and no string; kept as a string, and named, if it is not.
pub(crate) fn json(text: &str, faults: &mut Faults) -> Json {
    let types = Types(NULL | BOOLEAN | NUMBER | ARRAY | OBJECT);
    typed(text.trim(), types, faults).unwrap_or_else(|| {
        faults.add(Fault::UntypedValue);
        Json::String(text.to_owned())
    })
}

fn typed(text: &str, types: Types, faults: &mut Faults) -> Option<Json> {
    match text {
        "null" if types.allow(NULL) => return Some(Json::Null),
        "true" | "false" if types.allow(BOOLEAN) => return Some(Json::Bool(text == "true")),
        "None" if types.allow(NULL) => {
            faults.add(Fault::PythonLiteral);
            return Some(Json::Null);
        }
        "True" | "False" if types.allow(BOOLEAN) => {
            faults.add(Fault::PythonLiteral);
            return Some(Json::Bool(text == "True"));
        }
        _ => {}
    }
    let starts = |bytes: &[u8]| text.as_bytes().first().is_some_and(|first| bytes.contains(first));
    if types.allow(NUMBER) && starts(b"-+.0123456789") {
        return number(text, faults).ok();
    }
    if types.allow(OBJECT) && starts(b"{") || types.allow(ARRAY) && starts(b"[") {
        let mut reader = Reader::new(text, 0, text.len(), None);
        let value = reader.value(0).ok().filter(|_| reader.is_done())?;
        faults.extend(&reader.faults);
        return Some(value);
    }
    None
}

impl Types {
    fn allow(self, kind: u8) -> bool {
        self.0 & kind != 0
    }

    /// The types a schema names, none if it does not say.
    fn of(schema: &Value, depth: usize) -> Self {
        let mut types = Self::default();
        match &schema["type"] {
            Value::String(name) => types.0 |= Self::named(name),
            Value::Array(names) => {
                names.iter().filter_map(Value::as_str).for_each(|name| types.0 |= Self::named(name));
            }
            _ => {}
        }
        if types == Self::default() && depth > 0 {
            for key in ["anyOf", "oneOf", "allOf"] {
                let choices = schema[key].as_array().into_iter().flatten();
                choices.for_each(|choice| types.0 |= Self::of(choice, depth - 1).0);
            }
            let values = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
            values.for_each(|value| types.0 |= Self::of_value(value));
        }
        types
    }

    fn named(name: &str) -> u8 {
        match name {
            "null" => NULL,
            "boolean" => BOOLEAN,
            "integer" | "number" => NUMBER,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => 0,
        }
    }

    fn of_value(value: &Value) -> u8 {
        match value {
            Value::Null => NULL,
            Value::Bool(_) => BOOLEAN,
            Value::Number(_) => NUMBER,
            Value::String(_) => STRING,
            Value::Array(_) => ARRAY,
            Value::Object(_) => OBJECT,
        }
    }
}

/// A value as bare text, the inverse of [`read`] under a schema of the value's own type.
pub(crate) fn write(value: &Value, out: &mut String) {
    match value {
        Value::String(string) => out.push_str(string),
        other => out.push_str(&crate::write_json(other)),
    }
}
