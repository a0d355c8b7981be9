//! `FunctionGemma`: `<start_function_call>call:NAME{KEY:VALUE,…}<end_function_call>`.
//!
//! Written by `FunctionGemma` (270M). Keys have no quotes, strings stand between two `<escape>`, everything else is spelt
//! as in JSON; see [`bare`](super::bare).
//!
//! To the letter: both markers there, nothing beside the call, no quotes of JSON's.

use mentor_trajectory::{Call, ToolSpec};

use super::{Observed, Read, Scanner, Spec, Unit, Unwritable, Write, bare::Bare};
use crate::call::Draft;

const BARE: Bare = Bare {
    id: "function-gemma",
    open: "<start_function_call>",
    close: "<end_function_call>",
    quote: "<escape>",
};

pub(super) static SPEC: Spec = Spec {
    id: BARE.id,
    aliases: &[],
    families: "FunctionGemma",
    thinking: ("<think>", "</think>"),
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
        out.push_str("<start_function_response>response:");
        out.push_str(&call.name);
        out.push_str("{value:");
        BARE.write_text(content, out);
        out.push_str("}<end_function_response>");
    }
}

fn tools(tools: &[ToolSpec], out: &mut String) {
    for tool in tools {
        out.push_str("<start_function_declaration>declaration:");
        out.push_str(&tool.name);
        BARE.write_declaration(tool, out);
        out.push_str("<end_function_declaration>");
    }
}
