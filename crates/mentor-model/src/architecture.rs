//! The model families this crate computes, and what tells them apart.

use crate::{Error, Result};
use serde_json::{Map, Value};

/// A family of decoders, named by `model_type` and `architectures` of a `config.json`.
///
/// All three are pre-norm decoders with rotary embeddings, grouped queries and SwiGLU; they differ in biases and
/// in the norm of queries and keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// Qwen3 (dense): every query and key head is normalised.
    #[default]
    Qwen3,
    /// Qwen2 and Qwen2.5: query, key and value projections have a bias.
    Qwen2,
    /// Llama 2, 3 and what has their shape.
    Llama,
}

impl Architecture {
    const ALL: [Self; 3] = [Self::Qwen3, Self::Qwen2, Self::Llama];

    /// What `model_type` calls it.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Qwen3 => "qwen3",
            Self::Qwen2 => "qwen2",
            Self::Llama => "llama",
        }
    }

    /// The class of transformers that computes it.
    pub fn class(self) -> &'static str {
        match self {
            Self::Qwen3 => "Qwen3ForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Llama => "LlamaForCausalLM",
        }
    }

    /// Whether every query and key head is normalised before it is turned.
    pub(crate) fn normalises_heads(self) -> bool {
        self == Self::Qwen3
    }

    /// The head width that transformers takes where the file gives none.
    pub(crate) fn default_head_dim(self, hidden_size: usize, heads: usize) -> Option<usize> {
        match self {
            Self::Qwen3 => Some(128),
            Self::Qwen2 | Self::Llama => hidden_size.checked_div(heads),
        }
    }

    /// Takes `model_type` and `architectures` out of a `config.json`. A file with neither is Qwen3.
    pub(crate) fn take_from(map: &mut Map<String, Value>) -> Result<Self> {
        let kind = map.shift_remove("model_type").filter(|value| !value.is_null());
        let classes = map.shift_remove("architectures").filter(|value| !value.is_null());
        let classes: Vec<&str> =
            classes.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect();
        let found = match &kind {
            Some(kind) => Self::ALL.into_iter().find(|it| kind.as_str() == Some(it.model_type())),
            None if classes.is_empty() => Some(Self::default()),
            None => Self::ALL.into_iter().find(|it| classes.contains(&it.class())),
        };
        let refuse = |key: &str, value: String| {
            let known = Self::ALL.map(|it| format!("`{}` ({})", it.model_type(), it.class())).join(", ");
            let message = format!("`{key}` is {value}: not supported; choose a checkpoint of {known}");
            Err(Error::Config(message))
        };
        match (found, kind) {
            (Some(it), _) if classes.is_empty() || classes.contains(&it.class()) => Ok(it),
            (None, Some(kind)) => refuse("model_type", kind.to_string()),
            _ => refuse("architectures", format!("{classes:?}")),
        }
    }
}
