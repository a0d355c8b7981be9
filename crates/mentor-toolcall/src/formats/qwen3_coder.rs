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
//! otherwise; see [`typing`](super::typing) for how a text is read as another type.
//!
//! To the letter: all closing tags there, nothing but whitespace between tags. A `</parameter>` ends a value only if a
//! tag that may follow it does, so that code which holds one is read whole. A call without `<tool_call>` around it is a
//! [bare call](crate::Fault::BareCall).

use mentor_trajectory::Call;

use super::{
    Read, Scanner, Spec, Unit, Unwritable, Write, hermes,
    markup::{Markup, Values},
};
use crate::call::Draft;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

const MARKUP: Markup = Markup {
    id: "qwen3-coder",
    around: &[(OPEN, CLOSE)],
    shared: false,
    function: "<function=",
    function_end: "</function>",
    parameter: "<parameter=",
    parameter_end: "</parameter>",
    quoted: false,
    values: Values::Lines,
};

pub(super) static SPEC: Spec = Spec {
    id: MARKUP.id,
    aliases: &[],
    families: "Qwen3-Coder, Qwen3.5, Nemotron 3, Step-3.5",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE, MARKUP.function],
    closes: &[CLOSE, MARKUP.function_end, OPEN],
    read,
    write: Write { calls, observations: hermes::observations, tools: hermes::tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    MARKUP.read(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    MARKUP.write(calls, out)
}
