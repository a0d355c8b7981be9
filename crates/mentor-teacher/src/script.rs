//! Writing an attempt turn by turn: text in Hermes form, read back as a student's would be, calls really executed.

use mentor_env::{Rng, execute, stable_hash};
use mentor_toolcall::{hermes, read_turn};
use mentor_trajectory::{Call, Ending, Observation, Task, Trajectory, Turn};

use crate::wording;

/// An attempt being written.
pub(crate) struct Script<'a> {
    task: &'a Task,
    source: &'static str,
    seed: u64,
    rng: Rng,
    turns: Vec<Turn>,
}

impl<'a> Script<'a> {
    /// An empty attempt; its wordings depend on the source, the task's id and the seed.
    pub(crate) fn new(task: &'a Task, source: &'static str, seed: u64) -> Self {
        let rng = Rng::new(&[stable_hash(source), stable_hash(&task.id), seed]);
        Self { task, source, seed, rng, turns: Vec::new() }
    }

    /// Writes a turn with a thought and `call`, and gives what the environment answers.
    pub(crate) fn call(&mut self, call: &Call) -> Observation {
        let thought = wording::thought(&call.name, self.turns.len(), &mut self.rng);
        self.turn(&thought, call)
    }

    /// Writes a turn that makes a call again after an error.
    pub(crate) fn call_again(&mut self, call: &Call) -> Observation {
        let thought = wording::second_thought(&mut self.rng);
        self.turn(thought, call)
    }

    fn turn(&mut self, thought: &str, call: &Call) -> Observation {
        let mut turn = read_turn(&format!("{thought}\n{}", hermes::write_call(call)), true);
        let observation = execute(self.task, call);
        for record in &mut turn.calls {
            record.observation = record.lenient().map(|read| execute(self.task, read));
        }
        self.turns.push(turn);
        observation
    }

    /// Writes the final turn with `answer` in its box.
    pub(crate) fn finish(mut self, answer: &str) -> Trajectory {
        let text = wording::conclusion(answer, self.task.judge, &mut self.rng);
        self.turns.push(read_turn(&text, true));
        Trajectory {
            id: format!("{}/{}/{}", self.task.id, self.source, self.seed),
            task_id: self.task.id.clone(),
            source: self.source.to_owned(),
            turns: self.turns,
            ending: Ending::Ended,
        }
    }
}
