//! The flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mentor::bench::Name;
use mentor::config::MemoryConfig;

/// Teacher-guided reinforcement learning of tool use.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Train and compare the arms of an experiment, then write its report.
    Experiment(ExperimentOptions),
    /// Make the base model from nothing.
    Pretrain(PretrainOptions),
    /// Measure a base model against the conditions it was made to meet.
    Gates(GatesOptions),
    /// Time the engine on random weights, beside whatever else you time.
    Bench(BenchOptions),
    /// Write a run folder's report again.
    Report {
        /// The run folder.
        run: PathBuf,
    },
    /// Show what another reward makes of a run's rollouts: parts, totals, ranks, advantages.
    Rescore(RescoreOptions),
    /// Try a reward before any training: what it pays teacher, honest, hostile and untrained attempts.
    CheckReward(CheckRewardOptions),
    /// Offer a reward over HTTP: `POST /score`, and the forms in which `OpenRLHF` and NeMo-Gym ask.
    ServeReward(ServeRewardOptions),
    /// Print the reward tree of one rollout, the student beside the teacher.
    Explain {
        /// The run folder.
        run: PathBuf,
        /// The rollout's id, `arm/seed/step/task/sample`, as in `rollouts.jsonl`.
        rollout: String,
    },
}

/// Flags of `rescore`.
#[derive(Args)]
pub struct RescoreOptions {
    /// The run folder.
    pub run: PathBuf,
    /// The other reward: a TOML file or the name of a preset.
    #[arg(long, value_name = "FILE")]
    pub reward: String,
    /// Write every rollout under both rewards to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Flags of `check-reward`.
#[derive(Args)]
pub struct CheckRewardOptions {
    /// The reward: a TOML file or the name of a preset.
    #[arg(value_name = "FILE")]
    pub reward: String,
    /// The suite of the tasks [default: the experiment's].
    #[arg(long, value_name = "S")]
    pub suite: Option<String>,
    /// Tasks, from the validation split.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub tasks: usize,
    /// Attempts of the base model at each task.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub group: usize,
    /// Leave the base model out.
    #[arg(long)]
    pub no_model: bool,
    /// Base model: a folder in Hugging Face layout or a Hub name, instead of the experiment's.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The experiment whose base model, chat format and limits count [default: experiments/quickstart.toml of this repository].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Flags of `serve-reward`.
#[derive(Args)]
pub struct ServeRewardOptions {
    /// The reward: a TOML file or the name of a preset.
    #[arg(long, value_name = "PRESET|FILE", default_value = "mentor")]
    pub reward: String,
    /// Where to listen. An address of another kind than loopback opens the service to other machines.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8765")]
    pub listen: String,
    /// Requests answered at a time; others wait.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub workers: usize,
    /// Seconds a request may take to arrive, and a reply to be taken.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub timeout: f64,
    /// The largest body, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16)]
    pub max_body: usize,
}

/// Flags of `experiment`.
#[derive(Args)]
pub struct ExperimentOptions {
    /// The experiment file [default: experiments/quickstart.toml of this repository].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Base model: a folder in Hugging Face layout or a Hub name, instead of the file's.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Only these arms.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub arms: Vec<String>,
    /// `5` for seeds 1 to 5; `3,7` for these two; `3,` for that one.
    #[arg(long, value_name = "N|A,B", value_parser = parse_seeds)]
    pub seeds: Option<Seeds>,
    /// Training steps of every arm, instead of the file's.
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// Threads [default: all cores]. The result does not depend on it.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// The run folder [default: runs/NAME].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace a run folder made from another configuration.
    #[arg(long)]
    pub fresh: bool,
    /// Say what would be done, and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// Train one arm on this many tasks until it has learnt them: the first thing to try when nothing learns.
    #[arg(long, value_name = "TASKS")]
    pub overfit: Option<usize>,
}

/// Flags of `pretrain`.
#[derive(Args)]
pub struct PretrainOptions {
    /// The recipe [default: experiments/base.toml of this repository].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the model goes [default: runs/base].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Run only the first steps and compare their losses with this record (a `losses.jsonl`).
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// How many steps `--check` runs.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub check_steps: usize,
}

/// Flags of `gates`.
#[derive(Args)]
pub struct GatesOptions {
    /// The model with its skills, before its habits.
    #[arg(long, value_name = "DIR")]
    pub skills: Option<PathBuf>,
    /// The base model, habits included.
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// The experiment whose suites and limits count [default: experiments/quickstart.toml of this repository].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Flags of `bench`.
#[derive(Args)]
pub struct BenchOptions {
    /// `train-step`, `lora-step`, `generate` or `grpo-step`.
    #[arg(value_name = "NAME")]
    pub name: Name,
    /// A Hugging Face `config.json`: the shape of the model, whose weights are random.
    #[arg(long, value_name = "FILE")]
    pub model_config: PathBuf,
    /// Prompts of `grpo-step`, rows of the others.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub batch: usize,
    /// Tokens of a prompt.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub prompt: usize,
    /// Tokens behind a prompt: sampled ones, or the rest of a row of `train-step` and `lora-step`.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub new: usize,
    /// Samples of a prompt in `grpo-step`.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub group: usize,
    /// Weight of the KL term in `grpo-step`; without one there is no reference pass.
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub beta: f32,
    /// Rank of the adapters of `lora-step`.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub lora_rank: usize,
    /// Compute activations again in the backward pass instead of keeping them.
    #[arg(long)]
    pub recompute: bool,
    /// Mebibytes of what sampling computed that `grpo-step` keeps for the gradient.
    #[arg(long, value_name = "N", default_value_t = MemoryConfig::default().recorded_mib)]
    pub recorded_mib: usize,
    /// Number format. There is `f32`.
    #[arg(long, value_name = "T", default_value = "f32")]
    pub dtype: String,
    /// What trains: `cpu`, or `cuda` (a GPU, in a build with `--features cuda`). Sampling is the processor's.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Repetitions, after one that is not counted.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub reps: usize,
    /// Threads [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// One JSON object a repetition instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Training seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// `5` → 1 to 5; `3,7` → 3 and 7; `3,` → 3.
fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number = |part: &str| part.trim().parse::<u64>().map_err(|_| format!("`{part}` is not a seed"));
    if text.contains(',') {
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        let seeds = parts.map(number).collect::<Result<Vec<_>, _>>()?;
        return if seeds.is_empty() { Err("name at least one seed".into()) } else { Ok(Seeds(seeds)) };
    }
    match number(text)? {
        0 => Err("0 seeds; for the one seed 0, write `0,`".into()),
        count if count > 1000 => Err(format!("{count} seeds; for the one seed {count}, write `{count},`")),
        count => Ok(Seeds((1..=count).collect())),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn seeds_are_a_count_or_a_list() {
        assert_eq!(parse_seeds("3"), Ok(Seeds(vec![1, 2, 3])));
        assert_eq!(parse_seeds("3,7"), Ok(Seeds(vec![3, 7])));
        assert_eq!(parse_seeds("3,"), Ok(Seeds(vec![3])));
        assert!(parse_seeds("0").is_err());
        assert!(parse_seeds("a,b").is_err());
        assert!(parse_seeds(",").is_err());
    }
}
