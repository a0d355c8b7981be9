//! The same numbers as transformers and torch, on a fixture made by `fixtures/model/make_qwen3.py`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use candle_core::{Device, Tensor};
use mentor_model::{AdamW, AdamWConfig, Batch, Gradients, Model};
use std::collections::HashMap;
use std::path::PathBuf;

const TEMPERATURE: f32 = 0.8;

fn folder(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/model/qwen3").join(kind)
}

struct Expected(HashMap<String, Tensor>);

impl Expected {
    fn floats(&self, name: &str) -> Vec<f32> {
        self.0[name].flatten_all().unwrap().to_vec1().unwrap()
    }

    fn integers(&self, name: &str) -> Vec<i32> {
        self.0[name].to_vec1().unwrap()
    }
}

/// Model, batch, d(loss)/d(log-probability) and what torch found.
fn load(kind: &str) -> (Model, Batch, Vec<f32>, Expected) {
    let model = Model::load(&folder(kind)).unwrap();
    let file = folder(kind).join("expected.safetensors");
    let expected = Expected(candle_core::safetensors::load(file, &Device::Cpu).unwrap());
    let ids = expected.integers("ids").into_iter().map(|id| id as u32).collect();
    let starts: Vec<usize> = expected.integers("starts").into_iter().map(|start| start as usize).collect();
    let mut batch = Batch { ids, starts, ..Batch::default() };
    let (mut scored, mut weights) = (Vec::new(), Vec::new());
    for (start, end) in batch.sequences() {
        scored.extend(start + 1..end);
        weights.extend((1..end - start).map(|t| -1.0 / (1.0 + t as f32)));
    }
    batch.scored = scored;
    (model, batch, weights, expected)
}

fn gradients(model: &Model, batch: &Batch, weights: &[f32]) -> (f32, Gradients) {
    let logprobs = model.logprobs(batch, TEMPERATURE).unwrap();
    let loss = logprobs.values.iter().zip(weights).map(|(l, w)| l * w).sum();
    (loss, logprobs.backward(weights).unwrap())
}

/// The largest difference, as a share of the largest value.
fn relative(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / size
}

#[test]
fn logits_and_loss_are_those_of_transformers() {
    for kind in ["tied", "untied"] {
        let (model, batch, weights, expected) = load(kind);
        let logits: Vec<f32> = model.logits(&batch).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let wanted = expected.floats("logits");
        let off = logits.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4, "{kind}: logits differ by {off}");
        let (loss, _) = gradients(&model, &batch, &weights);
        let wanted = expected.floats("loss")[0];
        assert!((loss - wanted).abs() < 1e-4 * wanted.abs(), "{kind}: loss {loss}, expected {wanted}");
    }
}

#[test]
fn gradients_of_every_parameter_are_those_of_transformers() {
    for kind in ["tied", "untied"] {
        let (model, batch, weights, expected) = load(kind);
        let (_, gradients) = gradients(&model, &batch, &weights);
        let theirs = expected.0.keys().filter(|name| name.starts_with("gradient.")).count();
        assert_eq!(gradients.iter().count(), theirs);
        for (name, found) in gradients.iter() {
            let off = relative(found, &expected.floats(&format!("gradient.{name}")));
            assert!(off < 1e-4, "{kind}: {name} differs by {off} of its largest value");
        }
    }
}

#[test]
fn four_adamw_steps_are_those_of_torch() {
    for kind in ["tied", "untied"] {
        let (model, batch, weights, expected) = load(kind);
        let config = AdamWConfig { lr: 3e-3, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.1 };
        let mut optimizer = AdamW::new(&model, config);
        for _ in 0..4 {
            let (_, gradients) = gradients(&model, &batch, &weights);
            optimizer.step(&model, &gradients, config.lr).unwrap();
        }
        for (name, var) in model.parameters() {
            let found: Vec<f32> = var.as_tensor().flatten_all().unwrap().to_vec1().unwrap();
            let off = relative(&found, &expected.floats(&format!("stepped.{name}")));
            assert!(off < 1e-4, "{kind}: {name} differs by {off} of its largest value");
        }
    }
}
