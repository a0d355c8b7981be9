//! Tool calls read from texts: scanning, whole Hermes turns beside the naive way, and a long argument that streams in; and
//! chat templates rendered (`peers/render.py` is the peer).

use std::{fmt::Write as _, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mentor_toolcall::{
    Format, Options, Parser, parse,
    template::{ChatTemplate, Conversation, PyJson},
};
use mentor_trajectory::Call;
use serde_json::{Value, json};

/// The next number of a splitmix64 stream.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const WORDS: &str = "first we need to find the total cost of all items and then apply the discount so that the remaining \
                     amount can be split equally among the friends who went to the market on Tuesday morning";

fn prose(bytes: usize, seed: &mut u64) -> String {
    let words: Vec<&str> = WORDS.split(' ').collect();
    let mut out = String::new();
    while out.len() < bytes {
        out.push_str(words[next(seed) as usize % words.len()]);
        out.push(' ');
    }
    out
}

/// Turns as a small model writes them: about 1.5 kB with four calls and their observations.
fn turns(count: usize) -> Vec<String> {
    let mut seed = 7;
    let turn = |_| {
        let mut text = String::new();
        for name in ["add", "sum_numbers", "sqrt", "round_number"] {
            text.push_str(&prose(200, &mut seed));
            let arguments = match name {
                "sum_numbers" => json!({"numbers": [next(&mut seed) % 999, next(&mut seed) % 999, 17.25]}),
                "sqrt" => json!({"x": next(&mut seed) % 9999}),
                _ => json!({"a": next(&mut seed) % 9999, "b": -12.5}),
            };
            let call = json!({"name": name, "arguments": arguments});
            let _ = write!(
                text,
                "\n<tool_call>\n{call}\n</tool_call>\n<tool_response>\n{}\n</tool_response>\n",
                next(&mut seed) % 9999
            );
        }
        text.push_str(&prose(150, &mut seed));
        text
    };
    (0..count).map(turn).collect()
}

/// What Python does: a search for the tags, and a JSON parser on what stands between them.
fn naive(text: &str) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, inside)) = rest.split_once("<tool_call>") {
        let Some((body, after)) = inside.split_once("</tool_call>") else { break };
        if let Ok(mut call) = serde_json::from_str::<Value>(body)
            && let Some(name) = call["name"].as_str().map(str::to_owned)
        {
            out.push((name, call["arguments"].take()));
        }
        rest = after;
    }
    out
}

fn scan(criterion: &mut Criterion) {
    let text = prose(1 << 20, &mut 3);
    let mut group = criterion.benchmark_group("toolcall/scan");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for format in Format::all() {
        group.bench_function(BenchmarkId::from_parameter(format), |bencher| {
            bencher.iter(|| parse(format, black_box(&text), Options::default()));
        });
    }
    group.finish();
}

fn hermes(criterion: &mut Criterion) {
    let texts = turns(256);
    let calls: usize = texts.iter().map(|text| naive(text).len()).sum();
    let mut group = criterion.benchmark_group("toolcall/hermes");
    for (unit, throughput) in [
        ("calls", Throughput::Elements(calls as u64)),
        ("bytes", Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum())),
    ] {
        group.throughput(throughput);
        group.bench_function(BenchmarkId::new("naive", unit), |bencher| {
            bencher.iter(|| texts.iter().map(|text| naive(black_box(text)).len()).sum::<usize>());
        });
        group.bench_function(BenchmarkId::new("parse", unit), |bencher| {
            let read = |text: &String| parse(Format::HERMES, black_box(text), Options::default()).calls.len();
            bencher.iter(|| texts.iter().map(read).sum::<usize>());
        });
        group.bench_function(BenchmarkId::new("parse_and_values", unit), |bencher| {
            let read = |text: &String| {
                let parsed = parse(Format::HERMES, black_box(text), Options::default());
                parsed.calls.iter().filter_map(mentor_toolcall::ParsedCall::strict).count()
            };
            bencher.iter(|| texts.iter().map(read).sum::<usize>());
        });
    }
    group.finish();
}

/// An argument of so many bytes, arriving four characters at a time.
fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("toolcall/stream");
    for format in Format::all() {
        for size in [16 << 10, 128 << 10] {
            let call = Call {
                name: "write".to_owned(),
                arguments: json!({"text": prose(size, &mut 5)}).as_object().cloned().unwrap_or_default(),
            };
            let Ok(text) = format.write_calls(&[call]) else { continue };
            let deltas: Vec<&str> = chunks(&text);
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(BenchmarkId::new(format.id(), size), |bencher| {
                bencher.iter(|| {
                    let mut parser = Parser::new(format, Options::default());
                    let fed: usize = deltas.iter().map(|delta| parser.feed(black_box(delta)).len()).sum();
                    fed + parser.finish().len()
                });
            });
        }
    }
    group.finish();
}

fn chunks(text: &str) -> Vec<&str> {
    let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(4).chain([text.len()]).collect();
    cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect()
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/mentor-toolcall/fixtures/template");

/// A conversation with tools and two calls, repeated to twelve turns, through published templates.
fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("toolcall/render");
    let conversations = std::fs::read_to_string(format!("{FIXTURES}/conversations.json")).unwrap_or_default();
    let given = PyJson::parse(&conversations).ok().and_then(|all| all.get("reasoning_chain").cloned());
    let Some(PyJson::Object(mut given)) = given else { panic!("{FIXTURES}: no conversations") };
    if let Some(PyJson::Array(messages)) = given.get_mut("messages") {
        *messages = messages.iter().cycle().take(12).cloned().collect();
    }
    given.insert("variables".to_owned(), PyJson::from(json!({"bos_token": "<s>", "eos_token": "</s>"})));
    let mut conversation =
        Conversation::from_json(&PyJson::Object(given)).expect("a fixture is a conversation");
    conversation.now = Some(jiff::civil::date(2026, 3, 5).at(7, 8, 9, 0));
    for name in ["qwen2_5", "qwen3", "smollm3", "llama3_1"] {
        let source =
            std::fs::read_to_string(format!("{FIXTURES}/templates/{name}.jinja")).unwrap_or_default();
        let template = ChatTemplate::new(&source).expect("a published template compiles");
        let Ok(rendered) = template.render(&conversation) else { continue };
        group.throughput(Throughput::Bytes(rendered.text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| template.render(black_box(&conversation))));
    }
    group.finish();
}

criterion_group!(benches, scan, hermes, stream, render);
criterion_main!(benches);
