//! The arithmetic of the measures, on slices: sets, sequences, arguments.
//!
//! A *set* is a sorted slice without repetition ([`to_set`]); a *sequence* is any slice. Nothing here knows trajectories
//! or weights.

mod arguments;
mod bits;
mod distribution;
mod sequences;
mod sets;
mod toolrl;

pub(crate) use arguments::text_hash;
pub use arguments::{
    Closeness, Strings, argument_agreement, argument_names_f1, argument_similarity, string_similarity,
    value_equal, value_hash,
};
pub use bits::Bits;
pub use distribution::distribution_similarity;
pub use sequences::{Aligner, MAX_ALIGNED, Pair, align, lcs_len, order};
pub use sets::{intersection_len, set_equal, set_f1, set_overlap, to_set};
pub use toolrl::{toolrl_call, toolrl_match};

#[cfg(test)]
mod tests;
