//! What holds for every format and every text.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mentor_toolcall::{
    Delta, Deltas, Event, Format, Options, Parsed, ParsedCall, Parser, Thinking, Tools, parse,
};
use mentor_trajectory::{Call, Reading, ToolSpec};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Map, Value, json};

/// Strings that hold what a reader of any format could stumble over.
fn string() -> impl Strategy<Value = String> {
    let markers: Vec<&str> = Format::all().flat_map(Format::markers).collect();
    let part = prop_oneof![
        3 => "[a-z 0-9]{0,6}",
        1 => any::<char>().prop_map(String::from),
        1 => prop::sample::select(markers).prop_map(str::to_owned),
        1 => prop::sample::select(vec![
            "\n", "\r\n", "\"", "'", "\\", "{", "}", "[", "]", "(", ")", ",", ":", ";", "=", "<", ">", "NaN", "null",
            "True", "\u{0}", "```", "{\"name\": \"x\", \"arguments\": {}}", "[f(x=1)]",
        ]).prop_map(str::to_owned),
    ];
    vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// Values whose strings and keys come from the strategies given.
fn value(
    string: impl Strategy<Value = String> + Clone + 'static,
    key: impl Strategy<Value = String> + Clone + 'static,
) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has finite numbers", |float| float.is_finite()).prop_map(Value::from),
        string.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn calls_of(
    name: impl Strategy<Value = String>,
    key: impl Strategy<Value = String> + Clone + 'static,
    string: impl Strategy<Value = String> + Clone + 'static,
) -> impl Strategy<Value = Vec<Call>> {
    let arguments = vec((key.clone(), value(string, key)), 0..4);
    let call =
        (name, arguments).prop_map(|(name, members)| Call { name, arguments: members.into_iter().collect() });
    vec(call, 1..4)
}

/// Calls every format can write.
fn plain_calls() -> impl Strategy<Value = Vec<Call>> {
    calls_of("[a-z][a-z_0-9]{0,8}", "[a-z][a-z_0-9]{0,5}", "[A-Za-z0-9 .,!?é計-]{0,12}")
}

/// Calls with anything in them.
fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    calls_of(("[a-z]", string()).prop_map(|(first, rest)| first + &rest), string().boxed(), string().boxed())
}

/// The tools the calls are of: one a call, each argument of its value's type.
fn tools_of(calls: &mut [Call]) -> Tools {
    let specs = calls.iter_mut().enumerate().map(|(index, call)| {
        call.name = format!("{}_{index}", call.name);
        let properties: Map<String, Value> = call
            .arguments
            .iter()
            .map(|(key, value)| (key.clone(), json!({"type": type_of(value)})))
            .collect();
        ToolSpec {
            name: call.name.clone(),
            description: String::new(),
            parameters: json!({"type": "object", "properties": properties}),
        }
    });
    Tools::new(specs.collect()).unwrap()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Texts made of what a format's calls are made of.
fn hostile(format: Format) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(format.markers()).prop_map(str::to_owned),
        4 => prop::sample::select(vec![
            "\n", "\r\n", "\"", "'", "\\", "{", "}", "[", "]", "(", ")", ",", ":", ";", "=", "f", "(x=", "1", "-", "true",
            " ", "\\u", "d83d", "<", "|", "é", "\"name\"", "\"arguments\": {", "\"parameters\": {", "```json\n",
            "{\"name\": \"f\", \"arguments\": {\"a\": 1}}", "{\"name\": \"f\", \"parameters\": {\"a\": \"",
            "[f(x=1, y=[", "<parameter=x>", "</parameter>", "f>\n", "json", "functions.f:0", "null",
        ]).prop_map(str::to_owned),
        2 => string(),
        2 => (any_calls(), any::<Index>(), any::<bool>()).prop_map(move |(calls, cut, whole)| {
            let mut text = format.write_calls(&calls).unwrap_or_default();
            if !whole {
                let mut at = cut.index(text.len() + 1);
                while !text.is_char_boundary(at) { at -= 1; }
                text.truncate(at);
            }
            text
        }),
        1 => plain_calls().prop_map(move |calls| format.write_calls(&calls).unwrap_or_default()),
    ];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn cut<'a>(text: &'a str, cuts: &[Index]) -> Vec<&'a str> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    places.retain(|&at| text.is_char_boundary(at));
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|place| &text[place[0]..place[1]]).collect()
}

