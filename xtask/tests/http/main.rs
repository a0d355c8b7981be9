//! Rewards and tools over HTTP: ours for others, others' for our experiments.

mod outside;
mod serve;
mod service;
