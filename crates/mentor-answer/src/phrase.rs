//! Answers in words.

use crate::lexer::{MATH_WORDS, is_greek};

/// An answer as a phrase in lower case with single spaces; none if it is not made of words alone.
///
/// A single run of letters is a phrase if it is no name of mathematics and longer than one letter (`ABC` is a name, not
/// a product); several runs are one if any of them could be no product of variables.
pub(crate) fn phrase(answer: &str) -> Option<String> {
    if answer.bytes().any(|byte| byte.is_ascii_digit() || b"^=+*/|<>[]".contains(&byte)) {
        return None;
    }
    let mut plain = answer.replace("\\ ", " ").replace('~', " ");
    for command in
        ["\\textbf", "\\textit", "\\textrm", "\\text", "\\mathrm", "\\mathbf", "\\mbox", "\\boxed", "$"]
    {
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
