//! The Hermes format: JSON objects with `name` and `arguments` between `<tool_call>` and `</tool_call>`, reasoning
//! between `<think>` and `</think>`.
//!
//! Written by Hermes 2 and 3, Qwen2.5, Qwen3 and `SmolLM3`. To the letter: one object with exactly the string `name`
//! and the object `arguments`, in any order, valid JSON, with any JSON whitespace around it, both markers there.

use mentor_trajectory::Call;

use crate::{
    Parsed,
    json::Markers,
    python_json::{write_object, write_string},
    tagged::{Tags, stray_close},
};

const MARKERS: Markers = Markers { open: "<tool_call>", close: "</tool_call>" };
const THINK: Markers = Markers { open: "<think>", close: "</think>" };

/// Reads the reasoning, the content and the calls of a turn, in time linear in the text.
///
/// A reasoning block ends at the first `</think>` or with the text, and what looks like a call inside one is none. A
/// marker inside a JSON string is part of the string. A `</think>` that closes nothing is content.
///
/// The call of a [recoverable](mentor_trajectory::Reading::Recoverable) record holds what is proven complete; its name
/// is empty if the name is not.
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut tags = Tags::new(text, MARKERS);
    let mut at = 0;
    while let Some(offset) = text[at..].find('<') {
        let open = at + offset;
        parsed.content.push_str(&text[at..open]);
        let rest = &text[open..];
        if let Some(inside) = rest.strip_prefix(THINK.open) {
            let (reasoning, after) = inside.split_once(THINK.close).unwrap_or((inside, ""));
            parsed.reasoning.push_str(reasoning);
            at = text.len() - after.len();
        } else if rest.starts_with(MARKERS.open) {
            let (calls, end) = tags.read(open);
            parsed.calls.extend(calls);
            at = end;
        } else if rest.starts_with(MARKERS.close) {
            parsed.calls.push(stray_close(MARKERS, open));
            at = open + MARKERS.close.len();
        } else {
            parsed.content.push('<');
            at = open + 1;
        }
    }
    parsed.content.push_str(&text[at..]);
    parsed
}

/// Writes a call as the families' chat templates do, without a newline after the closing marker.
pub fn write_call(call: &Call) -> String {
    let mut out = format!("{}\n{{\"name\": ", MARKERS.open);
    write_string(&call.name, &mut out);
    out.push_str(", \"arguments\": ");
    write_object(&call.arguments, &mut out);
    out.push_str("}\n");
    out.push_str(MARKERS.close);
    out
}
