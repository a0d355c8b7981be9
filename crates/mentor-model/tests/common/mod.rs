//! Small models and batches for the tests.
#![allow(dead_code, reason = "each test program uses its part")]

use candle_core::{Tensor, Var};
use mentor_model::{Architecture, Batch, Config, LoraConfig, Model, Projection, RopeScaling};

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

/// [`tiny`] in every family, with everything that a family may have.
fn families() -> [(&'static str, Config); 5] {
    let llama3 = RopeScaling::Llama3 {
        factor: 4.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 48.0,
    };
    [
        ("Qwen3", tiny(true)),
        ("Qwen3 with biases", Config { attention_bias: true, ..tiny(false) }),
        ("Qwen2", Config { architecture: Architecture::Qwen2, ..tiny(false) }),
        ("Llama", Config { architecture: Architecture::Llama, rope_scaling: llama3, ..tiny(true) }),
        (
            "Llama with biases",
            Config {
                architecture: Architecture::Llama,
                rope_scaling: RopeScaling::Linear { factor: 3.0 },
                attention_bias: true,
                mlp_bias: true,
                ..tiny(true)
            },
        ),
    ]
}

fn add_noise(var: &Var) {
    let values: Vec<f32> = var.as_tensor().flatten_all().unwrap().to_vec1().unwrap();
    let noisy: Vec<f32> =
        values.iter().enumerate().map(|(i, x)| x + ((i * 29 % 17) as f32 - 8.0) / 40.0).collect();
    var.set(&Tensor::from_vec(noisy, var.shape(), var.device()).unwrap()).unwrap();
}

/// A small model of every family, each without and with adapters. No norm is one, no bias and no adapter zero.
pub fn models(seed: u64) -> Vec<(String, Model)> {
    let mut models = Vec::new();
    for (at, (name, config)) in families().into_iter().enumerate() {
        let model = Model::random(config, seed).unwrap();
        model.parameters().filter(|(_, var)| var.rank() == 1).for_each(|(_, var)| add_noise(var));
        let mut lora = LoraConfig::new(3);
        if at % 2 == 1 {
            lora.targets = vec![Projection::Down, Projection::V, Projection::Q, Projection::Up];
        }
        let adapted = model.with_lora(&lora, seed).unwrap();
        adapted.trainable().filter(|(name, _)| name.contains("lora_B")).for_each(|(_, var)| add_noise(var));
        models.push((format!("{name} with LoRA"), adapted));
        models.push((name.to_owned(), model));
    }
    models
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
