//! Which split a program or a word belongs to: a stable hash decides, so no two splits can share one.

use mentor_trajectory::Split;

use crate::rng::stable_hash;

/// The split that owns `key`: 60 % of keys belong to pretraining, 15 % to training, 10 % to validation, 15 % to test.
///
/// Keys are normalised programs and lower-case entity names. The assignment depends on the key alone and is part of
/// what a trained checkpoint has seen, so it never changes.
pub fn split_of(key: &str) -> Split {
    match stable_hash(key) % 100 {
        0..60 => Split::Pretrain,
        60..75 => Split::Train,
        75..85 => Split::Validation,
        _ => Split::Test,
    }
}

/// The name of a split as it stands in task ids.
pub(crate) fn split_name(split: Split) -> &'static str {
    match split {
        Split::Pretrain => "pretrain",
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}
