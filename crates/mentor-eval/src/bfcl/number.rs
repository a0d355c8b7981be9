//! Text that Python's `int()` and `float()` read.

use regex::Regex;

use super::value::{Int, Value};

/// The code points of the digit 0 in every script (general category Nd, Unicode 14 as in Python 3.11).
#[rustfmt::skip]
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// A regular expression in which `\s`, `\w` and `\d` are Python's.
pub(super) fn python_pattern(pattern: &str) -> Regex {
    const SPACE: &str =
        r"[\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]";
    let pattern = pattern.replace(r"\s", SPACE).replace(r"\w", r"[\p{L}\p{N}_]").replace(r"\d", r"\p{Nd}");
    Regex::new(&pattern).expect("the patterns of this crate are valid")
}

/// `text.strip()`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `text.lstrip()`.
pub(super) fn strip_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\x1c'..='\x1f').contains(&char)
}

/// `text[1:-1]`.
pub(super) fn inner(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.next_back();
    chars.as_str()
}

/// Whether the text starts and ends with this quote, which may be one and the same.
pub(super) fn quoted(text: &str, quote: char) -> bool {
    text.starts_with(quote) && text.ends_with(quote)
}

/// `int(text)`, of text without spaces around; none for a `ValueError`.
pub(super) fn int(text: &str) -> Option<Int> {
    Int::from_decimal(&ascii(text)?)
}

/// `float(text)`, of text without spaces around; none for a `ValueError`.
pub(super) fn float(text: &str) -> Option<f64> {
    // Rust and Python agree on the grammar, `inf`, `nan` and the rounding included.
    ascii(text)?.parse().ok()
}

/// The number in a text, an integer where it can be one; the text itself where it is none.
pub(super) fn number_or_text(text: &str) -> Value {
    if let Some(int) = int(text) {
        return Value::Int(int);
    }
    float(text).map_or_else(|| Value::Str(text.to_owned()), Value::Float)
}

/// With ASCII digits and without the underscores that may stand between digits; none if one stands elsewhere.
fn ascii(text: &str) -> Option<String> {
    let mut ascii = String::with_capacity(text.len());
    let mut chars = text.chars().map(ascii_digit).peekable();
    while let Some(char) = chars.next() {
        if char == '_' {
            let between = ascii.ends_with(|char: char| char.is_ascii_digit())
                && chars.peek().is_some_and(char::is_ascii_digit);
            if !between {
                return None;
            }
        } else {
            ascii.push(char);
        }
    }
    Some(ascii)
}

/// A decimal digit of any script as its ASCII digit, anything else as it is.
fn ascii_digit(char: char) -> char {
    let code = char as u32;
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let value = after.checked_sub(1).map_or(u32::MAX, |index| code - ZEROS[index]);
    char::from_digit(value, 10).unwrap_or(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("12", Some("12")),
            ("-007", Some("-7")),
            ("+1_000", Some("1000")),
            ("٣４", Some("34")),
            ("-0", Some("0")),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1.0", None),
            ("- 1", None),
            ("", None),
        ] {
            assert_eq!(int(text).map(|int| int.to_string()).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("1_0.5", Some(10.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("1e999", Some(f64::INFINITY)),
            ("٣.٥", Some(3.5)),
            ("1_.5", None),
            ("1e", None),
            ("0x10", None),
            (".", None),
        ] {
            assert_eq!(float(text), expected, "{text}");
        }
        assert!(float("nan").is_some_and(f64::is_nan));
        assert_eq!(int(&"0".repeat(Int::MAX_DIGITS + 1)), None);
    }

    #[test]
    fn slices_count_characters() {
        assert_eq!(["", "a", "ab", "éaé"].map(inner), ["", "", "", "a"]);
        assert_eq!(strip("\u{1f}\u{3000} a\u{85}"), "a");
        assert!(quoted("\"", '"') && !quoted("\"a'", '"'));
    }
}
