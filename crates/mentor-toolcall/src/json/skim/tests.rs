use proptest::prelude::*;
use serde_json::Value;

use super::skim_call;
use crate::json::{Json, Reader, build_object};

/// JSON, or nearly so.
fn body() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\"",
        "\"x\\n\\u00e9\"",
        "\"\\\"\\\\\\/\\b\\f\\r\\t\"",
        "\"größer, {]: \"",
        "-12345678901234567890123",
        "18446744073709551615",
        "0.1000000000000000055",
        "\"\\ud83d\"",
        "\"\\ud83d\\ude00\"",
        "1",
        "-0",
        "-1.5",
        "01",
        "1.",
        ".5",
        "1e5",
        "1e999",
        "true",
        "false",
        "null",
        "None",
        "NaN",
        " ",
        "\n",
        "\"\t\"",
        "'a'",
        "é",
        "\"a\": 1",
        "\"b\": [1, {}]",
    ]);
    let value = prop::collection::vec(token, 0..10).prop_map(|tokens| tokens.concat());
    let member = prop_oneof![
        4 => value.clone().prop_map(|value| format!("\"arguments\": {{\"a\": {value}}}")),
        4 => value.clone().prop_map(|value| format!("\"arguments\": {{{value}}}")),
        4 => Just("\"name\": \"f\"".to_owned()),
        1 => value,
    ];
    prop::collection::vec(member, 1..4).prop_map(|members| format!("{{{}}}", members.join(", ")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_skimmed_the_reader_reads_without_any_fault(body in body()) {
        let Some(skimmed) = skim_call(&body, 0, "name", "arguments") else { return Ok(()) };
        let mut reader = Reader::new(&body, 0, body.len(), None);
        let mut members = reader.object(0).expect("it was skimmed");
        prop_assert_eq!(reader.at, skimmed.end);
        prop_assert_eq!(reader.faults.list(), vec![]);
        let (name, _) = members.take("name").expect("it was skimmed");
        prop_assert_eq!(name, Json::String(body[skimmed.name].to_owned()));
        let (arguments, span) = members.take("arguments").expect("it was skimmed");
        prop_assert_eq!(span, (skimmed.arguments.start, skimmed.arguments.end));
        prop_assert!(members.pairs.is_empty());
        let text = &body[skimmed.arguments];
        prop_assert_eq!(&build_object::<Value>(text), &arguments.to_map());
        prop_assert_eq!(Json::Object(build_object::<Json>(text)), arguments);
    }

    #[test]
    fn what_was_never_skimmed_is_built_somehow(text in body(), other in any::<String>()) {
        for text in [text, other] {
            build_object::<Json>(&text);
            build_object::<Value>(&text);
        }
    }
}

#[test]
fn plain_calls_are_skimmed() {
    for body in [
        r#"{"name": "f", "arguments": {}}"#,
        r#"{"arguments":{"a":[1,-2.5,"x\"\u00e9",true,null,{"b":{}}]},"name":"größe"}"#,
    ] {
        assert!(skim_call(body, 0, "name", "arguments").is_some(), "{body}");
    }
}
