//! Pythonic: a Python list of calls with keyword arguments, `[f(x=1), g(s="a")]`.
//!
//! Written by Llama 3.2 and 4 and `ToolACE`; Llama 4 may put `<|python_start|>` before and `<|python_end|>` behind it. To
//! the letter: the first thing in the turn (or behind the marker), dotted names, arguments by keyword, values that are
//! Python literals with the string-keyed dictionaries, lists and strings that JSON has too. Any word may name a
//! parameter, also one that Python reserves.
//!
//! Nothing is evaluated: an expression, a nested call or an f-string is refused by name. A tuple is read as a list and
//! `true` as `True`, both named. Since nothing announces a call, only `[`, a name and `(` together begin one.

use mentor_trajectory::Call;
use serde_json::Value;

use super::{
    More, Read, Scanner, Spec, Step, Unit, Unwritable, Write, object_call, python::Python, tagged::spread,
    write,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Members, is_word, write_string, write_value},
};

const START: &str = "<|python_start|>";
const END: &str = "<|python_end|>";

pub(super) static SPEC: Spec = Spec {
    id: "pythonic",
    aliases: &[],
    families: "Llama 3.2/4, ToolACE",
    thinking: ("<think>", "</think>"),
    opens: &["[", START, END],
    closes: &["]", END],
    read,
    write: Write { calls, observations: write::lines, tools: write::functions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == END {
        return Ok(Step::Markup(unit.inside()));
    }
    let announced = unit.marker == START;
    if !announced && !unit.place.line_start {
        return Ok(unit.no_call());
    }
    let mut around = Faults::default();
    if !announced && !unit.place.blank {
        around.add(Fault::BareCall);
    }
    let open = if announced { unit.skip_space(unit.inside())? } else { unit.start };
    if !unit.is_at(open, "[")? || !begins_call(unit, open + 1)? {
        if !announced {
            return Ok(unit.no_call());
        }
        drafts.push(Draft {
            span: (unit.start, unit.inside()),
            arguments: Some(object_call::nothing()),
            faults: Fault::NoFunction.into(),
            ..Draft::default()
        });
        return Ok(Step::Calls(unit.inside()));
    }
    let mut end = list(unit, open + 1, &[], &mut around, drafts)?;
    if announced {
        let close = unit.skip_space(end)?;
        if unit.is_at(close, END)? {
            end = close + END.len();
        }
    }
    spread(drafts, (unit.start, end), &around);
    Ok(Step::Calls(end))
}

/// Whether a name and an opening parenthesis stand here.
pub(super) fn begins_call(unit: &Unit<'_>, at: usize) -> Result<bool, More> {
    let mut python = Python::new(unit.text, at);
    python.skip_space();
    let begins = !python.name().is_empty() && {
        python.skip_space();
        python.eat("(")
    };
    python.settle(unit)?;
    Ok(begins)
}

/// Reads call after call from behind `[` to behind `]`; a call that is broken reaches no further than the markers `stops`.
pub(super) fn list(
    unit: &Unit<'_>,
    mut at: usize,
    stops: &[&str],
    around: &mut Faults,
    drafts: &mut Vec<Draft>,
) -> Result<usize, More> {
    loop {
        at = unit.skip_space(at)?;
        let (draft, end, whole) = call(unit, at)?;
        drafts.push(draft);
        at = if whole { end } else { next_call(unit, end, stops)? };
        let behind = unit.skip_space(at)?;
        let comma = unit.is_at(behind, ",")?;
        let next = if comma { unit.skip_space(behind + 1)? } else { behind };
        if unit.is_at(next, "]")? {
            return Ok(next + 1);
        }
        if !begins_call(unit, next)? {
            around.add(Fault::MissingClosingBracket);
            return Ok(at);
        }
        if !comma {
            around.add(Fault::GluedCalls);
        }
        at = next;
    }
}

/// Reads the call at `at`: where reading stopped, and whether it is whole.
pub(super) fn call(unit: &Unit<'_>, at: usize) -> Result<(Draft, usize, bool), More> {
    let mut python = Python::new(unit.text, at);
    let name = python.name();
    python.skip_space();
    python.eat("(");
    let from = python.at;
    let mut arguments = Members::default();
    let read = python.arguments(&mut arguments);
    python.settle(unit)?;
    let mut faults = std::mem::take(&mut python.faults);
    if let Err(halt) = read {
        faults.add(halt);
    }
    let until = if read.is_ok() { python.at - 1 } else { python.at };
    let draft = Draft {
        span: (at, python.at),
        name: Some(name.to_owned()),
        arguments_span: Some((from, until)),
        arguments: Some(Json::Object(arguments.pairs)),
        faults,
        ..Draft::default()
    };
    Ok((draft, python.at, read.is_ok()))
}

/// Where a broken call ends: behind the first `)` from here on that another call or the end of the list follows, or
/// with the line, or at a marker.
fn next_call(unit: &Unit<'_>, from: usize, stops: &[&str]) -> Result<usize, More> {
    let ends: Vec<&str> = [")", "\n"].into_iter().chain(stops.iter().copied()).collect();
    let mut at = from;
    while let Some((found, which)) = unit.find(at, &ends)? {
        if which > 0 {
            return Ok(found);
        }
        let behind = unit.skip_space(found + 1)?;
        if unit.is_at(behind, "]")? || unit.is_at(behind, ",")? && begins_call(unit, behind + 1)? {
            return Ok(found + 1);
        }
        at = found + 1;
    }
    Ok(unit.text.len())
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    write_list(SPEC.id, calls, out)
}

/// Writes `[f(x=1), g(s="a")]`.
pub(super) fn write_list(format: &'static str, calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push('[');
    for (index, call) in calls.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_call(format, Literals::Python, call, out)?;
    }
    out.push(']');
    Ok(())
}

/// How `None`, `True` and `False` are spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Literals {
    Python,
    Json,
}

/// Writes `f(x=1, s="a")`.
pub(super) fn write_call(
    format: &'static str,
    literals: Literals,
    call: &Call,
    out: &mut String,
) -> Result<(), Unwritable> {
    let why = "it is no Python name; use letters, digits and `_`";
    if !call.name.split('.').all(is_name) {
        return Err(Unwritable { format, what: "the name", text: call.name.clone(), why });
    }
    out.push_str(&call.name);
    out.push('(');
    for (index, (key, value)) in call.arguments.iter().enumerate() {
        if !is_name(key) {
            return Err(Unwritable { format, what: "the argument name", text: key.clone(), why });
        }
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(key);
        out.push('=');
        match literals {
            Literals::Python => write_literal(value, out),
            Literals::Json => write_value(value, out),
        }
    }
    out.push(')');
    Ok(())
}

fn is_name(word: &str) -> bool {
    word.bytes().all(is_word) && word.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// A value as a Python literal.
fn write_literal(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_literal(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_string(key, out);
                out.push_str(": ");
                write_literal(member, out);
            }
            out.push('}');
        }
        scalar => write_value(scalar, out),
    }
}
