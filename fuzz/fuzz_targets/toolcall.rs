//! Every format on any text and any split. The first byte says the format, the second seeds how the text is cut, the third
//! the options; the rest is the text.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mentor_toolcall::{Deltas, Event, Format, Options, Parsed, ParsedCall, Parser, Thinking, Tools, parse};
use serde_json::json;

static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| Format::all().collect());
static TOOLS: LazyLock<Tools> = LazyLock::new(|| {
    let kinds = ["integer", "string", "number", "boolean", "object", "array", "null"];
    let properties: serde_json::Map<_, _> =
        "xsnbol".chars().zip(kinds).map(|(key, kind)| (key.to_string(), json!({"type": kind}))).collect();
    let tool = json!({"name": "f", "parameters": {"type": "object", "properties": properties}});
    Tools::from_openai(&json!([tool])).expect("a list of one tool")
});

fuzz_target!(|data: &[u8]| {
    let [format, seed, options, text @ ..] = data else { return };
    let format = FORMATS[*format as usize % FORMATS.len()];
    let text = String::from_utf8_lossy(text);
    let options = Options {
        thinking: if options & 1 == 0 { Thinking::NoCalls } else { Thinking::Calls },
        starts_in_reasoning: options & 2 != 0,
        tools: (options & 4 == 0).then_some(&TOOLS),
    };
    let whole = parse(format, &text, options);
    let (events, told) = stream(format, &text, u32::from(*seed), options);
    let retold: String = events
        .iter()
        .map(|event| match event {
            Event::Text(text) | Event::Reasoning(text) | Event::Markup(text) => text.as_str(),
            Event::Call(call) => &text[call.span.0..call.span.1],
        })
        .collect();
    assert_eq!(retold, text, "{format}");
    assert_eq!(events.into_iter().collect::<Parsed>(), whole, "{format}");
    for (index, call) in whole.calls.iter().enumerate() {
        check(format, call);
        let (name, arguments) = told.get(index).cloned().unwrap_or_default();
        assert_eq!((name, arguments), (call.name.clone(), call.arguments_text.clone()), "{format}");
    }
    write(format, &whole, options);
});

/// Feeds the text in chunks of random length, and follows the calls that are under way.
fn stream(
    format: Format,
    text: &str,
    seed: u32,
    options: Options<'_>,
) -> (Vec<Event>, Vec<(String, String)>) {
    let mut random = seed.wrapping_mul(0x9E37_79B9) | 1;
    let (mut parser, mut deltas) = (Parser::new(format, options), Deltas::default());
    let (mut events, mut told) = (Vec::new(), Vec::<(String, String)>::new());
    let mut see = |pieces: Vec<mentor_toolcall::Delta>| {
        for piece in pieces {
            told.resize(told.len().max(piece.call + 1), Default::default());
            let call = &mut told[piece.call];
            if piece.anew {
                *call = Default::default();
            }
            call.0 += piece.name.as_deref().unwrap_or_default();
            call.1 += &piece.arguments;
        }
    };
    let mut rest = text;
    while !rest.is_empty() {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let mut end = (random as usize % 23 + 1).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let found = parser.feed(&rest[..end]);
        see(deltas.next(&parser, &found));
        events.extend(found);
        rest = &rest[end..];
    }
    let found = parser.finish();
    see(deltas.finish(&found));
    events.extend(found);
    (events, told)
}

fn check(format: Format, call: &ParsedCall) {
    let executable = call.faults.iter().all(|fault| fault.is_repair());
    assert_eq!(call.is_executable(), executable, "{format}");
    assert!(!executable || !call.name.is_empty(), "{format}");
    // What is strict is lenient too, and both are what was read.
    assert!(call.strict().is_none_or(|strict| call.lenient() == Some(strict)), "{format}");
    assert_eq!(call.strict().is_some(), call.faults.is_empty(), "{format}");
    // Arguments that lose nothing say what the map says.
    assert_eq!(call.arguments().to_map(), call.arguments().last_wins().to_map(), "{format}");
}

/// What can be executed is written and read back as it was, or the format says that it cannot write it.
fn write(format: Format, parsed: &Parsed, options: Options<'_>) {
    let calls: Vec<_> = parsed.calls.iter().filter_map(ParsedCall::lenient).collect();
    let Ok(text) = format.write_calls(&calls) else { return };
    let untyped = ["qwen3-coder", "glm", "minimax-m2"].contains(&format.id());
    // Formats without types need the schema of every value, which made-up calls do not have.
    if calls.is_empty() || untyped {
        return;
    }
    let options = Options { starts_in_reasoning: false, ..options };
    let read: Vec<_> = parse(format, &text, options).calls.iter().filter_map(ParsedCall::strict).collect();
    assert_eq!(read, calls, "{format}: {text}");
}
