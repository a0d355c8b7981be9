//! Every fixture is a claim: its first line says it, its sections show it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use mentor_toolcall::{Fault, Format, Options, Parsed, ParsedCall, Parser, Thinking, Tools, parse};
use mentor_trajectory::{Call, Reading};
use serde_json::Value;

/// A call as a fixture expects it.
#[derive(Debug, PartialEq)]
struct Expected {
    reading: Reading,
    faults: Vec<String>,
    call: Option<Call>,
    /// What else the fixture says of it: `exact` (arguments as text), `arguments_text`, `id`, `stage`.
    more: Vec<(String, String)>,
}

#[derive(Default)]
struct Fixture {
    text: String,
    tools: Option<Tools>,
    calls_in_reasoning: bool,
    starts_in_reasoning: bool,
    reasoning: String,
    content: String,
    calls: Vec<Expected>,
}

fn read_fixture(document: &str) -> Fixture {
    let mut fixture = Fixture::default();
    for section in document.split("\n--- ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        let body = body.trim_end_matches('\n');
        match title {
            "text" => body.clone_into(&mut fixture.text),
            "text as json" => fixture.text = serde_json::from_str(body).unwrap(),
            "tools" => {
                let tools = serde_json::from_str(body).unwrap();
                fixture.tools = Some(Tools::from_openai(&tools).unwrap());
            }
            "calls in reasoning count" => fixture.calls_in_reasoning = true,
            "the template opens the reasoning" => fixture.starts_in_reasoning = true,
            "reasoning" => body.clone_into(&mut fixture.reasoning),
            "content" => body.clone_into(&mut fixture.content),
            _ => fixture.calls.push(expected(title, body)),
        }
    }
    fixture
}

fn expected(title: &str, body: &str) -> Expected {
    let (reading, faults) = title.split_once(": ").unwrap_or((title, ""));
    let mut body: Value = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    let mut more = Vec::new();
    for key in MORE {
        let member = body.as_object_mut().and_then(|body| body.shift_remove(key));
        more.extend(member.map(|value| (key.to_owned(), value.as_str().unwrap().to_owned())));
    }
    Expected {
        reading: serde_json::from_value(reading.into()).unwrap(),
        faults: faults.split(", ").filter(|fault| !fault.is_empty()).map(str::to_owned).collect(),
        call: serde_json::from_value(body).unwrap(),
        more,
    }
}

const MORE: [&str; 4] = ["exact", "arguments_text", "id", "stage"];

/// What was read of a call, of the rest only what the fixture asks for.
fn found(call: &ParsedCall, expected: Option<&Expected>) -> Expected {
    let asked =
        |key: &&str| expected.is_some_and(|expected| expected.more.iter().any(|(other, _)| other == key));
    let say = |key: &str| match key {
        "exact" => call.arguments().to_string(),
        "arguments_text" => call.arguments_text.clone(),
        "id" => call.id.clone().unwrap_or_default(),
        _ => serde_json::to_value(call.stage).unwrap().as_str().unwrap().to_owned(),
    };
    Expected {
        reading: call.status,
        faults: call.faults.iter().map(|fault| fault.name().to_owned()).collect(),
        call: call.call(),
        more: MORE.iter().filter(|key| asked(key)).map(|key| ((*key).to_owned(), say(key))).collect(),
    }
}

fn options(fixture: &Fixture) -> Options<'_> {
    Options {
        tools: fixture.tools.as_ref(),
        thinking: if fixture.calls_in_reasoning { Thinking::Calls } else { Thinking::NoCalls },
        starts_in_reasoning: fixture.starts_in_reasoning,
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The fixtures of all formats: each with its format and where it is.
fn fixtures() -> Vec<(Format, PathBuf, String)> {
    let mut all = Vec::new();
    for format in Format::all() {
        let files = fs::read_dir(folder().join(format.id()));
        let files = files.unwrap_or_else(|error| panic!("no fixtures of {format}: {error}"));
        let paths = files.map(|entry| entry.unwrap().path());
        all.extend(paths.map(|path| (format, path.clone(), fs::read_to_string(path).unwrap())));
    }
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}

#[test]
fn every_fixture_is_read_as_it_says() {
    let mut wrong = Vec::new();
    for (format, path, document) in fixtures() {
        let fixture = read_fixture(&document);
        let Parsed { reasoning, content, calls } = parse(format, &fixture.text, options(&fixture));
        let calls: Vec<_> =
            calls.iter().enumerate().map(|(index, call)| found(call, fixture.calls.get(index))).collect();
        if (reasoning.trim(), content.trim(), &calls)
            != (fixture.reasoning.trim(), fixture.content.trim(), &fixture.calls)
        {
            wrong.push(format!("{}\n{reasoning:?}\n{content:?}\n{calls:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_fixture_is_read_the_same_character_by_character() {
    for (format, path, document) in fixtures() {
        let fixture = read_fixture(&document);
        let mut parser = Parser::new(format, options(&fixture));
        let mut parsed = Parsed::default();
        for character in fixture.text.chars() {
            parser.feed(character.encode_utf8(&mut [0; 4])).into_iter().for_each(|event| parsed.push(event));
        }
        parser.finish().into_iter().for_each(|event| parsed.push(event));
        assert_eq!(parsed, parse(format, &fixture.text, options(&fixture)), "{}", path.display());
    }
}

#[test]
fn every_fault_has_a_fixture() {
    let all: String = fixtures().into_iter().map(|(_, _, document)| document).collect();
    let titles: Vec<&str> = all.lines().filter(|line| line.starts_with("--- ")).collect();
    for fault in Fault::ALL {
        let shown = titles.iter().any(|title| title.split([' ', ',', ':']).any(|word| word == fault.name()));
        assert!(shown || *fault == Fault::TooDeep, "no fixture shows {}", fault.name());
    }
}
