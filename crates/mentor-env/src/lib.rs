#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod arithmetic;
mod execute;
mod functions;
mod multihop;
mod number;
mod plan;
mod rng;
mod split;
mod suites;
mod tools;
mod words;

pub use execute::{LONGEST_OBSERVATION, execute, refusal};
pub use functions::VERBS;
pub use number::{LARGEST, SHOWN_DECIMALS};
pub use plan::{canonical, is_valid_plan, program};
pub use rng::{Rng, stable_hash};
pub use split::split_of;
pub use suites::{UnknownSuite, generate, suites};
pub use tools::{ARITHMETIC, LARGEST_EXPONENT, LONGEST_LIST, arithmetic_tool, confusable};
pub use words::{PERSONS, SYLLABLES, THINGS};
