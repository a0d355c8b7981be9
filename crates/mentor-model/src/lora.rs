//! Low-rank adapters (LoRA, Hu et al. 2021) on a frozen model: `x·Wᵀ + (alpha/rank)·(x·Aᵀ)·Bᵀ`.

use crate::adapter;
use crate::model::{LayerIndex, Parameters, projections};
use crate::random::Random;
use crate::{Config, Error, Model, Result};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A matrix of every decoder block, by the name transformers gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Projection {
    /// Queries.
    #[serde(rename = "q_proj")]
    Q,
    /// Keys.
    #[serde(rename = "k_proj")]
    K,
    /// Values.
    #[serde(rename = "v_proj")]
    V,
    /// The output projection of attention.
    #[serde(rename = "o_proj")]
    O,
    /// The gate of the SwiGLU.
    #[serde(rename = "gate_proj")]
    Gate,
    /// What the gate is multiplied with.
    #[serde(rename = "up_proj")]
    Up,
    /// The output projection of the SwiGLU.
    #[serde(rename = "down_proj")]
    Down,
}

impl Projection {
    /// All seven, in the order of a block.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// The last part of its module's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// Its module's name in transformers.
    pub(crate) fn module(self, layer: usize) -> String {
        let part = match self {
            Self::Q | Self::K | Self::V | Self::O => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        };
        format!("model.layers.{layer}.{part}.{}", self.name())
    }
}

/// Which projections are adapted, and how: PEFT's `LoraConfig` without dropout. Read from a file, only `rank` must be
/// given; the rest is as in [`LoraConfig::new`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Given")]
pub struct LoraConfig {
    /// Inner dimension of an adapter, at least 1.
    pub rank: usize,
    /// An adapter's output is multiplied with `alpha / rank`.
    pub alpha: f64,
    /// The adapted projections, in every block.
    pub targets: Vec<Projection>,
}

/// [`LoraConfig`] as a file gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    rank: usize,
    alpha: Option<f64>,
    targets: Option<Vec<Projection>>,
}

impl From<Given> for LoraConfig {
    fn from(given: Given) -> Self {
        let default = Self::new(given.rank);
        Self {
            rank: given.rank,
            alpha: given.alpha.unwrap_or(default.alpha),
            targets: given.targets.unwrap_or(default.targets),
        }
    }
}

impl LoraConfig {
    /// Adapters of all seven projections with `alpha = 2·rank`.
    pub fn new(rank: usize) -> Self {
        Self { rank, alpha: 2.0 * rank as f64, targets: Projection::ALL.to_vec() }
    }

    /// How many numbers the adapters of a model are.
    pub fn parameter_count(&self, model: &Config) -> usize {
        adapter_shapes(model, self).values().map(|shape| shape.iter().product::<usize>()).sum()
    }

    /// What an adapter's output is multiplied with.
    pub(crate) fn scale(&self) -> f32 {
        (self.alpha / self.rank as f64) as f32
    }

    /// Whether this crate can train it.
    pub fn validate(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::Config(format!("LoRA: {message}")));
        if self.rank == 0 || self.rank > 1 << 16 {
            return refuse(format!("`rank` is {}: expected 1 to 65536", self.rank));
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return refuse(format!("`alpha` is {}: expected a number > 0", self.alpha));
        }
        if self.targets.is_empty() {
            return refuse("`targets` is empty: name at least one projection, such as `q_proj`".into());
        }
        Ok(())
    }
}

/// Adapters of a model: their configuration and their parameters under PEFT's names.
#[derive(Clone, Debug)]
pub(crate) struct Lora {
    pub(crate) config: LoraConfig,
    pub(crate) parameters: Parameters,
}

impl Lora {
    pub(crate) fn copy_to(&self, device: &Device) -> Result<Self> {
        Ok(Self { config: self.config.clone(), parameters: self.parameters.copy_to(device)? })
    }
}

/// PEFT's names of the adapter of a module: `A` `(r, in)` and `B` `(out, r)`.
pub(crate) fn adapter_names(module: &str) -> [String; 2] {
    ["A", "B"].map(|part| format!("base_model.model.{module}.lora_{part}.weight"))
}

