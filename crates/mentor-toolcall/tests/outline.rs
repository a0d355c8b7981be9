//! An outline says what a whole reading says, but for what the calls ask for.

use mentor_toolcall::{Format, Options, Outline, Thinking, outline, parse};
use proptest::prelude::*;

fn check(format: Format, text: &str, options: Options<'_>) {
    let (mut content, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    outline(format, text, options, |found| match found {
        Outline::Text(text) => content.push_str(text),
        Outline::Reasoning(text) => reasoning.push_str(text),
        Outline::Call { name, span, status } => calls.push((name, span, status)),
        Outline::Markup(_) => {}
    });
    let whole = parse(format, text, options);
    assert_eq!((&content, &reasoning), (&whole.content, &whole.reasoning), "{format}: {text}");
    let expected: Vec<_> =
        whole.calls.iter().map(|call| (call.name.clone(), call.span, call.status)).collect();
    assert_eq!(calls, expected, "{format}: {text}");
}

/// What the formats are made of, in any order.
fn fragments() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "<tool_call>",
        "</tool_call>",
        "{\"name\": \"f\", \"arguments\": {\"a\": 1}}",
        "{\"name\": \"f\", \"parameters\": {\"a\": [1, {}]}}",
        "{'name': 'f', 'arguments': {'a': 1,}}",
        "{\"name\": \"\", \"arguments\": {}}",
        "{\"arguments\": {\"a\": \"</tool_call>\"}",
        "[f(a=1), g(b='x')]",
        "<think>",
        "</think>",
        "[TOOL_CALLS]",
        "<|python_tag|>",
        "<function=f>{\"a\": 1}</function>",
        "Action: f\nAction Input: {\"a\": 1}",
        "functools[",
        "]",
        "\n",
        "words ",
        "größer",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_outline_is_the_whole_reading_without_arguments(text in fragments()) {
        for format in Format::all() {
            for thinking in [Thinking::NoCalls, Thinking::Calls] {
                check(format, &text, Options { thinking, ..Options::default() });
            }
        }
    }
}
