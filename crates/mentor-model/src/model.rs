//! A decoder's configuration and parameters.

use crate::pool::{Pool, Stack};
use crate::random::Random;
use crate::{Config, Error, Result};
use candle_core::{Device, Storage, StorageRef, Tensor, Var};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Qwen3 decoder: its configuration and its parameters, f32, under their Hugging Face names.
///
/// Parameters are candle variables, ordered by name. On the CPU the passes over the model are this crate's own
/// kernels; on another device (see [`Model::to_device`]) they are composed of candle's operations.
#[derive(Debug)]
pub struct Model {
    config: Config,
    names: Arc<[String]>,
    vars: Vec<Var>,
    pub(crate) index: Arc<Index>,
    pub(crate) pool: Pool,
    pub(crate) scratch: Arc<Stack>,
}

/// Where each parameter stands in the ordered list.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) embed: usize,
    pub(crate) norm: usize,
    /// Absent if the head is the embedding.
    pub(crate) head: Option<usize>,
    pub(crate) layers: Vec<LayerIndex>,
}

impl Index {
    /// The parameter that the output head multiplies with.
    pub(crate) fn output(&self) -> usize {
        self.head.unwrap_or(self.embed)
    }
}

/// The parameters of one decoder block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerIndex {
    pub(crate) input_norm: usize,
    pub(crate) q: usize,
    pub(crate) k: usize,
    pub(crate) v: usize,
    pub(crate) q_norm: usize,
    pub(crate) k_norm: usize,
    pub(crate) o: usize,
    pub(crate) post_norm: usize,
    pub(crate) gate: usize,
    pub(crate) up: usize,
    pub(crate) down: usize,
}

/// The name and shape of every parameter, ordered by name; matrices are `(out, in)`.
pub(crate) fn parameter_shapes(config: &Config) -> BTreeMap<String, Vec<usize>> {
    let d = config.hidden_size;
    let mut shapes = BTreeMap::new();
    let mut put = |name: String, shape: &[usize]| {
        shapes.insert(name, shape.to_vec());
    };
    put("model.embed_tokens.weight".into(), &[config.vocab_size, d]);
    put("model.norm.weight".into(), &[d]);
    if !config.tie_word_embeddings {
        put("lm_head.weight".into(), &[config.vocab_size, d]);
    }
    for layer in 0..config.num_hidden_layers {
        let mut part =
            |name: &str, shape: &[usize]| put(format!("model.layers.{layer}.{name}.weight"), shape);
        part("input_layernorm", &[d]);
        part("self_attn.q_proj", &[config.q_width(), d]);
        part("self_attn.k_proj", &[config.kv_width(), d]);
        part("self_attn.v_proj", &[config.kv_width(), d]);
        part("self_attn.q_norm", &[config.head_dim]);
        part("self_attn.k_norm", &[config.head_dim]);
        part("self_attn.o_proj", &[d, config.q_width()]);
        part("post_attention_layernorm", &[d]);
        part("mlp.gate_proj", &[config.intermediate_size, d]);
        part("mlp.up_proj", &[config.intermediate_size, d]);
        part("mlp.down_proj", &[d, config.intermediate_size]);
    }
    shapes
}

impl Index {
    fn new(config: &Config, names: &[String]) -> Self {
        let at = |name: &str| {
            names
                .binary_search_by(|n| n.as_str().cmp(name))
                .expect("the list was made from the same configuration")
        };
        let layer = |layer: usize| {
            let part = |name: &str| at(&format!("model.layers.{layer}.{name}.weight"));
            LayerIndex {
                input_norm: part("input_layernorm"),
                q: part("self_attn.q_proj"),
                k: part("self_attn.k_proj"),
                v: part("self_attn.v_proj"),
                q_norm: part("self_attn.q_norm"),
                k_norm: part("self_attn.k_norm"),
                o: part("self_attn.o_proj"),
                post_norm: part("post_attention_layernorm"),
                gate: part("mlp.gate_proj"),
                up: part("mlp.up_proj"),
                down: part("mlp.down_proj"),
            }
        };
        Self {
            embed: at("model.embed_tokens.weight"),
            norm: at("model.norm.weight"),
            head: (!config.tie_word_embeddings).then(|| at("lm_head.weight")),
            layers: (0..config.num_hidden_layers).map(layer).collect(),
        }
    }
}

