#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bfcl;
mod failure;
mod interval;
mod judge;
mod paired;
mod pass;
mod random;
mod tools;

pub use failure::{Failure, diagnose};
pub use interval::{Interval, bootstrap, bootstrap_strata};
pub use judge::{boxed_answer, correct, executed_calls, policy_correct};
pub use paired::{Comparison, FEWEST_SEEDS, paired, paired_strata};
pub use pass::pass_at_k;
pub use tools::{ToolUse, hallucinated_calls, similarity, tool_distribution, tool_f1};
