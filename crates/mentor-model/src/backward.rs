//! The backward pass on the processor: from d(loss)/d(log-probability) to the gradient of every parameter.
//!
//! Each decoder block takes three parallel steps: rows (MLP and output projection), then weight gradients
//! beside attention, then rows again (projections and first norm). Every sum over the batch runs in an order
//! that the batch alone fixes.

mod head;

use crate::activations::{Activations, Again, Block};
use crate::batch::Targets;
use crate::forward::{ROWS, heads};
use crate::kernels::heads::turn_heads_backward;
use crate::kernels::matmul::Write;
use crate::kernels::norm::{rms_norm, rms_norm_backward};
use crate::kernels::reduce;
use crate::kernels::rope::RopeTable;
use crate::kernels::swiglu::swiglu_backward;
use crate::model::LayerIndex;
use crate::packed::{BackwardLayer, ForwardLayer, PackedWeights};
use crate::pool::{Buffer, Scratch, first};
use crate::weight_gradients::{Jobs, LowColumns, ones, weight_gradients};
use crate::{Batch, Config, Model, Result, attention};
use rayon::prelude::*;
use std::ops::Range;

/// What was scored and what came of it.
pub(crate) struct Scored<'a> {
    pub(crate) targets: &'a Targets,
    pub(crate) temperature: f32,
    /// One per scored token.
    pub(crate) log_sum_exp: &'a [f32],
    /// d(loss)/d(log-probability), one per scored token.
    pub(crate) d_values: &'a [f32],
}

/// Adds the gradients of all parameters. Consumes the activations: their memory becomes the gradients' on the way.
pub(crate) fn run(
    model: &Model,
    weights: &PackedWeights,
    batch: &Batch,
    acts: Activations,
    logits: Option<Buffer>,
    scored: &Scored<'_>,
    gradients: &mut [Buffer],
) -> Result<()> {
    let (forward, backward) = (&weights.forward, weights.backward(model)?);
    let Activations { mut blocks, last_attended, last, positions, table } = acts;
    let again = Again { model, weights: forward, batch, positions: &positions, table: &table };
    let mut rows = Some((&scored.targets.rows[..], last_attended));
    let mut d_stream = head::head(model, forward, backward, &last, logits, scored, gradients);
    drop(last);
    for at in (0..model.index.layers.len()).rev() {
        let chosen = rows.take();
        let acts = blocks.pop(at, chosen.as_ref().map(|&(rows, _)| rows), &again);
        let pass = Pass {
            model,
            // Below the first block there is only the embedding.
            wants_input: at > 0 || model.lora_state().is_none(),
            index: &model.index.layers[at],
            forward: &forward.layers[at],
            backward: &backward.layers[at],
            batch,
            positions: &positions,
            table: &table,
        };
        d_stream = block(&pass, acts, chosen.as_ref(), d_stream, gradients);
    }
    if let Some(gradient) = of_base(model, gradients, model.index.embed) {
        add_embeddings(model.config(), &batch.ids, &d_stream, gradient);
    }
    Ok(())
}

/// The gradient of a parameter of the checkpoint, unless it is frozen.
fn of_base<'g>(model: &Model, gradients: &'g mut [Buffer], at: usize) -> Option<&'g mut [f32]> {
    model.lora_state().is_none().then(|| &mut gradients[at][..])
}

/// Adds each row of `d_stream` to the gradient of its token's embedding. Each task has some of the vocabulary
/// and takes the rows in their order.
fn add_embeddings(c: &Config, ids: &[u32], d_stream: &[f32], gradient: &mut [f32]) {
    let (d, tokens) = (c.hidden_size, c.vocab_size.div_ceil(16));
    gradient.par_chunks_mut(tokens * d).enumerate().for_each(|(task, gradient)| {
        let mine = task * tokens..(task + 1) * tokens;
        for (row, &id) in d_stream.chunks_exact(d).zip(ids) {
            if mine.contains(&(id as usize)) {
                let at = id as usize - mine.start;
                reduce::add(&mut gradient[at * d..(at + 1) * d], row);
            }
        }
    });
}

/// What the backward pass of one decoder block reads.
struct Pass<'a> {
    model: &'a Model,
    index: &'a LayerIndex,
    forward: &'a ForwardLayer,
    backward: &'a BackwardLayer,
    batch: &'a Batch,
    positions: &'a [usize],
    table: &'a RopeTable,
    /// Whether the gradient of the block's input has a use.
    wants_input: bool,
}

/// Rows whose gradients go through the row-wise half of a block, and then into the weights' gradients, before
/// the next: few enough to be still in the cache for the second.
const CHUNK: usize = 16 * ROWS;

