//! The `config.json` of a checkpoint.

use crate::architecture::Architecture;
use crate::kernels::rope::RopeTable;
use crate::rotary::RopeScaling;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The shape of a Qwen3, Qwen2 or Llama decoder, as a Hugging Face `config.json` spells it.
///
/// Keys this crate does not use are kept in [`Config::other`] and written back. Reads the spelling of
/// transformers 4 (`rope_theta`) and of transformers 5 (`rope_parameters`), writes both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Config {
    /// The family: what `model_type` says.
    pub architecture: Architecture,
    /// Number of token ids; logits have this width.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the SwiGLU's inner layer.
    pub intermediate_size: usize,
    /// Decoder blocks.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key-value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Dimensions of a head; even. Independent of the hidden size. Where a file gives none, as in transformers:
    /// 128 for Qwen3, `hidden_size / num_attention_heads` for the others.
    pub head_dim: usize,
    /// Whether query, key, value and output projections have a bias. Qwen2 does not read it: its first three
    /// always have one, its output projection never.
    pub attention_bias: bool,
    /// Whether the SwiGLU's projections have a bias. Llama only.
    pub mlp_bias: bool,
    /// The ε of every normalisation.
    pub rms_norm_eps: f32,
    /// The base θ of the rotary embedding's frequencies.
    pub rope_theta: f64,
    /// How those frequencies are stretched to a longer context.
    pub rope_scaling: RopeScaling,
    /// Whether the output head is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// Longest sequence the model was made for, in tokens. Not a limit of the code.
    pub max_position_embeddings: usize,
    /// Standard deviation of random initial weights.
    pub initializer_range: f64,
    /// Tokens that end a generation.
    pub eos_token_id: Vec<u32>,
    /// The padding token, for other programs; batches here have no padding.
    pub pad_token_id: Option<u32>,
    /// Every other key of the file, untouched.
    pub other: Map<String, Value>,
}

impl Default for Config {
    /// A Qwen3 of 0.85M parameters: 4 layers of width 128, vocabulary 512, tied.
    fn default() -> Self {
        Self {
            architecture: Architecture::Qwen3,
            vocab_size: 512,
            hidden_size: 128,
            intermediate_size: 384,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 32,
            attention_bias: false,
            mlp_bias: false,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            tie_word_embeddings: true,
            max_position_embeddings: 2048,
            initializer_range: 0.02,
            eos_token_id: Vec::new(),
            pad_token_id: None,
            other: Map::new(),
        }
    }
}

impl Config {
    /// Reads a `config.json`.
    pub fn from_json(text: &str) -> Result<Self> {
        let map: Map<String, Value> =
            serde_json::from_str(text).map_err(|e| Error::Config(format!("not a JSON object: {e}")))?;
        Self::try_from(map)
    }

    /// The text of a `config.json`, indented.
    pub fn to_json(&self) -> String {
        let value = Value::Object(self.clone().into());
        format!("{value:#}\n")
    }

