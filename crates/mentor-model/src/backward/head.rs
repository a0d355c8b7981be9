//! The vocabulary projection, from the scored tokens back to the last stream.

use super::{Scored, add_partials, of_base};
use crate::forward::head_rows;
use crate::kernels::logprob::token_logprob_backward;
use crate::kernels::matmul::{Write, matmul};
use crate::kernels::norm::{rms_norm, rms_norm_backward};
use crate::packed::{BackwardWeights, ForwardWeights};
use crate::pool::{Buffer, Scratch, first};
use crate::weight_gradients::{Jobs, weight_gradients};
use crate::{Config, Model};
use rayon::prelude::*;

/// Scored tokens whose logits are held at a time: 16 MiB of them, but enough to be worth a pass over the head's
/// gradient.
fn head_chunk(vocab_size: usize) -> usize {
    let rows = head_rows(vocab_size);
    ((1 << 22) / vocab_size / rows * rows).max(rows * 256usize.div_ceil(rows))
}

/// The vocabulary projection and the last norm; returns the gradient of the rows that predict the scored
/// tokens. Tokens of zero weight cost nothing. Logits that were kept become their gradient; others are computed again.
pub(super) fn head(
    model: &Model,
    forward: &ForwardWeights,
    weights: &BackwardWeights,
    stream: &[f32],
    logits: Option<Buffer>,
    scored: &Scored<'_>,
    gradients: &mut [Buffer],
) -> Buffer {
    let c = model.config();
    let (d, vocab, rows) = (c.hidden_size, c.vocab_size, head_rows(c.vocab_size));
    let weighty: Vec<usize> = (0..scored.d_values.len()).filter(|&i| scored.d_values[i] != 0.0).collect();
    let mut d_stream = model.pool.zeros(stream.len());
    // Rows of zero weight would be in the way of those that have some.
    let (mut logits, kept) = match logits {
        Some(logits) if weighty.len() == scored.d_values.len() => (logits, true),
        _ => (model.pool.take(weighty.len().min(head_chunk(vocab)) * vocab), false),
    };
    for (at, chunk) in weighty.chunks(head_chunk(vocab)).enumerate() {
        let first = if kept { at * head_chunk(vocab) * vocab } else { 0 };
        let d_logits = &mut logits[first..first + chunk.len() * vocab];
        let mut normal = model.pool.take(chunk.len() * d);
        let mut d_rows = model.pool.take(chunk.len() * d);
        let mut partial = model.pool.zeros(chunk.len().div_ceil(rows) * d);
        d_logits
            .par_chunks_mut(rows * vocab)
            .zip(normal.par_chunks_mut(rows * d))
            .zip(d_rows.par_chunks_mut(rows * d))
            .zip(partial.par_chunks_mut(d))
            .zip(chunk.par_chunks(rows))
            .with_max_len(1)
            .for_each(|((((d_logits, normal), d_rows), partial), chosen)| {
                let part = HeadBlock { c, forward, weights, stream, kept, scored, chosen };
                model.scratch.with(|scratch| head_block(&part, d_logits, normal, d_rows, partial, scratch));
            });
        for (row, &i) in d_rows.chunks_exact(d).zip(chunk) {
            d_stream[i * d..(i + 1) * d].copy_from_slice(row);
        }
        if let Some(gradient) = of_base(model, gradients, model.index.norm) {
            add_partials(gradient, &partial);
        }
        if model.lora_state().is_none() {
            let mut jobs = Jobs::new(model, gradients, &[]);
            jobs.add_head(d_logits, &normal);
            weight_gradients(chunk.len(), jobs);
        }
    }
    d_stream
}

/// What a block of rows of [`head`] reads.
struct HeadBlock<'a> {
    c: &'a Config,
    forward: &'a ForwardWeights,
    weights: &'a BackwardWeights,
    stream: &'a [f32],
    /// Whether the logits are there.
    kept: bool,
    scored: &'a Scored<'a>,
    /// Indices into the scored tokens.
    chosen: &'a [usize],
}

fn head_block(
    of: &HeadBlock<'_>,
    d_logits: &mut [f32],
    normal: &mut [f32],
    d_rows: &mut [f32],
    partial: &mut [f32],
    scratch: &mut Scratch,
) {
    let (d, vocab, eps) = (of.c.hidden_size, of.c.vocab_size, of.c.rms_norm_eps);
    let (count, norm) = (of.chosen.len(), &of.forward.norm);
    let row_of = |i: usize| &of.stream[i * d..(i + 1) * d];
    for (out, &i) in normal.chunks_exact_mut(d).zip(of.chosen) {
        rms_norm(1, row_of(i), d, norm, eps, out, d);
    }
    if !of.kept {
        matmul(count, normal, d, of.forward.head.panels(), d_logits, vocab, Write::Set);
    }
    for (row, &i) in d_logits.chunks_exact_mut(vocab).zip(of.chosen) {
        let token = of.scored.targets.tokens[i] as usize;
        let (log_sum_exp, weight) = (of.scored.log_sum_exp[i], of.scored.d_values[i]);
        token_logprob_backward(row, token, of.scored.temperature, log_sum_exp, weight);
    }
    let d_normal = first(&mut scratch.a, count * d);
    matmul(count, d_logits, vocab, of.weights.head.panels(), d_normal, d, Write::Set);
    for ((d_row, d_normal), &i) in d_rows.chunks_exact_mut(d).zip(d_normal.chunks_exact(d)).zip(of.chosen) {
        rms_norm_backward(1, row_of(i), d, norm, eps, d_normal, d, d_row, d, Write::Set, partial);
    }
}
