//! A run folder as an experiment would leave it, made from a seed: the same seed gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mentor::layout::RunDir;
use mentor::record::{EvaluationRecord, RlMetrics, RolloutRecord, StepMetrics, StepTiming};
use mentor::report::ReportInput;
use mentor_eval::Failure;
use mentor_reward::Part;
use mentor_store::{Audience, Store};
use mentor_trajectory::{
    Call, CallRecord, Ending, Judge, Observation, Plan, Reading, Split, Task, ToolSpec, Trajectory, Turn,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// How large the run is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Test tasks a suite.
    pub tasks: usize,
    /// Samples a task.
    pub samples: usize,
    /// Training steps.
    pub steps: usize,
    /// Training seeds.
    pub seeds: usize,
}

/// Everything [`ReportInput`] borrows.
pub struct FakeRun {
    pub run: RunDir,
    pub arms: Vec<String>,
    pub seeds: Vec<u64>,
    pub suites: Vec<String>,
    pub samples: usize,
    pub tasks: BTreeMap<String, Vec<Task>>,
    pub teacher: BTreeMap<String, Vec<Trajectory>>,
    pub training_tasks: Vec<Task>,
}

impl FakeRun {
    pub fn input(&self) -> ReportInput<'_> {
        ReportInput {
            run: &self.run,
            experiment: "quickstart",
            description: "Does a teacher-guided reward beat imitation and sparse reward? (Invented numbers.)",
            config_hash: "0123456789abcdef",
            config_toml: "name = \"quickstart\"\nseeds = [1, 2, 3]\n",
            arms: &self.arms,
            seeds: &self.seeds,
            suites: &self.suites,
            out_of_domain: &self.suites[1..],
            samples: self.samples,
            tasks: &self.tasks,
            teacher: &self.teacher,
            machine: "an invented processor, 2 threads, 2026-01-01",
        }
    }
}

/// Chance to be right in domain and on the four other suites, and chance to call the right tools.
const SKILL: [(&str, [f64; 5], f64); 4] = [
    ("vanilla", [0.06, 0.03, 0.02, 0.04, 0.05], 0.25),
    ("sft", [0.70, 0.46, 0.19, 0.15, 0.58], 0.74),
    ("sparse", [0.31, 0.50, 0.30, 0.14, 0.27], 0.66),
    ("mentor", [0.63, 0.69, 0.38, 0.16, 0.57], 0.86),
];
const SUITES: [&str; 5] = ["arithmetic", "multihop", "functions", "arithmetic-deep", "arithmetic-reworded"];
const FAILURES: [Failure; 8] = [
    Failure::WrongTool,
    Failure::WrongArgument,
    Failure::StoppedEarly,
    Failure::OverCalled,
    Failure::Malformed,
    Failure::CopyError,
    Failure::NoTool,
    Failure::Truncated,
];
/// Floating-point operations of a training step.
pub const FLOPS_A_STEP: f64 = 5.0e12;
const TOOLS: [&str; 6] = ["add", "subtract", "multiply", "divide", "lookup", "book_table"];

/// splitmix64.
pub struct Draws(pub u64);

impl Draws {
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }
}

