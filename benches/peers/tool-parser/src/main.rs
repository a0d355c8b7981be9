//! SMG's `tool-parser` beside `mentor-toolcall`: whole turns of every format that both read, and a streamed argument.
//!
//! Prints, a line a format, microseconds a turn of either (the least of several rounds, calls with their arguments as values),
//! the ratio, and how many of the two calls each found.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use mentor_toolcall::{Format, Options, Parser, Tools, parse};
use mentor_trajectory::Call;
use openai_protocol::common::Tool;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tool_parser::{
    CohereParser, DeepSeek31Parser, DeepSeekDsmlParser, DeepSeekParser, Gemma4Parser, Glm4MoeParser, KimiK2Parser,
    LlamaParser, MinimaxM2Parser, MistralParser, PythonicParser, QwenParser, ToolParser,
};

const ROUNDS: usize = 9;

/// The peer's parser of a format.
fn peer(id: &str) -> Option<Box<dyn ToolParser>> {
    Some(match id {
        "hermes" => Box::new(QwenParser::new()),
        "llama3-json" => Box::new(LlamaParser::new()),
        "pythonic" => Box::new(PythonicParser::new()),
        "mistral" => Box::new(MistralParser::new()),
        "deepseek-v3" => Box::new(DeepSeekParser::new()),
        "deepseek-v3.1" => Box::new(DeepSeek31Parser::new()),
        "dsml" => Box::new(DeepSeekDsmlParser::v32()),
        "glm" => Box::new(Glm4MoeParser::glm45()),
        "kimi-k2" => Box::new(KimiK2Parser::new()),
        "cohere" => Box::new(CohereParser::new()),
        "minimax-m2" => Box::new(MinimaxM2Parser::new()),
        "gemma4" => Box::new(Gemma4Parser::new()),
        _ => return None,
    })
}

fn least(mut work: impl FnMut() -> usize) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut turns = 0;
        while turns < 200 && start.elapsed() < Duration::from_millis(200) {
            found = work();
            turns += 1;
        }
        best = best.min(start.elapsed() / turns);
    }
    (best, found)
}

fn definitions() -> Value {
    let parameters = json!({"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "text": {"type": "string"}}});
    json!([{"type": "function", "function": {"name": "weather", "description": "", "parameters": parameters}}])
}

fn main() {
    let runtime = Builder::new_current_thread().build().expect("a runtime of one thread starts");
    let tools = Tools::from_openai(&definitions()).expect("the definitions are a list of tools");
    let theirs: Vec<Tool> = serde_json::from_value(definitions()).expect("the definitions are a list of tools");
    let calls: Vec<Call> = ["Oslo", "Rome"]
        .iter()
        .map(|city| json!({"name": "weather", "arguments": {"city": city, "days": 3, "text": "word ".repeat(40)}}))
        .map(|call| serde_json::from_value(call).expect("a name and arguments are a call"))
        .collect();
    println!("format          ours µs   SMG µs   ratio   calls");
    for format in Format::all() {
        let (Some(parser), Ok(text)) = (peer(format.id()), format.write_calls(&calls)) else { continue };
        let options = Options { tools: Some(&tools), ..Options::default() };
        let (ours, found) = least(|| {
            parse(format, black_box(&text), options).calls.iter().filter_map(|call| call.strict()).count()
        });
        let (peer, peer_found) = least(|| {
            let parsed = runtime.block_on(parser.parse_complete_with_tools(black_box(&text), &theirs));
            let calls = parsed.map(|(_, calls)| calls).unwrap_or_default();
            let value = |call: &tool_parser::ToolCall| serde_json::from_str::<Value>(&call.function.arguments).ok();
            calls.iter().filter_map(value).count()
        });
        report(format.id(), ours, peer, &format!("{found} / {peer_found}"));
    }
    for size in [1 << 10, 16 << 10] {
        stream(size, &runtime, &theirs);
    }
}

/// A Hermes call with an argument of so many bytes, four characters at a time.
fn stream(size: usize, runtime: &Runtime, tools: &[Tool]) {
    let text = format!(
        "<tool_call>\n{{\"name\": \"weather\", \"arguments\": {{\"text\": \"{}\"}}}}\n</tool_call>",
        "word ".repeat(size / 5)
    );
    let deltas: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..text.len().min(at + 4)]).collect();
    let (ours, found) = least(|| {
        let mut parser = Parser::new(Format::HERMES, Options::default());
        deltas.iter().map(|delta| parser.feed(delta).len()).sum()
    });
    let (peer, peer_found) = least(|| {
        let mut parser = QwenParser::new();
        let pieces = deltas.iter().map(|delta| {
            let fed = runtime.block_on(parser.parse_incremental(delta, tools));
            usize::from(fed.is_ok_and(|fed| fed.calls.iter().any(|call| call.name.is_some())))
        });
        pieces.sum()
    });
    report(&format!("stream {size}"), ours, peer, &format!("{found} / {peer_found}"));
}

fn report(name: &str, ours: Duration, peer: Duration, found: &str) {
    let [ours, peer] = [ours, peer].map(|time| time.as_secs_f64() * 1e6);
    println!("{name:14} {ours:8.2} {peer:8.2} {:7.1}   {found}", peer / ours);
}
