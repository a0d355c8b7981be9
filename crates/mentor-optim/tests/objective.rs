//! Losses against a scalar transcription, gradients against finite differences, and the cutting of updates into parts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mentor_optim::{
    Columns, Error, Evaluated, Kl, KlEstimator, LOG_RATIO_LIMIT, Normalization, Normalizer, Objective, Ratio,
    Stats, Surrogate, evaluate,
};
use proptest::prelude::*;

/// Evaluates a whole update at once.
fn evaluate_all(objective: &Objective, columns: &Columns) -> Result<Evaluated, Error> {
    evaluate(objective, columns, &Normalization::of(columns.sequences))
}

/// An owned batch.
#[derive(Clone, Debug)]
struct Batch {
    logprobs: Vec<f32>,
    old: Vec<f32>,
    reference: Vec<f32>,
    advantages: Vec<f32>,
    sequences: Vec<usize>,
}

impl Batch {
    fn columns(&self) -> Columns<'_> {
        Columns {
            logprobs: &self.logprobs,
            old_logprobs: &self.old,
            reference: Some(&self.reference),
            advantages: &self.advantages,
            sequences: &self.sequences,
        }
    }

    /// The sequences `first..last` as a batch of their own.
    fn part(&self, first: usize, last: usize) -> Self {
        let (start, end) = (self.sequences[first], self.sequences[last]);
        Self {
            logprobs: self.logprobs[start..end].to_vec(),
            old: self.old[start..end].to_vec(),
            reference: self.reference[start..end].to_vec(),
            advantages: self.advantages[start..end].to_vec(),
            sequences: self.sequences[first..=last].iter().map(|offset| offset - start).collect(),
        }
    }
}

prop_compose! {
    /// One to five sequences of zero to six tokens, with log-ratios that cross every clip bound.
    fn batch()(
        rows in prop::collection::vec(
            prop::collection::vec((-4.0f32..-0.01, -1.5f32..1.5, -1.0f32..1.0, -2.0f32..2.0), 0..7), 1..6),
    ) -> Batch {
        let mut sequences = vec![0];
        for row in &rows {
            sequences.push(sequences.last().unwrap() + row.len());
        }
        let tokens = rows.concat();
        Batch {
            logprobs: tokens.iter().map(|token| token.0 + token.1).collect(),
            old: tokens.iter().map(|token| token.0).collect(),
            reference: tokens.iter().map(|token| token.0 + token.2).collect(),
            advantages: tokens.iter().map(|token| token.3).collect(),
            sequences,
        }
    }
}

fn kl() -> impl Strategy<Value = Option<Kl>> {
    let estimator = prop::sample::select(vec![KlEstimator::K1, KlEstimator::K2, KlEstimator::K3]);
    prop::option::of(
        (estimator, 0.0f32..0.5).prop_map(|(estimator, coefficient)| Kl { estimator, coefficient }),
    )
}

prop_compose! {
    /// Every combination of surrogate, ratio, clips, KL and normalizer.
    fn objective()(
        surrogate in prop::sample::select(
            vec![Surrogate::Clipped, Surrogate::Clipped, Surrogate::CispoCapped, Surrogate::CispoClamped]),
        ratio in prop::sample::select(vec![Ratio::Token, Ratio::Sequence]),
        clip_low in 0.0f32..0.5,
        clip_high in 0.0f32..0.5,
        dual_clip in prop::option::of(1.6f32..3.0),
        kl in kl(),
        normalizer in prop::sample::select(
            vec![Normalizer::SequenceMean, Normalizer::TokenMean, Normalizer::Constant(7.0)]),
    ) -> Objective {
        let dual_clip = dual_clip.filter(|_| surrogate == Surrogate::Clipped);
        Objective { surrogate, ratio, clip_low, clip_high, dual_clip, kl, normalizer }
    }
}

/// The importance ratio of token `t` of `tokens`, written as a product of probabilities.
fn naive_ratio(objective: &Objective, batch: &Batch, tokens: std::ops::Range<usize>, t: usize) -> f64 {
    let one = |t: usize| f64::from(batch.logprobs[t]).exp() / f64::from(batch.old[t]).exp();
    match objective.ratio {
        Ratio::Token => one(t),
        Ratio::Sequence => {
            let length = tokens.len() as f64;
            tokens.map(one).product::<f64>().powf(1.0 / length)
        }
    }
}

