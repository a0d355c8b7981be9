#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod chat;
mod fault;
pub mod hermes;
mod json;
mod object_call;
mod python_json;
mod tagged;
#[cfg(feature = "template")]
pub mod template;

pub use chat::{ADDED_TOKENS, Chat, Piece, Stretch, stretches};
pub use fault::Fault;
use mentor_trajectory::{CallRecord, Turn};
pub use python_json::write_json;

/// What a turn's text holds.
///
/// Reasoning, content and the calls' source texts, with the reasoning markers between them, are the whole text: nothing
/// is dropped and nothing stands in two places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What stands inside reasoning blocks, as written.
    pub reasoning: String,
    /// What stands outside reasoning blocks and calls, as written.
    pub content: String,
    /// The calls in written order, readable or not, without observations; spans are byte ranges of the text.
    pub calls: Vec<CallRecord>,
}

/// Reads a turn written in the Hermes format; `closed` says whether a stop token ended it.
pub fn read_turn(text: &str, closed: bool) -> Turn {
    let Parsed { reasoning, content, calls } = hermes::parse(text);
    Turn { text: text.to_owned(), reasoning, content, calls, closed }
}