/// Writes the folder; `unfinished` arms get training logs and no evaluation.
pub fn make(folder: &Path, size: Size, unfinished: &[&str]) -> FakeRun {
    let mut draws = Draws(17);
    let mut tasks = BTreeMap::new();
    let mut teacher = BTreeMap::new();
    for suite in SUITES {
        let made: Vec<Task> = (0..size.tasks).map(|i| task(suite, Split::Test, i, &mut draws)).collect();
        teacher.insert(
            suite.to_owned(),
            made.iter().map(|task| attempt(task, "scripted", None, &mut draws)).collect(),
        );
        tasks.insert(suite.to_owned(), made);
    }
    let training_tasks: Vec<Task> = (0..4).map(|i| task("arithmetic", Split::Train, i, &mut draws)).collect();
    let mut store = Store::open(RunDir(folder.to_owned()).store(), Audience::Training).unwrap();
    for task in &training_tasks {
        store.put(task, &attempt(task, "scripted", None, &mut draws)).unwrap();
    }
    let fake = FakeRun {
        run: RunDir(folder.to_owned()),
        arms: SKILL.map(|(arm, ..)| arm.to_owned()).to_vec(),
        seeds: (1..=size.seeds as u64).collect(),
        suites: SUITES.map(str::to_owned).to_vec(),
        samples: size.samples,
        tasks,
        teacher,
        training_tasks,
    };
    for (place, (arm, skill, strategy)) in SKILL.iter().enumerate() {
        for &seed in &fake.seeds {
            let mut draws = Draws(1000 * seed + place as u64);
            let dir = fake.run.arm(arm, seed);
            fs::create_dir_all(dir.path()).unwrap();
            if *arm != "vanilla" {
                train(&fake, arm, seed, size.steps, &mut draws);
            }
            if !unfinished.contains(arm) {
                write_lines(&dir.evaluation(), &evaluation(&fake, arm, skill, *strategy, &mut draws));
            }
        }
    }
    fake
}

pub fn write_lines<T: Serialize>(path: &Path, lines: &[T]) {
    let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    fs::write(path, text).unwrap();
}

