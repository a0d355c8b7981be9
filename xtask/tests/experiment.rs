//! Whole experiments through the command line, in miniature.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository")
}

fn xtask(arguments: &[&str], out: &Path) -> Command {
    xtask_with(Path::new("experiments/smoke.toml"), arguments, out)
}

fn xtask_with(config: &Path, arguments: &[&str], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.current_dir(repository()).args(["experiment", "--config"]).arg(config);
    command.args(arguments).arg("--out").arg(out);
    command
}

/// The smoke experiment with something put in and its base model named by its whole path.
fn altered(from: &str, to: &str) -> String {
    let good = fs::read_to_string(repository().join("experiments/smoke.toml")).expect("the smoke experiment");
    let good = good.replace("../fixtures/base", &repository().join("fixtures/base").to_string_lossy());
    assert!(good.contains(from), "{from}");
    good.replace(from, to)
}

fn run(arguments: &[&str], out: &Path) -> Output {
    xtask(arguments, out).output().expect("xtask starts")
}

fn succeed(arguments: &[&str], out: &Path) -> String {
    let output = run(arguments, out);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn fail(arguments: &[&str], out: &Path) -> String {
    let output = run(arguments, out);
    assert!(!output.status.success(), "{arguments:?} should have been refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What must be the same in two runs of one configuration: the logs without a clock, and the weights.
fn results(out: &Path, arm: &str, steps: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = out.join(arm).join("seed-1");
    let checkpoint = folder.join(format!("checkpoint-{steps}"));
    let adapter = checkpoint.join("adapter_model.safetensors");
    let weights = if adapter.exists() { adapter } else { checkpoint.join("model.safetensors") };
    ["metrics.jsonl", "rollouts.jsonl", "evaluation.jsonl"]
        .map(|name| folder.join(name))
        .into_iter()
        .chain([weights])
        .map(|path| {
            (path.strip_prefix(out).expect("below out").to_owned(), fs::read(&path).expect("was written"))
        })
        .collect()
}

fn assert_same(a: &Path, b: &Path, arm: &str, steps: usize) {
    for ((name, a), (_, b)) in results(a, arm, steps).into_iter().zip(results(b, arm, steps)) {
        assert!(a == b, "{} differs", name.display());
    }
}

#[test]
fn a_whole_experiment_runs_and_reports_every_arm() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let out = temporary.path().join("smoke");
    succeed(&[], &out);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("report.json")).expect("a report")).expect("JSON");
    assert_eq!(report["schema"], 1);
    for arm in ["vanilla", "sft", "sparse", "mentor"] {
        for suite in ["arithmetic", "arithmetic-deep", "arithmetic-reworded", "functions", "multihop"] {
            assert!(
                report["arms"][arm]["suites"][suite]["sampled_accuracy"]["mean"].is_number(),
                "{arm} {suite}"
            );
        }
    }
    assert!(report["comparisons"].as_array().is_some_and(|all| !all.is_empty()));
    assert!(report["comparisons"][0]["p_value"].is_null(), "one seed gives no p-value");
    assert!(fs::read_to_string(out.join("report.html")).expect("a page").contains("<svg"));

    let again = succeed(&[], &out);
    assert!(again.contains("everything is finished"), "{again}");

    let planned = succeed(&["--dry-run", "--seeds", "2"], &out);
    assert!(planned.contains("seed 2") && !planned.contains("seed 1 "), "{planned}");

    for dry in [&["--steps", "7"][..], &["--steps", "7", "--dry-run"]] {
        let refused = fail(dry, &out);
        assert!(refused.contains("--fresh"), "{refused}");
    }

    let resolved = out.join("config.toml");
    let copy = temporary.path().join("copy");
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["experiment", "--arms", "vanilla", "--config"])
        .arg(&resolved)
        .arg("--out")
        .arg(&copy)
        .output()
        .expect("xtask starts");
    assert!(output.status.success(), "the resolved configuration runs as it is");
}

