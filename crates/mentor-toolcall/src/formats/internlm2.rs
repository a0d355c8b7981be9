//! `InternLM2`: one object with `name` and `parameters` between `<|action_start|><|plugin|>` and `<|action_end|>`.
//!
//! Written by `InternLM2`, `InternLM2.5` and Intern-S1, which has a space between the two opening tokens. To the letter: all
//! markers, and between them one object with exactly the string `name` and the object `parameters`.

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Step, Unit, Unwritable, Write,
    object_call::Keys,
    tagged::{Tag, stray_close},
    write,
};
use crate::{call::Draft, json::Markers};

const MARKERS: Markers = Markers { open: "<|action_start|><|plugin|>", close: "<|action_end|>" };
/// The same as Intern-S1 has it.
const SPACED: Markers = Markers { open: "<|action_start|> <|plugin|>", ..MARKERS };
const KEYS: Keys = Keys::PARAMETERS;

pub(super) static SPEC: Spec = Spec {
    id: "internlm2",
    aliases: &[],
    families: "InternLM2, InternLM2.5, Intern-S1",
    thinking: ("<think>", "</think>"),
    opens: &[MARKERS.open, SPACED.open, MARKERS.close],
    closes: &[MARKERS.open, SPACED.open, MARKERS.close],
    read,
    write: Write { calls, observations: write::lines, tools: write::functions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == MARKERS.close {
        drafts.push(stray_close(unit));
        return Ok(Step::Calls(unit.inside()));
    }
    let markers = if unit.marker == SPACED.open { SPACED } else { MARKERS };
    Tag { markers, keys: KEYS }.read(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        write::separate("\n", index, out);
        out.push_str(MARKERS.open);
        out.push('\n');
        write::object(SPEC.id, &KEYS, call, None, out)?;
        out.push_str(MARKERS.close);
    }
    Ok(())
}
