//! Answers in words.

use crate::lexer::{MATH_WORDS, is_greek};

/// Whether words say that there is no such number.
pub(crate) fn is_nothing(words: &str) -> bool {
    matches!(
        words,
        "no solution"
            | "no solutions"
            | "no real solution"
            | "no real solutions"
            | "empty set"
            | "the empty set"
    )
}

/// Whether words say that every real number is meant.
pub(crate) fn is_everything(words: &str) -> bool {
    matches!(words, "all real numbers" | "all reals" | "real numbers" | "all real" | "any real number")
}

/// Whether a run of letters is more likely a product of variables (`xy`) than a word.
fn is_product(run: &str) -> bool {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "an", "as", "at", "am", "be", "by", "do", "go", "he", "hi", "if", "in", "is", "it", "me", "my", "no", "of", "on",
        "or", "pi", "so", "to", "up", "us", "we", "ad", "bad", "cab", "dad", "mph", "kph", "why", "shy", "try", "dry", "sky",
    ];
    (2..=3).contains(&run.len())
        && run.bytes().all(|byte| byte.is_ascii_lowercase())
        && !WORDS.contains(&run)
        && (run.len() == 2
            || run
                .bytes()
                .all(|byte| !b"eiou".contains(&byte) && (byte != b'a' || run.bytes().all(|b| b <= b'd'))))
}

/// An answer as a phrase in lower case with single spaces; none if it is not made of words alone.
///
/// A single run of letters is a phrase if it is no name of mathematics and longer than one letter (`ABC` is a name, not
/// a product); several runs are one if any of them could be no product of variables.
pub(crate) fn phrase(answer: &str) -> Option<String> {
    if is_product(answer) {
        return None;
    }
    if answer.bytes().any(|byte| byte.is_ascii_digit() || b"^=+*/|<>[]".contains(&byte)) {
        return None;
    }
    let mut plain = answer.replace("\\ ", " ").replace('~', " ");
    for command in [
        "\\textbf",
        "\\textit",
        "\\textrm",
        "\\text",
        "\\mathrm",
        "\\mathbf",
        "\\mbox",
        "\\boxed",
        "\\overline",
        "$",
    ] {
        plain = plain.replace(command, "");
    }
    let plain = plain.replace(['{', '}', '"', '“', '”'], "");
    let plain = plain.trim().trim_end_matches(['.', '!', '?']);
    let allowed = |character: char| character.is_alphabetic() || " \t\n,'’-".contains(character);
    if !plain.chars().all(allowed) || plain.starts_with('-') {
        return None;
    }
    let runs: Vec<&str> = plain.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty()).collect();
    let is_word = |run: &&&str, letters: usize| {
        run.chars().count() >= letters && !is_greek(run) && !MATH_WORDS.contains(&run.to_lowercase().as_str())
    };
    let needed = if runs.len() == 1 { 2 } else { 3 };
    runs.iter()
        .any(|run| is_word(&run, needed))
        .then(|| plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
}
