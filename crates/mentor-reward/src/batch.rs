//! Many attempts at once: a task and its teachers are read once, memory is used again, and the work spreads over cores.

use mentor_trajectory::{Task, Trajectory};
use rayon::prelude::*;

use crate::facts::{Facts, Memory, Prepared};
use crate::score::{explained, total};
use crate::{Case, Reward, Score};

/// A reward made ready for the attempts at one task.
pub struct Scorer<'a> {
    reward: &'a Reward,
    prepared: Prepared<'a>,
}

/// Memory that [`Scorer::total`] uses again from case to case; one for each thread.
#[derive(Default)]
pub struct Workspace(Memory);

impl<'a> Scorer<'a> {
    /// Numbers the names of the task's tools and of the teachers' calls.
    pub fn new(
        reward: &'a Reward,
        task: &'a Task,
        teacher: &'a Trajectory,
        placebo: Option<&'a Trajectory>,
    ) -> Self {
        Self { reward, prepared: Prepared::new(task, teacher, placebo) }
    }

    /// The total that [`score`](crate::score()) gives, bit for bit, without its words.
    ///
    /// The case's task and teachers are those that the scorer was made for. With the presets nothing is allocated once the
    /// workspace has grown to the size of the cases.
    pub fn total(&self, case: &Case, workspace: &mut Workspace) -> f64 {
        total(self.reward, &mut Facts::of(case, &self.prepared, &mut workspace.0))
    }

    /// The score with its parts and reasons.
    pub fn score(&self, case: &Case, workspace: &mut Workspace) -> Score {
        explained(self.reward, &mut Facts::of(case, &self.prepared, &mut workspace.0)).0
    }
}

/// The total of every case, in order, on all threads of rayon's pool.
///
/// Cases in a row with the same task and teachers, as those of a group are, share the work of reading these.
pub fn totals(reward: &Reward, cases: &[Case]) -> Vec<f64> {
    each(reward, cases, Scorer::total)
}

/// The score of every case, in order, on all threads of rayon's pool.
pub fn scores(reward: &Reward, cases: &[Case]) -> Vec<Score> {
    each(reward, cases, Scorer::score)
}

fn each<'a, T: Send>(
    reward: &'a Reward,
    cases: &[Case<'a>],
    of: impl Fn(&Scorer<'a>, &Case<'a>, &mut Workspace) -> T + Sync,
) -> Vec<T> {
    cases
        .par_chunk_by(same_task)
        .map_init(Workspace::default, |workspace, cases| {
            let first = &cases[0];
            let scorer = Scorer::new(reward, first.task, first.teacher, first.placebo);
            cases.iter().map(|case| of(&scorer, case, workspace)).collect::<Vec<T>>()
        })
        .flatten_iter()
        .collect()
}

fn same_task(a: &Case, b: &Case) -> bool {
    let same_placebo = match (a.placebo, b.placebo) {
        (None, None) => true,
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        _ => false,
    };
    std::ptr::eq(a.task, b.task) && std::ptr::eq(a.teacher, b.teacher) && same_placebo
}
