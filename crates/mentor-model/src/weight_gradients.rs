//! The gradients of matrices, biases and adapters: sums over rows, in the order of rows.

use crate::Model;
use crate::kernels::matmul::{SLAB, Write, matmul_tn, pack_slabs, slab_width};
use crate::kernels::simd::Level;
use crate::linears::Linears;
use crate::model::LinearIndex;
use crate::pool::Buffer;
use rayon::prelude::*;
use std::collections::BTreeMap;
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

/// A gradient `out += leftᵀ·right` over all rows, `out` `(out.len() / width, width)`.
pub(crate) struct Job<'a> {
    pub(crate) left: &'a [f32],
    pub(crate) left_stride: usize,
    pub(crate) right: &'a [f32],
    pub(crate) right_stride: usize,
    pub(crate) width: usize,
    pub(crate) out: &'a mut [f32],
}

/// The gradients to compute over the same rows: none of them of a frozen parameter.
pub(crate) struct Jobs<'a> {
    model: &'a Model,
    gradients: Vec<Option<&'a mut [f32]>>,
    ones: &'a [f32],
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
        Self { model, gradients, ones, list: Vec::new() }
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
        let rank = self.model.lora().map_or(0, |lora| lora.rank);
        let low_width = rank * projections.iter().filter(|it| it.adapter.is_some()).count();
        let (mut column, mut inner) = (0, 0);
        for projection in projections {
            let dy = &dy[column..];
            let mut add = |at: usize, left, left_stride, right, right_stride, width| {
                let out = self.gradients[at].take().expect("a parameter belongs to one projection");
                self.list.push(Job { left, left_stride, right, right_stride, width, out });
            };
            if self.model.lora_state().is_none() {
                add(projection.weight, dy, dy_stride, x, x_stride, x_stride);
                if let Some(bias) = projection.bias {
                    add(bias, dy, dy_stride, self.ones, 1, 1);
                }
            }
            if let Some(adapter) = projection.adapter {
                add(adapter.b, dy, dy_stride, &low_rows[inner..], low_stride, rank);
                add(adapter.a, &low_rows[low_width + inner..], low_stride, x, x_stride, x_stride);
                inner += rank;
            }
            column += self.model.tensor(projection.weight).dims()[0];
        }
    }

    pub(crate) fn into_list(self) -> Vec<Job<'a>> {
        self.list
    }
}

/// Weights of a strip that one task sums up: enough to be worth packing its left operand for, no more than stay in
/// the second-level cache.
const STRIP: RangeInclusive<usize> = 6_144..=49_152;

/// Computes gradients, strips of their rows in parallel: four for each thread where they are not too small. A strip
/// sums over all rows of the batch in order, so that its height changes no bit.
pub(crate) fn weight_gradients(model: &Model, rows: usize, jobs: Vec<Job<'_>>) {
    let weights: usize = jobs.iter().map(|job| job.out.len()).sum();
    let strip = (weights / (4 * rayon::current_num_threads())).clamp(*STRIP.start(), *STRIP.end());
    let operands = RightOperands::pack(model, rows, &jobs);
    let mut strips = Vec::new();
    for job in jobs {
        let height = (strip / job.width).next_multiple_of(12).max(12);
        for (i, out) in job.out.chunks_mut(height * job.width).enumerate() {
            strips.push(Job { out, left: &job.left[i * height..], ..job });
        }
    }
    strips.into_par_iter().with_max_len(1).for_each(|job| {
        let (m, n) = (job.out.len() / job.width, job.width);
        let right = operands.of(&job);
        let Job { left, left_stride, out, .. } = job;
        model.scratch.with(|scratch| {
            let packed = &mut scratch.packed;
            matmul_tn(rows, m, n, left, left_stride, right, out, n, Write::Add, packed);
        });
    });
}

/// The right operands of some gradients, each packed once for all strips and all projections that read it.
struct RightOperands {
    /// Where each begins: by its address, stride and width.
    starts: BTreeMap<[usize; 3], usize>,
    data: Buffer,
}

impl RightOperands {
    fn pack(model: &Model, rows: usize, jobs: &[Job<'_>]) -> Self {
        let panel = Level::detect().panel();
        let (mut starts, mut distinct, mut end) = (BTreeMap::new(), Vec::new(), 0);
        for job in jobs {
            starts.entry(Self::key(job)).or_insert_with(|| {
                distinct.push(job);
                let start = end;
                end += rows * slab_width(job.width, panel);
                start
            });
        }
        let mut data = model.pool.take(end);
        let mut rest = &mut data[..];
        let mut slabs = Vec::new();
        for job in distinct {
            let width = slab_width(job.width, panel);
            let (mine, others) = std::mem::take(&mut rest).split_at_mut(rows * width);
            rest = others;
            let sources = job.right.chunks(SLAB * job.right_stride);
            slabs
                .extend(mine.chunks_mut(SLAB * width).zip(sources).map(|(slab, source)| (job, source, slab)));
        }
        slabs.into_par_iter().for_each(|(job, source, slab)| {
            let depth = slab.len() / slab_width(job.width, panel);
            pack_slabs(depth, job.width, source, job.right_stride, slab, panel);
        });
        Self { starts, data }
    }

    fn key(job: &Job<'_>) -> [usize; 3] {
        [job.right.as_ptr().addr(), job.right_stride, job.width]
    }

    fn of(&self, job: &Job<'_>) -> &[f32] {
        &self.data[self.starts[&Self::key(job)]..]
    }
}
