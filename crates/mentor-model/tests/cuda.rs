//! A model on a GPU computes what it computes on the processor. Needs the `cuda` feature and a device.

#![cfg(feature = "cuda")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use candle_core::Device;
use common::{bits, derivatives, ids, models, ragged};
use mentor_model::{AdamW, AdamWConfig, Decoder, Model};

/// The largest difference, as a share of the largest value.
fn relative(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / size
}

/// Ten steps of training; the log-probabilities before each.
fn train(model: &Model) -> Vec<f32> {
    let batch = ragged();
    let mut optimizer = AdamW::new(model, AdamWConfig::default());
    let mut all = Vec::new();
    for _ in 0..10 {
        let logprobs = model.logprobs(&batch, 0.8).unwrap();
        all.extend_from_slice(&logprobs.values);
        let gradients = logprobs.backward(&derivatives(&batch)).unwrap();
        optimizer.step(model, &gradients, 1e-3).unwrap();
    }
    all
}

#[test]
fn training_on_a_gpu_gives_the_numbers_of_the_processor() {
    let gpu = Device::new_cuda(0).unwrap();
    for (of, model) in models(5) {
        let on_gpu = model.to_device(&gpu).unwrap();
        let batch = ragged();
        let here = model.logprobs(&batch, 0.8).unwrap().backward(&derivatives(&batch)).unwrap();
        let there = on_gpu.logprobs(&batch, 0.8).unwrap().backward(&derivatives(&batch)).unwrap();
        for ((name, a), (_, b)) in here.iter().zip(there.iter()) {
            let off = relative(b, a);
            assert!(off < 1e-4, "{of}: gradient of {name} differs by {off}");
        }
        let off = relative(&train(&on_gpu), &train(&model));
        assert!(off < 1e-3, "{of}: log-probabilities in training differ by {off}");
    }
}

#[test]
fn a_model_on_a_gpu_samples_as_on_the_processor() {
    let gpu = Device::new_cuda(0).unwrap();
    for (of, model) in models(6) {
        let on_gpu = model.to_device(&gpu).unwrap();
        let prompt = ids(9, 1);
        let logits =
            |model: &Model| Decoder::new(model, 1, 16).unwrap().extend(&[(0, &prompt)]).unwrap().to_vec();
        assert_eq!(bits(&logits(&on_gpu)), bits(&logits(&model)), "{of}");
    }
}
