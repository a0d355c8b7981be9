//! The twelve arithmetic tools: what is offered, and what they compute.

use mentor_trajectory::ToolSpec;
use rust_decimal::{Decimal, MathematicalOps, RoundingStrategy};
use serde_json::{Map, Value, json};

use crate::number::{self, in_range};

/// Numbers that `sum_numbers` takes at most.
pub const LONGEST_LIST: usize = 32;
/// The largest exponent `power` takes.
pub const LARGEST_EXPONENT: u32 = 64;

/// Names of the arithmetic tools, in the order of the paper.
pub const ARITHMETIC: [&str; 12] = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "sum_numbers",
    "floor",
    "ceil",
    "round_number",
    "power",
    "sqrt",
    "abs_value",
    "modulo",
];

const OUT_OF_RANGE: &str = "number out of range";

/// A JSON Schema of type `object` whose parameters are all required.
pub(crate) fn schema(parameters: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        parameters.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// The specification of an arithmetic tool; none for another name.
pub fn arithmetic_tool(name: &str) -> Option<ToolSpec> {
    let number = || json!({"type": "number"});
    let pair = || vec![("a", number()), ("b", number())];
    let (description, parameters) = match name {
        "add" => ("Add two numbers.", pair()),
        "subtract" => ("Subtract b from a.", pair()),
        "multiply" => ("Multiply two numbers.", pair()),
        "divide" => ("Divide a by b.", pair()),
        "modulo" => ("The remainder of a divided by b.", pair()),
        "sum_numbers" => {
            ("Add all numbers of a list.", vec![("numbers", json!({"type": "array", "items": number()}))])
        }
        "floor" => ("Round down to a whole number.", vec![("x", number())]),
        "ceil" => ("Round up to a whole number.", vec![("x", number())]),
        "sqrt" => ("The square root of x.", vec![("x", number())]),
        "abs_value" => ("The absolute value of x.", vec![("x", number())]),
        "round_number" => {
            ("Round x to a number of digits.", vec![("x", number()), ("digits", json!({"type": "integer"}))])
        }
        "power" => (
            "Raise a base to an exponent.",
            vec![("base", number()), ("exponent", json!({"type": "integer"}))],
        ),
        _ => return None,
    };
    Some(ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: schema(&parameters),
    })
}

/// Computes an arithmetic tool on arguments already checked against its schema; the error is a short text.
pub(crate) fn compute(name: &str, arguments: &Map<String, Value>) -> Result<Decimal, String> {
    let number = |key: &str| -> Result<Decimal, String> {
        let value = arguments.get(key).ok_or_else(|| format!("missing argument {key}"))?;
        let value = number::from_json(value).ok_or_else(|| OUT_OF_RANGE.to_owned())?;
        if in_range(value) { Ok(value) } else { Err(OUT_OF_RANGE.to_owned()) }
    };
    let result = match name {
        "add" => number("a")?.checked_add(number("b")?),
        "subtract" => number("a")?.checked_sub(number("b")?),
        "multiply" => number("a")?.checked_mul(number("b")?),
        "divide" => number("a")?.checked_div(divisor(number("b")?)?),
        "modulo" => Some(modulo(number("a")?, divisor(number("b")?)?)?),
        "sum_numbers" => Some(sum(arguments.get("numbers"))?),
        "floor" => Some(number("x")?.floor()),
        "ceil" => Some(number("x")?.ceil()),
        "round_number" => Some(round(number("x")?, number("digits")?)?),
        "power" => power(number("base")?, number("exponent")?)?,
        "sqrt" => Some(number("x")?.sqrt().ok_or("square root of a negative number")?),
        "abs_value" => Some(number("x")?.abs()),
        _ => return Err(format!("tool {name} cannot be executed")),
    };
    result.filter(|value| in_range(*value)).ok_or_else(|| OUT_OF_RANGE.to_owned())
}

fn divisor(value: Decimal) -> Result<Decimal, String> {
    if value.is_zero() { Err("division by zero".to_owned()) } else { Ok(value) }
}

/// The remainder with the sign of the divisor, as in Python.
fn modulo(a: Decimal, b: Decimal) -> Result<Decimal, String> {
    let rest = a.checked_rem(b).ok_or(OUT_OF_RANGE)?;
    Ok(if !rest.is_zero() && rest.is_sign_negative() != b.is_sign_negative() { rest + b } else { rest })
}

fn sum(list: Option<&Value>) -> Result<Decimal, String> {
    let list = list.and_then(Value::as_array).ok_or("missing argument numbers")?;
    if list.len() > LONGEST_LIST {
        return Err("too many numbers".to_owned());
    }
    list.iter().try_fold(Decimal::ZERO, |total, value| {
        number::from_json(value)
            .filter(|value| in_range(*value))
            .and_then(|value| total.checked_add(value))
            .ok_or_else(|| OUT_OF_RANGE.to_owned())
    })
}

/// Rounds half away from zero, as a person expects.
fn round(x: Decimal, digits: Decimal) -> Result<Decimal, String> {
    let digits = whole(digits, number::SHOWN_DECIMALS)
        .ok_or_else(|| format!("digits must be from 0 to {}", number::SHOWN_DECIMALS))?;
    Ok(x.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero))
}

fn power(base: Decimal, exponent: Decimal) -> Result<Option<Decimal>, String> {
    let exponent = whole(exponent, LARGEST_EXPONENT)
        .ok_or_else(|| format!("exponent must be from 0 to {LARGEST_EXPONENT}"))?;
    let step = |value: Decimal| value.checked_mul(base).filter(|value| in_range(*value));
    Ok((0..exponent).try_fold(Decimal::ONE, |value, _| step(value)))
}

/// The value as a whole number from 0 to `largest`.
fn whole(value: Decimal, largest: u32) -> Option<u32> {
    let value: u32 = if value.fract().is_zero() { value.try_into().ok()? } else { return None };
    (value <= largest).then_some(value)
}

/// The tool that is easily taken for `tool`: often on offer as a distractor, and a typical mistake.
///
/// Its parameters can be filled from those of `tool`. None for names outside the arithmetic and look-up domains.
pub fn confusable(tool: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 12] = [
        ("add", "subtract"),
        ("subtract", "add"),
        ("multiply", "add"),
        ("divide", "multiply"),
        ("sum_numbers", "add"),
        ("floor", "ceil"),
        ("ceil", "floor"),
        ("round_number", "floor"),
        ("power", "multiply"),
        ("sqrt", "floor"),
        ("abs_value", "floor"),
        ("modulo", "divide"),
    ];
    PAIRS
        .iter()
        .find(|(right, _)| *right == tool)
        .map(|(_, wrong)| *wrong)
        .or_else(|| crate::multihop::sibling(tool))
}
