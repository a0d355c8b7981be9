//! What holds for every pair of answers.

use mentor_answer::{Options, Verdict, compare, equal, last_boxed};
use proptest::prelude::*;

/// An arithmetic expression with its value, computed by the simplest means.
#[derive(Clone, Debug)]
struct Sample {
    latex: String,
    value: (i128, i128),
}

fn reduced(numerator: i128, denominator: i128) -> (i128, i128) {
    let (mut a, mut b) = (numerator.abs(), denominator.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let sign = denominator.signum();
    (sign * numerator / a.max(1), sign * denominator / a.max(1))
}

fn literal() -> impl Strategy<Value = Sample> {
    prop_oneof![
        (0..1000_i128).prop_map(|n| Sample { latex: n.to_string(), value: (n, 1) }),
        (0..1000_i128, 0..100_i128).prop_map(|(n, cents)| Sample {
            latex: format!("{n}.{cents:02}"),
            value: reduced(n * 100 + cents, 100)
        }),
        (0..50_i128, 1..50_i128)
            .prop_map(|(n, d)| Sample { latex: format!("\\frac{{{n}}}{{{d}}}"), value: reduced(n, d) }),
        (1..50_i128, 1..9_i128).prop_map(|(n, d)| Sample {
            latex: format!("{n}\\frac{{{d}}}{{9}}"),
            value: reduced(n * 9 + d, 9)
        }),
    ]
}

fn expression() -> impl Strategy<Value = Sample> {
    literal().prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), inner, 0..6).prop_map(|(a, b, operator)| {
            let ((p, q), (r, s)) = (a.value, b.value);
            let (a, b) = (a.latex, b.latex);
            let sample =
                |latex, (numerator, denominator)| Sample { latex, value: reduced(numerator, denominator) };
            match operator {
                0 => sample(format!("({a}) + ({b})"), (p * s + r * q, q * s)),
                1 => sample(format!("({a}) - ({b})"), (p * s - r * q, q * s)),
                2 => sample(format!("({a}) \\cdot ({b})"), (p * r, q * s)),
                3 => sample(format!("\\left({a}\\right)\\left({b}\\right)"), (p * r, q * s)),
                4 if r != 0 => sample(format!("\\dfrac{{{a}}}{{{b}}}"), (p * s, q * r)),
                _ => sample(format!("-({a})"), (-p, q)),
            }
        })
    })
}

/// Texts made of what answers are made of.
fn fragments() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => prop::sample::select(vec![
            "1", "2", "10", "0", "x", "y", "i", "pi", "\\pi", "+", "-", "*", "/", "^", "_", "(", ")", "[", "]", "{", "}",
            "\\{", "\\}", ",", ";", ".", " ", "\\frac", "\\sqrt", "\\text{", "\\left(", "\\right)", "%", "\\%", "=", "|",
            "\\infty", "\\cdot", "\\overline{", "cm", " apples", "\\$", "e", "1,000", "\\circ", "and", "²", "\\over", "!",
            "\\", "abc", "0.5", "9", "\\bmod", "\\sin", "\\ln", "\\pm", "<", "\\le", "\\cup", "\\in", "&", "\\\\",
            "\\begin{pmatrix}", "\\end{pmatrix}", "\\mathbb{R}", "\\binom", "\\sum_{k=1}^{3}", "k", "\\log_2", "\\lim_{x\\to 0}",
            "\\int_0^1", "dx", "\\ne", "\\lfloor", "\\rfloor", "!", "\\tan", "\\arcsin", "or",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 1..14).prop_map(|parts| parts.concat())
}

