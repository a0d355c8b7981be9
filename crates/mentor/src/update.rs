//! From rollouts with an advantage each to the gradient of the objective.

use anyhow::{Context, Result};
use mentor_model::{Batch, Gradients, Model, PassOptions, Recording, Scored};
use mentor_optim::{Columns, Normalization, Objective, evaluate};
use mentor_rollout::Rollout;

use crate::metrics::UpdateStats;

/// Trained tokens a forward and backward pass holds at once; gradients of such micro-batches are added up.
pub const MICRO_BATCH_TOKENS: usize = 4096;

/// One rollout and what every token sampled in it is pushed by.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// What was played.
    pub rollout: &'a Rollout,
    /// Its advantage in its group.
    pub advantage: f32,
    /// An advantage for each of its sampled tokens, where turns or calls are credited; empty: all have `advantage`.
    pub token_advantages: &'a [f32],
}

/// Log-probabilities of every sample's sampled tokens under another model, the one the objective's KL term measures
/// the distance to.
pub fn reference_logprobs(base: &Model, samples: &[Sample], temperature: f32) -> Result<Vec<Vec<f32>>> {
    let (values, _) = base.logprobs_no_grad(&pack(samples), temperature)?;
    let mut rest = values.as_slice();
    let mine = |sample: &Sample| {
        let (mine, others) = rest.split_at(sample.rollout.tokens_sampled());
        rest = others;
        mine.to_vec()
    };
    Ok(samples.iter().map(mine).collect())
}

/// Gradient of the objective over one mini-batch; `references` has an entry a sample, empty without a KL term.
/// `recording` may hold what sampling computed.
pub fn policy_gradient(
    model: &Model,
    objective: &Objective,
    temperature: f32,
    samples: &[Sample],
    references: &[Vec<f32>],
    recompute: bool,
    mut recording: Option<&mut Recording>,
    stats: &mut UpdateStats,
) -> Result<Gradients> {
    let normalization =
        Normalization::of_lengths(samples.iter().map(|sample| sample.rollout.tokens_sampled()));
    let mut total: Option<Gradients> = None;
    let mut first = 0;
    for micro in micro_batches(samples) {
        let columns = TokenColumns::new(micro, &references[first..first + micro.len()]);
        first += micro.len();
        let options = PassOptions { recompute, recording: recording.as_deref_mut() };
        let logprobs = model.logprobs_with(&pack(micro), temperature, options)?;
        let evaluated =
            evaluate(objective, &columns.of(&logprobs.values, objective.kl.is_some()), &normalization)?;
        stats.add(&evaluated, &logprobs);
        match &mut total {
            None => total = Some(logprobs.backward(&evaluated.d_logprobs)?),
            Some(total) => logprobs.backward_onto(&evaluated.d_logprobs, total)?,
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
            columns.advantages.extend(sample.token_advantages);
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

/// Packs the very ids that were played; a token is scored if and only if it was sampled. What the rollouts of a group
/// begin with is computed once.
fn pack(samples: &[Sample]) -> Batch {
    let sequences: Vec<(Vec<u32>, Vec<usize>)> = samples
        .iter()
        .map(|sample| {
            let scored = sample.rollout.sampled().map(|(at, _)| at).collect();
            (sample.rollout.ids(), scored)
        })
        .collect();
    let borrowed: Vec<Scored> = sequences.iter().map(|(ids, scored)| (&ids[..], &scored[..])).collect();
    let mut rest = &borrowed[..];
    Batch::from_groups(groups(samples).map(|group| {
        let (mine, others) = rest.split_at(group.len());
        rest = others;
        mine
    }))
}

/// Neighbours of the same group.
fn groups<'a, 's>(samples: &'a [Sample<'s>]) -> impl Iterator<Item = &'a [Sample<'s>]> {
    samples.chunk_by(|a, b| a.rollout.group == b.rollout.group)
}

/// Cuts samples, in order, into runs of at most [`MICRO_BATCH_TOKENS`] tokens (or one sample), between groups where
/// a group fits. Prompts count once a group.
fn micro_batches<'a, 's>(samples: &'a [Sample<'s>]) -> Vec<&'a [Sample<'s>]> {
    let mut cuts = vec![0];
    let (mut tokens, mut at) = (0, 0);
    for group in groups(samples) {
        let size = group_tokens(group);
        if tokens > 0 && tokens + size > MICRO_BATCH_TOKENS {
            cuts.push(at);
            tokens = 0;
        }
        if size <= MICRO_BATCH_TOKENS {
            tokens += size;
            at += group.len();
            continue;
        }
        for sample in group {
            let size = sample.rollout.tokens.len();
            if tokens > 0 && tokens + size > MICRO_BATCH_TOKENS {
                cuts.push(at);
                tokens = 0;
            }
            tokens += size;
            at += 1;
        }
    }
    cuts.push(samples.len());
    cuts.dedup();
    cuts.windows(2).map(|cut| &samples[cut[0]..cut[1]]).collect()
}

