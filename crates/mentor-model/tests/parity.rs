//! The same numbers as transformers, PEFT and torch, on fixtures made by `fixtures/model/make_parity.py`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use candle_core::{Device, Tensor};
use mentor_model::{AdamW, AdamWConfig, Batch, Gradients, Model};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const TEMPERATURE: f32 = 0.8;

struct Expected(HashMap<String, Tensor>);

impl Expected {
    fn floats(&self, name: &str) -> Vec<f32> {
        self.0[name].flatten_all().unwrap().to_vec1().unwrap()
    }

    fn integers(&self, name: &str) -> Vec<i32> {
        self.0[name].to_vec1().unwrap()
    }
}

/// A model, a batch, d(loss)/d(log-probability), and what torch found.
struct Case {
    name: String,
    model: Model,
    batch: Batch,
    weights: Vec<f32>,
    expected: Expected,
}

impl Case {
    fn new(name: &str, model: Model, folder: &Path) -> Self {
        let file = folder.join("expected.safetensors");
        let expected = Expected(candle_core::safetensors::load(file, &Device::Cpu).unwrap());
        let ids = expected.integers("ids").into_iter().map(|id| id as u32).collect();
        let starts: Vec<usize> =
            expected.integers("starts").into_iter().map(|start| start as usize).collect();
        let mut batch = Batch { ids, starts, ..Batch::default() };
        let (mut scored, mut weights) = (Vec::new(), Vec::new());
        for (start, end) in batch.sequences() {
            scored.extend(start + 1..end);
            weights.extend((1..end - start).map(|t| -1.0 / (1.0 + t as f32)));
        }
        batch.scored = scored;
        Self { name: name.to_owned(), model, batch, weights, expected }
    }

    fn gradients(&self) -> (f32, Gradients) {
        let logprobs = self.model.logprobs(&self.batch, TEMPERATURE).unwrap();
        let loss = logprobs.values.iter().zip(&self.weights).map(|(l, w)| l * w).sum();
        (loss, logprobs.backward(&self.weights).unwrap())
    }
}

/// Every checkpoint of the fixture, and every one with its adapter.
fn for_every_case(check: impl Fn(Case)) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/model");
    for name in ["qwen3/tied", "qwen3/untied", "qwen2/tied", "llama/untied", "llama/biased"] {
        let folder = root.join(name);
        let model = Model::load(&folder).unwrap();
        let adapter = folder.join("lora");
        if adapter.exists() {
            let adapted = model.load_lora(&adapter).unwrap();
            check(Case::new(&format!("{name} with LoRA"), adapted, &adapter));
        }
        check(Case::new(name, model, &folder));
    }
}

/// The largest difference, as a share of the largest value.
fn relative(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / size
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn logits_and_loss_are_those_of_transformers_and_peft() {
    for_every_case(|case| {
        let logits: Vec<f32> =
            case.model.logits(&case.batch).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let off = largest_difference(&logits, &case.expected.floats("logits"));
        assert!(off < 1e-4, "{}: logits differ by {off}", case.name);
        let (loss, wanted) = (case.gradients().0, case.expected.floats("loss")[0]);
        assert!((loss - wanted).abs() < 1e-4 * wanted.abs(), "{}: loss {loss}, not {wanted}", case.name);
    });
}

#[test]
fn gradients_of_every_parameter_are_those_of_transformers_and_peft() {
    for_every_case(|case| {
        let (_, gradients) = case.gradients();
        let theirs = case.expected.0.keys().filter(|name| name.starts_with("gradient.")).count();
        assert_eq!(gradients.iter().count(), theirs, "{}", case.name);
        for (name, found) in gradients.iter() {
            let off = relative(found, &case.expected.floats(&format!("gradient.{name}")));
            assert!(off < 1e-4, "{}: {name} differs by {off} of its largest value", case.name);
        }
    });
}

#[test]
fn ten_adamw_steps_are_those_of_torch() {
    for_every_case(|case| {
        let config = AdamWConfig { lr: 3e-3, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.1 };
        let mut optimizer = AdamW::new(&case.model, config);
        for _ in 0..10 {
            let (_, gradients) = case.gradients();
            optimizer.step(&case.model, &gradients, config.lr).unwrap();
        }
        for (name, var) in case.model.trainable() {
            let found: Vec<f32> = var.as_tensor().flatten_all().unwrap().to_vec1().unwrap();
            let off = relative(&found, &case.expected.floats(&format!("stepped.{name}")));
            assert!(off < 1e-4, "{}: {name} differs by {off} of its largest value", case.name);
        }
    });
}
