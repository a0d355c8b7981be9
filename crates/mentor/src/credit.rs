//! From scores to advantages: of whole attempts, part by part, or of turns and calls.

use mentor_model::Tokenizer;
use mentor_optim::{
    AdvantageConfig, PartColumn, Unit, advantages as of_totals, part_advantages, unit_advantages,
};
use mentor_reward::{
    Case, Combine, CreditConfig, CreditUnit, Explanation, Offsets, Place, Reward, Score, explain,
    score_with_teachers,
};
use mentor_rollout::Rollout;
use mentor_trajectory::Trajectory;

use crate::config::Arm;
use crate::lab::{Lab, TaughtTasks};

/// An attempt with all teachers of its task.
pub struct Taught<'a> {
    /// The attempt beside the first teacher's.
    pub case: Case<'a>,
    /// The other teachers'.
    pub others: &'a [Trajectory],
}

impl Taught<'_> {
    /// The score, against all teachers if the reward says what they make of it.
    pub fn score(&self, reward: &Reward) -> Score {
        score_with_teachers(reward, &self.case, self.others)
    }
}

impl TaughtTasks {
    /// An attempt at a task, with its teachers and, as the placebo, the next task's teacher.
    pub fn case<'a>(&'a self, task: usize, student: &'a Trajectory, correct: bool) -> Taught<'a> {
        let case = Case {
            placebo: Some(&self.teacher[(task + 1) % self.teacher.len()]),
            ..Case::new(&self.tasks[task], student, &self.teacher[task], correct)
        };
        Taught { case, others: self.others.get(task).map_or(&[], Vec::as_slice) }
    }
}

/// The advantages of a batch.
pub struct Given {
    /// One for each rollout: its own, or the mean over its tokens.
    pub rollouts: Vec<f64>,
    /// For each rollout one for each of its sampled tokens, where turns or calls are credited; else empty.
    pub tokens: Vec<Vec<f32>>,
    /// Groups that teach nothing.
    pub zero_variance_groups: usize,
}

/// Turns the scores of a batch into advantages as the experiment says for the arm.
pub fn advantages(
    lab: &Lab,
    arm: &Arm,
    reward: &Reward,
    rollouts: &[Rollout],
    cases: &[Taught],
    scores: &[Score],
) -> Given {
    let (rl, config) = (&lab.experiment.rl, lab.experiment.advantage(arm));
    if rl.credit.is_trajectory() {
        return of_attempts(reward, scores, rl.group, config);
    }
    let sequences: Vec<usize> = std::iter::once(0)
        .chain(rollouts.iter().scan(0, |sum, rollout| {
            *sum += rollout.tokens_sampled();
            Some(*sum)
        }))
        .collect();
    let units: Vec<Unit> = rollouts
        .iter()
        .zip(cases)
        .enumerate()
        .flat_map(|(index, (rollout, taught))| {
            let offsets = offsets(&lab.codec.tokenizer, rollout, rl.credit.per);
            let explanation = explain(reward, &taught.case, Some(&offsets));
            units(index, &explanation, &rl.credit, rollout.tokens_sampled())
        })
        .collect();
    let found = unit_advantages(&units, &sequences, rl.group, config);
    let tokens: Vec<Vec<f32>> =
        sequences.windows(2).map(|ends| found.values[ends[0]..ends[1]].to_vec()).collect();
    let mean = |values: &Vec<f32>| {
        values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
    };
    Given {
        rollouts: tokens.iter().map(mean).collect(),
        tokens,
        zero_variance_groups: found.zero_variance_groups,
    }
}

/// The advantages of whole attempts: of their totals, or part by part.
pub fn of_attempts(reward: &Reward, scores: &[Score], group: usize, config: &AdvantageConfig) -> Given {
    let found = match reward.normalize {
        Combine::Total => {
            let totals: Vec<f64> = scores.iter().map(|score| reward.clipped(score.total)).collect();
            of_totals(&totals, group, config)
        }
        Combine::Parts => part_advantages(&columns(reward, scores), group, config),
    };
    Given { rollouts: found.values, tokens: Vec::new(), zero_variance_groups: found.zero_variance_groups }
}

/// Every part's values before its weight: the terms of the table, and what failed gates gave.
fn columns(reward: &Reward, scores: &[Score]) -> Vec<PartColumn> {
    let terms = reward.terms.iter().map(|term| (term.part.name(), term.weight));
    let gates = reward.gates.iter().map(|gate| (gate.require.failure_name(), 1.0));
    let column = |(name, weight): (&str, f64)| {
        // What `when_wrong` takes is taken from the value, so that the weight is the same for all.
        let value = |score: &Score| {
            score
                .part(name)
                .map_or(0.0, |part| if weight == 0.0 { 0.0 } else { part.value * part.weight / weight })
        };
        PartColumn { weight, values: scores.iter().map(value).collect() }
    };
    terms.chain(gates).map(column).collect()
}

/// The stretches of a rollout that are credited. Two are compared if they are of one kind and at one step.
fn units(rollout: usize, explanation: &Explanation, config: &CreditConfig, sampled: usize) -> Vec<Unit> {
    const KINDS: u64 = 3;
    let credits = explanation.credits(config).into_iter();
    let unit = |credit: mentor_reward::Credit| {
        let kind = match credit.place {
            Place::Whole => 0,
            Place::Turn(_) => 1,
            Place::Call(..) => 2,
        };
        let (start, end) = credit.tokens.unwrap_or((0, sampled));
        Unit {
            rollout,
            key: credit.step as u64 * KINDS + kind,
            amount: credit.amount.to_f64(),
            tokens: start..end,
        }
    };
    credits.map(unit).collect()
}

/// Where the sampled tokens of a rollout end in the texts of its turns.
///
/// Only calls need more than the number of each turn's first token; for turns every token ends where its turn does.
fn offsets(tokenizer: &Tokenizer, rollout: &Rollout, per: CreditUnit) -> Offsets {
    let mut turns: Vec<(usize, Vec<u32>)> = vec![(0, Vec::new()); rollout.trajectory.turns.len()];
    for (number, (_, token)) in rollout.sampled().enumerate() {
        if let Some((first, ids)) = token.turn.and_then(|turn| turns.get_mut(usize::from(turn))) {
            *first = if ids.is_empty() { number } else { *first };
            ids.push(token.id);
        }
    }
    let ends = |text: &str, ids: &[u32]| match per {
        CreditUnit::Call => token_ends(tokenizer, text, ids),
        CreditUnit::Trajectory | CreditUnit::Turn => vec![text.len(); ids.len()],
    };
    let texts = rollout.trajectory.turns.iter().map(|turn| turn.text.as_str());
    Offsets { turns: turns.iter().zip(texts).map(|((first, ids), text)| (*first, ends(text, ids))).collect() }
}

/// The byte of a text behind each of the tokens it was decoded from.
///
/// A token that ends inside a character ends where the last whole character does.
pub fn token_ends(tokenizer: &Tokenizer, text: &str, ids: &[u32]) -> Vec<usize> {
    let (mut first, mut end) = (0, 0);
    let ends = (1..=ids.len()).map(|behind| {
        let piece = tokenizer.decode(&ids[first..behind]);
        if !piece.ends_with(char::REPLACEMENT_CHARACTER) {
            end += piece.len();
            first = behind;
        }
        end.min(text.len())
    });
    ends.collect()
}
