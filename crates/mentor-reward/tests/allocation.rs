//! What scoring allocates once its memory has grown: nothing.

use allocation_counter::measure;
use mentor_reward::{Case, Measure, Reward, Scorer, Term, Workspace, read_response};
use mentor_trajectory::{Judge, Plan, Split, Task, ToolSpec, Trajectory};
use serde_json::{Value, json};

fn task() -> Task {
    let tool = |name: &str| ToolSpec { name: name.into(), description: String::new(), parameters: json!({}) };
    Task {
        id: "task".into(),
        suite: "arithmetic".into(),
        split: Split::Train,
        question: "How much?".into(),
        tools: ["add", "multiply", "sqrt"].map(tool).to_vec(),
        answer: "5".into(),
        judge: Judge::Answer,
        plans: vec![],
        world: Value::Null,
    }
}

/// An attempt that calls these tools one after the other, and boxes 5.
fn attempt(names: &[&str]) -> Trajectory {
    let turns = names.iter().enumerate().map(|(index, name)| {
        format!(
            "Next.\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {{\"a\": {index}, \"b\": [\"x\", {{\"c\": null}}], \"d\": \"{index}\"}}}}\n</tool_call><|im_end|>\n\
             <|im_start|>user\n<tool_response>\n5\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
        )
    });
    read_response(&(turns.collect::<String>() + "It is \\boxed{5}."), true)
}

fn students() -> Vec<Trajectory> {
    let mut other = attempt(&["sqrt", "multiply", "add"]);
    for record in other.turns.iter_mut().flat_map(|turn| &mut turn.calls) {
        // Of other types than the teacher's.
        let arguments = record.call.as_mut().map(|call| &mut call.arguments);
        arguments
            .into_iter()
            .flat_map(|arguments| arguments.values_mut())
            .for_each(|value| *value = json!({"a": value}));
    }
    vec![
        other,
        attempt(&["add", "multiply", "sqrt", "add"]),
        attempt(&["sqrt", "integrate", "add"]),
        attempt(&[]),
        attempt(&["add"; 40]),
    ]
}

#[test]
fn nothing_is_allocated_for_a_case_once_the_workspace_has_grown() {
    let (task, teacher) = (task(), attempt(&["add", "multiply", "sqrt"]));
    let students = students();
    let cases: Vec<Case> = students
        .iter()
        .map(|student| Case { placebo: Some(&teacher), ..Case::new(&task, student, &teacher, true) })
        .collect();
    for name in Reward::preset_names() {
        let reward = Reward::preset(name).expect("a preset");
        let scorer = Scorer::new(&reward, &task, &teacher, Some(&teacher));
        let mut workspace = Workspace::default();
        let mut all = || cases.iter().map(|case| scorer.total(case, &mut workspace)).sum::<f64>();
        let first = measure(|| assert!(all().is_finite()));
        assert!(first.count_total > 0, "{name}: the first cases grow the workspace");
        let again = measure(|| assert!(all().is_finite()));
        assert_eq!(again.count_total, 0, "{name}: {again:?}");
    }
}

/// The answer is one of digits: others are read as mathematics, which takes lists.
#[test]
fn no_measure_makes_lists_of_its_own() {
    let (mut task, teacher) = (task(), attempt(&["add", "multiply", "sqrt"]));
    let student = attempt(&["add", "multiply", "sqrt", "add", "add"]);
    task.plans = vec![Plan { calls: student.strict_calls().cloned().collect() }];
    let case = Case::new(&task, &student, &teacher, true);
    for &part in Measure::ALL {
        let term = Term { limit: (part == Measure::Length).then_some(99), ..Term::new(part, 1.0) };
        let reward =
            Reward { terms: vec![term], gates: vec![], ..Reward::preset("binary").expect("a preset") };
        let scorer = Scorer::new(&reward, &task, &teacher, None);
        let mut workspace = Workspace::default();
        scorer.total(&case, &mut workspace);
        let again = measure(|| assert!(scorer.total(&case, &mut workspace).is_finite()));
        assert_eq!(again.count_total, 0, "{}: {again:?}", part.name());
    }
}
