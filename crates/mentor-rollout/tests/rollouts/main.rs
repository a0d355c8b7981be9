//! Rollouts played with policies that need no learning: what is said is exact, and so is what is recorded.

mod contracts;
mod invariance;
mod support;
mod turns;
