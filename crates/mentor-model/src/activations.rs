//! What a forward pass leaves for a backward pass: kept, recorded while sampling, or computed again block by block.

use crate::attention;
use crate::forward::{gates, heads, open_mlp_block, project, rows_per_block};
use crate::kernels::heads::turn_heads;
use crate::kernels::rope::RopeTable;
use crate::packed::{ForwardLayer, ForwardWeights};
use crate::pool::Buffer;
use crate::recording::{Part, Recorded};
use crate::{Batch, Model};
use rayon::prelude::*;
use std::ops::Range;

/// What attention reads and gives in one decoder block.
#[derive(Debug)]
pub(crate) struct AttentionActivations {
    /// `(N, qkv_width)`: queries, keys and values as projected.
    pub(crate) qkv: Buffer,
    /// `(N, qk_width)`: queries and keys, normalised (in Qwen3) and turned.
    pub(crate) turned: Buffer,
    /// `(N, q_width)`: what attention gave.
    pub(crate) attended: Buffer,
    /// One row of `T` per head and sequence, sequence by sequence.
    pub(crate) lse: Buffer,
}

/// What a backward pass needs of one decoder block beside its input. In the last block, `middle` and `gate_up` have
/// only the wanted rows.
#[derive(Debug)]
pub(crate) struct LayerActivations {
    pub(crate) attention: AttentionActivations,
    /// `(N, D)`: the residual stream between attention and MLP.
    pub(crate) middle: Buffer,
    /// `(N, 2·intermediate)`: gate and up projections.
    pub(crate) gate_up: Buffer,
}

/// What there is of each decoder block for a backward pass.
#[derive(Debug)]
pub(crate) enum Blocks {
    /// Each block's input, `(N, D)`, and what was computed of it; nothing where that is to be computed again.
    Kept(Vec<(Buffer, Option<LayerActivations>)>),
    /// Sampling has computed everything.
    Recorded(Recorded),
}

/// The state of a forward pass.
#[derive(Debug)]
pub(crate) struct Activations {
    pub(crate) blocks: Blocks,
    /// `(R, q_width)`: what the last block's attention gave the wanted rows.
    pub(crate) last_attended: Buffer,
    /// `(R, D)`: the wanted rows of the last block's output.
    pub(crate) last: Buffer,
    /// Position of each token in its sequence.
    pub(crate) positions: Vec<usize>,
    pub(crate) table: RopeTable,
}

/// What a forward pass keeps for a backward pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    Everything,
    /// The input of each block: the rest is computed again, block by block. (All of the last block, since the backward
    /// pass begins there.)
    Inputs,
    Nothing,
}

/// Room for one block over `tokens` rows, `finished` of which go through its second half.
pub(crate) fn new_layer(model: &Model, tokens: usize, finished: usize) -> LayerActivations {
    let (c, pool) = (model.config(), &model.pool);
    LayerActivations {
        attention: AttentionActivations {
            qkv: pool.take(tokens * c.qkv_width()),
            turned: pool.take(tokens * c.qk_width()),
            attended: pool.take(tokens * c.q_width()),
            lse: pool.take(tokens * c.num_attention_heads),
        },
        middle: pool.take(finished * c.hidden_size),
        gate_up: pool.take(finished * 2 * c.intermediate_size),
    }
}

/// What a block is computed from again.
pub(crate) struct Again<'a> {
    pub(crate) model: &'a Model,
    pub(crate) weights: &'a ForwardWeights,
    pub(crate) batch: &'a Batch,
    pub(crate) positions: &'a [usize],
    pub(crate) table: &'a RopeTable,
}

/// The activations of one block for its backward pass.
pub(crate) struct Block<'a> {
    pub(crate) attention: AttentionActivations,
    rows: BlockRows<'a>,
}

/// Where the rows of a block are that its backward pass takes some at a time.
enum BlockRows<'a> {
    Kept { input: Buffer, middle: Buffer, gate_up: Buffer },
    Recorded { recorded: &'a Recorded, at: usize, layer: &'a ForwardLayer, finished: Option<&'a [usize]> },
}

impl Blocks {
    /// Takes out the last block there is, the one with index `at`. `finished` are the rows that went through its second
    /// half, if not all did.
    pub(crate) fn pop<'a>(
        &'a mut self,
        at: usize,
        finished: Option<&'a [usize]>,
        from: &Again<'a>,
    ) -> Block<'a> {
        match self {
            Self::Recorded(recorded) => {
                let layer = &from.weights.layers[at];
                let attention = recorded_attention(recorded, at, layer, from);
                Block { attention, rows: BlockRows::Recorded { recorded, at, layer, finished } }
            }
            Self::Kept(blocks) => {
                let (input, acts) = blocks.pop().expect("one for each block");
                let acts = acts.unwrap_or_else(|| compute_again(from, &from.weights.layers[at], &input));
                let LayerActivations { attention, middle, gate_up } = acts;
                Block { attention, rows: BlockRows::Kept { input, middle, gate_up } }
            }
        }
    }
}

