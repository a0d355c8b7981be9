//! `cargo xtask rescore`, `check-reward` and `explain`.

use std::path::Path;

use anyhow::Result;
use mentor::config::Experiment;
use mentor::files;
use mentor::rewards::check::{self, Checked};
use mentor::rewards::rescore::{ArmChange, Change, Rescored};
use mentor::rewards::{self, Saved};

use crate::arguments::{CheckRewardOptions, RescoreOptions};
use crate::display::say;
use crate::experiment::{repository, use_threads};

/// Rollouts whose advantage changes most are shown; the others are in the file.
const SHOWN: usize = 5;

/// Shows what another reward makes of a run's rollouts.
pub fn rescore(options: &RescoreOptions) -> Result<()> {
    let reward = rewards::read(&options.reward)?;
    let saved = Saved::open(&options.run)?;
    let rescoring = rewards::rescore::rescore(&saved, &reward)?;
    say(&format!("{} under `{}`: before → after", options.run.display(), reward.name));
    for arm in &rescoring.arms {
        describe(arm);
    }
    let change = |one: &&Rescored| (one.advantage.after - one.advantage.before).abs();
    let mut most: Vec<&Rescored> = rescoring.rollouts.iter().collect();
    most.sort_by(|a, b| change(b).total_cmp(&change(a)));
    say("\nrollouts whose advantage changes most");
    for one in most.into_iter().take(SHOWN) {
        say(&format!(
            "  {}  total {}, rank {}, advantage {}",
            one.id,
            arrow(one.total, 3),
            arrow(one.rank, 1),
            arrow(one.advantage, 3)
        ));
    }
    if let Some(out) = &options.out {
        files::write_lines(out, &rescoring.rollouts)?;
        say(&format!("every rollout: {}", out.display()));
    }
    Ok(())
}

fn describe(arm: &ArmChange) {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    say(&format!("\n{} ({} rollouts)", arm.arm, arm.rollouts));
    say(&format!("  {:<28} {}", "total, mean", arrow(arm.total, 4)));
    for (name, part) in &arm.parts {
        say(&format!("    {name:<26} {}", arrow(*part, 4)));
    }
    let flat = arm.zero_variance_groups;
    say(&format!("  {:<28} {} → {}", "groups without variance", percent(flat.before), percent(flat.after)));
    say(&format!("  {:<28} {}", "totals that change", percent(arm.totals_changed)));
    say(&format!("  {:<28} {}", "ranks that change", percent(arm.ranks_changed)));
    say(&format!("  {:<28} {}", "groups with another best", percent(arm.best_changed)));
    say(&format!("  {:<28} {}", "advantages of another sign", percent(arm.advantage_signs_changed)));
    say(&format!("  {:<28} {:.3}", "mean change of an advantage", arm.advantage_change));
}

fn arrow(change: Change, digits: usize) -> String {
    format!("{:.digits$} → {:.digits$}", change.before, change.after)
}

/// Tries a reward before any training.
pub fn check_reward(options: &CheckRewardOptions) -> Result<()> {
    use_threads(options.threads)?;
    let reward = rewards::read(&options.reward)?;
    let default = repository().join("experiments/quickstart.toml");
    let mut experiment = Experiment::read(options.config.as_deref().unwrap_or(&default))?;
    if let Some(model) = &options.model {
        experiment.model.clone_from(model);
    }
    let tried = check::Options {
        suite: options.suite.clone().unwrap_or_else(|| experiment.tasks.suite.clone()),
        tasks: options.tasks,
        group: if options.no_model { 0 } else { options.group },
    };
    let checked = check::check(&reward, &experiment, &tried)?;
    say(&format!("{} on {} tasks of {}", reward.name, tried.tasks, tried.suite));
    report(&checked);
    Ok(())
}

fn report(checked: &Checked) {
    say(&format!(
        "{:<28} {:>6} {:>8} {:>8} {:>8}  {:>10}",
        "attempts", "n", "mean", "lowest", "highest", "separation"
    ));
    for kind in &checked.kinds {
        let (low, high) = kind.range();
        say(&format!(
            "{:<28} {:>6} {:>8.3} {low:>8.3} {high:>8.3}  {:>10.3}",
            kind.name,
            kind.totals.len(),
            kind.mean(),
            checked.separation(kind)
        ));
    }
    say(
        "separation: how often a teacher's attempt is paid more than one of these (ties half): 1 is perfect, 0.5 blind",
    );
    match checked.zero_variance {
        Some(share) => say(&format!("groups without variance: {:.0} % of the base model's", 100.0 * share)),
        None => say("groups without variance: not measured without the base model"),
    }
    let (reached, bound) = checked.maximum;
    say(&format!("reachable maximum: {reached:.4} reached, {bound:.4} by the table"));
    match checked.paid_tricks.as_slice() {
        [] => say(&format!("hostile attempts paid more than their honest twins: none of {}", checked.tricks)),
        paid => {
            say(&format!(
                "hostile attempts paid more than their honest twins: {} of {}",
                paid.len(),
                checked.tricks
            ));
            for (name, hostile, honest) in paid {
                say(&format!("  {name}: {hostile:.3}, not {honest:.3}"));
            }
        }
    }
}

/// Prints the reward tree of one rollout.
pub fn explain(run: &Path, rollout: &str) -> Result<()> {
    let saved = Saved::open(run)?;
    let record = rewards::explain::find(&saved, rollout)?;
    for line in rewards::explain::lines(&saved, &record)? {
        say(&line);
    }
    Ok(())
}
