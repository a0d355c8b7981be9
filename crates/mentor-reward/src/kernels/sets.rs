//! Sets as sorted slices: every comparison is one merge.

use std::cmp::Ordering;

/// The set of the items: sorted, each once.
pub fn to_set<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut set: Vec<T> = items.into_iter().collect();
    set.sort_unstable();
    set.dedup();
    set
}

/// How many items two sets share; O(a + b).
pub fn intersection_len<T: Ord>(a: &[T], b: &[T]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        // Adding comparisons instead of branching on them keeps random sets from stalling the pipeline.
        let ordering = a[i].cmp(&b[j]);
        i += usize::from(ordering != Ordering::Greater);
        j += usize::from(ordering != Ordering::Less);
        shared += usize::from(ordering == Ordering::Equal);
    }
    shared
}

/// Whether two sets hold the same items.
pub fn set_equal<T: Ord>(a: &[T], b: &[T]) -> bool {
    a == b
}

/// Whether two sets share an item.
pub fn set_overlap<T: Ord>(a: &[T], b: &[T]) -> bool {
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => return true,
        }
    }
    false
}

/// F1 of one set against another: `2·|a ∩ b| / (|a| + |b|)`; 0 for two empty sets, symmetric.
pub fn set_f1<T: Ord>(a: &[T], b: &[T]) -> f64 {
    if a.is_empty() && b.is_empty() {
        return 0.0;
    }
    2.0 * intersection_len(a, b) as f64 / (a.len() + b.len()) as f64
}
