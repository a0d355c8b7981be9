//! The parameters in the layouts that matrix products read.

use crate::kernels::matmul::Packed;
use crate::{Model, Result};
use rayon::prelude::*;

/// Everything a forward pass multiplies with: a copy of the parameters as they were when it was made.
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
    pub(crate) qkv: Packed,
    pub(crate) q_norm: Vec<f32>,
    pub(crate) k_norm: Vec<f32>,
    pub(crate) o: Packed,
    pub(crate) post_norm: Vec<f32>,
    pub(crate) gate_up: Packed,
    pub(crate) down: Packed,
}

impl ForwardWeights {
    pub(crate) fn new(model: &Model) -> Result<Self> {
        let (config, weights) = (model.config(), model.weights());
        let d = config.hidden_size;
        let transposed = |parts: &[usize], k: usize| -> Result<Packed> {
            let parts = parts.iter().map(|&at| weights.get(at)).collect::<Result<Vec<_>>>()?;
            let mut packed = Packed::default();
            packed.set_transposed(&parts, k);
            Ok(packed)
        };
        let layers = model.index.layers.par_iter().map(|layer| {
            Ok(ForwardLayer {
                input_norm: weights.get(layer.input_norm)?.to_vec(),
                qkv: transposed(&[layer.q, layer.k, layer.v], d)?,
                q_norm: weights.get(layer.q_norm)?.to_vec(),
                k_norm: weights.get(layer.k_norm)?.to_vec(),
                o: transposed(&[layer.o], config.q_width())?,
                post_norm: weights.get(layer.post_norm)?.to_vec(),
                gate_up: transposed(&[layer.gate, layer.up], d)?,
                down: transposed(&[layer.down], config.intermediate_size)?,
            })
        });
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            norm: weights.get(model.index.norm)?.to_vec(),
            head: transposed(&[model.index.output()], d)?,
        })
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
    pub(crate) qkv: Packed,
    pub(crate) o: Packed,
    pub(crate) gate_up: Packed,
    pub(crate) down: Packed,
}

impl BackwardWeights {
    pub(crate) fn new(model: &Model) -> Result<Self> {
        let (config, weights) = (model.config(), model.weights());
        let d = config.hidden_size;
        let plain = |parts: &[usize], n: usize| -> Result<Packed> {
            let parts = parts.iter().map(|&at| weights.get(at)).collect::<Result<Vec<_>>>()?;
            let mut packed = Packed::default();
            packed.set_plain(&parts, n);
            Ok(packed)
        };
        let layers = model.index.layers.par_iter().map(|layer| {
            Ok(BackwardLayer {
                qkv: plain(&[layer.q, layer.k, layer.v], d)?,
                o: plain(&[layer.o], config.q_width())?,
                gate_up: plain(&[layer.gate, layer.up], d)?,
                down: plain(&[layer.down], config.intermediate_size)?,
            })
        });
        Ok(Self { layers: layers.collect::<Result<_>>()?, head: plain(&[model.index.output()], d)? })
    }
}
