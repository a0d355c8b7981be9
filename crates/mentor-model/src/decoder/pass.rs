//! A group of chunks through the whole model.

use crate::cache::Slot;
use crate::forward::{ROWS, embed, finish_block, head_block, head_rows, project_block, rows_per_block};
use crate::kernels::rope::RopeTable;
use crate::packed::{ForwardLayer, ForwardWeights};
use crate::pool::first;
use crate::recording::{Part, SlotRecorder};
use crate::{Config, Model, Result};
use rayon::prelude::*;

/// The rows of one group of chunks, kept for the next call.
#[derive(Debug, Default)]
pub(super) struct Rows {
    stream: Vec<f32>,
    output: Vec<f32>,
    qkv: Vec<f32>,
    turned: Vec<f32>,
    attended: Vec<f32>,
    sums: Vec<f32>,
    middle: Vec<f32>,
    gate_up: Vec<f32>,
}

/// One chunk of a call: its tokens, its sequence, and its first row in its group.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    pub(super) ids: &'a [u32],
    pub(super) slot: &'a mut Slot,
    pub(super) start: usize,
    pub(super) recorder: Option<SlotRecorder<'a>>,
}

impl Chunk<'_> {
    pub(super) fn rows(&self) -> (usize, usize) {
        (self.start, self.start + self.ids.len())
    }
}

/// What every group reads.
pub(super) struct Pass<'a> {
    pub(super) model: &'a Model,
    pub(super) weights: &'a ForwardWeights,
    pub(super) table: &'a RopeTable,
    pub(super) panel: usize,
    /// Whether this group may use all threads.
    pub(super) alone: bool,
}

/// Where a group's projections go.
pub(super) struct Projected<'a> {
    pub(super) qkv: &'a mut [f32],
    pub(super) turned: &'a mut [f32],
}

/// Where a group's attention goes: what it gives each token, and its log-sum-exp of each head.
pub(super) struct Attended<'a> {
    pub(super) rows: &'a mut [f32],
    pub(super) sums: &'a mut [f32],
}

/// The rows of a block's second half; `positions` tells how many.
struct Finished<'a> {
    positions: &'a [usize],
    stream: &'a [f32],
    attended: &'a [f32],
    middle: &'a mut [f32],
    gate_up: &'a mut [f32],
    output: &'a mut [f32],
}

