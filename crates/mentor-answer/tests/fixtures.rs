//! `fixtures/pairs.txt` is the specification; each line is a test.

use mentor_answer::{Options, Verdict, compare, equal};

const PAIRS: &str = include_str!("../fixtures/pairs.txt");

/// The parts of a line that is a claim.
fn claim(line: &str) -> Option<(&str, &str, Verdict)> {
    let verdicts = [(" == ", Verdict::Equal), (" != ", Verdict::Different), (" ?? ", Verdict::Unknown)];
    verdicts
        .into_iter()
        .find_map(|(sign, verdict)| line.split_once(sign).map(|(gold, pred)| (gold, pred, verdict)))
}

#[test]
fn every_pair_is_judged_as_it_says() {
    let lines = PAIRS.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = Vec::new();
    for line in lines {
        let Some((gold, pred, verdict)) = claim(line) else { panic!("no claim: {line}") };
        for (gold, pred) in [(gold, pred), (pred, gold)] {
            let found = compare(gold, pred, &Options::default());
            if found.verdict != verdict {
                wrong.push(format!("{line}: {found:?}"));
            }
            assert_eq!(equal(gold, pred), found.verdict == Verdict::Equal);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_answer_equals_itself() {
    for (gold, pred, _) in PAIRS.lines().filter_map(claim) {
        assert!(equal(gold, gold), "{gold}");
        assert!(equal(pred, pred), "{pred}");
    }
}

#[test]
fn a_missing_answer_is_no_answer() {
    let verdict = |gold, pred| compare(gold, pred, &Options::default()).verdict;
    assert_eq!(verdict("5", " "), Verdict::Different);
    assert_eq!(verdict("", "5"), Verdict::Unknown);
    assert!(!equal("", ""));
}

#[test]
fn tolerance_is_relative_to_the_gold_answer_and_off_by_default() {
    let options = Options { tolerance: Some(0.01) };
    let cases = [
        ("100", "101", true),
        ("100", "101.1", false),
        (r"\pi", "3.14", true),
        (r"\sqrt{2}", "1.41", true),
        (r"\frac{1}{3}", "0.33", true),
        ("0", "0.001", false),
        ("(1, 100)", "(1, 100.5)", true),
        ("x", "1.001x", false),
    ];
    for (gold, pred, expected) in cases {
        assert_eq!(compare(gold, pred, &options).verdict == Verdict::Equal, expected, "{gold} and {pred}");
        assert!(!equal(gold, pred));
    }
    for tolerance in [f64::NAN, -1.0] {
        assert_eq!(compare("1", "2", &Options { tolerance: Some(tolerance) }).verdict, Verdict::Different);
    }
}

#[test]
fn normal_forms_are_shown() {
    let cases = [
        (r"3\frac{1}{2}", "7/2"),
        (r"\sqrt{8}", "2*2^(1/2)"),
        ("(x-1)^2", "x^2 - 2*x + 1"),
        (r"\frac{x}{y}", "x*y^(-1)"),
        (r"\frac{1}{x+1}", "(1)/(x + 1)"),
        ("x = 5 cm", "x = 5 cm"),
        (r"\{1, 2\}", "{1, 2}"),
        (r"(-\infty, 50\%]", "(-inf, 50%]"),
        ("No Solution", "\"no solution\""),
        (r"\sin x", r"\sin(x)"),
        (r"\log_2 3", r"(\ln(2))^(-1)*\ln(3)"),
        ("2x+3y=6", "y + 2/3*x - 2 = 0"),
        ("0 < x \\le 1", "x ∈ (0, 1]"),
        (r"\pm 2", "{2, -2}"),
        (r"\oint x", r"\oint x"),
    ];
    for (answer, expected) in cases {
        assert_eq!(compare(answer, "1", &Options::default()).gold, expected, "{answer}");
    }
}

#[test]
fn a_reason_names_what_is_not_understood() {
    let reason = |gold, pred| compare(gold, pred, &Options::default()).reason;
    assert_eq!(reason("5", r"\oint x"), "answer: a command that is not understood");
    assert_eq!(reason("\\binom{1000000000}{500000000}", "1"), "gold answer: binomial coefficient too large");
    assert_eq!(reason(r"\sin^2 x", r"1-\cos^2 x"), "equal to fifty digits wherever evaluated");
    assert_eq!(reason("5", "6"), "values differ");
}
