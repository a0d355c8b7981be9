//! The suites by name, and the generator that fills them.

use std::collections::BTreeSet;

use mentor_trajectory::{Judge, Plan, Split, Task, ToolSpec};
use serde_json::Value;

use crate::plan::program;
use crate::rng::{Rng, stable_hash};
use crate::split::split_name;
use crate::{arithmetic, functions, multihop};

/// The suites, training's first.
const SUITES: [&str; 5] = ["arithmetic", "arithmetic-deep", "arithmetic-reworded", "functions", "multihop"];

/// `arithmetic` in many wordings: what a base model is made from, and nothing is measured on.
pub(crate) const VARIED: &str = "arithmetic-varied";

/// Calls of a program whose kind no list can use up.
const LONG_ENOUGH: usize = 2;

/// The names of all suites.
pub fn suites() -> &'static [&'static str] {
    &SUITES
}

/// There is no such suite, or the suite has no such split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSuite {
    /// No suite has this name.
    #[error("there is no suite `{0}`; the suites are {list}", list = SUITES.join(", "))]
    Name(String),
    /// The suite's phrasings are held out of pretraining, so it has no pretraining tasks.
    #[error(
        "suite `{0}` has no pretraining split: its phrasings are held out; use suite `arithmetic` instead"
    )]
    HeldOut(String),
}

/// Generates the first `count` tasks of a suite's split for a seed.
///
/// Task `i` depends on the suite, the split, the seed and `i` alone, and is called `suite/split/seed/i`: a longer list
/// begins with the shorter one. No program and no question occurs twice in a list. Every program, and every person,
/// thing and made-up word, belongs to one split by [`split_of`](crate::split_of). Every plan, executed, gives the
/// answer. `arithmetic-reworded` holds the held-out phrasings, so it refuses [`Split::Pretrain`]. Beside the [`suites`]
/// there is `arithmetic-varied`: the tasks of `arithmetic` in many more wordings, for pretraining.
pub fn generate(suite: &str, split: Split, seed: u64, count: usize) -> Result<Vec<Task>, UnknownSuite> {
    let known = SUITES.into_iter().chain([VARIED]).find(|name| *name == suite);
    let suite = known.ok_or_else(|| UnknownSuite::Name(suite.to_owned()))?;
    if (suite, split) == ("arithmetic-reworded", Split::Pretrain) {
        return Err(UnknownSuite::HeldOut(suite.to_owned()));
    }
    let mut seen = BTreeSet::new();
    let fresh = |index| draw_fresh(suite, split, seed, index, &mut seen);
    Ok((0..count).map(fresh).collect())
}

/// Draws until the task belongs to the split and repeats neither program nor question of an earlier one.
fn draw_fresh(suite: &'static str, split: Split, seed: u64, index: usize, seen: &mut BTreeSet<u64>) -> Task {
    let base = [stable_hash(suite), stable_hash(split_name(split)), seed, index as u64];
    let mut rng = Rng::new(&base);
    let shares = match suite {
        "functions" => functions::SHARES,
        "multihop" => multihop::SHARES,
        _ => arithmetic::shares(suite, split),
    };
    // Drawn once, so that a rejected draw does not favour the lengths that are rejected less.
    let steps = rng.weighted(&shares).unwrap_or(1);
    let id = format!("{suite}/{}/{seed}/{index}", split_name(split));
    let mut repeats = 0;
    loop {
        // When short programs are used up in a very long list, its last tasks get longer ones.
        let steps = if repeats < 50 { steps } else { steps.max(LONG_ENOUGH) };
        let draw = Draw { id: &id, suite, split, steps };
        let task = match suite {
            "functions" => Some(functions::draw(&draw, &mut rng)),
            "multihop" => multihop::draw(&draw, &mut rng),
            _ => arithmetic::draw(&draw, &mut rng),
        };
        let Some(task) = task else { continue };
        let (program, question) = (stable_hash(&program(&task)), stable_hash(&task.question));
        if !seen.contains(&program) && !seen.contains(&question) {
            seen.extend([program, question]);
            return task;
        }
        repeats += 1;
    }
}

/// What is wanted of one draw of a task.
pub(crate) struct Draw<'a> {
    pub(crate) id: &'a str,
    pub(crate) suite: &'static str,
    pub(crate) split: Split,
    /// Calls of the first plan.
    pub(crate) steps: usize,
}

impl Draw<'_> {
    /// The task, with its identity filled in.
    pub(crate) fn task(
        &self,
        question: String,
        tools: Vec<ToolSpec>,
        answer: String,
        judge: Judge,
        plans: Vec<Plan>,
        world: Value,
    ) -> Task {
        let (id, suite, split) = (self.id.to_owned(), self.suite.to_owned(), self.split);
        Task { id, suite, split, question, tools, answer, judge, plans, world }
    }
}
