//! Parts, reasons and the credit of turns.

use super::common::{attempt, record, task};
use mentor_reward::{Case, Reward, Score, answer_correct, boxed_answer, score};
use mentor_trajectory::{Ending, Judge, Reading, Trajectory, Turn};
use serde_json::json;

const OFFERED: [&str; 3] = ["add", "multiply", "sqrt"];

fn scored(preset: &str, student: &Trajectory, teacher: &Trajectory, correct: bool) -> Score {
    let reward = Reward::preset(preset).expect("a preset");
    score(&reward, &Case::new(&task(&OFFERED), student, teacher, correct))
}

/// `(name, value, weight)` of each part.
fn numbers(score: &Score) -> Vec<(&str, f64, f64)> {
    score.parts.iter().map(|part| (part.name.as_str(), part.value, part.weight)).collect()
}

fn teacher() -> Trajectory {
    attempt(&[("add", json!({"a": 2, "b": 3})), ("multiply", json!({"a": 5, "b": 4}))])
}

#[test]
fn a_perfect_attempt_has_every_part_at_one() {
    let score = scored("mentor", &teacher(), &teacher(), true);
    let expected = [("correct", 1.0, 0.7), ("tool_set_equal", 1.0, 0.3), ("no_invalid_tool", 1.0, 0.1)];
    assert_eq!(numbers(&score), expected);
    assert_eq!(score.parts[0].reason, "answered 5; the answer is 5");
    assert_eq!(score.parts[1].reason, "called {add, multiply}; teacher {add, multiply}");
    assert_eq!(score.parts[0].turn, Some(2));
}

#[test]
fn a_wrong_answer_keeps_a_fifth_of_the_tools() {
    let score = scored("mentor", &teacher(), &teacher(), false);
    assert_eq!(score.parts[1].weight, 0.3 * 0.2);
    assert!((score.total - 0.16).abs() < 1e-12);
}

#[test]
fn a_failed_gate_is_the_only_part() {
    let mut late = teacher();
    late.ending = Ending::TurnLimit;
    let mut unboxed = teacher();
    unboxed.turns[2].content = "Five, and earlier \\boxed{5}, no: \\boxed{ }.".into();
    let idle = attempt(&[]);
    let cases = [
        (&late, &teacher(), "not_ended", 0.0, "still called a tool in the last turn allowed"),
        (&unboxed, &teacher(), "not_boxed", 0.1, "the final turn boxes no answer"),
        (&teacher(), &idle, "teacher_used_no_tools", 0.1, "the teacher called no tool"),
    ];
    for (student, teacher, name, value, reason) in cases {
        let score = scored("mentor", student, teacher, true);
        assert_eq!(numbers(&score), [(name, value, 1.0)]);
        assert_eq!((score.total, score.parts[0].reason.as_str()), (value, reason));
    }
}

#[test]
fn a_forbidden_tool_shows_in_the_lenient_reading_and_only_there() {
    let invalid = |reading| {
        let mut student = teacher();
        student.turns[1].calls.push(record(reading, Some("integrate"), None));
        let score = scored("mentor", &student, &teacher(), true);
        let part = score.part("no_invalid_tool").unwrap().clone();
        (part.value, part.turn)
    };
    assert_eq!(invalid(Reading::Strict), (0.0, Some(1)));
    assert_eq!(invalid(Reading::Repaired), (0.0, Some(1)));
    assert_eq!(invalid(Reading::Recoverable), (1.0, None));
    assert_eq!(invalid(Reading::Unusable), (1.0, None));
}

#[test]
fn a_repaired_call_earns_nothing() {
    let mut student = teacher();
    student.turns[1].calls[0].reading = Reading::Repaired;
    let score = scored("mentor", &student, &teacher(), true);
    assert_eq!(score.part("tool_set_equal").unwrap().reason, "called {add}; teacher {add, multiply}");
    assert_eq!(score.part("tool_set_equal").unwrap().value, 0.0);
}

#[test]
fn a_tool_that_is_not_on_offer_is_no_member_of_the_students_set() {
    let student = attempt(&[
        ("integrate", json!({})),
        ("add", json!({"a": 2, "b": 3})),
        ("multiply", json!({"a": 5, "b": 4})),
    ]);
    let score = scored("mentor", &student, &teacher(), true);
    assert_eq!(
        numbers(&score),
        [("correct", 1.0, 0.7), ("tool_set_equal", 1.0, 0.3), ("no_invalid_tool", 0.0, 0.1)]
    );
    assert_eq!(score.parts[2].reason, "called {integrate}, not on offer");
    assert_eq!(scored("strict", &student, &teacher(), true).part("call_sequence_equal").unwrap().value, 0.0);
}

