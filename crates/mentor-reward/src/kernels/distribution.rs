//! Distributions over the same categories, as counts.

/// 1 − the Jensen–Shannon divergence, base 2, of two distributions given by counts: `[a, b]` for each category.
///
/// 1 for equal distributions, 0 for those without a common category. Where one side counted nothing there is no
/// distribution: 0, or 1 if neither did.
pub fn distribution_similarity(counts: &[[u32; 2]]) -> f64 {
    let total = |side: usize| counts.iter().map(|count| u64::from(count[side])).sum::<u64>() as f64;
    let (a_total, b_total) = (total(0), total(1));
    if a_total == 0.0 || b_total == 0.0 {
        return f64::from(u8::from(a_total == b_total));
    }
    let divergence: f64 = counts
        .iter()
        .map(|&[a, b]| {
            let (p, q) = (f64::from(a) / a_total, f64::from(b) / b_total);
            let middle = f64::midpoint(p, q);
            0.5 * (surprise(p, middle) + surprise(q, middle))
        })
        .sum();
    // Rounding may leave the divergence of equal or disjoint distributions a hair outside its range.
    1.0 - divergence.clamp(0.0, 1.0)
}

/// p·log₂(p/m), the limit 0 at p = 0.
fn surprise(p: f64, middle: f64) -> f64 {
    if p > 0.0 { p * (p / middle).log2() } else { 0.0 }
}
