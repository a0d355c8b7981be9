#![doc = include_str!("../README.md")]
#![expect(clippy::doc_markdown, reason = "AdamW, SwiGLU and PyTorch are names of things, not of items")]

mod activations;
mod adapter;
mod architecture;
mod attention;
mod backward;
mod batch;
#[doc(hidden)]
pub mod bench;
mod cache;
mod checkpoint;
mod composed;
mod config;
mod decoder;
mod error;
mod forward;
mod gradients;
mod hub;
mod kernels;
mod linears;
mod logprobs;
mod lora;
mod model;
mod optimizer;
mod packed;
mod pool;
mod random;
mod recording;
mod rotary;
mod tokenizer;
mod weight_gradients;

pub use architecture::Architecture;
pub use batch::{Batch, Scored};
pub use candle_core::Device;
pub use checkpoint::SaveDtype;
pub use config::Config;
pub use decoder::{Decoder, token_logprob};
pub use error::{Error, Result};
pub use gradients::Gradients;
pub use hub::{HubOptions, resolve_checkpoint};
pub use kernels::logprob::TokenLogProb;
pub use kernels::simd::instruction_set;
pub use logprobs::{LogProbs, PassOptions};
pub use lora::{LoraConfig, Projection};
pub use model::Model;
pub use optimizer::{AdamW, AdamWConfig};
pub use recording::Recording;
pub use rotary::RopeScaling;
pub use tokenizer::{PIECES, Tokenizer};
