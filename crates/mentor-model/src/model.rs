//! A decoder's configuration and parameters.

use crate::checkpoint::Tensors;
use crate::lora::{Lora, Projection, adapter_names};
use crate::pool::{Pool, Stack};
use crate::random::Random;
use crate::{Config, Error, Result};
use candle_core::{Device, Storage, StorageRef, Tensor, Var};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A Qwen3, Qwen2 or Llama decoder: its configuration and its parameters, f32, under their Hugging Face names;
/// with adapters ([`Model::with_lora`]) if only they are to be trained.
///
/// Parameters are candle variables, ordered by name. On the CPU the passes over the model are this crate's own
/// kernels; on another device (see [`Model::to_device`]) they are composed of candle's operations.
#[derive(Debug)]
pub struct Model {
    config: Config,
    base: Parameters,
    lora: Option<Lora>,
    pub(crate) index: Arc<Index>,
    pub(crate) pool: Pool,
    pub(crate) scratch: Arc<Stack>,
    /// How often an optimizer has changed the parameters.
    pub(crate) updates: Arc<AtomicU64>,
}

/// Variables with their names, ordered by name. Clones share the variables.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) names: Arc<[String]>,
    pub(crate) vars: Vec<Var>,
}

impl Parameters {
    /// Parameters of the given shapes whose numbers `values` gives, called in the order of names.
    pub(crate) fn from_values(
        shapes: BTreeMap<String, Vec<usize>>,
        mut values: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        let (mut names, mut vars) = (Vec::new(), Vec::new());
        for (name, shape) in shapes {
            let data = values(&name, &shape)?;
            vars.push(Var::from_vec(data, shape, &Device::Cpu)?);
            names.push(name);
        }
        Ok(Self { names: names.into(), vars })
    }

    /// [`Parameters::from_values`] with the numbers of a file's tensors, of which none may be left over, missing or
    /// of another shape. `place` names the file in errors.
    pub(crate) fn from_tensors(
        shapes: BTreeMap<String, Vec<usize>>,
        mut tensors: Tensors,
        place: &Path,
        foreign: &str,
    ) -> Result<Self> {
        if let Some(name) = tensors.keys().find(|name| !shapes.contains_key(*name)) {
            return Err(Error::file(place, format!("tensor `{name}` is none of {foreign}")));
        }
        Self::from_values(shapes, |name, shape| match tensors.remove(name) {
            Some((found, values)) if found == shape => Ok(values),
            Some((found, _)) => Err(Error::file(
                place,
                format!("tensor `{name}` has shape {found:?}, its configuration asks for {shape:?}"),
            )),
            None => Err(Error::file(place, format!("tensor `{name}` is missing from the checkpoint"))),
        })
    }

    /// Every variable with its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.names.iter().map(String::as_str).zip(&self.vars)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|n| n.as_str().cmp(name)).ok()
    }

    pub(crate) fn copy_to(&self, device: &Device) -> Result<Self> {
        let copy = |var: &Var| Ok(Var::from_tensor(&var.as_detached_tensor().to_device(device)?.copy()?)?);
        Ok(Self { names: self.names.clone(), vars: self.vars.iter().map(copy).collect::<Result<_>>()? })
    }

    /// The variables' memory, to read.
    pub(crate) fn weights(&self) -> Weights<'_> {
        Weights(self.vars.iter().map(|var| var.storage_and_layout().0).collect())
    }
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
#[derive(Debug)]
pub(crate) struct LayerIndex {
    pub(crate) input_norm: usize,
    pub(crate) q: LinearIndex,
    pub(crate) k: LinearIndex,
    pub(crate) v: LinearIndex,
    /// Absent where heads are not normalised.
    pub(crate) q_norm: Option<usize>,
    pub(crate) k_norm: Option<usize>,
    pub(crate) o: LinearIndex,
    pub(crate) post_norm: usize,
    pub(crate) gate: LinearIndex,
    pub(crate) up: LinearIndex,
    pub(crate) down: LinearIndex,
}

impl LayerIndex {
    /// The projections that read the block's input, in the order of their columns.
    pub(crate) fn qkv(&self) -> [LinearIndex; 3] {
        [self.q, self.k, self.v]
    }

    /// The projections that read the MLP's input, in the order of their columns.
    pub(crate) fn gate_up(&self) -> [LinearIndex; 2] {
        [self.gate, self.up]
    }

