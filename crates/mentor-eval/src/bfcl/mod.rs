//! The verdicts of the Berkeley Function-Calling Leaderboard (BFCL) on single-turn calls.
//!
//! [`check`] gives `valid` and `error_type` as the released `bfcl-eval` 2026.3.23 does in the categories it compares as
//! syntax trees (simple, multiple, parallel, `parallel_multiple`, live or not, Java and JavaScript) and in irrelevance and
//! relevance. `fixtures/bfcl/oracle.py` in the project's repository holds the two against each other on every item and on
//! over 100,000 mutated answers; CI runs it.
//!
//! ```
//! use mentor_eval::bfcl::{Item, Language, Routine, Value, check};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let functions = Value::from_json(
//!     r#"[{"name": "geometry.area", "parameters": {"type": "dict", "required": ["side"], "properties":
//!          {"side": {"type": "float"}, "unit": {"type": "string"}}}}]"#,
//! )?;
//! let answer = Value::from_json(r#"[{"geometry.area": {"side": [3.0], "unit": ["cm", ""]}}]"#)?;
//! let item = Item::new(Routine::Simple, Language::Python, &functions, &answer)?;
//!
//! let verdict = |calls: &str| check(&item, Value::from_json(calls).ok().as_ref()).error_type;
//! assert_eq!(verdict(r#"[{"geometry.area": {"side": 3, "unit": "CM"}}]"#), None);
//! assert_eq!(verdict(r#"[{"geometry.area": {"side": "3"}}]"#), Some("type_error:simple"));
//! assert_eq!(verdict(r#"[{"area": {"side": 3}}]"#), Some("simple_function_checker:wrong_func_name"));
//! assert_eq!(verdict("I would rather not."), Some("ast_decoder:decoder_failed"));
//! # Ok(())
//! # }
//! ```
//!
//! # The rules
//!
//! 1. Calls are `[{name: {argument: value}}]`; anything else is `ast_decoder:decoder_wrong_output_format`.
//! 2. A call's name must equal the documented one, after [`_` for `.`](Item::underscore_to_dot) if asked for.
//! 3. Then, the first failure deciding: a missing required argument; argument by argument, whether it is both documented
//!    and answered, its type, its value; last an answered argument left out whose values lack `""`.
//! 4. Types are exact: `True` is no integer, `5.0` neither. An integer is taken for a documented `float`, but not inside
//!    an array. `any` is text.
//! 5. If the first answer other than `""` is of another type than documented, a value of that type stands for a variable
//!    and is compared exactly.
//! 6. Text is compared without spaces and `, . / - _ * ^`, in lower case, with `"` for `'`.
//! 7. Lists are compared in order, text directly in them as in 6, deeper values exactly.
//! 8. Of a dictionary the keys must be answered and each value be among the answer's, text as in 6; types do not matter
//!    there (`1 == True == 1.0`).
//! 9. Parallel calls are paired greedily: each answer in turn takes the first call left that fits.
//! 10. Irrelevance wants calls that cannot be decoded or are none, relevance the opposite.
//!
//! # Where Python raises
//!
//! BFCL does not catch what its checker raises: a documented type it does not know (`number`), `required` or `items` left
//! out of the documentation, a function that is answered but not documented, an integer too large for a `float`, an empty
//! list of answers, an answer for a dictionary that is none, a Java `Set`, … end its run. Here the verdict is not valid,
//! with `exception:` and the exception's class (`exception:KeyError`) for the error type.
//!
//! # What is not done, and what differs
//!
//! - Text is not decoded into calls: that depends on the model and is `mentor-toolcall`'s. No calls (`None`) means that
//!   decoding failed. Java and JavaScript values are therefore expected as BFCL's decoder (a tree-sitter parse) leaves
//!   them: the source text of each argument, outer quotes of a string literal cut off. From there all of BFCL's conversions
//!   are made, by the same regular expressions: numbers, booleans, strings, arrays, lists and maps. It converts no `Set`,
//!   `Hashtable`, `Queue` or `Stack` (these raise), no nested Java collections, and of a JavaScript object only what precedes
//!   the first `}`.
//! - JSON has no tuples: a list stands for one, also where BFCL, given a tuple from Python source text for a documented
//!   `array`, finds the type wrong.
//! - Multi-turn, memory and web-search categories run tools; they have no place here.
//! - Letters and digits are those of the Rust library's version of Unicode, not of a Python version's.
//! - Containers are read to a depth of [`MAX_DEPTH`]; deeper calls count as not decoded. Python's limit depends on its
//!   version.

