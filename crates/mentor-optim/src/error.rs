//! What can be wrong with an objective or with the columns given to it.

/// A configuration or a batch that has no loss.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of the objective or of the advantages lies outside its range.
    #[error("`{field}` is {value}, but must be {range}")]
    Field {
        /// The field of [`crate::Objective`] or [`crate::AdvantageConfig`], dotted.
        field: &'static str,
        /// The value found.
        value: f64,
        /// The values allowed, in words.
        range: &'static str,
    },
    /// The objective has a KL term and the columns have no reference.
    #[error(
        "the objective has a KL term, but `reference` is missing: give the reference log-probabilities or set `kl` to none"
    )]
    NoReference,
    /// A column does not have one value per token.
    #[error(
        "`{column}` has {found} values for {expected} tokens: every column needs one value per sampled token"
    )]
    Length {
        /// The column of [`crate::Columns`].
        column: &'static str,
        /// Its length.
        found: usize,
        /// The number of tokens, which is the length of `logprobs`.
        expected: usize,
    },
    /// The sequence offsets are not a partition of the tokens.
    #[error(
        "`sequences` must start at 0, never fall and end at the number of tokens ({tokens}); entry {index} breaks that"
    )]
    Offsets {
        /// The first entry that is wrong; the length of the offsets if an entry is missing.
        index: usize,
        /// The number of tokens.
        tokens: usize,
    },
    /// A value is infinite or not a number.
    #[error("`{column}` holds {value} at token {index}: log-probabilities and advantages must be finite")]
    NotFinite {
        /// The column of [`crate::Columns`].
        column: &'static str,
        /// The token.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The normalization of the whole update is smaller than this part of it.
    #[error(
        "the update is said to have {whole} {unit}, but this part of it has {part}: compute the normalization over all parts"
    )]
    Normalization {
        /// `tokens` or `sequences`.
        unit: &'static str,
        /// What the normalization says.
        whole: usize,
        /// What the part holds.
        part: usize,
    },
}
