//! How fast each pair of dimensions turns, and the ways published models stretch it to longer contexts.

use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::f64::consts::TAU;

/// A change of the rotary embedding's frequencies: `rope_type` of `rope_parameters` (transformers 5) or of
/// `rope_scaling` (before).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum RopeScaling {
    /// `default`: the frequencies as they are.
    #[default]
    None,
    /// `linear`: positions count `1/factor` (Chen et al. 2023).
    Linear {
        /// How much longer the context becomes.
        factor: f64,
    },
    /// `llama3`: slow dimensions are slowed by `factor`, fast ones kept, those between blended (Llama 3.1).
    Llama3 {
        /// How much longer the context becomes.
        factor: f64,
        /// A dimension is slow if it turns fewer times than this over the original context.
        low_freq_factor: f64,
        /// A dimension is fast if it turns more often than this over the original context.
        high_freq_factor: f64,
        /// The context that the model was first trained with, in tokens.
        original_max_position_embeddings: f64,
    },
}

impl RopeScaling {
    /// Takes the scaling out of a `config.json`, and θ if the nested spelling gives it.
    pub(crate) fn take_from(map: &mut Map<String, Value>) -> Result<(Self, Option<f64>)> {
        let nested = map.shift_remove("rope_parameters").filter(|value| !value.is_null());
        let theta = nested.as_ref().and_then(|value| value.get("rope_theta")).cloned();
        let theta = theta.map(|value| number("rope_parameters.rope_theta", &value)).transpose()?;
        // A null is kept among the other keys, and written back.
        let old = match map.get("rope_scaling") {
            Some(Value::Null) | None => None,
            Some(_) => map.shift_remove("rope_scaling"),
        };
        let (key, value) = match (nested, old) {
            (Some(nested), None) => ("rope_parameters", nested),
            (_, Some(old)) => ("rope_scaling", old),
            (None, None) => return Ok((Self::None, theta)),
        };
        Ok((Self::read(key, &value)?, theta))
    }

    fn read(key: &str, value: &Value) -> Result<Self> {
        let Some(table) = value.as_object() else {
            return Err(Error::Config(format!("`{key}` is {value}; expected an object")));
        };
        let field = |name: &str| {
            let path = format!("{key}.{name}");
            let Some(value) = table.get(name) else {
                return Err(Error::Config(format!("`{path}` is missing; expected a number")));
            };
            let found = number(&path, value)?;
            if found > 0.0 {
                return Ok(found);
            }
            Err(Error::Config(format!("`{path}` is {value}; expected a number > 0")))
        };
        if table.get("partial_rotary_factor").is_some_and(|share| share.as_f64() != Some(1.0)) {
            return Err(Error::Config(format!(
                "`{key}.partial_rotary_factor` is set: heads that turn only in part are not supported"
            )));
        }
        match table.get("rope_type").or_else(|| table.get("type")).unwrap_or(&Value::Null) {
            Value::Null => Ok(Self::None),
            Value::String(kind) if kind == "default" => Ok(Self::None),
            Value::String(kind) if kind == "linear" => Ok(Self::Linear { factor: field("factor")? }),
            Value::String(kind) if kind == "llama3" => {
                let scaling = Self::Llama3 {
                    factor: field("factor")?,
                    low_freq_factor: field("low_freq_factor")?,
                    high_freq_factor: field("high_freq_factor")?,
                    original_max_position_embeddings: field("original_max_position_embeddings")?,
                };
                if field("high_freq_factor")? > field("low_freq_factor")? {
                    return Ok(scaling);
                }
                Err(Error::Config(format!("`{key}.high_freq_factor` must be above `low_freq_factor`")))
            }
            other => Err(Error::Config(format!(
                "`{key}.rope_type` is {other}: only `default`, `linear` and `llama3` are supported; remove `{key}` if the \
                 model is used within its original context"
            ))),
        }
    }

    /// The keys of `rope_parameters`, without θ.
    pub(crate) fn to_json(self) -> Map<String, Value> {
        let value = match self {
            Self::None => json!({"rope_type": "default"}),
            Self::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original,
            } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": original as u64,
            }),
        };
        value.as_object().cloned().unwrap_or_default()
    }

    /// What a frequency (radians a token) becomes.
    fn scale(self, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => {
                let turns = original * frequency / TAU;
                // 0 for slow dimensions, 1 for fast ones.
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (kept + (1.0 - kept) / factor)
            }
        }
    }

    /// Radians a token of each pair of dimensions, `head_dim / 2` of them: `θ^(-2i/head_dim)`, scaled.
    pub(crate) fn frequencies(self, head_dim: usize, theta: f64) -> Vec<f32> {
        let plain = |i: usize| 1.0 / theta.powf(2.0 * i as f64 / head_dim as f64);
        (0..head_dim / 2).map(|i| self.scale(plain(i)) as f32).collect()
    }
}

fn number(path: &str, value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| Error::Config(format!("`{path}` is {value}; expected a number")))
}