impl Model {
    /// Initial weights: normal with deviation `initializer_range`, the projections back into the residual
    /// stream (`o_proj`, `down_proj`) scaled by `1/√(2·layers)` as GPT-2 does, norms one. The same seed gives
    /// the same bits on every machine whose `ln`, `sin` and `cos` agree.
    pub fn random(config: Config, seed: u64) -> Result<Self> {
        let mut random = Random::new(seed);
        let residual = 1.0 / (2.0 * config.num_hidden_layers as f64).sqrt();
        let spread = config.initializer_range;
        Self::from_values(config, |name, shape| {
            let count = shape.iter().product();
            if shape.len() == 1 {
                return Ok(vec![1.0; count]);
            }
            let back = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
            let deviation = spread * if back { residual } else { 1.0 };
            Ok(random.normal(count, deviation))
        })
    }

    /// A model whose parameters `values` gives, called in the order of names.
    pub(crate) fn from_values(
        config: Config,
        mut values: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        config.validate()?;
        let mut names = Vec::new();
        let mut vars = Vec::new();
        for (name, shape) in parameter_shapes(&config) {
            let data = values(&name, &shape)?;
            vars.push(Var::from_vec(data, shape, &Device::Cpu)?);
            names.push(name);
        }
        Ok(Self::assemble(config, names.into(), vars))
    }

    fn assemble(config: Config, names: Arc<[String]>, vars: Vec<Var>) -> Self {
        let index = Arc::new(Index::new(&config, &names));
        Self { config, names, vars, index, pool: Pool::default(), scratch: Arc::default() }
    }

    /// A model with its own copy of every parameter: a frozen reference, for instance.
    pub fn duplicate(&self) -> Result<Self> {
        let copy = |var: &Var| Ok(Var::from_tensor(&var.as_detached_tensor().copy()?)?);
        let vars = self.vars.iter().map(copy).collect::<Result<_>>()?;
        Ok(Self::assemble(self.config.clone(), self.names.clone(), vars))
    }

    /// A copy of the model on another device.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        let copy = |var: &Var| Ok(Var::from_tensor(&var.as_detached_tensor().to_device(device)?.copy()?)?);
        let vars = self.vars.iter().map(copy).collect::<Result<_>>()?;
        Ok(Self::assemble(self.config.clone(), self.names.clone(), vars))
    }

    /// The same parameters under a second handle, buffers shared too.
    pub(crate) fn handle(&self) -> Self {
        Self {
            config: self.config.clone(),
            names: self.names.clone(),
            vars: self.vars.clone(),
            index: self.index.clone(),
            pool: self.pool.clone(),
            scratch: self.scratch.clone(),
        }
    }

    /// The configuration the model was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Every parameter with its Hugging Face name, ordered by name. Matrices are `(out, in)`.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.names.iter().map(String::as_str).zip(&self.vars)
    }

    /// How many numbers the parameters are; a tied head counts once.
    pub fn parameter_count(&self) -> usize {
        self.vars.iter().map(|var| var.elem_count()).sum()
    }

    /// Floating-point operations of a forward pass for one token that attends to `context` tokens, logits
    /// included.
    ///
    /// `2·(weights in matrices) + 4·layers·heads·head_dim·context`: a multiplication and an addition per weight
    /// (the head's too, the embedding look-up none), and the same twice per attended token and query dimension.
    /// Norms, rotary embedding and activations are left out. A training step is three times that.
    pub fn flops_per_token(&self, context: usize) -> f64 {
        let c = &self.config;
        let layer = c.hidden_size * (c.qkv_width() + c.q_width() + 3 * c.intermediate_size);
        let weights = c.num_hidden_layers * layer + c.hidden_size * c.vocab_size;
        2.0 * weights as f64 + 4.0 * (c.num_hidden_layers * c.q_width()) as f64 * context as f64
    }

    pub(crate) fn names(&self) -> &Arc<[String]> {
        &self.names
    }

    pub(crate) fn vars(&self) -> &[Var] {
        &self.vars
    }

    /// A parameter as a tensor that carries gradients.
    pub(crate) fn tensor(&self, at: usize) -> &Tensor {
        self.vars[at].as_tensor()
    }

    pub(crate) fn is_on_cpu(&self) -> bool {
        self.vars.iter().all(|var| var.device().is_cpu())
    }

    /// The parameters' memory, to read.
    pub(crate) fn weights(&self) -> Weights<'_> {
        Weights(self.vars.iter().map(|var| var.storage_and_layout().0).collect())
    }
}

/// Read access to the parameters' memory. An update of the model waits until it is dropped.
pub(crate) struct Weights<'a>(Vec<StorageRef<'a>>);

impl Weights<'_> {
    /// The values of a parameter.
    pub(crate) fn get(&self, at: usize) -> Result<&[f32]> {
        match &*self.0[at] {
            Storage::Cpu(storage) => Ok(storage.as_slice::<f32>()?),
            _ => Err(Error::Mismatch("the parameters are not in the processor's memory".into())),
        }
    }
}