/// The name and shape of every adapter matrix, ordered by name.
pub(crate) fn adapter_shapes(config: &Config, lora: &LoraConfig) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    for layer in 0..config.num_hidden_layers {
        for (projection, [out, inner], _) in projections(config) {
            if lora.targets.contains(&projection) {
                let [a, b] = adapter_names(&projection.module(layer));
                shapes.insert(a, vec![lora.rank, inner]);
                shapes.insert(b, vec![out, lora.rank]);
            }
        }
    }
    shapes
}

impl Model {
    /// The same model, sharing its parameters, with fresh adapters: only these have gradients from here on.
    ///
    /// As in PEFT, `A` is uniform in `±1/√in` (Kaiming with `a = √5`) and `B` zero, so that the model starts as it
    /// was. Adapters that the model has already are left behind.
    ///
    /// Sampling and training compute `x·Wᵀ + s·(x·Aᵀ)·Bᵀ` the same way: a [`Decoder`](crate::Decoder) of an adapted
    /// model gives the training pass's bits.
    pub fn with_lora(&self, config: &LoraConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        let mut random = Random::new(seed);
        let parameters = Parameters::from_values(adapter_shapes(self.config(), config), |name, shape| {
            let count = shape.iter().product();
            if name.ends_with(".lora_B.weight") {
                return Ok(vec![0.0; count]);
            }
            Ok(random.symmetric(count, 1.0 / (shape[1] as f64).sqrt()))
        })?;
        self.adapted(config.clone(), parameters)
    }

    /// The same model, sharing its parameters, with the adapters of a folder in PEFT's layout
    /// (`adapter_config.json`, `adapter_model.safetensors`). What PEFT offers beyond plain LoRA is refused.
    pub fn load_lora(&self, dir: &Path) -> Result<Self> {
        let (config, tensors) = adapter::load(dir)?;
        let foreign = "the adapters that adapter_config.json asks for on this model";
        let parameters =
            Parameters::from_tensors(adapter_shapes(self.config(), &config), tensors, dir, foreign)?;
        self.adapted(config, parameters)
    }

    /// Writes the adapters into a folder, made if need be, as PEFT's `save_pretrained` does: `PeftModel` loads them
    /// onto the same checkpoint. `base` is the name or folder noted in the file for it.
    pub fn save_lora(&self, dir: &Path, base: &str) -> Result<()> {
        let Some(lora) = self.lora_state() else {
            return Err(Error::Mismatch("the model has no adapters to save".into()));
        };
        adapter::save(lora, dir, base)
    }

    fn adapted(&self, config: LoraConfig, parameters: Parameters) -> Result<Self> {
        let lora = Lora { config, parameters }.copy_to(self.tensor(self.index.embed).device())?;
        Ok(Self::assemble(self.config().clone(), self.base().clone(), Some(lora)))
    }

    /// The configuration of the model's adapters.
    pub fn lora(&self) -> Option<&LoraConfig> {
        self.lora_state().map(|lora| &lora.config)
    }

    /// The same model, sharing its parameters, without adapters: the reference policy, for instance.
    #[must_use]
    pub fn without_lora(&self) -> Self {
        Self::assemble(self.config().clone(), self.base().clone(), None)
    }

    /// A plain model of its own whose weights are `W + s·B·A`, to save as a checkpoint or to train on. Equal to the
    /// adapted model up to rounding.
    pub fn merge_lora(&self) -> Result<Self> {
        let merged = self.without_lora().duplicate()?;
        let Some(lora) = self.lora_state() else { return Ok(merged) };
        for linear in self.index.layers.iter().flat_map(LayerIndex::projections) {
            let Some(adapter) = linear.adapter else { continue };
            let [a, b] = [adapter.a, adapter.b].map(|at| lora.parameters.vars[at].as_detached_tensor());
            let change: Tensor = (b.matmul(&a)? * f64::from(lora.config.scale()))?;
            let weight = &merged.base().vars[linear.weight];
            weight.set(&(weight.as_detached_tensor() + change)?)?;
        }
        Ok(merged)
    }
}
