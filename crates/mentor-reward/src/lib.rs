#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod amount;
mod answer;
mod batch;
mod case;
mod credit;
mod error;
mod facts;
pub mod hostile;
pub mod kernels;
mod measure;
mod response;
mod score;
mod table;
mod teachers;
mod tree;
pub mod wire;

pub use amount::Amount;
pub use answer::{answer_correct, boxed_answer};
pub use batch::{Scorer, Workspace, scores, totals};
pub use case::{Case, Student};
pub use credit::{Credit, CreditConfig, CreditUnit, Place, Returns};
pub use error::Error;
pub use response::{Response, read_response, response_text};
pub use score::{Part, Score, TurnCredit, TurnShare, score};
pub use table::{
    Clip, Combine, Fade, FadeShape, Gate, Measure, Requirement, Reward, Teacher, Teachers, Term,
};
pub use teachers::score_with_teachers;
pub use tree::{AlignedCall, Explanation, Level, Node, Offsets, explain};
