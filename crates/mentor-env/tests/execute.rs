//! Executing calls: every outcome is an observation.

use mentor_env::{LONGEST_OBSERVATION, arithmetic_tool, execute, generate};
use mentor_trajectory::{Call, Judge, Observation, Split, Task, ToolSpec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A task that offers all arithmetic tools, and look-ups in a small world.
fn task(judge: Judge) -> Task {
    let mut tools: Vec<ToolSpec> = mentor_env::ARITHMETIC.into_iter().filter_map(arithmetic_tool).collect();
    let parameters = |name: &str, kind: &str| json!({"type": "object", "properties": {name: {"type": kind}}, "required": [name]});
    for (name, parameter, kind) in
        [("mayor", "city", "string"), ("book_taro", "seats", "integer"), ("mystery", "x", "number")]
    {
        let parameters = parameters(parameter, kind);
        tools.push(ToolSpec { name: name.into(), description: "A tool.".into(), parameters });
    }
    Task {
        id: "t".into(),
        suite: "mixed".into(),
        split: Split::Test,
        question: "?".into(),
        tools,
        answer: "1".into(),
        judge,
        plans: vec![],
        world: json!({"mayor": {"Nola": "Tiro", "Zero": 0, "No": false, "Empty": ""}}),
    }
}

fn call(name: &str, arguments: &Value) -> Call {
    Call { name: name.into(), arguments: arguments.as_object().cloned().unwrap_or_default() }
}

fn observe(name: &str, arguments: &Value) -> Observation {
    execute(&task(Judge::Answer), &call(name, arguments))
}

#[test]
fn results_are_what_a_person_expects() {
    let cases = [
        ("add", json!({"a": 0.1, "b": 0.2}), "0.3"),
        ("add", json!({"b": 7, "a": 12}), "19"),
        ("subtract", json!({"a": 5, "b": 5}), "0"),
        ("subtract", json!({"a": 5, "b": 5.25}), "-0.25"),
        ("multiply", json!({"a": 2.5, "b": 4}), "10"),
        ("multiply", json!({"a": -3, "b": 0}), "0"),
        ("divide", json!({"a": 10, "b": 4}), "2.5"),
        ("divide", json!({"a": 1, "b": 3}), "0.333333"),
        ("divide", json!({"a": 2, "b": 3}), "0.666667"),
        ("divide", json!({"a": -1, "b": 10_000_000}), "0"),
        ("sum_numbers", json!({"numbers": [1, 2.5, -3.5]}), "0"),
        ("sum_numbers", json!({"numbers": []}), "0"),
        ("floor", json!({"x": 8.9}), "8"),
        ("floor", json!({"x": -8.1}), "-9"),
        ("ceil", json!({"x": -0.5}), "0"),
        ("ceil", json!({"x": 8.1}), "9"),
        ("round_number", json!({"x": 2.5, "digits": 0}), "3"),
        ("round_number", json!({"x": -2.5, "digits": 0}), "-3"),
        ("round_number", json!({"x": 1.005, "digits": 2}), "1.01"),
        ("round_number", json!({"x": 7, "digits": 2.0}), "7"),
        ("power", json!({"base": 2, "exponent": 10}), "1024"),
        ("power", json!({"base": 0, "exponent": 0}), "1"),
        ("power", json!({"base": -1.5, "exponent": 3}), "-3.375"),
        ("sqrt", json!({"x": 144}), "12"),
        ("sqrt", json!({"x": 2}), "1.414214"),
        ("sqrt", json!({"x": 0}), "0"),
        ("abs_value", json!({"x": -3.5}), "3.5"),
        ("modulo", json!({"a": 17, "b": 5}), "2"),
        ("modulo", json!({"a": -17, "b": 5}), "3"),
        ("modulo", json!({"a": 17, "b": -5}), "-3"),
        ("modulo", json!({"a": 10, "b": 5}), "0"),
        ("add", json!({"a": 1e3, "b": 1e-3}), "1000.001"),
        ("mayor", json!({"city": "Nola"}), "Tiro"),
        ("mayor", json!({"city": "Zero"}), "0"),
        ("mayor", json!({"city": "No"}), "false"),
        ("mayor", json!({"city": "Empty"}), ""),
    ];
    for (name, arguments, expected) in cases {
        let expected = Observation { content: expected.into(), ok: true };
        assert_eq!(observe(name, &arguments), expected, "{name} {arguments}");
    }
}

#[test]
fn faults_are_short_error_texts() {
    let cases = [
        ("shout", json!({}), "error: unknown tool shout"),
        ("add", json!({"a": 1}), "error: missing argument b"),
        ("add", json!({}), "error: missing argument a"),
        ("add", json!({"a": 1, "b": 2, "c": 3}), "error: unexpected argument c"),
        ("add", json!({"a": "1", "b": 2}), "error: argument a must be a number"),
        ("add", json!({"a": true, "b": 2}), "error: argument a must be a number"),
        ("add", json!({"a": null, "b": 2}), "error: argument a must be a number"),
        ("sum_numbers", json!({"numbers": 3}), "error: argument numbers must be a list"),
        ("sum_numbers", json!({"numbers": [3, "4"]}), "error: argument numbers must be a list"),
        ("sum_numbers", json!({"numbers": vec![1; 33]}), "error: too many numbers"),
        ("divide", json!({"a": 1, "b": 0}), "error: division by zero"),
        ("modulo", json!({"a": 1, "b": 0.0}), "error: division by zero"),
        ("sqrt", json!({"x": -4}), "error: square root of a negative number"),
        ("power", json!({"base": 2, "exponent": 65}), "error: exponent must be from 0 to 64"),
        ("power", json!({"base": 2, "exponent": -1}), "error: exponent must be from 0 to 64"),
        ("power", json!({"base": 2, "exponent": 0.5}), "error: argument exponent must be an integer"),
        ("power", json!({"base": 99, "exponent": 64}), "error: number out of range"),
        ("round_number", json!({"x": 1, "digits": 9}), "error: digits must be from 0 to 6"),
        ("multiply", json!({"a": 1e9, "b": 1e9}), "error: number out of range"),
        ("add", json!({"a": 1e300, "b": 1}), "error: number out of range"),
        ("add", json!({"a": u64::MAX, "b": 1}), "error: number out of range"),
        ("mayor", json!({"city": "Elsewhere"}), "error: not found"),
        ("mayor", json!({"city": 5}), "error: argument city must be a string"),
        ("mystery", json!({"x": 5}), "error: tool mystery cannot be executed"),
    ];
    for (name, arguments, expected) in cases {
        let expected = Observation { content: expected.into(), ok: false };
        assert_eq!(observe(name, &arguments), expected, "{name} {arguments}");
    }
}

#[test]
fn a_task_judged_by_its_calls_acknowledges_well_typed_ones() {
    let task = task(Judge::Calls);
    let content = |arguments: &Value| execute(&task, &call("book_taro", arguments)).content;
    assert_eq!(content(&json!({"seats": 4})), "ok");
    assert_eq!(content(&json!({"seats": 4.0})), "ok");
    assert_eq!(content(&json!({"seats": 4.5})), "error: argument seats must be an integer");
    assert_eq!(content(&json!({"seats": "4"})), "error: argument seats must be an integer");
}

#[test]
fn tools_that_are_not_on_offer_are_unknown_even_if_they_exist() {
    let mut task = task(Judge::Answer);
    task.tools.retain(|tool| tool.name != "add" && tool.name != "mayor");
    for (name, arguments) in [("add", json!({"a": 1, "b": 2})), ("mayor", json!({"city": "Nola"}))] {
        assert_eq!(execute(&task, &call(name, &arguments)).content, format!("error: unknown tool {name}"));
    }
}

/// Any JSON value, nested a little.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-20_i64..20).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// An argument name: mostly one that some tool has.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["a|b|x|numbers|digits|base|exponent|city", "\\PC{0,60}"]
}

