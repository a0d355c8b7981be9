//! BFCL's rules, each by examples; hostile input; and the filter's line format.
//!
//! That all of this is what BFCL does is checked against BFCL itself by `fixtures/bfcl/oracle.py`.

use mentor_eval::bfcl::{Case, Category, Int, Item, Language, Routine, Value, Verdict, check};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn item(routine: Routine, language: Language, functions: &Json, answers: &Json) -> Item {
    Item::new(routine, language, &functions.into(), &answers.into()).expect("a well-formed item")
}

/// The error of calls.
fn judge(item: &Item, calls: &Json) -> Option<&'static str> {
    let Verdict { valid, error_type } = check(item, Some(&calls.into()));
    assert_eq!(valid, error_type.is_none());
    error_type
}

/// The error of one argument `x` of a documented type beside the values allowed for it.
#[track_caller]
fn argument(documented: &Json, allowed: &Json, value: &Json, expected: Option<&str>) {
    let functions = json!([{"name": "f", "parameters": {"properties": {"x": documented}, "required": []}}]);
    let item = item(Routine::Simple, Language::Python, &functions, &json!([{"f": {"x": allowed}}]));
    assert_eq!(judge(&item, &json!([{"f": {"x": value}}])), expected, "{value} for {documented}, {allowed}");
}

fn typed(name: &str) -> Json {
    json!({ "type": name })
}

fn list_of(element: &str) -> Json {
    json!({"type": "array", "items": {"type": element}})
}

const TYPE: Option<&str> = Some("type_error:simple");

/// Two functions, the first with an optional argument.
fn functions() -> Json {
    json!([
        {"name": "geo.area", "parameters": {"required": ["side"], "properties":
            {"side": {"type": "integer"}, "unit": {"type": "string"}, "hue": {"type": "string"}}}},
        {"name": "sum", "parameters": {"required": ["terms"], "properties": {"terms": list_of("integer")}}},
    ])
}

fn area(side: i64) -> Json {
    json!({"geo.area": {"side": [side], "unit": ["cm", ""]}})
}

// Rule 1.

#[test]
fn calls_are_a_list_of_single_named_dictionaries() {
    let item = item(Routine::Simple, Language::Python, &functions(), &json!([area(3)]));
    for calls in [
        json!(null),
        json!("geo.area(side=3)"),
        json!({"geo.area": {"side": 3}}),
        json!([{}]),
        json!([{"geo.area": [3]}]),
        json!([{"geo.area": {"side": 3}, "sum": {}}]),
        json!([{"geo.area": {"side": 3}}, null]),
    ] {
        assert_eq!(judge(&item, &calls), Some("ast_decoder:decoder_wrong_output_format"), "{calls}");
    }
    assert_eq!(check(&item, None).error_type, Some("ast_decoder:decoder_failed"));
    assert_eq!(judge(&item, &json!([{"geo.area": {"side": 3}}])), None);
}

#[test]
fn each_routine_counts_calls() {
    let one = json!({"geo.area": {"side": 3}});
    let cases = [
        (Routine::Simple, "simple_function_checker:wrong_count"),
        (Routine::Multiple, "multiple_function_checker:wrong_count"),
        (Routine::Parallel, "parallel_function_checker_no_order:wrong_count"),
    ];
    for (routine, error) in cases {
        let item = item(routine, Language::Python, &functions(), &json!([area(3)]));
        assert_eq!(judge(&item, &json!([one])), None);
        assert_eq!(judge(&item, &json!([])), Some(error));
        assert_eq!(judge(&item, &json!([one, one])), Some(error));
    }
}

#[test]
fn multiple_looks_at_the_first_call_only() {
    let answers = json!([area(3), area(4)]);
    let item = item(Routine::Multiple, Language::Python, &functions(), &answers);
    assert_eq!(judge(&item, &json!([{"geo.area": {"side": 3}}, {"nonsense": {}}])), None);
}

#[test]
fn simple_takes_the_first_function_and_the_others_the_answered_one() {
    let answers = json!([{"sum": {"terms": [[1, 2]]}}]);
    let calls = json!([{"sum": {"terms": [1, 2]}}]);
    let of = |routine| judge(&item(routine, Language::Python, &functions(), &answers), &calls);
    assert_eq!(of(Routine::Simple), Some("simple_function_checker:wrong_func_name"));
    assert_eq!(of(Routine::Multiple), None);
    assert_eq!(of(Routine::Parallel), None);
}

