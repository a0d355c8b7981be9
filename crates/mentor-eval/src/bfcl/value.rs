//! Python's values, as far as JSON can spell them, and Python's equality.

use std::fmt;

use indexmap::IndexMap;

/// A dictionary in the order its keys were first seen.
pub type Dict = IndexMap<String, Value>;

/// A value as Python reads it from JSON: whole numbers of any size apart from floats, dictionaries in order.
///
/// `==` is Python's: `1 == True == 1.0` whatever the nesting, integers and floats compare exactly, dictionaries in any
/// order. NaN equals itself, because BFCL only ever compares with `in` and Python's JSON reader makes one NaN object.
#[derive(Clone, Debug)]
pub enum Value {
    /// `None`, JSON's `null`.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(Int),
    /// A number with a fraction or an exponent, `NaN` and `Infinity`.
    Float(f64),
    /// Text. A lone surrogate, which Python strings may hold, stands as a private character of plane 16.
    Str(String),
    /// A list. JSON knows no tuples.
    List(Vec<Value>),
    /// A dictionary.
    Dict(Dict),
}

impl Value {
    /// Whether this is `""`, with which BFCL's answers say that an argument may be left out.
    pub(super) fn is_optional_mark(&self) -> bool {
        matches!(self, Self::Str(text) if text.is_empty())
    }

    /// `type(value)`.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Str(_) => Kind::Str,
            Self::List(_) => Kind::List,
            Self::Dict(_) => Kind::Dict,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Dict(a), Self::Dict(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Float(float), whole) | (whole, Self::Float(float)) => {
                whole.digits().is_some_and(|digits| equals_float(digits, *float))
            }
            (a, b) => a.digits().is_some_and(|digits| Some(digits) == b.digits()),
        }
    }
}

impl Value {
    /// The decimal digits of a whole number, which a truth value is.
    fn digits(&self) -> Option<&str> {
        match self {
            Self::Bool(false) => Some("0"),
            Self::Bool(true) => Some("1"),
            Self::Int(int) => Some(&int.0),
            _ => None,
        }
    }
}

/// Whether a whole number is exactly a float: the float's own digits are written out, so nothing is rounded.
fn equals_float(digits: &str, float: f64) -> bool {
    if float == 0.0 {
        return digits == "0";
    }
    // The largest float has 309 digits.
    float.is_finite() && float.fract() == 0.0 && digits.len() <= 310 && format!("{float:.0}") == digits
}

impl From<&serde_json::Value> for Value {
    /// What `serde_json` could not keep (the digits of a number beyond 64 bits) is not brought back.
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(*truth),
            serde_json::Value::Number(number) => match number.as_f64() {
                Some(float) if number.is_f64() => Self::Float(float),
                _ => Self::Int(Int(number.to_string())),
            },
            serde_json::Value::String(text) => Self::Str(text.clone()),
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::Dict(members.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

/// A whole number of up to [`Int::MAX_DIGITS`] digits: `-`, if negative, and its digits without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int(String);

impl Int {
    /// The most digits Python converts from text (`sys.get_int_max_str_digits()`), leading zeros counted.
    pub const MAX_DIGITS: usize = 4300;

    /// From ASCII digits with an optional sign; none if there are no digits, others or too many of them.
    pub fn from_decimal(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || digits.len() > Self::MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        Some(match (negative, digits.trim_start_matches('0')) {
            (_, "") => Self("0".to_owned()),
            (true, digits) => Self(format!("-{digits}")),
            (false, digits) => Self(digits.to_owned()),
        })
    }

    /// The nearest float, ties to even; none where Python raises `OverflowError`.
    pub fn to_float(&self) -> Option<f64> {
        self.0.parse().ok().filter(|float: &f64| float.is_finite())
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The Python types that BFCL distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Str,
    List,
    Dict,
}
