//! What counts as right, and what is named when it is not.

mod common;

use common::{attempt, task};
use mentor_eval::{Failure, boxed_answer, correct, diagnose, executed_calls, policy_correct};
use mentor_trajectory::{Call, CallRecord, Ending, Judge, Trajectory, Turn};
use proptest::prelude::*;

/// Two plans for (2 + 3) · 4, and one that needs no tool.
const CHAIN: &[&str] = &["add 2 3; multiply 5 4", "add 2 3; add 5 5; add 10 10"];
const NONE: &[&str] = &[""];

/// The right answer.
const RIGHT: &str = r"\boxed{20}";

#[test]
fn every_failure_has_its_case() {
    use Ending::{Ended, TokenLimit, TurnLimit};
    use Failure::{
        CopyError, Malformed, NoTool, OverCalled, StoppedEarly, Truncated, WrongArgument, WrongTool,
    };
    let (right, wrong) = (RIGHT, r"\boxed{21}");
    let cases = [
        // calls, ending, last text, expected
        (CHAIN, "add 2 3; multiply 5 4", Ended, right, None),
        (CHAIN, "", Ended, right, None),
        (CHAIN, "subtract 2 3", Ended, right, None),
        (CHAIN, "add 2 3; multiply 5 4", Ended, wrong, Some(CopyError)),
        (CHAIN, "add 3 2.0; multiply 4 5", Ended, "20", Some(CopyError)),
        (CHAIN, "add 2 3; ~multiply 5 4", Ended, r"\boxed{}", Some(CopyError)),
        (CHAIN, "!sqrt 1; add 2 3; ?; multiply 5 4", Ended, wrong, Some(CopyError)),
        (CHAIN, "add 2 3; multiply 5 4", TurnLimit, "", Some(Truncated)),
        (CHAIN, "add 2 3; multiply 5 4", TokenLimit, "", Some(Truncated)),
        (CHAIN, "add 2 3; multiply 5 4; add 20 1", Ended, wrong, Some(OverCalled)),
        (CHAIN, "add 2 3; multiply 5 4; add 2 3", TurnLimit, "", Some(OverCalled)),
        (CHAIN, "sqrt 1; add 2 3; multiply 5 4", Ended, wrong, Some(OverCalled)),
        (CHAIN, "add 2 3; sqrt 5", Ended, wrong, Some(WrongTool)),
        (CHAIN, "subtract 2 3; multiply 1 4", Ended, wrong, Some(WrongTool)),
        (CHAIN, "multiply 2 3; multiply 6 4", Ended, wrong, Some(WrongTool)),
        (CHAIN, "subtract 2 3", TokenLimit, "", Some(WrongTool)),
        (CHAIN, "!guess 1", Ended, wrong, Some(WrongTool)),
        (CHAIN, "add 2 4; multiply 6 4", Ended, wrong, Some(WrongArgument)),
        (CHAIN, "add 2 3; multiply 2 4", Ended, wrong, Some(WrongArgument)),
        (CHAIN, "add 2 4", Ended, wrong, Some(WrongArgument)),
        (CHAIN, "add 2 3; !multiply 5", Ended, wrong, Some(WrongArgument)),
        (CHAIN, "!multiply 5; add 2 3", Ended, wrong, Some(WrongArgument)),
        (CHAIN, "add 2 3; !multiply 5; ?", Ended, wrong, Some(WrongArgument)),
        (CHAIN, "add 2 3", Ended, wrong, Some(StoppedEarly)),
        (CHAIN, "!add 2; add 2 3", Ended, wrong, Some(StoppedEarly)),
        (CHAIN, "add 2 3; add 5 5", Ended, wrong, Some(StoppedEarly)),
        (CHAIN, "add 2 3; ?", Ended, wrong, Some(Malformed)),
        (CHAIN, "%add 2 3", Ended, wrong, Some(Malformed)),
        (CHAIN, "?; ?; ?", TurnLimit, "", Some(Malformed)),
        (CHAIN, "add 2 3; ?", TokenLimit, "", Some(Truncated)),
        (CHAIN, "", TokenLimit, "", Some(Truncated)),
        (CHAIN, "add 2 3", TurnLimit, "", Some(Truncated)),
        (CHAIN, "", Ended, wrong, Some(NoTool)),
        (NONE, "", Ended, wrong, Some(CopyError)),
        (NONE, "add 2 3", Ended, wrong, Some(OverCalled)),
        (NONE, "", TokenLimit, "", Some(Truncated)),
        (&[], "add 2 3", Ended, wrong, Some(CopyError)),
        (&[], "add 2 3", TurnLimit, "", Some(Truncated)),
    ];
    for (plans, calls, ending, last, expected) in cases {
        let found = diagnose(&task(Judge::Answer, "20", plans), &attempt(calls, ending, last));
        assert_eq!(found, expected, "{calls:?} {ending:?} {last:?}");
    }
    for failure in Failure::ALL {
        assert!(cases.iter().any(|case| case.4 == Some(failure)), "no case for {failure}");
    }
}

