//! Mistral from v11 on: `[TOOL_CALLS]f[ARGS]{…}` for each call; v11 itself has `[CALL_ID]` and an identifier before
//! `[ARGS]`.
//!
//! Written by Mistral Small 3.2, Devstral, Magistral and Ministral 3. To the letter: the marker, the name, perhaps an
//! identifier, `[ARGS]`, and the arguments as a JSON object. Tokenizers that drop `[ARGS]` leave the name directly before
//! the object, which is named. Reasoning stands between `[THINK]` and `[/THINK]`.

use mentor_trajectory::Call;

use super::{
    Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, mistral,
    mistral::{END, OPEN},
    named, object_call,
};
use crate::{call::Draft, fault::Fault, json::Markers};

const ID: &str = "[CALL_ID]";
const ARGUMENTS: &str = "[ARGS]";
const MARKERS: Markers = Markers { open: OPEN, close: "" };

pub(super) static SPEC: Spec = Spec {
    id: "mistral-v11",
    aliases: &[],
    families: "Mistral Small 3.2, Devstral, Magistral, Ministral 3",
    thinking: ("[THINK]", "[/THINK]"),
    opens: &[OPEN, END],
    closes: &["}", OPEN],
    read,
    write: Write { calls, observations, tools: mistral::tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == END {
        return Ok(Step::Markup(unit.inside()));
    }
    let head = unit.find(unit.inside(), &[ID, ARGUMENTS, "{", OPEN])?;
    let (at, which) = head.unwrap_or((unit.text.len(), 3));
    if which == 3 {
        let mut draft =
            Draft { span: (unit.start, at), arguments: Some(object_call::nothing()), ..Draft::default() };
        draft.faults.add(if head.is_none() { Fault::CutOff } else { Fault::NoObject });
        drafts.push(draft);
        return Ok(Step::Calls(at));
    }
    let mut draft = named::draft(&unit.text[unit.inside()..at], unit.start);
    let from = match which {
        0 => {
            let from = at + ID.len();
            let found = unit.find(from, &[ARGUMENTS, "{", OPEN])?;
            let (end, which) = found.unwrap_or((unit.text.len(), 2));
            draft.id = Some(unit.text[from..end].trim().to_owned());
            if which == 0 { end + ARGUMENTS.len() } else { end }
        }
        1 => at + ARGUMENTS.len(),
        _ => {
            draft.faults.add(Fault::MissingArgumentsMarker);
            at
        }
    };
    let (end, whole) = named::arguments(unit, from, MARKERS, &mut draft)?;
    let end = if whole { end } else { unit.find(end, &[OPEN])?.map_or(unit.text.len(), |(at, _)| at) };
    draft.span.1 = end;
    drafts.push(draft);
    Ok(Step::Calls(end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for call in calls {
        out.push_str(OPEN);
        out.push_str(named::plain_name(SPEC.id, call)?);
        out.push_str(ARGUMENTS);
        named::write_arguments(call, out);
    }
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for Observed { content, .. } in observed {
        out.push_str("[TOOL_RESULTS]");
        out.push_str(content);
        out.push_str("[/TOOL_RESULTS]");
    }
}
