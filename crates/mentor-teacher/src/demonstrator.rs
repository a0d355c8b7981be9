//! A demonstrator that can do everything and has bad habits: the stand-in for what a pretrained small model has seen.
//!
//! Its transcripts are written and executed like the teacher's. With [`Habits::skills`] they are right, now and then
//! with a slip and its repair; with [`Habits::habitual`] most of them are wrong, each in one systematic way, so that the
//! *likeliest* continuation that a model learns from them is wrong and not only a noisy one.

use mentor_env::{Rng, is_valid_plan, stable_hash};
use mentor_trajectory::{Call, Judge, Task, ToolSpec, Trajectory};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chain::{carry, confused, fill, first_value, mixed_up, plain, slipped};
use crate::script::Script;

/// A systematic way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// Every domain: makes the first of several calls and answers with what it gave.
    StopsEarly,
    /// Every domain, invisible to tool names: every call starts from the value in the question (or, of two functions,
    /// the second takes the value of the first); with one call, its arguments are mixed up.
    StaleArgument,
    /// Every domain: the first call whose [confusable](mentor_env::confusable) tool is on offer takes that one, and a
    /// chain ends there; of functions, the one with the same verb. A task without calls gets one.
    WrongTool,
    /// Every domain: answers at once, with a value from the question.
    NoTool,
    /// Arithmetic alone: leaves out every step but the last.
    SkipsStep,
}

impl Habit {
    /// All habits, in the order of [`Weights`].
    pub const ALL: [Self; 5] =
        [Self::StopsEarly, Self::StaleArgument, Self::WrongTool, Self::NoTool, Self::SkipsStep];
}

/// How likely each habit is, relative to the others that apply to a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Weight of [`Habit::StopsEarly`].
    pub stops_early: f64,
    /// Weight of [`Habit::StaleArgument`].
    pub stale_argument: f64,
    /// Weight of [`Habit::WrongTool`].
    pub wrong_tool: f64,
    /// Weight of [`Habit::NoTool`].
    pub no_tool: f64,
    /// Weight of [`Habit::SkipsStep`].
    pub skips_step: f64,
}

impl Weights {
    fn of(&self, habit: Habit) -> f64 {
        match habit {
            Habit::StopsEarly => self.stops_early,
            Habit::StaleArgument => self.stale_argument,
            Habit::WrongTool => self.wrong_tool,
            Habit::NoTool => self.no_tool,
            Habit::SkipsStep => self.skips_step,
        }
    }
}

impl Default for Weights {
    /// Stopping is the likeliest thing to follow a first observation, so greedy decoding stops too; what goes on beyond
    /// it is stale.
    fn default() -> Self {
        Self { stops_early: 0.50, stale_argument: 0.22, wrong_tool: 0.20, no_tool: 0.04, skips_step: 0.04 }
    }
}

/// How often a demonstrator follows a habit, and which.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Habits {
    /// Share of attempts, 0 to 1, that follow a habit. Where none applies the attempt is right.
    pub rate: f64,
    /// Share of right attempts, 0 to 1, in which one call first fails and is then made again. Attempts of four calls
    /// and more have none, so that they fit into five turns.
    pub slip: f64,
    /// Which habit.
    #[serde(default)]
    pub weights: Weights,
}

impl Habits {
    /// Mostly right: what the skills are learnt from.
    pub fn skills() -> Self {
        Self { rate: 0.0, slip: 0.04, weights: Weights::default() }
    }

    /// Wrong in 88 of 100 attempts: what the habits are learnt from.
    pub fn habitual() -> Self {
        Self { rate: 0.88, ..Self::skills() }
    }
}

/// What a demonstrator did, and which habit it followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demonstration {
    /// The attempt; its source is `demonstrator`.
    pub trajectory: Trajectory,
    /// The habit that made it wrong; none if it is right.
    pub habit: Option<Habit>,
}

/// Attempts `task` as a demonstrator with `habits` does.
///
/// The habit is drawn by weight; if it does not apply, or would happen to be right, another is drawn. The result
/// depends on the task, the habits and `seed` alone.
pub fn demonstrate(task: &Task, habits: &Habits, seed: u64) -> Demonstration {
    let mut rng = Rng::new(&[stable_hash("habit"), stable_hash(&task.id), seed]);
    if rng.chance(habits.rate) {
        let mut weights = Habit::ALL.map(|habit| habits.weights.of(habit));
        while let Some(index) = rng.weighted(&weights) {
            let habit = Habit::ALL[index];
            if let Some(trajectory) = follow(habit, task, seed).filter(|wrong| !wrong.is_right(task)) {
                return Demonstration {
                    trajectory: trajectory.script.finish(&trajectory.answer),
                    habit: Some(habit),
                };
            }
            weights[index] = 0.0;
        }
    }
    Demonstration { trajectory: right(task, habits.slip, seed, &mut rng), habit: None }
}

/// An attempt that is written but for its final turn.
struct Attempt<'a> {
    script: Script<'a>,
    executed: Vec<Call>,
    answer: String,
}

