//! What an experiment may say: every range, checked before anything runs.

use anyhow::{Context, Result, bail, ensure};
use mentor_reward::Combine;
use mentor_trajectory::Split;

use super::{Curriculum, Experiment, Method, OptimizerConfig, RewardChoice};
use crate::rewards::Source;

impl Experiment {
    /// Refuses what cannot be run, naming the key and the remedy.
    pub fn check(&self) -> Result<()> {
        ensure!(
            !self.name.is_empty() && is_plain(&self.name),
            "name: use letters, digits, `-`, `_`; it names the run folder"
        );
        ensure!(!self.seeds.is_empty(), "seeds: at least one is needed");
        ensure!(!has_duplicates(&self.seeds), "seeds: each at most once");
        self.check_tasks()?;
        self.check_evaluation()?;
        self.check_training()?;
        self.check_arms()
    }

    fn check_tasks(&self) -> Result<()> {
        check_suite("tasks.suite", &self.tasks.suite)?;
        ensure!(self.tasks.count > 0, "tasks.count: at least 1");
        let limits = &self.limits;
        ensure!(limits.turns > 0, "limits.turns: at least 1");
        ensure!(limits.turn_tokens > 0, "limits.turn_tokens: at least 1");
        ensure!(limits.tokens > limits.turn_tokens, "limits.tokens: must be larger than limits.turn_tokens");
        self.tools.as_ref().map_or(Ok(()), |tools| tools.endpoint().check("tools"))
    }

    fn check_evaluation(&self) -> Result<()> {
        let evaluation = &self.evaluation;
        ensure!(
            !evaluation.suites.is_empty(),
            "evaluation.suites: at least one; the first is the in-domain suite"
        );
        for suite in &evaluation.suites {
            check_suite("evaluation.suites", suite)?;
        }
        ensure!(!has_duplicates(&evaluation.suites), "evaluation.suites: each at most once");
        ensure!(evaluation.tasks > 0, "evaluation.tasks: at least 1");
        ensure!(evaluation.samples > 0, "evaluation.samples: at least 1");
        ensure!(
            evaluation.temperature > 0.0,
            "evaluation.temperature: must be positive; greedy is always measured too"
        );
        ensure!(
            matches!(evaluation.split, Split::Validation | Split::Test),
            "evaluation.split: `test` for results, `validation` while tuning"
        );
        Ok(())
    }

    fn check_training(&self) -> Result<()> {
        if let Some(lora) = &self.lora {
            lora.validate().context("lora")?;
        }
        check_optimizer("sft.optimizer", &self.sft.optimizer)?;
        check_optimizer("rl.optimizer", &self.rl.optimizer)?;
        ensure!(self.sft.epochs > 0, "sft.epochs: at least 1");
        ensure!(self.sft.batch > 0, "sft.batch: at least 1");
        let rl = &self.rl;
        ensure!(rl.steps > 0, "rl.steps: at least 1");
        ensure!(rl.prompts > 0, "rl.prompts: at least 1");
        ensure!(rl.prompts <= self.tasks.count, "rl.prompts: at most tasks.count ({})", self.tasks.count);
        ensure!(rl.group >= 2, "rl.group: at least 2, since a reward counts against its group");
        ensure!(
            rl.updates > 0 && rl.updates <= rl.prompts,
            "rl.updates: between 1 and rl.prompts ({})",
            rl.prompts
        );
        ensure!(rl.temperature > 0.0, "rl.temperature: must be positive");
        rl.advantage.validate().context("rl.advantage")?;
        if let Some(problem) = rl.credit.problem() {
            bail!("rl.credit: {problem}");
        }
        if let Some(Curriculum { from, until, .. }) = rl.curriculum {
            ensure!(
                from > 0.0 && from <= 1.0,
                "rl.curriculum.from: a share of the tasks, above 0 and at most 1"
            );
            ensure!(until > 1, "rl.curriculum.until: a step from 2 on");
        }
        rl.objective.validate().context("rl.objective")?;
        ensure!(rl.checkpoint_every > 0, "rl.checkpoint_every: at least 1");
        Ok(())
    }

    fn check_arms(&self) -> Result<()> {
        ensure!(!self.arms.is_empty(), "arm: at least one [[arm]] is needed");
        let names: Vec<_> = self.arms.iter().map(|arm| &arm.name).collect();
        ensure!(!has_duplicates(&names), "arm.name: each name at most once");
        for arm in &self.arms {
            ensure!(
                !arm.name.is_empty() && is_plain(&arm.name),
                "arm.name `{}`: use letters, digits, `-`, `_`",
                arm.name
            );
            match (arm.train, &arm.reward) {
                (Method::Rl, None) => {
                    bail!("arm `{}`: an rl arm needs `reward`, a preset's name or a table", arm.name)
                }
                (Method::Rl, Some(reward)) => {
                    self.check_reward(reward).with_context(|| format!("arm `{}`", arm.name))?;
                }
                (_, Some(_)) => bail!(
                    "arm `{}`: only an rl arm has a `reward`; remove it or set train = \"rl\"",
                    arm.name
                ),
                (_, None) => {}
            }
            ensure!(
                arm.advantage.is_none() || arm.train == Method::Rl,
                "arm `{}`: only an rl arm has an `advantage`; remove it or set train = \"rl\"",
                arm.name
            );
            if let Some(advantage) = &arm.advantage {
                advantage.validate().with_context(|| format!("arm `{}`: advantage", arm.name))?;
            }
            if let Some(rate) = arm.learning_rate {
                ensure!(rate > 0.0 && rate < 1.0, "arm `{}`: learning_rate: between 0 and 1", arm.name);
            }
        }
        Ok(())
    }

    fn check_reward(&self, reward: &RewardChoice) -> Result<()> {
        match reward.open()? {
            Source::Table(reward) => ensure!(
                self.rl.credit.is_trajectory()
                    || (reward.clip.is_none()
                        && reward.teachers.is_none()
                        && reward.normalize == Combine::Total),
                "`clip`, `normalize` and `teachers` are about totals, and rl.credit divides those; remove one of them"
            ),
            Source::Outside(_) => ensure!(
                self.rl.credit.is_trajectory(),
                "another program's reward is a total, and rl.credit divides those; use credit = \"trajectory\""
            ),
        }
        Ok(())
    }
}

fn check_suite(key: &str, suite: &str) -> Result<()> {
    ensure!(
        mentor_env::suites().contains(&suite),
        "{key}: suite `{suite}` is not known; use one of {}",
        mentor_env::suites().join(", ")
    );
    Ok(())
}

fn check_optimizer(key: &str, optimizer: &OptimizerConfig) -> Result<()> {
    let peak = optimizer.schedule.peak;
    ensure!(peak > 0.0 && peak < 1.0, "{key}.schedule.peak: a learning rate between 0 and 1, not {peak}");
    ensure!(optimizer.weight_decay >= 0.0, "{key}.weight_decay: not negative");
    ensure!((0.0..1.0).contains(&optimizer.beta1), "{key}.beta1: in [0, 1)");
    ensure!((0.0..1.0).contains(&optimizer.beta2), "{key}.beta2: in [0, 1)");
    ensure!(optimizer.max_gradient_norm > 0.0, "{key}.max_gradient_norm: must be positive");
    Ok(())
}

pub(super) fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn has_duplicates<T: PartialEq>(items: &[T]) -> bool {
    items.iter().enumerate().any(|(i, item)| items[..i].contains(item))
}
