//! The parameters in the layouts that matrix products read.

use crate::kernels::matmul::Packed;
use crate::linears::{Linears, LinearsGrad, Sources};
use crate::{Error, Model, Result};
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
