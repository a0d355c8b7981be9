//! Credit for stretches of rollouts, and part by part.

use mentor_optim::{AdvantageConfig, PartColumn, Scale, Unit, advantages, part_advantages, unit_advantages};
use proptest::prelude::*;

const GRPO: AdvantageConfig = AdvantageConfig::grpo();

fn unit(rollout: usize, key: u64, amount: f64, tokens: std::ops::Range<usize>) -> Unit {
    Unit { rollout, key, amount, tokens }
}

/// The whole attempts earned the same, their turns did not: what others sum away before they compare.
#[test]
fn the_credit_of_turns_survives_the_baseline_of_the_group() {
    let sequences = [0, 4, 8];
    let units = [
        // Rollout 0 gets the first step right and the second wrong, rollout 1 the other way round.
        unit(0, 0, 1.0, 0..2),
        unit(0, 1, 0.0, 2..4),
        unit(1, 0, 0.0, 0..2),
        unit(1, 1, 1.0, 2..4),
    ];
    assert_eq!(advantages(&[1.0, 1.0], 2, &GRPO).values, [0.0, 0.0]);
    let found = unit_advantages(&units, &sequences, 2, &GRPO);
    let a = found.values[0];
    assert!((a - 0.75_f32.sqrt()).abs() < 1e-4, "{a}");
    assert_eq!(found.values, [a, a, -a, -a, -a, -a, a, a]);
    assert_eq!(found.zero_variance_groups, 0);
}

/// Rollout 0 tries a wrong tool first, so its second turn is where the others' first is.
#[test]
fn turns_are_compared_by_the_step_they_are_at_not_by_their_number() {
    let sequences = [0, 3, 5, 7];
    let units = [
        unit(0, 0, 0.0, 0..1),
        unit(0, 0, 0.5, 1..2),
        unit(0, 1, 0.5, 2..3),
        unit(1, 0, 0.5, 0..1),
        unit(1, 1, 0.5, 1..2),
        unit(2, 0, 0.5, 0..1),
        unit(2, 1, 0.5, 1..2),
    ];
    let found =
        unit_advantages(&units, &sequences, 3, &AdvantageConfig { scale: Scale::None, ..GRPO }).values;
    assert_eq!(found[0], -0.5);
    assert_eq!(found[1], 0.0);
    // Of the others' first turns, the mean of what the rest did there: 0, 0.5 and 0.5.
    assert!((found[3] - (0.5 - 1.0 / 3.0)).abs() < 1e-6);
    assert_eq!([found[2], found[4], found[6]], [0.0; 3]);
}

#[test]
fn a_unit_without_a_counterpart_and_equal_units_have_exactly_zero() {
    let third = 1.0 / 3.0;
    let units =
        [unit(0, 7, 5.0, 0..2), unit(0, 0, third, 0..2), unit(1, 0, third, 0..1), unit(2, 0, third, 0..1)];
    let found = unit_advantages(&units, &[0, 2, 3, 4], 3, &GRPO);
    assert_eq!(found.values, [0.0; 4]);
    assert_eq!(found.zero_variance_groups, 1);
}

#[test]
fn stretches_that_overlap_add_up_and_strangers_are_left_out() {
    let units = [
        unit(0, 0, 1.0, 0..9),
        unit(1, 0, 0.0, 0..9),
        unit(0, 1, 0.0, 1..2),
        unit(1, 1, 1.0, 0..1),
        unit(9, 0, 4.0, 0..9),
    ];
    let found = unit_advantages(&units, &[0, 2, 4], 2, &AdvantageConfig { scale: Scale::None, ..GRPO });
    assert_eq!(found.values, [1.0, 0.0, 0.0, -1.0]);
    assert_eq!(unit_advantages(&[], &[], 0, &GRPO).values, [0.0_f32; 0]);
}

proptest! {
    #[test]
    fn whole_rollouts_have_the_advantages_they_always_had(
        rewards in proptest::collection::vec(-2.0_f64..2.0, 2..24),
        group in 2_usize..6,
        scale in prop_oneof![Just(Scale::Group), Just(Scale::None)],
    ) {
        let rewards = &rewards[..rewards.len() / group * group];
        let config = AdvantageConfig { scale, epsilon: 0.0 };
        let units: Vec<Unit> = rewards.iter().enumerate().map(|(i, &reward)| unit(i, 0, reward, 0..1)).collect();
        let sequences: Vec<usize> = (0..=rewards.len()).collect();
        let found = unit_advantages(&units, &sequences, group, &config);
        let expected = advantages(rewards, group, &config);
        // Without a divisor the leave-one-out baseline stretches the deviation by G / (G − 1); with one it cancels.
        let stretch = if scale == Scale::None { group as f64 / (group as f64 - 1.0) } else { 1.0 };
        for (found, expected) in found.values.iter().zip(&expected.values) {
            prop_assert!((f64::from(*found) - expected * stretch).abs() < 1e-5, "{} {}", found, expected);
        }
        prop_assert_eq!(found.zero_variance_groups, expected.zero_variance_groups);
    }
}

#[test]
fn each_part_counts_by_its_weight_however_much_it_varies() {
    // Two parts that differ a hundredfold in size and disagree about which rollout is better.
    let parts = |weight| {
        [PartColumn { weight: 1.0, values: vec![0.0, 1.0] }, PartColumn { weight, values: vec![0.01, 0.0] }]
    };
    let lighter = part_advantages(&parts(0.5), 2, &GRPO);
    assert!(lighter.values[0] < -0.5 && lighter.values[1] > 0.5, "{lighter:?}");
    let tilted = part_advantages(&parts(2.0), 2, &GRPO);
    assert!(tilted.values[0] > 0.5 && tilted.values[1] < -0.5, "{tilted:?}");
    // A total would only see the large one.
    assert!(advantages(&[0.02, 1.0], 2, &GRPO).values[0] < -0.5);
    let spread: f64 = tilted.values.iter().map(|value| value * value).sum();
    assert!((spread - 1.0).abs() < 1e-3, "{spread}");
}

#[test]
fn a_part_of_weight_0_and_a_flat_group_teach_nothing() {
    let parts = [
        PartColumn { weight: 0.0, values: vec![0.0, 1.0, 3.0, 5.0] },
        PartColumn { weight: 1.0, values: vec![0.3, 0.3, 0.0, 1.0] },
    ];
    let found = part_advantages(&parts, 2, &GRPO);
    assert_eq!(found.values[..2], [0.0, 0.0]);
    assert_eq!(found.zero_variance_groups, 1);
    assert_eq!(found, part_advantages(&parts[1..], 2, &GRPO));
}
