//! Some kernels, for the benchmarks to call; no part of the interface.

use crate::kernels::matmul::{Packed, Write, matmul, matmul_tn};
use crate::kernels::swiglu::swiglu;

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

/// `C = Aᵀ·B` of `(rows, m)` and `(rows, n)`, on one thread.
pub fn weight_gradient(m: usize, n: usize, a: &[f32], b: &[f32], c: &mut [f32], packed: &mut Vec<f32>) {
    matmul_tn(a.len() / m, m, n, a, m, b, n, c, n, Write::Set, packed);
}

/// `y = silu(gate)·up` of rows `[gate | up]`.
pub fn gate(width: usize, gate_up: &[f32], y: &mut [f32]) {
    swiglu(y.len() / width, width, gate_up, y);
}
