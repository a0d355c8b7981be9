//! The numbers of a report, computed the slow and obvious way from the JSON of the run folder.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::fake::FakeRun;

/// The lines of one arm and seed's evaluation.
pub fn evaluation(fake: &FakeRun, arm: &str, seed: u64) -> Vec<Value> {
    lines(&fake.run.arm(arm, seed).evaluation())
}

pub fn lines(path: &std::path::Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The evaluated rollouts of one suite: greedy ones, or samples.
pub fn of<'a>(lines: &'a [Value], suite: &str, greedy: bool) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["suite"] == suite && line["sample"].is_null() == greedy).collect()
}

/// Share of lines whose `field` is true.
pub fn share(lines: &[&Value], field: &str) -> f64 {
    lines.iter().filter(|line| line[field] == true).count() as f64 / lines.len() as f64
}

pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// Names of the executable calls of a trajectory; a single empty name if there is none.
fn tools(trajectory: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for turn in trajectory["turns"].as_array().unwrap() {
        for record in turn["calls"].as_array().unwrap_or(&Vec::new()) {
            if record["reading"] == "strict" || record["reading"] == "repaired" {
                names.push(record["call"]["name"].as_str().unwrap().to_owned());
            }
        }
    }
    if names.is_empty() { vec![String::new()] } else { names }
}

fn shares<'a>(trajectories: impl IntoIterator<Item = &'a Value>) -> BTreeMap<String, f64> {
    let names: Vec<String> = trajectories.into_iter().flat_map(tools).collect();
    let mut shares = BTreeMap::new();
    for name in &names {
        *shares.entry(name.clone()).or_insert(0.0) += 1.0 / names.len() as f64;
    }
    shares
}

/// 1 − H(M) + (H(P) + H(Q)) / 2 with entropies in bits.
pub fn similarity<'a>(a: impl IntoIterator<Item = &'a Value>, b: impl IntoIterator<Item = &'a Value>) -> f64 {
    let (p, q) = (shares(a), shares(b));
    let mut middle = BTreeMap::new();
    for (name, share) in p.iter().chain(&q) {
        *middle.entry(name.clone()).or_insert(0.0) += share / 2.0;
    }
    let entropy = |shares: &BTreeMap<String, f64>| shares.values().map(|p| -p * p.log2()).sum::<f64>();
    1.0 - entropy(&middle) + f64::midpoint(entropy(&p), entropy(&q))
}

/// Two-sided sign-flip p-value by listing all signs.
pub fn sign_flip(differences: &[f64]) -> f64 {
    let n = differences.len();
    let sum = |signs: usize| -> f64 {
        differences.iter().enumerate().map(|(i, d)| if signs >> i & 1 == 1 { -d } else { *d }).sum()
    };
    let observed = sum(0).abs();
    (0..1 << n).filter(|&signs| sum(signs).abs() >= observed - 1e-12).count() as f64 / f64::from(1 << n)
}