#[test]
fn a_task_judged_by_calls_asks_for_an_end_and_no_answer() {
    let functions = task(Judge::Calls, "done", &["book 5 1; book 6 2"]);
    let check = |calls: &str, ending, expected| {
        let found = attempt(calls, ending, "whatever");
        assert_eq!(diagnose(&functions, &found), expected, "{calls:?} {ending:?}");
        assert_eq!(correct(&functions, &found), expected.is_none());
    };
    check("book 6 2; book 5 1", Ending::Ended, None);
    check("book 6 2; book 5 1", Ending::TurnLimit, Some(Failure::Truncated));
    check("book 6 2; book 5 1; book 5 1", Ending::Ended, Some(Failure::OverCalled));
    check("book 6 2; book 1 5", Ending::Ended, Some(Failure::WrongArgument));
    check("book 6 2", Ending::Ended, Some(Failure::StoppedEarly));
}

#[test]
fn an_answer_is_read_from_the_last_box_of_the_final_turn_alone() {
    let answer = |calls, ending, last| boxed_answer(&attempt(calls, ending, last)).map(str::to_owned);
    assert_eq!(answer("", Ending::Ended, r"\boxed{1} or \boxed{ 2 }").as_deref(), Some("2"));
    for (ending, last) in [
        (Ending::Ended, ""),
        (Ending::Ended, "20"),
        (Ending::Ended, r"\boxed{ }"),
        (Ending::Ended, r"\boxed{20"),
        (Ending::TokenLimit, r"\boxed{20}"),
    ] {
        assert_eq!(answer("", ending, last), None, "{ending:?} {last:?}");
    }
    let mut thinking = attempt("", Ending::Ended, "done");
    thinking.turns[0].reasoning = r"\boxed{20}".into();
    thinking.turns[0].text = r"<think>\boxed{20}</think>done".into();
    assert_eq!(boxed_answer(&thinking), None);
}

#[test]
fn answers_are_compared_by_value_and_the_way_to_them_does_not_matter() {
    let sum = task(Judge::Answer, "20", CHAIN);
    assert!(correct(&sum, &attempt("", Ending::Ended, r"\boxed{20}")));
    assert!(!correct(&sum, &attempt("add 2 3; multiply 5 4", Ending::Ended, r"\boxed{5}")));
}

#[test]
fn a_plan_is_carried_out_by_successful_calls_alone() {
    let sum = task(Judge::Answer, "20", CHAIN);
    let cases = [
        ("add 2 3; multiply 5 4", true),
        ("multiply 4 5; add 3 2", true),
        ("add 2 3; add 5 5; add 10 10", true),
        ("~add 2 3; ~multiply 5 4", true),
        ("!add 2 3; add 2 3; multiply 5 4", true),
        ("?; add 2 3; %sqrt 2; multiply 5 4", true),
        ("add 2 3; !multiply 5 4", false),
        ("add 2 3; -multiply 5 4", false),
        ("%add 2 3; multiply 5 4", false),
        ("add 2 3; add 2 3; multiply 5 4", false),
        ("add 2 3; multiply 5 4; sqrt 4", false),
        ("", false),
    ];
    for (calls, expected) in cases {
        for ending in [Ending::Ended, Ending::TurnLimit, Ending::TokenLimit] {
            assert_eq!(policy_correct(&sum, &attempt(calls, ending, "")), expected, "{calls:?}");
        }
    }
    let nothing = task(Judge::Answer, "20", NONE);
    assert!(policy_correct(&nothing, &attempt("!add 2", Ending::Ended, "")));
    assert!(!policy_correct(&nothing, &attempt("add 2 3", Ending::Ended, "")));
}

