//! What each measure says of attempts made for it.

use super::common::{attempt, record, task};
use mentor_reward::kernels::Strings;
use mentor_reward::{Case, Measure, Reward, Scorer, Teachers, Term, Workspace, score, totals};
use mentor_trajectory::{Call, Judge, Observation, Plan, Reading, Task, Trajectory, Turn};
use serde_json::{Value, json};

const OFFERED: [&str; 3] = ["add", "multiply", "sqrt"];

fn table(term: Term) -> Reward {
    Reward {
        name: "one".into(),
        gates: vec![],
        terms: vec![term],
        clip: None,
        normalize: mentor_reward::Combine::Total,
        teachers: None::<Teachers>,
    }
}

fn value_of(term: Term, student: &Trajectory, teacher: &Trajectory) -> f64 {
    let reward = table(term);
    reward.check("test").expect("a table that can score");
    score(&reward, &Case::new(&task(&OFFERED), student, teacher, false)).parts[0].value
}

fn value(part: Measure, student: &Trajectory, teacher: &Trajectory) -> f64 {
    value_of(Term::new(part, 1.0), student, teacher)
}

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
}

fn add(a: i64, b: i64) -> (&'static str, Value) {
    ("add", json!({"a": a, "b": b}))
}

#[test]
fn the_box_is_compared_however_the_task_is_judged() {
    let five = attempt(&[add(2, 3)]);
    assert_eq!(value(Measure::CorrectAnswer, &five, &five), 1.0);
    assert_eq!(value(Measure::Boxed, &five, &five), 1.0);
    let mut silent = five.clone();
    silent.turns.last_mut().unwrap().content = "Five.".into();
    assert_eq!(value(Measure::CorrectAnswer, &silent, &five), 0.0);
    assert_eq!(value(Measure::Boxed, &silent, &five), 0.0);
}

#[test]
fn calls_are_right_if_they_are_a_plan_in_any_order_and_failed_ones_do_not_count() {
    let calls = [add(2, 3), ("multiply", json!({"a": 5, "b": 4}))];
    let plan = |calls: &[(&str, Value)]| Plan {
        calls: calls
            .iter()
            .map(|(name, arguments)| Call {
                name: (*name).into(),
                arguments: arguments.as_object().unwrap().clone(),
            })
            .collect(),
    };
    let task = Task { judge: Judge::Calls, plans: vec![plan(&[]), plan(&calls)], ..task(&OFFERED) };
    let reward = table(Term::new(Measure::CorrectCalls, 1.0));
    let value = |student: &Trajectory| score(&reward, &Case::new(&task, student, student, false)).total;
    let reversed = [calls[1].clone(), ("add", json!({"b": 3.0, "a": 2}))];
    let twice = [calls[0].clone(), calls[0].clone()];
    assert_eq!(value(&attempt(&calls)), 1.0);
    assert_eq!(value(&attempt(&reversed)), 1.0);
    assert_eq!(value(&attempt(&[])), 1.0);
    assert_eq!(value(&attempt(&calls[..1])), 0.0);
    assert_eq!(value(&attempt(&twice)), 0.0);
    let mut corrected = attempt(&[calls[0].clone(), add(9, 9), calls[1].clone()]);
    assert_eq!(value(&corrected), 0.0);
    corrected.turns[1].calls[0].observation = Some(Observation { content: "error: no".into(), ok: false });
    assert_eq!(value(&corrected), 1.0);
}

#[test]
fn a_state_is_as_it_was_judged() {
    let (task, student) = (task(&OFFERED), attempt(&[]));
    let reward = table(Term::new(Measure::CorrectState, 1.0));
    for (state_correct, expected) in [(None, 0.0), (Some(false), 0.0), (Some(true), 1.0)] {
        let case = Case { state_correct, ..Case::new(&task, &student, &student, false) };
        assert_eq!(score(&reward, &case).total, expected);
    }
}