    /// All seven.
    pub(crate) fn projections(&self) -> [LinearIndex; 7] {
        [self.q, self.k, self.v, self.o, self.gate, self.up, self.down]
    }
}

/// The parameters of one projection: `x·Wᵀ + b`, and `s·(x·Aᵀ)·Bᵀ` if it is adapted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearIndex {
    pub(crate) weight: usize,
    pub(crate) bias: Option<usize>,
    pub(crate) adapter: Option<AdapterIndex>,
}

/// Where a projection's adapter stands among the adapters' parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdapterIndex {
    /// `(r, in)`.
    pub(crate) a: usize,
    /// `(out, r)`.
    pub(crate) b: usize,
}

/// The name, shape and bias of every projection of a block.
pub(crate) fn projections(config: &Config) -> [(Projection, [usize; 2], bool); 7] {
    let (d, f) = (config.hidden_size, config.intermediate_size);
    let (q, kv) = (config.q_width(), config.kv_width());
    [
        (Projection::Q, [q, d], config.has_qkv_bias()),
        (Projection::K, [kv, d], config.has_qkv_bias()),
        (Projection::V, [kv, d], config.has_qkv_bias()),
        (Projection::O, [d, q], config.has_o_bias()),
        (Projection::Gate, [f, d], config.mlp_bias),
        (Projection::Up, [f, d], config.mlp_bias),
        (Projection::Down, [d, f], config.mlp_bias),
    ]
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
        let mut norm =
            |name: &str, width: usize| put(format!("model.layers.{layer}.{name}.weight"), &[width]);
        norm("input_layernorm", d);
        norm("post_attention_layernorm", d);
        if config.architecture.normalises_heads() {
            norm("self_attn.q_norm", config.head_dim);
            norm("self_attn.k_norm", config.head_dim);
        }
        for (projection, shape, has_bias) in projections(config) {
            let module = projection.module(layer);
            put(format!("{module}.weight"), &shape);
            if has_bias {
                put(format!("{module}.bias"), &shape[..1]);
            }
        }
    }
    shapes
}

