//! Training and sampling speed of a model with random weights, of a given `config.json` or of the default
//! shape.
//!
//! `cargo run --release -p mentor-model --example throughput [config.json]`

#![expect(clippy::print_stdout, reason = "an example prints")]

use mentor_model::{AdamW, AdamWConfig, Batch, Config, Decoder, Model, Result};
use std::time::Instant;

const SEQUENCES: u32 = 32;
const LENGTH: u32 = 200;
const SLOTS: usize = 96;
const PROMPT: u32 = 64;
const NEW: u32 = 128;

fn main() -> Result<()> {
    let config = match std::env::args().nth(1) {
        Some(path) => {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| mentor_model::Error::Io { path: path.into(), source })?;
            Config::from_json(&text)?
        }
        None => Config::default(),
    };
    let model = Model::random(config, 1)?;
    println!("{} parameters, {} threads", model.parameter_count(), rayon::current_num_threads());
    for every in [1, 3] {
        train(&model, every)?;
    }
    sample(&model)
}

/// Training steps over the same batch, one token in `every` scored.
fn train(model: &Model, every: usize) -> Result<()> {
    let vocab = model.config().vocab_size as u32;
    let sequence =
        |s: u32| (0..LENGTH).map(|i| (i * i * 7 + i * (s + 3) + s * 13) % vocab).collect::<Vec<u32>>();
    let sequences: Vec<Vec<u32>> = (0..SEQUENCES).map(sequence).collect();
    let mut batch = Batch::from_whole_sequences(sequences.iter().map(Vec::as_slice));
    batch.scored.retain(|at| at % every == 0);
    let mut optimizer = AdamW::new(model, AdamWConfig::default());
    let mut seconds = Vec::new();
    let mut loss = 0.0;
    for _ in 0..12 {
        let start = Instant::now();
        let logprobs = model.logprobs(&batch, 1.0)?;
        let n = logprobs.values.len();
        loss = -logprobs.values.iter().sum::<f32>() / n as f32;
        let mut gradients = logprobs.backward(&vec![-1.0 / n as f32; n])?;
        gradients.clip(1.0);
        optimizer.step(model, &gradients, 1e-3)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let tokens = batch.tokens() as f64;
    println!(
        "training, {SEQUENCES}×{LENGTH} tokens, {} scored: median {:.0} tokens/s, best {:.0} (loss {loss:.2})",
        batch.scored.len(),
        tokens / seconds[seconds.len() / 2],
        tokens / seconds[0],
    );
    Ok(())
}

/// Greedy continuations of one prompt in every slot.
fn sample(model: &Model) -> Result<()> {
    let vocab = model.config().vocab_size;
    let prompt: Vec<u32> = (0..PROMPT).map(|i| (i * 11 + 5) % vocab as u32).collect();
    let mut decoder = Decoder::new(model, SLOTS, (PROMPT + NEW) as usize)?;
    decoder.extend(&[(0, &prompt)])?;
    for slot in 1..SLOTS {
        decoder.fork(0, slot);
    }
    let mut tokens: Vec<u32> = (0..SLOTS as u32).map(|slot| slot % vocab as u32).collect();
    let start = Instant::now();
    for _ in 0..NEW {
        let inputs: Vec<(usize, &[u32])> = tokens.iter().map(std::slice::from_ref).enumerate().collect();
        let logits = decoder.extend(&inputs)?;
        tokens = logits.chunks_exact(vocab).map(largest).collect();
    }
    let rate = f64::from(NEW) * SLOTS as f64 / start.elapsed().as_secs_f64();
    println!("sampling, batch {SLOTS}, context {PROMPT} to {}: {rate:.0} tokens/s", PROMPT + NEW);
    Ok(())
}

fn largest(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(token, _)| token as u32)
}
