//! Sequences packed one behind the other, without padding.

use crate::{Error, Result};

/// Token sequences of any lengths in one row, and which of their tokens are scored.
///
/// The fields are public and checked by [`Batch::validate`] before every use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The tokens of all sequences.
    pub ids: Vec<u32>,
    /// Index into `ids` of each sequence's first token: ascending, the first is 0, no sequence is empty.
    pub starts: Vec<usize>,
    /// Indices into `ids` of the tokens whose `ln p(id | the sequence before it)` is wanted: ascending, and no
    /// sequence's first token (nothing comes before it).
    pub scored: Vec<usize>,
}

impl Batch {
    /// Packs sequences; of each, the tokens at `scored` (indices into the sequence, ascending, `>= 1`) are
    /// scored.
    ///
    /// ```
    /// # use mentor_model::Batch;
    /// let batch = Batch::from_sequences([(&[1, 2, 3][..], &[2][..]), (&[4, 5][..], &[1][..])]);
    /// assert_eq!(batch.starts, [0, 3]);
    /// assert_eq!(batch.scored, [2, 4]);
    /// ```
    pub fn from_sequences<'a>(sequences: impl IntoIterator<Item = (&'a [u32], &'a [usize])>) -> Self {
        let mut batch = Self::default();
        for (ids, scored) in sequences {
            let start = batch.ids.len();
            batch.starts.push(start);
            batch.ids.extend_from_slice(ids);
            batch.scored.extend(scored.iter().map(|i| start + i));
        }
        batch
    }

    /// Packs sequences and scores every token but the first of each.
    pub fn from_whole_sequences<'a>(sequences: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut batch = Self::default();
        for ids in sequences {
            let start = batch.ids.len();
            batch.starts.push(start);
            batch.ids.extend_from_slice(ids);
            batch.scored.extend(start + 1..batch.ids.len());
        }
        batch
    }

    /// Number of tokens, scored or not.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// The `(start, end)` of each sequence.
    pub fn sequences(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain(std::iter::once(self.ids.len()));
        self.starts.iter().copied().zip(ends)
    }

    /// Whether the fields keep their rules and every id is below `vocab_size`.
    pub fn validate(&self, vocab_size: usize) -> Result<()> {
        let error = |message: String| Err(Error::Batch(message));
        if self.ids.is_empty() || self.starts.first() != Some(&0) {
            return error("needs at least one token, and a first sequence that starts at 0".into());
        }
        if let Some((start, end)) = self.sequences().find(|(start, end)| start >= end) {
            return error(format!(
                "a sequence starts at {start} and ends at {end}: starts must ascend, none empty"
            ));
        }
        if let Some(at) = self.ids.iter().position(|&id| id as usize >= vocab_size) {
            return error(format!(
                "token {} at {at} is outside the vocabulary of {vocab_size}",
                self.ids[at]
            ));
        }
        if let Some(&[a, b]) = self.scored.array_windows().find(|[a, b]| a >= b) {
            return error(format!("scored indices must ascend: {a} then {b}"));
        }
        if self.scored.last().is_some_and(|&last| last >= self.ids.len()) {
            return error(format!("a scored index is outside the {} tokens", self.ids.len()));
        }
        if let Some(&first) = self.scored.iter().find(|at| self.starts.binary_search(at).is_ok()) {
            return error(format!(
                "token {first} starts its sequence: nothing precedes it, so it cannot be scored"
            ));
        }
        Ok(())
    }
}
