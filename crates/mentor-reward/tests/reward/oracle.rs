//! Every preset against `fixtures/oracle.jsonl.gz`, the output of `fixtures/reward/oracle.py` at the root of the workspace.

use super::common::{record, task, unpacked};
use mentor_reward::{Case, Reward, score};
use mentor_trajectory::{Ending, Reading, Trajectory, Turn};
use serde::Deserialize;
use serde_json::{Map, Value};

/// In the order of the fixture's totals.
const PRESETS: [&str; 10] =
    ["mentor", "sparse", "overlap", "no-match", "f1", "binary", "strict", "process", "shuffled", "toolrl"];

#[derive(Deserialize)]
struct Row(Vec<String>, char, Option<String>, Vec<RawCall>, Vec<RawCall>, Vec<RawCall>, bool, [f64; 10]);

#[derive(Deserialize)]
struct RawCall(usize, char, Option<String>, Option<Map<String, Value>>);

/// The calls in their turns, each turn with a box that must not count, and the last words in a turn of their own.
fn trajectory(calls: &[RawCall], last_words: Option<&str>, ending: char) -> Trajectory {
    let turn = |content: &str| Turn { content: content.into(), closed: true, ..Turn::default() };
    let mut turns: Vec<Turn> =
        (0..calls.last().map_or(0, |call| call.0 + 1)).map(|_| turn("\\boxed{5}")).collect();
    for RawCall(turn, reading, name, arguments) in calls {
        let reading = match reading {
            's' => Reading::Strict,
            'p' => Reading::Repaired,
            'c' => Reading::Recoverable,
            _ => Reading::Unusable,
        };
        turns[*turn].calls.push(record(reading, name.as_deref(), arguments.as_ref()));
    }
    turns.extend(last_words.map(turn));
    let ending = match ending {
        'e' => Ending::Ended,
        'r' => Ending::TurnLimit,
        _ => Ending::TokenLimit,
    };
    Trajectory { id: String::new(), task_id: "task".into(), source: "oracle".into(), turns, ending }
}

#[test]
fn every_preset_gives_the_totals_of_the_independent_transcription() {
    let rewards = PRESETS.map(|name| Reward::preset(name).unwrap());
    let mut cases = 0;
    for (number, line) in (1..).zip(unpacked(include_bytes!("../../fixtures/oracle.jsonl.gz")).lines()) {
        let Row(tools, ending, last_words, student, teacher, other, correct, totals) =
            serde_json::from_str(line).unwrap();
        let task = task(&tools.iter().map(String::as_str).collect::<Vec<_>>());
        let student = trajectory(&student, last_words.as_deref(), ending);
        let (teacher, other) = (trajectory(&teacher, None, 'e'), trajectory(&other, None, 'e'));
        let case = Case { placebo: Some(&other), ..Case::new(&task, &student, &teacher, correct) };
        for (reward, expected) in rewards.iter().zip(totals) {
            let score = score(reward, &case);
            assert!(
                (score.total - expected).abs() < 1e-12,
                "line {number}, {}: {score:?}, not {expected}",
                reward.name
            );
        }
        cases += 1;
    }
    assert!(cases >= 10_000, "{cases} cases");
}
