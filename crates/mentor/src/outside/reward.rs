//! A reward that another program gives: `POST` a list of attempts, get a list of scores.

use anyhow::{Context, Result, ensure};
use mentor_reward::{Combine, Part, Reward, Score, TurnShare, wire};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Endpoint, Outside, Question};
use crate::credit::Taught;

/// A reward asked over HTTP.
#[derive(Clone, Debug)]
pub struct OutsideReward {
    outside: Outside,
}

/// What comes back for an attempt. `{"total": 0.5}` is enough.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    id: Value,
    total: Option<f64>,
    #[serde(default)]
    parts: Option<Vec<ReplyPart>>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct ReplyPart {
    name: String,
    value: f64,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    turn: Option<usize>,
    #[serde(default)]
    shares: Vec<TurnShare>,
}

fn one() -> f64 {
    1.0
}

/// What a total without parts is logged as.
const WHOLE: &str = "outside";

/// Totals are kept where sums of them are exact enough, as those of tables are.
const LARGEST: f64 = 1e6;

/// How far a total may be from the sum of its parts.
const SLACK: f64 = 1e-6;

impl OutsideReward {
    /// A reward at an address.
    pub fn new(endpoint: &Endpoint) -> Self {
        Self { outside: Outside::new(endpoint) }
    }

    /// What stands for it where a table is wanted: its name, and that totals count as they are.
    pub fn table(&self) -> Reward {
        Reward {
            name: self.outside.endpoint.url.clone(),
            gates: Vec::new(),
            terms: Vec::new(),
            clip: None,
            normalize: Combine::Total,
            teachers: None,
        }
    }

    /// The scores of all attempts of a step, asked for in one request.
    pub fn scores(&self, step: usize, cases: &[Taught]) -> Result<Vec<Score>> {
        let questions: Vec<Value> = cases
            .iter()
            .map(|taught| {
                let mut question = wire::write_attempt(&taught.case);
                question.insert("step".to_owned(), json!(step));
                Value::Object(question)
            })
            .collect();
        let replies = self.outside.ask(&questions, Question::Harmless)?;
        let score = |(index, (question, reply)): (usize, (&Value, Value))| {
            score(&question["id"], reply).with_context(|| {
                format!("{}: reply {index} (to attempt {})", self.outside.endpoint.url, question["id"])
            })
        };
        questions.iter().zip(replies).enumerate().map(score).collect()
    }
}

fn score(id: &Value, reply: Value) -> Result<Score> {
    let reply: Reply = serde_json::from_value(reply)
        .context("no {\"total\", \"parts\"?: [{\"name\", \"value\", \"weight\"?, \"reason\"?}]}")?;
    if let Some(error) = reply.error {
        anyhow::bail!("{error}");
    }
    ensure!(
        reply.id.is_null() || reply.id == *id,
        "it is about attempt {}: reply in the order of the request",
        reply.id
    );
    let total = reply.total.context("`total` is missing")?;
    ensure!(total.abs() <= LARGEST, "`total` is {total}: give a number between -1e6 and 1e6");
    let Some(parts) = reply.parts else {
        let part = ReplyPart {
            name: WHOLE.to_owned(),
            value: total,
            weight: 1.0,
            reason: String::new(),
            turn: None,
            shares: Vec::new(),
        };
        return Ok(Score { total, parts: vec![part.into()] });
    };
    let parts: Vec<Part> = parts.into_iter().map(Part::from).collect();
    let sum = parts.iter().fold(0.0, |sum, part| sum + part.value * part.weight);
    ensure!(
        (sum - total).abs() <= SLACK * (1.0 + total.abs()),
        "`total` is {total}, but value × weight over `parts` adds up to {sum}"
    );
    // The sum itself, so that a score is what its parts say to the bit.
    Ok(Score { total: sum, parts })
}

impl From<ReplyPart> for Part {
    fn from(part: ReplyPart) -> Self {
        let ReplyPart { name, value, weight, reason, turn, shares } = part;
        Self { name, value, weight, reason, turn, shares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(reply: Value) -> Result<Score, String> {
        score(&json!("a"), reply).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_total_is_enough() {
        let plain = scored(json!({"total": 0.5})).unwrap();
        assert_eq!((plain.total, plain.parts[0].name.as_str(), plain.parts[0].value), (0.5, "outside", 0.5));
        let whole = scored(json!({"id": "a", "total": 0.3, "parts": [
            {"name": "x", "value": 1, "weight": 0.1}, {"name": "y", "value": 0.2}]}));
        assert_eq!(whole.unwrap().total, 0.1 + 0.2);
    }

    #[test]
    fn what_is_no_score_is_refused() {
        for (reply, expected) in [
            (json!(0.5), "no {\"total\""),
            (json!({}), "`total` is missing"),
            (json!({"total": "high"}), "no {\"total\""),
            (json!({"total": 1e300}), "between -1e6 and 1e6"),
            (json!({"total": 1, "id": "b"}), "in the order of the request"),
            (json!({"error": "out of luck"}), "out of luck"),
            (json!({"total": 1, "parts": [{"name": "x", "value": 0.5}]}), "adds up to 0.5"),
            (json!({"total": 1, "parts": [{"value": 0.5}]}), "missing field `name`"),
        ] {
            let error = scored(reply).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
