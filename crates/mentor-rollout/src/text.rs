//! A rollout as a person reads it.

use std::fmt::Write;

use mentor_trajectory::{Ending, Task, Trajectory};

/// The attempt as readable text: question, turns as written, observations, ending.
///
/// For logs and reports only. It is not what the model saw (that is [`crate::Rollout::tokens`]) and cannot be
/// read back.
pub fn text(task: &Task, trajectory: &Trajectory) -> String {
    let mut out = format!("user: {}\n", task.question);
    for turn in &trajectory.turns {
        append(&mut out, "assistant", &turn.text);
        for observation in turn.calls.iter().filter_map(|record| record.observation.as_ref()) {
            append(&mut out, "tool", &observation.content);
        }
    }
    out.push_str(match trajectory.ending {
        Ending::Ended => "[ended]\n",
        Ending::TurnLimit => "[stopped: turn limit]\n",
        Ending::TokenLimit => "[stopped: token limit]\n",
        Ending::InObservation => "[stopped: in an observation]\n",
    });
    out
}

fn append(out: &mut String, speaker: &str, words: &str) {
    writeln!(out, "{speaker}: {words}").expect("writing to a String cannot fail");
}
