//! The gradients of matrices, biases and adapters: sums over rows, in the order of rows.

use crate::Model;
use crate::kernels::matmul::{Write, matmul_tn};
use crate::kernels::packing::{SLAB, pack_slabs, slab_width};
use crate::kernels::simd::Level;
use crate::linears::Linears;
use crate::model::LinearIndex;
use crate::pool::Buffer;
use rayon::prelude::*;
use std::ops::RangeInclusive;

/// Where adapters' rows stand, several groups of projections side by side: of each, `s·x·Aᵀ` and then its gradient.
pub(crate) struct LowColumns<const GROUPS: usize> {
    /// Width of all of them; 1 without adapters, so that a buffer of them can be cut into rows.
    pub(crate) stride: usize,
    /// First column of each group.
    pub(crate) starts: [usize; GROUPS],
}

impl<const GROUPS: usize> LowColumns<GROUPS> {
    pub(crate) fn new(groups: [&Linears; GROUPS]) -> Self {
        let mut end = 0;
        let starts = groups.map(|group| {
            let start = end;
            end += 2 * group.low_width();
            start
        });
        Self { stride: end.max(1), starts }
    }
}

/// The right operand of gradients: rows of `width`, `stride` apart.
#[derive(Clone, Copy)]
struct Right<'a> {
    data: &'a [f32],
    stride: usize,
    width: usize,
}

/// A gradient `out += leftᵀ·right` over all rows, `right` by its index; `out` is as wide as `right`.
struct Job<'a> {
    left: &'a [f32],
    left_stride: usize,
    right: usize,
    out: &'a mut [f32],
}

/// The gradients to compute over the same rows: none of them of a frozen parameter.
pub(crate) struct Jobs<'a> {
    model: &'a Model,
    gradients: Vec<Option<&'a mut [f32]>>,
    ones: &'a [f32],
    rights: Vec<Right<'a>>,
    list: Vec<Job<'a>>,
}

/// A one for each row if biases are trained: the gradient of a bias is that of a weight whose input is one.
pub(crate) fn ones(model: &Model, rows: usize) -> Buffer {
    let c = model.config();
    let trained = model.lora_state().is_none() && (c.has_qkv_bias() || c.has_o_bias() || c.mlp_bias);
    let mut ones = model.pool.take(if trained { rows } else { 0 });
    ones.fill(1.0);
    ones
}

impl<'a> Jobs<'a> {
    pub(crate) fn new(model: &'a Model, gradients: &'a mut [Buffer], ones: &'a [f32]) -> Self {
        let gradients = gradients.iter_mut().map(|gradient| Some(&mut gradient[..])).collect();
        Self { model, gradients, ones, rights: Vec::new(), list: Vec::new() }
    }

