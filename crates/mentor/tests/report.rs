//! The report of an invented run: its numbers against a naive computation, its page against hostile content.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "report/fake.rs"]
mod fake;
#[path = "report/markup.rs"]
mod markup;
#[path = "report/naive.rs"]
mod naive;

use std::fs;

use fake::{FakeRun, Size, make, write_lines};
use mentor::record::{EvaluationRecord, Report, RolloutRecord, StepMetrics};
use mentor::report::{build, write};
use mentor_trajectory::Trajectory;
use naive::{evaluation, mean, of, share, similarity};
use serde_json::Value;

const SMALL: Size = Size { tasks: 12, samples: 3, steps: 20, seeds: 2 };

/// A run in a folder that lives as long as the first part of the pair.
fn run(size: Size, unfinished: &[&str]) -> (tempfile::TempDir, FakeRun) {
    let folder = tempfile::tempdir().unwrap();
    let fake = make(folder.path(), size, unfinished);
    (folder, fake)
}

/// The report and the page, as they lie on the disk.
fn written(fake: &FakeRun) -> (Report, String) {
    let report = write(&fake.input()).unwrap();
    let json = fs::read_to_string(fake.run.report_json()).unwrap();
    assert_eq!(json, serde_json::to_string_pretty(&report).unwrap() + "\n", "report.json is the report");
    serde_json::from_str::<Report>(&json).expect("report.json can be read again");
    (report, fs::read_to_string(fake.run.report_html()).unwrap())
}

fn check_near(actual: f64, expected: f64, what: &str) {
    assert!((actual - expected).abs() < 1e-9, "{what}: {actual}, expected {expected}");
}

#[test]
fn numbers_equal_a_naive_computation() {
    let (_folder, fake) = run(SMALL, &[]);
    let (report, _) = written(&fake);
    for arm in &fake.arms {
        let seeds: Vec<Vec<Value>> = fake.seeds.iter().map(|&seed| evaluation(&fake, arm, seed)).collect();
        let mut out_of_domain = Vec::new();
        for suite in &fake.suites {
            let numbers = &report.arms[arm].suites[suite];
            let samples: Vec<Vec<&Value>> = seeds.iter().map(|lines| of(lines, suite, false)).collect();
            let sampled: Vec<f64> = samples.iter().map(|lines| share(lines, "correct")).collect();
            let all: Vec<&Value> = samples.concat();
            check_near(numbers.sampled_accuracy.mean, mean(sampled.clone()), "sampled accuracy");
            check_near(
                numbers.accuracy.mean,
                mean(seeds.iter().map(|lines| share(&of(lines, suite, true), "correct"))),
                "greedy",
            );
            check_near(numbers.policy_correctness.mean, share(&all, "policy_correct"), "policy correctness");
            check_near(
                numbers.tool_f1,
                mean(all.iter().map(|line| line["tool_f1"].as_f64().unwrap())),
                "tool F1",
            );
            for (one, expected) in numbers.sampled_accuracy.per_seed.iter().zip(&sampled) {
                check_near(*one, *expected, "accuracy of a seed");
            }
            let count = |field: &str| all.iter().map(|line| line[field].as_f64().unwrap()).sum::<f64>();
            check_near(
                numbers.hallucinated_calls,
                count("hallucinated") / count("calls"),
                "hallucinated calls",
            );
            let any = |lines: &Vec<&Value>, task: usize| {
                lines.iter().any(|line| line["task"] == task && line["correct"] == true)
            };
            let passed =
                samples.iter().flat_map(|lines| (0..12).map(move |task| f64::from(any(lines, task))));
            check_near(numbers.pass_at_k, mean(passed), "pass@k");
            let teacher: Vec<Value> = fake.teacher[suite]
                .iter()
                .map(|trajectory| serde_json::to_value(trajectory).unwrap())
                .collect();
            let students = all.iter().map(|line| &line["trajectory"]);
            check_near(numbers.tool_similarity, similarity(students, &teacher), "tool similarity");
            if suite != "arithmetic" {
                out_of_domain.push(mean(sampled));
            }
        }
        check_near(report.arms[arm].generalization.mean, mean(out_of_domain), "generalization");
    }
}

