//! The short way for what most answers are: two decimal numerals are compared digit by digit.

/// Bytes of a numeral that is looked at here.
const LONGEST: usize = 64;

/// Whether two answers are equal if both are decimal numerals (`-1,234.50`); none if one is anything else.
pub(crate) fn equal(gold: &str, pred: &str) -> Option<bool> {
    let (gold, pred) = (Numeral::read(gold)?, Numeral::read(pred)?);
    let same = gold.whole().eq(pred.whole()) && gold.fraction == pred.fraction;
    Some(same && (gold.negative == pred.negative || gold.is_zero()))
}

/// A number as it is spelt.
struct Numeral<'a> {
    negative: bool,
    /// Digits before the point without leading zeros, perhaps with commas between groups of three.
    whole: &'a [u8],
    /// Digits behind the point without trailing zeros.
    fraction: &'a [u8],
}

impl<'a> Numeral<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None if unsigned.is_empty() => return None,
            None => (unsigned, ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let spelt = text.len() <= LONGEST && (digits(whole) || is_grouped(whole)) && digits(fraction);
        spelt.then(|| Self {
            negative: unsigned.len() < text.len(),
            whole: whole.trim_start_matches('0').as_bytes(),
            fraction: fraction.trim_end_matches('0').as_bytes(),
        })
    }

    /// The digits before the point.
    fn whole(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().copied().filter(|byte| *byte != b',')
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }
}

/// Whether a whole number is written with a comma before every three digits (`12,345,678`).
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    groups
        .next()
        .is_some_and(|first| matches!(first.len(), 1..=3) && digits(first) && !first.starts_with('0'))
        && groups.all(|group| group.len() == 3 && digits(group))
}
