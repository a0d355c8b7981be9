//! The forward pass on the processor: blocks of rows through each half of a decoder block, attention between them.

use crate::kernels::attention::{KeysValues, Visible, append_keys_values, attend, keys_values_len};
use crate::kernels::logprob::{TokenLogProb, token_logprob_kernel};
use crate::kernels::matmul::{Write, matmul};
use crate::kernels::norm::rms_norm;
use crate::kernels::rope::{RopeTable, Turn, rope};
use crate::kernels::simd::Level;
use crate::kernels::swiglu::swiglu;
use crate::kernels::tiles::{Tile, split};
use crate::packed::{ForwardLayer, ForwardWeights};
use crate::pool::{Buffer, Scratch, first};
use crate::{Batch, Config, Model, Result};
use rayon::prelude::*;

/// Rows worked on together: a multiple of every register tile's height, small enough for a block's rows to stay in the second-level
/// cache from one product to the next. Sums over a batch's rows meet block by block, so this is part of the result.
pub(crate) const ROWS: usize = 96;

/// What the backward pass needs of one decoder block.
#[derive(Debug)]
pub(crate) struct LayerActivations {
    /// `(N, qkv_width)`: queries, keys and values as projected.
    pub(crate) qkv: Buffer,
    /// `(N, qk_width)`: queries and keys, normalised and turned.
    pub(crate) turned: Buffer,
    /// `(N, q_width)`: what attention gave.
    pub(crate) attended: Buffer,
    /// One row of `T` per head and sequence, sequence by sequence.
    pub(crate) lse: Buffer,
    /// `(N, D)`: the residual stream between attention and MLP.
    pub(crate) middle: Buffer,
    /// `(N, 2·intermediate)`: gate and up projections.
    pub(crate) gate_up: Buffer,
}

/// The state of a forward pass.
#[derive(Debug)]
pub(crate) struct Activations {
    /// `(N, D)`: the residual stream before each block, and after the last. Only the last without a backward pass.
    pub(crate) streams: Vec<Buffer>,
    /// Empty without a backward pass.
    pub(crate) layers: Vec<LayerActivations>,
    /// Position of each token in its sequence.
    pub(crate) positions: Vec<usize>,
    pub(crate) table: RopeTable,
}

impl Activations {
    /// The residual stream after the last block.
    pub(crate) fn last(&self) -> &[f32] {
        self.streams.last().expect("made with at least one")
    }
}

/// Whether a forward pass keeps what a backward pass needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    Everything,
    Nothing,
}

fn new_layer(model: &Model, tokens: usize) -> LayerActivations {
    let (c, take) = (model.config(), |width: usize| model.pool.take(tokens * width));
    LayerActivations {
        qkv: take(c.qkv_width()),
        turned: take(c.qk_width()),
        attended: take(c.q_width()),
        lse: take(c.num_attention_heads),
        middle: take(c.hidden_size),
        gate_up: take(2 * c.intermediate_size),
    }
}

/// Runs the decoder blocks over a (validated) batch.
pub(crate) fn run(model: &Model, weights: &ForwardWeights, batch: &Batch, keep: Keep) -> Result<Activations> {
    let config = model.config();
    let (tokens, d) = (batch.tokens(), config.hidden_size);
    let positions: Vec<usize> = batch.sequences().flat_map(|(start, end)| 0..end - start).collect();
    let longest = batch.sequences().map(|(start, end)| end - start).max().unwrap_or(0);
    let table = RopeTable::new(longest, config.head_dim, config.rope_theta);
    let mut stream = model.pool.take(tokens * d);
    embed(model, &batch.ids, &mut stream)?;
    let mut streams = vec![stream];
    let mut layers = Vec::new();
    for layer in &weights.layers {
        if layers.is_empty() || keep == Keep::Everything {
            layers.push(new_layer(model, tokens));
            streams.push(model.pool.take(tokens * d));
        }
        let at = streams.len() - 1;
        let (before, after) = streams.split_at_mut(at);
        let (input, output) = (&before[at - 1], &mut after[0]);
        let acts = layers.last_mut().expect("pushed above");
        project(model, layer, &table, &positions, input, &mut acts.qkv, &mut acts.turned);
        attention(model, batch, acts);
        finish(model, layer, input, acts, output);
        if keep == Keep::Nothing {
            streams.swap(0, 1);
        }
    }
    if keep == Keep::Nothing {
        streams.truncate(1);
        layers.clear();
    }
    Ok(Activations { streams, layers, positions, table })
}