/// `experiments/paper.toml` with little of everything, but all its arms and its four updates a step.
#[test]
fn the_serious_experiment_runs_with_every_reward() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let mut config = fs::read_to_string(repository().join("experiments/paper.toml")).expect("an experiment");
    let base = repository().join("fixtures/base").to_string_lossy().into_owned();
    for (from, to) in [
        ("../fixtures/base", base.as_str()),
        ("count = 1024", "count = 16"),
        ("tasks = 400", "tasks = 4"),
        ("samples = 8", "samples = 1"),
        ("prompts = 32", "prompts = 4"),
        ("group = 8", "group = 4"),
    ] {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    let (file, out) = (temporary.path().join("paper.toml"), temporary.path().join("run"));
    fs::write(&file, config).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["experiment", "--steps", "2", "--seeds", "2", "--config"])
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .output()
        .expect("xtask starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let read = |name: &str| fs::read_to_string(out.join(name)).expect("was written");
    let report: serde_json::Value = serde_json::from_str(&read("report.json")).expect("JSON");
    let rewards =
        ["sparse", "mentor", "overlap", "no-match", "f1", "binary", "strict", "process", "shuffled"];
    for arm in ["vanilla", "sft"].into_iter().chain(rewards) {
        let per_seed = &report["arms"][arm]["suites"]["multihop"]["accuracy"]["per_seed"];
        assert_eq!(per_seed.as_array().map(Vec::len), Some(2), "{arm}");
    }
    for arm in rewards {
        assert_eq!(read(&format!("{arm}/seed-2/metrics.jsonl")).lines().count(), 2, "{arm}");
        assert_eq!(read(&format!("{arm}/seed-2/rollouts.jsonl")).lines().count(), 2 * 4 * 4, "{arm}");
    }
}

#[test]
fn one_and_two_threads_write_the_same_bytes() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (one, two) = (temporary.path().join("one"), temporary.path().join("two"));
    for (threads, out) in [("1", &one), ("2", &two)] {
        succeed(&["--arms", "mentor", "--steps", "3", "--threads", threads], out);
    }
    assert_same(&one, &two, "mentor", 3);
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (whole, killed) = (temporary.path().join("whole"), temporary.path().join("killed"));
    let arguments = ["--arms", "mentor", "--steps", "9"];
    succeed(&arguments, &whole);

    let metrics = killed.join("mentor/seed-1/metrics.jsonl");
    let mut child = xtask(&arguments, &killed).stdout(Stdio::null()).spawn().expect("xtask starts");
    wait_for_lines(&metrics, 5, &mut child);
    child.kill().expect("it was still running");
    child.wait().expect("it ended");

    let text = succeed(&arguments, &killed);
    assert!(text.contains("goes on after step"), "{text}");
    assert_same(&whole, &killed, "mentor", 9);
}

#[test]
fn adapters_are_trained_alone_and_a_killed_run_on_other_threads_gives_the_same_bytes() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (whole, killed) = (temporary.path().join("whole"), temporary.path().join("killed"));
    let config = temporary.path().join("lora.toml");
    let lora = "[lora]\nrank = 4\nalpha = 8\ntargets = [\"q_proj\", \"v_proj\", \"down_proj\"]\n\n[tasks]";
    fs::write(&config, altered("[tasks]", lora)).expect("written");
    let arguments = |threads: &'static str| ["--arms", "sft,mentor", "--steps", "5", "--threads", threads];

    let output = xtask_with(&config, &arguments("1"), &whole).output().expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("rank 4, alpha 8, on q_proj, v_proj, down_proj"), "{text}");

    let mut child =
        xtask_with(&config, &arguments("2"), &killed).stdout(Stdio::null()).spawn().expect("xtask starts");
    wait_for_lines(&killed.join("mentor/seed-1/metrics.jsonl"), 3, &mut child);
    child.kill().expect("it was still running");
    child.wait().expect("it ended");
    let output = xtask_with(&config, &arguments("2"), &killed).output().expect("xtask starts");
    assert!(String::from_utf8_lossy(&output.stdout).contains("goes on after step"));
    assert_same(&whole, &killed, "mentor", 5);

    let checkpoint = whole.join("mentor/seed-1/checkpoint-5");
    assert!(
        checkpoint.join("adapter_config.json").exists() && !checkpoint.join("model.safetensors").exists()
    );
    let metrics = fs::read_to_string(whole.join("mentor/seed-1/metrics.jsonl")).expect("metrics");
    for line in metrics.lines() {
        let metrics: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(metrics["first_log_ratio"].as_f64().expect("a number"), 0.0, "{line}");
    }
}

