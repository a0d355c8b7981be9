//! The one thing that can fail here: reading a table.

/// A reward table that cannot be used: where it stands, which key is at fault, and what to write instead.
///
/// Scoring has no error: whatever a model wrote is data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no TOML, or a key is unknown, missing or of the wrong type. `detail` names line and key.
    #[error(
        "{origin}: {detail}\na reward is `name`, [[gate]] tables (`require`, `otherwise`) and [[term]] tables (`part`, `weight`, optionally `when_wrong` and `teacher`): correct the key above"
    )]
    Table {
        /// The file, or whatever else the caller called the text.
        origin: String,
        /// The TOML reader's message.
        detail: String,
    },
    /// A key is there and has a value no reward can have.
    #[error("{origin}: `{key}` {problem}: {remedy}")]
    Value {
        /// The file, or whatever else the caller called the text.
        origin: String,
        /// The key, with its table and number (`term 2: weight`).
        key: String,
        /// What is wrong with it.
        problem: String,
        /// What to write instead.
        remedy: &'static str,
    },
}