fn feed(format: Format, text: &str, cuts: &[Index], options: Options<'_>) -> Vec<Event> {
    let mut parser = Parser::new(format, options);
    let mut events = Vec::new();
    for chunk in cut(text, cuts) {
        events.extend(parser.feed(chunk));
    }
    events.extend(parser.finish());
    joined(events)
}

/// Events with neighbours of one kind joined.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::new();
    for event in events {
        match (out.last_mut(), event) {
            (Some(Event::Text(last)), Event::Text(text))
            | (Some(Event::Reasoning(last)), Event::Reasoning(text)) => last.push_str(&text),
            (_, event) => out.push(event),
        }
    }
    out
}

/// The whole text, put together from what was read of it.
fn retold(events: &[Event], text: &str) -> String {
    let said = events.iter().map(|event| match event {
        Event::Text(text) | Event::Reasoning(text) | Event::Markup(text) => text.as_str(),
        Event::Call(call) => &text[call.span.0..call.span.1],
    });
    said.collect()
}

fn check_calls(parsed: &Parsed) {
    for call in &parsed.calls {
        let executable = matches!(call.status, Reading::Strict | Reading::Repaired);
        assert_eq!(executable, call.faults.iter().all(|fault| fault.is_repair()), "{call:?}");
        assert_eq!(call.status == Reading::Strict, call.faults.is_empty(), "{call:?}");
        assert!(!executable || !call.name.is_empty(), "{call:?}");
        assert_eq!(call.call().is_none(), call.status == Reading::Unusable, "{call:?}");
    }
}

fn check_round_trip(format: Format, mut calls: Vec<Call>, must_be_writable: bool) {
    let tools = tools_of(&mut calls);
    let text = match format.write_calls(&calls) {
        Ok(text) => text,
        Err(error) => return assert!(!must_be_writable, "{error}"),
    };
    let parsed = parse(format, &text, Options { tools: Some(&tools), ..Options::default() });
    let read: Vec<Option<Call>> = parsed.calls.iter().map(ParsedCall::strict).collect();
    let expected: Vec<Option<Call>> = calls.into_iter().map(Some).collect();
    assert_eq!(read, expected, "{format}: {text}\n{parsed:#?}");
    assert_eq!((parsed.content.trim(), parsed.reasoning.as_str()), ("", ""), "{format}: {text}");
}

