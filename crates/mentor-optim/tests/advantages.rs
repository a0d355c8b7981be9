//! Group advantages against a plain transcription of the formula, and their corners.

use mentor_optim::{AdvantageConfig, Scale, advantages, per_token};
use proptest::prelude::*;

/// The formula for one group, with the deviation summed over all pairs instead of from the mean.
fn naive(group: &[f64], epsilon: f64) -> Vec<f64> {
    let n = group.len() as f64;
    let pairs: f64 = group.iter().flat_map(|a| group.iter().map(move |b| (a - b) * (a - b))).sum();
    let std = (pairs / (2.0 * n * (n - 1.0))).sqrt();
    let mean = group.iter().sum::<f64>() / n;
    group.iter().map(|reward| (reward - mean) / (std + epsilon)).collect()
}

#[test]
fn equal_rewards_give_exactly_zero() {
    // The mean of three times 0.1 is not 0.1 in binary.
    for reward in [0.1, 1.1, 0.16, -3.7, 1e-300, 0.0] {
        for size in 1..20 {
            for scale in [Scale::Group, Scale::None, Scale::Batch] {
                let config = AdvantageConfig { scale, epsilon: 0.0 };
                let found = advantages(&vec![reward; size], size, &config);
                assert_eq!(found.values, vec![0.0; size]);
                assert_eq!(found.zero_variance_groups, 1);
            }
        }
    }
}

#[test]
fn a_flat_group_stays_flat_beside_a_lively_one() {
    let config = AdvantageConfig { scale: Scale::Batch, epsilon: 1e-6 };
    let found = advantages(&[0.1, 0.1, 0.1, 0.0, 1.0, 0.0], 3, &config);
    assert_eq!(found.values[..3], [0.0; 3]);
    assert_eq!(found.zero_variance_groups, 1);
    assert!(found.values[4] > 0.0);
}

#[test]
fn small_terms_become_full_size_when_everyone_is_wrong() {
    let rewards = [0.10, 0.16, 0.10, 0.10];
    let scaled = advantages(&rewards, 4, &AdvantageConfig::grpo());
    assert!((scaled.values[1] - 1.5).abs() < 1e-3);
    let plain = advantages(&rewards, 4, &AdvantageConfig::dr_grpo());
    assert!((plain.values[1] - 0.045).abs() < 1e-12);
}

#[test]
fn odd_group_sizes_are_data() {
    let config = AdvantageConfig::grpo();
    assert_eq!(advantages(&[], 4, &config).values, Vec::<f64>::new());
    assert_eq!(
        advantages(&[1.0, 2.0, 3.0], 0, &config).values,
        advantages(&[1.0, 2.0, 3.0], 3, &config).values
    );
    let short = advantages(&[1.0, 2.0, 5.0], 2, &config);
    assert_eq!(short.values[2], 0.0);
    assert_eq!(short.zero_variance_groups, 1);
    assert!(advantages(&[f64::NAN, 1.0], 2, &config).values.iter().all(|value| value.is_nan()));
}

#[test]
fn every_token_gets_its_sequence_s_advantage() {
    assert_eq!(per_token(&[1.0, -2.0, 3.0], &[0, 2, 2, 3]), [1.0, 1.0, 3.0]);
    assert_eq!(per_token(&[1.0], &[0, 1, 3]), [1.0]);
    assert_eq!(per_token(&[], &[]), Vec::<f32>::new());
}

proptest! {
    #[test]
    fn advantages_equal_the_formula(
        groups in prop::collection::vec(prop::collection::vec(-2.0f64..2.0, 4), 1..6),
        epsilon in 0.0f64..0.1,
    ) {
        let rewards = groups.concat();
        let found = advantages(&rewards, 4, &AdvantageConfig { scale: Scale::Group, epsilon });
        let expected: Vec<f64> = groups.iter().flat_map(|group| naive(group, epsilon)).collect();
        for (a, b) in found.values.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn advantages_of_a_group_sum_to_zero_and_ignore_a_shift(
        rewards in prop::collection::vec(prop::sample::select(vec![0.0, 0.1, 0.16, 1.0, 1.1]), 8),
        shift in -3.0f64..3.0,
    ) {
        let config = AdvantageConfig::grpo();
        let found = advantages(&rewards, 8, &config);
        prop_assert!(found.values.iter().sum::<f64>().abs() < 1e-9);
        let moved: Vec<f64> = rewards.iter().map(|reward| reward + shift).collect();
        for (a, b) in found.values.iter().zip(&advantages(&moved, 8, &config).values) {
            prop_assert!((a - b).abs() < 1e-6);
        }
    }
}
