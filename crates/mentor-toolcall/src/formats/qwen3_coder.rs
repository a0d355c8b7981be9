//! Qwen3-Coder: each argument as text in a tag of its own, without types.
//!
//! ```text
//! <tool_call>
//! <function=NAME>
//! <parameter=KEY>
//! VALUE
//! </parameter>
//! </function>
//! </tool_call>
//! ```
//!
//! Written by Qwen3-Coder, Qwen3.5, Nemotron 3 and Step-3.5. One line break behind `<parameter=KEY>` and one before
//! `</parameter>` are the format's, everything else is the value's. A value is a string unless the tool's schema says
//! otherwise; see [`typing`] for how a text is read as another type.
//!
//! To the letter: all closing tags there, nothing but whitespace between tags. A `</parameter>` ends a value only if a
//! tag that may follow it does, so that code which holds one is read whole. A call without `<tool_call>` around it is a
//! [bare call](crate::Fault::BareCall).

use mentor_trajectory::Call;

use super::{
    More, Read, Scanner, Spec, Step, Unit, Unwritable, Write, hermes, object_call,
    tagged::{spread_tag, stray_close},
    typing,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Members, SPACE},
};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
const FUNCTION: &str = "<function=";
const FUNCTION_END: &str = "</function>";
const PARAMETER: &str = "<parameter=";
const PARAMETER_END: &str = "</parameter>";

pub(super) static SPEC: Spec = Spec {
    id: "qwen3-coder",
    aliases: &[],
    families: "Qwen3-Coder, Qwen3.5, Nemotron 3, Step-3.5",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE, FUNCTION],
    closes: &[CLOSE, FUNCTION_END, OPEN],
    read,
    write: Write { calls, observations: hermes::observations, tools: hermes::tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    match unit.marker {
        CLOSE => {
            drafts.push(stray_close(unit));
            Ok(Step::Calls(unit.inside()))
        }
        FUNCTION => {
            let (draft, end) = function(unit, unit.start)?;
            drafts.push(draft);
            let close = unit.skip_space(end)?;
            let end = if unit.is_at(close, CLOSE)? { close + CLOSE.len() } else { end };
            spread_tag(drafts, (unit.start, end), Fault::BareCall.into());
            Ok(Step::Calls(end))
        }
        _ => tag(unit, drafts),
    }
}

/// Reads everything from `<tool_call>` on.
fn tag(unit: &Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    let mut around = Faults::default();
    let (first, which) = unit.find(unit.inside(), &[FUNCTION, CLOSE, OPEN])?.unwrap_or((unit.text.len(), 2));
    let blank = unit.text[unit.inside()..first].trim_matches(SPACE).is_empty();
    if which > 0 {
        around.add(if blank { Fault::EmptyTag } else { Fault::NoFunction });
        if which == 2 {
            around.add(Fault::MissingCloseTag);
        }
        let end = if which == 1 { first + CLOSE.len() } else { first };
        drafts.push(Draft { arguments: Some(object_call::nothing()), ..Draft::default() });
        spread_tag(drafts, (unit.start, end), around);
        return Ok(Step::Calls(end));
    }
    if !blank {
        around.add(Fault::TextInTag);
    }
    let mut at = first;
    let end = loop {
        let (draft, end) = function(unit, at)?;
        drafts.push(draft);
        at = unit.skip_space(end)?;
        if unit.is_at(at, CLOSE)? {
            break at + CLOSE.len();
        }
        if !unit.is_at(at, FUNCTION)? {
            around.add(Fault::MissingCloseTag);
            break end;
        }
    };
    spread_tag(drafts, (unit.start, end), around);
    Ok(Step::Calls(end))
}

/// Reads the function that begins at `start`, and says where it ends.
fn function(unit: &Unit<'_>, start: usize) -> Result<(Draft, usize), More> {
    let mut draft = Draft { span: (start, start), ..Draft::default() };
    let mut arguments = Members::default();
    let end = match head(unit, start + FUNCTION.len())? {
        Some((name, at)) => {
            if name.is_empty() {
                draft.faults.add(Fault::EmptyName);
            } else {
                draft.name = Some(name.to_owned());
            }
            parameters(unit, name, at, &mut draft, &mut arguments)?
        }
        None => broken(unit, start + FUNCTION.len(), &mut draft.faults)?,
    };
    draft.arguments = Some(Json::Object(arguments.pairs));
    Ok((draft, end))
}

/// The text up to `>`, which must be in the same line.
fn head<'a>(unit: &Unit<'a>, from: usize) -> Result<Option<(&'a str, usize)>, More> {
    Ok(match unit.find(from, &[">", "<", "\n"])? {
        Some((at, 0)) => Some((unit.text[from..at].trim(), at + 1)),
        _ => None,
    })
}

/// Names why nothing more can be read, and finds where the call ends all the same.
fn broken(unit: &Unit<'_>, from: usize, faults: &mut Faults) -> Result<usize, More> {
    let end = unit.find(from, &[CLOSE, OPEN])?;
    faults.add(if end.is_none() { Fault::CutOff } else { Fault::SyntaxError });
    Ok(end.map_or(unit.text.len(), |(at, _)| at))
}