impl<'a> Attempt<'a> {
    /// Nothing done yet; `answer` is what would be answered now.
    fn new(task: &'a Task, seed: u64, answer: String) -> Self {
        Self { script: Script::new(task, "demonstrator", seed), executed: Vec::new(), answer }
    }

    /// Makes a call; in chains, what it gives is the answer so far.
    fn make(&mut self, task: &Task, call: Call) {
        let observation = self.script.call(&call);
        if observation.ok && task.judge == Judge::Answer {
            self.answer = observation.content;
        }
        self.executed.push(call);
    }

    /// Makes the planned calls, in chains each from the answer so far.
    fn make_all(&mut self, task: &Task, calls: &[Call]) {
        for call in calls {
            let call = if task.judge == Judge::Answer { carry(call, &self.answer) } else { call.clone() };
            self.make(task, call);
        }
    }

    fn is_right(&self, task: &Task) -> bool {
        match task.judge {
            Judge::Answer => self.answer == task.answer,
            Judge::Calls => is_valid_plan(task, &self.executed.iter().collect::<Vec<_>>()),
        }
    }
}

/// The attempt that `habit` makes at `task`; none if the habit does not apply.
fn follow(habit: Habit, task: &Task, seed: u64) -> Option<Attempt<'_>> {
    let calls = &task.plans.first()?.calls;
    let start = match (task.judge, calls.first()) {
        (Judge::Calls, _) => task.answer.clone(),
        (Judge::Answer, Some(call)) => plain(first_value(call)?),
        (Judge::Answer, None) => {
            plain(numbers(&task.question).iter().find(|value| plain(value) != task.answer)?)
        }
    };
    let mut attempt = Attempt::new(task, seed, start);
    match habit {
        Habit::StopsEarly if calls.len() >= 2 => attempt.make(task, calls[0].clone()),
        Habit::StaleArgument => stale(&mut attempt, task, calls)?,
        Habit::WrongTool => wrong_tool(&mut attempt, task, calls)?,
        Habit::NoTool => {}
        Habit::SkipsStep if calls.len() >= 2 && task.judge == Judge::Answer && task.world.is_null() => {
            attempt.make_all(task, &calls[calls.len() - 1..]);
        }
        Habit::StopsEarly | Habit::SkipsStep => return None,
    }
    Some(attempt)
}

fn stale(attempt: &mut Attempt, task: &Task, calls: &[Call]) -> Option<()> {
    match (task.judge, calls) {
        (Judge::Answer, [_, _, ..]) => {
            let start = attempt.answer.clone();
            for call in calls {
                attempt.make(task, carry(call, &start));
            }
        }
        (Judge::Calls, [first, second]) if first.arguments.len() == 1 && second.arguments.len() == 1 => {
            attempt.make(task, first.clone());
            let value = first_value(first)?.clone();
            let arguments = second.arguments.keys().map(|name| (name.clone(), value.clone())).collect();
            attempt.make(task, Call { name: second.name.clone(), arguments });
        }
        _ => {
            let at = calls.iter().position(|call| mixed_up(call).is_some())?;
            for (index, call) in calls.iter().enumerate() {
                let mixed = if index == at { mixed_up(call) } else { None };
                attempt.make(task, mixed.unwrap_or_else(|| call.clone()));
            }
        }
    }
    Some(())
}

fn wrong_tool(attempt: &mut Attempt, task: &Task, calls: &[Call]) -> Option<()> {
    if calls.is_empty() {
        let numbers = numbers(&task.question);
        let needless = task
            .tools
            .iter()
            .filter(|tool| takes_numbers(tool))
            .find_map(|tool| fill(tool, numbers.iter()))?;
        attempt.make(task, needless);
        return Some(());
    }
    let at = calls.iter().position(|call| confused(task, call).is_some())?;
    attempt.make_all(task, &calls[..at]);
    attempt.make(task, confused(task, &calls[at])?);
    if task.judge == Judge::Calls {
        attempt.make_all(task, &calls[at + 1..]);
    }
    Some(())
}

fn takes_numbers(tool: &ToolSpec) -> bool {
    tool.parameter_names().all(|name| tool.parameters["properties"][name]["type"] == "number")
}

/// The whole numbers that stand in a text.
fn numbers(text: &str) -> Vec<Value> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter_map(|run| run.parse::<u32>().ok()).map(Value::from).collect()
}

/// A right attempt: the first plan, now and then with a call that fails first.
fn right(task: &Task, slip: f64, seed: u64, rng: &mut Rng) -> Trajectory {
    let calls = task.plans.first().map_or(&[][..], |plan| &plan.calls);
    let slips = (1..=3).contains(&calls.len()) && rng.chance(slip);
    let slip_at = slips.then(|| rng.below(calls.len()));
    let mut script = Script::new(task, "demonstrator", seed);
    for (index, call) in calls.iter().enumerate() {
        if slip_at == Some(index) {
            script.call(&slipped(call));
            script.call_again(call);
        } else {
            script.call(call);
        }
    }
    script.finish(&task.answer)
}
