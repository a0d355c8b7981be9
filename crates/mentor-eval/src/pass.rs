//! How often at least one of k attempts is right.

/// The unbiased estimate of pass@k from `n` attempts of which `correct` were right: 1 − C(n−c, k)/C(n, k).
///
/// Chen et al., arXiv 2107.03374, equation 1, as the product that never forms a large binomial. There is no estimate for
/// k above n, so such a k is taken as n; `correct` above n is taken as n. Zero attempts, or k = 0, give 0.
pub fn pass_at_k(n: usize, correct: usize, k: usize) -> f64 {
    let k = k.min(n);
    if k == 0 {
        return 0.0;
    }
    let wrong = n - correct.min(n);
    if wrong < k {
        return 1.0;
    }
    let all_wrong: f64 = (0..k).map(|drawn| (wrong - drawn) as f64 / (n - drawn) as f64).product();
    1.0 - all_wrong
}
