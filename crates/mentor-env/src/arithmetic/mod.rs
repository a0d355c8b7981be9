//! The arithmetic suites: chains of the twelve tools, told in three styles.

mod phrase;
mod program;
mod varied;

use mentor_trajectory::{Call, Judge, Plan, Split, Task, ToolSpec};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::number::show;
use crate::plan::{program as program_key, sequence};
use crate::rng::Rng;
use crate::split::split_of;
use crate::suites::{Draw, VARIED};
use crate::tools::{ARITHMETIC, arithmetic_tool, confusable};
use crate::words::{PERSONS, THINGS, listed};
use phrase::{Cast, Frames, question};
use program::{Program, Style};

/// Tools on offer at least, and at most unless the plans need more.
const OFFERED: (i64, i64) = (3, 5);
/// Tools on offer at most.
const MOST_OFFERED: usize = 6;

/// Shares of tasks of 0 to 4 calls.
pub(crate) fn shares(suite: &str, split: Split) -> [f64; 5] {
    match (suite, split) {
        ("arithmetic-deep", _) => [0.0, 0.0, 0.0, 0.0, 1.0],
        ("arithmetic-reworded", _) | (_, Split::Train) => [0.0, 0.0, 0.5, 0.5, 0.0],
        (_, Split::Pretrain) => [0.06, 0.22, 0.28, 0.26, 0.18],
        (_, Split::Validation | Split::Test) => [0.05, 0.25, 0.40, 0.30, 0.0],
    }
}

/// Draws one task; none if no program of the split was found, or the question's numbers belong to another split.
pub(crate) fn draw(draw: &Draw, rng: &mut Rng) -> Option<Task> {
    let mut task = if draw.steps == 0 { without_tools(draw, rng)? } else { with_tools(draw, rng)? };
    rng.shuffle(&mut task.tools);
    Some(task)
}

fn with_tools(draw: &Draw, rng: &mut Rng) -> Option<Task> {
    let style = match rng.weighted(&[0.45, 0.3, 0.25])? {
        0 => Style::Instruction,
        1 => Style::Story,
        _ => Style::Expression,
    };
    // Many draws run into dead ends; each style is drawn until it succeeds, so that none is favoured.
    let drawn = |_| {
        let program = Program::draw(draw.steps, style, rng)?;
        let (plans, result) = plans(&program)?;
        (split_of(&sequence(&plans[0].calls)) == draw.split).then_some((program, plans, result))
    };
    let (program, plans, result) = (0..10_000).find_map(drawn)?;
    let frames = match draw.suite {
        "arithmetic-reworded" => Frames::HeldOut,
        VARIED => Frames::Varied,
        _ => Frames::Seen,
    };
    let cast = Cast { person: listed(&PERSONS, draw.split, rng), things: listed(&THINGS, draw.split, rng) };
    let tools = offer(&plans, rng);
    Some(draw.task(
        question(&program, style, frames, &cast, rng),
        tools,
        show(result),
        Judge::Answer,
        plans,
        Value::Null,
    ))
}

/// The teacher's plan, then every plan that does some operations in their other way; and the result.
fn plans(program: &Program) -> Option<(Vec<Plan>, Decimal)> {
    let mut value = program.start;
    let mut plans: Vec<Vec<Call>> = vec![Vec::new()];
    for op in &program.ops {
        let others = op
            .other_calls(value)
            .map(|calls| plans.iter().map(|before| [&before[..], &calls[..]].concat()).collect::<Vec<_>>());
        let call = op.call(value);
        for plan in &mut plans {
            plan.push(call.clone());
        }
        plans.extend(others.into_iter().flatten());
        value = op.apply(value)?;
    }
    Some((plans.into_iter().map(|calls| Plan { calls }).collect(), value))
}

/// All tools the plans need, tools that are easily taken for them, and others.
fn offer(plans: &[Plan], rng: &mut Rng) -> Vec<ToolSpec> {
    let mut names: Vec<&str> = Vec::new();
    for call in plans.iter().flat_map(|plan| &plan.calls) {
        add(&call.name, &mut names);
    }
    for wrong in names.clone().into_iter().filter_map(confusable) {
        if names.len() < MOST_OFFERED && rng.chance(0.7) {
            add(wrong, &mut names);
        }
    }
    let wanted = rng.within(OFFERED.0, OFFERED.1) as usize;
    while names.len() < wanted {
        add(rng.pick(ARITHMETIC), &mut names);
    }
    names.into_iter().filter_map(arithmetic_tool).collect()
}

fn add<'a>(name: &'a str, names: &mut Vec<&'a str>) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// A task whose answer stands in the question.
fn without_tools(draw: &Draw, rng: &mut Rng) -> Option<Task> {
    let (first, second) = (rng.within(2, 99), rng.within(2, 99));
    let ask_first = rng.chance(0.5);
    let question = if rng.chance(0.6) {
        let cast =
            Cast { person: listed(&PERSONS, draw.split, rng), things: listed(&THINGS, draw.split, rng) };
        let Cast { person, things } = cast;
        let mut others = things;
        while others == things {
            others = listed(&THINGS, draw.split, rng);
        }
        let asked = if ask_first { things } else { others };
        format!("{person} has {first} {things} and {second} {others}. How many {asked} does {person} have?")
    } else {
        let asked = if ask_first { "first" } else { "second" };
        format!("The first number is {first}. The second number is {second}. What is the {asked} number?")
    };
    let answer = if ask_first { first } else { second }.to_string();
    let tools = offer(&[], rng);
    let task =
        draw.task(question, tools, answer, Judge::Answer, vec![Plan { calls: Vec::new() }], Value::Null);
    (split_of(&program_key(&task)) == draw.split).then_some(task)
}
