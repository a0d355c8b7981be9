//! GLM: a name and pairs of key and value in a `<tool_call>`, values as text.
//!
//! ```text
//! <tool_call>NAME
//! <arg_key>KEY</arg_key>
//! <arg_value>VALUE</arg_value>
//! </tool_call>
//! ```
//!
//! Written by GLM 4.5 (with line breaks between the tags), GLM 4.7 (without), Ling 3 and Poolside. A value stands in its
//! tag as it is; it is a string unless the tool's schema says otherwise; see [`typing`](super::typing) for how a text is
//! read as another type.
//!
//! To the letter: every key with its value, all closing tags there, nothing but whitespace between tags. A key with the
//! beginning of its value inside another value is text if that value goes on behind it; [otherwise](Fault::TagInValue)
//! nothing is certain.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    More, Read, Scanner, Spec, Step, Unit, Unwritable, Write, hermes,
    markup::followed,
    object_call,
    tagged::{spread, stray_close},
    typing,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Members, SPACE},
};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
const KEY: &str = "<arg_key>";
const KEY_END: &str = "</arg_key>";
const VALUE: &str = "<arg_value>";
const VALUE_END: &str = "</arg_value>";

pub(super) static SPEC: Spec = Spec {
    id: "glm",
    aliases: &["glm-4.5", "glm-4.7"],
    families: "GLM 4.5/4.7, Ling 3, Poolside",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations: hermes::observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == CLOSE {
        drafts.push(stray_close(unit));
        return Ok(Step::Calls(unit.inside()));
    }
    let mut faults = Faults::default();
    let found = unit.find(unit.inside(), &[KEY, CLOSE, OPEN])?;
    let (first, which) = found.unwrap_or((unit.text.len(), 2));
    let name = unit.text[unit.inside()..first].trim_matches(SPACE);
    // A name that nothing follows may go on.
    let named = found.is_some() && is_name(name);
    if !named && (found.is_some() || name.is_empty()) {
        faults.add(match (name, which) {
            ("", 0) => Fault::EmptyName,
            ("", _) => Fault::EmptyTag,
            _ => Fault::NoFunction,
        });
    }
    let mut draft = Draft { name: named.then(|| name.to_owned()), ..Draft::default() };
    let mut arguments = Members::default();
    let end = pairs(unit, name, first, &mut draft, &mut arguments, &mut faults)?;
    draft.arguments =
        Some(if arguments.pairs.is_empty() { object_call::nothing() } else { Json::Object(arguments.pairs) });
    drafts.push(draft);
    spread(drafts, (unit.start, end), &faults);
    Ok(Step::Calls(end))
}

/// Reads key after key with its value up to the end of the call, which is returned.
fn pairs(
    unit: &Unit<'_>,
    function: &str,
    mut at: usize,
    draft: &mut Draft,
    arguments: &mut Members,
    faults: &mut Faults,
) -> Result<usize, More> {
    loop {
        let Some((tag, which)) = unit.find(at, &[KEY, CLOSE, OPEN])? else {
            faults.add(Fault::CutOff);
            return Ok(unit.text.len());
        };
        if draft.arguments_span.is_some() && !unit.text[at..tag].trim_matches(SPACE).is_empty() {
            faults.add(Fault::TextInTag);
        }
        match which {
            0 => {}
            1 => return Ok(tag + CLOSE.len()),
            _ => {
                faults.add(Fault::MissingCloseTag);
                return Ok(tag);
            }
        }
        let from = tag + KEY.len();
        let Some((key_end, 0)) = unit.find(from, &[KEY_END, VALUE, KEY, CLOSE, OPEN])? else {
            return broken(unit, from, faults);
        };
        let key = unit.text[from..key_end].trim_matches(SPACE);
        let value_tag = unit.skip_space(key_end + KEY_END.len())?;
        if !unit.is_at(value_tag, VALUE)? {
            return broken(unit, value_tag, faults);
        }
        let from = value_tag + VALUE.len();
        let Some((value_end, end)) = value(unit, from, faults)? else {
            faults.add(Fault::CutOff);
            return Ok(unit.text.len());
        };
        if faults.has(Fault::TagInValue) {
            return call_end(unit, value_end, faults).map(|(end, _)| end);
        }
        let schema = unit.tools.and_then(|tools| tools.parameter(function, key));
        let value = typing::read(&unit.text[from..value_end], schema, faults);
        if arguments.push(key.to_owned(), value, (from, value_end)) {
            faults.add(Fault::DuplicateKey);
        }
        let first = draft.arguments_span.map_or(tag, |(first, _)| first);
        draft.arguments_span = Some((first, end));
        at = end;
    }
}

