//! What holds for every text.

use mentor_toolcall::{hermes, read_turn, write_json};
use mentor_trajectory::{Call, Reading, Turn};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Strings that hold what a reader could stumble over.
fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z 0-9]{0,6}",
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "<tool_call>",
            "</tool_call>",
            "<think>",
            "</think>",
            "\n",
            "\"",
            "'",
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "NaN",
            "\u{0}",
            "{\"name\": \"x\", \"arguments\": {}}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has finite numbers", |float| float.is_finite()).prop_map(Value::from),
        string().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((string(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn call() -> impl Strategy<Value = Call> {
    let name = ("[a-z]", string()).prop_map(|(first, rest)| first + &rest);
    (name, prop::collection::vec((string(), value()), 0..4))
        .prop_map(|(name, members)| Call { name, arguments: members.into_iter().collect() })
}

/// Texts made of what calls are made of.
fn fragments() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![
            "<tool_call>", "</tool_call>", "<think>", "</think>", "\n", "\"", "'", "\\", "{", "}", "[", "]", ",", ":",
            "\"name\"", "\"arguments\"", "{\"name\": \"f\", \"arguments\": {\"a\": 1}}", "1", "-", "true", "NaN", " ",
            "{\"name\": \"f\", \"arguments\": {\"a\": \"", "\\u", "d83d", "<", "é",
        ])
        .prop_map(str::to_owned),
        1 => string(),
        1 => call().prop_map(|call| hermes::write_call(&call)),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

/// A written call with a few characters changed.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        prop::sample::select("{}[]\"',:\\ \n0a-.e<\u{e9}".chars().collect::<Vec<_>>()),
        0..3,
    );
    (call(), prop::collection::vec(edit, 0..4)).prop_map(|(call, edits)| {
        let mut body: Vec<char> = write_json(&json!(call)).chars().collect();
        for (index, character, kind) in edits {
            let at = index.index(body.len());
            match kind {
                0 => body.insert(at, character),
                1 => body[at] = character,
                _ if body.len() > 1 => drop(body.remove(at)),
                _ => {}
            }
        }
        body.into_iter().collect()
    })
}

/// What the rest of a text beside its calls says, read by a program too simple to be wrong.
fn naive_prose(mut rest: &str, reasoning: &mut String, content: &mut String) {
    while let Some((before, inside)) = rest.split_once("<think>") {
        content.push_str(before);
        let (thought, after) = inside.split_once("</think>").unwrap_or((inside, ""));
        reasoning.push_str(thought);
        rest = after;
    }
    content.push_str(rest);
}

fn check_partition(text: &str) {
    let Turn { reasoning, content, calls, .. } = read_turn(text, true);
    let (mut expected_reasoning, mut expected_content, mut at) = (String::new(), String::new(), 0);
    for record in &calls {
        let (start, end) = record.span;
        assert!(at <= start && start < end, "spans overlap in {text:?}");
        assert_eq!(record.raw, text[start..end]);
        naive_prose(&text[at..start], &mut expected_reasoning, &mut expected_content);
        at = end;
        match record.reading {
            Reading::Strict => assert!(record.call.is_some() && record.faults.is_empty()),
            Reading::Repaired | Reading::Recoverable => {
                assert!(record.call.is_some() && !record.faults.is_empty());
            }
            Reading::Unusable => assert!(record.call.is_none() && !record.faults.is_empty()),
        }
        assert!(record.lenient().is_none_or(|call| !call.name.is_empty()));
        assert!(record.observation.is_none());
    }
    naive_prose(&text[at..], &mut expected_reasoning, &mut expected_content);
    assert_eq!((reasoning, content), (expected_reasoning, expected_content), "in {text:?}");
}

/// The strict reading by its definition.
fn naive_strict(body: &str) -> Option<Call> {
    let Value::Object(mut object) = serde_json::from_str(body).ok()? else { return None };
    let (name, arguments) = (object.remove("name")?, object.remove("arguments")?);
    match (name, arguments, object.is_empty()) {
        (Value::String(name), Value::Object(arguments), true) if !name.is_empty() => {
            Some(Call { name, arguments })
        }
        _ => None,
    }
}