proptest! {
    #[test]
    fn any_call_gives_a_bounded_observation(
        tool in prop_oneof![prop::sample::select(&mentor_env::ARITHMETIC[..]).prop_map(str::to_owned), "\\PC{0,500}"],
        arguments in prop::collection::vec((any_name(), any_value()), 0..4),
    ) {
        let call = Call { name: tool, arguments: arguments.into_iter().collect() };
        for judge in [Judge::Answer, Judge::Calls] {
            let observation = execute(&task(judge), &call);
            prop_assert!(observation.content.chars().count() <= LONGEST_OBSERVATION);
            prop_assert_eq!(observation.content.starts_with("error: "), !observation.ok);
            prop_assert!(!mentor_env::canonical(&call).is_empty());
        }
    }

    #[test]
    fn decimals_agree_with_integer_arithmetic_in_hundredths(a in -99_999_i64..99_999, b in -99_999_i64..99_999) {
        // An independent way to write `n / 10^places`: integer division and zero padding.
        let show = |n: i128, places: usize| {
            let scale = 10_i128.pow(places as u32);
            let digits = format!("{:0places$}", n.abs() % scale);
            let digits = digits.trim_end_matches('0');
            let sign = if n < 0 { "-" } else { "" };
            let whole = n.abs() / scale;
            if digits.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{digits}") }
        };
        let json = |n: i64| serde_json::from_str::<Value>(&show(n.into(), 2)).unwrap();
        let pair = json!({"a": json(a), "b": json(b)});
        let (x, y) = (i128::from(a), i128::from(b));
        prop_assert_eq!(observe("add", &pair).content, show(x + y, 2));
        prop_assert_eq!(observe("subtract", &pair).content, show(x - y, 2));
        prop_assert_eq!(observe("multiply", &pair).content, show(x * y, 4));
        prop_assert_eq!(observe("sum_numbers", &json!({"numbers": [json(a), json(b)]})).content, show(x + y, 2));
        prop_assert_eq!(observe("floor", &json!({"x": json(a)})).content, (a.div_euclid(100)).to_string());
        prop_assert_eq!(observe("ceil", &json!({"x": json(a)})).content, (-(-a).div_euclid(100)).to_string());
        if b != 0 {
            let rest = x - y * (x.div_euclid(y) - i128::from(y < 0 && x.rem_euclid(y) != 0));
            prop_assert_eq!(observe("modulo", &pair).content, show(rest, 2));
        }
    }

    #[test]
    fn roots_of_squares_are_exact(root in 0_i64..1_000_000) {
        prop_assert_eq!(observe("sqrt", &json!({"x": root * root})).content, root.to_string());
    }
}

#[test]
fn wrong_look_ups_give_other_real_values_or_not_found() {
    let (mut values, mut missing) = (0, 0);
    for task in generate("multihop", Split::Test, 0, 200).unwrap() {
        let entity = task.plans[0].calls[0].arguments.values().next().unwrap();
        for tool in task.tools.iter().filter(|tool| tool.name != task.plans[0].calls[0].name) {
            let parameter = tool.parameter_names().next().unwrap();
            let observation = execute(&task, &call(&tool.name, &json!({parameter: entity})));
            if observation.ok {
                values += 1;
                assert!(task.plans[0].calls.len() > 1 || observation.content != task.answer);
            } else {
                missing += 1;
                assert_eq!(observation.content, "error: not found");
            }
        }
    }
    assert!(values > 100 && missing > 100, "{values} {missing}");
}
