//! What holds for every attempt, however strange.

use super::common::{attempt, record, task};
use mentor_reward::{Case, Reward, score};
use mentor_trajectory::{CallRecord, Ending, Reading, Task, Trajectory, Turn};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const OFFERED: [&str; 4] = ["add", "multiply", "sqrt", "now"];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-3_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,3}".prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec(("[ab]", inner), 0..3).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(OFFERED.to_vec()).prop_map(str::to_owned), 1 => ".{0,4}"]
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    vec(("[abc]", value()), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

/// Any record at all, also the ones that contradict themselves (a strict reading without a call).
fn any_record() -> impl Strategy<Value = CallRecord> {
    let readings = vec![
        Reading::Strict,
        Reading::Strict,
        Reading::Strict,
        Reading::Repaired,
        Reading::Recoverable,
        Reading::Unusable,
    ];
    (select(readings), proptest::option::weighted(0.9, name()), arguments())
        .prop_map(|(reading, name, arguments)| record(reading, name.as_deref(), Some(&arguments)))
}

fn any_trajectory() -> impl Strategy<Value = Trajectory> {
    let content = prop_oneof![Just("so \\boxed{5}".to_owned()), Just("\\boxed{".to_owned()), ".{0,12}"];
    let turn = (content, vec(any_record(), 0..3), any::<bool>()).prop_map(|(content, calls, closed)| Turn {
        text: content.clone(),
        content,
        calls,
        closed,
        ..Turn::default()
    });
    let ending =
        select(vec![Ending::Ended, Ending::Ended, Ending::Ended, Ending::TurnLimit, Ending::TokenLimit]);
    (vec(turn, 0..6), ending).prop_map(|(turns, ending)| Trajectory { turns, ending, ..attempt(&[]) })
}

/// A correct attempt of at least one call, all on offer.
fn good_trajectory() -> impl Strategy<Value = Trajectory> {
    vec((select(OFFERED.to_vec()), arguments().prop_map(Value::Object)), 1..6)
        .prop_map(|calls| attempt(&calls))
}

fn presets() -> Vec<Reward> {
    Reward::preset_names().iter().filter_map(|name| Reward::preset(name)).collect()
}

fn offered() -> Task {
    task(&OFFERED)
}

proptest! {
    #[test]
    fn any_attempt_is_scored_within_bounds_and_its_parts_are_its_total(
        student in any_trajectory(),
        teacher in any_trajectory(),
        placebo in proptest::option::of(any_trajectory()),
        correct in any::<bool>(),
    ) {
        let task = offered();
        let case = Case { placebo: placebo.as_ref(), ..Case::new(&task, &student, &teacher, correct) };
        for reward in presets() {
            let score = score(&reward, &case);
            let sum = score.parts.iter().fold(0.0, |sum, part| sum + part.value * part.weight);
            prop_assert_eq!(score.total, sum);
            prop_assert!((reward.minimum()..=reward.maximum()).contains(&score.total), "{}: {:?}", reward.name, score);
            prop_assert!(!score.parts.is_empty());
            for part in &score.parts {
                prop_assert!((0.0..=1.0).contains(&part.value), "{:?}", part);
                prop_assert!(!part.reason.is_empty());
                let shares: f64 = part.shares.iter().map(|share| share.value).sum();
                prop_assert!(part.shares.is_empty() || (shares - part.value).abs() < 1e-12);
                prop_assert!(part.shares.iter().map(|share| share.turn).chain(part.turn).all(|turn| turn < student.turns.len()));
            }
            let credit = score.turn_credit(student.turns.len());
            prop_assert!((credit.whole + credit.turns.iter().sum::<f64>() - score.total).abs() < 1e-12);
        }
    }

    #[test]
    fn a_correct_teacher_with_calls_on_offer_gets_the_maximum(teacher in good_trajectory()) {
        let task = offered();
        // Its own set of tools as the placebo is what the maximum of `shuffled` asks for.
        let case = Case { placebo: Some(&teacher), ..Case::new(&task, &teacher, &teacher, true) };
        for reward in presets() {
            prop_assert_eq!(score(&reward, &case).total, reward.maximum(), "{}", reward.name);
        }
    }

    #[test]
    fn against_another_teacher_it_gets_the_maximum_if_and_only_if_the_sets_are_equal(
        teacher in good_trajectory(),
        placebo in good_trajectory(),
    ) {
        let task = offered();
        let names = |trajectory: &Trajectory| {
            mentor_reward::kernels::to_set(trajectory.strict_calls().map(|call| call.name.clone()))
        };
        let reward = Reward::preset("shuffled").unwrap();
        let total = score(&reward, &Case { placebo: Some(&placebo), ..Case::new(&task, &teacher, &teacher, true) }).total;
        if names(&teacher) == names(&placebo) {
            prop_assert_eq!(total, reward.maximum());
        } else {
            prop_assert!((total - 0.8).abs() < 1e-12);
        }
    }

    #[test]
    fn being_correct_never_costs(student in any_trajectory(), teacher in any_trajectory()) {
        let task = offered();
        for reward in presets() {
            let total = |correct| {
                score(&reward, &Case { placebo: Some(&teacher), ..Case::new(&task, &student, &teacher, correct) }).total
            };
            prop_assert!(total(true) >= total(false), "{}", reward.name);
        }
    }

    #[test]
    fn repeating_a_call_never_pays(teacher in good_trajectory(), at in 0_usize..5, correct in any::<bool>()) {
        let task = offered();
        let mut repeated = teacher.clone();
        let turn = teacher.turns[at % (teacher.turns.len() - 1)].clone();
        repeated.turns.insert(at % (teacher.turns.len() - 1), turn);
        for reward in presets() {
            let total = |student: &Trajectory| {
                score(&reward, &Case { placebo: Some(&teacher), ..Case::new(&task, student, &teacher, correct) }).total
            };
            prop_assert!(total(&repeated) <= total(&teacher), "{}", reward.name);
        }
    }
}

#[test]
fn a_hundred_thousand_calls_are_scored() {
    let calls: Vec<_> = (0..100_000).map(|number| (OFFERED[number % 4], json!({"a": number}))).collect();
    let (student, teacher) = (attempt(&calls), attempt(&calls[..6]));
    let case_task = offered();
    let case = Case { placebo: Some(&teacher), ..Case::new(&case_task, &student, &teacher, true) };
    for reward in presets() {
        assert!(score(&reward, &case).total <= reward.maximum());
    }
}