    /// Whether this crate can run the model: every size positive, heads in whole groups, no unknown variant.
    pub fn validate(&self) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
        ];
        for (key, size) in sizes {
            if size == 0 || size > 1 << 24 {
                return Err(Error::Config(format!("`{key}` is {size}: expected 1 to 2^24")));
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return Err(Error::Config(format!(
                "`num_attention_heads` ({}) is no multiple of `num_key_value_heads` ({})",
                self.num_attention_heads, self.num_key_value_heads
            )));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(Error::Config(format!(
                "`head_dim` ({}) is odd: rotary pairs need an even one",
                self.head_dim
            )));
        }
        if !(self.rms_norm_eps >= 0.0 && self.rms_norm_eps.is_finite()) {
            return Err(Error::Config("`rms_norm_eps` must be a number >= 0".into()));
        }
        if !(self.rope_theta > 0.0 && self.rope_theta.is_finite()) {
            return Err(Error::Config("`rope_theta` must be a positive number".into()));
        }
        if !(self.initializer_range >= 0.0 && self.initializer_range.is_finite()) {
            return Err(Error::Config("`initializer_range` must be a number >= 0".into()));
        }
        self.refuse_variants()
    }

    /// Refuses what would silently compute something else.
    fn refuse_variants(&self) -> Result<()> {
        let refuse = |key: &str, why: &str| Err(Error::Config(format!("`{key}` is set: {why}")));
        let is_true = |key: &str| self.other.get(key).and_then(Value::as_bool) == Some(true);
        if let Some(act) = self.other.get("hidden_act").and_then(Value::as_str)
            && act != "silu"
        {
            return Err(Error::Config(format!("`hidden_act` is `{act}`: only `silu` (SwiGLU) is supported")));
        }
        if self.mlp_bias && self.architecture != Architecture::Llama {
            let kind = self.architecture.model_type();
            return refuse("mlp_bias", &format!("models of type `{kind}` have none; remove the key"));
        }
        if is_true("use_sliding_window") {
            return refuse(
                "use_sliding_window",
                "sliding-window attention is not supported; `false` attends to everything",
            );
        }
        if let Some(kinds) = self.other.get("layer_types").and_then(Value::as_array)
            && let Some(kind) = kinds.iter().find(|kind| kind.as_str() != Some("full_attention"))
        {
            return refuse("layer_types", &format!("{kind} is not supported, only `full_attention`"));
        }
        Ok(())
    }

    /// Query heads that share one key-value head.
    pub(crate) fn group(&self) -> usize {
        self.num_attention_heads / self.num_key_value_heads
    }

    /// Width of all query heads side by side.
    pub(crate) fn q_width(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// Width of all key (or value) heads side by side.
    pub(crate) fn kv_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }

    /// Width of queries, keys and values side by side.
    pub(crate) fn qkv_width(&self) -> usize {
        self.q_width() + 2 * self.kv_width()
    }

    /// Width of queries and keys side by side.
    pub(crate) fn qk_width(&self) -> usize {
        self.q_width() + self.kv_width()
    }

    /// Whether query, key and value projections have a bias.
    pub(crate) fn has_qkv_bias(&self) -> bool {
        self.attention_bias || self.architecture == Architecture::Qwen2
    }

    /// Whether the output projection of attention has a bias.
    pub(crate) fn has_o_bias(&self) -> bool {
        self.attention_bias && self.architecture != Architecture::Qwen2
    }

    /// Cosines and sines of positions `0..positions`.
    pub(crate) fn rope_table(&self, positions: usize) -> RopeTable {
        RopeTable::new(positions, &self.rope_scaling.frequencies(self.head_dim, self.rope_theta))
    }

    /// What attention scores are multiplied with.
    pub(crate) fn attention_scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }
}

/// Takes keys out of a map, with messages that name them.
struct Keys(Map<String, Value>);

impl Keys {
    fn size(&mut self, key: &str, default: Option<usize>) -> Result<usize> {
        match self.0.shift_remove(key) {
            Some(Value::Null) | None => {
                default.ok_or_else(|| Error::Config(format!("`{key}` is missing; expected a whole number")))
            }
            Some(value) => value
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(|| Error::Config(format!("`{key}` is {value}; expected a whole number"))),
        }
    }

    fn number(&mut self, key: &str, default: f64) -> Result<f64> {
        match self.0.shift_remove(key) {
            Some(Value::Null) | None => Ok(default),
            Some(value) => {
                value.as_f64().ok_or_else(|| Error::Config(format!("`{key}` is {value}; expected a number")))
            }
        }
    }

    fn truth(&mut self, key: &str, default: bool) -> Result<bool> {
        match self.0.shift_remove(key) {
            Some(Value::Null) | None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| Error::Config(format!("`{key}` is {value}; expected true or false"))),
        }
    }

    fn tokens(&mut self, key: &str) -> Result<Vec<u32>> {
        let token = |value: &Value| {
            value.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| {
                Error::Config(format!("`{key}` holds {value}; expected a token id or a list of them"))
            })
        };
        match self.0.shift_remove(key) {
            Some(Value::Null) | None => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(token).collect(),
            Some(value) => Ok(vec![token(&value)?]),
        }
    }
}

