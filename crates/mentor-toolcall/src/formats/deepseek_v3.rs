//! `DeepSeek` V3: for each call `<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME`, a line break, the arguments in a JSON code
//! fence, and `<｜tool▁call▁end｜>`; around all of them `<｜tool▁calls▁begin｜>` and `<｜tool▁calls▁end｜>`.
//!
//! Written by `DeepSeek` V3 and R1. To the letter: inside a section, all of a call's markers, the fence, and a JSON object
//! in it. A call outside a section is a [bare call](crate::Fault::BareCall); one without type and fence is written as
//! [V3.1](super::deepseek_v31) writes it, which is [named](crate::Fault::SiblingForm). That a section is closed is not
//! asked for, so that a call is known as soon as its own end is.

use mentor_trajectory::Call;

use super::{More, Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, named, object_call, write};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::Markers,
};

pub(super) const SECTION: &str = "<｜tool▁calls▁begin｜>";
pub(super) const SECTION_END: &str = "<｜tool▁calls▁end｜>";
pub(super) const OPEN: &str = "<｜tool▁call▁begin｜>";
pub(super) const CLOSE: &str = "<｜tool▁call▁end｜>";
pub(super) const SEPARATOR: &str = "<｜tool▁sep｜>";
pub(super) const END: &str = "<｜end▁of▁sentence｜>";
const TYPE: &str = "function";
const FENCE: &str = "```json";
const FENCE_END: &str = "```";

pub(super) static SPEC: Spec = Spec {
    id: "deepseek-v3",
    aliases: &["deepseek-r1"],
    families: "DeepSeek V3, R1",
    thinking: ("<think>", "</think>"),
    opens: &[SECTION, SECTION_END, OPEN, CLOSE, END],
    closes: &[CLOSE, SECTION_END, OPEN],
    read: |unit, drafts| read(unit, drafts, true),
    write: Write { calls, observations, tools: write::definition_lines },
    scanner: Scanner::new(),
};

/// Reads what both versions have; `fenced` if the format's own form has a type and a code fence.
pub(super) fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>, fenced: bool) -> Read {
    if unit.marker != OPEN {
        unit.memory.in_section =
            unit.marker == SECTION || unit.memory.in_section && unit.marker != SECTION_END;
        let end = unit.space_before(unit.inside(), &[OPEN, SECTION_END])?;
        return Ok(Step::Markup(end));
    }
    let mut around = Faults::default();
    if !unit.memory.in_section {
        around.add(Fault::BareCall);
    }
    let (mut draft, end) = match unit.find(unit.inside(), &[SEPARATOR, CLOSE, SECTION_END, OPEN])? {
        Some((separator, 0)) => call(unit, separator, fenced)?,
        found => {
            let (at, which) = found.unwrap_or((unit.text.len(), 2));
            let mut draft = Draft { arguments: Some(object_call::nothing()), ..Draft::default() };
            draft.faults.add(if found.is_none() { Fault::CutOff } else { Fault::NoFunction });
            (draft, if which == 1 { at + CLOSE.len() } else { at })
        }
    };
    let end = unit.space_before(end, &[OPEN, SECTION_END])?;
    draft.span = (unit.start, end);
    draft.faults.extend(&around);
    drafts.push(draft);
    Ok(Step::Calls(end))
}

/// Reads a call whose separator is found.
fn call(unit: &Unit<'_>, separator: usize, fenced: bool) -> Result<(Draft, usize), More> {
    let before = &unit.text[unit.inside()..separator];
    let behind = separator + SEPARATOR.len();
    let head = unit.find(behind, &[FENCE, "{", CLOSE, OPEN])?;
    let fence = head.filter(|(_, which)| *which == 0).map(|(at, _)| at);
    let (name, at) = match fence {
        Some(fence) => (&unit.text[behind..fence], fence + FENCE.len()),
        // In this form a name without a fence behind it may be the half of one.
        None if before.trim() == TYPE && head.is_none() => {
            let arguments = Some(object_call::nothing());
            return Ok((
                Draft { arguments, faults: Fault::CutOff.into(), ..Draft::default() },
                unit.text.len(),
            ));
        }
        None => (before, behind),
    };
    let mut draft = named::draft(name, unit.start);
    if fence.is_some() != fenced {
        draft.faults.add(Fault::SiblingForm);
    } else if fenced && before.trim() != TYPE {
        draft.faults.add(Fault::NameSpelling);
    }
    let close = if fence.is_some() { FENCE_END } else { CLOSE };
    let (mut end, whole) = named::arguments(unit, at, Markers { open: OPEN, close }, &mut draft)?;
    if whole && fence.is_some() {
        let close = unit.skip_space(end)?;
        if unit.is_at(close, FENCE_END)? {
            end = close + FENCE_END.len();
        } else {
            draft.faults.add(Fault::TextInTag);
        }
    }
    let end = named::close(unit, end, whole, CLOSE, &[OPEN, SECTION_END], &mut draft.faults)?;
    Ok((draft, end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(SECTION);
    for (index, call) in calls.iter().enumerate() {
        write::separate("\n", index, out);
        out.push_str(OPEN);
        out.push_str(TYPE);
        out.push_str(SEPARATOR);
        out.push_str(named::plain_name(SPEC.id, call)?);
        out.push_str("\n```json\n");
        named::write_arguments(call, out);
        out.push_str("\n```");
        out.push_str(CLOSE);
    }
    out.push_str(SECTION_END);
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    out.push_str("<｜tool▁outputs▁begin｜>");
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        write::separate("\n", index, out);
        write_output(content, out);
    }
    out.push_str("<｜tool▁outputs▁end｜>");
}

pub(super) fn write_output(content: &str, out: &mut String) {
    out.push_str("<｜tool▁output▁begin｜>");
    out.push_str(content);
    out.push_str("<｜tool▁output▁end｜>");
}