/// One decoder block: from the gradient of its output to that of its input. In the last block only some rows
/// went through the second half: `chosen` has their indices and what attention gave them.
fn block(
    pass: &Pass<'_>,
    mut acts: Block<'_>,
    chosen: Option<&(&[usize], Buffer)>,
    d_output: Buffer,
    gradients: &mut [Buffer],
) -> Buffer {
    let (model, c) = (pass.model, pass.model.config());
    let (tokens, d) = (pass.positions.len(), c.hidden_size);
    let finished = d_output.len() / d;
    let mut d_middle = model.pool.take(finished * d);
    let mut d_attended = model.pool.take(finished * c.q_width());
    for start in (0..finished).step_by(CHUNK) {
        let rows = start..finished.min(start + CHUNK);
        acts.with_second_half(model, rows.clone(), |attention, middle, gate_up| {
            let attended = chosen.map_or(&attention.attended, |(_, attended)| attended);
            let half = MlpHalf { rows, middle, attended, d_output: &d_output };
            mlp_half(pass, half, gate_up, &mut d_middle, &mut d_attended, gradients);
        });
    }
    let mut d_stream = d_output;
    if let Some((rows, _)) = chosen {
        d_middle = scatter(model, &d_middle, rows, tokens, d);
        d_attended = scatter(model, &d_attended, rows, tokens, c.q_width());
        d_stream = model.pool.take(tokens * d);
    }
    let mut d_qkv = model.pool.take(tokens * c.qkv_width());
    attention::backward(model, pass.batch, &acts.attention, &d_attended, &mut d_qkv);
    for start in (0..tokens).step_by(CHUNK) {
        let rows = start..tokens.min(start + CHUNK);
        acts.with_input(model, rows.clone(), |attention, input| {
            projection_half(
                pass,
                rows,
                input,
                &attention.qkv,
                &d_middle,
                &mut d_qkv,
                &mut d_stream,
                gradients,
            );
        });
    }
    d_stream
}

/// A matrix of `height` rows, each the sum of the rows of `from` that came from it, in their order.
fn scatter(model: &Model, from: &[f32], rows: &[usize], height: usize, width: usize) -> Buffer {
    let mut sources: Vec<(usize, usize)> = rows.iter().copied().zip(0..).collect();
    sources.sort_unstable();
    let mut out = model.pool.zeros(height * width);
    out.par_chunks_mut(ROWS * width).enumerate().for_each(|(block, out)| {
        let first = block * ROWS;
        let mine = sources.partition_point(|&(row, _)| row < first);
        for &(row, i) in sources[mine..].iter().take_while(|&&(row, _)| row < first + ROWS) {
            let at = (row - first) * width;
            reduce::add(&mut out[at..at + width], &from[i * width..(i + 1) * width]);
        }
    });
    out
}

/// What [`mlp_half`] reads: the rows of `middle`, and some of the other matrices'.
struct MlpHalf<'a> {
    rows: Range<usize>,
    middle: &'a [f32],
    attended: &'a [f32],
    d_output: &'a [f32],
}

/// MLP and output projection of some rows, with the gradients of their weights.
fn mlp_half(
    pass: &Pass<'_>,
    half: MlpHalf<'_>,
    gate_up: &mut [f32],
    d_middle: &mut [f32],
    d_attended: &mut [f32],
    gradients: &mut [Buffer],
) {
    let (model, c) = (pass.model, pass.model.config());
    let MlpHalf { rows, middle, attended, d_output } = half;
    let (d, f, count) = (c.hidden_size, c.intermediate_size, rows.len());
    let narrow = |width: usize| rows.start * width..rows.end * width;
    let (attended, d_output) = (&attended[narrow(c.q_width())], &d_output[narrow(d)]);
    let d_middle = &mut d_middle[narrow(d)];
    let d_attended = &mut d_attended[narrow(c.q_width())];
    let mut active = model.pool.take(count * f);
    let mut normal = model.pool.take(count * d);
    let mut partial = model.pool.zeros(count.div_ceil(ROWS) * d);
    let forward = pass.forward;
    let low = LowColumns::new([&forward.down, &forward.gate_up, &forward.o]);
    let mut low_rows = model.pool.take(count * low.stride);
    let mut rows = MlpRows {
        gate_up,
        active: &mut active,
        normal: &mut normal,
        low_rows: &mut low_rows,
        d_middle,
        d_attended,
        partial: &mut partial,
    };
    mlp_rows(pass, &low, middle, attended, d_output, &mut rows);
    if let Some(gradient) = of_base(model, gradients, pass.index.post_norm) {
        add_partials(gradient, &partial);
    }
    let ones = ones(model, count);
    let mut jobs = Jobs::new(model, gradients, &ones);
    let [of_down, of_gate_up, of_o] = low.starts.map(|at| (&low_rows[at..], low.stride));
    jobs.add(&[pass.index.down], (d_output, d), (&active, f), of_down);
    jobs.add(&pass.index.gate_up(), (gate_up, 2 * f), (&normal, d), of_gate_up);
    jobs.add(&[pass.index.o], (d_middle, d), (attended, c.q_width()), of_o);
    weight_gradients(count, jobs);
}

