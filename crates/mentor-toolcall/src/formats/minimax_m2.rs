//! `MiniMax` M2: functions in a `<minimax:tool_call>`, each argument as text in a tag of its own.
//!
//! ```text
//! <minimax:tool_call>
//! <invoke name="NAME">
//! <parameter name="KEY">VALUE</parameter>
//! </invoke>
//! </minimax:tool_call>
//! ```
//!
//! Written by `MiniMax` M2 and its successors. One tag holds all calls of a turn. A value stands in its tag as it is; it is
//! a string unless the tool's schema says otherwise; see [`typing`](super::typing) for how a text is read as another type.
//!
//! To the letter: all closing tags there, nothing but whitespace between tags, nothing but the name in an opening one.

use mentor_trajectory::{Call, ToolSpec};

use super::{
    Observed, Read, Scanner, Spec, Unit, Unwritable, Write,
    markup::{Markup, Values},
    write_function,
};
use crate::call::Draft;

const OPEN: &str = "<minimax:tool_call>";
const CLOSE: &str = "</minimax:tool_call>";

const MARKUP: Markup = Markup {
    id: "minimax-m2",
    around: &[(OPEN, CLOSE)],
    shared: true,
    function: "<invoke name=\"",
    function_end: "</invoke>",
    parameter: "<parameter name=\"",
    parameter_end: "</parameter>",
    quoted: true,
    values: Values::Text,
};

pub(super) static SPEC: Spec = Spec {
    id: MARKUP.id,
    aliases: &[],
    families: "MiniMax M2",
    thinking: ("<think>", "</think>"),
    opens: &[OPEN, CLOSE, MARKUP.function],
    closes: &[CLOSE, MARKUP.function_end, OPEN],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    MARKUP.read(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    MARKUP.write(calls, out)
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for (index, Observed { content, .. }) in observed.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str("<response>");
        out.push_str(content);
        out.push_str("</response>");
    }
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("<tools>");
    for tool in tools {
        out.push_str("\n<tool>");
        write_function(tool, out);
        out.push_str("</tool>");
    }
    out.push_str("\n</tools>");
}
