//! Losses, gradients and advantages against those of TRL's own code (`fixtures/optim/make_trl.py` recorded them).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use mentor_optim::{
    AdvantageConfig, Columns, Kl, KlEstimator, Normalization, Normalizer, Objective, Ratio, Scale, Surrogate,
    advantages, evaluate,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Record {
    versions: BTreeMap<String, String>,
    max_completion_length: f64,
    batches: BTreeMap<String, Batch>,
    cases: Vec<Case>,
    rewards: Vec<f64>,
    advantages: Vec<Scaled>,
}

#[derive(Deserialize)]
struct Batch {
    logprobs: Vec<f32>,
    old_logprobs: Vec<f32>,
    reference: Vec<f32>,
    advantages: Vec<f32>,
    sequences: Vec<usize>,
}

#[derive(Deserialize)]
struct Case {
    batch: String,
    settings: Settings,
    loss: f64,
    gradient: Vec<f64>,
    kl: Option<f64>,
    clipped: Option<f64>,
}

#[derive(Deserialize)]
struct Settings {
    loss_type: String,
    beta: f32,
    epsilon_low: f32,
    epsilon_high: f32,
    delta: Option<f32>,
    level: String,
}

#[derive(Deserialize)]
struct Scaled {
    group: usize,
    scale: Scale,
    values: Vec<f64>,
}

fn record() -> Record {
    serde_json::from_str(include_str!("../fixtures/trl.json")).unwrap()
}

/// TRL's settings as our objective.
fn objective(settings: &Settings, max_completion_length: f64) -> Objective {
    Objective {
        surrogate: if settings.loss_type == "cispo" { Surrogate::CispoCapped } else { Surrogate::Clipped },
        ratio: if settings.level == "sequence" { Ratio::Sequence } else { Ratio::Token },
        clip_low: settings.epsilon_low,
        clip_high: settings.epsilon_high,
        dual_clip: settings.delta,
        kl: (settings.beta != 0.0).then_some(Kl { estimator: KlEstimator::K3, coefficient: settings.beta }),
        normalizer: match settings.loss_type.as_str() {
            "grpo" => Normalizer::SequenceMean,
            "bnpo" | "dapo" | "cispo" => Normalizer::TokenMean,
            "dr_grpo" => Normalizer::Constant(max_completion_length),
            other => panic!("the fixture names an unknown loss {other}"),
        },
    }
}

/// Equal within 1e-5 of the larger magnitude; `floor` is what counts as zero.
fn assert_close(ours: f64, theirs: f64, floor: f64, what: &str) {
    let allowed = 1e-5 * ours.abs().max(theirs.abs()).max(floor);
    assert!((ours - theirs).abs() <= allowed, "{what}: ours {ours}, TRL's {theirs}");
}

#[test]
fn losses_and_gradients_equal_trl() {
    let record = record();
    assert_eq!(record.versions["trl"], "1.16.0");
    assert!(record.cases.len() > 100);
    for (index, case) in record.cases.iter().enumerate() {
        let batch = &record.batches[&case.batch];
        let columns = Columns {
            logprobs: &batch.logprobs,
            old_logprobs: &batch.old_logprobs,
            reference: Some(&batch.reference),
            advantages: &batch.advantages,
            sequences: &batch.sequences,
        };
        let objective = objective(&case.settings, record.max_completion_length);
        let ours = evaluate(&objective, &columns, &Normalization::of(&batch.sequences)).unwrap();
        let what = format!("case {index} ({} on {})", case.settings.loss_type, case.batch);
        // A loss is a sum of terms of size 0.01 to 1 that may cancel.
        assert_close(ours.loss, case.loss, 1e-2, &what);
        assert_eq!(ours.d_logprobs.len(), case.gradient.len());
        for (ours, theirs) in ours.d_logprobs.iter().zip(&case.gradient) {
            assert_close(f64::from(*ours), *theirs, 1e-4, &format!("gradient of {what}"));
        }
        if let Some(kl) = case.kl {
            assert_close(ours.stats.kl, kl, 1e-3, &format!("kl of {what}"));
        }
        // TRL counts neither the dual clip nor, at sequence level, tokens.
        let comparable = case.settings.delta.is_none() && case.settings.level == "token";
        if let Some(clipped) = case.clipped.filter(|_| comparable) {
            assert_close(ours.stats.clip_fraction, clipped, 1e-3, &format!("clip fraction of {what}"));
        }
    }
}

#[test]
fn the_fixture_reaches_every_branch() {
    let record = record();
    let clipped = |case: &&Case| case.clipped.is_some_and(|share| share > 0.0);
    assert!(record.cases.iter().filter(clipped).count() > 20, "some tokens are clipped");
    let dual = |delta: Option<f32>| {
        let found = record.cases.iter().find(|case| {
            case.batch == "far" && case.settings.loss_type == "grpo" && case.settings.delta == delta
        });
        found.unwrap().gradient.iter().filter(|slope| **slope == 0.0).count()
    };
    assert!(dual(Some(1.5)) > dual(None), "the dual clip stops some gradient");
}

#[test]
fn advantages_equal_trl() {
    let record = record();
    for case in &record.advantages {
        let config = AdvantageConfig { scale: case.scale, ..AdvantageConfig::trl() };
        let ours = advantages(&record.rewards, case.group, &config);
        for (ours, theirs) in ours.values.iter().zip(&case.values) {
            // Where rewards are equal TRL divides rounding noise by 1e-4; ours is zero.
            let noise = if *ours == 0.0 { 1e-11 } else { 0.0 };
            assert!((ours - theirs).abs() <= 1e-9 * ours.abs() + noise, "{ours} against {theirs}");
        }
    }
}