#[test]
fn the_credit_of_a_pair_goes_to_the_turn_that_made_the_call() {
    let student = attempt(&[
        ("sqrt", json!({"x": 4})),
        ("add", json!({"a": 2, "b": 9})),
        ("multiply", json!({"a": 5.0, "b": 4})),
    ]);
    let score = scored("process", &student, &teacher(), true);
    let order = score.part("order").unwrap();
    assert!((order.value - 4.0 / 5.0).abs() < 1e-12);
    assert_eq!(order.reason, "called sqrt → add → multiply; teacher add → multiply; 2 in common order");
    assert_eq!(
        order.shares.iter().map(|share| (share.turn, share.value)).collect::<Vec<_>>(),
        [(1, 0.4), (2, 0.4)]
    );
    let arguments = score.part("arguments").unwrap();
    assert!((arguments.value - 1.5 / 3.0).abs() < 1e-12);
    assert_eq!(arguments.reason, "arguments agree in 1.5 of 2 pairs; 3 calls at most");
    let credit = score.turn_credit(student.turns.len());
    assert_eq!(credit.turns[0], 0.0);
    assert!((credit.turns[1] - (0.2 * 0.4 + 0.1 * 0.5 / 3.0)).abs() < 1e-12);
    assert!((credit.turns[2] - (0.2 * 0.4 + 0.1 / 3.0)).abs() < 1e-12);
    assert!((credit.whole - 0.8).abs() < 1e-12);
}

#[test]
fn of_equally_long_subsequences_the_one_that_agrees_most_counts() {
    let teacher = attempt(&[("add", json!({"a": 1, "b": 2}))]);
    let student = attempt(&[("add", json!({"a": 9, "b": 9})), ("add", json!({"a": 1, "b": 2}))]);
    let score = scored("process", &student, &teacher, true);
    assert_eq!(score.part("arguments").unwrap().value, 0.5);
    assert_eq!(score.part("arguments").unwrap().shares[0].turn, 1);
}

#[test]
fn the_placebo_is_compared_and_the_gates_look_at_the_tasks_own_teacher() {
    let reward = Reward::preset("shuffled").unwrap();
    let task = task(&OFFERED);
    let (own, other, idle) = (teacher(), attempt(&[("sqrt", json!({"x": 4}))]), attempt(&[]));
    let value = |student: &Trajectory, teacher: &Trajectory, placebo: Option<&Trajectory>| {
        score(&reward, &Case { placebo, ..Case::new(&task, student, teacher, true) })
    };
    let scored = value(&own, &own, Some(&other));
    assert_eq!(scored.parts[1].value, 0.0);
    assert_eq!(scored.parts[1].reason, "called {add, multiply}; teacher {sqrt} (of another task)");
    assert_eq!(value(&other, &own, Some(&other)).total, reward.maximum());
    assert_eq!(value(&own, &own, None).parts[1].value, 0.0);
    assert_eq!(value(&other, &idle, Some(&other)).parts[0].name, "teacher_used_no_tools");
    assert!((value(&own, &own, Some(&idle)).total - 0.8).abs() < 1e-12);
}

#[test]
fn the_answer_stands_in_the_last_box_of_the_final_turn() {
    let mut student = teacher();
    student.turns[0].content = "\\boxed{7}".into();
    assert_eq!(boxed_answer(&student), Some("5"));
    assert!(answer_correct(&task(&OFFERED), &student));
    student.turns[2].reasoning = "\\boxed{9}".into();
    student.turns[2].content = "\\boxed{5} or \\boxed{6}".into();
    assert_eq!(boxed_answer(&student), Some("6"));
    assert!(!answer_correct(&task(&OFFERED), &student));
    student.turns[2].content = "\\boxed{5} or \\boxed{ }".into();
    assert_eq!(boxed_answer(&student), None);
    student.ending = Ending::TokenLimit;
    assert_eq!(boxed_answer(&student), None);
    student.turns.clear();
    student.ending = Ending::Ended;
    assert_eq!(boxed_answer(&student), None);
}

#[test]
fn tasks_judged_by_calls_say_so() {
    let task = mentor_trajectory::Task { judge: Judge::Calls, ..task(&OFFERED) };
    let reward = Reward::preset("binary").unwrap();
    let reason =
        |correct| score(&reward, &Case::new(&task, &teacher(), &teacher(), correct)).parts[0].reason.clone();
    assert_eq!(reason(true), "the calls solve the task");
    assert_eq!(reason(false), "the calls do not solve the task");
}

#[test]
fn reasons_stay_short_whatever_was_called() {
    let names: Vec<String> = (0..500).map(|number| format!("{number}{}", "ä".repeat(300))).collect();
    let calls: Vec<_> = names.iter().map(|name| (name.as_str(), json!({"x": "y".repeat(500)}))).collect();
    let mut student = attempt(&calls);
    student.turns.last_mut().unwrap().content = format!("\\boxed{{{}}}", "9".repeat(5000));
    for preset in Reward::preset_names() {
        for part in scored(preset, &student, &teacher(), false).parts {
            assert!(part.reason.len() < 2000, "{preset}: {}", part.reason);
        }
    }
}

#[test]
fn a_turn_of_several_calls_collects_their_shares() {
    let mut student = teacher();
    let second = student.turns.remove(1);
    student.turns[0].calls.extend(second.calls);
    let score = scored("process", &student, &teacher(), true);
    let shares: Vec<usize> = score.part("order").unwrap().shares.iter().map(|share| share.turn).collect();
    assert_eq!(shares, [0]);
    assert_eq!(score.total, Reward::preset("process").unwrap().maximum());
}

#[test]
fn scores_survive_json() {
    let score = scored("process", &teacher(), &teacher(), false);
    let text = serde_json::to_string(&score).unwrap();
    assert_eq!(serde_json::from_str::<Score>(&text).unwrap(), score);
    assert!(
        !serde_json::to_string(&scored(
            "binary",
            &Trajectory { turns: vec![Turn::default()], ..teacher() },
            &teacher(),
            false
        ))
        .unwrap()
        .contains("shares")
    );
}