#[test]
fn distributions_are_compared_by_base_2_divergence() {
    let of =
        |a: &[(&str, Value)], b: &[(&str, Value)]| value(Measure::ToolDistribution, &attempt(a), &attempt(b));
    let sqrt = ("sqrt", json!({"x": 4}));
    assert_eq!(of(&[add(1, 2), sqrt.clone()], &[sqrt.clone(), add(3, 4)]), 1.0);
    assert_eq!(of(&[add(1, 2)], std::slice::from_ref(&sqrt)), 0.0);
    assert_eq!(of(&[], &[]), 1.0);
    assert_eq!(of(&[], std::slice::from_ref(&sqrt)), 0.0);
    assert_eq!(of(&[("nowhere", json!({}))], std::slice::from_ref(&sqrt)), 0.0);
    // P = (1/2, 1/2), Q = (1, 0): 1 − ½·(½·log₂(⅔) + ½·log₂ 2 + log₂(4/3)), by hand.
    let divergence = 0.5 * (0.5 * (2.0_f64 / 3.0).log2() + 0.5 + (4.0_f64 / 3.0).log2());
    close(of(&[add(1, 2), sqrt], &[add(1, 2)]), 1.0 - divergence);
}

#[test]
fn alignment_counts_half_for_the_name_and_half_for_the_arguments() {
    let teacher = attempt(&[add(1, 2), ("sqrt", json!({"x": 4}))]);
    close(value(Measure::Alignment, &teacher, &teacher), 1.0);
    close(value(Measure::Alignment, &attempt(&[add(1, 9)]), &teacher), 2.0 * 0.75 / 3.0);
    close(value(Measure::Alignment, &attempt(&[("multiply", json!({}))]), &teacher), 0.0);
    close(value(Measure::Alignment, &attempt(&[]), &attempt(&[])), 0.0);
    // The heavier alignment is taken: one whole pair here, where the longest has two that agree by half.
    let student = attempt(&[("sqrt", json!({"x": 4})), add(8, 9)]);
    close(value(Measure::Alignment, &student, &teacher), 2.0 * 1.0 / 4.0);
}

#[test]
fn arguments_have_names_values_tolerance_and_similar_strings() {
    let teacher = attempt(&[("add", json!({"a": 100.0, "b": "hello", "c": 1, "d": 2}))]);
    let student = attempt(&[("add", json!({"a": 100.5, "b": "help", "c": 1, "e": 2}))]);
    let with = |part, tolerance: Option<f64>, strings: Option<Strings>| {
        value_of(Term { tolerance, strings, ..Term::new(part, 1.0) }, &student, &teacher)
    };
    close(with(Measure::ArgumentNames, None, None), 0.75);
    close(with(Measure::Arguments, None, None), 0.25);
    close(with(Measure::Arguments, Some(0.01), None), 0.5);
    close(with(Measure::Arguments, None, Some(Strings::Similar)), 0.25 + 6.0 / 9.0 / 4.0);
    close(with(Measure::ArgumentValues, None, None), 1.0 / 3.0);
    close(with(Measure::ArgumentValues, Some(0.01), None), 2.0 / 3.0);
    close(value(Measure::ArgumentValues, &attempt(&[("add", json!({"z": 1}))]), &teacher), 0.0);
    let none = attempt(&[("add", json!({}))]);
    close(value(Measure::ArgumentValues, &none, &none), 1.0);
    close(value(Measure::ArgumentNames, &none, &none), 1.0);
}

#[test]
fn calls_beyond_the_teachers_cost_efficiency_and_so_does_none() {
    let calls = [add(1, 2), add(3, 4), add(5, 6), add(7, 8)];
    let of = |student: usize, teacher: usize| {
        value(Measure::Efficiency, &attempt(&calls[..student]), &attempt(&calls[..teacher]))
    };
    assert_eq!([of(0, 0), of(0, 1), of(1, 0), of(1, 2), of(2, 2), of(4, 2)], [1.0, 0.0, 0.0, 1.0, 1.0, 0.5]);
    let mut broken = attempt(&calls[..2]);
    broken.turns[0].calls.push(record(Reading::Unusable, None, None));
    close(value(Measure::Efficiency, &broken, &attempt(&calls[..2])), 2.0 / 3.0);
}