#[test]
fn training_is_summed_over_seeds() {
    let (_folder, fake) = run(SMALL, &[]);
    let train = &written(&fake).0.arms["mentor"].train;
    let last = |seed| naive::lines(&fake.run.arm("mentor", seed).metrics()).pop().unwrap();
    let tokens: u64 = fake.seeds.iter().map(|&seed| last(seed)["tokens_sampled"].as_u64().unwrap()).sum();
    assert_eq!(
        (train.steps, train.tokens_sampled, train.flops),
        (20, tokens, 2.0 * 20.0 * fake::FLOPS_A_STEP)
    );
    check_near(train.seconds, 2.0 * 20.0 * 3.3, "seconds");
    assert_eq!(written(&fake).0.arms["vanilla"].train, mentor::record::TrainReport::default());
}

#[test]
fn every_pair_is_compared_once_and_the_focus_first() {
    let (_folder, fake) = run(SMALL, &[]);
    let (report, _) = written(&fake);
    assert_eq!(report.comparisons.len(), 6 * 6 * 3, "pairs × (suites + generalization) × metrics");
    let mut pairs: Vec<(&str, &str)> =
        report.comparisons.iter().map(|row| (row.a.as_str(), row.b.as_str())).collect();
    pairs.dedup();
    let expected = [
        ("mentor", "vanilla"),
        ("mentor", "sft"),
        ("mentor", "sparse"),
        ("sparse", "vanilla"),
        ("sparse", "sft"),
        ("sft", "vanilla"),
    ];
    assert_eq!(pairs, expected);
    for row in &report.comparisons {
        let mean = |arm: &str| {
            let arm = &report.arms[arm];
            let of = |suite: &str| match row.metric.as_str() {
                "sampled_accuracy" => arm.suites[suite].sampled_accuracy.mean,
                "accuracy" => arm.suites[suite].accuracy.mean,
                _ => arm.suites[suite].policy_correctness.mean,
            };
            if row.suite == "generalization" {
                mean(fake.suites[1..].iter().map(|suite| of(suite)))
            } else {
                of(&row.suite)
            }
        };
        check_near(row.difference, mean(&row.a) - mean(&row.b), "difference");
        assert!(row.ci95[0] <= row.difference && row.difference <= row.ci95[1], "{row:?}");
        assert_eq!(row.p_value, None, "two seeds give no p-value");
        assert!(!row.test.is_empty());
    }
}

#[test]
fn six_seeds_give_exact_p_values() {
    let (_folder, fake) = run(Size { seeds: 6, tasks: 5, samples: 2, steps: 3 }, &[]);
    let (report, page) = written(&fake);
    for row in report.comparisons.iter().filter(|row| row.metric == "sampled_accuracy") {
        let of = |arm: &str| match row.suite.as_str() {
            "generalization" => &report.arms[arm].generalization,
            suite => &report.arms[arm].suites[suite].sampled_accuracy,
        };
        let pairs = of(&row.a).per_seed.iter().zip(&of(&row.b).per_seed);
        let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        check_near(row.p_value.unwrap(), naive::sign_flip(&differences), "p-value");
    }
    assert!(markup::words(&page).contains("p 0.031"), "the smallest p of six seeds is shown");
    assert!(!page.contains("(fewer than six seeds)"));
}