/// Numerals, or nearly so.
fn numeral() -> impl Strategy<Value = String> {
    let whole = prop_oneof!["[0-9]{0,5}", "0{0,2}[1-9]{1,2}0{0,4}", "[0-9]{1,4}(,[0-9]{2,4}){1,2}"];
    (
        prop::sample::select(vec!["", "", "-", "+", "--"]),
        whole,
        prop_oneof!["", "\\.[0-9]{0,3}", "\\.[0-9]0{0,3}"],
    )
        .prop_map(|(sign, whole, fraction)| format!("{sign}{whole}{fraction}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arithmetic_is_exact(sample in expression()) {
        let (numerator, denominator) = sample.value;
        let exact = format!("\\frac{{{numerator}}}{{{denominator}}}");
        prop_assert!(equal(&exact, &sample.latex));
        let off = format!("\\frac{{{}}}{{{denominator}}}", numerator + denominator);
        prop_assert_eq!(compare(&off, &sample.latex, &Options::default()).verdict, Verdict::Different);
    }

    #[test]
    fn verdicts_are_symmetric_and_repeatable(gold in fragments(), pred in fragments()) {
        let found = compare(&gold, &pred, &Options::default());
        prop_assert_eq!(&compare(&gold, &pred, &Options::default()), &found);
        if !gold.trim().is_empty() && !pred.trim().is_empty() {
            prop_assert_eq!(equal(&pred, &gold), found.verdict == Verdict::Equal);
        }
    }

    /// Numerals have a short way of their own.
    #[test]
    fn numerals_are_equal_if_their_normal_forms_are(gold in numeral(), pred in numeral(), same in any::<bool>()) {
        let pred = if same { format!("{}0", gold.replace(',', "")) } else { pred };
        let verdict = |gold: &str, pred: &str| compare(gold, pred, &Options::default()).verdict;
        for (gold, pred) in [(&gold, &pred), (&pred, &gold), (&gold, &gold)] {
            prop_assert_eq!(equal(gold, pred), verdict(gold, pred) == Verdict::Equal, "{} {}", gold, pred);
        }
    }

    #[test]
    fn every_answer_equals_itself(answer in fragments()) {
        let same = compare(&answer, &answer, &Options::default());
        prop_assert!(same.verdict == Verdict::Equal || same.reason == "no gold answer", "{}: {:?}", answer, same);
    }

    #[test]
    fn a_normal_form_reads_as_what_it_was_made_from(answer in fragments()) {
        let shown = compare(&answer, "1", &Options::default()).gold;
        let again = compare(&answer, &shown, &Options::default());
        prop_assert!(again.verdict == Verdict::Equal || again.reason == "no gold answer", "{}: {:?}", answer, again);
    }

    #[test]
    fn arbitrary_characters_are_judged(gold in any::<String>(), pred in any::<String>()) {
        compare(&gold, &pred, &Options::default());
        last_boxed(&gold);
    }

    #[test]
    fn a_box_gives_back_what_was_put_in(answer in "[a-z0-9 +^{}\\\\]{0,20}", before in fragments()) {
        let balanced = answer.replace(['{', '}', '\\'], "");
        let nested = format!("\\frac{{{balanced}}}{{2}}");
        let text = format!("{before} \\boxed{{{nested}}} .");
        prop_assert_eq!(last_boxed(&text), Some(nested.as_str()));
    }
}

#[test]
fn hostile_answers_are_judged_within_bounds() {
    let mut answers: Vec<String> = [
        "(",
        "[",
        "{",
        "\\{",
        "|",
        "-",
        "^",
        "9^",
        "\\frac",
        "\\sqrt",
        "\\sqrt{",
        "\\text{",
        "((x+1)",
        "(x+y+z+1)^9",
        "1,",
        "(x+y)^{24}",
        "9",
        "x",
        "1e9",
        ".",
        "\\frac{1}{x+",
        "\\overline{",
        "2^{",
        "1+",
        "x_",
        "=",
        "\\left|",
        "i^i",
        "\\pm1,",
        "\\sin(",
        "\\sinh(x+",
        "e^{x+",
        "\\arctan(",
        "(n!)",
        "9!!",
        "\\binom{9}{",
        "C(n,",
        "\\sum_{k=1}^{99}(k+",
        "\\int_0^1 ",
        "\\lim_{x\\to 0}",
        "\\frac{d}{dx}\\sin(",
        "\\begin{pmatrix}1&",
        "\\begin{vmatrix}1&2\\\\3&",
        "x<y<",
        "(1,2)\\cup",
        "\\{x|x>",
        "\\lfloor",
        "\\gcd(1,",
        "\\log_{",
        "\\tanh(x)\\cdot(x+1)",
        "\\sqrt{2+",
        "2^x",
    ]
    .iter()
    .flat_map(|unit| [unit.repeat(5), unit.repeat(60), unit.repeat(4096 / unit.len()), unit.repeat(100_000)])
    .collect();
    answers.extend(
        [
            "1e999999999999",
            "9^{9^9}",
            "2^{2^{2^{2^{2^2}}}}",
            "(x+y+z+w+v)^{24}",
            "\\sqrt{18446744073709551557}",
            "\\sqrt[16]{2^{1/16}}",
            "x^{1e18}",
            "x^{10^{9}}^{10^9}",
            "((1/7)^{5000})^{5000}",
            "0.\\overline{123456789}",
            "\\sqrt[0]{2}",
            "\\sqrt[-1]{2}",
            "(1+x)^{-24}",
            "0^{-1}",
            "1/0",
            "\\frac{1}{x-x}",
            "10^{4000}10^{4000}",
            "10^{10^{10}}",
            "99999!!",
            "\\frac{10000!}{9999!}",
            "((5!)!)!",
            "\\binom{1000000000}{500000000}",
            "\\binom{9999}{5000}",
            "\\sum_{k=1}^{1000}\\sum_{j=1}^{1000} j^k",
            "\\prod_{k=1}^{1000} k^k",
            "\\sum_{k=1}^{999}\\sqrt{k}",
            "\\sin(10^{1000})",
            "e^{10^{30}}",
            "x^{x^{x^x}}",
            "\\operatorname{lcm}(10^{2000}+1,10^{2000}+3)",
            "\\frac{1}{3^{5000}}+\\frac{1}{7^{5000}}",
            "\\frac{d}{dx}\\frac{d}{dx}\\frac{d}{dx}\\frac{d}{dx}e^{\\sin(x^2)}",
            "\\{\\pm1,\\{\\pm2,\\{\\pm3\\}\\}\\}",
        ]
        .map(str::to_owned),
    );
    for gold in &answers {
        for pred in [gold.as_str(), "1"] {
            compare(gold, pred, &Options { tolerance: Some(1e-6) });
        }
    }
}