/// Copies the embeddings of `ids` into rows of `out`.
pub(crate) fn embed(model: &Model, ids: &[u32], out: &mut [f32]) -> Result<()> {
    let d = model.config().hidden_size;
    let weights = model.weights();
    let table = weights.get(model.index.embed)?;
    for (row, &id) in out.chunks_exact_mut(d).zip(ids) {
        row.copy_from_slice(&table[id as usize * d..(id as usize + 1) * d]);
    }
    Ok(())
}

/// First half of a block over all rows: norm, projections, per-head norm, rotary embedding.
fn project(
    model: &Model,
    layer: &ForwardLayer,
    table: &RopeTable,
    positions: &[usize],
    input: &[f32],
    qkv: &mut [f32],
    turned: &mut [f32],
) {
    let c = model.config();
    let rows = rows_per_block(positions.len());
    qkv.par_chunks_mut(rows * c.qkv_width())
        .zip(turned.par_chunks_mut(rows * c.qk_width()))
        .zip(input.par_chunks(rows * c.hidden_size))
        .zip(positions.par_chunks(rows))
        .for_each(|(((qkv, turned), input), positions)| {
            model
                .scratch
                .with(|scratch| project_block(c, layer, table, positions, input, qkv, turned, scratch));
        });
}

/// Rows of a block in the forward pass: any number gives the same bits, so a small batch may be spread over the threads.
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
    matmul(rows, normal, d, layer.qkv.panels(), qkv, width, Write::Set);
    for head in 0..c.num_attention_heads + c.num_key_value_heads {
        let norm = if head < c.num_attention_heads { &layer.q_norm } else { &layer.k_norm };
        let turned = &mut turned[head * c.head_dim..];
        rms_norm(rows, &qkv[head * c.head_dim..], width, norm, c.rms_norm_eps, turned, c.qk_width());
        rope(turned, c.qk_width(), positions, table, Turn::Forward);
    }
}

/// Attention of every sequence, each key-value head for itself.
fn attention(model: &Model, batch: &Batch, acts: &mut LayerActivations) {
    let c = model.config();
    let (heads, group) = (c.num_key_value_heads, c.group());
    let columns: Vec<_> = (0..heads).map(|h| h * group * c.head_dim..(h + 1) * group * c.head_dim).collect();
    let tiles = split(&mut acts.attended, c.q_width(), batch.sequences(), &columns);
    let mut lse = &mut acts.lse[..];
    let mut tasks = Vec::with_capacity(tiles.len());
    let places = batch.sequences().flat_map(|place| (0..heads).map(move |head| (place, head)));
    for (tile, ((start, end), head)) in tiles.into_iter().zip(places) {
        let (mine, rest) = lse.split_at_mut(group * (end - start));
        lse = rest;
        tasks.push((tile, mine, start, end, head));
    }
    let (qkv, turned) = (&acts.qkv[..], &acts.turned[..]);
    tasks.into_par_iter().for_each(|(tile, lse, start, end, head)| {
        model.scratch.with(|scratch| {
            attend_sequence(
                c,
                head,
                &qkv[start * c.qkv_width()..end * c.qkv_width()],
                &turned[start * c.qk_width()..end * c.qk_width()],
                tile,
                lse,
                scratch,
            );
        });
    });
}

/// One sequence and key-value head of [`attention`].
fn attend_sequence(
    c: &Config,
    head: usize,
    qkv: &[f32],
    turned: &[f32],
    mut out: Tile<'_>,
    lse: &mut [f32],
    scratch: &mut Scratch,
) {
    let (d, group, panel) = (c.head_dim, c.group(), Level::detect().panel());
    let tokens = qkv.len() / c.qkv_width();
    let (keys_len, values_len) = keys_values_len(tokens, d, panel);
    let keys = first(&mut scratch.attention.keys_t, keys_len);
    let values = first(&mut scratch.attention.keys, values_len);
    let k = &turned[c.q_width() + head * d..];
    let v = &qkv[c.qk_width() + head * d..];
    append_keys_values(tokens, d, k, c.qk_width(), v, c.qkv_width(), keys, values, tokens, panel, 0);
    let kv = KeysValues { keys, values, capacity: tokens };
    let together = first(&mut scratch.a, tokens * group * d);
    let visible = Visible { first: 1, step: 1 };
    for (member, lse) in lse.chunks_exact_mut(tokens).enumerate() {
        let q = &turned[(head * group + member) * d..];
        let out = &mut together[member * d..];
        let scores = &mut scratch.attention.p;
        attend(tokens, d, q, c.qk_width(), kv, visible, c.attention_scale(), out, group * d, lse, scores);
    }
    out.fill_from(together);
}

