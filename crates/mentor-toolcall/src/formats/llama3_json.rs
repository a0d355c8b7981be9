//! Llama 3 JSON: bare objects with `name` and `parameters`, several of them with `;` between, perhaps after
//! `<|python_tag|>`.
//!
//! Written by Llama 3.1, 3.2 and 3.3. To the letter: the first thing in the turn (or behind the tag), one object with
//! exactly the string `name` and the object `parameters`, then the end or `;` and the next object.
//!
//! Since nothing announces a call, an object is one only if it says a name, and parameters or nothing besides; any other
//! is content. One at the beginning of a later line is a [bare call](crate::Fault::BareCall); one inside a line is
//! content.

use mentor_trajectory::Call;

use super::{
    More, Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, name_of,
    object_call::{self, Keys},
    tagged::spread,
    write,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{write_object, write_string},
};

const TAG: &str = "<|python_tag|>";
const KEYS: Keys = Keys::PARAMETERS;

pub(super) static SPEC: Spec = Spec {
    id: "llama3-json",
    aliases: &[],
    families: "Llama 3.1-3.3",
    thinking: ("<think>", "</think>"),
    opens: &["{", "[", TAG],
    closes: &["}", "]"],
    read,
    write: Write { calls, observations, tools: write::indented_definitions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    let tagged = unit.marker == TAG;
    let place = unit.place;
    if !tagged && !place.line_start {
        return Ok(unit.no_call());
    }
    let mut around = Faults::default();
    if !tagged && !place.blank {
        around.add(Fault::BareCall);
    }
    let mut at = unit.skip_space(if tagged { unit.inside() } else { unit.start })?;
    let in_list = unit.is_at(at, "[")?;
    if in_list {
        around.add(Fault::ListInTag);
        at = unit.skip_space(at + 1)?;
    }
    if !unit.is_at(at, "{")? {
        return Ok(if tagged { no_object(unit, drafts) } else { unit.no_call() });
    }
    let mut end = at;
    let mut separator = ";";
    while unit.is_at(at, "{")? {
        let (mut draft, stopped, whole) = object_call::bare(&KEYS, unit, at, None)?;
        let announced = tagged && drafts.is_empty();
        if !announced && !object_call::is_meant(unit, at, &draft, &KEYS)? {
            if drafts.is_empty() {
                return Ok(if whole { Step::Text(stopped) } else { unit.no_call() });
            }
            break;
        }
        if separator != if in_list { "," } else { ";" } && !drafts.is_empty() {
            draft.faults.add(Fault::GluedCalls);
        }
        drafts.push(draft);
        end = if whole { stopped } else { next_call(unit, stopped)? };
        at = unit.skip_space(end)?;
        separator = "";
        if let Some(found) = unit.text[at..].chars().next().filter(|found| matches!(found, ';' | ',')) {
            separator = if found == ';' { ";" } else { "," };
            at = unit.skip_space(at + 1)?;
        }
    }
    if in_list {
        let close = unit.skip_space(end)?;
        if unit.is_at(close, "]")? {
            end = close + 1;
        } else {
            around.add(Fault::MissingClosingBracket);
        }
    }
    spread(drafts, (unit.start, end), &around);
    Ok(Step::Calls(end))
}

/// Where the next call may begin after one that is broken.
fn next_call(unit: &Unit<'_>, from: usize) -> Result<usize, More> {
    Ok(unit.find(from, &["; {", ";{", TAG])?.map_or(unit.text.len(), |(at, _)| at))
}

/// The tag announces a call, and there is none.
fn no_object(unit: &Unit<'_>, drafts: &mut Vec<Draft>) -> Step {
    drafts.push(Draft {
        span: (unit.start, unit.inside()),
        arguments: Some(object_call::nothing()),
        faults: Fault::NoObject.into(),
        ..Draft::default()
    });
    Step::Calls(unit.inside())
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        if index > 0 {
            out.push_str("; ");
        }
        out.push_str("{\"name\": ");
        write_string(name_of(SPEC.id, call)?, out);
        out.push_str(", \"parameters\": ");
        write_object(&call.arguments, out);
        out.push('}');
    }
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str("{\"output\": ");
        write_string(content, out);
        out.push('}');
    }
}
