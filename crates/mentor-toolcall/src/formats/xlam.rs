//! xLAM: a bare JSON list of objects with `name` and `arguments`, `[{"name": "f", "arguments": {…}}]`.
//!
//! Written by Salesforce's xLAM models, also in a JSON code fence, behind `[TOOL_CALLS]`, or between `<tool_call>` and
//! `</tool_call>`; all of these are to the letter. Since nothing announces a bare list, it is one of calls only at the
//! beginning of the turn, or of a later line (a [bare call](crate::Fault::BareCall)), and if its first object looks like
//! a call.

use mentor_trajectory::Call;

use super::{
    More, Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    list::{Item, List},
    object_call::Keys,
    tagged::stray_close,
    write,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::Markers,
};

const TOOL_CALLS: &str = "[TOOL_CALLS]";
const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
const FENCE: &str = "```";
const KEYS: Keys = Keys { id: Some("id"), ..Keys::ARGUMENTS };

pub(super) static SPEC: Spec = Spec {
    id: "xlam",
    aliases: &[],
    families: "xLAM, xLAM-2",
    thinking: ("<think>", "</think>"),
    opens: &["[", "{", FENCE, OPEN, CLOSE],
    closes: &["]", "}", FENCE, CLOSE],
    read,
    write: Write { calls, observations: write::lines, tools: write::indented_definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    let list = |close| List { markers: Markers { open: OPEN, close }, item: Item::Keys(KEYS) };
    match unit.marker {
        CLOSE => {
            drafts.push(stray_close(unit));
            return Ok(Step::Calls(unit.inside()));
        }
        OPEN => return list(CLOSE).read(unit, unit.inside(), drafts, Faults::default()),
        "[" if unit.is_at(unit.start, TOOL_CALLS)? => {
            let at = unit.start + TOOL_CALLS.len();
            if begins_calls(unit, at)? {
                return list("").read(unit, at, drafts, Faults::default());
            }
            return Ok(Step::Markup(at));
        }
        _ => {}
    }
    let fenced = unit.marker == FENCE;
    let at = if fenced { behind_language(unit)? } else { unit.start };
    if !unit.place.line_start || !begins_calls(unit, at)? {
        return Ok(unit.no_call());
    }
    let mut around = Faults::default();
    if !unit.place.blank {
        around.add(Fault::BareCall);
    }
    list(if fenced { FENCE } else { "" }).read(unit, at, drafts, around)
}

/// Behind the fence and the name of the language.
fn behind_language(unit: &Unit<'_>) -> Result<usize, More> {
    let json = unit.is_at(unit.inside(), "json")?;
    unit.skip_space(unit.inside() + if json { "json".len() } else { 0 })
}

/// Whether a list (or one object) begins here whose first key is a call's.
fn begins_calls(unit: &Unit<'_>, at: usize) -> Result<bool, More> {
    let mut at = unit.skip_space(at)?;
    if unit.is_at(at, "[")? {
        at = unit.skip_space(at + 1)?;
    }
    if !unit.is_at(at, "{")? {
        return Ok(false);
    }
    at = unit.skip_space(at + 1)?;
    if !unit.is_at(at, "\"")? && !unit.is_at(at, "'")? {
        return Ok(false);
    }
    for key in ["name", "arguments", "id"] {
        let quoted = unit.is_at(at + 1, key)?;
        let end = at + 1 + key.len();
        if quoted && (unit.is_at(end, "\"")? || unit.is_at(end, "'")?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    write::list(SPEC.id, &KEYS, calls, write::no_id, out)
}