#[test]
fn failures_are_written_by_name() {
    for failure in Failure::ALL {
        assert_eq!(serde_json::to_value(failure).unwrap(), failure.name());
        assert_eq!(format!("{failure:>15}").trim(), failure.name().replace('_', " "));
    }
}

/// The multiset gap to one plan by removing calls one at a time.
fn naive_gap(plan: &[Call], made: &[Call]) -> (usize, usize) {
    let mut left: Vec<String> = plan.iter().map(mentor_env::canonical).collect();
    let mut extra = 0;
    for call in made {
        match left.iter().position(|form| *form == mentor_env::canonical(call)) {
            Some(found) => drop(left.remove(found)),
            None => extra += 1,
        }
    }
    (extra, left.len())
}

prop_compose! {
    /// Any short attempt over few calls, so that plans are often met in part.
    fn any_attempt()(
        calls in prop::collection::vec(
            prop::sample::select(vec![
                "add 2 3", "multiply 5 4", "add 5 5", "add 10 10", "add 2 4", "sqrt 4", "!add 2", "!guess 1", "?",
                "~add 2 3", "%add 2 3", "-multiply 5 4",
            ]), 0..5),
        ending in prop::sample::select(vec![Ending::Ended, Ending::TurnLimit, Ending::TokenLimit]),
        last in prop::sample::select(vec![r"\boxed{20}", r"\boxed{5}", ""]),
    ) -> Trajectory {
        attempt(&calls.join(";"), ending, last)
    }
}

proptest! {
    #[test]
    fn a_diagnosis_agrees_with_the_gaps_to_the_plans(found in any_attempt()) {
        let sum = task(Judge::Answer, "20", CHAIN);
        let made: Vec<Call> = executed_calls(&found).cloned().collect();
        let gaps: Vec<(usize, usize)> = sum.plans.iter().map(|plan| naive_gap(&plan.calls, &made)).collect();
        let fewest_extra = gaps.iter().map(|gap| gap.0).min().unwrap();
        prop_assert_eq!(policy_correct(&sum, &found), gaps.contains(&(0, 0)));
        match diagnose(&sum, &found) {
            None => prop_assert_eq!(found.final_text(), Some(RIGHT)),
            Some(Failure::CopyError) => prop_assert!(found.ended() && gaps.contains(&(0, 0))),
            Some(Failure::OverCalled) => prop_assert!(gaps.iter().any(|gap| gap.1 == 0 && gap.0 > 0)),
            Some(Failure::WrongArgument | Failure::WrongTool) if fewest_extra > 0 => {}
            Some(Failure::WrongArgument | Failure::WrongTool) => {
                let in_vain = |record: &CallRecord| {
                    record.lenient().is_some() && !record.observation.as_ref().is_some_and(|seen| seen.ok)
                };
                prop_assert!(found.records().any(in_vain));
            }
            Some(Failure::StoppedEarly) => prop_assert!(found.ended() && fewest_extra == 0 && found.records().count() > 0),
            Some(Failure::NoTool) => prop_assert!(found.ended() && found.records().count() == 0),
            Some(Failure::Malformed) => prop_assert!(found.records().last().unwrap().lenient().is_none()),
            Some(Failure::Truncated) => prop_assert!(!found.ended()),
        }
    }
}

#[test]
fn an_attempt_without_turns_is_data() {
    let sum = task(Judge::Answer, "20", CHAIN);
    for ending in [Ending::Ended, Ending::TokenLimit] {
        let nothing = Trajectory { turns: Vec::<Turn>::new(), ..attempt("", ending, "") };
        assert!(!correct(&sum, &nothing));
        assert!(diagnose(&sum, &nothing).is_some());
    }
}
