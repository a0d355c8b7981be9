//! Judges a few attempts and compares two arms: `cargo run --release -p mentor-eval --example compare`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use mentor_eval::{bootstrap, diagnose, paired, similarity, tool_distribution};
use mentor_trajectory::{
    Call, CallRecord, Ending, Judge, Observation, Plan, Reading, Split, Task, ToolSpec, Trajectory, Turn,
};
use serde_json::json;

fn call(name: &str, a: i64, b: i64) -> Call {
    let arguments = [("a".to_owned(), json!(a)), ("b".to_owned(), json!(b))].into_iter().collect();
    Call { name: name.into(), arguments }
}

/// (2 + 3) · 4 with three tools on offer.
fn task() -> Task {
    let tool = |name: &str| ToolSpec { name: name.into(), description: String::new(), parameters: json!({}) };
    Task {
        id: "chain".into(),
        suite: "arithmetic".into(),
        split: Split::Test,
        question: "Compute (2 + 3) * 4.".into(),
        tools: ["add", "subtract", "multiply"].map(tool).to_vec(),
        answer: "20".into(),
        judge: Judge::Answer,
        plans: vec![Plan { calls: vec![call("add", 2, 3), call("multiply", 5, 4)] }],
        world: json!(null),
    }
}

/// An attempt whose calls all succeed, ending with a boxed answer.
fn attempt(source: &str, calls: &[Call], answer: &str) -> Trajectory {
    let record = |call: &Call| CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Strict,
        faults: vec![],
        call: Some(call.clone()),
        observation: Some(Observation { content: String::new(), ok: true }),
    };
    let mut turns: Vec<Turn> = calls
        .iter()
        .map(|call| Turn { calls: vec![record(call)], closed: true, ..Turn::default() })
        .collect();
    turns.push(Turn { content: format!("\\boxed{{{answer}}}"), closed: true, ..Turn::default() });
    Trajectory {
        id: source.into(),
        task_id: "chain".into(),
        source: source.into(),
        turns,
        ending: Ending::Ended,
    }
}

fn main() {
    let task = task();
    let teacher = attempt("teacher", &[call("add", 2, 3), call("multiply", 5, 4)], "20");
    let attempts = [
        attempt("right", &[call("add", 3, 2), call("multiply", 4, 5)], "20"),
        attempt("stale argument", &[call("add", 2, 3), call("multiply", 2, 4)], "8"),
        attempt("wrong tool", &[call("subtract", 2, 3), call("multiply", 1, 4)], "4"),
        attempt("stopped", &[call("add", 2, 3)], "5"),
        attempt("guessed", &[], "12"),
        attempt("copied badly", &[call("add", 2, 3), call("multiply", 5, 4)], "2"),
    ];
    for attempt in &attempts {
        let reason = diagnose(&task, attempt).map_or("correct".to_owned(), |failure| failure.to_string());
        println!("{:<16}{reason}", attempt.source);
    }
    let near = similarity(&tool_distribution(&attempts), &tool_distribution([&teacher]));
    println!("\ntool similarity to the teacher {near:.3}");

    // Six seeds, twenty tasks: one arm is right on more tasks than the other, by an amount that varies with the seed.
    let arm = |bonus: u64| -> Vec<Vec<f64>> {
        (0..6)
            .map(|seed| {
                (0..20).map(|task| f64::from((task * 7 + seed * 3) % 20 < 8 + bonus + seed % 3)).collect()
            })
            .collect()
    };
    let (guided, sparse) = (arm(4), arm(1));
    for (name, values) in [("guided", &guided), ("sparse", &sparse)] {
        let interval = bootstrap(values, 10_000, 1);
        println!("{name} {:.3} [{:.3}, {:.3}]", interval.mean, interval.lo, interval.hi);
    }
    let found = paired(&guided, &sparse, 10_000, 1);
    println!(
        "difference {:+.3} [{:.3}, {:.3}], p = {:?}",
        found.difference, found.ci95.0, found.ci95.1, found.p_value
    );
    println!("({})", found.test);
}
