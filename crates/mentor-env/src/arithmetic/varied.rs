//! Many wordings put together from parts, so that a base model learns to read past what it has not seen.
//!
//! Every part is drawn by itself. The order of the parts covers the structures of the held-out frames (steps as one
//! sentence, the start at the end, the request first); the words are others.

use crate::arithmetic::phrase::Cast;
use crate::rng::Rng;
use crate::words::capitalised;

/// What may stand before a question. Many are empty.
const BEFORE: [&str; 16] = [
    "",
    "",
    "",
    "",
    "Hello. ",
    "A question: ",
    "Listen. ",
    "This is for school. ",
    "Be careful. ",
    "Quick one: ",
    "My task is this. ",
    "Look here: ",
    "Good morning. ",
    "One more. ",
    "Help me with it. ",
    "Now this: ",
];

/// What may stand after a question. Many are empty.
const AFTER: [&str; 12] = [
    "",
    "",
    "",
    "",
    " Thanks.",
    " Use the tools.",
    " Be exact.",
    " No rush.",
    " I am curious.",
    " That is all.",
    " Box it.",
    " Take your time.",
];

/// The request for an expression's value, with `#` for the expression.
const EXPRESSIONS: [&str; 18] = [
    "Compute # now.",
    "Determine #.",
    "Could you calculate #?",
    "I want to know #.",
    "Let x be #. What is x?",
    "How much is #?",
    "# is what?",
    "Simplify #.",
    "The task: #.",
    "# makes how much?",
    "Give me the value of #.",
    "Evaluate this: #.",
    "Let us calculate # together.",
    "I need # by noon.",
    "z = #, so z is?",
    "Say what # is.",
    "Show the value: #",
    "What does # come to?",
];

/// Where an instruction starts, with `#` for the number.
const STARTS: [&str; 12] = [
    "Suppose you have #",
    "Let us begin from #",
    "You get #",
    "Think of #",
    "Write # on the board",
    "Imagine #",
    "We are at #",
    "Put # on paper",
    "There is a number, #",
    "My number is #",
    "Here we have #",
    "Set x to #",
];

/// What stands before a step.
const JOINERS: [&str; 12] = [
    "",
    "then ",
    "next ",
    "now ",
    "and then ",
    "afterwards ",
    "in the next step ",
    "so ",
    "as a second thing ",
    "when done, ",
    "following this, ",
    "also ",
];

/// What is asked at the end of an instruction.
const ENDS: [&str; 12] = [
    "Which number is it now?",
    "Report it.",
    "What is left?",
    "Say the number.",
    "What have you got?",
    "How much is that?",
    "Answer me.",
    "What is the final number?",
    "Show the last value.",
    "What do we get?",
    "And the answer?",
    "",
];

/// Where a story starts: `@` a person, `#` a number, `~` things.
const STORIES: [&str; 12] = [
    "There are # ~ and @ owns them",
    "In the morning @ has # ~",
    "@ brought # ~",
    "On a table @ puts # ~",
    "# ~ are with @",
    "@ keeps # ~ at home",
    "We know that @ has # ~",
    "@ counts # ~",
    "It is Monday and @ has # ~",
    "A box of @ has # ~",
    "@ found # ~",
    "First @ buys # ~",
];

/// When a story goes on.
const TIMES: [&str; 10] = [
    "",
    "then ",
    "after lunch ",
    "in the evening ",
    "on the way ",
    "a day passes and ",
    "now ",
    "at noon ",
    "next ",
    "some time passes and ",
];

/// What is asked about a story.
const HOW_MANY: [&str; 10] = [
    "How many ~ does that make?",
    "How many ~ has @ now?",
    "What number of ~ is it?",
    "How many ~ in the end?",
    "Give the number of ~.",
    "So, how many ~?",
    "How many ~ are left?",
    "How many ~ does @ have at the end?",
    "Find the number of ~.",
    "@ asks: how many ~?",
];

/// An expression in a drawn wording.
pub(super) fn expression(expression: &str, rng: &mut Rng) -> String {
    framed(&rng.pick(EXPRESSIONS).replace('#', expression), rng)
}

/// An instruction in a drawn wording.
pub(super) fn instructions(start: &str, steps: &[String], rng: &mut Rng) -> String {
    let opening = rng.pick(STARTS).replace('#', start);
    let end = rng.pick(ENDS);
    let question = match rng.below(4) {
        0 => format!("{opening}, {}. {end}", joined(steps, JOINERS, ", ", rng)),
        1 => format!("{}, {}. {end}", capitalised(&joined(steps, JOINERS, ", ", rng)), backwards(start, rng)),
        2 => format!("{end} {opening}. {}.", sentences(steps, JOINERS, rng)),
        _ => format!("{opening}. {}. {end}", sentences(steps, JOINERS, rng)),
    };
    framed(question.trim(), rng)
}

/// A start that stands after the steps.
fn backwards(start: &str, rng: &mut Rng) -> String {
    rng.pick(["beginning with #", "all of it from #", "your number being #", "where you start at #"])
        .replace('#', start)
}

/// A story in a drawn wording.
pub(super) fn story(start: &str, steps: &[String], cast: &Cast, rng: &mut Rng) -> String {
    let fill = |text: &str| text.replace('#', start).replace('~', cast.things).replace('@', cast.person);
    let (opening, asked) = (fill(rng.pick(STORIES)), fill(rng.pick(HOW_MANY)));
    let question = match rng.below(3) {
        0 => format!("{asked} {}. {}.", capitalised(&opening), sentences(steps, TIMES, rng)),
        1 => format!("{}, {}. {asked}", capitalised(&opening), joined(steps, TIMES, ", ", rng)),
        _ => format!("{}. {}. {asked}", capitalised(&opening), sentences(steps, TIMES, rng)),
    };
    framed(&question, rng)
}

fn framed(question: &str, rng: &mut Rng) -> String {
    format!("{}{question}{}", rng.pick(BEFORE), rng.pick(AFTER))
}

fn joined<const N: usize>(steps: &[String], joiners: [&str; N], between: &str, rng: &mut Rng) -> String {
    let parts: Vec<String> = steps.iter().map(|step| format!("{}{step}", rng.pick(joiners))).collect();
    parts.join(between)
}

fn sentences<const N: usize>(steps: &[String], joiners: [&str; N], rng: &mut Rng) -> String {
    let parts: Vec<String> =
        steps.iter().map(|step| capitalised(&format!("{}{step}", rng.pick(joiners)))).collect();
    parts.join(". ")
}
