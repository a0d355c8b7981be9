#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod task;
mod trajectory;

pub use task::{Judge, Plan, Split, Task, ToolSpec};
pub use trajectory::{Call, CallRecord, Ending, Observation, Reading, Trajectory, Turn};
