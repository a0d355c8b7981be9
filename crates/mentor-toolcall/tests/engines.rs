//! What vLLM and `SGLang` read in the same turns, and what their chat templates write.
//!
//! Where they read something else, `disagreements.tsv` says who is right.
//! Two kinds of difference need no verdict and are only counted: that an engine drops a call which is repaired here, and
//! that it passes on what is no call (without a name, or with arguments that are no JSON object).

use std::collections::BTreeMap;

use mentor_toolcall::{Format, Observed, Options, Parsed, Tools, parse};
use mentor_trajectory::{Call, Reading};
use serde_json::{Map, Value, json};

const READINGS: &str = include_str!("../fixtures/engines/readings.jsonl");
const RENDERINGS: &str = include_str!("../fixtures/engines/renderings.jsonl");
const DISAGREEMENTS: &str = include_str!("../fixtures/engines/disagreements.tsv");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Same,
    /// The engine drops what is repaired here.
    Dropped,
    /// The engine passes on what is no call.
    PassedOn,
    /// The engine drops a call that is to the letter.
    Lost,
    /// The engine reads something else.
    Otherwise,
}

/// An engine's calls, and whether it gave others that are none.
fn calls_of(reading: &Value) -> (Vec<Call>, bool) {
    let given = reading["calls"].as_array().map_or(&[][..], Vec::as_slice);
    let call = |call: &Value| match (&call["name"], &call["arguments"]) {
        (Value::String(name), Value::Object(arguments)) if !name.is_empty() => {
            Some(Call { name: name.clone(), arguments: plain(arguments) })
        }
        _ => None,
    };
    let calls: Vec<Call> = given.iter().filter_map(call).collect();
    let others = calls.len() < given.len();
    (calls, others)
}

/// With every number as the nearest double, as JSON readers of most languages have it.
fn plain(arguments: &Map<String, Value>) -> Map<String, Value> {
    fn value(of: &Value) -> Value {
        match of {
            Value::Number(number) => json!(number.as_f64()),
            Value::Array(items) => items.iter().map(value).collect(),
            Value::Object(map) => Value::Object(plain(map)),
            other => other.clone(),
        }
    }
    arguments.iter().map(|(key, of)| (key.clone(), value(of))).collect()
}

fn kind(ours: &Parsed, (theirs, others): &(Vec<Call>, bool)) -> Kind {
    let plain = |call: Call| Call { arguments: plain(&call.arguments), ..call };
    let read: Vec<(Call, Reading)> =
        ours.calls.iter().filter_map(|call| Some((plain(call.lenient()?), call.status))).collect();
    let mut left = theirs.iter().peekable();
    let missed: Vec<Reading> = read
        .iter()
        .filter(|(call, _)| left.next_if(|theirs| *theirs == call).is_none())
        .map(|(_, status)| *status)
        .collect();
    match (left.peek(), &missed[..], others) {
        (None, [], false) => Kind::Same,
        (None, [], true) => Kind::PassedOn,
        (None, missed, _) if missed.iter().all(|status| *status == Reading::Repaired) => Kind::Dropped,
        (None, ..) => Kind::Lost,
        _ => Kind::Otherwise,
    }
}

#[test]
fn every_difference_from_an_engine_is_accounted_for() {
    let mut lines = READINGS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let tools = Tools::from_openai(&lines.next().unwrap()["tools"]).unwrap();
    let mut found = BTreeMap::new();
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for case in lines {
        let text = |key: &str| case[key].as_str().unwrap().to_owned();
        let format: Format = text("format").parse().unwrap();
        let options = Options { tools: Some(&tools), ..Options::default() };
        let ours = parse(format, &text("text"), options);
        for engine in ["vllm", "sglang"] {
            let Some(reading) = case.get(engine) else { continue };
            let kind = kind(&ours, &calls_of(reading));
            *counts.entry(kind).or_default() += 1;
            if matches!(kind, Kind::Lost | Kind::Otherwise) {
                let key = (text("case"), engine.to_owned(), reading["parser"].as_str().unwrap().to_owned());
                found.insert(key, format!("{kind:?}\n  {}\n  {:?}\n  {reading}", text("text"), ours.calls));
            }
        }
    }
    let listed: Vec<_> = DISAGREEMENTS
        .lines()
        .skip(1)
        .flat_map(|line| {
            let [case, engine, parsers, why] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("four columns: {line}")
            };
            assert!(!why.is_empty(), "{line}");
            parsers.split(' ').map(|parser| (case, engine, parser)).collect::<Vec<_>>()
        })
        .collect();
    for (key, shown) in &found {
        let (case, engine, parser) = key;
        assert!(listed.contains(&(case, engine, parser)), "not listed: {key:?}: {shown}");
    }
    for (case, engine, parser) in listed {
        let key = (case.to_owned(), engine.to_owned(), parser.to_owned());
        assert!(found.contains_key(&key), "listed and not so: {key:?}");
    }
    let counts: Vec<_> = counts.into_iter().collect();
    assert_eq!(
        counts,
        [
            (Kind::Same, 1814),
            (Kind::Dropped, 252),
            (Kind::PassedOn, 138),
            (Kind::Lost, 99),
            (Kind::Otherwise, 135)
        ]
    );
}

#[test]
fn tools_calls_and_observations_are_written_as_the_engines_templates_do() {
    let mut lines = RENDERINGS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let given = lines.next().unwrap();
    let tools = Tools::from_openai(&given["tools"]).unwrap();
    let calls: Vec<Call> = serde_json::from_value(given["calls"].clone()).unwrap();
    let contents: Vec<String> = serde_json::from_value(given["observations"].clone()).unwrap();
    for case in lines {
        let format: Format = case["format"].as_str().unwrap().parse().unwrap();
        let count = case["calls"].as_u64().unwrap() as usize;
        let observed: Vec<Observed<'_>> = calls[..count]
            .iter()
            .zip(&contents)
            .enumerate()
            .map(|(index, (call, content))| Observed { call, index, content })
            .collect();
        for part in case["alike"].as_array().unwrap() {
            let written = match part.as_str().unwrap() {
                "tools" => format.write_tools(tools.specs()),
                "calls" => format.write_calls(&calls[..count]).unwrap(),
                _ => format.write_observations(&observed),
            };
            let text = case["text"].as_str().unwrap();
            assert!(text.contains(&written), "{} {part}:\n{written}\nis not in\n{text}", case["template"]);
        }
    }
}
