//! The teacher is always right, the demonstrator is wrong the way it is told to be.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;

use mentor_env::{execute, generate, is_valid_plan, suites};
use mentor_teacher::demonstrator::{Demonstration, Habit, Habits, Weights, demonstrate};
use mentor_teacher::solve;
use mentor_trajectory::{Judge, Reading, Split, Task, Trajectory};
use proptest::prelude::*;

fn tasks(count: usize) -> Vec<Task> {
    suites().iter().flat_map(|suite| generate(suite, Split::Train, 1, count).unwrap()).collect()
}

/// What stands in the box of the final turn.
fn boxed(attempt: &Trajectory) -> &str {
    let text = attempt.final_text().unwrap();
    text.split_once(r"\boxed{").unwrap().1.split_once('}').unwrap().0
}

fn is_right(task: &Task, attempt: &Trajectory) -> bool {
    match task.judge {
        Judge::Answer => boxed(attempt) == task.answer,
        Judge::Calls => is_valid_plan(task, &attempt.lenient_calls().collect::<Vec<_>>()),
    }
}

/// What holds for every transcript: it ended, every call is strict and was executed, thoughts are short.
fn check_form(task: &Task, attempt: &Trajectory) {
    assert!(attempt.ended());
    assert_eq!(attempt.task_id, task.id);
    for record in attempt.records() {
        assert_eq!((record.reading, record.faults.len()), (Reading::Strict, 0), "{}", record.raw);
        let call = record.call.as_ref().unwrap();
        assert_eq!(record.observation.as_ref(), Some(&execute(task, call)));
    }
    let (last, calling) = attempt.turns.split_last().unwrap();
    assert!(last.calls.is_empty());
    for turn in calling {
        assert_eq!(turn.calls.len(), 1);
        assert!((3..=8).contains(&turn.content.split_whitespace().count()), "{}", turn.content);
    }
    assert!(attempt.turns.len() <= 5, "{} turns", attempt.turns.len());
}

#[test]
fn the_teacher_follows_the_first_plan_and_is_right() {
    for task in tasks(1000) {
        let attempt = solve(&task, 7);
        check_form(&task, &attempt);
        assert!(is_right(&task, &attempt));
        assert!(attempt.strict_calls().eq(&task.plans[0].calls));
        assert_eq!((attempt.source.as_str(), boxed(&attempt)), ("scripted", task.answer.as_str()));
    }
}

#[test]
fn wordings_differ_between_seeds_and_never_for_one() {
    let task = &generate("multihop", Split::Train, 0, 1).unwrap()[0];
    assert_eq!(solve(task, 1), solve(task, 1));
    let texts: std::collections::BTreeSet<String> =
        (0..20).map(|seed| serde_json::to_string(&solve(task, seed).turns).unwrap()).collect();
    assert!(texts.len() > 3);
}

#[test]
fn a_demonstrator_without_habits_is_right_and_sometimes_repairs_a_slip() {
    let habits = Habits { slip: 0.2, ..Habits::skills() };
    let mut slips = 0;
    for task in tasks(500) {
        let Demonstration { trajectory, habit } = demonstrate(&task, &habits, 3);
        check_form(&task, &trajectory);
        assert_eq!(habit, None);
        let failed = trajectory.records().filter(|record| !record.observation.as_ref().unwrap().ok).count();
        let good: Vec<_> =
            trajectory.records().filter(|record| record.observation.as_ref().unwrap().ok).collect();
        let good: Vec<_> = good.into_iter().filter_map(|record| record.call.as_ref()).collect();
        assert!(is_valid_plan(&task, &good));
        assert!(task.judge == Judge::Calls || boxed(&trajectory) == task.answer);
        slips += failed;
    }
    assert!((200..600).contains(&slips), "{slips}");
}

#[test]
fn with_rate_one_nearly_every_demonstration_is_wrong_and_says_how() {
    let habits = Habits { rate: 1.0, ..Habits::skills() };
    let (mut wrong, mut all) = (0, 0);
    for task in tasks(1000).iter().filter(|task| task.plans[0].calls.len() >= 2) {
        let Demonstration { trajectory, habit } = demonstrate(task, &habits, 5);
        check_form(task, &trajectory);
        let right = is_right(task, &trajectory);
        assert_eq!(habit.is_none(), right, "{habit:?} at {}", task.id);
        wrong += usize::from(!right);
        all += 1;
    }
    assert!(wrong * 100 >= all * 97, "{wrong} of {all}");
}

