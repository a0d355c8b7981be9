//! Intervals, tests and estimates against enumeration.

use mentor_eval::{FEWEST_SEEDS, Interval, bootstrap, bootstrap_strata, paired, paired_strata, pass_at_k};
use proptest::prelude::*;

/// Every list of `length` indices below `bound`.
fn draws(bound: usize, length: usize) -> Vec<Vec<usize>> {
    (0..bound.pow(length as u32))
        .map(|mut code| {
            (0..length)
                .map(|_| {
                    let index = code % bound;
                    code /= bound;
                    index
                })
                .collect()
        })
        .collect()
}

/// The exact bootstrap: all equally likely resamples instead of some.
fn enumerated(values: &[Vec<f64>]) -> (f64, f64) {
    let (seeds, tasks) = (values.len(), values[0].len());
    let mut means = Vec::new();
    for drawn_seeds in draws(seeds, seeds) {
        for drawn_tasks in draws(tasks, tasks) {
            let sum: f64 =
                drawn_seeds.iter().flat_map(|s| drawn_tasks.iter().map(move |t| values[*s][*t])).sum();
            means.push(sum / (seeds * tasks) as f64);
        }
    }
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
    (at(0.025), at(0.975))
}

#[test]
fn the_interval_is_that_of_all_resamples() {
    let cases = [
        vec![vec![0.0, 1.0, 0.25, 0.5]],
        vec![vec![0.0, 1.0, 0.3], vec![0.2, 0.7, 0.9]],
        vec![vec![0.1, 0.6], vec![0.3, 0.7], vec![0.9, 0.2]],
    ];
    for values in cases {
        let (lo, hi) = enumerated(&values);
        let found = bootstrap(&values, 40_000, 7);
        assert!((found.lo - lo).abs() < 0.03 && (found.hi - hi).abs() < 0.03, "{found:?} against {lo} {hi}");
    }
}

#[test]
fn constant_data_has_an_interval_of_no_width() {
    for value in [0.0, 1.0, 0.1, 1.0 / 3.0] {
        let found = bootstrap(&vec![vec![value; 20]; 3], 500, 1);
        assert!((found.mean - value).abs() < 1e-15);
        assert!((found.hi - found.lo).abs() < 1e-15);
    }
    assert_eq!(bootstrap(&[vec![1.0; 9]], 100, 1), Interval { mean: 1.0, lo: 1.0, hi: 1.0 });
}

#[test]
fn missing_values_are_left_out_and_nothing_has_no_mean() {
    assert!(bootstrap(&[], 10, 1).mean.is_nan());
    assert!(bootstrap(&[vec![], vec![]], 10, 1).hi.is_nan());
    assert_eq!(bootstrap(&[vec![0.0, 1.0]], 0, 1), Interval { mean: 0.5, lo: 0.5, hi: 0.5 });
    let ragged = bootstrap(&[vec![0.0, 1.0], vec![1.0], vec![]], 200, 1);
    assert_eq!(ragged.mean, 0.75);
    assert!(ragged.lo.is_finite() && ragged.hi.is_finite());
    let suites = [vec![vec![1.0, 0.0]], vec![]];
    assert_eq!(bootstrap_strata(&[&suites[0], &suites[1]], 50, 1), bootstrap(&suites[0], 50, 1));
}

#[test]
fn seeds_that_agree_do_not_narrow_the_interval_over_tasks() {
    let tasks: Vec<f64> = (0..100).map(|task| f64::from(task % 3 == 0)).collect();
    let one = bootstrap(std::slice::from_ref(&tasks), 4000, 3);
    let five = bootstrap(&vec![tasks; 5], 4000, 3);
    assert!((one.lo - five.lo).abs() < 0.02 && (one.hi - five.hi).abs() < 0.02, "{one:?} {five:?}");
}