/// Tokens of a group whose prompt is computed once.
fn group_tokens(group: &[Sample]) -> usize {
    let own = |sample: &Sample| sample.rollout.tokens.len() - sample.rollout.prompt_tokens;
    group.first().map_or(0, |first| first.rollout.prompt_tokens) + group.iter().map(own).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use mentor_rollout::Token;
    use mentor_trajectory::{Ending, Trajectory};

    use super::*;

    /// A rollout of `prompt` given and `new` sampled tokens.
    fn rollout(group: usize, prompt: usize, new: usize) -> Rollout {
        let given = (0..prompt).map(|at| Token::given((group + at) as u32));
        let sampled = (0..new).map(|at| Token { id: at as u32, logprob: Some(-1.0), turn: Some(0) });
        let trajectory = Trajectory {
            id: String::new(),
            task_id: String::new(),
            source: String::new(),
            turns: Vec::new(),
            ending: Ending::TokenLimit,
        };
        Rollout { trajectory, tokens: given.chain(sampled).collect(), prompt_tokens: prompt, group }
    }

    fn cuts(sizes: &[(usize, usize, usize)]) -> Vec<usize> {
        let rollouts: Vec<Rollout> = sizes.iter().map(|&(group, p, n)| rollout(group, p, n)).collect();
        let samples: Vec<Sample> = rollouts
            .iter()
            .map(|rollout| Sample { rollout, advantage: 1.0, token_advantages: &[] })
            .collect();
        micro_batches(&samples).into_iter().map(<[Sample]>::len).collect()
    }

    #[test]
    fn micro_batches_are_cut_between_groups_where_a_group_fits() {
        assert_eq!(cuts(&[]), [0; 0]);
        assert_eq!(cuts(&[(0, 10, 10), (0, 10, 10), (1, 10, 10)]), [3]);
        // The prompt of 2000 counts once: 2000 + 3 · 500 fit, and another such group does not.
        let group = |group| vec![(group, 2000, 500); 3];
        assert_eq!(cuts(&[group(0), group(1)].concat()), [3, 3]);
        // A group that does not fit is cut, and one sample is never.
        assert_eq!(cuts(&[(0, 2000, 1000); 3]), [1, 1, 1]);
        assert_eq!(cuts(&[(0, 1, 9000), (0, 1, 9000), (1, 1, 1)]), [1, 1, 1]);
    }

    #[test]
    fn a_group_is_packed_behind_its_prompt() {
        let rollouts = [rollout(7, 3, 2), rollout(7, 3, 1), rollout(1, 2, 1)];
        let samples: Vec<Sample> = rollouts
            .iter()
            .map(|rollout| Sample { rollout, advantage: 1.0, token_advantages: &[] })
            .collect();
        let batch = pack(&samples);
        assert_eq!(batch.ids, [7, 8, 9, 0, 1, 0, 1, 2, 0]);
        assert_eq!((batch.starts, batch.scored), (vec![0, 3, 5, 6], vec![3, 4, 5, 8]));
        assert_eq!(batch.continues, [false, true, true, false]);
    }
}
