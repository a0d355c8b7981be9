//! Bootstrap intervals over training seeds and test tasks.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// A mean and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Mean over seeds of the mean over tasks.
    pub mean: f64,
    /// 2.5th percentile of the resampled means.
    pub lo: f64,
    /// 97.5th percentile of the resampled means.
    pub hi: f64,
}

/// The mean of `values[seed][task]` with a percentile bootstrap interval that resamples seeds, then tasks.
///
/// Every seed is tested on the same tasks, in the same order, so seeds and tasks are *crossed*: one draw of seeds and one
/// draw of tasks make a resample, and a task drawn twice counts twice for every seed (the pigeonhole bootstrap: Owen, Annals of
/// Applied Statistics 1, 2007). Drawing tasks anew within each seed would treat a hard task as bad luck of one seed, and
/// give intervals that are too narrow.
///
/// With one seed the interval covers the choice of tasks and not the luck of training: say so where it is shown. With two
/// to five the seeds' part is too narrow by a factor of about √((S−1)/S). A seed with fewer tasks than
/// another has the missing ones left out of its mean. Without any value all three numbers are NaN; without a resample the
/// interval is the mean alone.
pub fn bootstrap(values: &[Vec<f64>], resamples: usize, seed: u64) -> Interval {
    bootstrap_strata(&[values], resamples, seed)
}

/// [`bootstrap`] of the unweighted mean over several suites, such as the mean accuracy out of domain.
///
/// `suites[suite][seed][task]`. One draw of seeds holds for all suites, since it is the same trained model that is tested;
/// tasks are drawn within each suite. A suite without any value is left out.
pub fn bootstrap_strata(suites: &[&[Vec<f64>]], resamples: usize, seed: u64) -> Interval {
    let seeds = suites.iter().map(|suite| suite.len()).max().unwrap_or(0);
    let mut all_seeds: Vec<f64> = vec![1.0; seeds];
    let mut task_counts: Vec<Vec<f64>> = suites.iter().map(|suite| vec![1.0; longest(suite)]).collect();
    let mean = weighted_mean(suites, &all_seeds, &task_counts);

    let mut random = Random::new(seed);
    let mut means = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        draw_counts(&mut all_seeds, &mut random);
        for counts in &mut task_counts {
            draw_counts(counts, &mut random);
        }
        let resampled = weighted_mean(suites, &all_seeds, &task_counts);
        // A resample can draw nothing but values that are missing; it says nothing.
        if resampled.is_finite() {
            means.push(resampled);
        }
    }
    means.sort_by(f64::total_cmp);
    Interval {
        mean,
        lo: quantile(&means, 0.025).unwrap_or(mean),
        hi: quantile(&means, 0.975).unwrap_or(mean),
    }
}

/// The number of tasks of the seed that has most.
fn longest(suite: &[Vec<f64>]) -> usize {
    suite.iter().map(Vec::len).max().unwrap_or(0)
}

/// As many draws with replacement as there are items; what is left is how often each was drawn.
fn draw_counts(counts: &mut [f64], random: &mut Random) {
    counts.fill(0.0);
    for _ in 0..counts.len() {
        counts[random.below(counts.len())] += 1.0;
    }
}

/// The mean over suites of the mean over seeds of the mean over tasks, seeds and tasks weighted by their counts.
fn weighted_mean(suites: &[&[Vec<f64>]], seed_counts: &[f64], task_counts: &[Vec<f64>]) -> f64 {
    let over_suites = suites.iter().zip(task_counts).map(|(suite, counts)| {
        let over_tasks =
            suite.iter().zip(seed_counts).filter(|(_, count)| **count > 0.0).map(|(values, count)| {
                let sum: f64 = values.iter().zip(counts).map(|(value, count)| value * count).sum();
                let tasks: f64 = counts[..values.len()].iter().sum();
                (sum / tasks, if tasks > 0.0 { *count } else { 0.0 })
            });
        mean_of(over_tasks)
    });
    mean_of(over_suites.map(|mean| (mean, if mean.is_nan() { 0.0 } else { 1.0 })))
}

/// The weighted mean of (value, weight); values of weight zero are not looked at. NaN without any weight.
fn mean_of(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (value, weight) in values.filter(|(_, weight)| *weight > 0.0) {
        sum += value * weight;
        weights += weight;
    }
    sum / weights
}

/// The quantile of sorted values, interpolated linearly between neighbours (Hyndman and Fan's type 7).
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let between = position - below as f64;
    // At equal neighbours the interpolation must not move by rounding: a constant has an interval of no width.
    Some(if sorted[below] == sorted[above] {
        sorted[below]
    } else {
        sorted[below] * (1.0 - between) + sorted[above] * between
    })
}