/// Reads parameter after parameter up to the end of the function, which is returned.
fn parameters(
    unit: &Unit<'_>,
    function: &str,
    mut at: usize,
    draft: &mut Draft,
    arguments: &mut Members,
) -> Result<usize, More> {
    loop {
        let next = unit.find(at, &[PARAMETER, FUNCTION_END, CLOSE, FUNCTION, OPEN])?;
        let Some((tag, which)) = next else {
            draft.faults.add(Fault::CutOff);
            return Ok(unit.text.len());
        };
        if !unit.text[at..tag].trim_matches(SPACE).is_empty() {
            draft.faults.add(Fault::TextInTag);
        }
        match which {
            0 => {}
            1 => return Ok(tag + FUNCTION_END.len()),
            _ => {
                draft.faults.add(Fault::MissingCloseTag);
                return Ok(tag);
            }
        }
        let Some((key, from)) = head(unit, tag + PARAMETER.len())? else {
            return broken(unit, tag + PARAMETER.len(), &mut draft.faults);
        };
        let Some((value, end)) = value(unit, from, &mut draft.faults)? else {
            draft.faults.add(Fault::CutOff);
            return Ok(unit.text.len());
        };
        let schema = unit.tools.and_then(|tools| tools.parameter(function, key));
        let value = typing::read(value, schema, &mut draft.faults);
        if arguments.push(key.to_owned(), value, (from, end)) {
            draft.faults.add(Fault::DuplicateKey);
        }
        let first = draft.arguments_span.map_or(tag, |(first, _)| first);
        draft.arguments_span = Some((first, end));
        at = end;
    }
}

/// The value that begins at `from`, and where its closing tag ends; none if the text ends before it does.
fn value<'a>(unit: &Unit<'a>, from: usize, faults: &mut Faults) -> Result<Option<(&'a str, usize)>, More> {
    let text = |end: usize| without_line_breaks(&unit.text[from..end]);
    let mut doubtful = None;
    let mut at = from;
    loop {
        let Some((tag, which)) = unit.find(at, &[PARAMETER_END, PARAMETER, FUNCTION_END, CLOSE])? else {
            return Ok(None);
        };
        at = tag + 1;
        let (after, ends) = match which {
            0 => (
                tag + PARAMETER_END.len(),
                followed(unit, tag + PARAMETER_END.len(), &[PARAMETER, FUNCTION_END, CLOSE, FUNCTION])?,
            ),
            1 => (tag, doubtful.is_none() && unit.text[..tag].ends_with('\n')),
            2 => (tag, followed(unit, tag + FUNCTION_END.len(), &[CLOSE, FUNCTION, OPEN])?),
            _ => (tag, true),
        };
        if which == 0 && !ends {
            doubtful.get_or_insert(tag);
        }
        if !ends {
            continue;
        }
        if which == 0 {
            return Ok(Some((text(tag), after)));
        }
        if let Some(tag) = doubtful {
            return Ok(Some((text(tag), tag + PARAMETER_END.len())));
        }
        faults.add(Fault::MissingCloseTag);
        return Ok(Some((text(tag), after)));
    }
}

/// Whether nothing but whitespace stands before one of several tags, or before the end.
fn followed(unit: &Unit<'_>, from: usize, tags: &[&str]) -> Result<bool, More> {
    let at = unit.skip_space(from)?;
    if at == unit.text.len() {
        return Ok(true);
    }
    for tag in tags {
        if unit.is_at(at, tag)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A value without the line break the format puts before and behind it.
fn without_line_breaks(text: &str) -> &str {
    let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str("<tool_call>\n<function=");
        out.push_str(writable_name("the name", &call.name)?);
        out.push_str(">\n");
        for (key, value) in &call.arguments {
            out.push_str(PARAMETER);
            out.push_str(writable_name("the argument name", key)?);
            out.push_str(">\n");
            let mut text = String::new();
            typing::write(value, &mut text);
            if [PARAMETER_END, PARAMETER, FUNCTION_END, CLOSE].iter().any(|tag| text.contains(tag)) {
                let why = "it holds a tag of the format, which has no escapes; use another format";
                return Err(Unwritable { format: SPEC.id, what: "the value", text, why });
            }
            out.push_str(&text);
            out.push_str("\n</parameter>\n");
        }
        out.push_str("</function>\n</tool_call>");
    }
    Ok(())
}

fn writable_name<'a>(what: &'static str, name: &'a str) -> Result<&'a str, Unwritable> {
    if name.is_empty() || name.trim() != name || name.contains(['<', '>', '\n']) {
        let why = "it is empty, ends in whitespace, or holds `<`, `>` or a line break; rename it";
        return Err(Unwritable { format: SPEC.id, what, text: name.to_owned(), why });
    }
    Ok(name)
}