/// Per-head norms, projections and first norm of some rows, with the gradients of their weights.
fn projection_half(
    pass: &Pass<'_>,
    rows: Range<usize>,
    input: &[f32],
    qkv: &[f32],
    d_middle: &[f32],
    d_qkv: &mut [f32],
    d_stream: &mut [f32],
    gradients: &mut [Buffer],
) {
    let (model, c) = (pass.model, pass.model.config());
    let (d, width, count) = (c.hidden_size, c.qkv_width(), rows.len());
    let narrow = |width: usize| rows.start * width..rows.end * width;
    let mut normal = model.pool.take(count * d);
    let mut partial = model.pool.zeros(count.div_ceil(ROWS) * (d + 2 * c.head_dim));
    let low = LowColumns::new([&pass.forward.qkv]);
    let mut low_rows = model.pool.take(count * low.stride);
    let positions = &pass.positions[rows.clone()];
    let (qkv, d_middle) = (&qkv[narrow(width)], &d_middle[narrow(d)]);
    let (d_qkv, d_stream) = (&mut d_qkv[narrow(width)], &mut d_stream[narrow(d)]);
    let mut rows = ProjectionRows {
        d_qkv,
        normal: &mut normal,
        low_rows: &mut low_rows,
        d_stream,
        partial: &mut partial,
    };
    projection_rows(pass, low.stride, positions, input, qkv, d_middle, &mut rows);
    for row in partial.chunks_exact(d + 2 * c.head_dim) {
        let (input_norm, heads) = row.split_at(d);
        let (q_norm, k_norm) = heads.split_at(c.head_dim);
        let norms = [Some(pass.index.input_norm), pass.index.q_norm, pass.index.k_norm];
        for (at, values) in norms.into_iter().zip([input_norm, q_norm, k_norm]) {
            if let Some(gradient) = at.and_then(|at| of_base(model, gradients, at)) {
                reduce::add(gradient, values);
            }
        }
    }
    let ones = ones(model, count);
    let mut jobs = Jobs::new(model, gradients, &ones);
    jobs.add(&pass.index.qkv(), (d_qkv, width), (&normal, d), (&low_rows, low.stride));
    weight_gradients(count, jobs);
}

/// What [`mlp_rows`] writes: rows of these matrices.
struct MlpRows<'a> {
    /// Gate and up projections, which become their gradient.
    gate_up: &'a mut [f32],
    /// What the down projection read.
    active: &'a mut [f32],
    /// What the gate and up projections read.
    normal: &'a mut [f32],
    low_rows: &'a mut [f32],
    d_middle: &'a mut [f32],
    d_attended: &'a mut [f32],
    /// One row of the norm's gradient for each block of rows.
    partial: &'a mut [f32],
}

/// MLP, its norm and the output projection.
fn mlp_rows(
    pass: &Pass<'_>,
    low: &LowColumns<3>,
    middle: &[f32],
    attended: &[f32],
    d_stream: &[f32],
    rows: &mut MlpRows<'_>,
) {
    let c = pass.model.config();
    let (d, f) = (c.hidden_size, c.intermediate_size);
    rows.gate_up
        .par_chunks_mut(ROWS * 2 * f)
        .zip(rows.active.par_chunks_mut(ROWS * f))
        .zip(rows.normal.par_chunks_mut(ROWS * d))
        .zip(rows.low_rows.par_chunks_mut(ROWS * low.stride))
        .zip(rows.d_middle.par_chunks_mut(ROWS * d))
        .zip(rows.d_attended.par_chunks_mut(ROWS * c.q_width()))
        .zip(rows.partial.par_chunks_mut(d))
        .zip(middle.par_chunks(ROWS * d))
        .zip(attended.par_chunks(ROWS * c.q_width()))
        .zip(d_stream.par_chunks(ROWS * d))
        .with_max_len(1)
        .for_each(|(((writes, middle), attended), d_stream)| {
            let ((((((gate_up, active), normal), low_rows), d_middle), d_attended), partial) = writes;
            let block = MlpRows { gate_up, active, normal, low_rows, d_middle, d_attended, partial };
            pass.model
                .scratch
                .with(|scratch| mlp_block(pass, low, middle, attended, d_stream, block, scratch));
        });
}

