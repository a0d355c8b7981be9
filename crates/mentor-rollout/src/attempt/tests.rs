use mentor_trajectory::{CallRecord, Reading};
use proptest::prelude::*;

use super::{cut, unreadable};

fn record(faults: &[&str]) -> CallRecord {
    CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Unusable,
        faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
        call: None,
        observation: None,
    }
}

#[test]
fn unreadable_calls_are_told_in_words_what_cannot_be_mended() {
    let cases: [(&[&str], &str); 4] = [
        (&[], "error: the call could not be read"),
        (&["cut_off"], "error: the call could not be read: cut off"),
        (&["a_b", "c", "d", "e"], "error: the call could not be read: a b, c, d"),
        (&["trailing_comma", "missing_name"], "error: the call could not be read: missing name"),
    ];
    for (faults, expected) in cases {
        assert_eq!(unreadable(&record(faults)), expected);
    }
}

proptest! {
    #[test]
    fn a_cut_is_a_prefix_with_a_mark_and_fits(text in "\\PC{0,20}", most in 0_usize..25) {
        let short = cut(text.clone(), most);
        prop_assert!(short.chars().count() <= most);
        if text.chars().count() <= most {
            prop_assert_eq!(short, text);
        } else if most > 0 {
            prop_assert!(text.starts_with(short.strip_suffix('…').unwrap()));
        }
    }
}