fn task(suite: &str, split: Split, index: usize, draws: &mut Draws) -> Task {
    let tools = TOOLS.map(|name| ToolSpec {
        name: name.to_owned(),
        description: format!("The tool {name}."),
        parameters: json!({"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}),
    });
    let (first, second) = match suite {
        "multihop" => (4, 4),
        "functions" => (5, 5),
        _ => (draws.below(4), draws.below(3)),
    };
    let numbers: Vec<i64> = (0..3).map(|_| draws.below(90) as i64 + 2).collect();
    let calls = vec![
        call(TOOLS[first], numbers[0], numbers[1]),
        call(TOOLS[second], numbers[0] + numbers[1], numbers[2]),
    ];
    Task {
        id: format!("{suite}/{split:?}/{index}"),
        suite: suite.to_owned(),
        split,
        question: format!(
            "Anna has {} apples and buys {} more. She then shares them among {} baskets. How many are in each?",
            numbers[0], numbers[1], numbers[2]
        ),
        tools: tools.to_vec(),
        answer: (numbers[0] + numbers[1] + numbers[2]).to_string(),
        judge: Judge::Answer,
        plans: vec![Plan { calls }],
        world: Value::Null,
    }
}

fn call(name: &str, a: i64, b: i64) -> Call {
    let arguments = Map::from_iter([("a".to_owned(), json!(a)), ("b".to_owned(), json!(b))]);
    Call { name: name.to_owned(), arguments }
}

/// A trajectory that follows the task's plan, or fails in the given way.
pub fn attempt(task: &Task, source: &str, failure: Option<Failure>, draws: &mut Draws) -> Trajectory {
    let mut turns = Vec::new();
    for (step, planned) in task.plans[0].calls.iter().enumerate() {
        let mut call = planned.clone();
        let last = step == 1;
        match failure {
            Some(Failure::NoTool) => break,
            Some(Failure::StoppedEarly) if last => break,
            Some(Failure::WrongTool) => TOOLS[draws.below(4)].clone_into(&mut call.name),
            Some(Failure::WrongArgument) if last => drop(call.arguments.shift_remove("b")),
            _ => {}
        }
        turns.push(turn(call, failure == Some(Failure::Malformed) && last, &task.answer));
        if failure == Some(Failure::OverCalled) && last {
            turns.extend(turns.clone());
        }
    }
    let cut = failure == Some(Failure::Truncated);
    let answer = if failure.is_none() { task.answer.clone() } else { format!("{}7", task.answer) };
    let content =
        if cut { "So the next step is".to_owned() } else { format!("The answer is \\boxed{{{answer}}}.") };
    turns.push(Turn { text: content.clone(), content, closed: !cut, ..Turn::default() });
    Trajectory {
        id: String::new(),
        task_id: task.id.clone(),
        source: source.to_owned(),
        turns,
        ending: if cut { Ending::TokenLimit } else { Ending::Ended },
    }
}

fn turn(call: Call, broken: bool, result: &str) -> Turn {
    let thought = format!("First I need {} of the two numbers.", call.name);
    let written = json!({"name": call.name, "arguments": call.arguments});
    let raw = format!("<tool_call>\n{written}\n{}", if broken { "" } else { "</tool_call>" });
    let text = format!("{thought}\n{raw}");
    let content = if broken { "Error: the call cannot be read" } else { result }.to_owned();
    let record = CallRecord {
        span: (thought.len() + 1, text.len()),
        raw,
        reading: if broken { Reading::Unusable } else { Reading::Strict },
        faults: if broken { vec!["missing_close_tag".to_owned()] } else { Vec::new() },
        call: (!broken).then_some(call),
        observation: Some(Observation { content, ok: !broken }),
    };
    Turn { text, reasoning: String::new(), content: thought, calls: vec![record], closed: true }
}

fn evaluation(
    fake: &FakeRun,
    arm: &str,
    skill: &[f64; 5],
    strategy: f64,
    draws: &mut Draws,
) -> Vec<EvaluationRecord> {
    let mut records = Vec::new();
    let luck = 1.0 + 0.16 * (draws.unit() - 0.5);
    for (place, suite) in SUITES.iter().enumerate() {
        for (index, task) in fake.tasks[*suite].iter().enumerate() {
            let ease = 0.6 + 0.8 * draws.unit();
            for sample in std::iter::once(None).chain((0..fake.samples).map(Some)) {
                let sharper = if sample.is_none() { 1.15 } else { 1.0 };
                let correct = draws.unit() < skill[place] * ease * luck * sharper;
                let favourite = if draws.unit() < strategy { 5 - 4 * (place % 2) } else { 6 * (place % 2) };
                let kind = if draws.unit() < 0.5 { favourite } else { draws.below(8) };
                let failure = (!correct).then(|| FAILURES[kind]);
                let trajectory = attempt(task, arm, failure, draws);
                let policy_correct = correct || failure == Some(Failure::CopyError);
                records.push(EvaluationRecord {
                    suite: (*suite).to_owned(),
                    task: index,
                    sample,
                    correct,
                    policy_correct,
                    tool_f1: if policy_correct { 1.0 } else { 0.5 },
                    hallucinated: usize::from(failure == Some(Failure::WrongTool) && draws.unit() < 0.3),
                    calls: trajectory.records().count(),
                    failure,
                    tokens: 60 + draws.below(40),
                    trajectory,
                });
            }
        }
    }
    records
}

fn train(fake: &FakeRun, arm: &str, seed: u64, steps: usize, draws: &mut Draws) {
    let dir = fake.run.arm(arm, seed);
    let rl = arm != "sft";
    let mut tokens = 0;
    let mut lines = Vec::new();
    let mut timing = Vec::new();
    let pace = if arm == "mentor" { 0.07 } else { 0.035 } * (0.8 + 0.4 * draws.unit());
    for step in 1..=steps {
        tokens += 5_000 + draws.below(1_500) as u64;
        let learnt = 1.0 - (-pace * step as f64).exp();
        lines.push(StepMetrics {
            step,
            tokens_sampled: if rl { tokens } else { 0 },
            tokens_trained: tokens,
            tokens_processed: 3 * tokens,
            loss: 0.1,
            gradient_norm: 1.0,
            learning_rate: 3e-4,
            rl: rl.then(|| rl_metrics(arm, step, learnt, draws)),
        });
        timing.push(StepTiming {
            step,
            rollout: f64::from(rl) * 1.9,
            prepare: 0.3,
            update: 1.1,
            total: 1.4 + f64::from(rl) * 1.9,
        });
    }
    write_lines(&dir.metrics(), &lines);
    write_lines(&dir.timing(), &timing);
    let checkpoint = dir.path().join(format!("checkpoint-{steps}"));
    fs::create_dir_all(&checkpoint).unwrap();
    let progress = json!({
        "step": steps, "tokens_sampled": tokens, "tokens_trained": tokens, "tokens_processed": 3 * tokens,
        "flops": FLOPS_A_STEP * steps as f64, "log_lengths": [0, 0, 0],
    });
    fs::write(checkpoint.join("progress.json"), progress.to_string()).unwrap();
    if rl {
        let rollouts =
            (steps - 1..=steps).flat_map(|step| rollouts(fake, arm, seed, step, draws)).collect::<Vec<_>>();
        write_lines(&dir.rollouts(), &rollouts);
    }
}

fn rl_metrics(arm: &str, step: usize, learnt: f64, draws: &mut Draws) -> RlMetrics {
    let noise = 0.12 * (draws.unit() - 0.5);
    let accuracy = (0.02 + 0.66 * learnt + noise).clamp(0.0, 1.0);
    let named = |pairs: &[(&str, f64)]| pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let boxed = 0.1 * 0.3 * (1.0 - learnt);
    let (parts, shares): (BTreeMap<String, f64>, BTreeMap<String, f64>) = if arm == "mentor" {
        let tools = 0.06 + 0.2 * learnt;
        (
            named(&[
                ("correct", 0.7 * accuracy),
                ("tool_set_equal", tools),
                ("no_invalid_tool", 0.09),
                ("boxed", boxed),
            ]),
            named(&[
                ("correct", 0.15 + 0.4 * learnt),
                ("tool_set_equal", 0.6 - 0.35 * learnt),
                ("no_invalid_tool", 0.2 - 0.05 * learnt),
                ("boxed", 0.05),
            ]),
        )
    } else {
        (
            named(&[("correct", accuracy), ("boxed", 0.1 * (1.0 - accuracy))]),
            named(&[("correct", 0.9), ("boxed", 0.1)]),
        )
    };
    RlMetrics {
        reward: parts.values().sum(),
        parts,
        advantage_share: shares,
        accuracy,
        zero_variance_groups: if arm == "mentor" { 0.3 + 0.2 * learnt } else { 0.95 - 0.6 * learnt }
            + noise * 0.4,
        entropy: 0.42 * (1.0 - 0.7 * learnt) + 0.1 * noise,
        kl: 0.0004 * step as f64 * (1.0 + noise),
        ratio: 1.0,
        first_log_ratio: 2.4e-6 * (1.0 + draws.unit()),
        clip_fraction: 0.01,
        malformed: 0.04 * (1.0 - learnt) + 0.01 * draws.unit(),
        truncated: 0.02 * (1.0 - learnt),
        calls_per_rollout: 1.2 + 0.9 * learnt + noise,
    }
}

fn rollouts(fake: &FakeRun, arm: &str, seed: u64, step: usize, draws: &mut Draws) -> Vec<RolloutRecord> {
    let mut records = Vec::new();
    for task in &fake.training_tasks {
        for sample in 0..8 {
            let failure = (draws.unit() < 0.4).then(|| FAILURES[draws.below(8)]);
            let correct = failure.is_none();
            let part = |name: &str, value: f64, weight: f64, reason: &str| Part {
                name: name.to_owned(),
                value,
                weight,
                reason: reason.to_owned(),
                turn: None,
                shares: Vec::new(),
            };
            let mut parts =
                vec![part("correct", f64::from(correct), 0.7, "the boxed answer equals the expected one")];
            if arm == "mentor" {
                let weight = if correct { 0.3 } else { 0.06 };
                parts.push(part(
                    "tool_set_equal",
                    1.0,
                    weight,
                    "called {add, multiply}; teacher {add, multiply}",
                ));
                parts.push(part("no_invalid_tool", 1.0, 0.1, "every tool called is on offer"));
            }
            records.push(RolloutRecord {
                id: format!("{arm}/{seed}/{step}/{}/{sample}", task.id.replace('/', ".")),
                step,
                question: task.question.clone(),
                trajectory: attempt(task, arm, failure, draws),
                reward: parts.iter().map(|part| part.value * part.weight).sum(),
                parts,
                advantage: if correct { 0.77 } else { -1.16 },
                turn_advantages: vec![],
                correct,
            });
        }
    }
    records
}
