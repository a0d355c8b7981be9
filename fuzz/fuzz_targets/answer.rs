//! Two answers, one a line: judged the same each time, the same either way round, and each equal to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mentor_answer::{Options, Verdict, compare, equal, last_boxed};

fuzz_target!(|data: &str| {
    let (gold, pred) = data.split_once('\n').unwrap_or((data, ""));
    let found = compare(gold, pred, &Options::default());
    assert_eq!(compare(gold, pred, &Options::default()), found);
    if !gold.trim().is_empty() && !pred.trim().is_empty() && found.reason != "no answer" {
        assert_eq!(equal(pred, gold), found.verdict == Verdict::Equal);
    }
    let same = compare(gold, gold, &Options::default());
    assert!(same.verdict == Verdict::Equal || same.reason == "no gold answer");
    last_boxed(data);
});
