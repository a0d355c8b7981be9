//! The scripted teacher.

use mentor_trajectory::{Task, Trajectory};

use crate::script::Script;

/// Solves `task` as the scripted teacher does: the task's first plan, one call a turn, a short thought before each.
///
/// Every call is executed; every turn is written in Hermes form and read back, so that teacher and student share one
/// path. Wordings depend on the task's id and `seed`. The trajectory has ended and has source `scripted`. A task
/// without plans is answered without a call.
pub fn solve(task: &Task, seed: u64) -> Trajectory {
    let mut script = Script::new(task, "scripted", seed);
    for call in task.plans.first().map_or(&[][..], |plan| &plan.calls) {
        script.call(call);
    }
    script.finish(&task.answer)
}