/// Where the value that begins at `from` ends, and its closing tag; none if the text ends before it does.
///
/// A closing tag ends it if a tag that may follow does, so that text which holds one is read whole.
fn value(unit: &Unit<'_>, from: usize, faults: &mut Faults) -> Result<Option<(usize, usize)>, More> {
    let mut doubtful = None;
    let mut at = from;
    loop {
        let Some((tag, which)) = unit.find(at, &[VALUE_END, CLOSE, VALUE])? else { return Ok(None) };
        let end = tag + VALUE_END.len();
        if which == 2 {
            at = tag + 1;
            if doubtful.is_none() && !is_closed_in_value(unit, at)? {
                faults.add(Fault::TagInValue);
                return Ok(Some((tag, tag)));
            }
            continue;
        }
        if which == 0 && followed(unit, end, &[KEY, CLOSE, OPEN])? {
            return Ok(Some((tag, end)));
        }
        if which == 1 {
            let Some(tag) = doubtful else {
                faults.add(Fault::MissingCloseTag);
                return Ok(Some((tag, tag)));
            };
            return Ok(Some((tag, tag + VALUE_END.len())));
        }
        doubtful.get_or_insert(tag);
        at = tag + 1;
    }
}

/// Whether the value that begins inside another one ends there, before more of the other.
fn is_closed_in_value(unit: &Unit<'_>, from: usize) -> Result<bool, More> {
    Ok(match unit.find(from, &[VALUE_END, CLOSE, VALUE])? {
        Some((close, 0)) => !followed(unit, close + VALUE_END.len(), &[KEY, CLOSE, OPEN])?,
        _ => false,
    })
}

/// Names why nothing more can be read, and finds where the call ends all the same.
fn broken(unit: &Unit<'_>, from: usize, faults: &mut Faults) -> Result<usize, More> {
    let (end, found) = call_end(unit, from, faults)?;
    if found {
        faults.add(Fault::SyntaxError);
    }
    Ok(end)
}

/// Where the call ends, and whether anything says so.
fn call_end(unit: &Unit<'_>, from: usize, faults: &mut Faults) -> Result<(usize, bool), More> {
    let Some((at, which)) = unit.find(from, &[CLOSE, OPEN])? else {
        faults.add(Fault::CutOff);
        return Ok((unit.text.len(), false));
    };
    Ok((if which == 0 { at + CLOSE.len() } else { at }, true))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(OPEN);
        out.push_str(writable("the name", &call.name)?);
        for (key, value) in &call.arguments {
            out.push('\n');
            out.push_str(KEY);
            out.push_str(writable("the argument name", key)?);
            out.push_str("</arg_key>\n<arg_value>");
            let mut text = String::new();
            typing::write(value, &mut text);
            if text.contains(VALUE_END) || text.contains(CLOSE) {
                let why = "it holds a tag of the format, which has no escapes; use another format";
                return Err(Unwritable { format: SPEC.id, what: "the value", text, why });
            }
            out.push_str(&text);
            out.push_str(VALUE_END);
        }
        out.push('\n');
        out.push_str(CLOSE);
    }
    Ok(())
}

fn writable<'a>(what: &'static str, name: &'a str) -> Result<&'a str, Unwritable> {
    if !is_name(name) {
        let why = "it is empty or holds whitespace, `<`, `>` or `{`; rename it";
        return Err(Unwritable { format: SPEC.id, what, text: name.to_owned(), why });
    }
    Ok(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '{'))
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<tools>");
    for tool in tools {
        out.push('\n');
        super::write_function(tool, out);
    }
    out.push_str("\n</tools>");
}
