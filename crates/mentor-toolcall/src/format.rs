//! A format as a value.

use std::{
    fmt::{self, Debug, Display, Formatter},
    str::FromStr,
};

use mentor_trajectory::{Call, ToolSpec};

use crate::{
    Observed, Unwritable,
    formats::{Spec, TABLE, hermes},
};

/// The way a model family writes tool calls; see [`Format::all`] for the list.
///
/// ```
/// use mentor_toolcall::Format;
///
/// let format: Format = "hermes".parse()?;
/// assert_eq!(format, Format::HERMES);
/// let error = "herms".parse::<Format>().unwrap_err();
/// assert!(error.to_string().starts_with("unknown tool-call format `herms`; known are: hermes, "));
/// # Ok::<(), mentor_toolcall::UnknownFormat>(())
/// ```
#[derive(Clone, Copy)]
pub struct Format(&'static Spec);

/// There is no format of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown tool-call format `{id}`; known are: {}", ids())]
pub struct UnknownFormat {
    /// The name that was asked for.
    pub id: String,
}

fn ids() -> String {
    TABLE.iter().map(|spec| spec.id).collect::<Vec<_>>().join(", ")
}

impl Format {
    /// JSON objects between `<tool_call>` and `</tool_call>`: Hermes 2/3, Qwen2.5, Qwen3, `SmolLM3`.
    pub const HERMES: Self = Self(&hermes::SPEC);

    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|spec| Self(spec))
    }

    /// The name it goes by in files and on command lines.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The model families that write it.
    pub fn families(self) -> &'static str {
        self.0.families
    }

    /// The strings the format gives a meaning to: a tokenizer should hold the longer ones as single tokens, and text that
    /// is shown to a model should not be able to forge them.
    pub fn markers(self) -> Vec<&'static str> {
        let spec = self.0;
        let mut markers = Vec::new();
        for marker in [&spec.thinking.0, &spec.thinking.1].into_iter().chain(spec.opens).chain(spec.closes) {
            if !marker.is_empty() && !markers.contains(marker) {
                markers.push(marker);
            }
        }
        markers
    }

    /// Writes the calls of a turn as the families' chat templates do.
    ///
    /// # Errors
    /// Where the format has no way to say it: what is written is always read back as it was.
    pub fn write_calls(self, calls: &[Call]) -> Result<String, Unwritable> {
        let mut out = String::new();
        (self.0.write.calls)(calls, &mut out)?;
        Ok(out)
    }

    /// Writes what tools gave back for the calls of a turn, without the message's own markers.
    pub fn write_observations(self, observed: &[Observed<'_>]) -> String {
        let mut out = String::new();
        (self.0.write.observations)(observed, &mut out);
        out
    }

    /// Writes the list of tools that goes into the system message, without the words around it.
    pub fn write_tools(self, tools: &[ToolSpec]) -> String {
        let mut out = String::new();
        (self.0.write.tools)(tools, &mut out);
        out
    }

    pub(crate) fn spec(self) -> &'static Spec {
        self.0
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(id: &str) -> Result<Self, UnknownFormat> {
        TABLE
            .iter()
            .find(|spec| spec.id == id || spec.aliases.contains(&id))
            .map(|spec| Self(spec))
            .ok_or_else(|| UnknownFormat { id: id.to_owned() })
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Format {}

impl Display for Format {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.id)
    }
}

impl Debug for Format {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Format").field(&self.0.id).finish()
    }
}