/// Coin throws with the given chance of heads.
fn throws(count: usize, chance: f64, state: &mut u64) -> Vec<f64> {
    (0..count)
        .map(|_| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(((*state >> 33) as f64 / f64::from(1_u32 << 31)) < chance)
        })
        .collect()
}

#[test]
fn the_interval_covers_the_truth_as_often_as_it_says() {
    let mut state = 11;
    let covered = (0..400).filter(|&run| {
        let found = bootstrap(&[throws(200, 0.3, &mut state)], 400, run);
        (found.lo..=found.hi).contains(&0.3)
    });
    let share = covered.count() as f64 / 400.0;
    assert!((0.91..0.98).contains(&share), "{share}");
}

#[test]
fn a_suite_counts_once_however_many_tasks_it_has() {
    let (small, large) = (vec![vec![1.0; 2]], vec![vec![0.0; 50]]);
    assert_eq!(bootstrap_strata(&[&small, &large], 20, 1).mean, 0.5);
}

#[test]
fn fewer_than_six_seeds_have_no_p_value() {
    for seeds in 0..9 {
        let found = paired(&vec![vec![1.0, 1.0]; seeds], &vec![vec![0.0, 1.0]; seeds], 50, 1);
        assert_eq!(found.p_value.is_some(), seeds >= FEWEST_SEEDS, "{seeds}");
        assert_eq!(found.test.contains("sign-flip"), found.p_value.is_some(), "{}", found.test);
    }
    let one = paired(&[vec![1.0]], &[vec![0.0]], 50, 1);
    assert!(one.test.contains("over 1 seed and 1 task, 50 resamples"), "{}", one.test);
    assert!(one.test.contains("tasks, not training"), "{}", one.test);
}

#[test]
fn p_values_have_their_known_extremes() {
    let all_better = |seeds| paired(&vec![vec![0.5]; seeds], &vec![vec![0.25]; seeds], 10, 1);
    assert_eq!(all_better(6).p_value, Some(2.0 / 64.0));
    assert_eq!(all_better(8).p_value, Some(2.0 / 256.0));
    assert_eq!(paired(&vec![vec![0.3]; 7], &vec![vec![0.3]; 7], 10, 1).p_value, Some(1.0));
    assert!(all_better(25).p_value.unwrap() < 1e-4);
    assert_eq!(paired(&vec![vec![0.3]; 25], &vec![vec![0.3]; 25], 10, 1).p_value, Some(1.0));
}

#[test]
fn sampled_sign_flips_agree_with_exact_ones() {
    // Ten seeds exactly; the same as 25 seeds of which fifteen differ by nothing, where flips are sampled.
    let differences = [0.3, -0.1, 0.2, 0.25, -0.05, 0.1, 0.15, -0.2, 0.3, 0.05];
    let seeds = |count: usize| -> Vec<Vec<f64>> {
        (0..count).map(|seed| vec![differences.get(seed).copied().unwrap_or(0.0)]).collect()
    };
    let p = |count: usize| paired(&seeds(count), &vec![vec![0.0]; count], 1, 5).p_value.unwrap();
    assert!((p(10) - p(25)).abs() < 0.01, "{} {}", p(10), p(25));
}

#[test]
fn a_comparison_over_suites_weighs_suites_alike() {
    let (a, b) = (vec![vec![1.0; 3]; 6], vec![vec![0.0; 3]; 6]);
    let (c, d) = (vec![vec![0.5; 40]; 6], vec![vec![0.5; 40]; 6]);
    let found = paired_strata(&[&a, &c], &[&b, &d], 50, 1);
    assert_eq!((found.difference, found.ci95, found.p_value), (0.5, (0.5, 0.5), Some(2.0 / 64.0)));
    assert!(found.test.contains("6 seeds and 43 tasks"), "{}", found.test);
}

/// Whether any of the attempts chosen by `mask` is right, the first `correct` being right.
fn any_right(mask: u32, correct: usize) -> bool {
    (0..correct).any(|attempt| mask >> attempt & 1 == 1)
}