mod call;
mod case;
mod compare;
mod item;
mod java;
mod javascript;
mod json;
mod number;
mod python;
mod value;

pub use case::{Case, CaseError};
pub use item::{Category, Item, ItemError, Language, Routine};
pub use json::{JsonError, MAX_DEPTH};
pub use value::{Dict, Int, Value};

use std::borrow::Cow;

use call::check_call;
use item::{Answers, Function};
use python::{Check, Stop};

/// BFCL's verdict on a model's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the calls are right.
    pub valid: bool,
    /// What BFCL calls the error; none if and only if they are.
    pub error_type: Option<&'static str>,
}

/// Judges calls as BFCL does; none if there was no way to read calls in what the model wrote.
pub fn check(item: &Item, calls: Option<&Value>) -> Verdict {
    let decoded = calls.and_then(decode);
    let made = decoded.as_ref().is_some_and(|calls| !calls.is_empty());
    let outcome = match (item.category, decoded) {
        (Category::Irrelevance, _) if made => Err(Stop::Wrong("irrelevance_error:decoder_success")),
        (Category::Relevance, _) if !made => Err(Stop::Wrong("relevance_error:decoder_failed")),
        (Category::Irrelevance | Category::Relevance, _) => Ok(()),
        (Category::Ast(..), None) if calls.is_none() => Err(Stop::Wrong("ast_decoder:decoder_failed")),
        (Category::Ast(..), None) => Err(Stop::Wrong("ast_decoder:decoder_wrong_output_format")),
        (Category::Ast(routine, language), Some(calls)) => check_calls(item, routine, language, calls),
    };
    let error_type = outcome.err().map(|(Stop::Wrong(error) | Stop::Raised(error))| error);
    Verdict { valid: error_type.is_none(), error_type }
}

/// A call's name and arguments.
type Call<'a> = (&'a str, &'a Dict);

/// The calls in `[{name: {argument: value}}]`; none for any other form.
fn decode(calls: &Value) -> Option<Vec<Call<'_>>> {
    let Value::List(calls) = calls else { return None };
    calls.iter().map(decode_call).collect()
}

fn decode_call(call: &Value) -> Option<Call<'_>> {
    match call {
        Value::Dict(call) if call.len() == 1 => match call.first()? {
            (name, Value::Dict(arguments)) => Some((name, arguments)),
            _ => None,
        },
        _ => None,
    }
}

/// Pairs calls with answers and compares each pair.
fn check_calls(item: &Item, routine: Routine, language: Language, mut calls: Vec<Call>) -> Check {
    let compare = |function: &Function, call: Call, answers: &Answers| {
        let name = &function.name;
        let name = if item.underscore_to_dot { name.replace('.', "_").into() } else { Cow::from(name) };
        check_call(language, function, &name, call, answers)
    };
    // The function is found by the answer's name. BFCL looks into what it finds, even if that is `None`.
    let find =
        |name: &str| item.functions.iter().find(|function| function.name == name).ok_or(Stop::TYPE_ERROR);
    match routine {
        Routine::Simple => {
            let [call] = calls[..] else { return Err(Stop::Wrong("simple_function_checker:wrong_count")) };
            let function = item.functions.first().ok_or(Stop::INDEX_ERROR)?;
            let (_, answers) = item.answers.first().ok_or(Stop::INDEX_ERROR)?;
            compare(function, call, answers)
        }
        Routine::Multiple => {
            if calls.len() != item.answers.len() {
                return Err(Stop::Wrong("multiple_function_checker:wrong_count"));
            }
            let (name, answers) = item.answers.first().ok_or(Stop::INDEX_ERROR)?;
            compare(find(name)?, calls[0], answers)
        }
        Routine::Parallel => {
            if calls.len() != item.answers.len() {
                return Err(Stop::Wrong("parallel_function_checker_no_order:wrong_count"));
            }
            for (name, answers) in &item.answers {
                let fit = first_fit(&calls, |call| compare(find(name)?, call, answers))?;
                calls.remove(fit);
            }
            Ok(())
        }
    }
}

/// The first call that fits; what raises, raises.
fn first_fit(calls: &[Call], fits: impl Fn(Call) -> Check) -> Check<usize> {
    for (index, call) in calls.iter().enumerate() {
        match fits(*call) {
            Ok(()) => return Ok(index),
            Err(Stop::Wrong(_)) => {}
            Err(raised) => return Err(raised),
        }
    }
    Err(Stop::Wrong("parallel_function_checker_no_order:cannot_find_match"))
}