impl Block<'_> {
    /// Calls `work` with the given rows of the residual stream between attention and MLP, and of the gate and up
    /// projections, which it may overwrite.
    pub(crate) fn with_second_half<R>(
        &mut self,
        model: &Model,
        rows: Range<usize>,
        work: impl FnOnce(&AttentionActivations, &[f32], &mut [f32]) -> R,
    ) -> R {
        let c = model.config();
        let place = |width: usize| rows.start * width..rows.end * width;
        match &mut self.rows {
            BlockRows::Kept { middle, gate_up, .. } => {
                let gate_up = &mut gate_up[place(2 * c.intermediate_size)];
                work(&self.attention, &middle[place(c.hidden_size)], gate_up)
            }
            BlockRows::Recorded { recorded, at, layer, finished } => {
                let chosen = &finished.unwrap_or(recorded.rows())[rows];
                let middle = recorded.part(model, *at, Part::Middle, chosen);
                let mut gate_up = recorded_gates(model, recorded, *at, layer, chosen, &middle);
                work(&self.attention, &middle, &mut gate_up)
            }
        }
    }

    /// Calls `work` with the given rows of the block's input.
    pub(crate) fn with_input<R>(
        &self,
        model: &Model,
        rows: Range<usize>,
        work: impl FnOnce(&AttentionActivations, &[f32]) -> R,
    ) -> R {
        let d = model.config().hidden_size;
        match &self.rows {
            BlockRows::Kept { input, .. } => work(&self.attention, &input[rows.start * d..rows.end * d]),
            BlockRows::Recorded { recorded, at, .. } => {
                let input = recorded.part(model, *at, Part::Stream, &recorded.rows()[rows]);
                work(&self.attention, &input)
            }
        }
    }
}

/// The gate and up projections of some rows in a block that was recorded: computed where they were not kept.
fn recorded_gates(
    model: &Model,
    recorded: &Recorded,
    at: usize,
    layer: &ForwardLayer,
    rows: &[usize],
    middle: &[f32],
) -> Buffer {
    let c = model.config();
    let (d, width, block) = (c.hidden_size, 2 * c.intermediate_size, rows_per_block(rows.len()));
    let mut gate_up = model.pool.take(rows.len() * width);
    gate_up
        .par_chunks_mut(block * width)
        .zip(middle.par_chunks(block * d))
        .zip(rows.par_chunks(block))
        .with_max_len(1)
        .for_each(|((mut gate_up, mut middle), rows)| {
            for run in rows.chunk_by(|&a, &b| recorded.has_gates(a) == recorded.has_gates(b)) {
                let (mine, others) = gate_up.split_at_mut(run.len() * width);
                let (from, rest) = middle.split_at(run.len() * d);
                if recorded.has_gates(run[0]) {
                    recorded.gates(at, run, mine);
                } else {
                    model.scratch.with(|scratch| gates(c, layer, from, mine, scratch));
                }
                (gate_up, middle) = (others, rest);
            }
        });
    gate_up
}

/// What attention reads and gives in a block that was recorded.
fn recorded_attention(
    recorded: &Recorded,
    at: usize,
    layer: &ForwardLayer,
    from: &Again<'_>,
) -> AttentionActivations {
    let Again { model, positions, table, .. } = from;
    let (c, rows) = (model.config(), rows_per_block(positions.len()));
    let qkv = recorded.part(model, at, Part::Qkv, recorded.rows());
    let mut turned = model.pool.take(positions.len() * c.qk_width());
    turned
        .par_chunks_mut(rows * c.qk_width())
        .zip(qkv.par_chunks(rows * c.qkv_width()))
        .zip(positions.par_chunks(rows))
        .with_max_len(1)
        .for_each(|((turned, qkv), positions)| {
            turn_heads(heads(c, layer, table), positions, qkv, c.qkv_width(), turned, c.qk_width());
        });
    let attended = recorded.part(model, at, Part::Attended, recorded.rows());
    AttentionActivations { qkv, turned, attended, lse: recorded.sums(model, at) }
}

/// The activations of a block that all rows go through.
fn compute_again(from: &Again<'_>, layer: &ForwardLayer, input: &[f32]) -> LayerActivations {
    let Again { model, batch, positions, table, .. } = from;
    let c = model.config();
    let (d, f) = (c.hidden_size, c.intermediate_size);
    let mut acts = new_layer(model, positions.len(), positions.len());
    project(model, layer, table, positions, input, &mut acts.attention);
    attention::forward(model, batch, &mut acts.attention);
    let rows = rows_per_block(positions.len());
    acts.middle
        .par_chunks_mut(rows * d)
        .zip(acts.gate_up.par_chunks_mut(rows * 2 * f))
        .zip(acts.attention.attended.par_chunks(rows * c.q_width()))
        .zip(input.par_chunks(rows * d))
        .with_max_len(1)
        .for_each(|(((middle, gate_up), attended), input)| {
            model.scratch.with(|scratch| open_mlp_block(c, layer, input, attended, middle, gate_up, scratch));
        });
    acts
}
