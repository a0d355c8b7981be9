//! Gemma 4: `<|tool_call>call:NAME{KEY:VALUE,…}<tool_call|>`.
//!
//! Written by Gemma 4. Keys have no quotes, strings stand between two `<|"|>`, everything else is spelt as in JSON; see
//! [`bare`](super::bare). Reasoning stands between `<|channel>thought` and `<channel|>`.
//!
//! To the letter: both markers there, nothing beside the call, no quotes of JSON's.

use mentor_trajectory::{Call, ToolSpec};

use super::{Observed, Read, Scanner, Spec, Unit, Unwritable, Write, bare::Bare};
use crate::call::Draft;

const BARE: Bare = Bare { id: "gemma4", open: "<|tool_call>", close: "<tool_call|>", quote: "<|\"|>" };

pub(super) static SPEC: Spec = Spec {
    id: BARE.id,
    aliases: &[],
    families: "Gemma 4",
    thinking: ("<|channel>thought", "<channel|>"),
    opens: &[BARE.open, BARE.close],
    closes: &[BARE.close, BARE.open],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    BARE.read(unit, drafts)
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    BARE.write(calls, out)
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for Observed { call, content, .. } in observed {
        out.push_str("<|tool_response>response:");
        out.push_str(&call.name);
        out.push_str("{value:");
        BARE.write_text(content, out);
        out.push_str("}<tool_response|>");
    }
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    for tool in tools {
        out.push_str("<|tool>declaration:");
        out.push_str(&tool.name);
        BARE.write_declaration(tool, out);
        out.push_str("<tool|>");
    }
}
