//! What is written around calls: a thought before each, and the sentence that holds the answer.

use mentor_env::Rng;
use mentor_trajectory::Judge;

/// What calling `tool` means, after "I".
fn doing(tool: &str) -> String {
    let fixed = match tool {
        "add" => "add the numbers",
        "subtract" => "subtract",
        "multiply" => "multiply",
        "divide" => "divide",
        "sum_numbers" => "sum all numbers",
        "floor" => "round down",
        "ceil" => "round up",
        "round_number" => "round the number",
        "power" => "raise it to a power",
        "sqrt" => "take the square root",
        "abs_value" => "take the absolute value",
        "modulo" => "take the remainder",
        _ => "",
    };
    match tool.split_once('_') {
        _ if !fixed.is_empty() => fixed.to_owned(),
        Some((verb, noun)) => format!("{verb} the {noun}"),
        None => format!("look up the {tool}"),
    }
}

/// The thought before a call of `tool`, the `index`-th of the attempt: three to eight words.
pub(crate) fn thought(tool: &str, index: usize, rng: &mut Rng) -> String {
    let doing = doing(tool);
    if index == 0 {
        let opening = rng.pick(["First I", "I first", "Let me"]);
        format!("{opening} {doing}.")
    } else {
        let opening = rng.pick(["Next I", "Now I", "Then I"]);
        format!("{opening} {doing}.")
    }
}

/// The thought after an error, before the call is made again.
pub(crate) fn second_thought(rng: &mut Rng) -> &'static str {
    rng.pick(["That failed, so I try again.", "An error. I try it again."])
}

/// The final turn, with the answer in its box.
pub(crate) fn conclusion(answer: &str, judge: Judge, rng: &mut Rng) -> String {
    let opening = match judge {
        Judge::Answer => rng.pick(["The answer is", "So the answer is", "The result is"]),
        Judge::Calls => rng.pick(["It is", "All is", "Everything is"]),
    };
    format!(r"{opening} \boxed{{{answer}}}.")
}
