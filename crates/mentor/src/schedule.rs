//! Which tasks a step sees: the same for every arm of a seed.

use mentor_rollout::{Rng, derive_seed};
use mentor_trajectory::Trajectory;

use crate::config::{Curriculum, Difficulty};

/// The tasks a step may draw from, and how it draws: all tasks, or under a curriculum the easiest so far.
///
/// A group of tasks that grows is gone through like an epoch of its own at every size.
pub fn drawn(
    curriculum: Option<&Curriculum>,
    teacher: &[Trajectory],
    (seed, step, per_step): (u64, usize, usize),
) -> Vec<usize> {
    let Some(curriculum) = curriculum else { return task_indices(seed, step, per_step, teacher.len()) };
    let easiest_first = by_difficulty(curriculum.by, teacher);
    let progress = ((step - 1) as f64 / (curriculum.until - 1) as f64).min(1.0);
    let share = curriculum.from + (1.0 - curriculum.from) * progress;
    let count =
        ((share * teacher.len() as f64).ceil() as usize).clamp(per_step.min(teacher.len()), teacher.len());
    task_indices(seed, step, per_step, count).into_iter().map(|place| easiest_first[place]).collect()
}

/// The tasks from the one that took the teacher least to the one that took it most; of equals in their order.
fn by_difficulty(by: Difficulty, teacher: &[Trajectory]) -> Vec<usize> {
    let difficulty = |index: &usize| match by {
        Difficulty::TeacherCalls => teacher[*index].records().count(),
        Difficulty::TeacherLength => teacher[*index].turns.iter().map(|turn| turn.text.chars().count()).sum(),
    };
    let mut order: Vec<usize> = (0..teacher.len()).collect();
    order.sort_by_key(difficulty);
    order
}

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
    fn a_curriculum_draws_from_the_easiest_tasks_first() {
        let turn = |words: usize| mentor_trajectory::Turn { text: "w".repeat(words), ..Default::default() };
        let teacher: Vec<Trajectory> = [5, 1, 4, 2, 3, 6, 8, 7]
            .map(|words| Trajectory {
                id: String::new(),
                task_id: String::new(),
                source: String::new(),
                turns: vec![turn(words)],
                ending: mentor_trajectory::Ending::Ended,
            })
            .to_vec();
        let curriculum = Curriculum { by: Difficulty::TeacherLength, from: 0.25, until: 4 };
        let most = |step| {
            let drawn = drawn(Some(&curriculum), &teacher, (7, step, 2));
            drawn.into_iter().map(|task| teacher[task].turns[0].text.len()).max()
        };
        assert_eq!(most(1), Some(2));
        assert!(most(2) <= Some(4));
        let all: std::collections::BTreeSet<usize> =
            (9..=16).flat_map(|step| drawn(Some(&curriculum), &teacher, (7, step, 2))).collect();
        assert_eq!(all.len(), 8);
        assert_eq!(drawn(None, &teacher, (7, 3, 2)), task_indices(7, 3, 2, 8));
    }

    #[test]
    fn epochs_and_seeds_differ_in_order() {
        assert_ne!(task_indices(7, 1, 20, 20), task_indices(7, 2, 20, 20));
        assert_ne!(task_indices(7, 1, 20, 20), task_indices(8, 1, 20, 20));
    }
}
