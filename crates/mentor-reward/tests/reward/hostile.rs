//! No trick pays: hostile attempts never score above the same attempts without the trick.

use super::common::{attempt, task};
use mentor_reward::{Case, Reward, answer_correct, hostile, read_response, score};
use mentor_trajectory::{Task, Trajectory};
use serde_json::json;

const OFFERED: [&str; 4] = ["add", "multiply", "sqrt", "now"];

/// A total for a text under a reward, as `xtask check-reward` and the filter compute it.
fn total(reward: &Reward, task: &Task, teacher: &Trajectory, sample: &hostile::Sample) -> f64 {
    let student = read_response(&sample.response, sample.ended);
    let correct = answer_correct(task, &student);
    score(reward, &Case { placebo: Some(teacher), ..Case::new(task, &student, teacher, correct) }).total
}

#[test]
fn no_trick_is_paid_more_than_its_honest_twin() {
    let task = task(&OFFERED);
    let teacher = attempt(&[
        ("add", json!({"a": 2, "b": 3})),
        ("multiply", json!({"a": 5, "b": 4})),
        ("sqrt", json!({"x": 25})),
    ]);
    let samples = hostile::hostile(&task, &teacher);
    assert!(samples.len() >= 300, "{}", samples.len());
    let mut paid = Vec::new();
    for name in Reward::preset_names() {
        let reward = Reward::preset(name).unwrap();
        for (sample, twin) in &samples {
            let (hostile, honest) =
                (total(&reward, &task, &teacher, sample), total(&reward, &task, &teacher, twin));
            assert!(hostile.is_finite());
            if hostile > honest {
                paid.push(format!("{name}: {}: {hostile} > {honest}", sample.name));
            }
        }
    }
    assert!(paid.is_empty(), "{}\n{}", paid.len(), paid.join("\n"));
}

#[test]
fn honest_attempts_are_what_they_say() {
    let task = task(&OFFERED);
    let teacher = attempt(&[("add", json!({"a": 2, "b": 3})), ("multiply", json!({"a": 5, "b": 4}))]);
    let reward = Reward::preset("process").unwrap();
    let totals: Vec<(String, f64)> = hostile::honest(&task, &teacher)
        .iter()
        .map(|sample| (sample.name.clone(), total(&reward, &task, &teacher, sample)))
        .collect();
    assert_eq!(totals[0], ("right".to_owned(), reward.maximum()));
    for (name, total) in &totals[1..] {
        assert!(*total < reward.maximum(), "{name} {total}");
    }
}
