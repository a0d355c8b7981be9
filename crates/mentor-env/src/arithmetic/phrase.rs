//! How arithmetic programs are told. Operations have a small shared vocabulary; frames are what is seen or held out.

use crate::arithmetic::program::{Op, Program, Style};
use crate::arithmetic::varied;
use crate::number::show;
use crate::rng::Rng;
use crate::words::capitalised;

/// Which frames a question is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Those of every suite but one.
    Seen,
    /// Many more, put together from parts, for pretraining alone.
    Varied,
    /// Those of `arithmetic-reworded` alone: new openings, joiners, closings and orders, the same operation words.
    HeldOut,
}

/// The person and the things that a story is about.
pub(crate) struct Cast {
    pub(crate) person: &'static str,
    pub(crate) things: &'static str,
}

/// The question that asks for the result of `program`.
pub(crate) fn question(
    program: &Program,
    style: Style,
    frames: Frames,
    cast: &Cast,
    rng: &mut Rng,
) -> String {
    let start = show(program.start);
    match style {
        Style::Expression => ask_expression(&expression(program), frames, rng),
        Style::Instruction => {
            let steps: Vec<String> = program.ops.iter().map(|op| instruction(op, rng)).collect();
            ask_instructions(&start, &steps, frames, rng)
        }
        Style::Story => {
            let steps: Vec<String> = program.ops.iter().map(|op| event(op, cast.person, rng)).collect();
            ask_story(&start, &steps, cast, frames, rng)
        }
    }
}

/// An operation as a command.
fn instruction(op: &Op, rng: &mut Rng) -> String {
    match op {
        Op::Add(k) => format!("{} {k}", rng.pick(["add", "increase it by"])),
        Op::Subtract(k) => format!("{} {k}", rng.pick(["subtract", "take away"])),
        Op::Multiply(k) if rng.chance(0.5) => format!("make it {k} times as large"),
        Op::Multiply(k) => format!("multiply by {k}"),
        Op::Divide(k) => format!("divide by {k}"),
        Op::Modulo(k) => format!("take it modulo {k}"),
        Op::Sum(addends) => format!("add {}", listed(addends)),
        Op::Square => "square it".to_owned(),
        Op::Sqrt => "take the square root".to_owned(),
        Op::Abs => "take the absolute value".to_owned(),
        Op::Floor => "round down".to_owned(),
        Op::Ceil => "round up".to_owned(),
        Op::Round(1) => "round to 1 decimal".to_owned(),
        Op::Round(digits) => format!("round to {digits} decimals"),
    }
}

/// An operation as something that happens. Operations that no story has are told as the command.
fn event(op: &Op, person: &str, rng: &mut Rng) -> String {
    match op {
        Op::Add(k) => format!("{person} {} {k} more", rng.pick(["gets", "finds"])),
        Op::Sum(addends) => format!("{person} {} {} more", rng.pick(["gets", "finds"]), listed(addends)),
        Op::Subtract(k) => format!("{person} {} {k}", rng.pick(["gives away", "loses"])),
        Op::Multiply(k) => format!("their number becomes {k} times as large"),
        Op::Divide(k) => format!("{person} makes {k} equal parts and keeps one"),
        Op::Modulo(k) => format!("{person} fills boxes of {k} and keeps the rest"),
        other => instruction(other, rng),
    }
}

/// The program with infix signs, nested to the left, so that reading order is the order of operations.
fn expression(program: &Program) -> String {
    let mut text = show(program.start);
    for (index, op) in program.ops.iter().enumerate() {
        if index > 0 {
            text = format!("({text})");
        }
        text = match op {
            Op::Add(k) => format!("{text} + {k}"),
            Op::Sum(addends) => addends.iter().fold(text, |text, k| format!("{text} + {k}")),
            Op::Subtract(k) => format!("{text} - {k}"),
            Op::Multiply(k) => format!("{text} * {k}"),
            Op::Divide(k) => format!("{text} / {k}"),
            Op::Modulo(k) => format!("{text} mod {k}"),
            Op::Square => format!("{text}^2"),
            Op::Sqrt => format!("sqrt({text})"),
            Op::Abs => format!("|{text}|"),
            Op::Floor => format!("floor({text})"),
            Op::Ceil => format!("ceil({text})"),
            Op::Round(digits) => format!("round({text}, {digits})"),
        };
    }
    text
}

