#![doc = include_str!("../README.md")]
#![doc = include_str!("../fixtures/disagreements.md")]
#![forbid(unsafe_code)]

mod boxed;
mod calculus;
mod choice;
mod compare;
mod decimal;
mod form;
mod function;
mod lexer;
mod limits;
mod matrix;
mod number;
mod numeric;
mod parser;
mod phrase;
mod poly;
mod power;
mod region;
mod relation;
mod unit;

pub use boxed::last_boxed;

use form::Form;
use limits::{Budget, Gap};

/// How two answers are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Two real numbers are also equal if they differ by at most this share of the gold number; off by default.
    pub tolerance: Option<f64>,
}

/// Whether two answers are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// They are.
    Equal,
    /// They are not.
    Different,
    /// It was not found out: an answer holds something that is not understood, or breaks a bound.
    Unknown,
}

/// A verdict with what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Whether the answers are equal.
    pub verdict: Verdict,
    /// Why, in a few words.
    pub reason: String,
    /// The normal form of the expected answer; its text if it was not understood.
    pub gold: String,
    /// The normal form of the given answer; its text if it was not understood.
    pub pred: String,
}

/// Compares an expected with a given answer, both as they stand in the box.
///
/// Never fails, and its work is bounded by counts: the same two answers always get the same verdict.
pub fn compare(gold: &str, pred: &str, options: &Options) -> Comparison {
    let (gold_text, pred_text) = (cleaned(gold), cleaned(pred));
    let (labelled_gold, labelled_pred) = (choice::labelled(gold_text), choice::labelled(pred_text));
    if labelled_gold.is_some() || labelled_pred.is_some() {
        return choices((gold_text, labelled_gold), (pred_text, labelled_pred), options);
    }
    unlabelled(gold_text, pred_text, options)
}

fn unlabelled(gold_text: &str, pred_text: &str, options: &Options) -> Comparison {
    let mut budget = Budget::new();
    let (gold_form, pred_form) = (normal_form(gold_text, &mut budget), normal_form(pred_text, &mut budget));
    let (verdict, reason) = judge((gold_text, &gold_form), (pred_text, &pred_form), options, &mut budget);
    Comparison { verdict, reason, gold: shown(gold_text, &gold_form), pred: shown(pred_text, &pred_form) }
}

/// An answer and, if it is a choice with its label (`(B) 12`), both.
type Labelled<'a> = (&'a str, Option<(char, &'a str)>);

/// Compares answers of which one at least is a choice with its label: by the label if the other has one, else by what it
/// is the label of.
fn choices(
    (gold_text, gold): Labelled<'_>,
    (pred_text, pred): Labelled<'_>,
    options: &Options,
) -> Comparison {
    let label =
        |text, labelled: Option<(char, &str)>| labelled.map(|(label, _)| label).or(choice::letter(text));
    if let (Some(a), Some(b)) = (label(gold_text, gold), label(pred_text, pred))
        && (a != b || gold.is_none() || pred.is_none())
    {
        let (verdict, reason) = choice::judged(a == b);
        return Comparison { verdict, reason, gold: gold_text.to_owned(), pred: pred_text.to_owned() };
    }
    let value = |text, labelled: Option<(char, _)>| labelled.map_or(text, |(_, value)| value);
    unlabelled(value(gold_text, gold), value(pred_text, pred), options)
}

/// Whether two answers are certainly equal.
pub fn equal(gold: &str, pred: &str) -> bool {
    decimal::equal(cleaned(gold), cleaned(pred))
        .unwrap_or_else(|| compare(gold, pred, &Options::default()).verdict == Verdict::Equal)
}

type Side<'a> = (&'a str, &'a Result<Form, Gap>);

fn judge(
    (gold_text, gold): Side,
    (pred_text, pred): Side,
    options: &Options,
    budget: &mut Budget,
) -> (Verdict, String) {
    if gold_text.is_empty() {
        return (Verdict::Unknown, "no gold answer".to_owned());
    }
    if pred_text.is_empty() {
        return (Verdict::Different, "no answer".to_owned());
    }
    if let Some(same) = choice::same_letter(gold_text, pred_text) {
        return choice::judged(same);
    }
    let judged = match (gold, pred) {
        (Ok(gold), Ok(pred)) => compare::forms(gold, pred, options, budget),
        (Err(gap), _) | (_, Err(gap)) => Err(*gap),
    };
    match judged {
        Ok((verdict, reason)) => (verdict, reason.to_owned()),
        Err(_) if same_tokens(gold_text, pred_text) => (Verdict::Equal, "same text".to_owned()),
        Err(gap) => {
            let side = if gold.is_err() { "gold answer" } else { "answer" };
            (Verdict::Unknown, format!("{side}: {gap}"))
        }
    }
}

fn normal_form(text: &str, budget: &mut Budget) -> Result<Form, Gap> {
    if text.len() <= limits::LENGTH
        && let Some(words) = phrase::phrase(text)
    {
        return Ok(Form::Phrase(words));
    }
    parser::parse(&lexer::tokens(text)?, budget)
}

/// Whether two answers are the same but for what only concerns looks.
fn same_tokens(gold: &str, pred: &str) -> bool {
    let kinds =
        |text| lexer::tokens(text).map(|tokens| tokens.iter().map(|token| token.kind).collect::<Vec<_>>());
    gold == pred || matches!((kinds(gold), kinds(pred)), (Ok(gold), Ok(pred)) if gold == pred)
}

/// An answer without spaces, Markdown emphasis, full stops and an introduction (`Answer: 5`) around it.
fn cleaned(answer: &str) -> &str {
    let mut plain = answer.trim();
    for mark in ["**", "`", "\""] {
        plain = plain.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)).unwrap_or(plain).trim();
    }
    for introduction in ["the answer is", "final answer:", "answer:", "option "] {
        if let Some(start) = plain.get(..introduction.len())
            && start.eq_ignore_ascii_case(introduction)
        {
            plain = plain[introduction.len()..].trim_start();
        }
    }
    loop {
        if goes_on(plain) {
            break;
        }
        let shorter = plain.trim_end_matches(|last: char| last == '.' || last.is_whitespace());
        let shorter = shorter.strip_suffix("\\\\").unwrap_or(shorter);
        if shorter.len() == plain.len() {
            break;
        }
        plain = shorter;
    }
    plain
}

/// Whether an answer ends in a decimal fraction with dots behind it: digits that go on.
fn goes_on(answer: &str) -> bool {
    let digits = |text: &str| text.len() - text.trim_end_matches(|last: char| last.is_ascii_digit()).len();
    let decimal = |text: &str| digits(text) > 0 && text[..text.len() - digits(text)].ends_with('.');
    answer.strip_suffix("...").is_some_and(decimal)
}

fn shown(text: &str, form: &Result<Form, Gap>) -> String {
    form.as_ref().map_or_else(|_| text.to_owned(), Form::to_string)
}
