//! Buffers that are used again: fresh memory is cleared page by page at every step otherwise.

use crate::kernels::attention::AttentionScratch;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers given back, waiting for their next use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<f32>>>>);

/// `len` values of unspecified content that return to their pool when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    data: Vec<f32>,
    len: usize,
    pool: Pool,
}

impl Pool {
    /// A buffer of `len` values. Its content is whatever the last user left.
    pub(crate) fn take(&self, len: usize) -> Buffer {
        let found = {
            let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let best = (0..free.len()).filter(|&i| free[i].len() >= len).min_by_key(|&i| free[i].len());
            match best {
                Some(i) if free[i].len() / 4 <= len => Some(free.swap_remove(i)),
                _ => {
                    // Too small for this step: let the largest of the small ones go, so that the pool follows
                    // the batch sizes instead of growing.
                    let small = (0..free.len()).filter(|&i| free[i].len() < len);
                    if let Some(i) = small.max_by_key(|&i| free[i].len()) {
                        free.swap_remove(i);
                    }
                    None
                }
            }
        };
        // An eighth of slack serves the next, slightly longer batch.
        let data = found.unwrap_or_else(|| vec![0.0; len + len / 8]);
        Buffer { data, len, pool: self.clone() }
    }

    /// A buffer of `len` values and no slack, for the many that are all alike.
    pub(crate) fn take_exact(&self, len: usize) -> Buffer {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.iter().position(|data| data.len() == len).map(|at| free.swap_remove(at));
        drop(free);
        Buffer { data: found.unwrap_or_else(|| vec![0.0; len]), len, pool: self.clone() }
    }

    /// A buffer of `len` zeros.
    pub(crate) fn zeros(&self, len: usize) -> Buffer {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.data[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.data));
    }
}

/// Working memory of one block of rows, whatever kernel works on it.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) a: Vec<f32>,
    pub(crate) b: Vec<f32>,
    /// What adapters multiply rows with first.
    pub(crate) low: Vec<f32>,
    pub(crate) packed: Vec<f32>,
    pub(crate) attention: AttentionScratch,
}

/// The first `len` values of `x`, which grows to hold them; their content is unspecified.
pub(crate) fn first(x: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if x.len() < len {
        x.resize(len, 0.0);
    }
    &mut x[..len]
}

/// Scratches not in use. As many are made as blocks run at the same time.
#[derive(Debug, Default)]
pub(crate) struct Stack(Mutex<Vec<Scratch>>);

impl Stack {
    /// Lends a scratch to `work`.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = taken.unwrap_or_default();
        let result = work(&mut scratch);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}
