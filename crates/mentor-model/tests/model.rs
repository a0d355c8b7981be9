//! The model's passes against each other, against candle's own graph and against finite differences.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{VOCAB, bits, derivatives, ids, models, ragged, tiny, with_threads};
use mentor_model::{AdamW, AdamWConfig, Batch, Config, Decoder, Model};

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn log_probabilities_and_gradients_equal_those_of_the_composed_model() {
    for (of, model) in models(5) {
        let batch = ragged();
        let fused = model.logprobs(&batch, 0.7).unwrap();
        let twin = model.logprobs_composed(&batch, 0.7).unwrap();
        assert!(furthest(&fused.values, &twin.values) < 1e-4, "{of}");
        assert!(furthest(&fused.entropies, &twin.entropies) < 1e-4, "{of}");
        let d = derivatives(&batch);
        let (fused, twin) = (fused.backward(&d).unwrap(), twin.backward(&d).unwrap());
        assert_eq!(fused.iter().count(), twin.iter().count());
        for (name, theirs) in twin.iter() {
            let size = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let off = furthest(fused.get(name).unwrap(), theirs);
            assert!(off <= 2e-5 * size + 1e-6, "{of}: {name}: {off} of {size}");
        }
    }
}

/// Σ dᵢ · logprobᵢ in f64.
fn loss(model: &Model, batch: &Batch, d: &[f32]) -> f64 {
    let (values, _) = model.logprobs_no_grad(batch, 1.0).unwrap();
    values.iter().zip(d).map(|(&v, &d)| f64::from(v) * f64::from(d)).sum()
}

/// One difference along the gradient of each parameter, where the slope is the gradient's norm: that checks
/// every element at once.
fn check_slopes(of: &str, model: &Model) {
    let sequences = [ids(9, 0), ids(4, 1)];
    let batch = Batch::from_whole_sequences(sequences.iter().map(Vec::as_slice));
    let d = derivatives(&batch);
    let gradients = model.logprobs(&batch, 1.0).unwrap().backward(&d).unwrap();
    for (name, var) in model.trainable() {
        let gradient = gradients.get(name).unwrap();
        let before: Vec<f32> = var.as_tensor().flatten_all().unwrap().to_vec1().unwrap();
        assert!(gradient.iter().any(|&g| g != 0.0), "{of}: {name}: no gradient");
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        let along = |h: f64| {
            let moved: Vec<f32> = before
                .iter()
                .zip(gradient)
                .map(|(p, g)| (f64::from(*p) + h * f64::from(*g) / norm) as f32)
                .collect();
            var.set(&candle_core::Tensor::from_vec(moved, var.shape(), var.device()).unwrap()).unwrap();
            loss(model, &batch, &d)
        };
        let slope = (along(3e-3) - along(-3e-3)) / 6e-3;
        along(0.0);
        assert!((slope - norm).abs() < 0.01 * norm + 1e-3, "{of}: {name}: slope {slope}, norm {norm}");
    }
    assert_eq!(model.trainable().count(), gradients.iter().count());
}

#[test]
fn every_parameter_has_the_gradient_finite_differences_give() {
    for (of, model) in models(6) {
        check_slopes(&of, &model);
    }
}

/// Bits of everything a few training steps and a few decoding steps compute.
fn run(model: &Model) -> Vec<Vec<u32>> {
    let sequences: Vec<Vec<u32>> = (0..30).map(|s| ids(20 + s * 11 % 97, s)).collect();
    let batch = Batch::from_whole_sequences(sequences.iter().map(Vec::as_slice));
    let d = derivatives(&batch);
    let mut optimizer = AdamW::new(model, AdamWConfig { weight_decay: 0.1, ..AdamWConfig::default() });
    let mut found = Vec::new();
    for _ in 0..3 {
        let logprobs = model.logprobs(&batch, 1.0).unwrap();
        found.push(bits(&logprobs.values));
        let mut gradients = logprobs.backward(&d).unwrap();
        found.push(vec![gradients.clip(1.0).to_bits()]);
        found.extend(gradients.iter().map(|(_, values)| bits(values)));
        optimizer.step(model, &gradients, 1e-2).unwrap();
    }
    let mut decoder = Decoder::new(model, 30, 128).unwrap();
    for cut in [0..1, 1..9, 9..10] {
        let inputs: Vec<(usize, &[u32])> = sequences.iter().map(|s| &s[cut.clone()]).enumerate().collect();
        found.push(bits(decoder.extend(&inputs).unwrap()));
    }
    found
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let on = |threads: usize, at: usize| {
        let (of, model) = models(8).swap_remove(at);
        (with_threads(threads, || run(&model)), of)
    };
    for at in 0..models(8).len() {
        let (one, of) = on(1, at);
        for threads in [2, 5] {
            assert!(on(threads, at).0 == one, "{of}: {threads} threads");
        }
    }
}

