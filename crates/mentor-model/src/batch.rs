//! Sequences packed one behind the other, without padding, and with what they begin with kept once.

use crate::{Error, Result};
use std::collections::HashMap;
use std::ops::Range;

/// Token sequences of any lengths in one row, and which of their tokens are scored.
///
/// The fields are public and checked by [`Batch::validate`] before every use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The tokens of all sequences.
    pub ids: Vec<u32>,
    /// Index into `ids` of each sequence's first token: ascending, the first is 0, no sequence is empty.
    pub starts: Vec<usize>,
    /// Indices into `ids` of the tokens whose `ln p(id | the sequence before it)` is wanted: ascending, and none
    /// that nothing comes before.
    pub scored: Vec<usize>,
    /// Whether each sequence goes on where the last one before it that does not go on ends: the samples of a group
    /// behind their prompt, which is computed once for all of them. Empty if none does.
    pub continues: Vec<bool>,
}

/// A token sequence and the tokens of it that are scored (indices into the sequence, ascending, `>= 1`).
pub type Scored<'a> = (&'a [u32], &'a [usize]);

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
    pub fn from_sequences<'a>(sequences: impl IntoIterator<Item = Scored<'a>>) -> Self {
        let mut batch = Self::default();
        for (ids, scored) in sequences {
            batch.push(ids, scored.iter().copied(), false);
        }
        batch
    }

    /// Packs sequences and scores every token but the first of each.
    pub fn from_whole_sequences<'a>(sequences: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut batch = Self::default();
        for ids in sequences {
            batch.push(ids, 1..ids.len(), false);
        }
        batch
    }

    /// Packs groups of sequences. What the members of a group begin with, up to the first token that any of them
    /// scores, is kept and computed once; every number is the same as with [`Batch::from_sequences`], but that
    /// sums over tokens (the gradients) run in another order.
    ///
    /// ```
    /// # use mentor_model::Batch;
    /// let group = [(&[7, 8, 9, 1, 2][..], &[3, 4][..]), (&[7, 8, 9, 3][..], &[3][..])];
    /// let batch = Batch::from_groups([&group[..]]);
    /// assert_eq!(batch.ids, [7, 8, 9, 1, 2, 3]);
    /// assert_eq!(batch.starts, [0, 3, 5]);
    /// assert_eq!(batch.scored, [3, 4, 5]);
    /// assert_eq!(batch.continues, [false, true, true]);
    /// ```
    pub fn from_groups<'a>(groups: impl IntoIterator<Item = &'a [Scored<'a>]>) -> Self {
        let mut batch = Self::default();
        for group in groups {
            let shared = common_beginning(group);
            if shared > 0 {
                batch.push(&group[0].0[..shared], [], false);
            }
            for (ids, scored) in group {
                batch.push(&ids[shared..], scored.iter().map(|at| at - shared), shared > 0);
            }
        }
        batch
    }

    fn push(&mut self, ids: &[u32], scored: impl IntoIterator<Item = usize>, continues: bool) {
        let start = self.ids.len();
        self.starts.push(start);
        self.ids.extend_from_slice(ids);
        self.scored.extend(scored.into_iter().map(|at| start + at));
        self.continues.push(continues);
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

    /// Indices of sequences that belong together: one that goes on from nothing, and those that go on from it.
    pub(crate) fn families(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let roots = (0..self.starts.len()).filter(|&at| !self.goes_on(at));
        let ends = (1..self.starts.len()).filter(|&at| !self.goes_on(at)).chain([self.starts.len()]);
        roots.zip(ends).map(|(root, end)| root..end)
    }

    fn goes_on(&self, sequence: usize) -> bool {
        self.continues.get(sequence).copied().unwrap_or(false)
    }

    /// Number of tokens before each sequence's own first.
    pub(crate) fn pasts(&self) -> Vec<usize> {
        let lengths: Vec<usize> = self.sequences().map(|(start, end)| end - start).collect();
        let mut root = 0;
        let past = |at: usize| {
            if self.goes_on(at) {
                lengths[root]
            } else {
                root = at;
                0
            }
        };
        (0..lengths.len()).map(past).collect()
    }

    /// The row that predicts each scored token: that of the token before it.
    pub(crate) fn predicting(&self) -> Vec<usize> {
        let mut before = HashMap::new();
        for family in self.families() {
            let end = self.starts.get(family.start + 1).copied().unwrap_or(self.ids.len());
            before.extend(family.skip(1).map(|sequence| (self.starts[sequence], end - 1)));
        }
        self.scored.iter().map(|at| before.get(at).copied().unwrap_or_else(|| at - 1)).collect()
    }

    /// The batch without the tokens that predict nothing (the last of each sequence that nothing goes on from) and
    /// without scores, and what it is computed for instead: rows of it.
    pub(crate) fn trimmed(&self) -> (Self, Targets) {
        let mut trimmed = Self::default();
        let mut kept = Vec::with_capacity(self.ids.len());
        for family in self.families() {
            for sequence in family.clone() {
                let start = self.starts[sequence];
                let end = self.starts.get(sequence + 1).copied().unwrap_or(self.ids.len());
                let is_beginning = sequence == family.start;
                // A beginning predicts what goes on from it, and a batch has at least a row.
                let needed = is_beginning && (family.len() > 1 || end - start == 1);
                let rows = start..if needed { end } else { end - 1 };
                kept.extend(rows.clone().map(|at| trimmed.ids.len() + at - start));
                kept.resize(end, usize::MAX);
                if !rows.is_empty() {
                    trimmed.push(&self.ids[rows], [], !is_beginning);
                }
            }
        }
        let rows = self.predicting().iter().map(|&row| kept[row]).collect();
        (trimmed, Targets { rows, tokens: self.scored.iter().map(|&at| self.ids[at]).collect() })
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
        if !self.continues.is_empty() && self.continues.len() != self.starts.len() {
            return error(format!(
                "{} entries of `continues` for {} sequences",
                self.continues.len(),
                self.starts.len()
            ));
        }
        if self.goes_on(0) {
            return error("the first sequence has none to go on from".into());
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
        let begins = |at: &usize| self.starts.binary_search(at).is_ok_and(|sequence| !self.goes_on(sequence));
        if let Some(&first) = self.scored.iter().find(|at| begins(at)) {
            return error(format!(
                "token {first} starts its sequence: nothing precedes it, so it cannot be scored"
            ));
        }
        Ok(())
    }
}

/// The scored tokens of a batch, and the row that each is predicted from.
#[derive(Debug)]
pub(crate) struct Targets {
    pub(crate) rows: Vec<usize>,
    pub(crate) tokens: Vec<u32>,
}

/// How many tokens all members begin with that none of them scores. Every member keeps a token of its own.
fn common_beginning(group: &[Scored<'_>]) -> usize {
    let [(first, _), others @ ..] = group else { return 0 };
    if others.is_empty() {
        return 0;
    }
    let most = |(ids, scored): &Scored<'_>| {
        let unscored = scored.first().copied().unwrap_or(ids.len());
        unscored.min(ids.len().saturating_sub(1))
    };
    let bound = group.iter().map(most).min().unwrap_or(0);
    let alike = |(ids, _): &Scored<'_>| first.iter().zip(*ids).take_while(|(a, b)| a == b).count();
    others.iter().map(alike).fold(bound, usize::min)
}
