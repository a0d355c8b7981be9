//! Some kernels, for the benchmarks to call; no part of the interface.

use crate::kernels::matmul::{Write, matmul, matmul_tn};
use crate::kernels::packing::{Packed, pack_slabs, slab_width};
use crate::kernels::simd::Level;
use crate::kernels::swiglu::swiglu;
use crate::pool::first;

/// A weight matrix as products read it.
#[derive(Debug)]
pub struct Weights(Packed);

impl Weights {
    /// Packs `(n, k)` weights.
    pub fn new(weights: &[f32], k: usize) -> Self {
        let mut packed = Packed::default();
        packed.set_transposed(&[weights], k);
        Self(packed)
    }

    /// `C = A·Wᵀ`, `(rows, k)` to `(rows, n)`, on one thread.
    pub fn product(&self, rows: usize, a: &[f32], c: &mut [f32]) {
        matmul(rows, a, self.0.k, self.0.panels(), c, self.0.n, Write::Set);
    }
}

/// Scratch of [`weight_gradient`].
#[derive(Debug, Default)]
pub struct Operands {
    left: Vec<f32>,
    right: Vec<f32>,
}

/// `C = Aᵀ·B` of `(rows, m)` and `(rows, n)`, on one thread.
pub fn weight_gradient(m: usize, n: usize, a: &[f32], b: &[f32], c: &mut [f32], operands: &mut Operands) {
    let (rows, panel) = (a.len() / m, Level::detect().panel());
    let slabs = first(&mut operands.right, rows * slab_width(n, panel));
    pack_slabs(rows, n, b, n, slabs, panel);
    matmul_tn(rows, m, n, a, m, slabs, c, n, Write::Set, &mut operands.left);
}

/// `y = silu(gate)·up` of rows `[gate | up]`.
pub fn gate(width: usize, gate_up: &[f32], y: &mut [f32]) {
    swiglu(y.len() / width, width, gate_up, y);
}