#[test]
fn a_repeated_call_is_one_of_equal_name_and_arguments() {
    let of = |calls: &[(&str, Value)]| value(Measure::Redundancy, &attempt(calls), &attempt(&[]));
    let nested = |x: f64| ("add", json!({"a": [1, {"p": x, "q": "s"}], "b": null}));
    assert_eq!(of(&[]), 0.0);
    assert_eq!(of(&[add(1, 2), add(2, 1), ("multiply", json!({"a": 1, "b": 2}))]), 0.0);
    assert_eq!(of(&[add(1, 2), ("add", json!({"b": 2.0, "a": 1}))]), 0.5);
    close(of(&[nested(1.0), nested(2.0), nested(1.0), nested(1.0)]), 0.5);
    assert_eq!(of(&[("add", json!({"a": [1, 2]})), ("add", json!({"a": [2, 1]}))]), 0.0);
    assert_eq!(of(&[("add", json!({"a": "1"})), ("add", json!({"a": 1}))]), 0.0);
}

#[test]
fn execution_form_and_invented_tools_are_shares_of_the_calls() {
    let idle = attempt(&[]);
    let mut student = attempt(&[add(1, 2), ("integrate", json!({}))]);
    student.turns[1].calls[0].observation =
        Some(Observation { content: "error: unknown tool".into(), ok: false });
    student.turns[1].calls.push(record(Reading::Repaired, Some("add"), None));
    student.turns[1].calls.push(record(Reading::Unusable, None, None));
    close(value(Measure::ExecutionSuccess, &student, &idle), 0.25);
    close(value(Measure::HallucinatedTools, &student, &idle), 1.0 / 3.0);
    close(value(Measure::Format, &student, &idle), 2.5 / 4.0);
    assert_eq!(value(Measure::ExecutionSuccess, &idle, &idle), 0.0);
    assert_eq!(value(Measure::HallucinatedTools, &idle, &idle), 0.0);
    assert_eq!(value(Measure::Format, &idle, &idle), 1.0);
}

#[test]
fn length_falls_in_a_line_and_thought_is_counted_by_turn() {
    let mut student = attempt(&[]);
    let length = |student: &Trajectory, free, limit| {
        value_of(Term { free, limit: Some(limit), ..Term::new(Measure::Length, 1.0) }, student, student)
    };
    student.turns[0].text = "ä".repeat(150);
    assert_eq!(length(&student, Some(150), 200), 1.0);
    assert_eq!(length(&student, Some(100), 200), 0.5);
    assert_eq!(length(&student, None, 300), 0.5);
    assert_eq!(length(&student, Some(10), 100), 0.0);
    let thought = |words: &str| Turn { reasoning: words.into(), ..Turn::default() };
    student.turns = vec![thought("so"), thought(" \n"), thought(""), thought("then")];
    assert_eq!(value(Measure::Thinking, &student, &student), 0.5);
    student.turns.clear();
    assert_eq!(value(Measure::Thinking, &student, &student), 0.0);
}

#[test]
fn the_teachers_likelihood_is_a_geometric_mean() {
    let (task, student) = (task(&OFFERED), attempt(&[]));
    let reward = table(Term::new(Measure::TeacherLikelihood, 1.0));
    let with = |logprobs: Option<&[f32]>| {
        score(&reward, &Case { teacher_logprobs: logprobs, ..Case::new(&task, &student, &student, false) })
            .total
    };
    close(with(Some(&[-1.0, -3.0])), (-2.0_f64).exp());
    assert_eq!(
        [with(None), with(Some(&[])), with(Some(&[f32::NAN])), with(Some(&[9.0]))],
        [0.0, 0.0, 0.0, 1.0]
    );
    assert_eq!(with(Some(&[f32::NEG_INFINITY, -1.0])), 0.0);
}

/// A table with every measure once.
pub fn everything() -> Reward {
    let mut reward = table(Term::new(Measure::Constant, -0.25));
    reward.terms = Measure::ALL
        .iter()
        .zip(1..)
        .map(|(&part, number)| Term {
            limit: (part == Measure::Length).then_some(500),
            tolerance: part.compares_arguments().then_some(0.1),
            strings: part.compares_arguments().then_some(Strings::Similar),
            when_wrong: 0.3,
            ..Term::new(part, f64::from(number) / 7.0)
        })
        .collect();
    reward
}

