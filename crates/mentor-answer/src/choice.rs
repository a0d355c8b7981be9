//! Multiple choice: the letter of an answer, alone or before its text.

use crate::{Verdict, lexer, limits::Budget, parser};

/// Letters that label a choice.
const LABELS: std::ops::RangeInclusive<char> = 'A'..='F';

const STYLES: [&str; 6] = ["\\textbf{", "\\text{", "\\textrm{", "\\mathrm{", "\\mathbf{", "\\bf{"];

/// What stands in the braces of a style that an answer begins with, and what follows them.
fn styled(answer: &str) -> Option<(&str, &str)> {
    STYLES.iter().find_map(|style| answer.strip_prefix(style)?.split_once('}'))
}

/// A letter in brackets, as a capital, and what follows it: `(B) 12`, `b) 12`.
fn bracketed(text: &str) -> Option<(char, &str)> {
    let mut rest = text.strip_prefix('(').unwrap_or(text).chars();
    let label = rest.next()?.to_ascii_uppercase();
    let rest = rest.as_str().strip_prefix(')')?;
    LABELS.contains(&label).then_some((label, rest))
}

fn is_understood(answer: &str) -> bool {
    lexer::tokens(answer).and_then(|tokens| parser::parse(&tokens, &mut Budget::new())).is_ok()
}

/// The label of a choice and its text, as in `(B) 12` or `\textbf{(B)}\ 12`; none if there is no text, or if it may be meant
/// as a product.
pub(crate) fn labelled(answer: &str) -> Option<(char, &str)> {
    if !answer.starts_with(['\\', '(']) && answer.as_bytes().get(1) != Some(&b')') {
        return None;
    }
    let (label, rest) = if let Some((inside, rest)) = styled(answer) {
        let (label, nothing) = bracketed(inside.trim())?;
        (label, nothing.is_empty().then_some(rest)?)
    } else {
        let (label, rest) = bracketed(answer)?;
        let capital = answer.trim_start_matches('(').starts_with(label);
        ((capital && rest.starts_with(' ') || !is_understood(answer)).then_some(label)?, rest)
    };
    let mut value = rest.trim_start();
    for space in ["\\ ", "\\quad", "\\qquad", "\\,", "\\;", "~", ":"] {
        value = value.strip_prefix(space).unwrap_or(value).trim_start();
    }
    (!value.is_empty()).then_some((label, value))
}

/// The letter of a choice alone, as a capital: `B`, `(b)`, `\text{B}`.
pub(crate) fn letter(answer: &str) -> Option<char> {
    let inside =
        styled(answer).filter(|(_, rest)| rest.is_empty()).map_or(answer, |(inside, _)| inside).trim();
    if let Some((label, rest)) = bracketed(inside) {
        return rest.is_empty().then_some(label);
    }
    let mut letters = inside.chars();
    let label = letters.next()?.to_ascii_uppercase();
    (letters.next().is_none() && LABELS.contains(&label)).then_some(label)
}

/// Whether two answers are the letter of one choice; none if they may be something else, as `B` and `b`.
pub(crate) fn same_letter(gold: &str, pred: &str) -> Option<bool> {
    let marked = gold.len() > 1 || pred.len() > 1;
    let (gold, pred) = (letter(gold)?, letter(pred)?);
    marked.then_some(gold == pred)
}

/// The verdict on two choices, and its reason.
pub(crate) fn judged(same: bool) -> (Verdict, String) {
    let (verdict, reason) =
        if same { (Verdict::Equal, "equal") } else { (Verdict::Different, "choices differ") };
    (verdict, reason.to_owned())
}
