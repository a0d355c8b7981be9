//! Log-probabilities of chosen tokens, with and without a graph behind them.

use crate::activations::{Activations, Keep};
use crate::backward::{self, Scored};
use crate::batch::Targets;
use crate::composed;
use crate::forward;
use crate::kernels::logprob::TokenLogProb;
use crate::packed::{ForwardWeights, PackedWeights};
use crate::pool::Buffer;
use crate::recording::Recording;
use crate::{Batch, Error, Gradients, Model, Result};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::sync::Arc;

/// Tokens that [`Model::logprobs_no_grad`] runs at a time on a thread: whole sequences until there are this many.
const NO_GRAD_TOKENS: usize = 1024;

/// Log-probabilities of a batch's scored tokens, and what their gradient needs.
///
/// The gradient is that of the parameters as they were at the forward pass: do not update the model between
/// [`Model::logprobs`] and [`LogProbs::backward`].
#[derive(Debug)]
pub struct LogProbs {
    /// `ln p(token)`, one per scored token, at the temperature asked for.
    pub values: Vec<f32>,
    /// The entropy of the distribution each scored token was drawn from. No gradient runs through it.
    pub entropies: Vec<f32>,
    graph: Graph,
}

/// What [`Model::logprobs_with`] trades memory against time with. Nothing here changes a bit of any result.
#[derive(Debug, Default)]
pub struct PassOptions<'r> {
    /// Hold no more of each decoder block than its input; the backward pass computes the rest again, a block at a time.
    /// (On another device than the processor this has no effect.)
    pub recompute: bool,
    /// What a [`Decoder`](crate::Decoder) of this model recorded when it sampled the batch: then there is no forward
    /// pass. Each sequence is good for one call. A batch of which a sequence is not recorded is computed as ever, and so
    /// is every batch once [`AdamW`](crate::AdamW) has updated the model.
    pub recording: Option<&'r mut Recording>,
}

/// What a backward pass starts from.
#[derive(Debug)]
enum Graph {
    Kernels(Box<KernelGraph>),
    /// On another device: candle's own graph behind a tensor of the values.
    Composed(Box<(Model, Tensor)>),
}

#[derive(Debug)]
struct KernelGraph {
    model: Model,
    weights: Arc<PackedWeights>,
    /// What is computed, and what for: see [`Batch::trimmed`].
    batch: Batch,
    targets: Targets,
    acts: Activations,
    logits: Option<Buffer>,
    temperature: f32,
    log_sum_exp: Vec<f32>,
}

fn check(model: &Model, batch: &Batch, temperature: f32) -> Result<()> {
    batch.validate(model.config().vocab_size)?;
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(Error::Batch(format!("temperature {temperature} must be positive and finite")));
    }
    Ok(())
}

impl Model {
    /// Logits of every token of the batch, `(N, V)`: for tests and comparison, since they are large.
    pub fn logits(&self, batch: &Batch) -> Result<Tensor> {
        batch.validate(self.config().vocab_size)?;
        if !self.is_on_cpu() {
            return Ok(composed::logits(self, batch)?.detach());
        }
        let logits = in_pool(|| forward::logits(self, batch))?;
        Ok(Tensor::from_vec(logits, (batch.tokens(), self.config().vocab_size), &Device::Cpu)?)
    }

    /// Log-probabilities of the scored tokens under `softmax(logits / temperature)`, with the graph for
    /// [`LogProbs::backward`].
    ///
    /// Only scored positions go through the vocabulary projection, and logits are never held for the whole
    /// batch. Runs on rayon's current pool; the number of threads does not change a bit of the result.
    pub fn logprobs(&self, batch: &Batch, temperature: f32) -> Result<LogProbs> {
        self.logprobs_with(batch, temperature, PassOptions::default())
    }

    /// [`Model::logprobs`] at another price in memory and time; see [`PassOptions`].
    pub fn logprobs_with(
        &self,
        batch: &Batch,
        temperature: f32,
        options: PassOptions<'_>,
    ) -> Result<LogProbs> {
        check(self, batch, temperature)?;
        if !self.is_on_cpu() {
            return self.logprobs_composed(batch, temperature);
        }
        let keep = if options.recompute { Keep::Inputs } else { Keep::Everything };
        let mut recording = options.recording.filter(|recording| recording.weights.are_of(self));
        in_pool(|| {
            let weights = match &recording {
                Some(recording) => recording.weights.clone(),
                None => Arc::new(PackedWeights::new(self)?),
            };
            let (batch, targets) = batch.trimmed();
            let acts = match recording.as_mut().and_then(|recording| recording.take(&batch, &targets)) {
                Some(recorded) => forward::recorded(self, &batch, &targets.rows, recorded),
                None => forward::run(self, &weights.forward, &batch, &targets.rows, keep)?,
            };
            Ok(self.scored(batch, targets, temperature, weights, acts, keep))
        })
    }

    /// The log-probabilities behind a forward pass.
    fn scored(
        &self,
        batch: Batch,
        targets: Targets,
        temperature: f32,
        weights: Arc<PackedWeights>,
        acts: Activations,
        keep: Keep,
    ) -> LogProbs {
        let tokens = &targets.tokens;
        let mut logits =
            if keep == Keep::Everything { forward::room_for_logits(self, tokens.len()) } else { None };
        let scores =
            forward::score(self, &weights.forward, tokens, &acts.last, temperature, logits.as_deref_mut());
        let graph = KernelGraph {
            model: self.handle(),
            weights,
            batch,
            targets,
            acts,
            logits,
            temperature,
            log_sum_exp: scores.iter().map(|s| s.log_sum_exp).collect(),
        };
        LogProbs {
            values: scores.iter().map(|s| s.logprob).collect(),
            entropies: scores.iter().map(|s| s.entropy).collect(),
            graph: Graph::Kernels(Box::new(graph)),
        }
    }

