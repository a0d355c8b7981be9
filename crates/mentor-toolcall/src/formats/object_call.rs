//! What a JSON object says as a call: a name and arguments, under the keys of a format.

use super::{More, Unit};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Halt, Json, Markers, Members, Reader, Skimmed, skim_call},
};

/// How a format spells the members of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    pub name: &'static str,
    pub arguments: &'static str,
    /// Another key the arguments may stand under, and what that is called.
    pub other: Option<(&'static str, Fault)>,
    /// The key of the call's identifier, in formats that have one.
    pub id: Option<&'static str>,
}

impl Keys {
    /// `{"name": …, "arguments": {…}}`.
    pub const ARGUMENTS: Self = Self {
        name: "name",
        arguments: "arguments",
        other: Some(("parameters", Fault::ParametersKey)),
        id: None,
    };

    /// `{"name": …, "parameters": {…}}`.
    pub const PARAMETERS: Self = Self {
        name: "name",
        arguments: "parameters",
        other: Some(("arguments", Fault::ArgumentsKey)),
        id: None,
    };
}

/// Reads an object, whole or broken off, as a call; `faults` are those of its JSON.
///
/// The call is complete only if no fault is a refusal. Otherwise it holds what was readable: no name if that was not,
/// the arguments that were read completely.
pub(crate) fn read(keys: &Keys, object: Result<Members, Halt>, mut faults: Faults) -> Draft {
    let whole = object.is_ok();
    let mut members = object.unwrap_or_else(|halt| {
        faults.add(halt.fault);
        halt.partial.unwrap_or_default()
    });
    let name = name(members.take(keys.name), whole, &mut faults);
    let id = keys.id.and_then(|key| members.take(key)).and_then(|(id, _)| match id {
        Json::String(id) => Some(id),
        Json::Number(id) => Some(id.into()),
        _ => None,
    });
    let other = keys.other.and_then(|(key, fault)| Some((members.take(key)?, fault)));
    let given = match (members.take(keys.arguments), other) {
        (Some(_), Some(_)) => {
            faults.add(Fault::ConflictingArguments);
            None
        }
        (None, Some((arguments, fault))) => {
            faults.add(fault);
            Some(arguments)
        }
        (Some(arguments), None) => Some(arguments),
        (None, None) => {
            if whole {
                faults.add(Fault::NoArguments);
            }
            None
        }
    };
    if !members.pairs.is_empty() {
        faults.add(Fault::ExtraKey);
    }
    let arguments_span = given.as_ref().map(|(_, span)| *span);
    let arguments = given.and_then(|(given, _)| arguments(given, &mut faults));
    let arguments = Some(Json::Object(arguments.unwrap_or_default()));
    Draft { name, arguments_span, arguments, id, faults, ..Draft::default() }
}

/// The name a member says.
pub(crate) fn name(
    member: Option<(Json, (usize, usize))>,
    whole: bool,
    faults: &mut Faults,
) -> Option<String> {
    match member {
        Some((Json::String(name), _)) if !name.is_empty() => return Some(name),
        Some((Json::String(_), _)) => faults.add(Fault::EmptyName),
        Some(_) => faults.add(Fault::NameNotString),
        None if whole => faults.add(Fault::MissingName),
        None => {}
    }
    None
}

pub(crate) fn arguments(given: Json, faults: &mut Faults) -> Option<Vec<(String, Json)>> {
    match given {
        Json::Object(arguments) => Some(arguments),
        Json::Null => {
            faults.add(Fault::NullArguments);
            None
        }
        Json::String(text) => {
            faults.add(Fault::StringEncodedArguments);
            string_encoded(&text, faults)
        }
        _ => {
            faults.add(Fault::ArgumentsNotObject);
            None
        }
    }
}

/// The object that a string holds.
pub(crate) fn string_encoded(text: &str, faults: &mut Faults) -> Option<Vec<(String, Json)>> {
    let mut reader = Reader::new(text, 0, text.len(), None);
    reader.skip_space();
    if !text[reader.at..].starts_with('{') {
        faults.add(Fault::ArgumentsNotObject);
        return None;
    }
    let object = reader.object(0);
    faults.extend(&reader.faults);
    match object {
        Ok(arguments) if reader.is_done() => Some(arguments.pairs),
        Ok(_) => {
            faults.add(Fault::ArgumentsNotObject);
            None
        }
        Err(halt) => {
            faults.add(halt.fault);
            halt.partial.map(|members| members.pairs)
        }
    }
}

/// No arguments.
pub(crate) fn nothing() -> Json {
    Json::Object(Vec::new())
}

/// Reads the object at `at`, wherever it ends: the call, where its reading stopped, and whether it is whole.
pub(crate) fn bare(
    keys: &Keys,
    unit: &Unit<'_>,
    at: usize,
    markers: Option<Markers>,
) -> Result<(Draft, usize, bool), More> {
    if let Some(call) = skim_call(unit.text, at, keys.name, keys.arguments) {
        let end = call.end;
        return Ok((skimmed(unit.text, call), end, true));
    }
    let mut reader = Reader::new(unit.text, at, unit.text.len(), markers);
    let object = reader.object(0);
    unit.settle(&reader)?;
    let whole = object.is_ok();
    let draft = read(keys, object, std::mem::take(&mut reader.faults));
    Ok((Draft { span: (at, reader.at), ..draft }, reader.at, whole))
}

/// The call that was skimmed.
pub(crate) fn skimmed(text: &str, call: Skimmed) -> Draft {
    Draft {
        span: (call.start, call.end),
        name: Some(text[call.name].to_owned()),
        arguments_span: Some((call.arguments.start, call.arguments.end)),
        ..Draft::default()
    }
}

/// Whether the object at `at`, which nothing announces as a call, is meant to be one: it says a name, and arguments or
/// nothing else. One that is broken is, if it begins with a key of calls.
pub(crate) fn is_meant(unit: &Unit<'_>, at: usize, draft: &Draft, keys: &Keys) -> Result<bool, More> {
    if !draft.faults.halted() {
        let beside = draft.faults.has(Fault::ExtraKey);
        return Ok(draft.name.is_some() && (draft.arguments_span.is_some() || !beside));
    }
    let mut key = unit.skip_space(at + 1)?;
    if unit.is_at(key, "\"")? || unit.is_at(key, "'")? {
        key += 1;
    }
    Ok(unit.is_at(key, keys.name)? || unit.is_at(key, keys.arguments)?)
}
