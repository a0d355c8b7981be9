//! A `response_template`, an output and a prompt, each after a NUL: read the same each time, or the declaration is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mentor_toolcall::{response::ResponseTemplate, template::PyJson};

const QWEN: &str = r#"{"start_anchor": "assistant\n", "fields": {
    "reasoning_content": {"open": "<think>", "close_pattern": "</think>\\s*"},
    "tool_calls": {"open_pattern": "\\s*<tool_call>", "close": "</tool_call>", "repeats": true, "content": "json",
                   "content_args": {"unquoted_keys": true, "string_delims": [["<|", "|>"]]},
                   "transform": {"function": "{content}"}},
    "calls": {"open": "<calls>", "close": "</calls>", "content": "python-call-list"},
    "content": {"close_pattern": "\\s*<\\|im_end\\|>|$"}}}"#;

fuzz_target!(|data: &str| {
    let mut parts = data.splitn(3, '\0');
    let (text, prefix) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let declaration = PyJson::parse(parts.next().unwrap_or(QWEN));
    let Some(template) = declaration.ok().and_then(|declaration| ResponseTemplate::new(&declaration).ok())
    else {
        return;
    };
    let read = template.read(text, prefix, &[]);
    // NaN is unequal to itself.
    if !text.contains("NaN") && !text.contains("nan") {
        assert_eq!(template.read(text, prefix, &[]), read);
    }
});
