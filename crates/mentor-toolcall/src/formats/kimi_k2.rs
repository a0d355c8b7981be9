//! Kimi K2: for each call `<|tool_call_begin|>functions.NAME:INDEX<|tool_call_argument_begin|>`, the arguments and
//! `<|tool_call_end|>`; around all of them `<|tool_calls_section_begin|>` and `<|tool_calls_section_end|>`.
//!
//! `functions.NAME:INDEX` is the call's identifier too. To the letter: inside a section, all of a call's markers, the
//! identifier with prefix and index, and a JSON object. A call outside a section is a [bare
//! call](crate::Fault::BareCall). That a section is closed is not asked for, so that a call is known as soon as its own
//! end is.

use std::fmt::Write as _;

use mentor_trajectory::Call;

use super::{More, Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, named, object_call, write};
use crate::{call::Draft, fault::Fault, json::Markers};

const SECTION: &str = "<|tool_calls_section_begin|>";
const SECTION_END: &str = "<|tool_calls_section_end|>";
const OPEN: &str = "<|tool_call_begin|>";
const CLOSE: &str = "<|tool_call_end|>";
const ARGUMENTS: &str = "<|tool_call_argument_begin|>";
const PREFIX: &str = "functions.";
const MARKERS: Markers = Markers { open: OPEN, close: CLOSE };

pub(super) static SPEC: Spec = Spec {
    id: "kimi-k2",
    aliases: &[],
    families: "Kimi K2",
    thinking: ("<think>", "</think>"),
    opens: &[SECTION, SECTION_END, OPEN, CLOSE, "<|im_end|>"],
    closes: &[CLOSE, SECTION_END, OPEN],
    read,
    write: Write { calls, observations, tools: write::definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker != OPEN {
        unit.memory.in_section =
            unit.marker == SECTION || unit.memory.in_section && unit.marker != SECTION_END;
        return Ok(Step::Markup(unit.space_before(unit.inside(), &[OPEN, SECTION_END])?));
    }
    let (mut draft, end) = match unit.find(unit.inside(), &[ARGUMENTS, CLOSE, SECTION_END, OPEN])? {
        Some((at, 0)) => call(unit, at)?,
        found => {
            let (at, which) = found.unwrap_or((unit.text.len(), 2));
            let mut draft = Draft { arguments: Some(object_call::nothing()), ..Draft::default() };
            draft.faults.add(if found.is_none() { Fault::CutOff } else { Fault::NoFunction });
            (draft, if which == 1 { at + CLOSE.len() } else { at })
        }
    };
    let end = unit.space_before(end, &[OPEN, SECTION_END])?;
    draft.span = (unit.start, end);
    if !unit.memory.in_section {
        draft.faults.add(Fault::BareCall);
    }
    drafts.push(draft);
    Ok(Step::Calls(end))
}

/// Reads a call whose arguments are announced at `at`.
fn call(unit: &Unit<'_>, at: usize) -> Result<(Draft, usize), More> {
    let id = unit.text[unit.inside()..at].trim();
    let (path, index) = id.rsplit_once(':').unwrap_or((id, ""));
    let indexed = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let path = if indexed { path } else { id };
    let mut draft = named::draft(path.strip_prefix(PREFIX).unwrap_or(path), unit.start);
    draft.id = Some(id.to_owned());
    if !indexed || !path.starts_with(PREFIX) {
        draft.faults.add(Fault::NameSpelling);
    }
    let (end, whole) = named::arguments(unit, at + ARGUMENTS.len(), MARKERS, &mut draft)?;
    let end = named::close(unit, end, whole, CLOSE, &[OPEN, SECTION_END], &mut draft.faults)?;
    Ok((draft, end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(SECTION);
    for (index, call) in calls.iter().enumerate() {
        let name = named::plain_name(SPEC.id, call)?;
        let _ = write!(out, "{OPEN}{PREFIX}{name}:{index}{ARGUMENTS}");
        named::write_arguments(call, out);
        out.push_str(CLOSE);
    }
    out.push_str(SECTION_END);
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (place, Observed { call, index, content }) in observed.iter().enumerate() {
        write::separate("\n", place, out);
        let _ = write!(out, "## Return of {PREFIX}{}:{index}\n{content}", call.name);
    }
}
