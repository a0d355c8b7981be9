//! Arguments: JSON values compared as a tool would see them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// The share of the wanted arguments that were given with an equal value; 1 if none is wanted.
///
/// Arguments that were given and not wanted cost nothing here.
pub fn argument_agreement(wanted: &Map<String, Value>, given: &Map<String, Value>) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    // Calls of one tool mostly give their arguments in one order: the one in the same place is tried first.
    let mut in_order = given.iter();
    let agrees = |(name, value): &(&String, &Value)| {
        let other = match in_order.next() {
            Some((key, other)) if key == *name => Some(other),
            _ => get(given, name),
        };
        other.is_some_and(|other| value_equal(value, other))
    };
    wanted.iter().filter(agrees).count() as f64 / wanted.len() as f64
}

/// The member of a name. Calls have a handful of arguments, and comparing a few short names is faster than hashing one.
pub(super) fn get<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    const FEW: usize = 8;
    if members.len() > FEW {
        return members.get(name);
    }
    members.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// How strings are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strings {
    /// Character by character: 1 or 0.
    #[default]
    Exact,
    /// By [`string_similarity`].
    Similar,
}

/// How near two values must be to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Closeness {
    /// Numbers agree if they differ by at most this share of the larger magnitude; 0 asks for the same number.
    pub tolerance: f64,
    /// How strings are compared.
    pub strings: Strings,
}

impl Closeness {
    /// The similarity of two values, from 0 to 1: strings as [`Closeness::strings`] says, all else by 1 or 0.
    ///
    /// Inside lists and objects numbers have their tolerance, too; strings are compared exactly there.
    pub fn of(&self, a: &Value, b: &Value) -> f64 {
        match (a, b) {
            (Value::String(a), Value::String(b)) if self.strings == Strings::Similar => {
                string_similarity(a, b)
            }
            _ => f64::from(u8::from(values_agree(a, b, self.tolerance))),
        }
    }
}

/// The mean similarity of the wanted arguments to those given; 1 if none is wanted, and 0 for one that was not given.
///
/// With exact strings and no tolerance it is [`argument_agreement`].
pub fn argument_similarity(
    wanted: &Map<String, Value>,
    given: &Map<String, Value>,
    closeness: &Closeness,
) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    let similar =
        |(name, value): (&String, &Value)| get(given, name).map_or(0.0, |other| closeness.of(value, other));
    wanted.iter().map(similar).sum::<f64>() / wanted.len() as f64
}

/// F1 of the names of two sets of arguments; 1 if both are empty.
pub fn argument_names_f1(wanted: &Map<String, Value>, given: &Map<String, Value>) -> f64 {
    match wanted.len() + given.len() {
        0 => 1.0,
        both => 2.0 * wanted.keys().filter(|name| get(given, name).is_some()).count() as f64 / both as f64,
    }
}

/// Characters of a string that are compared: the time for two of them stays under a millisecond.
const MAX_CHARACTERS: usize = 4096;

/// `2·LCS / (|a| + |b|)` over characters: 1 for equal strings, two empty ones included; 0 without a common character.
///
/// Of longer strings the first 4,096 characters count, and the strings are equal only if all of them are.
pub fn string_similarity(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let characters = |text: &str| text.chars().take(MAX_CHARACTERS).collect::<Vec<_>>();
    let similarity = super::order(&characters(a), &characters(b));
    // Strings that differ after the last character compared are near, and not equal.
    if similarity == 1.0 { 1.0 - 1.0 / MAX_CHARACTERS as f64 } else { similarity }
}

/// Whether two JSON values are the same value: numbers by value (`2` is `2.0`), strings exactly, lists in order, objects
/// in any order of their keys.
///
/// `true` is not `1`, and `"2"` is not `2`. An integer and a float are equal only if they are exactly so: no integer is
/// rounded to a float first. Values may be nested to any depth.
pub fn value_equal(a: &Value, b: &Value) -> bool {
    values_agree(a, b, 0.0)
}

fn values_agree(a: &Value, b: &Value, tolerance: f64) -> bool {
    agree(a, b, tolerance, SHALLOW)
}

