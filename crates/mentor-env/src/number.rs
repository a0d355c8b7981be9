//! Exact decimals, as they stand in JSON and in observations.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

/// Decimals shown at most; further ones are rounded, half away from zero.
pub const SHOWN_DECIMALS: u32 = 6;

/// The largest magnitude an argument or a result may have.
pub const LARGEST: i64 = 1_000_000_000_000;

/// The exact value of a JSON number; none for anything else and beyond 28 digits.
pub(crate) fn from_json(value: &Value) -> Option<Decimal> {
    let Value::Number(number) = value else { return None };
    let text = number.to_string();
    Decimal::from_str_exact(&text).ok().or_else(|| Decimal::from_scientific(&text).ok())
}

/// The value as it stands in an observation: at most six decimals, no trailing zeros, no negative zero.
pub(crate) fn show(value: Decimal) -> String {
    let rounded =
        value.round_dp_with_strategy(SHOWN_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize();
    if rounded.is_zero() { "0".to_owned() } else { rounded.to_string() }
}

/// The JSON number that a shown value is written as in a call.
pub(crate) fn to_json(value: Decimal) -> Value {
    let text = show(value);
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Whether the magnitude is within [`LARGEST`].
pub(crate) fn in_range(value: Decimal) -> bool {
    value.abs() <= Decimal::from(LARGEST)
}