impl TryFrom<Map<String, Value>> for Config {
    type Error = Error;

    fn try_from(mut map: Map<String, Value>) -> Result<Self> {
        let architecture = Architecture::take_from(&mut map)?;
        let (rope_scaling, nested_theta) = RopeScaling::take_from(&mut map)?;
        let mut keys = Keys(map);
        let default = Self::default();
        let hidden_size = keys.size("hidden_size", None)?;
        let num_attention_heads = keys.size("num_attention_heads", None)?;
        let head_dim = architecture.default_head_dim(hidden_size, num_attention_heads);
        let config = Self {
            architecture,
            vocab_size: keys.size("vocab_size", None)?,
            hidden_size,
            intermediate_size: keys.size("intermediate_size", None)?,
            num_hidden_layers: keys.size("num_hidden_layers", None)?,
            num_attention_heads,
            num_key_value_heads: keys.size("num_key_value_heads", Some(num_attention_heads))?,
            head_dim: keys.size("head_dim", head_dim)?,
            attention_bias: keys.truth("attention_bias", false)?,
            mlp_bias: keys.truth("mlp_bias", false)?,
            rms_norm_eps: keys.number("rms_norm_eps", f64::from(default.rms_norm_eps))? as f32,
            rope_theta: keys.number("rope_theta", nested_theta.unwrap_or(default.rope_theta))?,
            rope_scaling,
            tie_word_embeddings: keys.truth("tie_word_embeddings", false)?,
            max_position_embeddings: keys
                .size("max_position_embeddings", Some(default.max_position_embeddings))?,
            initializer_range: keys.number("initializer_range", default.initializer_range)?,
            eos_token_id: keys.tokens("eos_token_id")?,
            pad_token_id: keys.tokens("pad_token_id")?.first().copied(),
            other: keys.0,
        };
        config.validate()?;
        Ok(config)
    }
}

impl From<Config> for Map<String, Value> {
    fn from(config: Config) -> Self {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| {
            map.insert(key.to_owned(), value);
        };
        put("architectures", serde_json::json!([config.architecture.class()]));
        put("model_type", config.architecture.model_type().into());
        put("vocab_size", config.vocab_size.into());
        put("hidden_size", config.hidden_size.into());
        put("intermediate_size", config.intermediate_size.into());
        put("num_hidden_layers", config.num_hidden_layers.into());
        put("num_attention_heads", config.num_attention_heads.into());
        put("num_key_value_heads", config.num_key_value_heads.into());
        put("head_dim", config.head_dim.into());
        put("hidden_act", "silu".into());
        if config.architecture != Architecture::Qwen2 {
            put("attention_bias", config.attention_bias.into());
        }
        if config.architecture == Architecture::Llama {
            put("mlp_bias", config.mlp_bias.into());
        }
        put("attention_dropout", 0.0.into());
        // The shortest decimal of the f32, not the digits of its nearest f64.
        put("rms_norm_eps", format!("{:e}", config.rms_norm_eps).parse::<f64>().unwrap_or(1e-6).into());
        put("rope_theta", config.rope_theta.into());
        let mut rope = config.rope_scaling.to_json();
        if config.rope_scaling != RopeScaling::None {
            put("rope_scaling", Value::Object(rope.clone()));
        }
        rope.shift_insert(0, "rope_theta".into(), config.rope_theta.into());
        put("rope_parameters", Value::Object(rope));
        put("tie_word_embeddings", config.tie_word_embeddings.into());
        put("max_position_embeddings", config.max_position_embeddings.into());
        put("initializer_range", config.initializer_range.into());
        put(
            "eos_token_id",
            match config.eos_token_id.as_slice() {
                [] => Value::Null,
                [one] => (*one).into(),
                many => many.into(),
            },
        );
        put("pad_token_id", config.pad_token_id.into());
        for (key, value) in config.other {
            map.insert(key, value);
        }
        map
    }
}