/// [`mlp_rows`] for one block of rows.
fn mlp_block(
    pass: &Pass<'_>,
    low: &LowColumns<3>,
    middle: &[f32],
    attended: &[f32],
    d_stream: &[f32],
    block: MlpRows<'_>,
    scratch: &mut Scratch,
) {
    let c = pass.model.config();
    let (forward, backward, norm) = (pass.forward, pass.backward, &pass.forward.post_norm);
    let (d, f, q, eps) = (c.hidden_size, c.intermediate_size, c.q_width(), c.rms_norm_eps);
    let rows = middle.len() / d;
    let MlpRows { gate_up, active, normal, low_rows, d_middle, d_attended, partial } = block;
    let [of_down, of_gate_up, of_o] = low.starts;

    let (inner, stride) = (&mut low_rows[of_down..], low.stride);
    backward.down.gradient(rows, d_stream, d, inner, stride, Some((&mut *active, f)));
    swiglu_backward(rows, f, gate_up, active);
    forward.down.low_rows(rows, active, f, inner, stride);

    rms_norm(rows, middle, d, norm, eps, normal, d);
    let inner = &mut low_rows[of_gate_up..];
    forward.gate_up.low_rows(rows, normal, d, inner, stride);
    let d_normal = first(&mut scratch.a, rows * d);
    backward.gate_up.gradient(rows, gate_up, 2 * f, inner, stride, Some((d_normal, d)));
    d_middle.copy_from_slice(d_stream);
    rms_norm_backward(rows, middle, d, norm, eps, d_normal, d, d_middle, d, Write::Add, partial);

    let inner = &mut low_rows[of_o..];
    forward.o.low_rows(rows, attended, q, inner, stride);
    backward.o.gradient(rows, d_middle, d, inner, stride, Some((d_attended, q)));
}

/// What [`projection_rows`] writes: rows of these matrices.
struct ProjectionRows<'a> {
    /// Becomes the gradient of what was projected.
    d_qkv: &'a mut [f32],
    /// The rows that were projected.
    normal: &'a mut [f32],
    low_rows: &'a mut [f32],
    /// The gradient of the block's input.
    d_stream: &'a mut [f32],
    /// One row of the norms' gradients for each block of rows.
    partial: &'a mut [f32],
}

/// Rotary embedding, per-head norms, projections and the first norm.
fn projection_rows(
    pass: &Pass<'_>,
    low_stride: usize,
    positions: &[usize],
    input: &[f32],
    qkv: &[f32],
    d_middle: &[f32],
    rows: &mut ProjectionRows<'_>,
) {
    let c = pass.model.config();
    let (d, width, eps) = (c.hidden_size, c.qkv_width(), c.rms_norm_eps);
    rows.d_qkv
        .par_chunks_mut(ROWS * width)
        .zip(rows.normal.par_chunks_mut(ROWS * d))
        .zip(rows.low_rows.par_chunks_mut(ROWS * low_stride))
        .zip(rows.d_stream.par_chunks_mut(ROWS * d))
        .zip(rows.partial.par_chunks_mut(d + 2 * c.head_dim))
        .zip(qkv.par_chunks(ROWS * width))
        .zip(input.par_chunks(ROWS * d))
        .zip(d_middle.par_chunks(ROWS * d))
        .zip(positions.par_chunks(ROWS))
        .with_max_len(1)
        .for_each(|((((writes, qkv), input), d_middle), positions)| {
            let ((((d_qkv, normal), low_rows), d_stream), partial) = writes;
            let rows = positions.len();
            let (d_norm, d_heads) = partial.split_at_mut(d);
            pass.model.scratch.with(|scratch| {
                let (d_q_norm, d_k_norm) = d_heads.split_at_mut(c.head_dim);
                let unturned = first(&mut scratch.b, c.head_dim);
                let heads = heads(c, pass.forward, pass.table);
                turn_heads_backward(heads, positions, qkv, d_qkv, width, d_q_norm, d_k_norm, unturned);
                let norm = &pass.forward.input_norm;
                rms_norm(rows, input, d, norm, eps, normal, d);
                pass.forward.qkv.low_rows(rows, normal, d, low_rows, low_stride);
                let d_normal = first(&mut scratch.a, rows * d);
                let wanted = pass.wants_input.then_some((&mut *d_normal, d));
                pass.backward.qkv.gradient(rows, d_qkv, width, low_rows, low_stride, wanted);
                if pass.wants_input {
                    d_stream.copy_from_slice(d_middle);
                    rms_norm_backward(
                        rows,
                        input,
                        d,
                        norm,
                        eps,
                        d_normal,
                        d,
                        d_stream,
                        d,
                        Write::Add,
                        d_norm,
                    );
                }
            });
        });
}

/// Adds rows of partial sums, in their order.
fn add_partials(gradient: &mut [f32], partial: &[f32]) {
    for row in partial.chunks_exact(gradient.len()) {
        reduce::add(gradient, row);
    }
}
