//! Fills a store in a temporary folder and shows what a training handle is refused.
#![expect(clippy::print_stdout, reason = "an example prints")]

use mentor_store::{Audience, Store};
use mentor_trajectory::{Ending, Judge, Split, Task, Trajectory, Turn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("teacher.sqlite");
    let tasks: Vec<Task> = (0..6).map(task).collect();
    let attempts: Vec<Trajectory> = tasks.iter().map(attempt).collect();

    let mut store = Store::open(&path, Audience::Evaluation)?;
    let hashes = store.put_all(tasks.iter().zip(&attempts))?;
    let train = store.snapshot("train", Audience::Training, &hashes[..4])?;
    let test = store.snapshot("test", Audience::Evaluation, &hashes[4..])?;
    for snapshot in [train, test] {
        println!("{}: {} trajectories, {}", snapshot.name, snapshot.len, snapshot.hash);
    }

    let training = Store::open_read_only(&path, Audience::Training)?;
    let reader = training.open_snapshot("train")?;
    for task in reader.tasks()? {
        println!("{}: {} attempt(s)", task.question, reader.by_task(&task.id)?.len());
    }
    for refused in [training.open_snapshot("test").map(drop), training.by_task("sum-5").map(drop)] {
        if let Err(error) = refused {
            println!("refused: {error}");
        }
    }
    Ok(())
}

/// Four tasks to train on, two to test on.
fn task(number: usize) -> Task {
    Task {
        id: format!("sum-{number}"),
        suite: "arithmetic".into(),
        split: if number < 4 { Split::Train } else { Split::Test },
        question: format!("What is {number} + {number}?"),
        tools: vec![],
        answer: (2 * number).to_string(),
        judge: Judge::Answer,
        plans: vec![],
        world: serde_json::Value::Null,
    }
}

fn attempt(task: &Task) -> Trajectory {
    let text = format!("It is \\boxed{{{}}}.", task.answer);
    Trajectory {
        id: format!("teacher/{}", task.id),
        task_id: task.id.clone(),
        source: "scripted".into(),
        turns: vec![Turn { text: text.clone(), content: text, closed: true, ..Turn::default() }],
        ending: Ending::Ended,
    }
}
