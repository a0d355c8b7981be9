//! LFM2: a Python list of calls between `<|tool_call_start|>` and `<|tool_call_end|>`.
//!
//! Written by LFM2 and LFM2.5. To the letter: both markers there, and between them what [`pythonic`](super::pythonic)
//! describes. Nothing is evaluated.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, object_call, pythonic,
    tagged::{spread, stray_close},
    write,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::SPACE,
};

const OPEN: &str = "<|tool_call_start|>";
const CLOSE: &str = "<|tool_call_end|>";

pub(super) static SPEC: Spec = Spec {
    id: "lfm2",
    aliases: &[],
    families: "LFM2/2.5",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE],
    closes: &[CLOSE, OPEN],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == CLOSE {
        drafts.push(stray_close(unit));
        return Ok(Step::Calls(unit.inside()));
    }
    let mut around = Faults::default();
    let open = unit.skip_space(unit.inside())?;
    let mut at = open;
    if unit.is_at(open, "[")? && pythonic::begins_call(unit, open + 1)? {
        at = pythonic::list(unit, open + 1, &[CLOSE, OPEN], &mut around, drafts)?;
    } else {
        drafts.push(Draft { arguments: Some(object_call::nothing()), ..Draft::default() });
    }
    let found = unit.find(at, &[CLOSE, OPEN])?;
    let (marker, which) = found.unwrap_or((unit.text.len(), 1));
    let blank = unit.text[at..marker].trim_matches(SPACE).is_empty();
    let empty = drafts[0].name.is_none();
    if empty {
        around.add(if blank { Fault::EmptyTag } else { Fault::NoFunction });
    } else if !blank && which == 0 {
        around.add(Fault::TextInTag);
    }
    let end = if which == 0 {
        marker + CLOSE.len()
    } else {
        around.add(Fault::MissingCloseTag);
        if empty { marker } else { at }
    };
    spread(drafts, (unit.start, end), &around);
    Ok(Step::Calls(end))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    out.push_str(OPEN);
    pythonic::write_list(SPEC.id, calls, out)?;
    out.push_str(CLOSE);
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str("<|tool_response_start|>");
        out.push_str(content);
        out.push_str("<|tool_response_end|>");
    }
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<|tool_list_start|>");
    write::functions(tools, out);
    out.push_str("<|tool_list_end|>");
}
