//! AdamW with a state that can be saved.

use crate::checkpoint::{read_tensors, write_atomically};
use crate::kernels::adamw::{AdamWStep, adamw};
use crate::{Error, Gradients, Model, Result};
use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor, Var};
use rayon::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The numbers of AdamW. The learning rate is an argument of [`AdamW::step`], since schedules change it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Learning rate where no schedule gives another; [`AdamW::step`] does not read it.
    pub lr: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Share of a weight that is taken away at a learning rate of one, apart from the gradient. Matrices only:
    /// norms and biases are not decayed.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    /// PyTorch's defaults, but no weight decay.
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// AdamW (Loshchilov & Hutter 2019), as PyTorch computes it, on f32 moments in the processor's memory.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    names: Arc<[String]>,
    step: u64,
    moments: Vec<Moments>,
}

#[derive(Debug)]
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

/// Values that one task updates.
const CHUNK: usize = 1 << 14;

impl AdamW {
    /// An optimizer that has made no step.
    pub fn new(model: &Model, config: AdamWConfig) -> Self {
        let trained = model.trained();
        let zeros = |var: &Var| vec![0.0; var.elem_count()];
        let moments =
            trained.vars.iter().map(|var| Moments { first: zeros(var), second: zeros(var) }).collect();
        Self { config, names: trained.names.clone(), step: 0, moments }
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The numbers it was made with.
    pub fn config(&self) -> AdamWConfig {
        self.config
    }

    /// Updates every trainable parameter of the model in place.
    pub fn step(&mut self, model: &Model, gradients: &Gradients, lr: f64) -> Result<()> {
        self.check(model)?;
        if self.names != *gradients.names() {
            return Err(Error::Mismatch("gradients and optimizer are not of the same model".into()));
        }
        self.step += 1;
        let c = self.config;
        let t = self.step as f64;
        for ((var, gradient), moments) in
            model.trained().vars.iter().zip(gradients.values()).zip(&mut self.moments)
        {
            let decay = if var.rank() > 1 { c.weight_decay } else { 0.0 };
            let numbers = AdamWStep {
                beta1: c.beta1 as f32,
                beta2: c.beta2 as f32,
                eps: c.eps as f32,
                keep: (1.0 - lr * decay) as f32,
                rate: (lr / (1.0 - c.beta1.powf(t))) as f32,
                second_correction: (1.0 / (1.0 - c.beta2.powf(t)).sqrt()) as f32,
            };
            update(var, gradient, moments, numbers)?;
        }
        model.updates.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn check(&self, model: &Model) -> Result<()> {
        let trained = model.trained();
        let sizes = trained.vars.iter().zip(&self.moments).all(|(var, m)| var.elem_count() == m.first.len());
        if self.names != trained.names || !sizes {
            return Err(Error::Mismatch("the optimizer's state belongs to a model of another shape".into()));
        }
        Ok(())
    }

    /// Writes moments and step count as one safetensors file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = BTreeMap::new();
        for (name, moments) in self.names.iter().zip(&self.moments) {
            tensors.insert(format!("{name}.exp_avg"), bytes(&moments.first));
            tensors.insert(format!("{name}.exp_avg_sq"), bytes(&moments.second));
        }
        let invalid = |e: safetensors::SafeTensorError| Error::file(path, e.to_string());
        let mut views = Vec::new();
        for (name, data) in &tensors {
            let view = TensorView::new(Dtype::F32, vec![data.len() / 4], data).map_err(invalid)?;
            views.push((name.as_str(), view));
        }
        let note = HashMap::from([("step".to_owned(), self.step.to_string())]);
        write_atomically(path, &safetensors::serialize(views, Some(note)).map_err(invalid)?)
    }

    /// Reads what [`AdamW::save`] wrote, for a model of the same shape. Going on from here gives the bits that
    /// going on without the interruption gives.
    pub fn load(model: &Model, config: AdamWConfig, path: &Path) -> Result<Self> {
        let mut optimizer = Self::new(model, config);
        let (mut tensors, note) = read_tensors(path)?;
        let step = note.get("step").and_then(|step| step.parse().ok());
        optimizer.step =
            step.ok_or_else(|| Error::file(path, "no `step` in its metadata: not an optimizer state"))?;
        let mut take = |name: String, room: &mut Vec<f32>| match tensors.remove(&name) {
            Some((_, values)) if values.len() == room.len() => {
                *room = values;
                Ok(())
            }
            Some((shape, _)) => {
                Err(Error::file(path, format!("`{name}` has shape {shape:?}: another model's state")))
            }
            None => Err(Error::file(path, format!("`{name}` is missing: another model's state"))),
        };
        for (name, moments) in optimizer.names.iter().zip(&mut optimizer.moments) {
            take(format!("{name}.exp_avg"), &mut moments.first)?;
            take(format!("{name}.exp_avg_sq"), &mut moments.second)?;
        }
        Ok(optimizer)
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Updates one parameter where it lies, or through a copy if it lies on another device.
fn update(var: &Var, gradient: &[f32], moments: &mut Moments, numbers: AdamWStep) -> Result<()> {
    if var.device().is_cpu() {
        let update = Update { gradient, moments: Mutex::new(moments), numbers };
        return Ok(var.as_tensor().inplace_op1(&update)?);
    }
    let mut values: Vec<f32> = var.as_tensor().flatten_all()?.to_vec1()?;
    apply(&mut values, gradient, moments, numbers);
    Ok(var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?)
}

fn apply(values: &mut [f32], gradient: &[f32], moments: &mut Moments, numbers: AdamWStep) {
    values
        .par_chunks_mut(CHUNK)
        .zip(gradient.par_chunks(CHUNK))
        .zip(moments.first.par_chunks_mut(CHUNK))
        .zip(moments.second.par_chunks_mut(CHUNK))
        .for_each(|(((p, g), m), v)| adamw(p, g, m, v, numbers));
}

/// [`apply`] as candle's in-place operation, which is how a variable's own memory is written.
struct Update<'a> {
    gradient: &'a [f32],
    /// candle hands operations out by shared reference.
    moments: Mutex<&'a mut Moments>,
    numbers: AdamWStep,
}

impl InplaceOp1 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("a parameter must be contiguous f32");
        };
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        apply(&mut values[start..end], self.gradient, &mut moments, self.numbers);
        Ok(())
    }
}