/// The surrogate by cases on the advantage's sign instead of minima.
fn naive_surrogate(objective: &Objective, ratio: f64, advantage: f64, logprob: f64) -> f64 {
    let low = 1.0 - f64::from(objective.clip_low);
    let high = 1.0 + f64::from(objective.clip_high);
    match objective.surrogate {
        Surrogate::CispoCapped if ratio > objective.clip_high.into() => {
            -f64::from(objective.clip_high) * advantage * logprob
        }
        Surrogate::CispoClamped if ratio < low => -low * advantage * logprob,
        Surrogate::CispoClamped if ratio > high => -high * advantage * logprob,
        Surrogate::CispoCapped | Surrogate::CispoClamped => -ratio * advantage * logprob,
        Surrogate::Clipped if advantage >= 0.0 && ratio > high => -high * advantage,
        Surrogate::Clipped if advantage >= 0.0 => -ratio * advantage,
        Surrogate::Clipped => {
            let used = if ratio < low { low } else { ratio };
            -advantage * used.min(objective.dual_clip.map_or(f64::INFINITY, f64::from))
        }
    }
}

fn naive_kl(estimator: KlEstimator, logprob: f64, reference: f64) -> f64 {
    match estimator {
        KlEstimator::K1 => logprob - reference,
        KlEstimator::K2 => (logprob - reference).powi(2) / 2.0,
        KlEstimator::K3 => (reference - logprob).exp() - 1.0 - (reference - logprob),
    }
}

/// The loss, summed in the most literal way.
fn naive_loss(objective: &Objective, batch: &Batch) -> f64 {
    let sequences = batch.sequences.len() - 1;
    let mut rows = Vec::new();
    for pair in batch.sequences.windows(2) {
        let tokens = pair[0]..pair[1];
        let losses: Vec<f64> = tokens
            .clone()
            .map(|t| {
                let logprob = f64::from(batch.logprobs[t]);
                let ratio = naive_ratio(objective, batch, tokens.clone(), t);
                let kl = objective.kl.map_or(0.0, |kl| {
                    f64::from(kl.coefficient) * naive_kl(kl.estimator, logprob, batch.reference[t].into())
                });
                naive_surrogate(objective, ratio, batch.advantages[t].into(), logprob) + kl
            })
            .collect();
        rows.push(losses);
    }
    let total: f64 = rows.iter().flatten().sum();
    match objective.normalizer {
        Normalizer::SequenceMean => {
            let means = rows
                .iter()
                .filter(|row| !row.is_empty())
                .map(|row| row.iter().sum::<f64>() / row.len() as f64);
            means.sum::<f64>() / sequences as f64
        }
        Normalizer::TokenMean => total / rows.iter().map(Vec::len).sum::<usize>().max(1) as f64,
        Normalizer::Constant(tokens) => total / (sequences as f64 * tokens),
    }
}

/// Whether a ratio lies so near a bound that a finite difference would straddle the kink.
fn near_a_bound(objective: &Objective, ratio: f64) -> bool {
    let bounds = [
        1.0 - f64::from(objective.clip_low),
        1.0 + f64::from(objective.clip_high),
        objective.dual_clip.map_or(1e9, f64::from),
    ];
    bounds.iter().any(|bound| (ratio - bound).abs() < 0.02)
}

/// Central difference of our own loss by the log-probability of token `t`, with the step that f32 really took.
fn finite_difference(objective: &Objective, batch: &Batch, t: usize) -> f64 {
    let moved = |by: f32| {
        let mut other = batch.clone();
        other.logprobs[t] += by;
        (other.logprobs[t], evaluate_all(objective, &other.columns()).unwrap().loss)
    };
    let ((up, above), (down, below)) = (moved(2e-3), moved(-2e-3));
    (above - below) / (f64::from(up) - f64::from(down))
}

fn close(a: f64, b: f64, relative: f64, absolute: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()) + absolute
}

