#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod advantage;
mod credit;
mod error;
mod evaluate;
mod objective;
mod schedule;

pub use advantage::{AdvantageConfig, GroupAdvantages, Scale, advantages, per_token};
pub use credit::{PartColumn, TokenAdvantages, Unit, part_advantages, unit_advantages};
pub use error::Error;
pub use evaluate::{Columns, Evaluated, Normalization, Stats, evaluate};
pub use objective::{Kl, KlEstimator, LOG_RATIO_LIMIT, Normalizer, Objective, Ratio, Surrogate};
pub use schedule::{Schedule, Shape};
