//! `cargo xtask serve-reward` over a real socket.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::time::Duration;

use mentor::mentor_reward::{Reward, hostile, wire};
use mentor::mentor_trajectory::{Call, Split};
use mentor::{mentor_env, mentor_teacher};
use serde_json::{Value, json};

use crate::service::{Service, posted, reply};

fn attempt(id: usize, response: &str) -> Value {
    json!({"id": id, "response": response, "ended": true, "answer": "5", "tools": ["add"], "teacher_tools": ["add"]})
}

const ADD: &str = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 3}}\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n5\n</tool_response><|im_end|>\n<|im_start|>assistant\n";

#[test]
fn totals_are_those_of_the_filter() {
    let service = Service::start(&["--reward", "process", "--max-body", "256"]);
    let task = &mentor_env::generate("arithmetic", Split::Train, 1, 1).expect("a suite")[0];
    let teacher = mentor_teacher::solve(task, 1);
    let calls: Vec<&Call> = teacher.strict_calls().collect();
    let tools: Vec<&str> = task.tools.iter().map(|tool| tool.name.as_str()).collect();
    let mut attempts: Vec<Value> = hostile::hostile(task, &teacher)
        .into_iter()
        .flat_map(|(hostile, honest)| [hostile, honest])
        .map(|sample| {
            json!({
                "id": sample.name, "response": sample.response, "ended": sample.ended,
                "answer": task.answer, "tools": tools, "teacher_calls": calls,
            })
        })
        .collect();
    attempts.push(attempt(9999, &format!("{ADD}\\boxed{{5}}")));
    let (status, replies) = service.post("/score", &json!(attempts));
    assert_eq!(status, 200, "{replies}");
    // What the example `score` does with each line.
    let process = Reward::preset("process").expect("a preset");
    for (attempt, reply) in attempts.iter().zip(replies.as_array().expect("a list")) {
        let score =
            wire::Attempt::read(attempt).and_then(|read| read.score(Some(&process))).expect("an attempt");
        assert_eq!(reply, &wire::reply(&attempt["id"], &score));
    }
    assert_eq!(replies.as_array().map(Vec::len), Some(attempts.len()));
    // One attempt without a list, and a reward of its own.
    let mut own = attempt(1, "\\boxed{5}");
    own["reward"] = json!("binary");
    assert_eq!(service.post("/score", &own).1["total"], 1.0);
}

#[test]
fn the_forms_of_openrlhf_and_nemo_gym_are_answered() {
    let service = Service::start(&[]);
    let prompt = "<|im_start|>user\n2 + 3?<|im_end|>\n<|im_start|>assistant\n";
    let query = format!("{prompt}{ADD}It is \\boxed{{5}}.<|im_end|>\n");
    let label = json!({"answer": "5", "tools": ["add"], "teacher_tools": ["add"]}).to_string();
    let (status, openrlhf) =
        service.post("/get_reward", &json!({"query": [query], "prompts": [prompt], "labels": [label]}));
    assert_eq!((status, &openrlhf["rewards"], &openrlhf["scores"]), (200, &json!([1.1]), &json!([1.1])));
    assert_eq!(openrlhf["extra_logs"]["correct"], json!([0.7]));

    assert_eq!(service.post("/seed_session", &json!({})), (200, json!({})));
    let body = json!({
        "responses_create_params": {"input": [], "tools": [{"type": "function", "name": "add"}]},
        "response": {"output": [
            {"type": "function_call", "call_id": "1", "name": "add", "arguments": "{\"a\": 2, \"b\": 3}"},
            {"type": "function_call_output", "call_id": "1", "output": "5"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "\\boxed{5}"}]},
        ]},
        "answer": "5", "teacher_tools": ["add"],
    });
    let (status, verified) = service.post("/verify", &body);
    assert_eq!((status, &verified["reward"], &verified["response"]), (200, &json!(1.1), &body["response"]));
    let (status, about) = service.raw(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!((status, &about["reward"]), (200, &json!("mentor")));
}

