//! Who carries out the calls of an episode.

use mentor_env::execute;
use mentor_trajectory::{Call, Observation, Task};
use rayon::prelude::*;

/// A call to be carried out.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// [`crate::Episode::id`]: calls of one episode share it, for tools with a state.
    pub episode: &'a str,
    /// The turn it was made in, from 0.
    pub turn: usize,
    /// The task it was made at; it says which tools are on offer.
    pub task: &'a Task,
    /// The call: one that leaves one reading.
    pub call: &'a Call,
}

/// What keeps tools from answering at all. A tool that refuses a call answers.
pub type ToolsError = Box<dyn std::error::Error + Send + Sync>;

/// Whoever carries out calls.
pub trait Tools: Sync {
    /// Carries out calls and gives an observation for each, in their order.
    ///
    /// They are the calls of all episodes whose turn was closed by the same pass of the model; those of one episode
    /// stand together, in the order in which they were written.
    ///
    /// # Errors
    /// No observation can be had, so that the batch cannot go on.
    fn carry_out(&self, asked: &[Asked<'_>]) -> Result<Vec<Observation>, ToolsError>;
}

/// The tools of [`mentor_env`]: the same observation for the same call, always.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

impl BuiltIn {
    /// Carries out one call.
    pub fn execute(asked: &Asked<'_>) -> Observation {
        execute(asked.task, asked.call)
    }
}

impl Tools for BuiltIn {
    fn carry_out(&self, asked: &[Asked<'_>]) -> Result<Vec<Observation>, ToolsError> {
        Ok(asked.par_iter().map(Self::execute).collect())
    }
}
