//! Is one arm better than another on the same seeds and tasks?

use serde::{Deserialize, Serialize};

use crate::interval::bootstrap_strata;
use crate::random::Random;

/// The fewest seeds for which a p-value is given: with five, no outcome of a two-sided sign-flip test is below 0.05.
pub const FEWEST_SEEDS: usize = 6;

/// The most seeds for which all sign flips are enumerated; beyond, flips are sampled.
const MOST_EXACT: usize = 20;

/// Flips drawn when there are too many to enumerate.
const SAMPLED_FLIPS: usize = 100_000;

/// A paired comparison of two arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Mean of the first minus mean of the second.
    pub difference: f64,
    /// 95 % bootstrap interval of the difference.
    pub ci95: (f64, f64),
    /// Two-sided; none with fewer than [`FEWEST_SEEDS`] seeds.
    pub p_value: Option<f64>,
    /// How interval and p-value were made, in words.
    pub test: String,
}

/// Compares `a[seed][task]` with `b[seed][task]`.
///
/// Seeds and tasks are paired by position; what one side lacks is left out on the other. The interval is
/// [`bootstrap`](crate::bootstrap) of the differences. The p-value asks whether the *training method* differs, so its unit is
/// the seed: under the null hypothesis each seed's mean difference could as well have the other sign, and p is the
/// share of all 2^S sign patterns whose mean is at least as far from zero as the one observed (exact up to 20 seeds,
/// 100,000 sampled patterns beyond).
pub fn paired(a: &[Vec<f64>], b: &[Vec<f64>], resamples: usize, seed: u64) -> Comparison {
    paired_strata(&[a], &[b], resamples, seed)
}

/// [`paired`] for the unweighted mean over several suites: `a[suite][seed][task]`.
pub fn paired_strata(a: &[&[Vec<f64>]], b: &[&[Vec<f64>]], resamples: usize, seed: u64) -> Comparison {
    let differences: Vec<Vec<Vec<f64>>> = a.iter().zip(b).map(|(a, b)| subtract(a, b)).collect();
    let suites: Vec<&[Vec<f64>]> = differences.iter().map(Vec::as_slice).collect();
    let interval = bootstrap_strata(&suites, resamples, seed);
    let seeds = seed_differences(&suites);
    let p_value = (seeds.len() >= FEWEST_SEEDS).then(|| sign_flip(&seeds, seed));
    let tasks: usize = suites.iter().map(|suite| suite.iter().map(Vec::len).max().unwrap_or(0)).sum();
    Comparison {
        difference: interval.mean,
        ci95: (interval.lo, interval.hi),
        p_value,
        test: describe(seeds.len(), tasks, resamples),
    }
}

fn subtract(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect()).collect()
}

/// Each seed's mean over suites of its mean difference; seeds without a task are left out.
fn seed_differences(suites: &[&[Vec<f64>]]) -> Vec<f64> {
    let seeds = suites.iter().map(|suite| suite.len()).max().unwrap_or(0);
    (0..seeds)
        .filter_map(|seed| {
            let tasks = suites.iter().filter_map(|suite| suite.get(seed)).filter(|tasks| !tasks.is_empty());
            mean(tasks.map(|tasks| tasks.iter().sum::<f64>() / tasks.len() as f64))
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// The two-sided p-value of the sign-flip test on the sum of `differences`.
fn sign_flip(differences: &[f64], seed: u64) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    // Sums that are equal but for the order of rounding count as equal.
    let size: f64 = differences.iter().map(|difference| difference.abs()).sum();
    let threshold = observed - 1e-12 * size;
    let flipped = |pattern: u64| {
        let signed = differences
            .iter()
            .enumerate()
            .map(|(i, value)| if pattern >> i & 1 == 1 { -value } else { *value });
        signed.sum::<f64>().abs() >= threshold
    };
    if differences.len() <= MOST_EXACT {
        let patterns = 1_u64 << differences.len();
        return (0..patterns).filter(|pattern| flipped(*pattern)).count() as f64 / patterns as f64;
    }
    let mut random = Random::new(seed ^ 0x7369_676e_2d66_6c70);
    let as_far = (0..SAMPLED_FLIPS)
        .filter(|_| {
            let signed = differences.iter().map(|value| if random.below(2) == 1 { -value } else { *value });
            signed.sum::<f64>().abs() >= threshold
        })
        .count();
    // The observed pattern is one of the possible ones (Phipson and Smyth 2010).
    (as_far + 1) as f64 / (SAMPLED_FLIPS + 1) as f64
}

fn describe(seeds: usize, tasks: usize, resamples: usize) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let interval = format!(
        "paired percentile bootstrap over {} and {}, {}",
        count(seeds, "seed"),
        count(tasks, "task"),
        count(resamples, "resample")
    );
    let test = match seeds {
        0 => "nothing to compare".to_owned(),
        1 => "the interval covers tasks, not training; no p-value with one seed".to_owned(),
        _ if seeds < FEWEST_SEEDS => format!("no p-value with fewer than {FEWEST_SEEDS} seeds"),
        _ if seeds <= MOST_EXACT => {
            "exact two-sided sign-flip permutation test over per-seed differences".to_owned()
        }
        _ => format!(
            "two-sided sign-flip permutation test over per-seed differences, {SAMPLED_FLIPS} patterns"
        ),
    };
    format!("{interval}; {test}")
}
