//! The parameters in the layouts that matrix products read.

use crate::kernels::packing::Packed;
use crate::linears::{Linears, LinearsGrad, Sources};
use crate::{Error, Model, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A copy of a model's parameters as they were when it was made, in the layouts that both passes read.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    pub(crate) forward: ForwardWeights,
    backward: OnceLock<BackwardWeights>,
    /// Whose parameters, and after how many updates.
    updates: Arc<AtomicU64>,
    seen: u64,
}

impl PackedWeights {
    pub(crate) fn new(model: &Model) -> Result<Self> {
        let updates = model.updates.clone();
        let seen = updates.load(Ordering::Acquire);
        Ok(Self { forward: ForwardWeights::new(model)?, backward: OnceLock::new(), updates, seen })
    }

    /// Whether these are the model's parameters, as far as [`AdamW`](crate::AdamW) is what changes them.
    pub(crate) fn are_of(&self, model: &Model) -> bool {
        Arc::ptr_eq(&self.updates, &model.updates) && model.updates.load(Ordering::Acquire) == self.seen
    }

    /// What the backward pass multiplies with: packed when it is wanted first.
    pub(crate) fn backward(&self, model: &Model) -> Result<&BackwardWeights> {
        if let Some(weights) = self.backward.get() {
            return Ok(weights);
        }
        let weights = BackwardWeights::new(model)?;
        Ok(self.backward.get_or_init(|| weights))
    }
}

/// Everything a forward pass multiplies with.
#[derive(Debug, Default)]
pub(crate) struct ForwardWeights {
    pub(crate) layers: Vec<ForwardLayer>,
    pub(crate) norm: Vec<f32>,
    pub(crate) head: Packed,
}

/// One block's weights: matrices that read the same rows stand side by side.
#[derive(Debug, Default)]
pub(crate) struct ForwardLayer {
    pub(crate) input_norm: Vec<f32>,
    pub(crate) qkv: Linears,
    /// Absent where heads are not normalised.
    pub(crate) q_norm: Option<Vec<f32>>,
    pub(crate) k_norm: Option<Vec<f32>>,
    pub(crate) o: Linears,
    pub(crate) post_norm: Vec<f32>,
    pub(crate) gate_up: Linears,
    pub(crate) down: Linears,
}

impl ForwardWeights {
    pub(crate) fn new(model: &Model) -> Result<Self> {
        let config = model.config();
        let sources = Sources::new(model);
        let weights = &sources.base;
        let (d, q, f) = (config.hidden_size, config.q_width(), config.intermediate_size);
        let values = |at: usize| Ok::<_, Error>(weights.get(at)?.to_vec());
        let layers = model.index.layers.par_iter().map(|layer| {
            Ok(ForwardLayer {
                input_norm: values(layer.input_norm)?,
                qkv: Linears::new(&sources, &layer.qkv(), d)?,
                q_norm: layer.q_norm.map(values).transpose()?,
                k_norm: layer.k_norm.map(values).transpose()?,
                o: Linears::new(&sources, &[layer.o], q)?,
                post_norm: values(layer.post_norm)?,
                gate_up: Linears::new(&sources, &layer.gate_up(), d)?,
                down: Linears::new(&sources, &[layer.down], f)?,
            })
        });
        let mut head = Packed::default();
        head.set_transposed(&[weights.get(model.index.output())?], d);
        Ok(Self { layers: layers.collect::<Result<_>>()?, norm: values(model.index.norm)?, head })
    }
}

/// Everything a backward pass multiplies with.
#[derive(Debug, Default)]
pub(crate) struct BackwardWeights {
    pub(crate) layers: Vec<BackwardLayer>,
    pub(crate) head: Packed,
}

/// One block's weights for the gradients of its inputs: matrices whose products are added stand one below the
/// other.
#[derive(Debug, Default)]
pub(crate) struct BackwardLayer {
    pub(crate) qkv: LinearsGrad,
    pub(crate) o: LinearsGrad,
    pub(crate) gate_up: LinearsGrad,
    pub(crate) down: LinearsGrad,
}

impl BackwardWeights {
    pub(crate) fn new(model: &Model) -> Result<Self> {
        let config = model.config();
        let sources = Sources::new(model);
        let (d, q, f) = (config.hidden_size, config.q_width(), config.intermediate_size);
        let layers = model.index.layers.par_iter().map(|layer| {
            Ok(BackwardLayer {
                qkv: LinearsGrad::new(&sources, &layer.qkv(), d)?,
                o: LinearsGrad::new(&sources, &[layer.o], q)?,
                gate_up: LinearsGrad::new(&sources, &layer.gate_up(), d)?,
                down: LinearsGrad::new(&sources, &[layer.down], f)?,
            })
        });
        let mut head = Packed::default();
        head.set_plain(&[sources.base.get(model.index.output())?], d);
        Ok(Self { layers: layers.collect::<Result<_>>()?, head })
    }
}
