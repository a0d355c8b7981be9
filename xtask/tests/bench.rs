//! `cargo xtask bench` through the command line.

use std::path::Path;
use std::process::{Command, Output};

/// A model small enough to be timed in a test.
const CONFIG: &str = r#"{
  "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 64, "hidden_size": 16,
  "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
  "head_dim": 8, "hidden_act": "silu", "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
  "rope_theta": 10000.0, "attention_bias": false, "tie_word_embeddings": true
}"#;

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("config.json");
    std::fs::write(&config, CONFIG).expect("a temporary folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("bench").args(arguments).arg("--model-config").arg(config);
    command.output().expect("xtask starts")
}

fn refused(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = bench(folder.path(), arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?} should have been refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_repetition_is_one_json_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, tokens) in [("train-step", 24), ("lora-step", 24), ("generate", 12), ("grpo-step", 24)] {
        let size = ["--batch", "3", "--prompt", "4", "--new", "4", "--group", "2", "--beta", "0.001"];
        let flags = ["--lora-rank", "2", "--reps", "2", "--threads", "2", "--dtype", "f32", "--json"];
        let output = bench(folder.path(), &[&[name], &size[..], &flags[..]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.lines().count(), 2, "{text}");
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
            assert_eq!(value["name"], name);
            assert_eq!(value["tokens"], tokens);
            assert_eq!((&value["threads"], &value["dtype"]), (&2.into(), &"f32".into()));
            let (seconds, rate) = (value["seconds"].as_f64(), value["tokens_per_s"].as_f64());
            let (seconds, rate) = (seconds.expect("a number"), rate.expect("a number"));
            assert!((rate * seconds / f64::from(tokens) - 1.0).abs() < 1e-9);
            assert!(value["phases"].as_object().is_some_and(|phases| phases.len() >= 3));
            if cfg!(target_os = "linux") {
                assert!(value["peak_rss_bytes"].as_u64() > Some(1 << 20));
            }
        }
    }
}

#[test]
fn memory_does_not_grow_from_step_to_step() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let size = ["--batch", "4", "--prompt", "40", "--new", "40", "--group", "4", "--beta", "0.001"];
    let output = bench(folder.path(), &[&["grpo-step"], &size[..], &["--reps", "12", "--json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let peaks: Vec<u64> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["peak_rss_bytes"].as_u64())
        .collect();
    if let [first, .., last] = peaks[..] {
        assert!(last < first + first / 8, "{peaks:?}");
    }
    assert!(peaks.len() == 12 || !cfg!(target_os = "linux"), "{text}");
}

#[test]
fn without_json_there_is_a_table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = bench(folder.path(), &["generate", "--batch", "2", "--new", "3", "--reps", "3"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.starts_with("generate · 6 k parameters"), "{text}");
}

#[test]
fn what_cannot_be_measured_is_refused_by_name() {
    for (arguments, named) in [
        (&["generate", "--dtype", "bf16"][..], "--dtype bf16"),
        (&["train-step", "--device", "tpu"], "--device tpu"),
        (&["generate", "--reps", "0"], "--reps"),
        (&["generate", "--batch", "0"], "--batch"),
        (&["generate", "--batch", "65", "--prompt", "1"], "65 different prompts"),
        (&["grpo-step", "--beta", "nan"], "--beta"),
        (&["lora-step", "--lora-rank", "0"], "--lora-rank"),
        (&["fly"], "train-step, lora-step, generate, grpo-step"),
    ] {
        let message = refused(arguments);
        assert!(message.contains(named), "{arguments:?}: {message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lines_lost_on_a_full_disk_are_no_success_and_a_closed_pipe_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.json");
    std::fs::write(&config, CONFIG).expect("a temporary folder can be written");
    let run = |output: std::process::Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["bench", "train-step", "--batch", "2", "--reps", "2", "--json", "--model-config"])
            .arg(&config);
        command.stdout(output).output().expect("xtask starts")
    };
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let lost = run(full.into());
    assert!(!lost.status.success());
    assert!(String::from_utf8_lossy(&lost.stderr).contains("standard output"));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    assert!(run(writer.into()).status.success());
}