    /// [`Model::logprobs`] composed of candle's operations, whatever the device: the form other devices use,
    /// for tests.
    #[doc(hidden)]
    pub fn logprobs_composed(&self, batch: &Batch, temperature: f32) -> Result<LogProbs> {
        check(self, batch, temperature)?;
        let (values, entropies) = composed::logprobs(self, batch, temperature)?;
        Ok(LogProbs {
            values: values.to_vec1()?,
            entropies: entropies.to_vec1()?,
            graph: Graph::Composed(Box::new((self.handle(), values))),
        })
    }

    /// Log-probabilities and entropies of the scored tokens, bit for bit those of [`Model::logprobs`], without
    /// keeping anything for a gradient: memory for some thousand tokens a thread however long the batch.
    pub fn logprobs_no_grad(&self, batch: &Batch, temperature: f32) -> Result<(Vec<f32>, Vec<f32>)> {
        check(self, batch, temperature)?;
        if !self.is_on_cpu() {
            let (values, entropies) = composed::logprobs(self, batch, temperature)?;
            return Ok((values.to_vec1()?, entropies.to_vec1()?));
        }
        in_pool(|| {
            let weights = ForwardWeights::new(self)?;
            let score = |part: &Batch| {
                let (batch, targets) = part.trimmed();
                let acts = forward::run(self, &weights, &batch, &targets.rows, Keep::Nothing)?;
                Ok(forward::score(self, &weights, &targets.tokens, &acts.last, temperature, None))
            };
            let parts = parts(batch, NO_GRAD_TOKENS);
            let scores: Vec<Vec<TokenLogProb>> = parts.par_iter().map(score).collect::<Result<_>>()?;
            Ok(scores.iter().flatten().map(|s| (s.logprob, s.entropy)).unzip())
        })
    }
}

impl LogProbs {
    /// The gradient of a loss, given its derivative by each of [`LogProbs::values`]. Tokens of derivative zero
    /// save their part of the vocabulary projection.
    pub fn backward(self, d_values: &[f32]) -> Result<Gradients> {
        self.check(d_values)?;
        match self.graph {
            Graph::Composed(graph) => composed::backward(&graph.0, &graph.1, d_values),
            Graph::Kernels(graph) => {
                let mut gradients = Gradients::zeros(&graph.model);
                graph.backward(d_values, &mut gradients)?;
                Ok(gradients)
            }
        }
    }

    /// [`LogProbs::backward`] added to the gradients of other batches: what
    /// [`Gradients::accumulate`] gives but for rounding, without room for another set of gradients.
    pub fn backward_onto(self, d_values: &[f32], gradients: &mut Gradients) -> Result<()> {
        self.check(d_values)?;
        match self.graph {
            Graph::Composed(graph) => gradients.accumulate(composed::backward(&graph.0, &graph.1, d_values)?),
            Graph::Kernels(graph) => graph.backward(d_values, gradients),
        }
    }

    fn check(&self, d_values: &[f32]) -> Result<()> {
        if d_values.len() == self.values.len() {
            return Ok(());
        }
        let (found, wanted) = (d_values.len(), self.values.len());
        Err(Error::Batch(format!("{found} derivatives for {wanted} scored tokens")))
    }
}

impl KernelGraph {
    fn backward(self, d_values: &[f32], gradients: &mut Gradients) -> Result<()> {
        let Self { model, weights, batch, targets, acts, logits, temperature, log_sum_exp } = self;
        if !gradients.are_of(&model) {
            return Err(Error::Mismatch("gradients of different models cannot be added".into()));
        }
        let scored = Scored { targets: &targets, temperature, log_sum_exp: &log_sum_exp, d_values };
        let sums = gradients.values_mut();
        in_pool(|| backward::run(&model, &weights, &batch, acts, logits, &scored, sums))
    }
}

/// Runs `work` on a thread of rayon's current pool, where starting parallel work is cheap.
pub(crate) fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

/// Cuts a batch into batches of about `tokens` tokens, between sequences that do not belong together.
fn parts(batch: &Batch, tokens: usize) -> Vec<Batch> {
    let sequences: Vec<(usize, usize)> = batch.sequences().collect();
    let mut scored = batch.scored.iter().copied().peekable();
    let mut parts = Vec::new();
    let mut part = Batch::default();
    let mut offset = 0;
    for family in batch.families() {
        let (start, end) = (sequences[family.start].0, sequences[family.end - 1].1);
        if !part.ids.is_empty() && part.ids.len() + end - start > tokens {
            parts.push(std::mem::take(&mut part));
            offset = start;
        }
        part.starts.extend(sequences[family.clone()].iter().map(|(start, _)| start - offset));
        part.continues.extend(family.clone().map(|sequence| sequence > family.start));
        part.ids.extend_from_slice(&batch.ids[start..end]);
        while let Some(at) = scored.next_if(|&at| at < end) {
            part.scored.push(at - offset);
        }
    }
    parts.push(part);
    parts
}
