//! Every fixture is a claim: its first line says it, its sections show it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, path::Path};

use mentor_toolcall::{Fault, Parsed, hermes};
use mentor_trajectory::{Call, CallRecord, Reading};

/// A call as a fixture expects it.
#[derive(Debug, PartialEq)]
struct Expected {
    reading: Reading,
    faults: Vec<String>,
    call: Option<Call>,
}

#[derive(Default)]
struct Fixture {
    text: String,
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
            "reasoning" => body.clone_into(&mut fixture.reasoning),
            "content" => body.clone_into(&mut fixture.content),
            _ => fixture.calls.push(expected(title, body)),
        }
    }
    fixture
}

fn expected(title: &str, body: &str) -> Expected {
    let (reading, faults) = title.split_once(": ").unwrap_or((title, ""));
    Expected {
        reading: serde_json::from_value(reading.into()).unwrap(),
        faults: faults.split(", ").filter(|fault| !fault.is_empty()).map(str::to_owned).collect(),
        call: (!body.is_empty()).then(|| serde_json::from_str(body).unwrap()),
    }
}

fn found(record: CallRecord) -> Expected {
    Expected { reading: record.reading, faults: record.faults, call: record.call }
}

#[test]
fn every_hermes_fixture_is_read_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hermes");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 40, "only {} fixtures", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let fixture = read_fixture(&fs::read_to_string(&path).unwrap());
        let Parsed { reasoning, content, calls } = hermes::parse(&fixture.text);
        let calls: Vec<_> = calls.into_iter().map(found).collect();
        if (reasoning.trim(), content.trim(), &calls)
            != (&fixture.reasoning, &fixture.content, &fixture.calls)
        {
            wrong.push(format!("{}\n{reasoning:?}\n{content:?}\n{calls:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_fault_has_a_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hermes");
    let all: String = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let titles: Vec<&str> = all.lines().filter(|line| line.starts_with("--- ")).collect();
    for fault in Fault::ALL {
        let shown = titles.iter().any(|title| title.split([' ', ',', ':']).any(|word| word == fault.name()));
        assert!(shown || *fault == Fault::TooDeep, "no fixture shows {}", fault.name());
    }
}
