//! From rollouts with an advantage each to the gradient of the objective.

use anyhow::{Context, Result};
use mentor_model::{Batch, Gradients, Model};
use mentor_optim::{Columns, Normalization, Objective, evaluate};
use mentor_rollout::Rollout;

use crate::metrics::UpdateStats;

/// Trained tokens a forward and backward pass holds at once; gradients of such micro-batches are added up.
pub const MICRO_BATCH_TOKENS: usize = 8192;

/// One rollout and what every token sampled in it is pushed by.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// What was played.
    pub rollout: &'a Rollout,
    /// Its advantage in its group.
    pub advantage: f32,
}

/// Log-probabilities of every sample's sampled tokens under another model, the one the objective's KL term measures
/// the distance to.
pub fn reference_logprobs(base: &Model, samples: &[Sample], temperature: f32) -> Result<Vec<Vec<f32>>> {
    let mut references = Vec::with_capacity(samples.len());
    for micro in micro_batches(samples) {
        let (values, _) = base.logprobs_no_grad(&pack(micro), temperature)?;
        let mut rest = values.as_slice();
        for sample in micro {
            let (mine, others) = rest.split_at(sample.rollout.tokens_sampled());
            references.push(mine.to_vec());
            rest = others;
        }
    }
    Ok(references)
}

/// Gradient of the objective over one mini-batch; `references` has an entry a sample, empty without a KL term.
pub fn policy_gradient(
    model: &Model,
    objective: &Objective,
    temperature: f32,
    samples: &[Sample],
    references: &[Vec<f32>],
    stats: &mut UpdateStats,
) -> Result<Gradients> {
    let normalization =
        Normalization::of_lengths(samples.iter().map(|sample| sample.rollout.tokens_sampled()));
    let mut total: Option<Gradients> = None;
    let mut first = 0;
    for micro in micro_batches(samples) {
        let columns = TokenColumns::new(micro, &references[first..first + micro.len()]);
        first += micro.len();
        let logprobs = model.logprobs(&pack(micro), temperature)?;
        let evaluated =
            evaluate(objective, &columns.of(&logprobs.values, objective.kl.is_some()), &normalization)?;
        stats.add(&evaluated, &logprobs);
        let gradients = logprobs.backward(&evaluated.d_logprobs)?;
        match &mut total {
            None => total = Some(gradients),
            Some(total) => total.accumulate(gradients)?,
        }
    }
    total.context("a mini-batch without rollouts")
}

/// The columns of a micro-batch, one entry per sampled token.
struct TokenColumns {
    sampled: Vec<f32>,
    reference: Vec<f32>,
    advantages: Vec<f32>,
    sequences: Vec<usize>,
}

impl TokenColumns {
    fn new(samples: &[Sample], references: &[Vec<f32>]) -> Self {
        let mut columns =
            Self { sampled: vec![], reference: references.concat(), advantages: vec![], sequences: vec![0] };
        for sample in samples {
            // As stored when they were sampled.
            columns.sampled.extend(sample.rollout.tokens.iter().filter_map(|token| token.logprob));
            columns.advantages.resize(columns.sampled.len(), sample.advantage);
            columns.sequences.push(columns.sampled.len());
        }
        columns
    }

    fn of<'a>(&'a self, logprobs: &'a [f32], with_reference: bool) -> Columns<'a> {
        Columns {
            logprobs,
            old_logprobs: &self.sampled,
            reference: with_reference.then_some(self.reference.as_slice()),
            advantages: &self.advantages,
            sequences: &self.sequences,
        }
    }
}

/// Packs the very ids that were played; a token is scored if and only if it was sampled.
fn pack(samples: &[Sample]) -> Batch {
    let mut batch = Batch { ids: vec![], starts: vec![], scored: vec![] };
    for sample in samples {
        let start = batch.ids.len();
        batch.starts.push(start);
        for (offset, token) in sample.rollout.tokens.iter().enumerate() {
            batch.ids.push(token.id);
            if token.logprob.is_some() {
                batch.scored.push(start + offset);
            }
        }
    }
    batch
}

/// Cuts samples, in order, into runs of at most [`MICRO_BATCH_TOKENS`] tokens (or one sample).
fn micro_batches<'a, 's>(samples: &'a [Sample<'s>]) -> impl Iterator<Item = &'a [Sample<'s>]> {
    let mut rest = samples;
    std::iter::from_fn(move || {
        let mut tokens = 0;
        let count = rest
            .iter()
            .take_while(|sample| {
                tokens += sample.rollout.tokens.len();
                tokens <= MICRO_BATCH_TOKENS
            })
            .count()
            .max(1)
            .min(rest.len());
        let (micro, others) = rest.split_at(count);
        rest = others;
        (!micro.is_empty()).then_some(micro)
    })
}
