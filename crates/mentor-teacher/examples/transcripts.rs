//! Prints transcripts of the scripted solver, or with `--rate R` of the demonstrator, as JSON lines or as text:
//! `cargo run --release -p mentor-teacher --example transcripts -- --suite arithmetic --split train --count 5 --text`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use mentor_teacher::demonstrator::{Demonstration, Habits, demonstrate};
use mentor_teacher::solve;
use mentor_trajectory::{Split, Task};

struct Options {
    suite: String,
    split: Split,
    count: usize,
    seed: u64,
    rate: Option<f64>,
    text: bool,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        suite: "arithmetic".into(),
        split: Split::Train,
        count: 3,
        seed: 0,
        rate: None,
        text: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--suite" => options.suite = value()?,
            "--split" => options.split = serde_json::from_value(value()?.into())?,
            "--count" => options.count = value()?.parse()?,
            "--seed" => options.seed = value()?.parse()?,
            "--rate" => options.rate = Some(value()?.parse()?),
            "--text" => options.text = true,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(options)
}

fn print_text(task: &Task, demonstration: &Demonstration) {
    let tools: Vec<String> = task
        .tools
        .iter()
        .map(|tool| format!("{}({})", tool.name, tool.parameter_names().collect::<Vec<_>>().join(", ")))
        .collect();
    println!("=== {} (answer {}, habit {:?})", task.id, task.answer, demonstration.habit);
    println!("Tools: {}\nUser: {}", tools.join("; "), task.question);
    for turn in &demonstration.trajectory.turns {
        println!("Assistant: {}", turn.text);
        for observation in turn.calls.iter().filter_map(|record| record.observation.as_ref()) {
            println!("Tool: {}", observation.content);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    for task in mentor_env::generate(&options.suite, options.split, options.seed, options.count)? {
        let demonstration = match options.rate {
            Some(rate) => demonstrate(&task, &Habits { rate, ..Habits::skills() }, options.seed),
            None => Demonstration { trajectory: solve(&task, options.seed), habit: None },
        };
        if options.text {
            print_text(&task, &demonstration);
        } else {
            let Demonstration { trajectory, habit } = &demonstration;
            println!("{}", serde_json::json!({"task": task, "trajectory": trajectory, "habit": habit}));
        }
    }
    Ok(())
}