/// Checks what holds for every page.
fn check_page(page: &str) {
    let tags = markup::tags(page);
    for tag in &tags {
        let known = "html head meta title style body main header section h1 h2 h4 p b br small span div table thead tbody tr th td \
                     figure figcaption svg g line text rect circle path polyline polygon details summary label select pre code dl dt dd script";
        assert!(known.split_whitespace().any(|name| name == tag.name), "unexpected element `{}`", tag.name);
        for (name, value) in &tag.attributes {
            assert!(
                !name.starts_with("on") && name != "src" && name != "href",
                "unexpected attribute {name}={value}"
            );
        }
        let drawn = ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height"];
        for (name, value) in tag.attributes.iter().filter(|(name, _)| drawn.contains(&name.as_str())) {
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{}: {name}={value}", tag.name);
        }
    }
    for only_once in ["html", "head", "body", "style", "script", "main"] {
        assert_eq!(tags.iter().filter(|tag| tag.name == only_once).count(), 1, "<{only_once}>");
    }
    let odd = |word: &&str| ["nan", "inf", "-0.0"].contains(&word.to_lowercase().as_str());
    assert_eq!(markup::words(page).split([' ', ',', '[', ']', '\n']).find(odd), None);
    for resource in ["http:", "https:", "@import", "url("] {
        assert!(!page.contains(resource), "outside resource: {resource}");
    }
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

#[test]
fn the_page_is_well_formed_and_self_contained() {
    let (_folder, fake) = run(SMALL, &[]);
    let (_, page) = written(&fake);
    check_page(&page);
    let shown = page.matches("class=\"rollout\"").count();
    assert!((60..=110).contains(&shown), "{shown} rollouts");
    assert_eq!(page.matches("Teacher (scripted)").count(), shown, "each beside the teacher's");
    let places: Vec<usize> = [
        "Results",
        "Accuracy by suite",
        "Learning curves",
        "Accuracy and strategy",
        "What the reward paid for",
        "Inside training",
        "What went wrong",
        "Comparisons",
        "Rollouts to read",
        "Cost",
        "How to repeat this",
        "Definitions",
    ]
    .map(|title| page.find(&format!("<h2>{title}</h2>")).expect(title))
    .to_vec();
    assert!(places.is_sorted());
}

#[test]
fn the_same_folder_gives_the_same_bytes() {
    let (_folder, fake) = run(SMALL, &[]);
    let (first, second) = (written(&fake), written(&fake));
    assert_eq!(first, second);
    assert_eq!(build(&fake.input()).unwrap(), first.0);
}

const HOSTILE: &str =
    "</script></style><script>alert(1)</script><img src=x onerror='alert(2)'>\"&amp;\u{202e}\0";

fn spoil(trajectory: &mut Trajectory) {
    HOSTILE.clone_into(&mut trajectory.source);
    for turn in &mut trajectory.turns {
        turn.content.push_str(HOSTILE);
        HOSTILE.clone_into(&mut turn.reasoning);
        for record in &mut turn.calls {
            HOSTILE.clone_into(&mut record.raw);
            record.faults.push(HOSTILE.to_owned());
            if let Some(call) = &mut record.call {
                HOSTILE.clone_into(&mut call.name);
                call.arguments.insert(HOSTILE.to_owned(), HOSTILE.into());
            }
            if let Some(observation) = &mut record.observation {
                HOSTILE.clone_into(&mut observation.content);
            }
        }
    }
}

fn rewrite<T: serde::Serialize + serde::de::DeserializeOwned>(
    path: &std::path::Path,
    change: impl Fn(&mut T),
) {
    let mut lines: Vec<T> =
        naive::lines(path).into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
    lines.iter_mut().for_each(change);
    write_lines(path, &lines);
}

/// Puts hostile text wherever a model, a teacher or a file can put any.
fn spoil_run(fake: &mut FakeRun) {
    for arm in &fake.arms {
        for &seed in &fake.seeds {
            let dir = fake.run.arm(arm, seed);
            rewrite(&dir.evaluation(), |record: &mut EvaluationRecord| spoil(&mut record.trajectory));
            if arm == "mentor" {
                rewrite(&dir.rollouts(), |record: &mut RolloutRecord| {
                    spoil(&mut record.trajectory);
                    HOSTILE.clone_into(&mut record.question);
                    HOSTILE.clone_into(&mut record.parts[0].name);
                    HOSTILE.clone_into(&mut record.parts[0].reason);
                });
                rewrite(&dir.metrics(), |step: &mut StepMetrics| {
                    let rl = step.rl.as_mut().unwrap();
                    rl.parts.insert(HOSTILE.to_owned(), -0.1);
                    rl.advantage_share.insert(HOSTILE.to_owned(), 0.1);
                });
            }
        }
    }
    fake.teacher.values_mut().flatten().for_each(spoil);
    for task in fake.tasks.values_mut().flatten() {
        HOSTILE.clone_into(&mut task.question);
        HOSTILE.clone_into(&mut task.answer);
        HOSTILE.clone_into(&mut task.tools[0].name);
    }
}

#[test]
fn model_made_text_stays_text() {
    let (_folder, mut fake) = run(SMALL, &[]);
    spoil_run(&mut fake);
    let input = fake.input();
    let named = mentor::report::ReportInput {
        description: HOSTILE,
        config_toml: HOSTILE,
        config_hash: HOSTILE,
        machine: HOSTILE,
        experiment: HOSTILE,
        ..input
    };
    write(&named).unwrap();
    let page = fs::read_to_string(fake.run.report_html()).unwrap();
    check_page(&page);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the text is shown");
    assert!(!page.contains(['\0', '\u{202e}']));
}

#[test]
fn an_arm_without_evaluation_is_listed_as_not_finished() {
    let (_folder, fake) = run(SMALL, &["sparse"]);
    let (report, page) = written(&fake);
    check_page(&page);
    assert_eq!(report.arms.keys().map(String::as_str).collect::<Vec<_>>(), ["mentor", "sft", "vanilla"]);
    assert!(report.comparisons.iter().all(|row| row.a != "sparse" && row.b != "sparse"));
    let words = markup::words(&page);
    assert!(
        words.contains("Not finished, and left out of every comparison: sparse (seed 1, 2)."),
        "said above"
    );
    assert!(words.contains("not finished: no evaluation for seed 1, 2"), "listed in the table");
    assert!(words.contains("sparse: reward by part"), "its training is still shown");
}

#[test]
fn half_way_through_the_numbers_are_over_the_seeds_all_arms_have() {
    let (_folder, fake) = run(SMALL, &[]);
    for arm in ["vanilla", "sft", "sparse", "mentor"] {
        fs::remove_file(fake.run.arm(arm, 2).evaluation()).unwrap();
    }
    let (report, page) = written(&fake);
    check_page(&page);
    assert_eq!((report.seeds.as_slice(), report.arms.len()), (&[1][..], 4));
    let words = markup::words(&page);
    assert!(words.contains("another training run of the same arm may land elsewhere"));
    assert!(words.contains("The run is not over: numbers are over seed 1 of 1 and 2."));
}

#[test]
fn an_empty_folder_gives_a_page_that_says_so() {
    let (_folder, fake) = run(SMALL, &["vanilla", "sft", "sparse", "mentor"]);
    for arm in &fake.arms {
        fs::remove_dir_all(fake.run.0.join(arm)).unwrap();
    }
    let (report, page) = written(&fake);
    check_page(&page);
    assert!(report.arms.is_empty() && report.comparisons.is_empty());
    assert!(markup::words(&page).contains("No arm is finished yet"));
}

#[test]
fn one_seed_says_in_words_what_the_intervals_cover() {
    let (_folder, fake) = run(Size { seeds: 1, ..SMALL }, &[]);
    let (report, page) = written(&fake);
    check_page(&page);
    assert!(
        markup::words(&page)
            .contains("With one seed the intervals cover the choice of test tasks, not training")
    );
    assert!(report.comparisons.iter().all(|row| row.p_value.is_none()));
}

#[test]
fn equal_arms_show_no_difference() {
    let (_folder, fake) = run(SMALL, &[]);
    for &seed in &fake.seeds {
        fs::copy(fake.run.arm("sft", seed).evaluation(), fake.run.arm("mentor", seed).evaluation()).unwrap();
    }
    let (report, page) = written(&fake);
    let rows = report.comparisons.iter().filter(|row| row.a == "mentor" && row.b == "sft");
    assert!(rows.clone().count() == 18 && rows.clone().all(|row| row.ci95 == [0.0, 0.0]));
    let words = markup::words(&page);
    assert!(words.contains("no difference shown to sft (0.0 [0.0,\u{a0}0.0])"), "{}", &words[..2000]);
    assert!(words.contains("against sft: undecided on all 4"));
}

#[test]
fn a_damaged_evaluation_is_an_error_that_names_the_file() {
    let (_folder, fake) = run(SMALL, &[]);
    let path = fake.run.arm("sft", 1).evaluation();
    let whole = fs::read_to_string(&path).unwrap();
    let first = whole.lines().next().unwrap();
    let without_first = whole.strip_prefix(first).unwrap().trim_start().to_owned();
    for (content, expected) in [
        (without_first, "delete the file"),
        (whole[..whole.len() - 20].to_owned(), "evaluation.jsonl:240"),
        (format!("{first}\n{whole}"), "evaluation.jsonl:2"),
        (whole.replace("\"suite\":\"multihop\"", "\"suite\":\"other\""), "suite `other`"),
        (whole.replace("\"task\":11", "\"task\":12"), "task 12"),
        (whole.replace("\"sample\":2", "\"sample\":3"), "sample 3"),
    ] {
        fs::write(&path, content).unwrap();
        let error = format!("{:#}", build(&fake.input()).unwrap_err());
        assert!(error.contains("evaluation.jsonl") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_training_log_may_end_in_the_middle_of_a_line() {
    let (_folder, fake) = run(SMALL, &["mentor"]);
    let path = fake.run.arm("mentor", 1).metrics();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    check_page(&written(&fake).1);
    fs::write(&path, whole.replacen("\"step\"", "\"stop\"", 1)).unwrap();
    assert!(format!("{:#}", build(&fake.input()).unwrap_err()).contains("metrics.jsonl:1"));
}

#[test]
fn inputs_that_do_not_fit_together_are_refused() {
    let (_folder, fake) = run(SMALL, &[]);
    let other = ["elsewhere".to_owned()];
    for (input, expected) in [
        (mentor::report::ReportInput { suites: &[], ..fake.input() }, "at least one suite"),
        (
            mentor::report::ReportInput { suites: &other, out_of_domain: &[], ..fake.input() },
            "`elsewhere` has no tasks",
        ),
        (mentor::report::ReportInput { out_of_domain: &other, ..fake.input() }, "`elsewhere` is not among"),
        (mentor::report::ReportInput { samples: 0, ..fake.input() }, "at least one sample"),
    ] {
        assert!(build(&input).unwrap_err().to_string().contains(expected));
    }
}

#[test]
fn long_text_does_not_make_a_large_page() {
    let (_folder, fake) = run(Size { seeds: 1, ..SMALL }, &[]);
    for arm in &fake.arms {
        rewrite(&fake.run.arm(arm, 1).evaluation(), |record: &mut EvaluationRecord| {
            record.trajectory.turns.iter_mut().for_each(|turn| turn.content = "\"<&>\"".repeat(2_000));
        });
    }
    check_page(&written(&fake).1);
}

#[test]
fn without_out_of_domain_suites_nothing_is_said_about_them() {
    let (_folder, fake) = run(SMALL, &[]);
    let input = mentor::report::ReportInput { out_of_domain: &[], ..fake.input() };
    let report = write(&input).unwrap();
    let page = fs::read_to_string(fake.run.report_html()).unwrap();
    check_page(&page);
    assert!(report.comparisons.iter().all(|row| row.suite != "generalization"));
    assert!(!markup::words(&page).contains("Out of domain"));
}

#[test]
#[ignore = "draws a page to look at, in the folder named by the environment variable PAGE"]
fn a_page_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var("PAGE").unwrap());
    let fake = make(&folder, Size { tasks: 200, samples: 4, steps: 60, seeds: 3 }, &[]);
    write(&fake.input()).unwrap();
}