proptest! {
    #[test]
    fn the_loss_equals_the_literal_sum(batch in batch(), objective in objective()) {
        let found = evaluate_all(&objective, &batch.columns()).unwrap();
        let expected = naive_loss(&objective, &batch);
        prop_assert!(close(found.loss, expected, 1e-9, 1e-9), "{} against {expected}", found.loss);
    }

    #[test]
    fn the_gradient_is_the_finite_difference(batch in batch(), objective in objective()) {
        // CISPO's weight is held constant on purpose: its gradient is no derivative of its loss.
        prop_assume!(objective.surrogate == Surrogate::Clipped);
        let found = evaluate_all(&objective, &batch.columns()).unwrap();
        for pair in batch.sequences.windows(2) {
            for t in pair[0]..pair[1] {
                if near_a_bound(&objective, naive_ratio(&objective, &batch, pair[0]..pair[1], t)) {
                    continue;
                }
                let expected = finite_difference(&objective, &batch, t);
                let slope = f64::from(found.d_logprobs[t]);
                prop_assert!(close(slope, expected, 1e-4, 1e-5), "token {t}: {slope} against {expected}");
            }
        }
    }

    #[test]
    fn cispo_s_gradient_is_the_weighted_log_likelihood_s(batch in batch(), objective in objective()) {
        prop_assume!(objective.surrogate != Surrogate::Clipped);
        let objective = Objective { kl: None, normalizer: Normalizer::Constant(1.0), ..objective };
        let found = evaluate_all(&objective, &batch.columns()).unwrap();
        let sequences = (batch.sequences.len() - 1) as f64;
        for pair in batch.sequences.windows(2) {
            for t in pair[0]..pair[1] {
                let ratio = naive_ratio(&objective, &batch, pair[0]..pair[1], t);
                let loss_at_one = naive_surrogate(&objective, ratio, batch.advantages[t].into(), 1.0);
                let slope = f64::from(found.d_logprobs[t]);
                prop_assert!(close(slope, loss_at_one / sequences, 1e-5, 1e-7));
            }
        }
    }

    #[test]
    fn cutting_an_update_into_parts_changes_no_bit_of_the_gradient(
        batch in batch(), objective in objective(), cut in 0usize..6,
    ) {
        let sequences = batch.sequences.len() - 1;
        let cut = cut.min(sequences);
        let whole = evaluate_all(&objective, &batch.columns()).unwrap();
        let normalization = Normalization::of(&batch.sequences);
        let parts: Vec<Evaluated> = [(0, cut), (cut, sequences)]
            .into_iter()
            .map(|(first, last)| {
                evaluate(&objective, &batch.part(first, last).columns(), &normalization).unwrap()
            })
            .collect();
        prop_assert_eq!(&whole.d_logprobs, &[parts[0].d_logprobs.clone(), parts[1].d_logprobs.clone()].concat());
        prop_assert!(close(whole.loss, parts[0].loss + parts[1].loss, 1e-12, 1e-12));
        let merged = parts[0].stats.merge(parts[1].stats);
        prop_assert_eq!((merged.tokens, merged.sequences), (whole.stats.tokens, whole.stats.sequences));
        prop_assert_eq!(merged.max_log_ratio, whole.stats.max_log_ratio);
        for (a, b) in [
            (merged.mean_ratio, whole.stats.mean_ratio),
            (merged.clip_fraction, whole.stats.clip_fraction),
            (merged.kl, whole.stats.kl),
            (merged.policy_loss, whole.stats.policy_loss),
        ] {
            prop_assert!(close(a, b, 1e-12, 1e-12));
        }
    }

    #[test]
    fn no_input_panics(
        values in prop::collection::vec(prop::num::f32::ANY, 0..6),
        sequences in prop::collection::vec(0usize..8, 0..5),
        objective in objective(),
    ) {
        let columns = Columns {
            logprobs: &values,
            old_logprobs: &values,
            reference: Some(&values),
            advantages: &values,
            sequences: &sequences,
        };
        if let Ok(found) = evaluate_all(&objective, &columns) {
            prop_assert_eq!(found.d_logprobs.len(), values.len());
        }
    }
}

/// Two sequences, of one and three tokens, on the policy that sampled them.
fn on_policy() -> Batch {
    let logprobs = vec![-0.5, -1.0, -1.5, -2.0];
    Batch {
        old: logprobs.clone(),
        reference: logprobs.clone(),
        logprobs,
        advantages: vec![1.0, -1.0, -1.0, -1.0],
        sequences: vec![0, 1, 4],
    }
}

