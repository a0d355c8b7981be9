//! Where the code released with the paper is wrong, and this crate is not (METHOD, section 3).

use super::common::{attempt, task};
use mentor_reward::{Case, Measure, Reward, Score, Term, answer_correct, read_response, score};
use mentor_trajectory::{Observation, Task, Trajectory};
use serde_json::json;

const CALL: &str = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 3}}\n</tool_call>";

fn paid(task: &Task, student: &Trajectory) -> Score {
    let teacher = attempt(&[("add", json!({"a": 2, "b": 3}))]);
    let reward = Reward::preset("mentor").expect("a preset");
    score(&reward, &Case::new(task, student, &teacher, answer_correct(task, student)))
}

fn answered(turn: &str, observation: &str, last: &str) -> Trajectory {
    read_response(
        &format!(
            "{turn}<|im_end|>\n<|im_start|>user\n<tool_response>\n{observation}\n</tool_response><|im_end|>\n<|im_start|>assistant\n{last}"
        ),
        true,
    )
}

#[test]
fn the_prompts_template_and_example_are_not_the_students() {
    let task = Task {
        question: format!("Call tools as in {CALL} and answer as in \\boxed{{5}}. How much is 2 + 3?"),
        ..task(&["add"])
    };
    assert_eq!(paid(&task, &read_response("I do not know.", true)).parts[0].name, "not_boxed");
    let silent = paid(&task, &read_response("It is \\boxed{5}.", true));
    assert_eq!(silent.part("tool_set_equal").unwrap().reason, "called {}; teacher {add}");
}

#[test]
fn broken_json_does_not_hide_the_name_of_a_forbidden_tool() {
    let broken = "<tool_call>\n{'name': 'integrate', 'arguments': {'x': 1,}}\n</tool_call>";
    let score = paid(&task(&["add"]), &answered(broken, "error: unknown tool integrate", "\\boxed{5}"));
    assert_eq!(score.part("no_invalid_tool").unwrap().value, 0.0);
}

#[test]
fn the_tools_on_offer_are_the_tasks_own() {
    let student = answered(CALL, "5", "\\boxed{5}");
    assert_eq!(paid(&task(&["add"]), &student).total, 1.1);
    let elsewhere = paid(&task(&["look_up"]), &student);
    assert_eq!(elsewhere.part("no_invalid_tool").unwrap().reason, "called {add}, not on offer");
    let own = "<tool_call>\n{\"name\": \"look_up\", \"arguments\": {}}\n</tool_call>";
    let score = paid(&task(&["look_up"]), &answered(own, "x", "\\boxed{5}"));
    assert_eq!(score.part("no_invalid_tool").unwrap().value, 1.0);
}

#[test]
fn a_result_that_is_zero_false_or_empty_is_a_result() {
    for result in ["0", "0.0", "False", ""] {
        let student = answered(CALL, result, "\\boxed{5}");
        let seen = student.turns[0].calls[0].observation.clone();
        assert_eq!(seen, Some(Observation { content: result.into(), ok: true }));
        let reward = Reward {
            terms: vec![Term::new(Measure::ExecutionSuccess, 1.0)],
            gates: vec![],
            ..Reward::preset("mentor").unwrap()
        };
        assert_eq!(score(&reward, &Case::new(&task(&["add"]), &student, &student, true)).total, 1.0);
    }
}

#[test]
fn a_turn_with_unbalanced_tags_holds_a_call_and_is_not_the_last() {
    for broken in
        [CALL.replace("</tool_call>", ""), CALL.replace("<tool_call>", ""), format!("<tool_call>{CALL}")]
    {
        let score = paid(&task(&["add"]), &read_response(&format!("It is \\boxed{{5}}.\n{broken}"), true));
        assert_eq!(score.parts[0].name, "not_ended", "{broken}");
    }
}

#[test]
fn a_variant_is_a_table_and_no_copy_of_the_code() {
    for name in ["mentor", "sparse", "overlap", "no-match", "f1"] {
        let text = Reward::preset(name).unwrap().to_toml();
        assert_eq!(Reward::from_toml(&text, name).unwrap(), Reward::preset(name).unwrap());
    }
}
