//! Judging attempts at generated tasks of every suite, their calls really executed.

use mentor_env::{execute, generate, suites};
use mentor_eval::{Failure, correct, diagnose, policy_correct};
use mentor_trajectory::{Call, CallRecord, Ending, Judge, Reading, Split, Task, Trajectory, Turn};

/// An attempt that makes these calls, one a turn, and answers.
fn attempt(task: &Task, calls: &[Call], answer: &str) -> Trajectory {
    let record = |call: &Call| CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Strict,
        faults: vec![],
        call: Some(call.clone()),
        observation: Some(execute(task, call)),
    };
    let mut turns: Vec<Turn> = calls
        .iter()
        .map(|call| Turn { calls: vec![record(call)], closed: true, ..Turn::default() })
        .collect();
    turns.push(Turn { content: format!("It is \\boxed{{{answer}}}."), closed: true, ..Turn::default() });
    Trajectory {
        id: "attempt".into(),
        task_id: task.id.clone(),
        source: "test".into(),
        turns,
        ending: Ending::Ended,
    }
}

/// Test tasks of every suite.
fn tasks() -> impl Iterator<Item = Task> {
    suites().iter().flat_map(|suite| generate(suite, Split::Test, 3, 100).expect("a suite that is listed"))
}

#[test]
fn every_plan_carried_out_is_correct() {
    for task in tasks() {
        for plan in &task.plans {
            let found = attempt(&task, &plan.calls, &task.answer);
            assert!(policy_correct(&task, &found) && correct(&task, &found), "{}: {:?}", task.id, plan);
            assert_eq!(diagnose(&task, &found), None);
        }
    }
}

#[test]
fn a_plan_cut_short_repeated_or_badly_copied_is_named() {
    for task in tasks() {
        let plan = &task.plans[0].calls;
        let check = |calls: &[Call], expected: Failure| {
            let found = diagnose(&task, &attempt(&task, calls, "nothing"));
            assert_eq!(found, Some(expected), "{}: {calls:?}", task.id);
        };
        if task.judge == Judge::Answer {
            check(plan, Failure::CopyError);
        }
        if let Some((last, rest)) = plan.split_last() {
            check(rest, if rest.is_empty() { Failure::NoTool } else { Failure::StoppedEarly });
            check(&[plan.as_slice(), std::slice::from_ref(last)].concat(), Failure::OverCalled);
        }
    }
}

#[test]
fn a_plan_with_one_argument_changed_is_a_wrong_argument() {
    for task in tasks() {
        let mut calls = task.plans[0].calls.clone();
        let Some(value) =
            calls.first_mut().and_then(|call| call.arguments.values_mut().find(|value| value.is_number()))
        else {
            continue;
        };
        *value = 77_777.into();
        let found = attempt(&task, &calls, "nothing");
        assert_eq!(diagnose(&task, &found), Some(Failure::WrongArgument), "{}: {calls:?}", task.id);
    }
}
