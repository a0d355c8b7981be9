//! `ReAct`: `Action: NAME` and, in the next line, `Action Input: {…}`.
//!
//! Written by any model that is prompted so. To the letter: each of the two at the beginning of a line, the name alone in
//! its line, a JSON object as input. `Thought:`, `Observation:` and `Final Answer:` are content.

use mentor_trajectory::{Call, ToolSpec};

use super::{Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, named, object_call, write};
use crate::{call::Draft, fault::Fault, json::Markers, write_json};

const OPEN: &str = "Action:";
const INPUT: &str = "Action Input:";
const MARKERS: Markers = Markers { open: OPEN, close: "" };

pub(super) static SPEC: Spec = Spec {
    id: "react",
    aliases: &[],
    families: "any model, prompted",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN],
    closes: &["}", "\n"],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if !unit.place.line_start {
        return Ok(unit.no_call());
    }
    let line = unit.find(unit.inside(), &["\n"])?;
    let end = line.map_or(unit.text.len(), |(at, _)| at);
    let mut draft = named::draft(&unit.text[unit.inside()..end], unit.start);
    let input = unit.skip_space(end)?;
    if !unit.is_at(input, INPUT)? {
        // A name at the end of the text may be the half of one.
        if line.is_none() {
            draft = Draft { arguments: Some(object_call::nothing()), ..Draft::default() };
        }
        draft.faults.add(if input == unit.text.len() { Fault::CutOff } else { Fault::NoObject });
        draft.span = (unit.start, end);
        drafts.push(draft);
        return Ok(Step::Calls(end));
    }
    let (stopped, whole) = named::arguments(unit, input + INPUT.len(), MARKERS, &mut draft)?;
    let end =
        if whole { stopped } else { unit.find(stopped, &["\n"])?.map_or(unit.text.len(), |(at, _)| at) };
    draft.span = (unit.start, end);
    drafts.push(draft);
    Ok(Step::Calls(end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        write::separate("\n", index, out);
        let name = &call.name;
        if name.is_empty() || name.trim() != name || name.contains(['\n', '\r']) {
            let why = "a name is a line without spaces around it; rename it";
            return Err(Unwritable { format: SPEC.id, what: "the name", text: name.clone(), why });
        }
        out.push_str("Action: ");
        out.push_str(name);
        out.push_str("\nAction Input: ");
        named::write_arguments(call, out);
    }
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        write::separate("\n", index, out);
        out.push_str("Observation: ");
        out.push_str(content);
    }
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    for (index, tool) in tools.iter().enumerate() {
        write::separate("\n", index, out);
        out.push_str(&tool.name);
        out.push_str(": ");
        out.push_str(&tool.description);
        out.push_str(" Input: ");
        out.push_str(&write_json(&tool.parameters));
    }
}
