//! Tool use, its similarity and its F1 against literal versions.

mod common;

use std::collections::BTreeMap;

use common::{attempt, task};
use mentor_eval::{ToolUse, hallucinated_calls, similarity, tool_distribution, tool_f1};
use mentor_trajectory::{Ending, Judge, Trajectory};
use proptest::prelude::*;

fn ended(calls: &str) -> Trajectory {
    attempt(calls, Ending::Ended, "")
}

#[test]
fn calls_are_pooled_and_no_call_is_a_category() {
    let attempts = [
        ended("add 1 2; ~add 3 4; !sqrt 5"),
        ended(""),
        ended("?"),
        attempt("multiply 1 2", Ending::TokenLimit, ""),
        ended("guess 1 2"),
    ];
    let pooled = tool_distribution(&attempts);
    let expected = [("add", 2), ("guess", 1), ("multiply", 1), ("sqrt", 1)];
    assert_eq!(pooled.calls, expected.map(|(tool, count)| (tool.to_owned(), count)).into());
    assert_eq!((pooled.no_call, pooled.total()), (2, 7));
    assert_eq!(
        (pooled.share(Some("add")), pooled.share(None), pooled.share(Some("x"))),
        (2.0 / 7.0, 2.0 / 7.0, 0.0)
    );
}

#[test]
fn similarity_has_its_known_values() {
    let one = |tool: &str, count| ToolUse { calls: [(tool.to_owned(), count)].into(), no_call: 0 };
    let nothing = ToolUse::default();
    let idle = ToolUse { no_call: 3, ..ToolUse::default() };
    assert_eq!(similarity(&one("add", 1), &one("add", 9)), 1.0);
    assert_eq!(similarity(&one("add", 1), &one("sqrt", 1)), 0.0);
    assert_eq!(similarity(&one("add", 1), &idle), 0.0);
    assert_eq!(similarity(&idle, &idle), 1.0);
    assert_eq!((similarity(&nothing, &nothing), similarity(&nothing, &idle)), (1.0, 0.0));
    // All on one tool against half on it: the middle is (3/4, 1/4).
    let half = ToolUse { calls: [("add".to_owned(), 1), ("sqrt".to_owned(), 1)].into(), no_call: 0 };
    let by_hand = 1.0 - 0.5 * ((1.0_f64 / 0.75).log2() + 0.5 * (0.5_f64 / 0.75).log2() + 0.5);
    assert!((similarity(&one("add", 1), &half) - by_hand).abs() < 1e-12);
}

#[test]
fn f1_counts_repeated_calls() {
    let cases = [
        ("", "", 1.0),
        ("", "add 1 2", 0.0),
        ("add 1 2", "", 0.0),
        ("add 1 2", "add 3 4", 1.0),
        ("add 1 2; add 1 2", "add 3 4", 2.0 / 3.0),
        ("add 1 2; sqrt 3", "sqrt 3; add 3 4", 1.0),
        ("add 1 2; sqrt 3; ?", "multiply 3 4; add 3 4", 0.5),
        ("add 1 2; !add 1 2; sqrt 3", "add 3 4; add 3 4; add 3 4", 2.0 / 3.0),
    ];
    for (student, teacher, expected) in cases {
        assert_eq!(tool_f1(&ended(student), &ended(teacher)), expected, "{student:?} {teacher:?}");
    }
}

#[test]
fn tools_not_on_offer_are_counted_among_all_calls() {
    let sum = task(Judge::Answer, "1", &[""]);
    assert_eq!(hallucinated_calls(&sum, &ended("")), (0, 0));
    assert_eq!(hallucinated_calls(&sum, &ended("add 1 2; !guess 1; ~guess 2; ?; %guess 3")), (2, 5));
}

/// JSD by entropies: H(m) − (H(p) + H(q))/2.
fn naive_similarity(a: &[u64], b: &[u64]) -> f64 {
    let shares = |counts: &[u64]| -> Vec<f64> {
        let total: u64 = counts.iter().sum();
        counts.iter().map(|count| *count as f64 / total as f64).collect()
    };
    let entropy = |shares: &[f64]| -> f64 {
        shares
            .iter()
            .filter(|share| **share > 0.0)
            .map(|share| -share * share.ln() / std::f64::consts::LN_2)
            .sum()
    };
    let (p, q) = (shares(a), shares(b));
    let middle: Vec<f64> = p.iter().zip(&q).map(|(p, q)| (p + q) / 2.0).collect();
    1.0 - (entropy(&middle) - 0.5 * entropy(&p) - 0.5 * entropy(&q))
}

/// Counts as a [`ToolUse`]: the last one is "no call".
fn tool_use(counts: &[u64]) -> ToolUse {
    let (no_call, tools) = counts.split_last().expect("there is always the count of no call");
    let calls: BTreeMap<String, u64> =
        tools.iter().enumerate().map(|(i, count)| (format!("t{i}"), *count)).collect();
    ToolUse { calls, no_call: *no_call }
}

proptest! {
    #[test]
    fn similarity_equals_the_entropy_form_and_stays_in_range(
        a in prop::collection::vec(0u64..6, 5), b in prop::collection::vec(0u64..6, 5), times in 1u64..5,
    ) {
        prop_assume!(a.iter().sum::<u64>() > 0 && b.iter().sum::<u64>() > 0);
        let (left, right) = (tool_use(&a), tool_use(&b));
        let found = similarity(&left, &right);
        prop_assert!((0.0..=1.0).contains(&found));
        prop_assert!((found - naive_similarity(&a, &b)).abs() < 1e-12);
        prop_assert!((found - similarity(&right, &left)).abs() < 1e-15);
        let more: Vec<u64> = a.iter().map(|count| count * times).collect();
        prop_assert!((found - similarity(&tool_use(&more), &right)).abs() < 1e-12);
        prop_assert!(similarity(&left, &left) == 1.0);
    }

    #[test]
    fn pooling_does_not_depend_on_the_order(
        calls in prop::collection::vec(prop::sample::select(vec!["", "add 1 2", "sqrt 3; sqrt 3", "?"]), 0..6),
    ) {
        let attempts: Vec<Trajectory> = calls.iter().map(|calls| ended(calls)).collect();
        prop_assert_eq!(tool_distribution(&attempts), tool_distribution(attempts.iter().rev()));
    }
}