    /// Adds the gradients of projections side by side: `dy` and `x` with their strides are the gradient of what they
    /// gave and what they read, `low_rows` what [`LowColumns`] describes.
    pub(crate) fn add(
        &mut self,
        projections: &[LinearIndex],
        (dy, dy_stride): (&'a [f32], usize),
        (x, x_stride): (&'a [f32], usize),
        (low_rows, low_stride): (&'a [f32], usize),
    ) {
        let trained = self.model.lora_state().is_none();
        if !trained && projections.iter().all(|it| it.adapter.is_none()) {
            return;
        }
        let rank = self.model.lora().map_or(0, |lora| lora.rank);
        let low_width = rank * projections.iter().filter(|it| it.adapter.is_some()).count();
        let x = self.right(x, x_stride, x_stride);
        let mut ones = None;
        let (mut column, mut inner) = (0, 0);
        for projection in projections {
            let dy = &dy[column..];
            if trained {
                self.push(projection.weight, dy, dy_stride, x);
                if let Some(bias) = projection.bias {
                    let ones = *ones.get_or_insert_with(|| self.right(self.ones, 1, 1));
                    self.push(bias, dy, dy_stride, ones);
                }
            }
            if let Some(adapter) = projection.adapter {
                let low = self.right(&low_rows[inner..], low_stride, rank);
                self.push(adapter.b, dy, dy_stride, low);
                self.push(adapter.a, &low_rows[low_width + inner..], low_stride, x);
                inner += rank;
            }
            column += self.model.tensor(projection.weight).dims()[0];
        }
    }

    /// Adds the gradient of the vocabulary projection, which has neither bias nor adapter.
    pub(crate) fn add_head(&mut self, d_logits: &'a [f32], normal: &'a [f32]) {
        let c = self.model.config();
        let normal = self.right(normal, c.hidden_size, c.hidden_size);
        self.push(self.model.index.output(), d_logits, c.vocab_size, normal);
    }

    fn right(&mut self, data: &'a [f32], stride: usize, width: usize) -> usize {
        self.rights.push(Right { data, stride, width });
        self.rights.len() - 1
    }

    fn push(&mut self, parameter: usize, left: &'a [f32], left_stride: usize, right: usize) {
        let out = self.gradients[parameter].take().expect("a parameter belongs to one projection");
        self.list.push(Job { left, left_stride, right, out });
    }
}

/// Weights of a strip that one task sums up: enough to be worth packing its left operand for, no more than stay in
/// the second-level cache.
const STRIP: RangeInclusive<usize> = 6_144..=49_152;

/// Computes gradients, strips of their rows in parallel: four for each thread where they are not too small. A strip
/// sums over all rows of the batch in order, so that its height changes no bit.
pub(crate) fn weight_gradients(rows: usize, jobs: Jobs<'_>) {
    let Jobs { model, rights, list, .. } = jobs;
    let weights: usize = list.iter().map(|job| job.out.len()).sum();
    let strip = (weights / (4 * rayon::current_num_threads())).clamp(*STRIP.start(), *STRIP.end());
    let packed = PackedRights::new(model, rows, &rights);
    let mut strips = Vec::new();
    for job in list {
        let width = rights[job.right].width;
        let height = (strip / width).next_multiple_of(12).max(12);
        for (i, out) in job.out.chunks_mut(height * width).enumerate() {
            strips.push(Job { out, left: &job.left[i * height..], ..job });
        }
    }
    strips.into_par_iter().with_max_len(1).for_each(|job| {
        let Job { left, left_stride, right, out } = job;
        let n = rights[right].width;
        model.scratch.with(|scratch| {
            let (m, right) = (out.len() / n, packed.of(right));
            matmul_tn(rows, m, n, left, left_stride, right, out, n, Write::Add, &mut scratch.packed);
        });
    });
}

/// Right operands, each packed once for all strips and all projections that read it.
struct PackedRights {
    /// Where each begins.
    starts: Vec<usize>,
    data: Buffer,
}

impl PackedRights {
    fn new(model: &Model, rows: usize, rights: &[Right<'_>]) -> Self {
        let panel = Level::detect().panel();
        let (mut starts, mut end) = (Vec::with_capacity(rights.len()), 0);
        for right in rights {
            starts.push(end);
            end += rows * slab_width(right.width, panel);
        }
        let mut data = model.pool.take(end);
        let mut rest = &mut data[..];
        let mut slabs = Vec::new();
        for right in rights {
            let width = slab_width(right.width, panel);
            let (mine, others) = std::mem::take(&mut rest).split_at_mut(rows * width);
            rest = others;
            let sources = right.data.chunks(SLAB * right.stride);
            slabs.extend(
                mine.chunks_mut(SLAB * width).zip(sources).map(|(slab, source)| (right, source, slab)),
            );
        }
        slabs.into_par_iter().for_each(|(right, source, slab)| {
            let depth = slab.len() / slab_width(right.width, panel);
            pack_slabs(depth, right.width, source, right.stride, slab, panel);
        });
        Self { starts, data }
    }

    fn of(&self, right: usize) -> &[f32] {
        &self.data[self.starts[right]..]
    }
}
