//! Small models and batches for the tests.
#![allow(dead_code, reason = "each test program uses its part")]

use mentor_model::{Batch, Config};

pub const VOCAB: usize = 61;

/// A model whose every size is awkward for vectors.
pub fn tiny(tie: bool) -> Config {
    Config {
        vocab_size: VOCAB,
        hidden_size: 24,
        intermediate_size: 40,
        num_hidden_layers: 2,
        num_attention_heads: 6,
        num_key_value_heads: 2,
        head_dim: 10,
        tie_word_embeddings: tie,
        initializer_range: 0.3,
        ..Config::default()
    }
}

/// `n` token ids.
pub fn ids(n: usize, seed: usize) -> Vec<u32> {
    (0..n).map(|i| ((i * i * 7 + i * 13 + seed * 29) % VOCAB) as u32).collect()
}

/// Sequences of very different lengths, most of their tokens scored.
pub fn ragged() -> Batch {
    let sequences: Vec<Vec<u32>> = [1, 7, 130, 33, 2].iter().enumerate().map(|(s, &n)| ids(n, s)).collect();
    let mut batch = Batch::from_whole_sequences(sequences.iter().map(Vec::as_slice));
    batch.scored.retain(|i| i % 4 != 1);
    batch
}

/// A derivative for each scored token, of both signs.
pub fn derivatives(batch: &Batch) -> Vec<f32> {
    (0..batch.scored.len()).map(|i| ((i * 37 % 11) as f32 - 5.0) / 10.0).collect()
}

/// Runs `work` in a rayon pool of its own.
pub fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// The bits of numbers, which compare where `-0.0 == 0.0` and `NAN != NAN` would mislead.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