// Rule 2.

#[test]
fn names_are_exact_but_for_the_dots_of_some_models() {
    let mut item = item(Routine::Simple, Language::Python, &functions(), &json!([area(3)]));
    let called = |item: &Item, name: &str| judge(item, &json!([{name: {"side": 3}}]));
    let wrong = Some("simple_function_checker:wrong_func_name");
    assert_eq!(["geo.area", "geo_area", "Geo.area"].map(|name| called(&item, name)), [None, wrong, wrong]);
    item.underscore_to_dot = true;
    assert_eq!(["geo.area", "geo_area", "Geo.area"].map(|name| called(&item, name)), [wrong, None, wrong]);
}

// Rule 3.

#[test]
fn the_first_failure_in_bfcls_order_decides() {
    let item = item(Routine::Simple, Language::Python, &functions(), &json!([area(3)]));
    for (arguments, expected) in [
        (json!({"unit": 5, "huge": 1}), Some("simple_function_checker:missing_required")),
        (json!({"side": 3, "huge": 1}), Some("simple_function_checker:unexpected_param")),
        // Documented, but in no answer.
        (json!({"side": 3, "hue": "red"}), Some("simple_function_checker:unexpected_param")),
        (json!({"side": "3", "huge": 1}), TYPE),
        (json!({"side": 4, "unit": 5}), Some("value_error:others")),
        (json!({"unit": 5, "side": 4}), TYPE),
        (json!({"side": 3}), None),
    ] {
        assert_eq!(judge(&item, &json!([{"geo.area": arguments}])), expected, "{arguments}");
    }
}

#[test]
fn an_answered_argument_may_be_left_out_only_if_marked() {
    let answers = json!([{"geo.area": {"side": [3], "unit": ["cm"]}}]);
    let item = item(Routine::Simple, Language::Python, &functions(), &answers);
    let calls = json!([{"geo.area": {"side": 3}}]);
    assert_eq!(judge(&item, &calls), Some("simple_function_checker:missing_optional"));
}

// Rule 4.

#[test]
fn types_are_exact() {
    for (documented, right, others) in [
        ("integer", json!(1), [json!(true), json!(1.0), json!("1"), json!(null)]),
        ("boolean", json!(true), [json!(1), json!("true"), json!("True"), json!(1.0)]),
        ("float", json!(1.0), [json!(true), json!("1.0"), json!([1.0]), json!(null)]),
        ("string", json!("1"), [json!(1), json!(true), json!(["1"]), json!(null)]),
        ("any", json!("1"), [json!(1), json!(true), json!(["1"]), json!(null)]),
        ("array", json!([1]), [json!(1), json!({"a": 1}), json!("[1]"), json!(null)]),
        ("tuple", json!([1]), [json!(1), json!({"a": 1}), json!("[1]"), json!(null)]),
    ] {
        let documentation = json!({"type": documented, "items": {"type": "integer"}});
        argument(&documentation, &json!([right]), &right, None);
        for other in others {
            argument(&documentation, &json!([right]), &other, TYPE);
        }
    }
    argument(&typed("dict"), &json!([{"a": [1]}]), &json!([["a", 1]]), TYPE);
}

#[test]
fn an_integer_is_a_float_at_the_top_but_not_in_an_array() {
    argument(&typed("float"), &json!([5.0]), &json!(5), None);
    argument(&typed("float"), &json!([5]), &json!(5), None);
    argument(&list_of("float"), &json!([[5.0]]), &json!([5]), Some("type_error:nested"));
    argument(&list_of("float"), &json!([[5]]), &json!([5]), None);
}

