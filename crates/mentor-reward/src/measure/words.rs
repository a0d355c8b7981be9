//! Clauses for people: short whatever a model wrote.

use std::fmt::Write as _;

/// Names that a reason lists; the rest are counted. A model can name as many tools as it likes.
const LISTED: usize = 8;

pub fn braces<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    format!("{{{}}}", joined(names, ", "))
}

pub fn arrows<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    if names.len() == 0 { "nothing".to_owned() } else { joined(names, " → ") }
}

fn joined<'a>(names: impl ExactSizeIterator<Item = &'a str>, separator: &str) -> String {
    let count = names.len();
    let mut text = String::new();
    for (index, name) in names.take(LISTED).enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&clipped(name));
    }
    if count > LISTED {
        write!(text, "{separator}{} more", count - LISTED).expect("writing to a string cannot fail");
    }
    text
}

/// A text of at most 60 characters.
pub fn clipped(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Two decimals at most, no trailing zeros.
pub fn rounded(value: f64) -> f64 {
    // Adding 0 makes −0, the sum of nothing, 0.
    (value * 100.0).round() / 100.0 + 0.0
}
