//! Response templates: what transformers' `parse_response` makes of outputs stands in `fixtures/response`.

#![cfg(feature = "template")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mentor_toolcall::{response::ResponseTemplate, template::PyJson};
use mentor_trajectory::Reading;
use proptest::prelude::*;

const RESPONSES: &str = include_str!("../fixtures/response/responses.jsonl");

fn templates() -> Vec<(String, ResponseTemplate)> {
    let PyJson::Object(templates) = PyJson::parse(RESPONSES.lines().next().unwrap()).unwrap() else {
        panic!()
    };
    templates
        .iter()
        .map(|(name, template)| (name.clone(), ResponseTemplate::new(template).unwrap()))
        .collect()
}

/// Python compares dicts without regard to order, and so does this; NaN is equal to itself here.
fn same(left: &PyJson, right: &PyJson) -> bool {
    match (left, right) {
        (PyJson::Float(left), PyJson::Float(right)) => left == right || left.is_nan() && right.is_nan(),
        (PyJson::Array(left), PyJson::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (PyJson::Object(left), PyJson::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

#[test]
fn outputs_are_read_as_transformers_reads_them() {
    let templates = templates();
    let mut failures = Vec::new();
    for line in RESPONSES.lines().skip(1) {
        let case = PyJson::parse(line).unwrap();
        let text = |key: &str| case.get(key).and_then(PyJson::as_str).unwrap();
        let template = &templates.iter().find(|(name, _)| name == text("template")).unwrap().1;
        let tools = case.get("tools").and_then(PyJson::as_array).unwrap_or_default();
        let read = template.read(text("text"), text("prefix"), tools);
        let fits = match case.get("message") {
            Some(message) => read.faults.is_empty() && same(&PyJson::Object(read.message.clone()), message),
            None => !read.faults.is_empty(),
        };
        if !fits {
            failures.push(format!("{line}\n  {read:?}"));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_declaration_that_means_nothing_is_refused_by_name() {
    for (declaration, expected) in [
        ("[]", "it is no object"),
        (r#"{"version": 2, "fields": {"a": {}}, "start_anchor": "x"}"#, "only version 1 is known"),
        (r#"{"fields": {}, "start_anchor": "x"}"#, "`fields` is empty"),
        (r#"{"fields": {"a": {}}}"#, "neither `start_anchor` nor `start_anchor_pattern` is given"),
        (r#"{"fields": {"a": {}, "b": {}}, "start_anchor": "x"}"#, "more than one field has neither"),
        (r#"{"fields": {"a": {"opens": "x"}}, "start_anchor": "x"}"#, "field `a`: unknown key `opens`"),
        (r#"{"fields": {"a": {"open": ""}}, "start_anchor": "x"}"#, "field `a`: `open` is neither"),
        (r#"{"fields": {"a": {"open_pattern": "("}}, "start_anchor": "x"}"#, "field `a`: `open_pattern`: "),
        (r#"{"fields": {"a": {"open_pattern": "(?P<n>x)"}}, "start_anchor": "x"}"#, "group `n` is named"),
        (r#"{"fields": {"a": {"content": "yaml"}}, "start_anchor": "x"}"#, "no content parser `yaml`"),
        (r#"{"fields": {"a": {"join": "x"}}, "start_anchor": "x"}"#, "`join` requires `repeats`"),
        (
            r#"{"fields": {"a": {"transform": "a {content}"}}, "start_anchor": "x"}"#,
            "mixes a placeholder with text",
        ),
        (r#"{"fields": {"a": {"transform_each": true}}, "start_anchor": "x"}"#, "requires `transform`"),
        (r#"{"fields": {"a": {}}, "start_anchor": "x", "start_anchor_pattern": "x"}"#, "exclude each other"),
    ] {
        let error = ResponseTemplate::new(&PyJson::parse(declaration).unwrap()).unwrap_err();
        assert!(error.message.contains(expected), "{declaration}: {error}");
    }
}

#[test]
fn a_declaration_gives_calls_as_formats_do() {
    let declaration = r#"{"start_anchor": "assistant\n", "fields": {
        "thinking": {"open": "<think>", "close": "</think>"},
        "tool_calls": {"open": "<c>", "close": "</c>", "repeats": true, "content": "json", "transform": {"function": "{content}"}},
        "content": {}}}"#;
    let template = ResponseTemplate::new(&PyJson::parse(declaration).unwrap()).unwrap();
    let text = "why</think><c>{\"name\": \"f\", \"arguments\": {\"x\": 12345678901234567890123}}</c><c>{bad</c>\
                <c>{\"name\": \"g\", \"arguments\": \"{\\\"y\\\": 1}\"}</c>Done.";
    let parsed = template.parse(text, "user\nassistant\n<think>", None);
    assert_eq!((parsed.reasoning.as_str(), parsed.content.as_str()), ("why", "Done."));
    let read: Vec<_> = parsed
        .calls
        .iter()
        .map(|call| {
            (call.name.as_str(), call.status, call.arguments_text.as_str(), &text[call.span.0..call.span.1])
        })
        .collect();
    assert_eq!(
        read,
        [
            (
                "f",
                Reading::Strict,
                "{\"x\": 12345678901234567890123}",
                "<c>{\"name\": \"f\", \"arguments\": {\"x\": 12345678901234567890123}}</c>"
            ),
            ("", Reading::Unusable, "", "<c>{bad</c>"),
            (
                "g",
                Reading::Repaired,
                "{\"y\": 1}",
                "<c>{\"name\": \"g\", \"arguments\": \"{\\\"y\\\": 1}\"}</c>"
            ),
        ]
    );
}

/// Anchors, halves of anchors and what may stand between them.
fn output() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "<|im_end|>",
        "<function=f>",
        "<parameter=x>",
        "</parameter>",
        "<calls>",
        "</calls>",
        "[f(x=1)]",
        "{\"a\": 1}",
        "<|tool_call>call:f",
        "<tool_call|>",
        "{a:<|\"|>b<|\"|>}",
        "n=",
        "1",
        ";",
        "kv=",
        "a: 1\n",
        "deep=",
        "<a>",
        "</",
        " ",
        "\n",
        "é🙂",
        "x",
        "[[[[",
        "'",
        "\\",
        "<|channel|>",
        "final<|message|>",
    ];
    prop::collection::vec(
        prop_oneof![8 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>()],
        0..30,
    )
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_output_is_read(text in output(), prefix in output()) {
        for (_, template) in templates() {
            let read = template.read(&text, &prefix, &[]);
            prop_assert_eq!(&read, &template.read(&text, &prefix, &[]));
            for call in template.parse(&text, &prefix, None).calls {
                prop_assert!(text.get(call.span.0..call.span.1).is_some());
                prop_assert_eq!(call.is_executable(), call.faults.iter().all(|fault| fault.is_repair()));
            }
        }
    }
}

#[test]
fn long_outputs_take_linear_time() {
    for (name, template) in templates() {
        for piece in [
            "<think>",
            "<tool_call>{}</tool_call>",
            "<a></a>",
            "<calls>[f()]</calls>",
            "n=1;",
            " ",
            "<tool_call><function=f><parameter=x>1",
        ] {
            let text = piece.repeat(100_000 / piece.len());
            let read = template.read(&text, "", &[]);
            assert!(read.faults.len() < 40_000, "{name}");
        }
    }
}
