//! The forward pass on the processor: blocks of rows through each half of a decoder block, attention between
//! them.

use crate::activations::{Activations, AttentionActivations, Blocks, Keep, new_layer};
use crate::kernels::heads::{Heads, turn_heads};
use crate::kernels::logprob::{TokenLogProb, token_logprob_kernel};
use crate::kernels::matmul::{Write, matmul};
use crate::kernels::norm::rms_norm;
use crate::kernels::rope::RopeTable;
use crate::kernels::swiglu::swiglu;
use crate::packed::{ForwardLayer, ForwardWeights};
use crate::pool::{Buffer, Scratch, first};
use crate::recording::Recorded;
use crate::{Batch, Config, Model, Result, attention};
use rayon::prelude::*;

/// Rows worked on together: a multiple of every register tile's height, small enough for a block's rows to stay
/// in the second-level cache from one product to the next. Sums over a batch's rows meet block by block, so
/// this is part of the result.
pub(crate) const ROWS: usize = 96;

/// Runs the decoder blocks over a (validated) batch, for the sake of the given rows, ascending: after the last
/// attention, the others have nothing left to give.
pub(crate) fn run(
    model: &Model,
    weights: &ForwardWeights,
    batch: &Batch,
    wanted: &[usize],
    keep: Keep,
) -> Result<Activations> {
    let c = model.config();
    let (tokens, d) = (batch.tokens(), c.hidden_size);
    let (positions, table) = positions(c, batch);
    let mut stream = model.pool.take(tokens * d);
    embed(model, &batch.ids, &mut stream)?;
    let mut blocks = Vec::new();
    for layer in &weights.layers[..weights.layers.len() - 1] {
        let mut acts = new_layer(model, tokens, tokens);
        project(model, layer, &table, &positions, &stream, &mut acts.attention);
        attention::forward(model, batch, &mut acts.attention);
        let mut output = model.pool.take(tokens * d);
        finish(
            model,
            layer,
            &stream,
            &acts.attention.attended,
            &mut acts.middle,
            &mut acts.gate_up,
            &mut output,
        );
        let input = std::mem::replace(&mut stream, output);
        match keep {
            Keep::Everything => blocks.push((input, Some(acts))),
            Keep::Inputs => blocks.push((input, None)),
            Keep::Nothing => {}
        }
    }
    let layer = weights.layers.last().expect("a model has at least one layer");
    let mut acts = new_layer(model, tokens, wanted.len());
    project(model, layer, &table, &positions, &stream, &mut acts.attention);
    attention::forward(model, batch, &mut acts.attention);
    let input = gather(model, &stream, wanted, d);
    let last_attended = gather(model, &acts.attention.attended, wanted, c.q_width());
    let mut last = model.pool.take(wanted.len() * d);
    finish(model, layer, &input, &last_attended, &mut acts.middle, &mut acts.gate_up, &mut last);
    if keep != Keep::Nothing {
        blocks.push((stream, Some(acts)));
    }
    Ok(Activations { blocks: Blocks::Kept(blocks), last_attended, last, positions, table })
}

/// Position of each token in its sequence, and the turns up to the furthest.
fn positions(c: &Config, batch: &Batch) -> (Vec<usize>, RopeTable) {
    let places = batch.sequences().zip(batch.pasts());
    let positions: Vec<usize> = places.flat_map(|((start, end), past)| past..past + end - start).collect();
    let longest = positions.iter().max().map_or(0, |last| last + 1);
    (positions, c.rope_table(longest))
}

/// The state that [`run`] would leave, from what was recorded while the batch was sampled.
pub(crate) fn recorded(model: &Model, batch: &Batch, wanted: &[usize], recorded: Recorded) -> Activations {
    let (positions, table) = positions(model.config(), batch);
    let (last_attended, last) = recorded.last(model, wanted);
    Activations { blocks: Blocks::Recorded(recorded), last_attended, last, positions, table }
}

/// Some rows of a matrix, one behind the other.
fn gather(model: &Model, matrix: &[f32], rows: &[usize], width: usize) -> Buffer {
    let mut out = model.pool.take(rows.len() * width);
    out.par_chunks_mut(ROWS * width).zip(rows.par_chunks(ROWS)).for_each(|(out, rows)| {
        for (to, &row) in out.chunks_exact_mut(width).zip(rows) {
            to.copy_from_slice(&matrix[row * width..(row + 1) * width]);
        }
    });
    out
}

/// Copies the embeddings of `ids` into rows of `out`.
pub(crate) fn embed(model: &Model, ids: &[u32], out: &mut [f32]) -> Result<()> {
    let d = model.config().hidden_size;
    let weights = model.base().weights();
    let table = weights.get(model.index.embed)?;
    out.par_chunks_mut(ROWS * d).zip(ids.par_chunks(ROWS)).for_each(|(out, ids)| {
        for (row, &id) in out.chunks_exact_mut(d).zip(ids) {
            row.copy_from_slice(&table[id as usize * d..(id as usize + 1) * d]);
        }
    });
    Ok(())
}

