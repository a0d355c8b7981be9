//! Which tasks a step sees: the same for every arm of a seed.

use mentor_rollout::{Rng, derive_seed};

/// Indices of the tasks of `step` (from 1): the tasks are gone through in a fresh random order each epoch, a step
/// taking the next `per_step` of them.
pub fn task_indices(seed: u64, step: usize, per_step: usize, tasks: usize) -> Vec<usize> {
    let first = (step - 1) * per_step;
    let mut order = Vec::new();
    let mut epoch_of_order = usize::MAX;
    (first..first + per_step)
        .map(|position| {
            let epoch = position / tasks;
            if epoch != epoch_of_order {
                order = permutation(derive_seed(&[seed, epoch as u64, EPOCH_ORDER]), tasks);
                epoch_of_order = epoch;
            }
            order[position % tasks]
        })
        .collect()
}

/// Keeps the stream of task orders apart from the streams of rollouts.
const EPOCH_ORDER: u64 = 0x6570_6f63_6873;

/// A uniformly random order of `0..n`.
pub fn permutation(seed: u64, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Rng::new(seed).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_shows_every_task_once() {
        let mut seen: Vec<usize> = (1..=5).flat_map(|step| task_indices(7, step, 4, 20)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn epochs_and_seeds_differ_in_order() {
        assert_ne!(task_indices(7, 1, 20, 20), task_indices(7, 2, 20, 20));
        assert_ne!(task_indices(7, 1, 20, 20), task_indices(8, 1, 20, 20));
    }
}
