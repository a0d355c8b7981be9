//! Numbers as a reader sees them.

/// A share as a percentage with one decimal, without the sign.
pub fn percent(share: f64) -> String {
    signless_zero(format!("{:.1}", share * 100.0))
}

/// A difference of shares in percentage points, signed.
pub fn points(difference: f64) -> String {
    let text = signless_zero(format!("{:+.1}", difference * 100.0));
    text.replace('-', "−")
}

/// An interval of shares in percent.
pub fn percent_interval(ci95: [f64; 2]) -> String {
    format!("[{},\u{a0}{}]", percent(ci95[0]), percent(ci95[1]))
}

/// An interval of differences in percentage points.
pub fn points_interval(ci95: [f64; 2]) -> String {
    format!("[{},\u{a0}{}]", points(ci95[0]), points(ci95[1]))
}

fn signless_zero(text: String) -> String {
    if text == "-0.0" || text == "+0.0" { "0.0".to_owned() } else { text }
}

/// A number between 0 and 1 with two decimals.
pub fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// A p-value.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// A count, from ten thousand on in thousands or millions.
pub fn count(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.2} G", n / 1e9),
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// A duration.
pub fn seconds(s: f64) -> String {
    let (s, whole) = (s + 0.0, s.round() as u64);
    match whole {
        0..60 => format!("{s:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A large quantity as a power of ten: `3.4 × 10¹⁵`.
pub fn scientific(value: f64) -> String {
    if value <= 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.1e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised = exponent.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => digit.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(digit),
    });
    format!("{mantissa} × 10{}", raised.collect::<String>())
}

/// A small number with three significant digits.
pub fn significant(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.3}"),
        _ => scientific(value),
    }
}

/// At most three decimals, without trailing zeros.
pub fn short(value: f64) -> String {
    format!("{}", (value * 1000.0).round() / 1000.0 + 0.0).replace('-', "−")
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// `1 seed`, `3 seeds`.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// At most `limit` characters, saying how many were left out.
pub fn clipped(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    format!("{kept} … ({} more characters)", length - limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.62149), "62.1");
        assert_eq!(points(-0.0312), "−3.1");
        assert_eq!(points(0.0001), "0.0");
        assert_eq!(points(-0.0001), "0.0");
        assert_eq!(points_interval([-0.01, 0.02]), "[−1.0,\u{a0}+2.0]");
        assert_eq!(count(1_234_567.0), "1.23 M");
        assert_eq!(seconds(59.96), "1 min 0 s");
        assert_eq!(seconds(3725.0), "1 h 2 min");
        assert_eq!(seconds(std::iter::empty::<f64>().sum()), "0.0 s");
        assert_eq!(scientific(3.42e15), "3.4 × 10¹⁵");
        assert_eq!(scientific(2.0e-6), "2.0 × 10⁻⁶");
        assert_eq!(short(0.7 * 0.2), "0.14");
        assert_eq!(short(-1.0), "−1");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(clipped("äöüß", 2), "äö … (2 more characters)");
        assert_eq!(p_value(0.0004), "< 0.001");
        assert_eq!(p_value(0.03125), "0.031");
    }
}
