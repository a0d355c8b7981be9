//! The reward tree of one saved rollout, the student beside the teacher, as lines of text.

use anyhow::{Context, Result};
use mentor_model::Tokenizer;
use mentor_reward::{AlignedCall, Explanation, Level, Node, Offsets, explain};
use mentor_trajectory::{Call, CallRecord, Trajectory};

use super::Saved;
use crate::credit::token_ends;
use crate::record::RolloutRecord;

/// The rollout of that id (`arm/seed/step/task/sample`, as in `rollouts.jsonl`).
pub fn find(saved: &Saved, id: &str) -> Result<RolloutRecord> {
    let mut parts = id.splitn(3, '/');
    let (arm, seed) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    saved.experiment.arm(arm).with_context(|| format!("rollout `{id}`"))?;
    let seed: u64 = seed.parse().with_context(|| {
        format!("rollout `{id}`: `{seed}` is no seed; an id is arm/seed/step/task/sample")
    })?;
    let records = saved.rollouts(arm, seed)?;
    let first = records.first().map_or("none there".to_owned(), |record| record.id.clone());
    records.into_iter().find(|record| record.id == id).with_context(|| {
        let path = saved.dir.arm(arm, seed).rollouts();
        format!("rollout `{id}` is not in {} (the first there: {first})", path.display())
    })
}

/// The tree of a rollout under the reward it was trained with.
///
/// Tokens are those that the model's tokenizer cuts the saved text into, counted over the turns; without a tokenizer the
/// tree has none.
pub fn lines(saved: &Saved, record: &RolloutRecord) -> Result<Vec<String>> {
    let arm = saved.experiment.arm(record.id.split('/').next().unwrap_or_default())?;
    let reward =
        arm.reward.as_ref().with_context(|| format!("arm `{}` has no reward", arm.name))?.resolve()?;
    let taught = saved.case(record)?;
    let offsets = crate::lab::model_folder(&saved.experiment)
        .ok()
        .and_then(|folder| Tokenizer::load(folder).ok())
        .map(|tokenizer| offsets(&tokenizer, &record.trajectory));
    let now = reward.at(record.step);
    let explanation = explain(&now, &taught.case, offsets.as_ref());
    let verdict = if record.correct { "right" } else { "wrong" };
    let mut lines = vec![
        format!("{}  {verdict}, advantage {:+.3}", record.id, record.advantage),
        format!("question  {}", record.question),
        format!("answer    {}", taught.case.task.answer),
        format!("total     {} of {:.4} at most", explanation.root.amount, now.maximum()),
        String::new(),
    ];
    lines.extend(table(&explanation, &record.trajectory, taught.case.teacher));
    Ok(lines)
}

fn offsets(tokenizer: &Tokenizer, trajectory: &Trajectory) -> Offsets {
    let mut first = 0;
    let turns = trajectory.turns.iter().map(|turn| {
        let ids = tokenizer.encode_plain(&turn.text);
        let begins = first;
        first += ids.len();
        (begins, token_ends(tokenizer, &turn.text, &ids))
    });
    Offsets { turns: turns.collect() }
}

/// Characters of the student's column.
const WIDTH: usize = 64;

fn table(explanation: &Explanation, student: &Trajectory, teacher: &Trajectory) -> Vec<String> {
    let steps: Vec<&Call> = teacher.strict_calls().collect();
    let mut table = Table { lines: Vec::new(), steps, shown: 0 };
    table.row(("amount", "tokens"), "student", "teacher");
    table.node(&explanation.root, 0, &explanation.root.name, "");
    let mut turn = 0;
    for child in &explanation.root.children {
        if child.level == Level::Part {
            table.leaf(child, 1);
        } else {
            table.turn(child, &student.turns[turn].calls, &explanation.aligned, turn);
            turn += 1;
        }
    }
    table.steps_before(usize::MAX);
    let words = teacher.final_text().map_or_else(String::new, |text| one_line(text, WIDTH));
    table.row(("", ""), "", &words);
    table.lines
}

struct Table<'a> {
    lines: Vec<String>,
    steps: Vec<&'a Call>,
    /// The teacher's steps shown so far.
    shown: usize,
}

impl Table<'_> {
    fn row(&mut self, (amount, tokens): (&str, &str), student: &str, teacher: &str) {
        let line = format!("{amount:>8}  {tokens:>9}  {:<WIDTH$}  {teacher}", one_line(student, WIDTH));
        self.lines.push(line.trim_end().to_owned());
    }

    fn node(&mut self, node: &Node, depth: usize, student: &str, teacher: &str) {
        let tokens = node.tokens.map(|(start, end)| format!("{start}–{end}")).unwrap_or_default();
        let text = format!("{}{student}", "  ".repeat(depth));
        self.row((&node.amount.to_string(), &tokens), &text, teacher);
    }

    fn leaf(&mut self, leaf: &Node, depth: usize) {
        let text =
            format!("{} {} × {}: {}", leaf.name, rounded(leaf.value), rounded(leaf.weight), leaf.reason);
        self.node(leaf, depth, &text, "");
    }

    fn turn(&mut self, node: &Node, records: &[CallRecord], aligned: &[AlignedCall], turn: usize) {
        self.node(node, 1, &format!("{}: {}", node.name, node.reason), "");
        let mut call = 0;
        for child in &node.children {
            if child.level == Level::Part {
                self.leaf(child, 2);
                continue;
            }
            let step = aligned.iter().find(|aligned| (aligned.turn, aligned.call) == (turn, call));
            let teacher = step.map_or("·".to_owned(), |aligned| {
                self.steps_before(aligned.step);
                self.shown = aligned.step + 1;
                numbered(aligned.step, self.steps.get(aligned.step))
            });
            let text = match &records[call].call {
                Some(call) => signature(call),
                None => records[call].raw.clone(),
            };
            self.node(child, 2, &text, &teacher);
            for below in &child.children {
                if below.level == Level::Part {
                    self.leaf(below, 3);
                } else {
                    self.node(below, 3, &format!("{}: {}", below.name, below.reason), "");
                    below.children.iter().for_each(|leaf| self.leaf(leaf, 4));
                }
            }
            call += 1;
        }
    }

    /// The teacher's steps that the student passed over.
    fn steps_before(&mut self, step: usize) {
        for missed in self.shown..step.min(self.steps.len()) {
            let text = numbered(missed, self.steps.get(missed));
            self.row(("", ""), "    · not done", &text);
            self.shown = missed + 1;
        }
    }
}

fn numbered(step: usize, call: Option<&&Call>) -> String {
    format!("{}. {}", step + 1, call.map_or_else(String::new, |call| one_line(&signature(call), WIDTH)))
}

fn signature(call: &Call) -> String {
    let arguments: Vec<String> =
        call.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}({})", call.name, arguments.join(", "))
}

/// A text on one line, at most so many characters, without what a terminal would take for a command.
fn one_line(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most + 1).collect();
    match plain.char_indices().nth(most.saturating_sub(1)) {
        Some((end, _)) if plain.chars().count() > most => format!("{}…", &plain[..end]),
        _ => plain,
    }
}

/// Four decimals at most, no trailing zeros.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4 + 0.0
}
