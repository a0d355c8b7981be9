#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod chat;
mod delta;
mod fault;
mod format;
mod formats;
mod json;
mod parser;
#[cfg(feature = "template")]
pub mod response;
#[cfg(feature = "schema")]
mod schema;
mod search;
#[cfg(feature = "template")]
pub mod template;
mod tools;

pub use call::{ParsedCall, Stage};
pub use chat::{ADDED_TOKENS, Chat, Piece, Stretch, stretches};
pub use delta::{Delta, Deltas};
pub use fault::Fault;
pub use format::{Format, UnknownFormat};
pub use formats::{Observed, Unwritable, hermes};
pub use json::{Json, write_json};
use mentor_trajectory::Turn;
pub use parser::{Event, Options, Outline, Parsed, Parser, Thinking, outline, parse};
pub use tools::{Tools, ToolsError};

/// Reads a turn written in the Hermes format; `closed` says whether a stop token ended it.
pub fn read_turn(text: &str, closed: bool) -> Turn {
    parse(Format::HERMES, text, Options::default()).into_turn(text, closed)
}
