//! Plays one task twice with a reciting policy: once as its plan says, once with mistakes along the way.
//!
//! `cargo run --release -p mentor-rollout --example play`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::error::Error;

use mentor_rollout::toy::{ByteCodec, Reciter};
use mentor_rollout::{Episode, Limits, Sampling, derive_seed, hash_text, play, text};
use mentor_toolcall::{Chat, hermes::write_call};
use mentor_trajectory::{Split, Task};

/// Follows the plan, one call a turn, and answers.
fn by_the_plan(task: &Task) -> Vec<String> {
    let calls = task.plans[0].calls.iter().map(|call| format!("Next step.\n{}", write_call(call)));
    calls.chain([format!("The answer is \\boxed{{{}}}.", task.answer)]).collect()
}

/// Breaks the JSON, asks for a tool that is not there, and gives up.
fn with_mistakes(task: &Task) -> Vec<String> {
    let broken = write_call(&task.plans[0].calls[0]).replace("\"arguments\": {", "\"arguments\": ");
    let unknown = "<tool_call>\n{\"name\": \"oracle\", \"arguments\": {}}\n</tool_call>".to_owned();
    vec![broken, unknown, "I do not know.".to_owned()]
}

fn episode(task: &Task, group: usize) -> Episode<'_> {
    Episode { id: format!("example/{group}"), task, seed: derive_seed(&[hash_text(&task.id), 0]), group }
}

fn main() -> Result<(), Box<dyn Error>> {
    let tasks = mentor_env::generate("arithmetic", Split::Train, 1, 2)?;
    let scripts = [by_the_plan(&tasks[0]), with_mistakes(&tasks[1])];
    let scripts: BTreeMap<String, Vec<String>> =
        tasks.iter().map(|task| task.question.clone()).zip(scripts).collect();
    let mut policy = Reciter::new(Chat::Compact, 2, 4000, &scripts);
    let episodes: Vec<Episode> = tasks.iter().enumerate().map(|(group, task)| episode(task, group)).collect();
    let limits = Limits { turns: 5, turn_tokens: 400, tokens: 4000, observation_chars: 200 };
    let sampling = Sampling::for_training(1.0);
    let rollouts =
        play(&mut policy, &ByteCodec::new(), &Chat::Compact, &episodes, &sampling, &limits, "reciter")?;
    for (task, rollout) in tasks.iter().zip(&rollouts) {
        println!("{}", text(task, &rollout.trajectory));
        println!("{} tokens, {} of them sampled\n", rollout.tokens.len(), rollout.tokens_sampled());
    }
    Ok(())
}