#[test]
fn without_a_gradient_the_values_are_the_same() {
    let model = Model::random(tiny(false), 9).unwrap();
    // More tokens than one part of the no-gradient pass takes.
    let sequences: Vec<Vec<u32>> = (0..120).map(|s| ids(90, s)).collect();
    let mut batch = Batch::from_whole_sequences(sequences.iter().map(Vec::as_slice));
    batch.scored.retain(|at| at % 5 == 3);
    let kept = model.logprobs(&batch, 1.3).unwrap();
    let (values, entropies) = model.logprobs_no_grad(&batch, 1.3).unwrap();
    assert_eq!(bits(&kept.values), bits(&values));
    assert_eq!(bits(&kept.entropies), bits(&entropies));
}

#[test]
fn padding_changes_nothing_but_the_work() {
    for (of, model) in models(14) {
        let (batch, d) = (ragged(), derivatives(&ragged()));
        let mut padded = Batch::default();
        for (start, end) in batch.sequences() {
            let base = padded.ids.len();
            padded.starts.push(base);
            padded.ids.extend_from_slice(&batch.ids[start..end]);
            padded.ids.resize(base + 130, 0);
            let scored = batch.scored.iter().filter(|at| (start..end).contains(*at));
            padded.scored.extend(scored.map(|at| at - start + base));
        }
        let (plain, padded) = (model.logprobs(&batch, 1.0).unwrap(), model.logprobs(&padded, 1.0).unwrap());
        assert_eq!(bits(&plain.values), bits(&padded.values), "{of}");
        let (plain, padded) = (plain.backward(&d).unwrap(), padded.backward(&d).unwrap());
        for (name, values) in plain.iter() {
            let size = values.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let off = furthest(values, padded.get(name).unwrap());
            assert!(off <= 1e-5 * size + 1e-7, "{of}: {name}: {off} of {size}");
        }
    }
}

#[test]
fn tokens_of_weight_zero_add_nothing() {
    let model = Model::random(tiny(true), 10).unwrap();
    let batch = ragged();
    let mut d = derivatives(&batch);
    let part = Batch { scored: batch.scored.iter().copied().step_by(2).collect(), ..batch.clone() };
    d.iter_mut().skip(1).step_by(2).for_each(|d| *d = 0.0);
    let of_part: Vec<f32> = d.iter().copied().step_by(2).collect();
    let all = model.logprobs(&batch, 1.0).unwrap().backward(&d).unwrap();
    let some = model.logprobs(&part, 1.0).unwrap().backward(&of_part).unwrap();
    // Not the bits: partial sums meet elsewhere where fewer rows are scored.
    for (name, values) in all.iter() {
        let size = values.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(furthest(values, some.get(name).unwrap()) < 1e-5 * size, "{name}");
    }
    let none = model.logprobs(&batch, 1.0).unwrap().backward(&vec![0.0; d.len()]).unwrap();
    assert_eq!(none.norm(), 0.0);
}

#[test]
fn gradients_add_up_and_clip() {
    let model = Model::random(tiny(true), 11).unwrap();
    let batch = ragged();
    let d = derivatives(&batch);
    let gradients = || model.logprobs(&batch, 1.0).unwrap().backward(&d).unwrap();
    let mut twice = gradients();
    twice.accumulate(gradients()).unwrap();
    let once = gradients();
    let norm = once.norm();
    assert!((twice.norm() - 2.0 * norm).abs() < 1e-4 * norm);
    let mut onto = gradients();
    model.logprobs(&batch, 1.0).unwrap().backward_onto(&d, &mut onto).unwrap();
    for (name, values) in twice.iter() {
        let size = values.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(furthest(values, onto.get(name).unwrap()) < 1e-5 * size, "{name}");
    }
    assert_eq!(twice.clip(1.0), 2.0 * norm);
    assert!((twice.norm() - 1.0).abs() < 1e-4);
    assert_eq!(twice.clip(5.0), twice.norm());
    let other = Model::random(Config { num_hidden_layers: 1, ..tiny(true) }, 1).unwrap();
    let foreign = other.logprobs(&batch, 1.0).unwrap().backward(&d).unwrap();
    assert!(twice.accumulate(foreign).is_err());
    assert!(other.logprobs(&batch, 1.0).unwrap().backward_onto(&d, &mut twice).is_err());
    assert!(model.logprobs(&batch, 1.0).unwrap().backward_onto(&d[1..], &mut twice).is_err());
}