/// Waits until a log has this many lines; the process must not have finished before.
fn wait_for_lines(log: &Path, lines: usize, child: &mut Child) {
    let deadline = Instant::now() + Duration::from_mins(5);
    while fs::read_to_string(log).map_or(0, |text| text.lines().count()) < lines {
        assert!(Instant::now() < deadline, "{} never had {lines} lines", log.display());
        assert!(child.try_wait().expect("a child").is_none(), "finished before it could be killed");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_first_update_of_a_step_has_ratio_one_to_the_bit() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    succeed(&["--arms", "sparse,mentor", "--steps", "2"], temporary.path().join("run").as_path());
    for arm in ["sparse", "mentor"] {
        let log = temporary.path().join("run").join(arm).join("seed-1/metrics.jsonl");
        for line in fs::read_to_string(log).expect("metrics").lines() {
            let metrics: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(metrics["first_log_ratio"].as_f64().expect("a number"), 0.0, "{line}");
        }
    }
}

#[test]
fn four_tasks_are_learnt_until_nearly_every_rollout_is_right() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let text = succeed(&["--arms", "mentor", "--overfit", "4", "--steps", "120"], temporary.path());
    assert!(text.contains("4 tasks learnt"), "{text}");
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_runs() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let base = repository().join("fixtures/base");
    let cases = [
        ("turns = 6", "turnz = 6", "turnz"),
        ("group = 8", "group = 1", "rl.group"),
        ("epsilon = 1e-6", "epsilon = -1.0", "rl.advantage: `epsilon`"),
        ("suite = \"arithmetic\"", "suite = \"geometry\"", "geometry"),
        ("reward = \"sparse\"", "reward = \"spares\"", "spares"),
        ("peak = 3e-4, warmup = 0", "peak = -1.0, warmup = 0", "rl.optimizer.schedule.peak"),
        ("train = \"sft\"", "train = \"sft\"\nadvantage = { scale = \"none\" }", "arm `sft`: only an rl arm"),
        ("[tasks]", "[lora]\nrank = 0\n\n[tasks]", "rank"),
        ("[tasks]", "[lora]\nrank = 4\ntargets = [\"w_proj\"]\n\n[tasks]", "w_proj"),
        (&base.to_string_lossy(), "/nowhere/at/all", "model"),
    ];
    for (number, (from, to, named)) in cases.into_iter().enumerate() {
        let file = temporary.path().join(format!("{number}.toml"));
        fs::write(&file, altered(from, to)).expect("written");
        let out = temporary.path().join("out");
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["experiment", "--config"])
            .arg(&file)
            .arg("--out")
            .arg(&out)
            .output()
            .expect("xtask starts");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{to} was accepted");
        assert!(message.contains(named) && message.contains(&format!("{number}.toml")), "{to}: {message}");
        assert!(!out.exists(), "{to}: something ran");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let out = temporary.path().join("run");
    let text = succeed(&["--dry-run"], &out);
    assert!(text.contains("in all"), "{text}");
    assert!(!out.exists());
}

#[test]
fn a_strangers_folder_is_never_emptied() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    fs::write(temporary.path().join("thesis.tex"), "years of work").expect("written");
    let refused = fail(&["--fresh"], temporary.path());
    assert!(refused.contains("not a run folder"), "{refused}");
    assert!(temporary.path().join("thesis.tex").exists());
}