/// First half of a block over all rows: norm, projections, norm of each head where there is one, rotary
/// embedding.
pub(crate) fn project(
    model: &Model,
    layer: &ForwardLayer,
    table: &RopeTable,
    positions: &[usize],
    input: &[f32],
    acts: &mut AttentionActivations,
) {
    let c = model.config();
    let rows = rows_per_block(positions.len());
    acts.qkv
        .par_chunks_mut(rows * c.qkv_width())
        .zip(acts.turned.par_chunks_mut(rows * c.qk_width()))
        .zip(input.par_chunks(rows * c.hidden_size))
        .zip(positions.par_chunks(rows))
        .with_max_len(1)
        .for_each(|(((qkv, turned), input), positions)| {
            model
                .scratch
                .with(|scratch| project_block(c, layer, table, positions, input, qkv, turned, scratch));
        });
}

/// Rows of a block in the forward pass: any number gives the same bits, so a small batch may be spread over the
/// threads.
pub(crate) fn rows_per_block(rows: usize) -> usize {
    rows.div_ceil(rayon::current_num_threads()).next_multiple_of(12).clamp(12, ROWS)
}

/// [`project`] for one block of rows.
pub(crate) fn project_block(
    c: &Config,
    layer: &ForwardLayer,
    table: &RopeTable,
    positions: &[usize],
    input: &[f32],
    qkv: &mut [f32],
    turned: &mut [f32],
    scratch: &mut Scratch,
) {
    let (rows, d, width) = (positions.len(), c.hidden_size, c.qkv_width());
    let normal = first(&mut scratch.a, rows * d);
    rms_norm(rows, input, d, &layer.input_norm, c.rms_norm_eps, normal, d);
    layer.qkv.apply(rows, normal, d, qkv, width, Write::Set, &mut scratch.low);
    turn_heads(heads(c, layer, table), positions, qkv, width, turned, c.qk_width());
}

/// The heads of a row of projections.
pub(crate) fn heads<'a>(c: &Config, layer: &'a ForwardLayer, table: &'a RopeTable) -> Heads<'a> {
    Heads {
        queries: c.num_attention_heads,
        keys: c.num_key_value_heads,
        head_dim: c.head_dim,
        q_norm: layer.q_norm.as_deref(),
        k_norm: layer.k_norm.as_deref(),
        eps: c.rms_norm_eps,
        table,
    }
}

/// Second half of a block over all rows it is given: output projection and MLP, each added to the residual
/// stream.
fn finish(
    model: &Model,
    layer: &ForwardLayer,
    input: &[f32],
    attended: &[f32],
    middle: &mut [f32],
    gate_up: &mut [f32],
    output: &mut [f32],
) {
    let c = model.config();
    let d = c.hidden_size;
    let rows = rows_per_block(input.len() / d);
    output
        .par_chunks_mut(rows * d)
        .zip(middle.par_chunks_mut(rows * d))
        .zip(gate_up.par_chunks_mut(rows * 2 * c.intermediate_size))
        .zip(attended.par_chunks(rows * c.q_width()))
        .zip(input.par_chunks(rows * d))
        .with_max_len(1)
        .for_each(|((((output, middle), gate_up), attended), input)| {
            model.scratch.with(|scratch| {
                finish_block(c, layer, input, attended, middle, gate_up, output, scratch);
            });
        });
}

/// [`finish`] for one block of rows.
pub(crate) fn finish_block(
    c: &Config,
    layer: &ForwardLayer,
    input: &[f32],
    attended: &[f32],
    middle: &mut [f32],
    gate_up: &mut [f32],
    output: &mut [f32],
    scratch: &mut Scratch,
) {
    let (d, f) = (c.hidden_size, c.intermediate_size);
    let rows = input.len() / d;
    open_mlp_block(c, layer, input, attended, middle, gate_up, scratch);
    let active = first(&mut scratch.b, rows * f);
    swiglu(rows, f, gate_up, active);
    output.copy_from_slice(middle);
    layer.down.apply(rows, active, f, output, d, Write::Add, &mut scratch.low);
}

/// [`finish_block`] as far as the gate and up projections.
pub(crate) fn open_mlp_block(
    c: &Config,
    layer: &ForwardLayer,
    input: &[f32],
    attended: &[f32],
    middle: &mut [f32],
    gate_up: &mut [f32],
    scratch: &mut Scratch,
) {
    let d = c.hidden_size;
    let rows = input.len() / d;
    middle.copy_from_slice(input);
    layer.o.apply(rows, attended, c.q_width(), middle, d, Write::Add, &mut scratch.low);
    gates(c, layer, middle, gate_up, scratch);
}

