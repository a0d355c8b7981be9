#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attempt;
mod error;
mod play;
mod policy;
mod queue;
mod record;
mod sampling;
mod seed;
mod softmax;
mod text;
mod tools;
pub mod toy;

pub use error::Error;
pub use play::{play, play_with};
pub use policy::{Codec, Policy};
pub use record::{Episode, Limits, Rollout, Token};
pub use sampling::{Draw, Sampling, SamplingError, draw, logprob};
pub use seed::{Rng, derive_seed, hash_text};
pub use text::text;
pub use tools::{Asked, BuiltIn, Tools, ToolsError};
