#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod case;
mod error;
mod facts;
pub mod kernels;
mod measure;
mod score;
mod table;

pub use answer::{answer_correct, boxed_answer};
pub use case::Case;
pub use error::Error;
pub use score::{Part, Score, TurnCredit, TurnShare, score};
pub use table::{Gate, Measure, Requirement, Reward, Teacher, Term};
