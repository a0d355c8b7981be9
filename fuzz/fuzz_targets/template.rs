//! A chat template, then (after a NUL) a message: rendered within its limits or refused, the same each time, with spans that
//! lie in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mentor_toolcall::template::{ChatTemplate, Conversation, Limits, char_spans};
use serde_json::json;

fuzz_target!(|data: &str| {
    let (source, content) = data.split_once('\0').unwrap_or((data, "2 + 2?"));
    let limits = Limits { fuel: 20_000, output: 1 << 16, source: 1 << 14 };
    let Ok(template) = ChatTemplate::with_limits(source, limits) else { return };
    let messages = json!([
        {"role": "user", "content": content},
        {"role": "assistant", "content": content, "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1.5]}}}]},
    ]);
    let Ok(mut conversation) = Conversation::new(&messages) else { return };
    conversation.add_generation_prompt = true;
    let rendered = template.render(&conversation);
    assert_eq!(template.render(&conversation), rendered);
    let Ok(rendered) = rendered else { return };
    assert!(rendered.text.len() <= limits.output);
    if let Some(ranges) = template.assistant_spans(&conversation, &rendered).ranges() {
        assert!(ranges.iter().all(|range| rendered.text.get(range.clone()).is_some()));
        char_spans(&rendered.text, ranges);
    }
});
