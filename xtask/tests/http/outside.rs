//! Experiments whose reward or tools another program gives.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mentor::mentor_env::{ARITHMETIC, arithmetic_tool, execute};
use mentor::mentor_trajectory::{Call, Judge, Split, Task};
use serde_json::{Value, json};

use crate::service::Service;

/// An HTTP server of the standard library alone, as somebody would write one in another language: a list in, a list out.
/// It is asked on threads that end with the test.
fn server(of: impl Fn(&[Value]) -> (u16, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut text, mut piece) = (Vec::new(), [0; 4096]);
            let body = loop {
                let length = stream.read(&mut piece).expect("a request");
                text.extend_from_slice(&piece[..length]);
                let head = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = head.split_once("\r\n\r\n") else { continue };
                let announced = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= announced.unwrap_or(0_usize) {
                    break body.to_owned();
                }
            };
            let questions: Vec<Value> = serde_json::from_str(&body).expect("a list");
            let (status, replies) = of(&questions);
            let replies = replies.to_string();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                replies.len()
            );
            // A client that has gone is what some tests are about.
            drop(stream.write_all([head.as_bytes(), replies.as_bytes()].concat().as_slice()));
        }
    });
    format!("http://{address}")
}

/// The smoke experiment with its `mentor` arm alone, four steps, little to measure, and something put in.
fn experiment(changes: &[(&str, &str)]) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let base = repository.join("fixtures/base");
    let file = fs::read_to_string(repository.join("experiments/smoke.toml")).expect("the smoke experiment");
    let (settings, arms) = file.split_once("[[arm]]").expect("arms");
    let mentor = arms.rsplit("[[arm]]").next().expect("the last one");
    let mut text = format!("{settings}[[arm]]{mentor}");
    let first = [
        ("../fixtures/base", base.to_str().expect("UTF-8")),
        ("tasks = 16", "tasks = 4"),
        ("steps = 6", "steps = 4"),
    ];
    for (from, to) in first.iter().chain(changes) {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

/// Runs an experiment; what it wrote to standard error if it failed.
fn run(config: &str, out: &Path) -> Result<(), String> {
    let file = out.with_extension("toml");
    fs::write(&file, config).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["experiment", "--config"])
        .arg(&file)
        .arg("--out")
        .arg(out)
        .output()
        .expect("xtask starts");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Logs and weights: what must be the same in two runs.
fn results(out: &Path) -> Vec<Vec<u8>> {
    let folder = out.join("mentor/seed-1");
    ["metrics.jsonl", "rollouts.jsonl", "evaluation.jsonl", "checkpoint-4/model.safetensors"]
        .map(|name| fs::read(folder.join(name)).expect("was written"))
        .into()
}

fn rollouts(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("mentor/seed-1/rollouts.jsonl")).expect("was written");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn with_reward(url: &str) -> String {
    experiment(&[(
        "reward = \"mentor\"",
        &format!("reward = {{ url = \"{url}\", retries = 2, timeout = 20.0 }}"),
    )])
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn our_own_service_gives_the_bytes_of_the_preset() {
    let folder = Folder::new();
    let (inside, outside) = (folder.out("inside"), folder.out("outside"));
    run(&experiment(&[]), &inside).expect("the preset");
    let service = Service::start(&["--reward", "mentor"]);
    run(&with_reward(&format!("http://{}/score", service.address)), &outside).expect("the service");
    assert!(results(&inside) == results(&outside));
    let resolved = fs::read_to_string(outside.join("config.toml")).expect("was written");
    assert!(resolved.contains(&service.address), "the run records where its reward came from");
}

#[test]
fn a_service_that_fails_stops_the_run_and_the_same_command_goes_on() {
    let folder = Folder::new();
    let (whole, broken) = (folder.out("whole"), folder.out("broken"));
    // Pays for short answers; the first request of every step fails in passing, and the whole third step while `up` says so.
    let failures = Arc::new(AtomicUsize::new(usize::MAX));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (left, log) = (Arc::clone(&failures), Arc::clone(&seen));
    let url = server(move |attempts| {
        log.lock().expect("nobody panicked").extend_from_slice(attempts);
        let step = attempts[0]["step"].as_u64().expect("a step");
        if step == 3 && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return (503, json!({"error": "the judge sleeps"}));
        }
        let total =
            |attempt: &Value| 1.0 / (1.0 + attempt["response"].as_str().expect("a text").len() as f64);
        (200, attempts.iter().map(|attempt| json!({"total": total(attempt)})).collect())
    });
    let error = run(&with_reward(&url), &broken).expect_err("the third step fails");
    for words in [url.as_str(), "after 3 tries", "the judge sleeps", "same command again", "step 3"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    // One failure is got over without a word.
    failures.store(1, Ordering::SeqCst);
    run(&with_reward(&url), &broken).expect("it goes on");
    failures.store(0, Ordering::SeqCst);
    run(&with_reward(&url), &whole).expect("an undisturbed run");
    assert!(results(&broken) == results(&whole));

    let rollouts = rollouts(&whole);
    let seen = seen.lock().expect("nobody panicked");
    for rollout in &rollouts {
        let attempt = seen.iter().find(|attempt| attempt["id"] == rollout["id"]).expect("it was asked for");
        assert_eq!(attempt["trajectory"], rollout["trajectory"]);
        assert_eq!(attempt["correct"], rollout["correct"]);
        assert_eq!(rollout["parts"][0]["name"], "outside");
        assert_eq!(rollout["parts"][0]["value"], rollout["reward"]);
        assert!(rollout["reward"].as_f64().is_some_and(|reward| reward > 0.0));
    }
}

#[test]
fn replies_that_are_none_are_refused_with_the_reason() {
    for (status, reply, expected) in [
        (400, json!({"error": "[0].answer: is missing"}), "[0].answer: is missing"),
        (200, json!([{"total": 1.0}]), "1 replies to 32 questions"),
        (200, json!(vec![json!({"score": 1.0}); 32]), "`total` is missing"),
        (200, json!({"rewards": []}), "the reply is no list"),
    ] {
        let folder = Folder::new();
        let url = server(move |_| (status, reply.clone()));
        let error = run(&with_reward(&url), &folder.out("run")).expect_err("no reward");
        assert!(error.contains(expected) && error.contains(&url), "{error}");
    }
    let folder = Folder::new();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let error =
        run(&with_reward(&format!("http://{nobody}/")), &folder.out("run")).expect_err("nobody there");
    assert!(error.contains("after 3 tries"), "{error}");
    let error =
        run(&with_reward("http://192.0.2.1/score"), &folder.out("other")).expect_err("another machine");
    assert!(error.contains("arm `mentor`: reward.url: 192.0.2.1 is not this machine"), "{error}");
    let misspelt =
        experiment(&[("reward = \"mentor\"", "reward = { url = \"http://127.0.0.1/\", timeuot = 1 }")]);
    let error = run(&misspelt, &folder.out("misspelt")).expect_err("no such key");
    assert!(error.contains("timeuot"), "{error}");
}

/// A task that offers every arithmetic tool.
fn workshop() -> Task {
    Task {
        id: String::new(),
        suite: String::new(),
        split: Split::Train,
        question: String::new(),
        tools: ARITHMETIC.iter().filter_map(|name| arithmetic_tool(name)).collect(),
        answer: String::new(),
        judge: Judge::Answer,
        plans: Vec::new(),
        world: Value::Null,
    }
}

fn with_tools(url: &str) -> String {
    let tools = format!("\n[tools]\nurl = \"{url}\"\nonly = {ARITHMETIC:?}\n");
    experiment(&[("observation_chars = 200\n", &format!("observation_chars = 200\n{tools}"))])
}

#[test]
fn tools_of_another_program_that_do_the_same_give_the_same_bytes() {
    let folder = Folder::new();
    let (inside, outside) = (folder.out("inside"), folder.out("outside"));
    run(&experiment(&[]), &inside).expect("built in");
    let calls = Arc::new(AtomicUsize::new(0));
    let (task, count) = (workshop(), Arc::clone(&calls));
    let url = server(move |asked| {
        count.fetch_add(asked.len(), Ordering::SeqCst);
        let answer = |asked: &Value| {
            assert!(asked["episode"].is_string() && asked["turn"].is_u64() && asked["task"].is_string());
            let call: Call =
                serde_json::from_value(json!({"name": asked["name"], "arguments": asked["arguments"]}))
                    .expect("a call");
            let observation = execute(&task, &call);
            json!({"content": observation.content, "ok": observation.ok})
        };
        (200, asked.iter().map(answer).collect())
    });
    run(&with_tools(&url), &outside).expect("asked for");
    assert!(results(&inside) == results(&outside));
    assert!(calls.load(Ordering::SeqCst) > 100, "they were asked");
}

#[test]
fn a_tool_that_may_have_acted_is_not_asked_again() {
    let folder = Folder::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let url = server(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        (500, json!({"error": "half done"}))
    });
    let error = run(&with_tools(&url), &folder.out("run")).expect_err("no tools");
    assert!(error.contains(&url) && error.contains("half done") && error.contains("after 1 try"), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
