//! Forward and backward passes on slices, one subject a file. No kernel knows a model, a tensor or a thread.
pub(crate) mod adamw;
pub(crate) mod attention;
pub(crate) mod heads;
pub(crate) mod logprob;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod packing;
pub(crate) mod reduce;
pub(crate) mod rope;
pub(crate) mod simd;
pub(crate) mod swiglu;
pub(crate) mod tiles;

#[cfg(test)]
mod tests;