/// Second half of a block over all rows: output projection and MLP, each added to the residual stream.
fn finish(
    model: &Model,
    layer: &ForwardLayer,
    input: &[f32],
    acts: &mut LayerActivations,
    output: &mut [f32],
) {
    let c = model.config();
    let d = c.hidden_size;
    let rows = rows_per_block(input.len() / d);
    output
        .par_chunks_mut(rows * d)
        .zip(acts.middle.par_chunks_mut(rows * d))
        .zip(acts.gate_up.par_chunks_mut(rows * 2 * c.intermediate_size))
        .zip(acts.attended.par_chunks(rows * c.q_width()))
        .zip(input.par_chunks(rows * d))
        .for_each(|((((output, middle), gate_up), attended), input)| {
            model
                .scratch
                .with(|scratch| finish_block(c, layer, input, attended, middle, gate_up, output, scratch));
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
    middle.copy_from_slice(input);
    matmul(rows, attended, c.q_width(), layer.o.panels(), middle, d, Write::Add);
    let normal = first(&mut scratch.a, rows * d);
    rms_norm(rows, middle, d, &layer.post_norm, c.rms_norm_eps, normal, d);
    matmul(rows, normal, d, layer.gate_up.panels(), gate_up, 2 * f, Write::Set);
    let active = first(&mut scratch.b, rows * f);
    swiglu(rows, f, gate_up, active);
    output.copy_from_slice(middle);
    matmul(rows, active, f, layer.down.panels(), output, d, Write::Add);
}

/// Rows of the vocabulary projection worked on together: their logits fill a megabyte or so.
pub(crate) fn head_rows(vocab_size: usize) -> usize {
    ((1 << 18) / vocab_size / 12 * 12).clamp(12, ROWS)
}

/// Logits of the given rows of the last stream, into rows of `logits`.
pub(crate) fn head_block(
    c: &Config,
    weights: &ForwardWeights,
    stream: &[f32],
    rows: impl ExactSizeIterator<Item = usize>,
    logits: &mut [f32],
    scratch: &mut Scratch,
) {
    let (d, count) = (c.hidden_size, rows.len());
    let normal = first(&mut scratch.a, count * d);
    for (out, row) in normal.chunks_exact_mut(d).zip(rows) {
        rms_norm(1, &stream[row * d..], d, &weights.norm, c.rms_norm_eps, out, d);
    }
    matmul(count, normal, d, weights.head.panels(), logits, c.vocab_size, Write::Set);
}

/// The log-probability, entropy and log-sum-exp of every scored token.
pub(crate) fn score(
    model: &Model,
    weights: &ForwardWeights,
    batch: &Batch,
    stream: &[f32],
    temperature: f32,
) -> Vec<TokenLogProb> {
    let c = model.config();
    let rows = head_rows(c.vocab_size).min(rows_per_block(batch.scored.len()));
    let zero = TokenLogProb { logprob: 0.0, entropy: 0.0, log_sum_exp: 0.0 };
    let mut results = vec![zero; batch.scored.len()];
    results.par_chunks_mut(rows).zip(batch.scored.par_chunks(rows)).for_each(|(results, scored)| {
        model.scratch.with(|scratch| {
            let mut logits = std::mem::take(&mut scratch.b);
            let block = first(&mut logits, scored.len() * c.vocab_size);
            // A token's distribution is what the token before it predicts.
            head_block(c, weights, stream, scored.iter().map(|at| at - 1), block, scratch);
            for ((result, row), &at) in results.iter_mut().zip(block.chunks_exact(c.vocab_size)).zip(scored) {
                *result = token_logprob_kernel(row, batch.ids[at] as usize, temperature);
            }
            scratch.b = logits;
        });
    });
    results
}

/// Logits of every token, `(N, V)`.
pub(crate) fn logits(model: &Model, batch: &Batch) -> Result<Vec<f32>> {
    let c = model.config();
    let weights = ForwardWeights::new(model)?;
    let acts = run(model, &weights, batch, Keep::Nothing)?;
    let mut logits = vec![0.0; batch.tokens() * c.vocab_size];
    let rows = head_rows(c.vocab_size);
    logits.par_chunks_mut(rows * c.vocab_size).enumerate().for_each(|(block, logits)| {
        let start = block * rows;
        let count = logits.len() / c.vocab_size;
        model.scratch.with(|scratch| {
            head_block(c, &weights, acts.last(), start..start + count, logits, scratch);
        });
    });
    Ok(logits)
}
