//! `FunctionGemma`: `<start_function_call>call:NAME{KEY:VALUE,…}<end_function_call>`.
//!
//! Written by `FunctionGemma` (270M). Keys have no quotes, strings stand between two `<escape>`, everything else is spelt
//! as in JSON; see [`bare`](super::bare). So Google's guide to the format has it, where `<escape>` delimits "all string
//! values" and a number stands bare. What stands between two of them is a string, be it `3`; the tool's schema says if it
//! should not be one. (vLLM reads only what stands between them, as JSON where it can, and loses `days:3`.)
//!
//! To the letter: both markers there, nothing beside the call, no quotes of JSON's.

use super::{Scanner, Spec, Write, bare::Bare};

const BARE: Bare = Bare {
    id: "function-gemma",
    open: "<start_function_call>",
    close: "<end_function_call>",
    quote: "<escape>",
    declaration: ("<start_function_declaration>", "<end_function_declaration>"),
    response: ("<start_function_response>", "<end_function_response>"),
};

pub(super) static SPEC: Spec = Spec {
    id: BARE.id,
    aliases: &[],
    families: "FunctionGemma",
    thinking: ("<think>", "</think>"),
    opens: &[BARE.open, BARE.close],
    closes: &[BARE.close, BARE.open],
    read: |unit, drafts| BARE.read(unit, drafts),
    write: Write {
        calls: |calls, out| BARE.write(calls, out),
        observations: |observed, out| BARE.write_observations(observed, out),
        tools: |tools, out| BARE.write_tools(tools, out),
    },
    scanner: Scanner::new(),
};