/// Values within values that are compared by recursion, which allocates nothing; arguments are hardly ever nested deeper.
const SHALLOW: usize = 16;

fn agree(a: &Value, b: &Value, tolerance: f64, depth: usize) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number_equal(a, b) || number_near(a, b, tolerance),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Null, Value::Null) => true,
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) if depth == 0 => {
            agree_deeply(a, b, tolerance)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b, tolerance, depth - 1))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, value): (&String, &Value)| {
                get(b, key).is_some_and(|other| agree(value, other, tolerance, depth - 1))
            };
            a.len() == b.len() && a.iter().all(same)
        }
        _ => false,
    }
}

/// The same with a list of what is still to compare instead of recursion: the depth is a model's to choose.
fn agree_deeply(a: &Value, b: &Value, tolerance: f64) -> bool {
    let mut open = vec![(a, b)];
    while let Some(pair) = open.pop() {
        match pair {
            (Value::Array(a), Value::Array(b)) => {
                if a.len() != b.len() {
                    return false;
                }
                open.extend(a.iter().zip(b));
            }
            (Value::Object(a), Value::Object(b)) => {
                if a.len() != b.len() {
                    return false;
                }
                for (key, value) in a {
                    let Some(other) = get(b, key) else { return false };
                    open.push((value, other));
                }
            }
            (a, b) => {
                if !agree(a, b, tolerance, 0) {
                    return false;
                }
            }
        }
    }
    true
}

fn number_equal(a: &Number, b: &Number) -> bool {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a == b;
    }
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a == b,
        (Some(integer), None) => b.as_f64().is_some_and(|float| is_integer(float, integer)),
        (None, Some(integer)) => a.as_f64().is_some_and(|float| is_integer(float, integer)),
        (None, None) => a.as_f64() == b.as_f64(),
    }
}

/// Whether a float is exactly this integer (of 64 bits and a sign: the integers JSON numbers hold here).
fn is_integer(float: f64, integer: i128) -> bool {
    float.trunc() == float && float.abs() < 1e30 && float as i128 == integer
}

fn number_near(a: &Number, b: &Number, tolerance: f64) -> bool {
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return false };
    tolerance > 0.0 && (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

/// A hash that is the same for values that are [equal](value_equal), whatever the order of an object's keys.
pub fn value_hash(value: &Value) -> u64 {
    let mut sum = 0;
    let mut deep = Vec::new();
    add_hashes(value, 0, SHALLOW, &mut sum, &mut deep);
    while let Some((value, way)) = deep.pop() {
        add_hashes(value, way, 0, &mut sum, &mut deep);
    }
    sum
}

/// Adds the hash of a value and of all that is in it, each with the hash of the way to it: a sum forgets the order, and
/// nothing else. Members below `depth` are left for later.
fn add_hashes<'a>(value: &'a Value, way: u64, depth: usize, sum: &mut u64, deep: &mut Vec<(&'a Value, u64)>) {
    let mut member = |item: &'a Value, way: u64, sum: &mut u64| match depth {
        0 => deep.push((item, way)),
        _ => add_hashes(item, way, depth - 1, sum, deep),
    };
    let own = match value {
        Value::Null => mix(way, 1),
        Value::Bool(truth) => mix(way, 2 + u64::from(*truth)),
        // Equal numbers are the same double; that some different ones are, too, is what a hash may do. −0 is 0.
        Value::Number(number) => mix(way, (number.as_f64().unwrap_or(0.0) + 0.0).to_bits() ^ 4),
        Value::String(text) => mix(way, text_hash(text) ^ 5),
        Value::Array(items) => {
            (1..).zip(items).for_each(|(place, item)| member(item, mix(way, place ^ 6 << 60), sum));
            mix(way, 6 + items.len() as u64)
        }
        Value::Object(members) => {
            members.iter().for_each(|(key, item)| member(item, mix(way, text_hash(key)), sum));
            mix(way, 7 << 32 | members.len() as u64)
        }
    };
    *sum = sum.wrapping_add(own);
}

/// FNV-1a.
pub(crate) fn text_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finalizer of splitmix64 over both.
fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(25).wrapping_add(b).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
