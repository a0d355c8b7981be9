//! The few operations of Python on whose exceptions BFCL's verdicts hang.

use std::borrow::Cow;

use super::value::{Dict, Value};

/// Why a check stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// BFCL's `error_type`.
    Wrong(&'static str),
    /// Python raises, and BFCL does not catch.
    Raised(&'static str),
}

impl Stop {
    pub const ATTRIBUTE_ERROR: Self = Self::Raised("exception:AttributeError");
    pub const INDEX_ERROR: Self = Self::Raised("exception:IndexError");
    pub const KEY_ERROR: Self = Self::Raised("exception:KeyError");
    pub const NOT_IMPLEMENTED: Self = Self::Raised("exception:NotImplementedError");
    pub const OVERFLOW_ERROR: Self = Self::Raised("exception:OverflowError");
    pub const TYPE_ERROR: Self = Self::Raised("exception:TypeError");
    pub const VALUE_ERROR: Self = Self::Raised("exception:ValueError");
}

pub(super) type Check<T = ()> = Result<T, Stop>;

/// `key in container`.
pub(super) fn contains(container: &Value, key: &str) -> Check<bool> {
    match container {
        Value::Dict(dict) => Ok(dict.contains_key(key)),
        Value::List(items) => Ok(items.iter().any(|item| matches!(item, Value::Str(text) if text == key))),
        Value::Str(text) => Ok(text.contains(key)),
        _ => Err(Stop::TYPE_ERROR),
    }
}

/// `container[key]`.
pub(super) fn get<'a>(container: &'a Value, key: &str) -> Check<&'a Value> {
    match container {
        Value::Dict(dict) => dict.get(key).ok_or(Stop::KEY_ERROR),
        _ => Err(Stop::TYPE_ERROR),
    }
}

/// `container.items()`.
pub(super) fn items(container: &Value) -> Check<&Dict> {
    match container {
        Value::Dict(dict) => Ok(dict),
        _ => Err(Stop::ATTRIBUTE_ERROR),
    }
}

/// `[container[i] for i in range(len(container))]`.
pub(super) fn sequence(container: &Value) -> Check<Cow<'_, [Value]>> {
    match container {
        Value::List(items) => Ok(Cow::Borrowed(items)),
        Value::Str(text) => Ok(text.chars().map(|char| Value::Str(char.into())).collect()),
        Value::Dict(dict) if dict.is_empty() => Ok(Cow::Borrowed(&[])),
        // A number is no key of it.
        Value::Dict(_) => Err(Stop::KEY_ERROR),
        _ => Err(Stop::TYPE_ERROR),
    }
}

/// `len(container)`.
pub(super) fn len(container: &Value) -> Check<usize> {
    match container {
        Value::List(items) => Ok(items.len()),
        Value::Str(text) => Ok(text.chars().count()),
        Value::Dict(dict) => Ok(dict.len()),
        _ => Err(Stop::TYPE_ERROR),
    }
}