fn ask_expression(expression: &str, frames: Frames, rng: &mut Rng) -> String {
    match frames {
        Frames::Seen => match rng.below(4) {
            0 => format!("Compute {expression}."),
            1 => format!("Calculate {expression}."),
            2 => format!("Evaluate {expression}."),
            _ => format!("What is {expression}?"),
        },
        Frames::Varied => varied::expression(expression, rng),
        Frames::HeldOut => match rng.below(4) {
            0 => format!("Give me the value of {expression}."),
            1 => format!("{expression} equals what?"),
            2 => format!("My homework says {expression}. What should I write?"),
            _ => format!("If you simplify {expression}, which number is left?"),
        },
    }
}

fn ask_instructions(start: &str, steps: &[String], frames: Frames, rng: &mut Rng) -> String {
    match frames {
        Frames::Seen => {
            let opening = match rng.below(4) {
                0 => format!("Start with {start}."),
                1 => format!("Take {start}."),
                2 => format!("Begin with {start}."),
                _ => format!("The number is {start}."),
            };
            let closing = rng.pick(["What is the result?", "What do you get?", "What is it now?"]);
            format!("{opening} {} {closing}", seen_sentences(steps, rng))
        }
        Frames::Varied => varied::instructions(start, steps, rng),
        Frames::HeldOut => match rng.below(4) {
            0 => format!("A machine is fed {start}: {}. What number leaves the machine?", steps.join("; ")),
            1 => format!("From {start}, {}. Name the final number.", steps.join(" and then ")),
            2 => format!("Let n be {start}. {}. Report n.", capitalised(&steps.join(", and after that "))),
            _ => format!("Go through this with {start}: {}. Where do you finish?", steps.join(", next ")),
        },
    }
}

fn ask_story(start: &str, steps: &[String], cast: &Cast, frames: Frames, rng: &mut Rng) -> String {
    let Cast { person, things } = cast;
    match frames {
        Frames::Seen => {
            let opening = match rng.below(3) {
                0 => format!("{person} has {start} {things}."),
                1 => format!("{person} owns {start} {things}."),
                _ => format!("{person} starts with {start} {things}."),
            };
            let closing = match rng.below(3) {
                0 => format!("How many {things} does {person} have now?"),
                1 => format!("How many {things} does {person} have in the end?"),
                _ => format!("How many {things} are there now?"),
            };
            format!("{opening} {} {closing}", seen_sentences(steps, rng))
        }
        Frames::Varied => varied::story(start, steps, cast, rng),
        Frames::HeldOut => match rng.below(4) {
            0 => format!(
                "On Monday {person} counted {start} {things}. Since then: {}. How large is the pile of {things} today?",
                steps.join(", and ")
            ),
            1 => format!(
                "Help {person} keep track of the {things}. There were {start} to begin with; {}. How many is that?",
                steps.join("; ")
            ),
            2 => format!(
                "{person} put {start} {things} on the table. This happened next: {}. What is the number of {things}?",
                steps.join("; after that ")
            ),
            _ => format!(
                "What number of {things} is left for {person}, who came with {start}? {}.",
                capitalised(&steps.join(". Afterwards "))
            ),
        },
    }
}

/// The steps as sentences, with the joiners that pretraining has seen.
fn seen_sentences(steps: &[String], rng: &mut Rng) -> String {
    let joiner = rng.pick(["", "Then", "Next"]);
    let sentences: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| match (index, joiner) {
            (0, _) | (_, "") => format!("{}.", capitalised(step)),
            _ => format!("{joiner} {step}."),
        })
        .collect();
    sentences.join(" ")
}

/// "3 and 5", "3, 5 and 7".
fn listed(numbers: &[i64]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => texts.concat(),
    }
}