impl Index {
    fn new(config: &Config, base: &Parameters, lora: Option<&Lora>) -> Self {
        let at = |name: &str| base.position(name).expect("the list was made from the same configuration");
        let layer = |layer: usize| {
            let norm = |name: &str| at(&format!("model.layers.{layer}.{name}.weight"));
            let of_heads = |name: &str| config.architecture.normalises_heads().then(|| norm(name));
            let linear = |projection: Projection| {
                let module = projection.module(layer);
                LinearIndex {
                    weight: at(&format!("{module}.weight")),
                    bias: base.position(&format!("{module}.bias")),
                    adapter: lora.and_then(|lora| {
                        let [a, b] = adapter_names(&module);
                        Some(AdapterIndex {
                            a: lora.parameters.position(&a)?,
                            b: lora.parameters.position(&b)?,
                        })
                    }),
                }
            };
            LayerIndex {
                input_norm: norm("input_layernorm"),
                q: linear(Projection::Q),
                k: linear(Projection::K),
                v: linear(Projection::V),
                q_norm: of_heads("self_attn.q_norm"),
                k_norm: of_heads("self_attn.k_norm"),
                o: linear(Projection::O),
                post_norm: norm("post_attention_layernorm"),
                gate: linear(Projection::Gate),
                up: linear(Projection::Up),
                down: linear(Projection::Down),
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
    /// stream (`o_proj`, `down_proj`) scaled by `1/√(2·layers)` as GPT-2 does, norms one, biases zero. The same
    /// seed gives the same bits on every machine whose `ln`, `sin` and `cos` agree.
    pub fn random(config: Config, seed: u64) -> Result<Self> {
        let mut random = Random::new(seed);
        let residual = 1.0 / (2.0 * config.num_hidden_layers as f64).sqrt();
        let spread = config.initializer_range;
        Self::from_values(config, |name, shape| {
            let count = shape.iter().product();
            if shape.len() == 1 {
                return Ok(vec![if name.ends_with("norm.weight") { 1.0 } else { 0.0 }; count]);
            }
            let back = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
            let deviation = spread * if back { residual } else { 1.0 };
            Ok(random.normal(count, deviation))
        })
    }

    /// A model whose parameters `values` gives, called in the order of names.
    fn from_values(config: Config, values: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>) -> Result<Self> {
        config.validate()?;
        let base = Parameters::from_values(parameter_shapes(&config), values)?;
        Ok(Self::assemble(config, base, None))
    }

    pub(crate) fn assemble(config: Config, base: Parameters, lora: Option<Lora>) -> Self {
        let index = Arc::new(Index::new(&config, &base, lora.as_ref()));
        Self {
            config,
            base,
            lora,
            index,
            pool: Pool::default(),
            scratch: Arc::default(),
            updates: Arc::default(),
        }
    }

    /// A model with its own copy of every parameter: a frozen reference, for instance. Working memory is shared.
    pub fn duplicate(&self) -> Result<Self> {
        self.to_device(self.base.vars[0].device())
    }

    /// A copy of the model on another device.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        let lora = self.lora.as_ref().map(|lora| lora.copy_to(device)).transpose()?;
        let copy = Self::assemble(self.config.clone(), self.base.copy_to(device)?, lora);
        Ok(Self { pool: self.pool.clone(), scratch: self.scratch.clone(), ..copy })
    }

    /// The same parameters under a second handle, buffers shared too.
    pub(crate) fn handle(&self) -> Self {
        Self {
            config: self.config.clone(),
            base: self.base.clone(),
            lora: self.lora.clone(),
            index: self.index.clone(),
            pool: self.pool.clone(),
            scratch: self.scratch.clone(),
            updates: self.updates.clone(),
        }
    }

    /// The configuration the model was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Every parameter of the checkpoint with its Hugging Face name, ordered by name; adapters are not among them.
    /// Matrices are `(out, in)`.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.base.iter()
    }

    /// The parameters that training changes, ordered by name: the adapters' of a model that has some, all others
    /// otherwise. These are the ones that [`Gradients`](crate::Gradients) and [`AdamW`](crate::AdamW) know.
    pub fn trainable(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.trained().iter()
    }

    /// How many numbers the checkpoint's parameters are; a tied head counts once, adapters not at all.
    pub fn parameter_count(&self) -> usize {
        self.base.vars.iter().map(|var| var.elem_count()).sum()
    }

    /// How many numbers training changes.
    pub fn trainable_count(&self) -> usize {
        self.trainable().map(|(_, var)| var.elem_count()).sum()
    }

    /// Floating-point operations of a forward pass for one token that attends to `context` tokens, logits
    /// included.
    ///
    /// `2·(weights in matrices) + 4·layers·heads·head_dim·context`: a multiplication and an addition per weight
    /// (the head's too, the embedding look-up none), and the same twice per attended token and query dimension.
    /// Norms, biases, rotary embedding and activations are left out, adapters counted.
    pub fn flops_per_token(&self, context: usize) -> f64 {
        let c = &self.config;
        let adapters = if self.lora.is_some() { self.trainable_count() } else { 0 };
        2.0 * (self.matrix_weights() + adapters) as f64
            + 4.0 * (c.num_hidden_layers * c.q_width()) as f64 * context as f64
    }

    /// Floating-point operations of a forward and a backward pass for one token: three forward passes, less the
    /// gradients of frozen matrices if there are adapters.
    pub fn training_flops_per_token(&self, context: usize) -> f64 {
        let frozen = if self.lora.is_some() { self.matrix_weights() } else { 0 };
        3.0 * self.flops_per_token(context) - 2.0 * frozen as f64
    }

    /// Weights of the checkpoint's matrices that every token is multiplied with.
    fn matrix_weights(&self) -> usize {
        let c = &self.config;
        let layer: usize = projections(c).iter().map(|(_, [out, inner], _)| out * inner).sum();
        c.num_hidden_layers * layer + c.hidden_size * c.vocab_size
    }

    pub(crate) fn base(&self) -> &Parameters {
        &self.base
    }

    pub(crate) fn lora_state(&self) -> Option<&Lora> {
        self.lora.as_ref()
    }

    /// The parameters that have gradients.
    pub(crate) fn trained(&self) -> &Parameters {
        self.lora.as_ref().map_or(&self.base, |lora| &lora.parameters)
    }

    /// A parameter of the checkpoint as a tensor that carries gradients.
    pub(crate) fn tensor(&self, at: usize) -> &Tensor {
        self.base.vars[at].as_tensor()
    }

    pub(crate) fn is_on_cpu(&self) -> bool {
        self.base.vars.iter().all(|var| var.device().is_cpu())
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
