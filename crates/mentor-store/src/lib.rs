#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod hash;
mod schema;
mod snapshot;
mod store;

pub use error::Error;
pub use hash::ContentHash;
pub use snapshot::{Snapshot, SnapshotReader};
pub use store::{Entry, Store};

use serde::{Deserialize, Serialize};

/// What a store is opened for, and whom a snapshot is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everything that makes a model: pretraining, SFT, rewards, tuning. Sealed tasks do not exist for it.
    Training,
    /// Measuring a finished model, and filling the store: sees everything.
    Evaluation,
}

impl Audience {
    /// The name that files and messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Evaluation => "evaluation",
        }
    }
}

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;