#[test]
fn pass_at_k_is_the_share_of_subsets_with_a_right_attempt() {
    for n in 1..=9 {
        for correct in 0..=n {
            for k in 1..=n {
                let subsets = (0..1_u32 << n).filter(|mask| mask.count_ones() as usize == k);
                let (right, all) = subsets.fold((0, 0), |(right, all), mask| {
                    (right + u32::from(any_right(mask, correct)), all + 1)
                });
                let expected = f64::from(right) / f64::from(all);
                assert!((pass_at_k(n, correct, k) - expected).abs() < 1e-12, "{n} {correct} {k}");
            }
        }
    }
    assert_eq!(
        (pass_at_k(0, 0, 1), pass_at_k(4, 2, 0), pass_at_k(4, 0, 9), pass_at_k(4, 9, 1)),
        (0.0, 0.0, 0.0, 1.0)
    );
    assert!((pass_at_k(10_000, 1, 5_000) - 0.5).abs() < 1e-9);
}

/// The sign-flip test by recursion over seeds.
fn naive_p(differences: &[f64]) -> f64 {
    fn patterns(rest: &[f64], sum: f64, limit: f64) -> u32 {
        match rest.split_first() {
            None => u32::from(sum.abs() >= limit - 1e-9),
            Some((first, rest)) => patterns(rest, sum + first, limit) + patterns(rest, sum - first, limit),
        }
    }
    let observed: f64 = differences.iter().sum::<f64>().abs();
    f64::from(patterns(differences, 0.0, observed)) / f64::from(1_u32 << differences.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn p_values_equal_the_recursive_enumeration(
        differences in prop::collection::vec(prop::sample::select(vec![-0.3, -0.1, 0.0, 0.1, 0.25]), 6..10),
    ) {
        let a: Vec<Vec<f64>> = differences.iter().map(|difference| vec![0.5 + difference, 0.5]).collect();
        let found = paired(&a, &vec![vec![0.5, 0.5]; a.len()], 1, 1).p_value.unwrap();
        let halves: Vec<f64> = differences.iter().map(|difference| difference / 2.0).collect();
        prop_assert!((found - naive_p(&halves)).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_their_mean_and_repeat_with_the_seed(
        values in prop::collection::vec(prop::collection::vec(0.0f64..1.0, 12), 1..5), seed in 0u64..1000,
    ) {
        let found = bootstrap(&values, 300, seed);
        prop_assert!(found.lo <= found.mean && found.mean <= found.hi);
        prop_assert!((0.0..=1.0).contains(&found.lo) && (0.0..=1.0).contains(&found.hi));
        prop_assert_eq!(found, bootstrap(&values, 300, seed));
        let flat: Vec<f64> = values.concat();
        prop_assert!((found.mean - flat.iter().sum::<f64>() / flat.len() as f64).abs() < 1e-12);
    }

    #[test]
    fn exchanging_the_arms_exchanges_the_sign(
        a in prop::collection::vec(prop::collection::vec(0.0f64..1.0, 5), 6),
        b in prop::collection::vec(prop::collection::vec(0.0f64..1.0, 5), 6),
    ) {
        let (forth, back) = (paired(&a, &b, 200, 3), paired(&b, &a, 200, 3));
        prop_assert!((forth.difference + back.difference).abs() < 1e-12);
        prop_assert!((forth.ci95.0 + back.ci95.1).abs() < 1e-12 && (forth.ci95.1 + back.ci95.0).abs() < 1e-12);
        prop_assert_eq!(forth.p_value, back.p_value);
    }

    #[test]
    fn nothing_panics_on_ragged_or_absurd_values(
        a in prop::collection::vec(prop::collection::vec(prop::num::f64::ANY, 0..4), 0..9),
        b in prop::collection::vec(prop::collection::vec(prop::num::f64::ANY, 0..4), 0..9),
    ) {
        bootstrap(&a, 20, 1);
        paired(&a, &b, 20, 1);
    }
}