/// The gate and up projections of a block of rows.
pub(crate) fn gates(
    c: &Config,
    layer: &ForwardLayer,
    middle: &[f32],
    gate_up: &mut [f32],
    scratch: &mut Scratch,
) {
    let d = c.hidden_size;
    let rows = middle.len() / d;
    let normal = first(&mut scratch.a, rows * d);
    rms_norm(rows, middle, d, &layer.post_norm, c.rms_norm_eps, normal, d);
    layer.gate_up.apply(rows, normal, d, gate_up, 2 * c.intermediate_size, Write::Set, &mut scratch.low);
}

/// Rows of the vocabulary projection worked on together: their logits fill a megabyte or so.
pub(crate) fn head_rows(vocab_size: usize) -> usize {
    ((1 << 18) / vocab_size / 12 * 12).clamp(12, ROWS)
}

/// Logits of some rows of the last stream, into rows of `logits`.
pub(crate) fn head_block(
    c: &Config,
    weights: &ForwardWeights,
    stream: &[f32],
    logits: &mut [f32],
    scratch: &mut Scratch,
) {
    let d = c.hidden_size;
    let rows = stream.len() / d;
    let normal = first(&mut scratch.a, rows * d);
    rms_norm(rows, stream, d, &weights.norm, c.rms_norm_eps, normal, d);
    matmul(rows, normal, d, weights.head.panels(), logits, c.vocab_size, Write::Set);
}

/// Logits worth keeping for the backward pass, at most: 64 MiB.
const KEPT_LOGITS: usize = 1 << 24;

/// Room for the logits of every scored token, `(S, V)`, unless they are too many to keep.
pub(crate) fn room_for_logits(model: &Model, scored: usize) -> Option<Buffer> {
    let count = scored * model.config().vocab_size;
    (count <= KEPT_LOGITS).then(|| model.pool.take(count))
}

/// The log-probability, entropy and log-sum-exp of every scored token, given the rows that predict them. Logits stay
/// in `logits` where there is room for them.
pub(crate) fn score(
    model: &Model,
    weights: &ForwardWeights,
    tokens: &[u32],
    stream: &[f32],
    temperature: f32,
    logits: Option<&mut [f32]>,
) -> Vec<TokenLogProb> {
    let c = model.config();
    let (d, vocab) = (c.hidden_size, c.vocab_size);
    let rows = head_rows(vocab).min(rows_per_block(tokens.len()));
    let zero = TokenLogProb { logprob: 0.0, entropy: 0.0, log_sum_exp: 0.0 };
    let mut results = vec![zero; tokens.len()];
    let block = |results: &mut [TokenLogProb],
                 tokens: &[u32],
                 stream: &[f32],
                 logits: &mut [f32],
                 scratch: &mut _| {
        head_block(c, weights, stream, logits, scratch);
        for ((result, row), &token) in results.iter_mut().zip(logits.chunks_exact(vocab)).zip(tokens) {
            *result = token_logprob_kernel(row, token as usize, temperature);
        }
    };
    let parts = results.par_chunks_mut(rows).zip(tokens.par_chunks(rows)).zip(stream.par_chunks(rows * d));
    match logits {
        Some(logits) => {
            parts.zip(logits.par_chunks_mut(rows * vocab)).with_max_len(1).for_each(
                |(((results, tokens), stream), logits)| {
                    model.scratch.with(|scratch| block(results, tokens, stream, logits, scratch));
                },
            );
        }
        None => parts.with_max_len(1).for_each(|((results, tokens), stream)| {
            model.scratch.with(|scratch| {
                let mut logits = std::mem::take(&mut scratch.b);
                block(results, tokens, stream, first(&mut logits, tokens.len() * vocab), scratch);
                scratch.b = logits;
            });
        }),
    }
    results
}

/// Logits of every token, `(N, V)`.
pub(crate) fn logits(model: &Model, batch: &Batch) -> Result<Vec<f32>> {
    let c = model.config();
    let weights = ForwardWeights::new(model)?;
    let all: Vec<usize> = (0..batch.tokens()).collect();
    let acts = run(model, &weights, batch, &all, Keep::Nothing)?;
    let mut logits = vec![0.0; batch.tokens() * c.vocab_size];
    let rows = head_rows(c.vocab_size);
    logits.par_chunks_mut(rows * c.vocab_size).zip(acts.last.par_chunks(rows * c.hidden_size)).for_each(
        |(logits, stream)| model.scratch.with(|scratch| head_block(c, &weights, stream, logits, scratch)),
    );
    Ok(logits)
}
