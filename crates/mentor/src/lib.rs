#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bench;
pub mod checkpoint;
pub mod config;
pub mod credit;
pub mod evaluate;
pub mod files;
pub mod gates;
pub mod lab;
pub mod layout;
pub mod machine;
pub mod metrics;
pub mod outside;
pub mod overfit;
pub mod plan;
pub mod policy;
pub mod pretrain;
pub mod progress;
pub mod record;
pub mod report;
pub mod rewards;
pub mod rl;
pub mod run;
pub mod schedule;
pub mod serve;
pub mod sft;
pub mod update;

pub use {
    mentor_answer, mentor_env, mentor_eval, mentor_model, mentor_optim, mentor_reward, mentor_rollout,
    mentor_store, mentor_teacher, mentor_toolcall, mentor_trajectory,
};
