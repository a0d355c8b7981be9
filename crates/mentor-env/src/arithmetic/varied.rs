//! Many wordings put together from parts, so that a base model learns to read past what it has not seen.
//!
//! Every part is drawn by itself; steps come as sentences, as one sentence, as a list, with the start or the request
//! anywhere; and now and then words of a frame give way to others, so that no word of a frame can be relied on. Written
//! from imagination, without sight of the held-out frames.

mod lists;

use crate::arithmetic::phrase::Cast;
use crate::rng::Rng;
use crate::words::capitalised;
use lists::{
    AFTER, BEFORE, CHATTER, ENDS, EXPRESSIONS, HOW_MANY, JOINERS, LATE_STARTS, LATE_STORIES, STARTS, STORIES,
    TIMES,
};

/// Share of questions some of whose frame words are replaced, and share of the words in those.
const BLURRED: (f64, f64) = (0.3, 0.35);

/// An expression in a drawn wording.
pub(super) fn expression(expression: &str, rng: &mut Rng) -> String {
    let frame = blurred(rng.pick(EXPRESSIONS), rng);
    framed(&frame.replace('#', expression), rng)
}

/// An instruction in a drawn wording.
pub(super) fn instructions(start: &str, steps: &[String], rng: &mut Rng) -> String {
    let opening = blurred(rng.pick(STARTS), rng).replace('#', start);
    let late = blurred(rng.pick(LATE_STARTS), rng).replace('#', start);
    let end = blurred(rng.pick(ENDS), rng);
    let question = match rng.below(9) {
        0 => format!("{opening}, {}. {end}", joined(steps, JOINERS, rng)),
        1 => format!("{}, {late}. {end}", capitalised(&joined(steps, JOINERS, rng))),
        2 => format!("{}. {}. {end}", sentences(steps, JOINERS, rng), capitalised(&late)),
        3 => format!("{end} {opening}. {}.", sentences(steps, JOINERS, rng)),
        4 => format!("{end} {opening}, {}.", joined(steps, JOINERS, rng)),
        5 => format!("{end} {}. {}.", sentences(steps, JOINERS, rng), capitalised(&late)),
        6 => format!("{opening}{} {end}", list(steps, rng)),
        7 => format!("{end} {opening}{}", list(steps, rng)),
        _ => format!("{opening}. {}. {end}", sentences(steps, JOINERS, rng)),
    };
    framed(question.trim(), rng)
}

/// A story in a drawn wording.
pub(super) fn story(start: &str, steps: &[String], cast: &Cast, rng: &mut Rng) -> String {
    let filled = |frame: &str, rng: &mut Rng| {
        blurred(frame, rng).replace('#', start).replace('~', cast.things).replace('@', cast.person)
    };
    let opening = filled(rng.pick(STORIES), rng);
    let late = capitalised(&filled(rng.pick(LATE_STORIES), rng));
    let asked = filled(rng.pick(HOW_MANY), rng);
    let question = match rng.below(7) {
        0 => format!("{asked} {}. {}.", capitalised(&opening), sentences(steps, TIMES, rng)),
        1 => format!("{}, {}. {asked}", capitalised(&opening), joined(steps, TIMES, rng)),
        2 => format!("{asked} {}, {}.", capitalised(&opening), joined(steps, TIMES, rng)),
        3 => format!("{}. {late}. {asked}", sentences(steps, TIMES, rng)),
        4 => format!("{asked} {}. {late}.", sentences(steps, TIMES, rng)),
        5 => format!("{}{} {asked}", capitalised(&opening), list(steps, rng)),
        _ => format!("{}. {}. {asked}", capitalised(&opening), sentences(steps, TIMES, rng)),
    };
    framed(&question, rng)
}

/// What is said before and after a question, now and then at random.
fn framed(question: &str, rng: &mut Rng) -> String {
    let before = if rng.chance(0.15) { format!("{} ", chatter(rng)) } else { aside(BEFORE, rng).to_owned() };
    let after = if rng.chance(0.15) { format!(" {}", chatter(rng)) } else { aside(AFTER, rng).to_owned() };
    format!("{before}{question}{after}")
}

/// One of the asides, or none: that counts as eight of them.
fn aside<const N: usize>(asides: [&'static str; N], rng: &mut Rng) -> &'static str {
    const NONE: usize = 8;
    rng.below(NONE + N).checked_sub(NONE).map_or("", |at| asides[at])
}

/// A sentence of any words.
fn chatter(rng: &mut Rng) -> String {
    let words: Vec<&str> = (0..rng.within(1, 7)).map(|_| rng.pick(CHATTER)).collect();
    format!("{}{}", capitalised(&words.join(" ")), rng.pick([".", ".", "!", ":", "?"]))
}

/// A frame, now and then with other words in the place of some; what will be filled in stays.
fn blurred(frame: &str, rng: &mut Rng) -> String {
    if !rng.chance(BLURRED.0) {
        return frame.to_owned();
    }
    let words: Vec<String> = frame
        .split(' ')
        .map(|word| {
            let replaceable = word.chars().all(|letter| letter.is_alphabetic() || ",.?:".contains(letter));
            if replaceable && rng.chance(BLURRED.1) {
                let sign = word.trim_start_matches(char::is_alphabetic);
                format!("{}{sign}", rng.pick(CHATTER))
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ")
}

/// The steps within one sentence.
fn joined<const N: usize>(steps: &[String], joiners: [&str; N], rng: &mut Rng) -> String {
    let between = rng.pick([", ", ", ", "; ", " and ", ", and ", " - "]);
    led(steps, joiners, rng).join(between)
}

/// Each step as a sentence of its own.
fn sentences<const N: usize>(steps: &[String], joiners: [&str; N], rng: &mut Rng) -> String {
    let parts: Vec<String> = led(steps, joiners, rng).iter().map(|step| capitalised(step)).collect();
    parts.join(rng.pick([". ", ". ", ". ", "! ", ".\n"]))
}

/// The steps, each behind a joiner; often the same one for all but the first.
fn led<const N: usize>(steps: &[String], joiners: [&str; N], rng: &mut Rng) -> Vec<String> {
    let (same, one) = (rng.chance(0.4), rng.pick(joiners));
    steps
        .iter()
        .enumerate()
        .map(|(index, step)| match (same, index) {
            (true, 0) => step.clone(),
            (true, _) => format!("{one}{step}"),
            (false, _) => format!("{}{step}", blurred(rng.pick(joiners), rng)),
        })
        .collect()
}

/// The steps as a list behind what stands before it.
fn list(steps: &[String], rng: &mut Rng) -> String {
    let ordinals = ["first", "second", "third", "fourth"];
    let (open, close) = rng.pick([(": ", "."), (":\n", "."), (" | ", " |"), (" -> ", "."), ("; ", ".")]);
    let between = match open {
        " | " | " -> " => open,
        ":\n" => "\n",
        _ => rng.pick([", ", "; ", ". "]),
    };
    let kind = rng.below(6);
    let items: Vec<String> = steps
        .iter()
        .zip(ordinals)
        .enumerate()
        .map(|(index, (step, ordinal))| match kind {
            0 => format!("{}) {step}", index + 1),
            1 => format!("step {}: {step}", index + 1),
            2 => format!("{}) {step}", ["a", "b", "c", "d"][index]),
            3 => format!("- {step}"),
            4 => format!("{ordinal}, {step}"),
            _ => step.clone(),
        })
        .collect();
    format!("{open}{}{close}", items.join(between))
}
