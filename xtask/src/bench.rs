//! `cargo xtask bench`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use mentor::bench::{Bench, Measurement, Workload};
use mentor::config::MemoryConfig;
use mentor::mentor_model::{Config, Device};

use crate::arguments::BenchOptions;
use crate::display::{bytes, count, say};
use crate::experiment::use_threads;

/// Repetitions nobody sees: memory and caches settle.
const WARM_UP: usize = 1;

/// Measures, and prints a line a repetition.
pub fn run(options: &BenchOptions) -> Result<()> {
    ensure!(
        options.dtype == "f32",
        "--dtype {}: this build computes in f32 only; leave the flag out or say `f32`",
        options.dtype
    );
    ensure!(options.reps > 0, "--reps: at least 1");
    use_threads(options.threads)?;
    let workload = Workload {
        name: options.name,
        batch: options.batch,
        prompt: options.prompt,
        new: options.new,
        group: options.group,
        beta: options.beta,
        lora_rank: options.lora_rank,
        memory: MemoryConfig { recompute: options.recompute, recorded_mib: options.recorded_mib },
    };
    let mut bench = Bench::new(read_config(&options.model_config)?, workload, &device(&options.device)?)?;
    for _ in 0..WARM_UP {
        bench.run()?;
    }
    if !options.json {
        header(options, bench.parameter_count());
    }
    for _ in 0..options.reps {
        let measurement = bench.run()?;
        if options.json {
            say(&serde_json::to_string(&measurement)?);
        } else {
            row(&measurement);
        }
    }
    Ok(())
}

fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => Device::new_cuda(0)
            .context("--device cuda: wants a build with `--features cuda` and a machine with an NVIDIA GPU"),
        _ => bail!("--device {name}: there are `cpu` and `cuda`"),
    }
}

fn read_config(path: &Path) -> Result<Config> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--model-config: {} cannot be read", path.display()))?;
    Config::from_json(&text).with_context(|| format!("--model-config: {}", path.display()))
}

fn header(options: &BenchOptions, parameters: usize) {
    say(&format!(
        "{} · {} parameters · {}",
        options.name,
        count(parameters as f64),
        mentor::machine::describe()
    ));
    say("   seconds  tokens/s  peak memory  seconds of each part");
}

fn row(measured: &Measurement) {
    let memory = measured.peak_rss_bytes.map_or_else(|| "unknown".to_owned(), |peak| bytes(peak as f64));
    let parts: Vec<String> =
        measured.phases.0.iter().map(|(name, seconds)| format!("{name} {seconds:.3}")).collect();
    say(&format!(
        "{:10.4}  {:>8.0}  {memory:>11}  {}",
        measured.seconds,
        measured.tokens_per_s,
        parts.join("  ")
    ));
}
