//! Gemma 4: `<|tool_call>call:NAME{KEY:VALUE,…}<tool_call|>`.
//!
//! Written by Gemma 4. Keys have no quotes, strings stand between two `<|"|>`, everything else is spelt as in JSON; see
//! [`bare`](super::bare). Reasoning stands between `<|channel>thought` and `<channel|>`.
//!
//! To the letter: both markers there, nothing beside the call, no quotes of JSON's.

use super::{Scanner, Spec, Write, bare::Bare};

const BARE: Bare = Bare {
    id: "gemma4",
    open: "<|tool_call>",
    close: "<tool_call|>",
    quote: "<|\"|>",
    declaration: ("<|tool>", "<tool|>"),
    response: ("<|tool_response>", "<tool_response|>"),
};

pub(super) static SPEC: Spec = Spec {
    id: BARE.id,
    aliases: &[],
    families: "Gemma 4",
    thinking: ("<|channel>thought", "<channel|>"),
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
