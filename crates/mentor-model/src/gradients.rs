//! Gradients of all parameters, in the processor's memory.

use crate::kernels::reduce;
use crate::pool::Buffer;
use crate::{Error, Model, Result};
use rayon::prelude::*;
use std::sync::Arc;

/// One gradient for every parameter of a model: none can be missing.
#[derive(Debug)]
pub struct Gradients {
    names: Arc<[String]>,
    values: Vec<Buffer>,
}

impl Gradients {
    pub(crate) fn new(names: Arc<[String]>, values: Vec<Buffer>) -> Self {
        Self { names, values }
    }

    /// Nothing yet.
    pub(crate) fn zeros(model: &Model) -> Self {
        let values = model.trainable().map(|(_, var)| model.pool.zeros(var.elem_count()));
        Self { names: model.trained().names.clone(), values: values.collect() }
    }

    /// Whether there is one of every parameter of the model, in its size.
    pub(crate) fn are_of(&self, model: &Model) -> bool {
        self.names == model.trained().names
            && model.trainable().zip(&self.values).all(|((_, var), values)| var.elem_count() == values.len())
    }

    /// The Euclidean norm over all parameters together.
    pub fn norm(&self) -> f32 {
        // One sum per parameter, added in the order of names.
        let squares: Vec<f64> = self.values.par_iter().map(|values| reduce::sum_of_squares(values)).collect();
        squares.iter().sum::<f64>().sqrt() as f32
    }

    /// Scales all gradients so that their norm is at most `max_norm`; returns the norm before. As PyTorch's
    /// `clip_grad_norm_`, the factor is `max_norm / (norm + 1e-6)` where that is below one. A norm that is no
    /// number is returned as it is and nothing is scaled: look at it before stepping.
    pub fn clip(&mut self, max_norm: f32) -> f32 {
        let norm = self.norm();
        let factor = max_norm / (norm + 1e-6);
        if factor < 1.0 {
            self.scale(factor);
        }
        norm
    }

    /// Multiplies all gradients with a number.
    pub fn scale(&mut self, factor: f32) {
        self.values.par_iter_mut().for_each(|values| reduce::scale(values, factor));
    }

    /// Adds the gradients of another batch to these.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the other batch's gradients have no further use, and free their memory"
    )]
    pub fn accumulate(&mut self, other: Self) -> Result<()> {
        if self.names != other.names {
            return Err(Error::Mismatch("gradients of different models cannot be added".into()));
        }
        if let Some(at) = (0..self.values.len()).find(|&i| self.values[i].len() != other.values[i].len()) {
            return Err(Error::Mismatch(format!("gradients of `{}` differ in size", self.names[at])));
        }
        self.values.par_iter_mut().zip(&other.values).for_each(|(mine, theirs)| reduce::add(mine, theirs));
        Ok(())
    }

    /// The gradient of a parameter, row-major, by its Hugging Face name.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        let at = self.names.binary_search_by(|n| n.as_str().cmp(name)).ok()?;
        Some(&self.values[at])
    }

    /// Every gradient with its parameter's name, in the model's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.names.iter().map(String::as_str).zip(self.values.iter().map(|values| &values[..]))
    }

    pub(crate) fn names(&self) -> &Arc<[String]> {
        &self.names
    }

    pub(crate) fn values(&self) -> &[Buffer] {
        &self.values
    }

    pub(crate) fn values_mut(&mut self) -> &mut [Buffer] {
        &mut self.values
    }
}