#[test]
fn on_policy_the_gradient_is_minus_the_weighted_advantage() {
    let cases = [
        (Normalizer::SequenceMean, [-0.5, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0]),
        (Normalizer::TokenMean, [-0.25, 0.25, 0.25, 0.25]),
        (Normalizer::Constant(10.0), [-0.05, 0.05, 0.05, 0.05]),
    ];
    for (normalizer, expected) in cases {
        for ratio in [Ratio::Token, Ratio::Sequence] {
            let objective = Objective { normalizer, ratio, ..Objective::mentor() };
            let found = evaluate_all(&objective, &on_policy().columns()).unwrap();
            for (slope, expected) in found.d_logprobs.iter().zip(expected) {
                assert!((f64::from(*slope) - expected).abs() < 1e-7, "{normalizer:?} {ratio:?}");
            }
            assert_eq!(found.stats.mean_ratio, 1.0);
            assert_eq!(found.stats.max_log_ratio, 0.0);
            assert_eq!(found.stats.clip_fraction, 0.0);
            assert_eq!(found.stats.kl, 0.0);
        }
    }
}

#[test]
fn zero_advantages_and_no_kl_move_nothing() {
    let batch = Batch { advantages: vec![0.0; 4], ..on_policy() };
    for objective in
        [Objective::dapo(), Objective::gspo(), Objective::cispo_capped(5.0), Objective::dr_grpo(9.0)]
    {
        let found = evaluate_all(&objective, &batch.columns()).unwrap();
        assert!(found.d_logprobs.iter().all(|slope| *slope == 0.0));
        assert_eq!(found.loss, 0.0);
    }
}

#[test]
fn an_empty_update_has_no_loss() {
    let empty = Batch {
        logprobs: vec![],
        old: vec![],
        reference: vec![],
        advantages: vec![],
        sequences: vec![0, 0, 0],
    };
    let found = evaluate_all(&Objective::mentor(), &empty.columns()).unwrap();
    assert_eq!(found.loss, 0.0);
    assert_eq!(found.stats, Stats { sequences: 2, ..Stats::default() });
}

#[test]
fn absurd_log_ratios_stay_finite_and_pass_no_gradient() {
    for (logprob, old) in [(-1.0f32, -200.0f32), (-200.0, -1.0)] {
        for advantage in [1.0, -1.0] {
            let batch = Batch {
                logprobs: vec![logprob],
                old: vec![old],
                reference: vec![old],
                advantages: vec![advantage],
                sequences: vec![0, 1],
            };
            let objective = Objective { dual_clip: None, ..Objective::mentor() };
            let found = evaluate_all(&objective, &batch.columns()).unwrap();
            assert!(found.loss.is_finite());
            assert_eq!(found.d_logprobs, [0.0]);
            assert!(found.stats.max_log_ratio > LOG_RATIO_LIMIT);
        }
    }
}

#[test]
fn a_reference_without_a_kl_term_is_only_measured() {
    let batch = Batch { reference: vec![-1.0; 4], ..on_policy() };
    let with = evaluate_all(&Objective::dapo(), &batch.columns()).unwrap();
    let without = evaluate_all(&Objective::dapo(), &Columns { reference: None, ..batch.columns() }).unwrap();
    assert_eq!(with.d_logprobs, without.d_logprobs);
    assert_eq!(with.loss, without.loss);
    assert!(with.stats.kl > 0.0);
    assert_eq!(without.stats.kl, 0.0);
}

#[test]
fn what_has_no_loss_is_refused_by_name() {
    let batch = on_policy();
    let good = batch.columns();
    let check = |columns: Columns, expected: &str| {
        let error = evaluate_all(&Objective::mentor(), &columns).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(Columns { reference: None, ..good }, "`reference` is missing");
    check(Columns { old_logprobs: &[0.0], ..good }, "`old_logprobs` has 1 values for 4 tokens");
    check(Columns { advantages: &[0.0, f32::NAN, 0.0, 0.0], ..good }, "`advantages` holds NaN at token 1");
    check(Columns { sequences: &[], ..good }, "entry 0");
    check(Columns { sequences: &[1, 4], ..good }, "entry 0");
    check(Columns { sequences: &[0, 3, 2, 4], ..good }, "entry 2");
    check(Columns { sequences: &[0, 3], ..good }, "entry 2");
    check(Columns { sequences: &[0, 9], ..good }, "entry 1");
    let small = Normalization { tokens: 3, sequences: 2 };
    let error = evaluate(&Objective::mentor(), &good, &small).unwrap_err();
    assert_eq!(error, Error::Normalization { unit: "tokens", whole: 3, part: 4 });
}

#[test]
fn lengths_and_offsets_count_alike() {
    assert_eq!(Normalization::of(&[0, 2, 2, 5]), Normalization::of_lengths([2, 0, 3]));
    assert_eq!(Normalization::of(&[]), Normalization::default());
}
