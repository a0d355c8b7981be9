//! The arithmetic of the measures, on slices: sets, sequences, arguments.
//!
//! A *set* is a sorted slice without repetition ([`to_set`]); a *sequence* is any slice. Nothing here knows trajectories
//! or weights.

mod arguments;
mod sequences;
mod sets;

pub use arguments::{argument_agreement, value_equal};
pub use sequences::{MAX_ALIGNED, Pair, align, lcs_len, order};
pub use sets::{intersection_len, set_equal, set_f1, set_overlap, to_set};

#[cfg(test)]
mod tests;
