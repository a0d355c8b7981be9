//! Every format on any text and any split. The first byte says the format, the second how the text is cut, the third the
//! options; the rest is the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mentor_toolcall::{Event, Format, Options, Parsed, Parser, Thinking, parse};

fuzz_target!(|data: &[u8]| {
    let [format, cut, options, text @ ..] = data else { return };
    let formats: Vec<Format> = Format::all().collect();
    let format = formats[*format as usize % formats.len()];
    let text = String::from_utf8_lossy(text);
    let options = Options {
        thinking: if options & 1 == 0 { Thinking::NoCalls } else { Thinking::Calls },
        starts_in_reasoning: options & 2 != 0,
        ..Options::default()
    };
    let whole = parse(format, &text, options);
    let mut parser = Parser::new(format, options);
    let mut events = Vec::new();
    let mut rest = &*text;
    while !rest.is_empty() {
        let mut end = (usize::from(*cut) % 17 + 1).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        events.extend(parser.feed(&rest[..end]));
        rest = &rest[end..];
    }
    events.extend(parser.finish());
    let told: String = events
        .iter()
        .map(|event| match event {
            Event::Text(text) | Event::Reasoning(text) | Event::Markup(text) => text.as_str(),
            Event::Call(call) => &text[call.span.0..call.span.1],
        })
        .collect();
    assert_eq!(told, text, "{format}");
    assert_eq!(events.into_iter().collect::<Parsed>(), whole, "{format}");
    for call in &whole.calls {
        assert_eq!(call.is_executable(), call.faults.iter().all(|fault| fault.is_repair()), "{format}");
        assert!(!call.is_executable() || !call.name.is_empty(), "{format}");
        let _ = call.call();
    }
});