#[test]
fn tasks_of_one_call_and_of_none_have_habits_too() {
    let habits = Habits { rate: 1.0, ..Habits::skills() };
    for suite in ["arithmetic", "functions", "multihop"] {
        let tasks = generate(suite, Split::Validation, 2, 400).unwrap();
        let short: Vec<_> = tasks.iter().filter(|task| task.plans[0].calls.len() < 2).collect();
        let wrong =
            short.iter().filter(|task| !is_right(task, &demonstrate(task, &habits, 0).trajectory)).count();
        assert!(wrong * 100 >= short.len() * 97, "{suite}: {wrong} of {}", short.len());
    }
}

/// Only this habit.
fn only(habit: Habit) -> Habits {
    let weight = |own| if own == habit { 1.0 } else { 0.0 };
    let weights = Weights {
        stops_early: weight(Habit::StopsEarly),
        stale_argument: weight(Habit::StaleArgument),
        wrong_tool: weight(Habit::WrongTool),
        no_tool: weight(Habit::NoTool),
        skips_step: weight(Habit::SkipsStep),
    };
    Habits { rate: 1.0, slip: 0.0, weights }
}

#[test]
fn each_habit_applies_to_most_long_tasks_of_its_domains() {
    // Least share, in per cent, of tasks of at least two calls that the habit makes wrong.
    let cases = [
        (Habit::StopsEarly, "arithmetic", 99),
        (Habit::StopsEarly, "functions", 99),
        (Habit::StopsEarly, "multihop", 99),
        (Habit::StaleArgument, "arithmetic", 95),
        (Habit::StaleArgument, "functions", 90),
        (Habit::StaleArgument, "multihop", 99),
        (Habit::WrongTool, "arithmetic", 80),
        (Habit::WrongTool, "functions", 99),
        (Habit::WrongTool, "multihop", 85),
        (Habit::NoTool, "arithmetic", 99),
        (Habit::SkipsStep, "arithmetic", 90),
        (Habit::SkipsStep, "multihop", 0),
    ];
    for (habit, suite, least) in cases {
        let tasks = generate(suite, Split::Train, 3, 600).unwrap();
        let long: Vec<_> = tasks.iter().filter(|task| task.plans[0].calls.len() >= 2).collect();
        let followed =
            long.iter().filter(|task| demonstrate(task, &only(habit), 0).habit == Some(habit)).count() * 100;
        assert!(followed >= least * long.len(), "{habit:?} {suite}: {followed} of {}", long.len());
        assert!(least > 0 || followed == 0, "{habit:?} belongs to another domain than {suite}");
    }
}

#[test]
fn stale_arguments_do_not_show_in_tool_names() {
    for task in tasks(300) {
        let Demonstration { trajectory, habit } = demonstrate(&task, &only(Habit::StaleArgument), 1);
        let names: Vec<&str> = trajectory.strict_calls().map(|call| call.name.as_str()).collect();
        let planned: Vec<&str> = task.plans[0].calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, planned, "{habit:?} at {}", task.question);
    }
}

#[test]
fn the_rate_is_the_share_of_wrong_attempts_and_weights_are_its_mix() {
    let mut counts: BTreeMap<Option<Habit>, usize> = BTreeMap::new();
    let tasks = generate("arithmetic", Split::Train, 4, 2000).unwrap();
    for task in &tasks {
        *counts.entry(demonstrate(task, &Habits::habitual(), 0).habit).or_default() += 1;
    }
    let share = |habit| *counts.get(&habit).unwrap_or(&0) as f64 / tasks.len() as f64;
    assert!((share(None) - 0.12).abs() < 0.03, "{counts:?}");
    assert!(share(Some(Habit::StopsEarly)) > share(Some(Habit::StaleArgument)), "{counts:?}");
    assert!(Habit::ALL.iter().all(|habit| share(Some(*habit)) > 0.01), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_demonstration_is_well_formed_and_knows_whether_it_is_right(
        suite in prop::sample::select(suites()),
        seed in any::<u64>(),
        rate in 0.0..1.0,
        weights in prop::array::uniform5(0.0..1.0),
    ) {
        let [stops_early, stale_argument, wrong_tool, no_tool, skips_step] = weights;
        let weights = Weights { stops_early, stale_argument, wrong_tool, no_tool, skips_step };
        let habits = Habits { rate, slip: 0.0, weights };
        for task in generate(suite, Split::Test, seed, 3).unwrap() {
            let Demonstration { trajectory, habit } = demonstrate(&task, &habits, seed);
            check_form(&task, &trajectory);
            prop_assert_eq!(is_right(&task, &trajectory), habit.is_none());
            check_form(&task, &solve(&task, seed));
        }
    }
}

#[test]
fn habits_are_plain_data() {
    let habits: Habits = serde_json::from_str(r#"{"rate": 0.5, "slip": 0.1}"#).unwrap();
    assert_eq!(habits.weights, Weights::default());
    assert!(serde_json::from_str::<Habits>(r#"{"rate": 0.5, "slip": 0.1, "speed": 1}"#).is_err());
}