#[test]
fn every_measure_says_why_and_stays_between_0_and_1() {
    let reward = everything();
    let reward = Reward::from_toml(&reward.to_toml(), "everything").unwrap();
    let teacher = attempt(&[add(1, 2), ("sqrt", json!({"x": 4}))]);
    let mut student = attempt(&[add(1, 2), ("integrate", json!({"x": "a"})), add(1, 2)]);
    student.turns[1].calls.push(record(Reading::Repaired, Some("sqrt"), None));
    for attempted in [&student, &teacher, &attempt(&[]), &Trajectory { turns: vec![], ..teacher.clone() }] {
        for part in score(&reward, &Case::new(&task(&OFFERED), attempted, &teacher, true)).parts {
            assert!((0.0..=1.0).contains(&part.value), "{part:?}");
            assert!(!part.reason.is_empty(), "{part:?}");
            let shared: f64 = part.shares.iter().map(|share| share.value).sum();
            assert!(part.shares.is_empty() || (shared - part.value).abs() < 1e-12, "{part:?}");
        }
    }
}

#[test]
fn many_totals_are_the_totals_one_by_one() {
    let (task, other_task) = (task(&OFFERED), task(&["add", "integrate"]));
    let teachers =
        [attempt(&[add(1, 2), ("sqrt", json!({"x": 4}))]), attempt(&[("integrate", json!({"x": 1}))])];
    let students = [
        attempt(&[add(1, 2), ("sqrt", json!({"x": 4.0}))]),
        attempt(&[("integrate", json!({"x": 1})), add(2, 1)]),
        attempt(&[]),
        attempt(&vec![("sqrt", json!({"x": 4})); 40]),
    ];
    let mut cases = Vec::new();
    for (task, teacher, placebo) in [
        (&task, &teachers[0], None),
        (&other_task, &teachers[1], Some(&teachers[0])),
        (&task, &teachers[1], None),
    ] {
        for (index, student) in students.iter().enumerate() {
            cases.push(Case { placebo, ..Case::new(task, student, teacher, index % 2 == 0) });
        }
    }
    let rewards = Reward::preset_names().iter().filter_map(|name| Reward::preset(name)).chain([everything()]);
    for reward in rewards {
        let one_by_one: Vec<f64> = cases.iter().map(|case| score(&reward, case).total).collect();
        assert_eq!(totals(&reward, &cases), one_by_one, "{}", reward.name);
        assert_eq!(
            mentor_reward::scores(&reward, &cases).iter().map(|score| score.total).collect::<Vec<_>>(),
            one_by_one
        );
        let mut workspace = Workspace::default();
        let scorer = Scorer::new(&reward, &task, &teachers[0], None);
        for (case, expected) in cases[..4].iter().zip(&one_by_one) {
            assert_eq!(scorer.total(case, &mut workspace), *expected);
        }
    }
}

#[test]
fn a_part_of_weight_0_is_logged_and_changes_nothing() {
    let (student, teacher) = (attempt(&[add(1, 2), add(1, 2)]), attempt(&[add(1, 2)]));
    let task = task(&OFFERED);
    for preset in Reward::preset_names() {
        let plain = Reward::preset(preset).unwrap();
        for &part in Measure::ALL {
            if plain.terms.iter().any(|term| term.part == part) {
                continue;
            }
            let mut watched = plain.clone();
            watched
                .terms
                .insert(0, Term { limit: (part == Measure::Length).then_some(9), ..Term::new(part, 0.0) });
            let case = Case { placebo: Some(&teacher), ..Case::new(&task, &student, &teacher, true) };
            let (watched_score, plain_score) = (score(&watched, &case), score(&plain, &case));
            assert_eq!(
                watched_score.total.to_bits(),
                plain_score.total.to_bits(),
                "{preset}, {}",
                part.name()
            );
            assert_eq!(watched_score.part(part.name()).unwrap().weight, 0.0);
            assert_eq!(watched_score.parts[1..], plain_score.parts[..]);
            assert_eq!((watched.maximum(), watched.minimum()), (plain.maximum(), plain.minimum()));
        }
    }
}
