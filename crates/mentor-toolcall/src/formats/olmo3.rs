//! Olmo 3: one call a line between `<function_calls>` and `</function_calls>`, `f(x=1)`.
//!
//! Written by Olmo 3. To the letter: both markers there, a call a line, values that are Python literals or JSON's `true`,
//! `false` and `null`. Nothing is evaluated.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Read, Scanner, Spec, Step, Unit, Unwritable, Write, object_call,
    pythonic::{self, Literals},
    tagged::{spread, stray_close},
    write,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
};

const OPEN: &str = "<function_calls>";
const CLOSE: &str = "</function_calls>";

pub(super) static SPEC: Spec = Spec {
    id: "olmo3",
    aliases: &[],
    families: "Olmo 3",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations: write::lines, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == CLOSE {
        drafts.push(stray_close(unit));
        return Ok(Step::Calls(unit.inside()));
    }
    let mut around = Faults::default();
    let mut at = unit.inside();
    let end = loop {
        let next = unit.skip_space(at)?;
        if unit.is_at(next, CLOSE)? {
            break next + CLOSE.len();
        }
        if next == unit.text.len() || unit.is_at(next, OPEN)? {
            around.add(Fault::MissingCloseTag);
            break if drafts.is_empty() { next } else { at };
        }
        if !drafts.is_empty() && !unit.text[at..next].contains('\n') {
            around.add(Fault::GluedCalls);
        }
        if unit.is_at(next, "[")? && pythonic::begins_call(unit, next + 1)? {
            around.add(Fault::ListInTag);
            at = pythonic::list(unit, next + 1, &[CLOSE, OPEN], &mut around, drafts)?;
        } else if pythonic::begins_call(unit, next)? {
            let (mut draft, stopped, whole) = pythonic::call(unit, next)?;
            draft.faults.forgive(Fault::JsonLiteral);
            drafts.push(draft);
            at = stopped;
            if !whole {
                at = line_end(unit, stopped)?;
            }
        } else {
            around.add(Fault::TextInTag);
            at = line_end(unit, next)?;
        }
    };
    if drafts.is_empty() {
        let empty = unit.text[unit.inside()..end].trim_end_matches(CLOSE).trim().is_empty();
        around.add(if empty { Fault::EmptyTag } else { Fault::NoFunction });
        drafts.push(Draft { arguments: Some(object_call::nothing()), ..Draft::default() });
    }
    spread(drafts, (unit.start, end), &around);
    Ok(Step::Calls(end))
}

/// Where the line ends that a position is in, or the markers' content.
fn line_end(unit: &Unit<'_>, from: usize) -> Result<usize, super::More> {
    Ok(unit.find(from, &["\n", CLOSE, OPEN])?.map_or(unit.text.len(), |(at, _)| at))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(OPEN);
    for call in calls {
        out.push('\n');
        pythonic::write_call(SPEC.id, Literals::Json, call, out)?;
    }
    out.push('\n');
    out.push_str(CLOSE);
    Ok(())
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<functions>");
    write::functions(tools, out);
    out.push_str("</functions>");
}
