#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod chain;
pub mod demonstrator;
mod script;
mod solver;
mod wording;

pub use solver::solve;