#[test]
fn what_is_wrong_is_said_and_the_service_goes_on() {
    let service = Service::start(&["--max-body", "1", "--timeout", "2", "--workers", "3"]);
    let is = |(status, body): (u16, Value), expected: u16, words: &str| {
        assert_eq!(status, expected, "{body}");
        assert!(body["error"].as_str().is_some_and(|error| error.contains(words)), "{body}");
    };
    is(service.post("/score", &json!([attempt(0, ""), {"response": ""}])), 400, "[1].ended: is missing");
    is(service.raw(&posted("/score", b"[{]")), 400, "not JSON");
    is(service.raw(&posted("/score", "[".repeat(100_000).as_bytes())), 400, "not JSON");
    is(service.raw(&posted("/score", b"")), 400, "not JSON");
    is(service.raw(&posted("/score", b"\xff\xfe")), 400, "not JSON");
    is(service.post("/sorce", &json!([])), 404, "/score");
    is(service.raw(b"GET /score HTTP/1.1\r\nhost: x\r\n\r\n"), 405, "POST");
    is(service.raw(b"\x16\x03\x01 not http\r\n\r\n"), 400, "no HTTP request");
    is(service.raw(b"POST /score HTTP/1.1\r\ncontent-length: -5\r\n\r\n"), 400, "no HTTP request");
    // Larger than allowed, announced and sent in whole, and in chunks without being announced.
    is(service.raw(&posted("/score", &vec![b' '; 3 << 20])), 413, "1048576 bytes");
    let chunk = [format!("{:x}\r\n", 2 << 20).into_bytes(), vec![b' '; 2 << 20]].concat();
    is(
        service
            .raw(&[b"POST /score HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(), chunk].concat()),
        413,
        "",
    );
    is(service.raw(format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(200_000)).as_bytes()), 431, "headers");
    // Half a request and then silence; half a request and then the end; nothing at all.
    is(service.raw(b"POST /score HTTP/1.1\r\ncontent-length: 10\r\n\r\n["), 408, "too long");
    let mut stream = service.connect();
    stream.write_all(b"POST /score HT").expect("sent");
    stream.shutdown(Shutdown::Write).expect("shut");
    is(reply(stream), 400, "ended before");
    drop(service.connect());

    // Chunked and expecting to be told to go on, both of which clients do.
    let body = json!([attempt(7, "\\boxed{5}")]).to_string();
    let (first, second) = body.split_at(body.len() / 2);
    let mut stream = service.connect();
    stream
        .write_all(
            b"POST /score HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("told to go on");
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    for piece in [first, second] {
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).expect("sent");
        std::thread::sleep(Duration::from_millis(50));
    }
    stream.write_all(b"0\r\n\r\n").expect("sent");
    assert_eq!(reply(stream).1[0]["id"], 7);
    assert!(service.stop().contains("stopped"), "it says so");
}

#[test]
fn slow_clients_hold_nobody_up_for_long_and_no_request_is_lost() {
    let service = Service::start(&["--reward", "binary", "--workers", "4", "--timeout", "3"]);
    // Half of the threads wait for clients that say nothing.
    let idle = [service.connect(), service.connect()];
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..40)
            .map(|id| {
                let service = &service;
                scope.spawn(move || {
                    service.post("/score", &json!([attempt(id, "\\boxed{5}"), attempt(id, "")]))
                })
            })
            .collect();
        for (id, client) in clients.into_iter().enumerate() {
            let (status, replies) = client.join().expect("a reply");
            assert_eq!(
                (status, &replies[0]["id"], &replies[0]["total"]),
                (200, &json!(id), &json!(1.0)),
                "{replies}"
            );
        }
    });
    drop(idle);
    let said = service.stop();
    assert!(said.contains("requests answered"), "{said}");
}

#[test]
fn addresses_and_rewards_that_cannot_be_used_are_refused() {
    let refused = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("serve-reward").args(arguments).output();
        let output = output.expect("xtask starts");
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&["--listen", "nowhere"]).contains("--listen nowhere: give ADDRESS:PORT"));
    assert!(refused(&["--reward", "mentro"]).contains("neither a preset"));
    let taken = Service::start(&[]);
    assert!(refused(&["--listen", &taken.address]).contains("--listen"));
}
