//! Why a template could not be read or rendered.

use std::fmt;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateErrorKind {
    /// The template is not Jinja.
    Syntax,
    /// The template called `raise_exception`; the message is its own.
    Raised,
    /// The template did what Jinja does not allow, such as taking an attribute of an undefined value.
    Render,
    /// The template used up its fuel or its output limit, or nested too deeply.
    Limit,
    /// The conversation or an option is not what transformers accepts.
    Input,
    /// A checkpoint's file cannot be used.
    Checkpoint,
}

/// Why a template could not be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What kind of thing went wrong.
    pub kind: TemplateErrorKind,
    /// What went wrong, with the template's line where one is known.
    pub message: String,
}

impl TemplateError {
    pub(super) fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Input, message)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// The error inside minijinja's when a template calls `raise_exception`.
#[derive(Debug)]
pub(super) struct Raised(pub String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if let Some(Raised(message)) = inner.downcast_ref() {
                return Self::new(TemplateErrorKind::Raised, message);
            }
            cause = inner.source();
        }
        let kind = match error.kind() {
            minijinja::ErrorKind::SyntaxError | minijinja::ErrorKind::BadEscape => TemplateErrorKind::Syntax,
            minijinja::ErrorKind::OutOfFuel | minijinja::ErrorKind::WriteFailure => TemplateErrorKind::Limit,
            _ => TemplateErrorKind::Render,
        };
        Self::new(kind, error.to_string())
    }
}
