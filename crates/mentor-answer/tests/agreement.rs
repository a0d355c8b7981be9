//! Pairs whose verdict is known by construction, and how far math-verify 0.9 agrees (`fixtures/agreement.tsv`).

use std::collections::BTreeMap;

use mentor_answer::{Options, Verdict, compare};

const PAIRS: &str = include_str!("../fixtures/agreement.tsv");

struct Pair {
    category: &'static str,
    gold: &'static str,
    pred: &'static str,
    truth: Verdict,
    math_verify: Verdict,
}

fn verdict(sign: &str) -> Verdict {
    match sign {
        "=" => Verdict::Equal,
        "!" => Verdict::Different,
        _ => panic!("no verdict: {sign}"),
    }
}

fn pairs() -> impl Iterator<Item = Pair> {
    PAIRS.lines().map(|line| {
        let [category, _, gold, pred, truth, math_verify] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("no pair: {line}")
        };
        Pair { category, gold, pred, truth: verdict(truth), math_verify: verdict(math_verify) }
    })
}

#[test]
fn every_pair_is_judged_as_it_was_made() {
    let mut wrong = Vec::new();
    for pair in pairs() {
        let found = compare(pair.gold, pair.pred, &Options::default());
        let swapped = compare(pair.pred, pair.gold, &Options::default());
        if found.verdict != pair.truth || swapped.verdict != pair.truth {
            wrong.push(format!("{}: {} and {}: {}", pair.category, pair.gold, pair.pred, found.reason));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_enough_pairs_of_every_category_and_enough_near_misses() {
    let mut counts = BTreeMap::<_, [usize; 2]>::new();
    for pair in pairs() {
        counts.entry(pair.category).or_default()[usize::from(pair.truth == Verdict::Equal)] += 1;
    }
    assert!(counts.values().flatten().sum::<usize>() >= 10_000);
    for (category, [different, equal]) in counts {
        assert!(different + equal >= 200, "{category}");
        assert!(5 * different >= 2 * (different + equal), "{category}: too few near misses");
    }
}

#[test]
fn we_agree_with_math_verify_wherever_it_is_right() {
    let (mut right, mut agreeing, mut unknown, mut all) = (0, 0, 0, 0);
    for pair in pairs() {
        let found = compare(pair.gold, pair.pred, &Options::default()).verdict;
        all += 1;
        unknown += usize::from(found == Verdict::Unknown);
        if pair.math_verify == pair.truth {
            right += 1;
            agreeing += usize::from(found == pair.truth);
        }
    }
    assert!(100 * agreeing >= 99 * right, "{agreeing} of {right}");
    assert!(50 * unknown <= all, "{unknown} of {all} not found out");
}
