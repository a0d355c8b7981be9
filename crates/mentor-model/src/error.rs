//! What can go wrong, and what to do about it.

use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why reading, building, running or writing a model failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The field and what to do.
        message: String,
    },
    /// A configuration describes no model this crate can run.
    #[error("model configuration: {0}")]
    Config(String),
    /// A batch that breaks its own rules.
    #[error("batch: {0}")]
    Batch(String),
    /// Decoder input out of range: a slot, a token or a length.
    #[error("decoder: {0}")]
    Decoder(String),
    /// A parameter without a gradient: the optimizer would silently leave it as it is.
    #[error("no gradient reached parameter `{0}`")]
    MissingGradient(String),
    /// Gradients, optimizer state and model that do not belong together.
    #[error("{0}")]
    Mismatch(String),
    /// The tokenizer's files or training.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A checkpoint that is in no folder, not in the cache, or could not be downloaded.
    #[error("{0}")]
    Hub(String),
    /// A tensor operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::File { path: path.to_path_buf(), message: message.into() }
    }
}
