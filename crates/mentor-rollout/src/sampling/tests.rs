use proptest::prelude::*;

use super::{Sampling, SamplingError, draw};
use crate::Rng;

fn frequencies(logits: &[f32], sampling: Sampling, draws: usize) -> Vec<f64> {
    let mut rng = Rng::new(11);
    let mut counts = vec![0.0; logits.len()];
    for _ in 0..draws {
        counts[draw(logits, &sampling, rng.uniform()).unwrap().id as usize] += 1.0 / draws as f64;
    }
    counts
}

/// Softmax probabilities in f64, truncated by sorting everything: the naive twin.
fn naive(logits: &[f32], sampling: Sampling) -> Vec<f64> {
    let mut p: Vec<f64> =
        logits.iter().map(|&l| (f64::from(l) / f64::from(sampling.temperature)).exp()).collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]).then(a.cmp(&b)));
    for &index in order.iter().skip(sampling.top_k.unwrap_or(usize::MAX)) {
        p[index] = 0.0;
    }
    let kept: f64 = p.iter().sum();
    let mut held = 0.0;
    for &index in &order {
        if held >= f64::from(sampling.top_p.unwrap_or(1.0)) * kept {
            p[index] = 0.0;
        }
        held += p[index];
    }
    let sum: f64 = p.iter().sum();
    p.iter().map(|p| p / sum).collect()
}

#[test]
fn drawn_frequencies_are_the_distributions_probabilities() {
    let logits = [0.3, -1.0, 2.0, 0.9, -3.0, 1.1, 0.0];
    let cases = [
        Sampling::for_training(1.0),
        Sampling::for_training(0.6),
        Sampling { temperature: 1.0, top_k: Some(3), top_p: None },
        Sampling { temperature: 1.0, top_k: None, top_p: Some(0.8) },
        Sampling { temperature: 1.3, top_k: Some(4), top_p: Some(0.7) },
        Sampling::published_evaluation(),
    ];
    for sampling in cases {
        let (got, expected) = (frequencies(&logits, sampling, 100_000), naive(&logits, sampling));
        for (got, expected) in got.iter().zip(&expected) {
            // Five standard deviations of a share of 100,000 draws at most; nothing where nothing is expected.
            let tolerance = 5.0 * (expected * (1.0 - expected) / 100_000.0).sqrt();
            assert!((got - expected).abs() <= tolerance, "{sampling:?}: {got} {expected}");
        }
    }
}

#[test]
fn greedy_takes_the_first_of_equals_and_stores_its_log_probability_at_temperature_one() {
    let drawn = draw(&[0.0, 1.0, 1.0], &Sampling::greedy(), 0.9).unwrap();
    assert_eq!(drawn.id, 1);
    let expected = 1.0_f64 - (1.0 + 2.0 * 1_f64.exp()).ln();
    assert!((f64::from(drawn.logprob) - expected).abs() < 1e-6);
}

#[test]
fn truncation_leaves_the_stored_log_probability_untruncated() {
    let logits = [0.0, 1.0, 2.0];
    let all = draw(&logits, &Sampling::for_training(0.5), 0.999).unwrap();
    let top = draw(&logits, &Sampling { temperature: 0.5, top_k: Some(1), top_p: None }, 0.3).unwrap();
    assert_eq!((all.id, top.id), (2, 2));
    assert_eq!(all.logprob.to_bits(), top.logprob.to_bits());
}

#[test]
fn impossible_samplings_are_refused_by_name() {
    let with = |temperature, top_k, top_p| Sampling { temperature, top_k, top_p };
    let cases = [
        (with(-0.1, None, None), SamplingError::Temperature(-0.1)),
        (with(f32::INFINITY, None, None), SamplingError::Temperature(f32::INFINITY)),
        (with(1.0, Some(0), None), SamplingError::TopK),
        (with(1.0, None, Some(0.0)), SamplingError::TopP(0.0)),
        (with(1.0, None, Some(1.5)), SamplingError::TopP(1.5)),
    ];
    for (sampling, error) in cases {
        assert_eq!(sampling.check(), Err(error));
        assert_eq!(sampling.check_for_training(), Err(error));
    }
    assert!(with(f32::NAN, None, None).check().is_err());
    assert!(with(1.0, None, Some(f32::NAN)).check().is_err());
}

#[test]
fn training_refuses_truncation_and_greedy_decoding() {
    assert_eq!(Sampling::for_training(1.0).check_for_training(), Ok(()));
    assert_eq!(Sampling::greedy().check(), Ok(()));
    assert_eq!(Sampling::greedy().check_for_training(), Err(SamplingError::Greedy));
    assert_eq!(Sampling::published_evaluation().check_for_training(), Err(SamplingError::Truncated));
    let all = Sampling { temperature: 1.0, top_k: None, top_p: Some(1.0) };
    assert_eq!(all.check_for_training(), Ok(()), "top_p = 1 cuts nothing");
}

proptest! {
    #[test]
    fn what_is_drawn_is_always_inside_the_truncated_support(
        logits in prop::collection::vec(-6.0_f32..6.0, 1..700),
        top_k in prop::option::of(1_usize..800),
        top_p in prop::option::of(0.05_f32..0.999),
        uniform in 0.0_f64..1.0,
    ) {
        let sampling = Sampling { temperature: 0.9, top_k, top_p };
        let drawn = draw(&logits, &sampling, uniform).unwrap();
        let allowed = naive(&logits, sampling);
        // A token on the very border of the nucleus may fall either way in the last bits.
        let close = naive(&logits, Sampling { top_p: top_p.map(|p| (p + 1e-6).min(1.0)), ..sampling });
        prop_assert!(allowed[drawn.id as usize] > 0.0 || close[drawn.id as usize] > 0.0);
        prop_assert!(drawn.logprob <= 0.0);
    }
}
