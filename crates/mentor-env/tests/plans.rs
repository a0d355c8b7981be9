//! When calls are the same, and when they form a plan.

use mentor_env::{canonical, is_valid_plan, program};
use mentor_trajectory::{Call, Judge, Plan, Split, Task};
use proptest::prelude::*;
use serde_json::{Value, json};

fn call(name: &str, arguments: &Value) -> Call {
    Call { name: name.into(), arguments: arguments.as_object().cloned().unwrap_or_default() }
}

#[test]
fn calls_that_mean_the_same_have_one_form() {
    let same = [
        ("add", json!({"a": 7, "b": 12}), json!({"b": 7, "a": 12})),
        ("add", json!({"a": 7, "b": 12}), json!({"a": 7.0, "b": 12.00})),
        ("multiply", json!({"a": 0.5, "b": 12}), json!({"a": 12, "b": 5e-1})),
        ("sum_numbers", json!({"numbers": [3, 1, 2]}), json!({"numbers": [1, 2.0, 3]})),
        ("subtract", json!({"a": 7, "b": 12}), json!({"b": 12, "a": 7})),
        ("book_taro", json!({"mek": {"x": 1, "y": 2}}), json!({"mek": {"y": 2, "x": 1.0}})),
        ("sqrt", json!({"x": -0.0}), json!({"x": 0})),
    ];
    for (name, one, other) in same {
        assert_eq!(canonical(&call(name, &one)), canonical(&call(name, &other)), "{name} {one} {other}");
    }
}

#[test]
fn calls_that_differ_have_different_forms() {
    let different = [
        ("subtract", json!({"a": 7, "b": 12}), json!({"a": 12, "b": 7})),
        ("add", json!({"a": 7, "b": 12}), json!({"a": "7", "b": 12})),
        ("add", json!({"a": 7, "b": 12}), json!({"a": 7})),
        ("book_taro", json!({"mek": "Dovi"}), json!({"mek": "dovi"})),
        ("book_taro", json!({"a": 1, "b": 2}), json!({"a": 2, "b": 1})),
        ("sum_numbers", json!({"numbers": [1, 1, 2]}), json!({"numbers": [1, 2, 2]})),
        ("stack", json!({"items": [1, 2]}), json!({"items": [2, 1]})),
        ("stack", json!({"on": true}), json!({"on": "true"})),
        ("stack", json!({"x": "1, y=2"}), json!({"x": "1", "y": 2})),
        ("stack", json!({"x=1, y": 2}), json!({"x": 1, "y": 2})),
    ];
    for (name, one, other) in different {
        assert_ne!(canonical(&call(name, &one)), canonical(&call(name, &other)), "{name} {one} {other}");
    }
}

fn task(plans: Vec<Vec<Call>>) -> Task {
    Task {
        id: "t".into(),
        suite: "s".into(),
        split: Split::Train,
        question: "Mia has 3 apples and 4 pears.".into(),
        tools: vec![],
        answer: "4".into(),
        judge: Judge::Answer,
        plans: plans.into_iter().map(|calls| Plan { calls }).collect(),
        world: Value::Null,
    }
}

#[test]
fn a_plan_is_valid_in_any_order_and_only_whole() {
    let one = call("add", &json!({"a": 1, "b": 2}));
    let two = call("sqrt", &json!({"x": 9}));
    let other = call("power", &json!({"base": 3, "exponent": 2}));
    let task = task(vec![vec![one.clone(), two.clone()], vec![other.clone()]]);
    let valid: [&[&Call]; 3] = [&[&one, &two], &[&two, &one], &[&other]];
    let invalid: [&[&Call]; 5] = [&[], &[&one], &[&one, &two, &two], &[&one, &one], &[&one, &two, &other]];
    assert!(valid.iter().all(|calls| is_valid_plan(&task, calls)));
    assert!(!invalid.iter().any(|calls| is_valid_plan(&task, calls)));
}

#[test]
fn the_empty_plan_is_met_by_calling_nothing() {
    let task = task(vec![vec![]]);
    assert!(is_valid_plan(&task, &[]));
    assert!(!is_valid_plan(&task, &[&call("sqrt", &json!({"x": 9}))]));
    assert_eq!(program(&task), "read 3, 4 -> 4");
}

proptest! {
    #[test]
    fn the_order_of_addends_never_matters(mut numbers in prop::collection::vec(-99.0_f64..99.0, 0..8), turn in 0_usize..8) {
        let form = |numbers: &[f64]| canonical(&call("sum_numbers", &json!({"numbers": numbers})));
        let before = form(&numbers);
        let middle = turn.min(numbers.len());
        numbers.rotate_left(middle);
        prop_assert_eq!(before, form(&numbers));
    }

    #[test]
    fn numbers_are_compared_by_value_and_strings_exactly(n in any::<i32>(), text in "\\PC{0,8}") {
        let form = |value: Value| canonical(&call("tool", &json!({"x": value})));
        prop_assert_eq!(form(json!(n)), form(json!(f64::from(n))));
        prop_assert_ne!(form(json!(n)), form(json!(n.to_string())));
        prop_assert_eq!(form(json!(text)) == form(json!(text.trim())), text == text.trim());
    }
}