impl Pass<'_> {
    pub(super) fn run(&self, chunks: &mut [Chunk<'_>], rows: &mut Rows, logits: &mut [f32]) -> Result<()> {
        let c = self.model.config();
        let ids: Vec<u32> = chunks.iter().flat_map(|chunk| chunk.ids.iter().copied()).collect();
        let positions: Vec<usize> =
            chunks.iter().flat_map(|chunk| chunk.slot.len()..chunk.slot.len() + chunk.ids.len()).collect();
        let n = ids.len();
        let mut stream = first(&mut rows.stream, n * c.hidden_size);
        let mut output = first(&mut rows.output, n * c.hidden_size);
        let mut attended = Attended {
            rows: first(&mut rows.attended, n * c.q_width()),
            sums: first(&mut rows.sums, n * c.num_attention_heads),
        };
        let middle = first(&mut rows.middle, n * c.hidden_size);
        let gate_up = first(&mut rows.gate_up, n * 2 * c.intermediate_size);
        let mut projected = Projected {
            qkv: first(&mut rows.qkv, n * c.qkv_width()),
            turned: first(&mut rows.turned, n * c.qk_width()),
        };
        embed(self.model, &ids, stream)?;
        self.project(&self.weights.layers[0], &positions, stream, &mut projected);
        let mut finished = n;
        for (at, layer) in self.weights.layers.iter().enumerate() {
            self.attention(at, chunks, &projected, &mut attended);
            record(at, chunks, Part::Stream, stream, c.hidden_size);
            record(at, chunks, Part::Qkv, projected.qkv, c.qkv_width());
            record(at, chunks, Part::Attended, attended.rows, c.q_width());
            record(at, chunks, Part::Sums, attended.sums, c.num_attention_heads);
            let attended = &mut *attended.rows;
            let next = self.weights.layers.get(at + 1);
            if next.is_none() {
                // After the last attention only the rows that logits are wanted of go on.
                finished = chunks.len();
                for (i, chunk) in chunks.iter().enumerate() {
                    let row = chunk.rows().1 - 1;
                    stream.copy_within(row * c.hidden_size..(row + 1) * c.hidden_size, i * c.hidden_size);
                    attended.copy_within(row * c.q_width()..(row + 1) * c.q_width(), i * c.q_width());
                }
            }
            let rows =
                Finished { positions: &positions[..finished], stream, attended, middle, gate_up, output };
            self.finish(layer, next, rows, &mut projected);
            if next.is_some() {
                record(at, chunks, Part::Middle, middle, c.hidden_size);
                record(at, chunks, Part::Gates, gate_up, 2 * c.intermediate_size);
            } else {
                record_last(c, chunks, middle, gate_up, output);
            }
            std::mem::swap(&mut stream, &mut output);
        }
        let vocab = c.vocab_size;
        let block = head_rows(vocab).min(self.block(finished));
        let stream = &stream[..finished * c.hidden_size];
        logits.par_chunks_mut(block * vocab).zip(stream.par_chunks(block * c.hidden_size)).for_each(
            |(logits, stream)| {
                self.model.scratch.with(|scratch| head_block(c, self.weights, stream, logits, scratch));
            },
        );
        Ok(())
    }

    /// Rows worked on together.
    fn block(&self, rows: usize) -> usize {
        if self.alone { rows_per_block(rows) } else { ROWS }
    }

    /// Norm and projections of all rows.
    fn project(
        &self,
        layer: &ForwardLayer,
        positions: &[usize],
        stream: &[f32],
        projected: &mut Projected<'_>,
    ) {
        let c = self.model.config();
        let rows = self.block(positions.len());
        let Projected { qkv, turned } = projected;
        qkv.par_chunks_mut(rows * c.qkv_width())
            .zip(turned.par_chunks_mut(rows * c.qk_width()))
            .zip(stream.par_chunks(rows * c.hidden_size))
            .zip(positions.par_chunks(rows))
            .for_each(|(((qkv, turned), stream), positions)| {
                self.model.scratch.with(|scratch| {
                    project_block(c, layer, self.table, positions, stream, qkv, turned, scratch);
                });
            });
    }

    /// Output projection and MLP, and the next block's projections while the rows are at hand.
    fn finish(
        &self,
        layer: &ForwardLayer,
        next: Option<&ForwardLayer>,
        rows: Finished<'_>,
        projected: &mut Projected<'_>,
    ) {
        let c = self.model.config();
        let d = c.hidden_size;
        let Finished { positions, stream, attended, middle, gate_up, output } = rows;
        let (n, rows) = (positions.len(), self.block(positions.len()));
        let Projected { qkv, turned } = projected;
        output[..n * d]
            .par_chunks_mut(rows * d)
            .zip(middle.par_chunks_mut(rows * d))
            .zip(gate_up.par_chunks_mut(rows * 2 * c.intermediate_size))
            .zip(qkv.par_chunks_mut(rows * c.qkv_width()))
            .zip(turned.par_chunks_mut(rows * c.qk_width()))
            .zip(attended.par_chunks(rows * c.q_width()))
            .zip(stream.par_chunks(rows * d))
            .zip(positions.par_chunks(rows))
            .for_each(|(((((((output, middle), gate_up), qkv), turned), attended), stream), positions)| {
                let n = positions.len();
                let (stream, attended) = (&stream[..n * d], &attended[..n * c.q_width()]);
                let (middle, gate_up) = (&mut middle[..n * d], &mut gate_up[..n * 2 * c.intermediate_size]);
                self.model.scratch.with(|scratch| {
                    finish_block(c, layer, stream, attended, middle, gate_up, output, scratch);
                    if let Some(next) = next {
                        project_block(c, next, self.table, positions, output, qkv, turned, scratch);
                    }
                });
            });
    }
}

/// Records a part of every token, rows of `width`.
fn record(block: usize, chunks: &mut [Chunk<'_>], part: Part, rows: &[f32], width: usize) {
    for chunk in chunks {
        let (start, end) = chunk.rows();
        if let Some(recorder) = &mut chunk.recorder {
            recorder.write(block, part, &rows[start * width..end * width]);
        }
    }
}

/// Records the second half of the last block, which only the last token of each chunk goes through.
fn record_last(c: &Config, chunks: &mut [Chunk<'_>], middle: &[f32], gate_up: &[f32], output: &[f32]) {
    let (block, d) = (c.num_hidden_layers - 1, c.hidden_size);
    let rows =
        middle.chunks_exact(d).zip(gate_up.chunks_exact(2 * c.intermediate_size)).zip(output.chunks_exact(d));
    for (chunk, ((middle, gate_up), output)) in chunks.iter_mut().zip(rows) {
        if let Some(recorder) = &mut chunk.recorder {
            recorder.write(block, Part::Middle, middle);
            recorder.write(block, Part::Gates, gate_up);
            recorder.write_last(output);
        }
    }
}