/// Floats as a reader may round them differently in the last place.
fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (a - b).abs() <= 1e-14 * a.abs()
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| close(value, other)))
        }
        _ => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_written_call_is_read_back_strictly(call in call(), before in "[a-z <>\n]{0,12}", after in "[a-z <>\n]{0,12}") {
        let text = format!("{before}{}{after}", hermes::write_call(&call));
        let parsed = read_turn(&text, true);
        prop_assert_eq!(parsed.calls.len(), 1);
        prop_assert_eq!(parsed.calls[0].reading, Reading::Strict);
        prop_assert_eq!(parsed.calls[0].strict(), Some(&call));
        prop_assert_eq!(parsed.content, before + &after);
    }

    #[test]
    fn every_text_is_content_reasoning_and_calls(text in fragments()) {
        check_partition(&text);
    }

    #[test]
    fn arbitrary_characters_are_read(text in any::<String>()) {
        check_partition(&text);
    }

    #[test]
    fn strict_is_what_the_definition_says(body in mutated()) {
        let text = format!("<tool_call>{body}</tool_call>");
        let turn = read_turn(&text, true);
        let strict = match &turn.calls[..] {
            [record] => record.strict(),
            _ => None,
        };
        match (strict, naive_strict(&body)) {
            (Some(call), Some(expected)) => {
                prop_assert_eq!(&call.name, &expected.name);
                prop_assert!(close(&call.arguments.clone().into(), &expected.arguments.into()), "{}", body);
            }
            (None, Some(_)) => {
                prop_assert!(turn.calls[0].faults.iter().any(|fault| fault == "duplicate_key"), "{}", body);
            }
            (Some(_), None) => prop_assert!(false, "not to the letter: {}", body),
            (None, None) => {}
        }
        check_partition(&text);
    }

    #[test]
    fn a_call_cut_off_anywhere_is_never_completed_by_guessing(call in call(), cut in any::<prop::sample::Index>()) {
        let text = hermes::write_call(&call);
        let mut end = cut.index(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for record in read_turn(&text[..end], true).calls {
            if let Some(read) = record.lenient() {
                prop_assert_eq!(read, &call);
            }
            let Some(read) = record.call else { continue };
            prop_assert!(read.name.is_empty() || read.name == call.name);
            for (key, value) in &read.arguments {
                prop_assert_eq!(Some(value), call.arguments.get(key));
            }
        }
    }

    #[test]
    fn what_was_written_is_json(value in value()) {
        let read: Value = serde_json::from_str(&write_json(&value)).unwrap();
        prop_assert!(close(&read, &value));
    }
}

#[test]
fn hostile_repetition_takes_linear_time() {
    let units = [
        "<tool_call>",
        "</tool_call>",
        "<think>",
        "</think>",
        "<",
        "<tool_call>{\"",
        "<tool_call>{'",
        "{",
        "[",
        "\"",
        "<tool_call>{\"'\",',\"",
        "<tool_call>{\"\\",
        "<tool_call>{\"a\":[",
        "<tool_call>{\"a\":\"\n",
        "{}",
        "{},",
        "<tool_call>{}",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"'",
        "<tool_call>['\",\"',",
        "\\u",
    ];
    for opening in [
        "",
        "<tool_call>",
        "<tool_call>{\"name\": \"",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ",
    ] {
        for unit in units {
            let text = format!("{opening}{}", unit.repeat(100_000));
            let parsed = read_turn(&text, true);
            assert!(parsed.content.len() <= text.len());
        }
    }
}

#[test]
fn deep_nesting_is_refused_by_name() {
    for (depth, fault) in [(98, None), (99, Some("too_deep")), (100_000, Some("too_deep"))] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let text =
            format!("<tool_call>{{\"name\": \"f\", \"arguments\": {{\"a\": {open}{close}}}}}</tool_call>");
        let parsed = read_turn(&text, true);
        assert_eq!(parsed.calls.len(), 1);
        assert_eq!(parsed.calls[0].faults.first().map(String::as_str), fault, "depth {depth}");
    }
}

#[test]
fn json_is_spelt_as_python_spells_it() {
    // Expected: python3 -c 'import json; print(json.dumps(VALUE, ensure_ascii=False))'
    let cases = [
        (
            json!({"a": [1, 2.5, "x"], "b": {}, "c": [], "d": null, "e": true}),
            r#"{"a": [1, 2.5, "x"], "b": {}, "c": [], "d": null, "e": true}"#,
        ),
        (
            json!([1e16, 1e15, 1e-4, 1e-5, 1.5e-7, 1e100, -0.0, 0.1, 123_456_789.0]),
            "[1e+16, 1000000000000000.0, 0.0001, 1e-05, 1.5e-07, 1e+100, -0.0, 0.1, 123456789.0]",
        ),
        (json!([u64::MAX, i64::MIN]), "[18446744073709551615, -9223372036854775808]"),
        (
            json!("<é😀>\"\\/\n\r\t\u{8}\u{c}\u{1f}\u{7f}\u{2028}"),
            "\"<é😀>\\\"\\\\/\\n\\r\\t\\b\\f\\u001f\u{7f}\u{2028}\"",
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(write_json(&value), expected);
    }
}

#[test]
fn an_empty_argument_map_is_written_as_braces() {
    let call = Call { name: "now".to_owned(), arguments: Map::new() };
    assert_eq!(
        hermes::write_call(&call),
        "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
    );
}
