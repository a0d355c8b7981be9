//! `rescore`, `explain` and `check-reward` on a recorded run, and training with credit by turns and calls.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository")
}

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(repository())
        .args(arguments)
        .output()
        .expect("xtask starts")
}

fn succeed(arguments: &[&str]) -> String {
    let output = xtask(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Runs what is to be refused, and checks that the message says all of it.
fn refused(arguments: &[&str], wanted: &[&str]) {
    let output = xtask(arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} should have been refused");
    for part in wanted {
        assert!(message.contains(part), "{arguments:?}: {part:?} is not in:\n{message}");
    }
}

/// One arm trained for three steps with the `process` reward, and `more` among the settings of `rl`.
fn trained(folder: &Path, name: &str, more: &str, threads: &str) -> PathBuf {
    let mut text =
        fs::read_to_string(repository().join("experiments/smoke.toml")).expect("the smoke experiment");
    let arms = text.find("[[arm]]").expect("arms");
    text.truncate(arms);
    for (from, to) in [
        ("../fixtures/base", repository().join("fixtures/base").to_string_lossy().as_ref()),
        (
            "\"arithmetic\", \"arithmetic-deep\", \"arithmetic-reworded\", \"functions\", \"multihop\"",
            "\"arithmetic\"",
        ),
        ("tasks = 16", "tasks = 2"),
        ("samples = 2", "samples = 1"),
        ("steps = 6", "steps = 3"),
        ("updates = 1\n", &format!("updates = 1\n{more}\n")),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text.push_str("[[arm]]\nname = \"dense\"\ntrain = \"rl\"\nreward = \"process\"\n");
    let (config, out) = (folder.join(format!("{name}.toml")), folder.join(format!("{name}-{threads}")));
    fs::write(&config, text).expect("written");
    let (config, run) = (config.to_string_lossy().into_owned(), out.to_string_lossy().into_owned());
    succeed(&["experiment", "--config", &config, "--out", &run, "--threads", threads]);
    out
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn rollouts(run: &Path) -> Vec<Value> {
    lines(&run.join("dense/seed-1/rollouts.jsonl"))
}

/// The run that the commands below read.
struct Recorded {
    folder: PathBuf,
    run: PathBuf,
    rollouts: Vec<Value>,
}

static RECORDED: LazyLock<Recorded> = LazyLock::new(|| {
    // A static is never dropped, so this folder is one that the next run of the tests takes over.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded-rewards");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the last one is removed");
    }
    fs::create_dir_all(&folder).expect("a folder");
    let run = trained(&folder, "recorded", "", "2");
    let rollouts = rollouts(&run);
    assert_eq!(rollouts.len(), 3 * 4 * 8);
    Recorded { folder, run, rollouts }
});

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// Advantages by their definition, within groups of eight.
fn advantages(totals: &[f64]) -> Vec<f64> {
    let of_group = |group: &[f64]| {
        let mean = group.iter().sum::<f64>() / 8.0;
        let std = (group.iter().map(|total| (total - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
        let flat = group.iter().all(|total| *total == group[0]);
        group.iter().map(|total| if flat { 0.0 } else { (total - mean) / (std + 1e-6) }).collect::<Vec<_>>()
    };
    totals.chunks(8).flat_map(of_group).collect()
}

/// What `sparse` pays, from the table in the paper: 0 for an attempt that did not end, 0.1 for one without the right answer.
fn sparse(rollout: &Value) -> f64 {
    match (rollout["trajectory"]["ending"] == "ended", rollout["correct"] == true) {
        (false, _) => 0.0,
        (true, true) => 1.0,
        (true, false) => 0.1,
    }
}

/// The two numbers of the line that begins with a label.
fn before_and_after(output: &str, label: &str) -> (f64, f64) {
    let line = output.lines().find(|line| line.trim_start().starts_with(label));
    let line = line.unwrap_or_else(|| panic!("no line {label:?} in\n{output}"));
    let numbers: Vec<f64> = line.split([' ', '%']).filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers.len(), 2, "{line}");
    (numbers[0], numbers[1])
}

#[test]
fn a_run_rescored_with_its_own_reward_stays_what_it_was() {
    let (run, file) = (RECORDED.run.to_string_lossy(), RECORDED.folder.join("same.jsonl"));
    let output = succeed(&["rescore", &run, "--reward", "process", "--out", &file.to_string_lossy()]);
    for line in [
        "totals that change           0 %",
        "ranks that change            0 %",
        "groups with another best     0 %",
    ] {
        assert!(output.contains(line), "{line}\n{output}");
    }
    assert!(output.contains("mean change of an advantage  0.000"), "{output}");
    for (one, rollout) in lines(&file).iter().zip(&RECORDED.rollouts) {
        assert_eq!(one["id"], rollout["id"]);
        assert_eq!(
            (&one["total"]["before"], &one["total"]["after"]),
            (&rollout["reward"], &rollout["reward"])
        );
        assert_eq!(one["advantage"]["before"], one["advantage"]["after"]);
        assert_eq!(one["parts"], rollout["parts"]);
    }
}

#[test]
fn another_reward_changes_totals_ranks_and_advantages_as_computed_by_hand() {
    let recorded = &*RECORDED;
    let (run, file) = (recorded.run.to_string_lossy(), recorded.folder.join("sparse.jsonl"));
    let output = succeed(&["rescore", &run, "--reward", "sparse", "--out", &file.to_string_lossy()]);
    let before: Vec<f64> = recorded.rollouts.iter().map(|rollout| number(&rollout["reward"])).collect();
    let after: Vec<f64> = recorded.rollouts.iter().map(sparse).collect();
    let (old, new) = (advantages(&before), advantages(&after));
    let rescored = lines(&file);
    assert_eq!(rescored.len(), before.len());
    for (index, one) in rescored.iter().enumerate() {
        let near = |value: &Value, expected: f64| {
            assert!((number(value) - expected).abs() < 1e-9, "{one}: not {expected}");
        };
        near(&one["total"]["before"], before[index]);
        near(&one["total"]["after"], after[index]);
        near(&one["advantage"]["before"], old[index]);
        near(&one["advantage"]["after"], new[index]);
        let group = &after[index / 8 * 8..][..8];
        let higher = group.iter().filter(|total| **total > after[index]).count();
        let equal = group.iter().filter(|total| **total == after[index]).count();
        near(&one["rank"]["after"], higher as f64 + f64::midpoint(1.0, equal as f64));
    }
    let mean = |totals: &[f64]| totals.iter().sum::<f64>() / totals.len() as f64;
    let close = |(a, b): (f64, f64), expected: (f64, f64), within: f64| {
        assert!(
            (a - expected.0).abs() <= within && (b - expected.1).abs() <= within,
            "{a} {b}, not {expected:?}"
        );
    };
    close(before_and_after(&output, "total, mean"), (mean(&before), mean(&after)), 5e-5);
    let flat = |totals: &[f64]| {
        100.0 * totals.chunks(8).filter(|group| group.iter().all(|total| *total == group[0])).count() as f64
            / 12.0
    };
    close(before_and_after(&output, "groups without variance"), (flat(&before), flat(&after)), 0.5);
    let right = recorded.rollouts.iter().filter(|rollout| rollout["correct"] == true).count() as f64 / 96.0;
    let correct = before_and_after(&output, "correct ");
    close(correct, (0.7 * right, 0.9 * right), 5e-5);
    let most = (0..96).map(|index| (new[index] - old[index]).abs()).fold(0.0, f64::max);
    let first = output.lines().skip_while(|line| !line.contains("changes most")).nth(1).expect("a rollout");
    let numbers: Vec<f64> = first.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [.., from, to] = numbers[..] else { panic!("{first}") };
    assert!(((to - from).abs() - most).abs() < 2e-3, "{first}: not {most}");
}

#[test]
fn a_tree_adds_up_to_what_the_rollout_was_paid() {
    let recorded = &*RECORDED;
    let run = recorded.run.to_string_lossy();
    let calls = |rollout: &&Value| {
        let turns = rollout["trajectory"]["turns"].as_array().expect("turns");
        turns.iter().map(|turn| turn["calls"].as_array().map_or(0, Vec::len)).sum::<usize>()
    };
    let most = recorded.rollouts.iter().max_by_key(calls).expect("rollouts");
    let paid = recorded.rollouts.iter().max_by(|a, b| number(&a["reward"]).total_cmp(&number(&b["reward"])));
    for rollout in [most, paid.expect("rollouts"), &recorded.rollouts[0]] {
        let output = succeed(&["explain", &run, rollout["id"].as_str().expect("an id")]);
        let total = format!("total     {:.4} of 1.1000 at most", number(&rollout["reward"]));
        assert!(output.contains(&total), "{total}\n{output}");
        let question = rollout["question"].as_str().expect("a question");
        assert!(output.contains(question), "{output}");
        let rows: Vec<&str> = output.lines().skip_while(|line| !line.contains("teacher")).skip(1).collect();
        let amount = |row: &str| row.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
        let leaves = rows.iter().filter(|row| row.contains(" × ")).filter_map(|row| amount(row));
        assert!((leaves.sum::<f64>() - number(&rollout["reward"])).abs() < 1e-3, "{output}");
        assert!((amount(rows[0]).expect("the root") - number(&rollout["reward"])).abs() < 1e-4, "{output}");
        let turns = rollout["trajectory"]["turns"].as_array().expect("turns").len();
        let shown = |turn: usize| rows.iter().any(|row| row.contains(&format!("  turn {turn}: ")));
        assert!((1..=turns).all(shown) && !shown(turns + 1), "{output}");
        for part in rollout["parts"].as_array().expect("parts") {
            let name = part["name"].as_str().expect("a name");
            assert!(rows.iter().any(|row| row.contains(&format!("{name} "))), "{name}\n{output}");
        }
        assert!(rows.iter().any(|row| row.contains("1. ")), "the teacher's first step: {output}");
    }
}

/// A run folder that was taken elsewhere is read without its base model; then only the numbers of tokens are missing.
#[test]
fn a_run_is_read_where_its_base_model_is_not() {
    let recorded = &*RECORDED;
    let moved = recorded.folder.join("moved");
    fs::create_dir_all(moved.join("dense/seed-1")).expect("a folder");
    for file in ["teacher.sqlite", "dense/seed-1/rollouts.jsonl"] {
        fs::copy(recorded.run.join(file), moved.join(file)).expect("copied");
    }
    let config = fs::read_to_string(recorded.run.join("config.toml")).expect("a configuration");
    let config: Vec<&str> = config
        .lines()
        .map(|line| if line.starts_with("model = ") { "model = \"/gone\"" } else { line })
        .collect();
    fs::write(moved.join("config.toml"), config.join("\n")).expect("written");
    let (here, there) = (recorded.run.to_string_lossy(), moved.to_string_lossy());
    // The first line names the folder.
    let rescored = |run: &str| -> Vec<String> {
        succeed(&["rescore", run, "--reward", "mentor"]).lines().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(rescored(&there), rescored(&here));
    let id = recorded.rollouts[0]["id"].as_str().expect("an id");
    let (with, without) = (succeed(&["explain", &here, id]), succeed(&["explain", &there, id]));
    assert!(with.contains('–') && !without.contains('–'), "{without}");
    assert_eq!(with.lines().count(), without.lines().count());
}

/// The row of a kind of attempts: how many, mean, lowest, highest, separation.
fn row(output: &str, kind: &str) -> [f64; 5] {
    let line =
        output.lines().find(|line| line.starts_with(kind)).unwrap_or_else(|| panic!("{kind}\n{output}"));
    let numbers: Vec<f64> =
        line[kind.len()..].split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn a_reward_is_tried_before_any_training() {
    let output = succeed(&["check-reward", "mentor", "--tasks", "4", "--no-model"]);
    assert_eq!(row(&output, "teacher"), [4.0, 1.1, 1.1, 1.1, 0.5]);
    assert_eq!(row(&output, "honest: right"), [4.0, 1.1, 1.1, 1.1, 0.5]);
    assert_eq!(row(&output, "honest: wrong")[1..3], [0.16, 0.16]);
    let [hostile, _, low, high, _] = row(&output, "hostile");
    assert!(hostile >= 300.0 && low >= 0.0 && high <= 1.1, "{output}");
    assert!(output.contains("not measured without the base model"), "{output}");
    assert!(output.contains("reachable maximum: 1.1000 reached, 1.1000 by the table"), "{output}");
    assert!(output.contains(&format!("paid more than their honest twins: none of {hostile}")), "{output}");

    // A table that pays for repeating calls is found out.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("paid.toml");
    let table = "name = \"paid\"\n[[term]]\npart = \"redundancy\"\nweight = 1.0\n";
    fs::write(&file, table).expect("written");
    let output = succeed(&["check-reward", &file.to_string_lossy(), "--tasks", "1", "--no-model"]);
    assert!(!output.contains("none of") && output.contains("not 0.000"), "{output}");
}

#[test]
fn the_base_model_tells_how_many_groups_would_teach_nothing() {
    let arguments = ["check-reward", "process", "--suite", "multihop", "--tasks", "4", "--group", "4"];
    let config = repository().join("experiments/smoke.toml").to_string_lossy().into_owned();
    let output = succeed(&[&arguments[..], &["--config", &config, "--threads", "2"]].concat());
    assert!(output.contains("process on 4 tasks of multihop"), "{output}");
    let [count, mean, low, high, separation] = row(&output, "base model");
    assert_eq!(count, 16.0);
    assert!((0.0..=1.1).contains(&low) && low <= mean && mean <= high && high <= 1.1, "{output}");
    assert!((0.5..=1.0).contains(&separation), "{output}");
    let share = output.lines().find_map(|line| line.strip_prefix("groups without variance: "));
    let share: f64 =
        share.and_then(|line| line.split(' ').next()).expect("a share").parse().expect("a number");
    assert!([0.0, 25.0, 50.0, 75.0, 100.0].contains(&share), "{output}");
    assert!(low < high || share == 100.0, "{output}");
}

#[test]
fn wrong_arguments_are_refused_by_name_with_a_remedy() {
    let run = RECORDED.run.to_string_lossy();
    let nowhere = RECORDED.folder.join("nowhere").to_string_lossy().into_owned();
    refused(&["rescore", &nowhere, "--reward", "mentor"], &[&nowhere, "not a run folder", "--out"]);
    refused(&["rescore", &run, "--reward", "nentor"], &["nentor", "mentor, sparse", "file"]);
    refused(&["rescore", &run], &["--reward"]);
    refused(&["explain", &nowhere, "dense/1/1/x/0"], &[&nowhere, "not a run folder"]);
    refused(
        &["explain", &run, "dense/1/1/x/0"],
        &["dense/1/1/x/0", "rollouts.jsonl", "the first there: dense/1/1/"],
    );
    refused(&["explain", &run, "dense/one/1/x/0"], &["`one` is no seed", "arm/seed/step/task/sample"]);
    refused(&["explain", &run, "sparse/1/1/x/0"], &["sparse", "dense"]);
    refused(&["explain", &run, "dense/7/1/x/0"], &["dense/7/1/x/0", "seed-7", "none there"]);
    refused(
        &["check-reward", "mentor", "--no-model", "--suite", "algebra"],
        &["--suite", "algebra", "arithmetic"],
    );
    refused(&["check-reward", "mentor", "--no-model", "--tasks", "0"], &["--tasks", "at least 1"]);
    refused(&["check-reward", "mentor", "--config", &nowhere], &[&nowhere, "--config"]);
    let table = RECORDED.folder.join("table.toml");
    fs::write(&table, "name = \"x\"\n[[term]]\npart = \"correct\"\nweigth = 1.0\n").expect("written");
    let table = table.to_string_lossy();
    for command in [&["check-reward", &*table][..], &["rescore", &run, "--reward", &table]] {
        refused(command, &[&table, "line 4", "weigth", "`weight`"]);
    }
}

/// Rollouts and weights of a run.
fn results(run: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    ["rollouts.jsonl", "metrics.jsonl", "checkpoint-3/model.safetensors"]
        .map(|name| (name, fs::read(run.join("dense/seed-1").join(name)).expect("was written")))
        .into()
}

#[test]
fn credit_and_a_curriculum_train_to_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let calls = |rollout: &Value| rollout["trajectory"]["turns"].as_array().map_or(0, Vec::len);
    for unit in ["turn", "call"] {
        let more = format!(
            "credit = {{ per = \"{unit}\", returns = \"to_go\", shaping = 0.2 }}\ncurriculum = {{ by = \"teacher_calls\", from = 0.25, until = 3 }}"
        );
        let one = trained(folder.path(), unit, &more, "1");
        let two = trained(folder.path(), unit, &more, "2");
        for ((name, one), (_, two)) in results(&one).into_iter().zip(results(&two)) {
            assert!(one == two, "{unit}: {name} differs");
        }
        let rollouts = rollouts(&one);
        let turns = |rollout: &Value| -> Vec<f64> {
            rollout["turn_advantages"].as_array().map_or(Vec::new(), |all| all.iter().map(number).collect())
        };
        assert!(rollouts.iter().all(|rollout| turns(rollout).len() == calls(rollout)), "{unit}");
        let differ =
            |rollout: &Value| turns(rollout).iter().any(|turn| (turn - turns(rollout)[0]).abs() > 1e-3);
        assert!(rollouts.iter().any(differ), "{unit}: no rollout's turns are credited apart");
        // The first step draws from the easiest quarter of the 32 tasks.
        let taught = mentor::lab::training_tasks(&one.join("teacher.sqlite")).expect("the store");
        let calls_of: BTreeMap<&str, usize> = taught
            .tasks
            .iter()
            .zip(&taught.teacher)
            .map(|(task, teacher)| (task.id.as_str(), teacher.records().count()))
            .collect();
        let mut sorted: Vec<usize> = calls_of.values().copied().collect();
        sorted.sort_unstable();
        assert!(sorted.len() == 32 && sorted[7] < sorted[31], "{sorted:?}");
        let drawn = |step: u64| {
            let of_step = rollouts.iter().filter(move |rollout| rollout["step"] == step);
            of_step.map(|rollout| calls_of[rollout["trajectory"]["task_id"].as_str().expect("a task")])
        };
        assert!(drawn(1).count() == 32 && drawn(1).all(|calls| calls <= sorted[7]), "{unit}");
        assert!(drawn(3).any(|calls| calls > sorted[7]), "{unit}");
    }
}