#[test]
fn a_duplicate_does_not_follow_its_model() {
    let model = Model::random(tiny(true), 12).unwrap();
    let frozen = model.duplicate().unwrap();
    let batch = ragged();
    let before = model.logprobs(&batch, 1.0).unwrap();
    let values = bits(&before.values);
    let gradients = before.backward(&derivatives(&batch)).unwrap();
    AdamW::new(&model, AdamWConfig::default()).step(&model, &gradients, 1e-2).unwrap();
    assert_eq!(bits(&frozen.logprobs_no_grad(&batch, 1.0).unwrap().0), values);
    assert_ne!(bits(&model.logprobs_no_grad(&batch, 1.0).unwrap().0), values);
}

#[test]
fn a_sequence_can_be_learnt_by_heart() {
    let model = Model::random(tiny(true), 13).unwrap();
    let text = ids(40, 3);
    let batch = Batch::from_whole_sequences([&text[..]]);
    let mut optimizer = AdamW::new(&model, AdamWConfig::default());
    for _ in 0..60 {
        let logprobs = model.logprobs(&batch, 1.0).unwrap();
        let mut gradients = logprobs.backward(&[-1.0 / 39.0; 39]).unwrap();
        gradients.clip(1.0);
        optimizer.step(&model, &gradients, 1e-2).unwrap();
    }
    let (values, _) = model.logprobs_no_grad(&batch, 1.0).unwrap();
    let loss = -values.iter().sum::<f32>() / 39.0;
    assert!(loss < 0.05, "loss {loss}");
}

#[test]
fn batches_that_break_their_rules_are_refused() {
    let model = Model::random(tiny(true), 1).unwrap();
    let good = Batch { ids: vec![1, 2, 3, 4], starts: vec![0, 2], scored: vec![1, 3], ..Batch::default() };
    assert!(good.validate(VOCAB).is_ok());
    let cases = [
        ("no tokens", Batch::default()),
        ("late start", Batch { starts: vec![1], ..good.clone() }),
        ("empty sequence", Batch { starts: vec![0, 2, 2], ..good.clone() }),
        ("empty last sequence", Batch { starts: vec![0, 4], ..good.clone() }),
        ("foreign token", Batch { ids: vec![1, 2, 3, 61], ..good.clone() }),
        ("first token scored", Batch { scored: vec![1, 2], ..good.clone() }),
        ("descending", Batch { scored: vec![3, 1], ..good.clone() }),
        ("outside", Batch { scored: vec![4], ..good.clone() }),
    ];
    for (what, batch) in cases {
        assert!(model.logprobs(&batch, 1.0).is_err(), "{what}");
        assert!(model.logits(&batch).is_err(), "{what}");
    }
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(model.logprobs(&good, temperature).is_err());
    }
    assert!(model.logprobs(&good, 1.0).unwrap().backward(&[1.0]).is_err());
    let nothing = Batch { scored: Vec::new(), ..good };
    assert_eq!(model.logprobs(&nothing, 1.0).unwrap().backward(&[]).unwrap().norm(), 0.0);
}

#[test]
fn decoder_inputs_out_of_range_are_refused_and_append_nothing() {
    let model = Model::random(tiny(true), 1).unwrap();
    let mut decoder = Decoder::new(&model, 2, 4).unwrap();
    decoder.extend(&[(0, &[1, 2])]).unwrap();
    let cases: [&[(usize, &[u32])]; 5] =
        [&[(2, &[1])], &[(0, &[])], &[(0, &[1, 2, 3])], &[(0, &[61])], &[(1, &[1]), (1, &[2])]];
    for inputs in cases {
        assert!(decoder.extend(inputs).is_err(), "{inputs:?}");
        assert_eq!((decoder.len(0), decoder.len(1)), (2, 0));
    }
    assert!(decoder.extend(&[]).unwrap().is_empty());
    assert!(Decoder::new(&model, 0, 4).is_err());
    decoder.truncate(0, 1);
    assert_eq!(decoder.len(0), 1);
}

#[test]
fn operations_are_counted_by_the_formula() {
    let model = Model::random(Config::default(), 1).unwrap();
    assert_eq!(model.parameter_count(), 853_376);
    let weights = 4 * (128 * (128 + 64 + 64) + 128 * 128 + 3 * 128 * 384) + 512 * 128;
    assert_eq!(model.flops_per_token(100), (2 * weights + 4 * 4 * 128 * 100) as f64);
}
