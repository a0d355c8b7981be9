//! Prints the first tasks of every suite: `cargo run --release -p mentor-env --example tasks [COUNT]`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use mentor_env::{execute, generate, suites};
use mentor_trajectory::Split;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(2), |text| text.parse())?;
    for suite in suites() {
        for task in generate(suite, Split::Test, 0, count)? {
            let tools: Vec<&str> = task.tools.iter().map(|tool| tool.name.as_str()).collect();
            println!("{}\n  {}\n  tools: {}", task.id, task.question, tools.join(", "));
            for plan in &task.plans {
                println!("  plan:");
                for call in &plan.calls {
                    let arguments = serde_json::to_string(&call.arguments)?;
                    println!("    {} {arguments} -> {}", call.name, execute(&task, call).content);
                }
            }
            println!("  answer: {}", task.answer);
        }
    }
    Ok(())
}
