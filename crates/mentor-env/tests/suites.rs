//! What holds for every generated task of every suite and split.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use mentor_env::{
    ARITHMETIC, PERSONS, SYLLABLES, THINGS, UnknownSuite, confusable, execute, generate, is_valid_plan,
    program, split_of, suites,
};
use mentor_trajectory::{Call, Judge, Split, Task};
use serde_json::Value;

const SPLITS: [Split; 4] = [Split::Pretrain, Split::Train, Split::Validation, Split::Test];
const COUNT: usize = 800;

type Generated = Vec<(&'static str, Split, Vec<Task>)>;

/// Every suite and split that exists, with its tasks.
fn everything() -> &'static Generated {
    static EVERYTHING: LazyLock<Generated> = LazyLock::new(|| {
        let pairs = suites().iter().flat_map(|suite| SPLITS.map(|split| (*suite, split)));
        pairs
            .filter_map(|(suite, split)| Some((suite, split, generate(suite, split, 1, COUNT).ok()?)))
            .collect()
    });
    &EVERYTHING
}

/// The letters-only words of a text, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn is_made_up(word: &str) -> bool {
    word != "modulo"
        && word.len() >= 4
        && word.len().is_multiple_of(2)
        && (0..word.len()).step_by(2).all(|at| SYLLABLES.contains(&&word[at..at + 2]))
}

/// All persons, things and made-up words that occur anywhere in a task but its id.
fn entities(task: &Task) -> BTreeSet<String> {
    let known: BTreeSet<String> = PERSONS.iter().chain(&THINGS).map(|word| word.to_lowercase()).collect();
    let task = Task { id: String::new(), suite: String::new(), ..task.clone() };
    let text = serde_json::to_string(&task).unwrap();
    words(&text).filter(|word| known.contains(word) || is_made_up(word)).collect()
}

#[test]
fn every_plan_executed_gives_the_answer() {
    for (suite, _, tasks) in everything() {
        for task in tasks {
            assert!(!task.plans.is_empty(), "{}", task.id);
            for plan in &task.plans {
                let results: Vec<_> = plan.calls.iter().map(|call| execute(task, call)).collect();
                assert!(results.iter().all(|result| result.ok), "{}: {results:?}", task.id);
                if let Some(last) = results.last() {
                    let expected = if task.judge == Judge::Calls { "ok" } else { &task.answer };
                    assert_eq!(last.content, expected, "{}: {}", task.id, task.question);
                }
                assert!(is_valid_plan(task, &plan.calls.iter().collect::<Vec<_>>()));
            }
            assert_eq!(*suite, task.suite);
        }
    }
}

#[test]
fn every_plan_and_a_final_turn_fit_into_five_turns() {
    for task in everything().iter().flat_map(|(_, _, tasks)| tasks) {
        assert!(task.plans.iter().all(|plan| plan.calls.len() <= 4), "{}", task.question);
    }
}

#[test]
fn in_chains_each_first_argument_is_the_result_before() {
    for (_, _, tasks) in everything() {
        for task in tasks.iter().filter(|task| task.judge == Judge::Answer) {
            let calls = &task.plans[0].calls;
            for pair in calls.windows(2) {
                let result = execute(task, &pair[0]).content;
                let first = pair[1].arguments.values().next().unwrap();
                let first = first.get(0).unwrap_or(first);
                let first = first.as_str().map_or_else(|| first.to_string(), str::to_owned);
                assert_eq!(first, result, "{}", task.question);
            }
        }
    }
}

#[test]
fn splits_share_no_program_and_no_entity() {
    let mut owner: BTreeMap<String, Split> = BTreeMap::new();
    for (_, split, tasks) in everything() {
        for task in tasks {
            for key in entities(task).into_iter().chain([program(task)]) {
                let first = *owner.entry(key.clone()).or_insert(*split);
                assert_eq!(first, *split, "{key} of {}", task.id);
            }
        }
    }
}

#[test]
fn every_split_has_its_own_people_and_things() {
    for split in SPLITS {
        for list in [&PERSONS[..], &THINGS[..]] {
            let own = list.iter().filter(|word| split_of(&word.to_lowercase()) == split).count();
            assert!(own >= 4, "{split:?} owns {own} of {list:?}");
        }
    }
}

#[test]
fn frames_hold_no_word_that_could_be_a_made_up_name() {
    // Such a word would occur in every split and would not be an entity of one.
    let in_all =
        |tasks: &[Task]| tasks.iter().flat_map(|task| words(&task.question).collect::<Vec<_>>()).collect();
    let mut per_split: Vec<BTreeSet<String>> = Vec::new();
    for split in SPLITS {
        let suites = suites().iter().filter_map(|suite| generate(suite, split, 2, 300).ok());
        per_split.push(in_all(&suites.flatten().collect::<Vec<_>>()));
    }
    let common = per_split[1..].iter().fold(per_split[0].clone(), |common, own| &common & own);
    assert!(common.contains("what"));
    assert!(!common.iter().any(|word| is_made_up(word)), "{common:?}");
}

#[test]
fn no_program_and_no_question_occurs_twice_in_a_list() {
    for (suite, split, tasks) in everything() {
        let programs: BTreeSet<String> = tasks.iter().map(program).collect();
        let questions: BTreeSet<&str> = tasks.iter().map(|task| task.question.as_str()).collect();
        assert_eq!((programs.len(), questions.len()), (tasks.len(), tasks.len()), "{suite} {split:?}");
    }
}