/// Runs a check for every format, with fresh cases of its own.
fn for_every_format<S: Strategy>(
    cases: u32,
    strategy: impl Fn(Format) -> S,
    check: impl Fn(Format, S::Value),
) {
    for format in Format::all() {
        let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let result = runner.run(&strategy(format), |value| {
            check(format, value);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{format}: {error}"));
    }
}

#[test]
fn plain_calls_are_written_and_read_back_strictly() {
    for_every_format(500, |_| plain_calls(), |format, calls| check_round_trip(format, calls, true));
}

#[test]
fn any_call_is_read_back_strictly_or_refused_by_the_writer() {
    for_every_format(2000, |_| any_calls(), |format, calls| check_round_trip(format, calls, false));
}

#[test]
fn every_split_gives_the_same_events() {
    let strategy = |format| (hostile(format), vec(any::<Index>(), 0..20), any::<bool>(), any::<bool>());
    for_every_format(1000, strategy, |format, (text, cuts, calls, starts_in_reasoning)| {
        let thinking = if calls { Thinking::Calls } else { Thinking::NoCalls };
        let options = Options { thinking, starts_in_reasoning, ..Options::default() };
        let whole = feed(format, &text, &[], options);
        assert_eq!(feed(format, &text, &cuts, options), whole, "{format}: {text:?}");
        assert_eq!(retold(&whole, &text), text, "{format}");
        let parsed = parse(format, &text, options);
        assert_eq!(whole.into_iter().collect::<Parsed>(), parsed, "{format}: {text:?}");
        check_calls(&parsed);
    });
}

#[test]
fn deltas_tell_the_calls_that_the_events_end() {
    let strategy = |format| (hostile(format), vec(any::<Index>(), 0..30));
    for_every_format(500, strategy, |format, (text, cuts)| {
        let (told, calls) = follow(format, &text, &cuts, Options::default());
        assert_eq!(told, calls, "{format}: {text:?}");
    });
}

#[test]
fn deltas_of_written_calls_are_never_taken_back() {
    let strategy = |_| (plain_calls(), vec(any::<Index>(), 0..30));
    for_every_format(300, strategy, |format, (mut calls, cuts)| {
        let tools = tools_of(&mut calls);
        let text = format.write_calls(&calls).unwrap();
        let options = Options { tools: Some(&tools), ..Options::default() };
        let mut anew = false;
        follow_each(format, &text, &cuts, options, &mut |delta| anew |= delta.anew);
        assert!(!anew, "{format}: {text:?}");
    });
}

/// Name and arguments of each call: put together from deltas, and as the events say.
type Told = Vec<(String, String)>;

fn follow(format: Format, text: &str, cuts: &[Index], options: Options<'_>) -> (Told, Told) {
    let mut told: Told = Vec::new();
    let events = follow_each(format, text, cuts, options, &mut |delta| {
        if told.len() <= delta.call {
            told.resize(delta.call + 1, Default::default());
        }
        let call = &mut told[delta.call];
        if delta.anew {
            *call = Default::default();
        }
        call.0 += delta.name.as_deref().unwrap_or_default();
        call.1 += &delta.arguments;
    });
    let parsed: Parsed = events.into_iter().collect();
    let calls: Told = parsed.calls.into_iter().map(|call| (call.name, call.arguments_text)).collect();
    // What was withdrawn leaves an empty place behind the last call, and a call may have nothing to tell.
    told.resize(told.len().max(calls.len()), Default::default());
    while told.len() > calls.len() && told.last().is_some_and(|call| *call == Default::default()) {
        told.pop();
    }
    (told, calls)
}

fn follow_each(
    format: Format,
    text: &str,
    cuts: &[Index],
    options: Options<'_>,
    see: &mut impl FnMut(&Delta),
) -> Vec<Event> {
    let mut parser = Parser::new(format, options);
    let mut deltas = Deltas::default();
    let mut all = Vec::new();
    for chunk in cut(text, cuts) {
        let events = parser.feed(chunk);
        deltas.next(&parser, &events).iter().for_each(&mut *see);
        all.extend(events);
    }
    let events = parser.finish();
    deltas.finish(&events).iter().for_each(see);
    all.extend(events);
    all
}

#[test]
fn arbitrary_characters_are_read() {
    for_every_format(
        500,
        |_| any::<String>(),
        |format, text| {
            check_calls(&parse(format, &text, Options::default()));
        },
    );
}

#[test]
fn a_call_cut_off_anywhere_is_never_completed_by_guessing() {
    let strategy = |_| (plain_calls(), any::<Index>());
    for_every_format(1000, strategy, |format, (mut calls, cut)| {
        let tools = tools_of(&mut calls);
        let text = format.write_calls(&calls).unwrap();
        let mut end = cut.index(text.len() + 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let parsed = parse(format, &text[..end], Options { tools: Some(&tools), ..Options::default() });
        for (read, written) in parsed.calls.iter().zip(&calls) {
            if let Some(read) = read.lenient() {
                assert_eq!(&read, written, "{format}: {:?}", &text[..end]);
            }
            let Some(read) = read.call() else { continue };
            assert!(read.name.is_empty() || read.name == written.name, "{format}: {:?}", &text[..end]);
            for (key, value) in &read.arguments {
                assert_eq!(Some(value), written.arguments.get(key), "{format}: {:?}", &text[..end]);
            }
        }
    });
}

#[test]
fn hostile_repetition_takes_linear_time() {
    for format in Format::all() {
        let call = Call { name: "f".to_owned(), arguments: json!({"a": 1}).as_object().unwrap().clone() };
        let written = format.write_calls(&[call]).unwrap();
        let mut units: Vec<String> = format.markers().into_iter().map(str::to_owned).collect();
        units.extend(format.markers().into_iter().map(|marker| format!("{marker}{{\"")));
        units.extend(format.markers().into_iter().map(|marker| format!("\n{marker}f(x=")));
        units.extend(
            ["{", "[", "\"", "(", "\n{\"name\": ", "\n[{\"name\": \"", "\n[f(x=[", "é"].map(str::to_owned),
        );
        units.push(written.clone());
        units.extend(
            (1..written.len())
                .filter(|&at| written.is_char_boundary(at))
                .step_by(7)
                .map(|at| written[..at].to_owned()),
        );
        let half = written.char_indices().nth(written.chars().count() / 2).map_or(0, |(at, _)| at);
        for opening in ["", &written[..half]] {
            for unit in &units {
                let text = format!("{opening}{}", unit.repeat(60_000 / unit.len()));
                let whole = parse(format, &text, Options::default());
                let mut parser = Parser::new(format, Options::default());
                let mut streamed = Parsed::default();
                for chunk in text.as_bytes().chunks(unit.len().max(4)) {
                    let Ok(chunk) = std::str::from_utf8(chunk) else { continue };
                    parser.feed(chunk).into_iter().for_each(|event| streamed.push(event));
                }
                parser.finish().into_iter().for_each(|event| streamed.push(event));
                assert!(whole.content.len() <= text.len());
            }
        }
    }
}

#[test]
fn a_large_argument_arrives_byte_by_byte() {
    for format in Format::all() {
        let mut calls = [Call {
            name: "write".to_owned(),
            arguments: json!({"text": "word ".repeat(1 << 17 >> 2), "n": 1}).as_object().unwrap().clone(),
        }];
        let tools = tools_of(&mut calls);
        let text = format.write_calls(&calls).unwrap();
        let mut parser = Parser::new(format, Options { tools: Some(&tools), ..Options::default() });
        let mut parsed = Parsed::default();
        for character in text.chars() {
            parser.feed(character.encode_utf8(&mut [0; 4])).into_iter().for_each(|event| parsed.push(event));
        }
        parser.finish().into_iter().for_each(|event| parsed.push(event));
        let [call] = &parsed.calls[..] else { panic!("{format}: {} calls", parsed.calls.len()) };
        assert_eq!(call.strict().as_ref(), calls.first());
    }
}

#[test]
fn tools_and_observations_are_written() {
    let tool = ToolSpec {
        name: "add".to_owned(),
        description: "Adds \"two\" numbers.".to_owned(),
        parameters: json!({"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}),
    };
    let call = Call { name: "add".to_owned(), arguments: Map::new() };
    for format in Format::all() {
        let tools = format.write_tools(std::slice::from_ref(&tool));
        assert!(tools.contains("add") && tools.contains("number"), "{format}: {tools}");
        let observed = mentor_toolcall::Observed { call: &call, index: 0, content: "nineteen" };
        let text = format.write_observations(&[observed]);
        assert!(text.contains("nineteen"), "{format}: {text}");
    }
}

#[test]
fn qwen3_coder_lists_tools_as_its_published_template_does() {
    let properties = json!({"unit": {"type": "string", "description": "Which.", "enum": ["C", "F"]}, "city": {"type": "string"}});
    let tool = ToolSpec {
        name: "weather".to_owned(),
        description: "The weather.".to_owned(),
        parameters: json!({"type": "object", "properties": properties, "required": ["city"]}),
    };
    let format: Format = "qwen3-coder".parse().unwrap();
    assert_eq!(
        format.write_tools(&[tool]),
        "<tools>\n<function>\n<name>weather</name>\n<description>The weather.</description>\n<parameters>\n\
         <parameter>\n<name>unit</name>\n<type>string</type>\n<description>Which.</description>\n\
         <enum>[\"C\", \"F\"]</enum>\n</parameter>\n<parameter>\n<name>city</name>\n<type>string</type>\n\
         </parameter>\n<required>[\"city\"]</required>\n</parameters>\n</function>\n</tools>"
    );
}
