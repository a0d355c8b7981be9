//! The command line. It parses flags, calls `mentor`, and prints.

mod allocator;
mod arguments;
mod bench;
mod display;
mod experiment;
mod pretrain;
mod rewards;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    allocator::keep_memory();
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Experiment(options) => experiment::run(&options),
        Command::Pretrain(options) => pretrain::run(&options),
        Command::Gates(options) => pretrain::gates(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Report { run } => experiment::report(&run),
        Command::Rescore(options) => rewards::rescore(&options),
        Command::CheckReward(options) => rewards::check_reward(&options),
        Command::ServeReward(options) => serve::run(&options),
        Command::Explain { run, rollout } => rewards::explain(&run, &rollout),
    };
    match outcome {
        Ok(()) if display::is_complete() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            display::error(&error);
            ExitCode::FAILURE
        }
    }
}
