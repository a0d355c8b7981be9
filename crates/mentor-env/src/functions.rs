//! The `functions` suite: pick among unseen functions with unseen parameters, and fill them from the question.

use mentor_trajectory::{Call, Judge, Plan, Task, ToolSpec};
use serde_json::{Map, Value, json};

use crate::rng::Rng;
use crate::suites::Draw;
use crate::tools::schema;
use crate::words::{Names, capitalised};

/// What can be done: the first half of a function's name.
pub const VERBS: [&str; 12] =
    ["book", "send", "open", "close", "order", "check", "clean", "start", "stop", "find", "paint", "move"];

/// What every well-typed call gives, and the answer of every task: the calls themselves are judged.
const ANSWER: &str = "done";

/// Shares of tasks of 0 to 4 calls.
pub(crate) const SHARES: [f64; 5] = [0.0, 0.6, 0.4, 0.0, 0.0];

#[derive(Clone)]
struct Function {
    verb: &'static str,
    noun: String,
    parameters: Vec<Parameter>,
}

#[derive(Clone)]
struct Parameter {
    name: String,
    whole: bool,
}

impl Function {
    fn name(&self) -> String {
        format!("{}_{}", self.verb, self.noun)
    }

    fn spec(&self) -> ToolSpec {
        let kind = |whole| json!({"type": if whole { "integer" } else { "string" }});
        let parameters: Vec<(&str, Value)> = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name.as_str(), kind(parameter.whole)))
            .collect();
        ToolSpec {
            name: self.name(),
            description: format!("{} the {}.", capitalised(self.verb), self.noun),
            parameters: schema(&parameters),
        }
    }
}

/// Draws one task: one call with one or two arguments, or two calls, mostly with one argument each.
pub(crate) fn draw(draw: &Draw, rng: &mut Rng) -> Task {
    let mut names = Names::new(draw.split);
    let two_calls = draw.steps > 1;
    let parameters = |wide: f64, names: &mut Names, rng: &mut Rng| {
        let count = if rng.chance(wide) { 2 } else { 1 };
        draw_parameters(count, names, rng)
    };
    let verbs = different_verbs(rng);
    let wide = if two_calls { 0.15 } else { 0.6 };
    let first =
        Function { verb: verbs[0], noun: names.word(rng), parameters: parameters(wide, &mut names, rng) };
    let mut wanted = vec![first.clone()];
    let mut offered = vec![first.clone(), Function { noun: names.word(rng), ..first.clone() }];
    if two_calls {
        let second =
            Function { verb: verbs[1], noun: names.word(rng), parameters: parameters(wide, &mut names, rng) };
        let other = if rng.chance(0.5) {
            Function { noun: names.word(rng), ..second.clone() }
        } else {
            Function { verb: verbs[2], noun: first.noun, parameters: parameters(0.3, &mut names, rng) }
        };
        offered.extend([second.clone(), other]);
        wanted.push(second);
    } else {
        offered.push(Function {
            verb: verbs[1],
            noun: first.noun,
            parameters: parameters(0.3, &mut names, rng),
        });
        if rng.chance(0.4) {
            offered.push(Function {
                verb: verbs[2],
                noun: names.word(rng),
                parameters: parameters(0.3, &mut names, rng),
            });
        }
    }
    rng.shuffle(&mut offered);
    let calls: Vec<Call> = wanted.iter().map(|function| fill(function, &mut names, rng)).collect();
    let question = question(&wanted, &calls, rng);
    let tools = offered.iter().map(Function::spec).collect();
    let plans = vec![Plan { calls }];
    draw.task(question, tools, ANSWER.to_owned(), Judge::Calls, plans, Value::Null)
}

fn different_verbs(rng: &mut Rng) -> [&'static str; 3] {
    let mut verbs = VERBS;
    rng.shuffle(&mut verbs);
    [verbs[0], verbs[1], verbs[2]]
}

/// Two parameters are mostly of one type, so that a mixed-up value is not always an ill-typed one.
fn draw_parameters(count: usize, names: &mut Names, rng: &mut Rng) -> Vec<Parameter> {
    let whole = rng.chance(0.5);
    let mixed = rng.chance(0.4);
    (0..count)
        .map(|index| Parameter { name: names.word(rng), whole: whole ^ (index == 1 && mixed) })
        .collect()
}

/// A call of `function` with values drawn for its parameters.
fn fill(function: &Function, names: &mut Names, rng: &mut Rng) -> Call {
    let arguments: Map<String, Value> = function
        .parameters
        .iter()
        .map(|parameter| {
            let value = if parameter.whole { rng.within(1, 99).into() } else { names.word(rng).into() };
            (parameter.name.clone(), value)
        })
        .collect();
    Call { name: function.name(), arguments }
}

fn question(wanted: &[Function], calls: &[Call], rng: &mut Rng) -> String {
    let frame = rng.below(4);
    let requests = wanted.iter().zip(calls).enumerate().map(|(index, (function, call))| {
        let Function { verb, noun, .. } = function;
        let given: Vec<String> = call
            .arguments
            .iter()
            .map(|(name, value)| {
                format!("{name} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        let given = given.join(" and ");
        match (frame, index) {
            (0, 0) => format!("Please {verb} the {noun} with {given}."),
            (0, _) => format!("Then {verb} the {noun} with {given}."),
            (1, _) => format!("{} the {noun}: {given}.", capitalised(verb)),
            (2, 0) => format!("I want to {verb} the {noun}. Use {given}."),
            (2, _) => format!("I also want to {verb} the {noun}. Use {given}."),
            (_, 0) => format!("Can you {verb} the {noun} with {given}?"),
            _ => format!("Can you also {verb} the {noun} with {given}?"),
        }
    });
    requests.collect::<Vec<_>>().join(" ")
}