#[test]
fn a_longer_list_begins_with_the_shorter_one() {
    for suite in suites() {
        let long = generate(suite, Split::Test, 9, 40).unwrap();
        assert_eq!(generate(suite, Split::Test, 9, 15).unwrap(), long[..15]);
        assert_ne!(generate(suite, Split::Test, 8, 40).unwrap(), long);
        assert_eq!(long[7].id, format!("{suite}/test/9/7"));
    }
}

#[test]
fn call_counts_are_those_of_the_split() {
    let shares = |suite, split| {
        let tasks = generate(suite, split, 3, 2000).unwrap();
        let mut counts = [0_usize; 5];
        for task in &tasks {
            counts[task.plans[0].calls.len()] += 1;
        }
        counts.map(|count| (count as f64 / 20.0).round() as i64)
    };
    // Share in per cent of tasks of 0, 1, 2, 3 and 4 calls; short programs give way to longer ones in long lists.
    let cases = [
        ("arithmetic", Split::Pretrain, [6, 22, 28, 26, 18]),
        ("arithmetic", Split::Train, [0, 0, 50, 50, 0]),
        ("arithmetic", Split::Validation, [5, 25, 40, 30, 0]),
        ("arithmetic", Split::Test, [5, 25, 40, 30, 0]),
        ("arithmetic-deep", Split::Test, [0, 0, 0, 0, 100]),
        ("arithmetic-reworded", Split::Test, [0, 0, 50, 50, 0]),
        ("functions", Split::Test, [0, 60, 40, 0, 0]),
        ("multihop", Split::Test, [0, 25, 40, 35, 0]),
    ];
    for (suite, split, expected) in cases {
        let found = shares(suite, split);
        let near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= 5);
        assert!(near, "{suite} {split:?}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn training_tasks_use_every_tool_and_a_third_has_a_second_plan() {
    let tasks = generate("arithmetic", Split::Train, 4, 2000).unwrap();
    let used: BTreeSet<&str> =
        tasks.iter().flat_map(|task| &task.plans[0].calls).map(|call| call.name.as_str()).collect();
    assert_eq!(used, ARITHMETIC.into_iter().collect());
    let two = tasks.iter().filter(|task| task.plans.len() > 1).count();
    assert!((500..=800).contains(&two), "{two} of 2000");
}

#[test]
fn the_offer_holds_all_plans_and_no_more_than_six_tools() {
    for (_, _, tasks) in everything() {
        for task in tasks {
            assert!((3..=6).contains(&task.tools.len()), "{}: {}", task.id, task.tools.len());
            let names: BTreeSet<&str> = task.tools.iter().map(|tool| tool.name.as_str()).collect();
            assert_eq!(names.len(), task.tools.len());
            assert!(
                task.plans.iter().flat_map(|plan| &plan.calls).all(|call| names.contains(call.name.as_str()))
            );
        }
    }
}

#[test]
fn a_confusable_tool_is_often_on_offer() {
    for suite in ["arithmetic", "multihop"] {
        let tasks = generate(suite, Split::Train, 5, 1000).unwrap();
        let offered = |task: &&Task| {
            let wrong =
                |call: &Call| confusable(&call.name).is_some_and(|w| task.tools.iter().any(|t| t.name == w));
            task.plans[0].calls.iter().any(wrong)
        };
        let share = tasks.iter().filter(offered).count();
        assert!(share > 800, "{suite}: {share} of 1000");
    }
}

#[test]
fn numbers_stay_small() {
    for (suite, _, tasks) in everything().iter().filter(|(suite, _, _)| suite.starts_with("arithmetic")) {
        for task in tasks {
            for call in task.plans.iter().flat_map(|plan| &plan.calls) {
                let value: f64 = execute(task, call).content.parse().unwrap();
                let may_be_negative = call.name == "subtract";
                assert!(
                    value.abs() <= 9999.0 && (value >= 0.0 || may_be_negative),
                    "{suite}: {}",
                    task.question
                );
            }
            let answer: f64 = task.answer.parse().unwrap();
            assert!(answer >= 0.0);
            assert!(
                task.answer.split('.').nth(1).is_none_or(|decimals| decimals.len() <= 2),
                "{}",
                task.answer
            );
        }
    }
}

#[test]
fn schemas_name_every_parameter_with_its_type() {
    for (_, _, tasks) in everything() {
        for tool in tasks.iter().flat_map(|task| &task.tools) {
            let names: Vec<&str> = tool.parameter_names().collect();
            let required: Vec<&str> =
                tool.parameters["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(names, required);
            assert!(names.iter().all(|name| tool.parameters["properties"][*name]["type"].is_string()));
            assert!(tool.description.ends_with('.'));
        }
    }
}

#[test]
fn held_out_phrasings_have_no_pretraining_tasks() {
    let refused = generate("arithmetic-reworded", Split::Pretrain, 0, 1);
    assert_eq!(refused, Err(UnknownSuite::HeldOut("arithmetic-reworded".into())));
    let unknown = generate("geometry", Split::Test, 0, 1).unwrap_err();
    assert!(unknown.to_string().contains("arithmetic-deep"), "{unknown}");
}

#[test]
fn long_lists_do_not_run_out_of_programs() {
    let tasks = generate("arithmetic", Split::Validation, 6, 5_000).unwrap();
    assert_eq!(tasks.len(), 5_000);
}
