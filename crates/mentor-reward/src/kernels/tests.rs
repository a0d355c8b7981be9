use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// The definitions, written down without a thought for speed.
mod naive {
    pub fn shared(a: &[u8], b: &[u8]) -> usize {
        let mut distinct: Vec<u8> = Vec::new();
        for item in a {
            if b.contains(item) && !distinct.contains(item) {
                distinct.push(*item);
            }
        }
        distinct.len()
    }

    pub fn lcs_len(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([], _) | (_, []) => 0,
            ([x, a_rest @ ..], [y, b_rest @ ..]) if x == y => 1 + lcs_len(a_rest, b_rest),
            ([_, a_rest @ ..], [_, b_rest @ ..]) => lcs_len(a_rest, b).max(lcs_len(a, b_rest)),
        }
    }

    pub fn lcs_table(a: &[u8], b: &[u8]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table[i + 1][j + 1] =
                    if x == y { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
            }
        }
        table[a.len()][b.len()]
    }

    /// Every alignment, the best by length and then by sum.
    pub fn best(
        a: &[u8],
        b: &[u8],
        agreement: &dyn Fn(usize, usize) -> u32,
        i: usize,
        j: usize,
    ) -> (usize, u32) {
        let mut found = (0, 0);
        for x in i..a.len() {
            for y in j..b.len() {
                if a[x] == b[y] {
                    let rest = best(a, b, agreement, x + 1, y + 1);
                    found = found.max((rest.0 + 1, rest.1 + agreement(x, y)));
                }
            }
        }
        found
    }
}

proptest! {
    #[test]
    fn sets_are_compared_as_the_definitions_say(a in vec(0_u8..12, 0..12), b in vec(0_u8..12, 0..12)) {
        let (x, y) = (to_set(a.clone()), to_set(b.clone()));
        let shared = naive::shared(&a, &b);
        prop_assert_eq!(intersection_len(&x, &y), shared);
        prop_assert_eq!(set_overlap(&x, &y), shared > 0);
        prop_assert_eq!(set_equal(&x, &y), x.len() == y.len() && shared == x.len());
        let f1 = if x.len() + y.len() == 0 { 0.0 } else { 2.0 * shared as f64 / (x.len() + y.len()) as f64 };
        prop_assert_eq!(set_f1(&x, &y), f1);
    }

    #[test]
    fn the_bit_parallel_length_is_the_recursive_one(a in vec(0_u8..4, 0..9), b in vec(0_u8..4, 0..9)) {
        prop_assert_eq!(lcs_len(&a, &b), naive::lcs_len(&a, &b));
    }

    #[test]
    fn carries_cross_the_words_of_a_row(a in vec(0_u8..3, 0..300), b in vec(0_u8..3, 0..300)) {
        prop_assert_eq!(lcs_len(&a, &b), naive::lcs_table(&a, &b));
    }

    #[test]
    fn an_alignment_is_the_longest_and_of_those_the_one_that_agrees_most(
        a in vec(0_u8..3, 0..7),
        b in vec(0_u8..3, 0..7),
        eighths in vec(0_u32..9, 49),
    ) {
        let agreement = |i: usize, j: usize| eighths[i * 7 + j];
        let pairs = align(a.len(), b.len(), |i, j| (a[i] == b[j]).then(|| f64::from(agreement(i, j)) / 8.0));
        let sum: f64 = pairs.iter().map(|pair| pair.agreement).sum();
        let (length, best) = naive::best(&a, &b, &agreement, 0, 0);
        prop_assert_eq!((pairs.len(), sum), (length, f64::from(best) / 8.0));
        prop_assert!(pairs.iter().all(|pair| a[pair.a] == b[pair.b]));
        prop_assert!(pairs.is_sorted_by(|x, y| x.a < y.a && x.b < y.b));
        prop_assert_eq!(pairs.len(), lcs_len(&a, &b));
    }
}

#[test]
fn order_is_one_for_equal_sequences_and_zero_for_empty_ones() {
    assert_eq!(order(&[1, 2, 2], &[1, 2, 2]), 1.0);
    assert_eq!(order::<u8>(&[], &[]), 0.0);
    assert_eq!(order(&[1, 2], &[2, 1]), 0.5);
}

#[test]
fn hostile_lengths_stay_bounded() {
    let pairs = align(1_000_000, 3, |_, _| Some(1.0));
    assert_eq!(pairs.len(), 3);
    assert_eq!(align(MAX_ALIGNED + 5, MAX_ALIGNED + 5, |i, j| (i == j).then_some(1.0)).len(), MAX_ALIGNED);
}

#[test]
fn values_are_equal_as_a_tool_would_see_them() {
    let cases = [
        (json!(2), json!(2.0), true),
        (json!(-7), json!(-7.0), true),
        (json!(0.0), json!(-0.0), true),
        (json!(2), json!("2"), false),
        (json!(1), json!(true), false),
        (json!(0), json!(null), false),
        (json!(0.1 + 0.2), json!(0.3), false),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), false),
        (json!(9_007_199_254_740_992_i64), json!(9_007_199_254_740_992.0), true),
        (json!(u64::MAX), json!(1.844_674_407_370_955_2e19), false),
        (json!(1e300), json!(1), false),
        (json!("a"), json!("A"), false),
        (json!([1, 2]), json!([1.0, 2]), true),
        (json!([1, 2]), json!([2, 1]), false),
        (json!([1]), json!([1, 1]), false),
        (json!({"p": 1, "q": [2]}), json!({"q": [2.0], "p": 1}), true),
        (json!({"p": 1}), json!({"q": 1}), false),
        (json!({"p": null}), json!({}), false),
    ];
    for (a, b, equal) in cases {
        assert_eq!(value_equal(&a, &b), equal, "{a} and {b}");
        assert_eq!(value_equal(&b, &a), equal, "{b} and {a}");
    }
}

#[test]
fn depth_costs_no_stack() {
    let nested = |leaf: Value| (0..20_000).fold(leaf, |inner, _| Value::Array(vec![inner]));
    let (a, b, c) = (nested(json!(1)), nested(json!(1.0)), nested(json!(2)));
    assert!(value_equal(&a, &b));
    assert!(!value_equal(&a, &c));
    // Dropping a value is recursive in serde_json: unwrap it level by level.
    for mut value in [a, b, c] {
        while let Value::Array(mut items) = value {
            value = items.pop().unwrap_or_default();
        }
    }
}

#[test]
fn agreement_is_the_share_of_the_wanted_arguments() {
    let map = |value: Value| value.as_object().cloned().unwrap_or_default();
    let cases = [
        (json!({"a": 1, "b": 2}), json!({"b": 2.0, "a": 1}), 1.0),
        (json!({"a": 1, "b": 2}), json!({"a": 1}), 0.5),
        (json!({"a": 1, "b": 2}), json!({"a": 2, "b": 1}), 0.0),
        (json!({"a": 1}), json!({"a": 1, "z": 9}), 1.0),
        (json!({}), json!({"z": 9}), 1.0),
    ];
    for (wanted, given, share) in cases {
        assert_eq!(
            argument_agreement(&map(wanted.clone()), &map(given.clone())),
            share,
            "{wanted} and {given}"
        );
    }
    assert_eq!(argument_agreement(&Map::new(), &Map::new()), 1.0);
}
