//! BFCL's verdicts: on items read once, and on lines that carry their item with them as the filter's do.
//!
//! The peer is the Python package itself; `fixtures/bfcl/oracle.py` prints the rates of both on the package's data.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mentor_eval::bfcl::{Case, check};
use serde_json::{Value, json};

/// Three right answers, as lines: one call among one function, four calls among four functions, source text of Java.
fn lines() -> [(&'static str, String); 3] {
    let function = |name: &str| {
        json!({"name": name, "description": "Books a table.", "parameters": {"type": "dict", "required": ["place", "seats"],
        "properties": {
            "place": {"type": "string", "description": "The city and the country, such as 'Paris, France'."},
            "seats": {"type": "integer", "description": "How many people."},
            "dishes": {"type": "array", "items": {"type": "string"}, "description": "What to order before."},
            "terrace": {"type": "boolean", "description": "Whether to sit outside.", "default": false},
        }}})
    };
    let call = |name: &str| json!({name: {"place": "Kyoto, Japan", "seats": 4, "dishes": ["Soba", "Tofu"]}});
    let answer = |name: &str| json!({name: {"place": ["Kyoto", "Kyoto, Japan"], "seats": [4], "dishes": [["soba", "tofu"]], "terrace": [false, ""]}});
    let names = ["book_table", "book_room", "book_train", "book_guide"];
    let reversed = names.iter().rev();
    let java = json!([{"name": "f", "parameters": {"required": ["n", "list", "map"], "properties": {
        "n": {"type": "long"},
        "list": {"type": "ArrayList", "items": {"type": "integer"}},
        "map": {"type": "HashMap"},
    }}}]);
    let java_call = json!([{"f": {
        "n": "12L",
        "list": "new ArrayList<>(Arrays.asList(1, 2, 3))",
        "map": "new HashMap<String, Object>() {{ put(\"limit\", 50); put(\"schema\", \"public\"); }}",
    }}]);
    let java_answer =
        json!([{"f": {"n": [12], "list": [[1, 2, 3]], "map": [{"limit": [50], "schema": ["public"]}]}}]);
    let line = |category: &str, functions: Value, calls: Value, answers: Value| {
        json!({"id": 0, "category": category, "functions": functions, "calls": calls, "possible_answer": answers})
            .to_string()
    };
    [
        (
            "simple",
            line("simple", json!([function(names[0])]), json!([call(names[0])]), json!([answer(names[0])])),
        ),
        (
            "parallel_multiple",
            line(
                "parallel_multiple",
                names.iter().map(|name| function(name)).collect(),
                reversed.map(|name| call(name)).collect(),
                names.iter().map(|name| answer(name)).collect(),
            ),
        ),
        ("java", line("simple_java", java, java_call, java_answer)),
    ]
}

fn bfcl(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eval/bfcl");
    group.throughput(Throughput::Elements(1));
    for (name, line) in lines() {
        let case = Case::from_json(&line).expect("a case");
        assert!(case.check().valid, "{name}");
        group.bench_function(BenchmarkId::new("check", name), |bencher| {
            bencher.iter(|| check(black_box(&case.item), black_box(case.calls.as_ref())));
        });
        group.bench_function(BenchmarkId::new("line", name), |bencher| {
            bencher.iter(|| Case::from_json(black_box(&line)).expect("a case").check());
        });
    }
    group.finish();
}

criterion_group!(benches, bfcl);
criterion_main!(benches);