#[test]
fn big_integers_keep_their_digits() {
    let read = |text: &str| Value::from_json(text).unwrap();
    let functions = json!([{"name": "f", "parameters": {"required": [], "properties":
        {"i": {"type": "integer"}, "f": {"type": "float"}}}}]);
    let answers = read(r#"[{"f": {"i": [36893488147419103233, ""], "f": [1e300, ""]}}]"#);
    let item = Item::new(Routine::Simple, Language::Python, &(&functions).into(), &answers).unwrap();
    let judge = |arguments: &str| check(&item, Some(&read(&format!(r#"[{{"f": {arguments}}}]"#)))).error_type;
    assert_eq!(judge(r#"{"i": 36893488147419103233}"#), None);
    assert_eq!(judge(r#"{"i": 36893488147419103232}"#), Some("value_error:others"));
    assert_eq!(judge(&format!(r#"{{"f": 1{}}}"#, "0".repeat(300))), None);
    assert_eq!(judge(&format!(r#"{{"f": 1{}}}"#, "0".repeat(309))), Some("exception:OverflowError"));
}

// Rule 5.

#[test]
fn the_first_answers_type_is_taken_too_and_then_compared_exactly() {
    argument(&typed("integer"), &json!(["max Size"]), &json!("max Size"), None);
    argument(&typed("integer"), &json!(["max Size"]), &json!("max size"), Some("value_error:others"));
    argument(&typed("integer"), &json!(["", "n", 3]), &json!(3), None);
    argument(&typed("any"), &json!([{"a": [1]}]), &json!({"a": [1]}), None);
    argument(&typed("any"), &json!([{"a": [1]}]), &json!({"a": 1}), Some("value_error:others"));
    argument(&typed("string"), &json!([3]), &json!("3"), Some("value_error:others"));
    // Only the first counts.
    argument(&typed("integer"), &json!([3, "n"]), &json!("n"), TYPE);
}

// Rule 6.

#[test]
fn text_is_compared_without_punctuation_and_case() {
    let allowed = json!(["April 1, 2024", "it's"]);
    for (value, right) in [
        ("april1.2024", true),
        ("A_p-r*i^l/1 2024", true),
        ("IT\"S", true),
        ("april 1;2024", false),
        ("April\t1, 2024", false),
        ("April\n1, 2024", false),
        ("", false),
    ] {
        argument(&typed("string"), &allowed, &json!(value), (!right).then_some("value_error:string"));
    }
    argument(&typed("string"), &json!(["ΟΔΟΣ"]), &json!("οδος"), None);
    argument(&typed("string"), &json!(["İ"]), &json!("i\u{307}"), None);
    argument(&typed("string"), &json!(["x", ""]), &json!(""), None);
}

// Rule 7.

#[test]
fn lists_are_compared_in_order_with_text_only_directly_in_them_standardized() {
    let wrong = Some("value_error:list/tuple");
    argument(&list_of("string"), &json!([["New York", "b"]]), &json!(["new-york", "B"]), None);
    argument(&list_of("string"), &json!([["a", "b"]]), &json!(["b", "a"]), wrong);
    argument(&list_of("string"), &json!([["a", "b"]]), &json!(["a"]), wrong);
    argument(&list_of("array"), &json!([[["A"]]]), &json!([["A"]]), None);
    argument(&list_of("array"), &json!([[["A"]]]), &json!([["a"]]), wrong);
}

#[test]
fn elements_are_typed_one_level_deep() {
    argument(&list_of("integer"), &json!([[1, 2]]), &json!([1, "2"]), Some("type_error:nested"));
    argument(&list_of("integer"), &json!([[1, 2]]), &json!([1, true]), Some("type_error:nested"));
    argument(&list_of("array"), &json!([[[1]]]), &json!([[true]]), None);
    argument(&list_of("integer"), &json!(["n"]), &json!(["n"]), Some("value_error:others"));
    argument(&list_of("integer"), &json!([]), &json!([1]), TYPE);
}

#[test]
fn beside_an_optional_list_any_list_has_the_type_and_the_empty_one_the_value() {
    let allowed = json!([["a"], ""]);
    argument(&list_of("string"), &allowed, &json!([]), None);
    argument(&list_of("string"), &allowed, &json!([1]), Some("value_error:list/tuple"));
}

// Rule 8.

#[test]
fn dictionaries_are_compared_by_key_and_value_but_not_type() {
    let allowed = json!([{"n": [1], "s": ["One, two", ""], "d": [{"k": [1]}, ""]}]);
    for (value, expected) in [
        (json!({"n": 1, "s": "one two"}), None),
        (json!({"s": "one two", "n": true}), None),
        (json!({"n": 1.0}), None),
        (json!({"n": "1"}), Some("value_error:dict_value")),
        (json!({"n": 1, "x": 1}), Some("value_error:dict_key")),
        (json!({"s": "one two"}), Some("value_error:dict_key")),
        // A missing key is named in the place of a wrong value.
        (json!({"s": "three"}), Some("value_error:dict_key")),
        (json!({"n": 1, "d": {"k": [1]}}), None),
        (json!({"n": 1, "d": {"k": 1}}), Some("value_error:dict_value")),
    ] {
        argument(&typed("dict"), &allowed, &value, expected);
    }
    argument(&typed("dict"), &json!([{"a": [1]}, {"b": [2]}]), &json!({"b": 2}), None);
    argument(&typed("dict"), &json!([""]), &json!({}), Some("dict_checker:unclear"));
}

#[test]
fn lists_of_dictionaries_have_the_answers_length_and_order() {
    let allowed = json!([[{"a": [1]}, {"a": [2, "two"]}]]);
    argument(&list_of("dict"), &allowed, &json!([{"a": 1}, {"a": "Two"}]), None);
    argument(&list_of("dict"), &allowed, &json!([{"a": 2}, {"a": 1}]), Some("value_error:dict_value"));
    argument(&list_of("dict"), &allowed, &json!([{"a": 1}]), Some("value_error:list_dict_count"));
    argument(&list_of("dict"), &allowed, &json!([{"a": 1}, {}]), Some("value_error:dict_key"));
    argument(&list_of("dict"), &json!([""]), &json!([{"a": 1}]), Some("value_error:list_dict_count"));
}

// Rule 9.

#[test]
fn parallel_calls_are_paired_greedily() {
    let answers = |sides: &[&[i64]]| {
        let each = |side: &&[i64]| json!({"geo.area": {"side": side}});
        Json::Array(sides.iter().map(each).collect())
    };
    let calls = |sides: [i64; 2]| json!([{"geo.area": {"side": sides[0]}}, {"geo.area": {"side": sides[1]}}]);
    let judge = |sides: &[&[i64]], made| {
        judge(&item(Routine::Parallel, Language::Python, &functions(), &answers(sides)), &calls(made))
    };
    let no_match = Some("parallel_function_checker_no_order:cannot_find_match");
    assert_eq!(judge(&[&[3], &[4]], [4, 3]), None);
    assert_eq!(judge(&[&[3], &[4]], [3, 3]), no_match);
    // The first answer takes the call that the second one needs.
    assert_eq!(judge(&[&[3, 4], &[3]], [3, 4]), no_match);
    assert_eq!(judge(&[&[3], &[3, 4]], [3, 4]), None);
}

// Rule 10.

#[test]
fn irrelevance_and_relevance_ask_for_no_and_for_some_call() {
    let called = json!([{"f": {}}]);
    for none in [json!(null), json!("text"), json!([]), json!([{}]), json!([{"f": 1}])] {
        assert_eq!(judge(&Item::irrelevance(), &none), None);
        assert_eq!(judge(&Item::relevance(), &none), Some("relevance_error:decoder_failed"));
    }
    assert_eq!(check(&Item::irrelevance(), None).error_type, None);
    assert_eq!(check(&Item::relevance(), None).error_type, Some("relevance_error:decoder_failed"));
    assert_eq!(judge(&Item::irrelevance(), &called), Some("irrelevance_error:decoder_success"));
    assert_eq!(judge(&Item::relevance(), &called), None);
}

#[test]
fn categories_are_bfcls() {
    use Category::Ast;
    for (names, expected) in [
        (&["simple", "simple_python", "live_simple"][..], Ast(Routine::Simple, Language::Python)),
        (&["simple_java", "java"], Ast(Routine::Simple, Language::Java)),
        (&["simple_javascript", "javascript"], Ast(Routine::Simple, Language::JavaScript)),
        (&["multiple", "live_multiple"], Ast(Routine::Multiple, Language::Python)),
        (
            &[
                "parallel",
                "live_parallel",
                "parallel_multiple",
                "live_parallel_multiple",
                "parallel-multiple",
            ],
            Ast(Routine::Parallel, Language::Python),
        ),
        (&["irrelevance", "live_irrelevance"], Category::Irrelevance),
        (&["relevance", "live_relevance"], Category::Relevance),
    ] {
        for name in names {
            assert_eq!(name.parse(), Ok(expected), "{name}");
        }
    }
    for name in ["", "Simple", "multi_turn_base", "memory_kv", "live_", "exec_simple"] {
        assert!(name.parse::<Category>().is_err(), "{name}");
    }
}

// What Python raises.

#[test]
fn exceptions_are_named() {
    argument(&typed("number"), &json!([1]), &json!(1), Some("exception:KeyError"));
    argument(&json!({}), &json!([1]), &json!(1), Some("exception:KeyError"));
    argument(&json!({"type": ["string", "null"]}), &json!([1]), &json!(1), Some("exception:TypeError"));
    argument(&typed("array"), &json!([[1]]), &json!([1]), Some("exception:KeyError"));
    argument(&json!({"type": "array", "items": []}), &json!([[1]]), &json!([1]), Some("exception:TypeError"));
    argument(&list_of("integer"), &json!([[1], 1]), &json!([1]), Some("exception:TypeError"));
    argument(&list_of("dict"), &json!(["", [1]]), &json!([1]), Some("exception:AttributeError"));
    argument(&typed("dict"), &json!([{"a": 1}]), &json!({"a": 1}), Some("exception:TypeError"));

    let calls = json!([{"geo.area": {"side": 3}}]);
    let undocumented = json!([{"elsewhere": {}}]);
    let of = |routine, functions: &Json, answers: &Json, calls: &Json| {
        judge(&item(routine, Language::Python, functions, answers), calls)
    };
    assert_eq!(of(Routine::Multiple, &functions(), &undocumented, &calls), Some("exception:TypeError"));
    assert_eq!(of(Routine::Parallel, &functions(), &undocumented, &calls), Some("exception:TypeError"));
    assert_eq!(of(Routine::Simple, &json!([]), &undocumented, &calls), Some("exception:IndexError"));
    assert_eq!(of(Routine::Multiple, &functions(), &json!([]), &json!([])), Some("exception:IndexError"));
    assert_eq!(of(Routine::Parallel, &functions(), &json!([]), &json!([])), None);
    let open = json!([{"name": "f", "parameters": {"properties": {}}}]);
    assert_eq!(of(Routine::Simple, &open, &json!([{"f": {}}]), &calls), Some("exception:KeyError"));
}

// Java and JavaScript.

#[track_caller]
fn converted(language: Language, documented: &Json, source: &str, value: &Json, expected: Option<&str>) {
    let functions = json!([{"name": "f", "parameters": {"properties": {"x": documented}, "required": []}}]);
    let item = item(Routine::Simple, language, &functions, &json!([{"f": {"x": [value]}}]));
    assert_eq!(judge(&item, &json!([{"f": {"x": source}}])), expected, "{source} for {documented}");
}

#[test]
fn java_source_text_becomes_values() {
    let java = |documented: &Json, source: &str, value: Json| {
        converted(Language::Java, documented, source, &value, None);
    };
    let list = |kind: &str, element: &str| json!({"type": kind, "items": {"type": element}});
    java(&typed("integer"), "-12", json!(-12));
    java(&typed("long"), "12L", json!(12));
    java(&typed("float"), "1.5e1f", json!(15.0));
    java(&typed("double"), "1.5", json!(1.5));
    java(&typed("boolean"), "true", json!(true));
    java(&typed("char"), "'a'", json!("'a'"));
    java(&typed("any"), "new Thing()", json!("new Thing()"));
    java(&typed("integer"), "limit", json!("limit"));
    java(&list("Array", "integer"), "new int[]{1, 2,}", json!([1, 2]));
    java(&list("ArrayList", "String"), r#"new ArrayList<>(Arrays.asList("a", "b"))"#, json!(["a", "b"]));
    java(&list("ArrayList", "long"), "new ArrayList<Long>() {{ add(1L); add(2L); }}", json!([1, 2]));
    java(&list("ArrayList", "any"), "new ArrayList<>()", json!([]));
    java(
        &typed("HashMap"),
        r#"new HashMap<String, Object>() {{ put("a", 1_000); put("b", "x"); put("c", 2.5f); }}"#,
        json!({"a": [1000], "b": ["x"], "c": [2.5]}),
    );
    java(&typed("HashMap"), "new HashMap<>()", json!({}));
    java(&typed("HashMap"), "options", json!("options"));

    let set = json!([{"name": "f", "parameters": {"properties": {"x": typed("Set")}, "required": []}}]);
    let item = item(Routine::Simple, Language::Java, &set, &json!([{"f": {"x": [1]}}]));
    assert_eq!(judge(&item, &json!([{"f": {"x": "s"}}])), Some("exception:NotImplementedError"));
    assert_eq!(judge(&item, &json!([{"f": {"x": 1}}])), Some("type_error:java"));
    converted(Language::Java, &typed("long"), "12", &json!(12), TYPE);
    converted(Language::Java, &typed("dict"), "{}", &json!({}), Some("exception:KeyError"));
}

#[test]
fn javascript_source_text_becomes_values() {
    let javascript = |documented: &Json, source: &str, value: Json| {
        converted(Language::JavaScript, documented, source, &value, None);
    };
    javascript(&typed("integer"), "12", json!(12));
    javascript(&typed("float"), "1.50", json!(1.5));
    javascript(&typed("Bigint"), "12n", json!(12));
    javascript(&typed("Boolean"), "false", json!(false));
    javascript(&typed("String"), "'it'", json!("it"));
    javascript(&typed("any"), "x => x", json!("x => x"));
    javascript(&list_of("integer"), "[1, 2]", json!([1, 2]));
    javascript(&list_of("float"), "new Array(1.5, 2)", json!([1.5, 2.0]));
    javascript(&list_of("String"), " ['a', \"b\"]", json!(["a", "b"]));
    javascript(&list_of("array"), "[[1, 2], ['x']]", json!([[1, 2], ["x"]]));
    javascript(&list_of("integer"), "items", json!("items"));
    javascript(
        &typed("dict"),
        r#"{a: 1, "b" : [1, 2], c: "x, y", d: ", e: f"}"#,
        json!({"a": [1], "b": [[1, 2]], "c": ["x, y"], "d": [""], "e": ["f"]}),
    );
    javascript(&typed("dict"), "{}", json!({}));
    converted(Language::JavaScript, &typed("Bigint"), "12n\n", &json!(12), Some("exception:ValueError"));
    converted(Language::JavaScript, &typed("integer"), "1.5", &json!(1), TYPE);
    let functions =
        json!([{"name": "f", "parameters": {"properties": {"x": typed("integer")}, "required": []}}]);
    let item = item(Routine::Simple, Language::JavaScript, &functions, &json!([{"f": {"x": [1]}}]));
    assert_eq!(judge(&item, &json!([{"f": {"x": 1}}])), Some("type_error:js"));
}

// Items and lines.

#[test]
fn what_is_wrong_with_an_item_is_said_by_place() {
    let answer = json!([{"f": {}}]);
    for (functions, answers, message) in [
        (json!({}), &answer, "functions: expected an array"),
        (json!([1]), &answer, "functions[0]: expected an object"),
        (json!([{"name": "f"}]), &answer, "functions[0]: \"parameters\" is missing"),
        (json!([{"name": 1, "parameters": {}}]), &answer, "functions[0].name: expected a string"),
        (
            json!([{"name": "f", "parameters": {"properties": {"x": 1}}}]),
            &answer,
            "functions[0].parameters.properties.x: expected an object",
        ),
        (
            json!([{"name": "f", "parameters": {"properties": {}, "required": "x"}}]),
            &answer,
            "functions[0].parameters.required: expected an array",
        ),
        (json!([]), &json!([{}]), "possible_answer[0]: expected {name: {argument: [values]}}"),
        (json!([]), &json!([{"f": {"x": 1}}]), "possible_answer[0].f.x: expected an array"),
    ] {
        let found = Item::new(Routine::Simple, Language::Python, &(&functions).into(), &answers.into());
        assert_eq!(found.unwrap_err().to_string(), message);
    }
}

#[test]
fn a_line_is_a_case_or_says_what_it_lacks() {
    let functions = functions();
    let line = |category: &str, calls: &str| {
        format!(
            r#"{{"id": {{"n": 7}}, "category": "{category}", "functions": {functions}, "calls": {calls},
             "possible_answer": [{}], "question": []}}"#,
            area(3)
        )
    };
    let case = Case::from_json(&line("live_simple", r#"[{"geo.area": {"side": 3}}]"#)).unwrap();
    assert_eq!((case.id.as_str(), case.check().error_type), (r#"{"n": 7}"#, None));
    // What Python's JSON reader refuses was no call.
    for deep in ["[".repeat(1_000_000) + &"]".repeat(1_000_000), "9".repeat(Int::MAX_DIGITS + 1)] {
        let case = Case::from_json(&line("simple", &deep)).unwrap();
        assert_eq!(case.check().error_type, Some("ast_decoder:decoder_failed"));
    }
    let relevant = r#"{"id": 1, "category": "irrelevance", "calls": []}"#;
    assert_eq!(Case::from_json(relevant).unwrap().check().error_type, None);

    for (line, id, message) in [
        ("[]".to_owned(), "null", "line: not JSON at byte 0: expected an object"),
        ("{}".to_owned(), "null", "id: is missing"),
        (r#"{"id": 1, "category": "simple"}"#.to_owned(), "1", "functions: is missing"),
        (r#"{"id": 1, "category": 2}"#.to_owned(), "1", "category: expected a string"),
        (line("simple", "[1,]"), r#"{"n": 7}"#, "calls: not JSON at byte 3: expected a value"),
        (
            r#"{"id": 1, "calls": [}"#.to_owned(),
            "1",
            "line: not JSON at byte 21: expected a comma or the closing bracket",
        ),
        (
            relevant.replace('}', r#", "underscore_to_dot": 1}"#),
            "1",
            "underscore_to_dot: expected true or false",
        ),
    ] {
        let error = Case::from_json(&line).unwrap_err();
        assert_eq!((error.id.as_str(), error.message.as_str()), (id, message), "{line}");
    }
}

// Whatever comes.

const WORDS: &[&str] =
    &["f", "x", "a", "", "string", "integer", "array", "tuple", "dict", "float", "Array", "HashMap", "12L"];

fn json_values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        prop::sample::select(WORDS).prop_map(Json::from),
        ".{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop::sample::select(WORDS).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn languages() -> impl Strategy<Value = Language> {
    prop::sample::select(vec![Language::Python, Language::Java, Language::JavaScript])
}

fn routines() -> impl Strategy<Value = Routine> {
    prop::sample::select(vec![Routine::Simple, Routine::Multiple, Routine::Parallel])
}

proptest! {
    #[test]
    fn no_calls_panic(
        routine in routines(), language in languages(),
        documented in json_values(), element in json_values(),
        allowed in prop::collection::vec(json_values(), 0..4),
        value in json_values(), calls in json_values(),
    ) {
        let documented = json!({"type": documented, "items": {"type": element}});
        let functions = json!([{"name": "f", "parameters": {"properties": {"x": documented}, "required": []}}]);
        let item = item(routine, language, &functions, &json!([{"f": {"x": allowed}}]));
        judge(&item, &json!([{"f": {"x": value}}]));
        judge(&item, &calls);
    }

    #[test]
    fn no_source_text_panics(
        java in any::<bool>(),
        kind in prop::sample::select(vec![
            "integer", "long", "float", "double", "Array", "ArrayList", "HashMap", "String", "array", "dict", "Bigint",
        ]),
        element in prop::sample::select(vec!["integer", "String", "any", "array", "dict", "HashMap", "char"]),
        source in r#"(new |ArrayList<>|Arrays\.asList|\(|\)|\{|\}|\[|\]|,|:|"|'|put|add|HashMap<>|1|é| |\n|.){0,24}"#,
    ) {
        let language = if java { Language::Java } else { Language::JavaScript };
        let documented = json!({"type": kind, "items": {"type": element}});
        let functions = json!([{"name": "f", "parameters": {"properties": {"x": documented}, "required": []}}]);
        let item = item(Routine::Simple, language, &functions, &json!([{"f": {"x": [[1], {"a": [1]}, 1]}}]));
        judge(&item, &json!([{"f": {"x": source}}]));
    }

    #[test]
    fn no_line_panics(
        line in r#"(\{|\}|\[|\]|,|:|"|\\|"id"|"category"|"calls"|"functions"|"simple"|1|-|e|\.|null|NaN| |.){0,40}"#,
    ) {
        let _ = Case::from_json(&line);
        let _ = Value::from_json(&line);
    }

    #[test]
    fn json_is_read_as_serde_reads_it(value in json_values()) {
        let read = Value::from_json(&value.to_string()).unwrap();
        prop_assert_eq!(&read, &Value::from(&value));
    }

    #[test]
    fn integers_and_floats_compare_as_128_bit_integers_do(int in any::<i64>(), float in any::<i64>()) {
        let float = float as f64;
        let equal = Value::from(&json!(int)) == Value::Float(float);
        prop_assert_eq!(equal, i128::from(int) == float as i128);
        prop_assert!(Value::from(&json!(int)) == Value::from(&json!(int)));
        prop_assert_eq!(Value::Float(float), Value::from(&json!(float as i128)));
    }
}
