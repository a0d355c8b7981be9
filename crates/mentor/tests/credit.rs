//! From an experiment file and a store of teachers to advantages: of totals, part by part, of turns and of calls.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use mentor::config::Experiment;
use mentor::credit::{Given, Taught, advantages, of_attempts};
use mentor::lab::{self, Lab, TaughtTasks};
use mentor_optim::{AdvantageConfig, Scale};
use mentor_reward::{CreditUnit, Part, Place, Reward, Score, explain};
use mentor_rollout::{Episode, Rollout, Sampling, derive_seed};
use mentor_store::{Audience, Store};
use mentor_trajectory::{Split, Trajectory};

/// The smoke experiment with some of it replaced, as a file in a folder of its own.
fn experiment(folder: &Path, changes: &[(&str, &str)]) -> Experiment {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = fs::read_to_string(repository.join("experiments/smoke.toml")).unwrap();
    text = text.replace("../fixtures/base", &repository.join("fixtures/base").to_string_lossy());
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = folder.join("experiment.toml");
    fs::write(&file, text).unwrap();
    Experiment::read(&file).unwrap()
}

fn score(parts: &[(&str, f64, f64)]) -> Score {
    let part = |&(name, value, weight): &(&str, f64, f64)| Part {
        name: name.to_owned(),
        value,
        weight,
        reason: String::new(),
        turn: None,
        shares: Vec::new(),
    };
    let parts: Vec<Part> = parts.iter().map(part).collect();
    Score { total: parts.iter().fold(0.0, |sum, part| sum + part.value * part.weight), parts }
}

fn near(found: &[f64], expected: &[f64]) {
    let far = found.len() != expected.len() || found.iter().zip(expected).any(|(a, b)| (a - b).abs() > 1e-9);
    assert!(!far, "{found:?}, not {expected:?}");
}

/// The definition: less the mean, over the sample standard deviation plus epsilon; 0 where all are equal.
fn normalized(values: &[f64], epsilon: f64) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let flat = values.iter().all(|value| *value == values[0]);
    values.iter().map(|value| if flat { 0.0 } else { (value - mean) / (std + epsilon) }).collect()
}

const TABLE: &str = "name = \"x\"\n[[gate]]\nrequire = \"boxed\"\notherwise = 0.1\n[[term]]\npart = \"correct\"\nweight = 1.0\n[[term]]\npart = \"order\"\nweight = 0.5\nwhen_wrong = 0.4\n";

/// Two groups of four attempts: right or wrong, with more or less order; one of them boxed nothing.
fn scores() -> Vec<Score> {
    let answered = |correct: f64, order: f64| {
        score(&[("correct", correct, 1.0), ("order", order, if correct == 1.0 { 0.5 } else { 0.2 })])
    };
    vec![
        answered(1.0, 1.0),
        answered(1.0, 0.5),
        answered(0.0, 0.75),
        score(&[("not_boxed", 0.1, 1.0)]),
        answered(0.0, 0.25),
        answered(0.0, 0.25),
        answered(0.0, 0.25),
        answered(0.0, 0.25),
    ]
}

#[test]
fn clipped_totals_count_within_their_group() {
    let config = AdvantageConfig::grpo();
    let clipped = format!("clip = {{ low = 0.2, high = 1.2 }}\n{TABLE}");
    for (table, totals) in [(TABLE, [1.5, 1.25, 0.15, 0.1]), (&clipped, [1.2, 1.2, 0.2, 0.2])] {
        let reward = Reward::from_toml(table, "x").unwrap();
        let Given { rollouts, tokens, zero_variance_groups } = of_attempts(&reward, &scores(), 4, &config);
        near(&rollouts, &[normalized(&totals, config.epsilon), vec![0.0; 4]].concat());
        assert_eq!((tokens.len(), zero_variance_groups), (0, 1));
    }
}

/// GDPO (arXiv 2601.05242): each part within the group, weighed, added up, over the batch's deviation.
#[test]
fn parts_are_normalized_by_themselves_before_they_are_weighed() {
    let config = AdvantageConfig::grpo();
    let reward = Reward::from_toml(&format!("normalize = \"parts\"\n{TABLE}"), "x").unwrap();
    let given = of_attempts(&reward, &scores(), 4, &config);
    // What `when_wrong` takes is taken from the value: 0.75 × 0.2 / 0.5.
    let columns = [(1.0, [1.0, 1.0, 0.0, 0.0]), (0.5, [1.0, 0.5, 0.3, 0.0]), (1.0, [0.0, 0.0, 0.0, 0.1])];
    let mut sums = [0.0; 8];
    for (weight, column) in columns {
        for (sum, advantage) in sums.iter_mut().zip(normalized(&column, config.epsilon)) {
            *sum += weight * advantage;
        }
    }
    let mean = sums.iter().sum::<f64>() / 8.0;
    let std = (sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
    let expected: Vec<f64> = sums.iter().map(|sum| sum / (std + config.epsilon)).collect();
    near(&given.rollouts, &expected);
    assert_eq!(given.zero_variance_groups, 1);
}

/// A store with two teachers for the first task: the second makes only the first of its calls.
fn two_teachers(path: &Path) -> TaughtTasks {
    let tasks = mentor_env::generate("arithmetic", Split::Train, 5, 8).unwrap();
    let taught = lab::taught(tasks);
    let long = taught.teacher.iter().position(|teacher| teacher.records().count() >= 2).unwrap();
    let (task, whole) = (&taught.tasks[long], &taught.teacher[long]);
    let mut short = Trajectory { source: "another".into(), ..whole.clone() };
    let last = short.turns.pop().unwrap();
    short.turns = vec![short.turns.remove(0), last];
    let mut store = Store::open(path, Audience::Training).unwrap();
    let members = store.put_all([(task, whole), (task, &short)]).unwrap();
    store.snapshot("training", Audience::Training, &members).unwrap();
    drop(store);
    lab::training_tasks(path).unwrap()
}

/// Best and mean, from the words in an experiment file to the advantages of a group.
#[test]
fn several_teachers_of_a_task_are_matched_as_the_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let taught = two_teachers(&folder.path().join("store.sqlite"));
    assert_eq!((taught.tasks.len(), taught.others[0].len()), (1, 1));
    let mut attempts = [taught.teacher[0].clone(), taught.others[0][0].clone()];
    attempts.sort_by_key(|attempt| attempt.records().count());
    let [short, whole] = &attempts;
    let calls = whole.records().count() as f64;
    let between = 2.0 / (1.0 + calls);
    // Order is 1 against oneself and `between` against the other.
    let mean = f64::midpoint(1.0, between);
    for (words, expected) in [("best", [1.0, 1.0]), ("mean", [mean, mean])] {
        let table = format!(
            "reward = {{ name = \"order\", teachers = \"{words}\", term = [{{ part = \"order\", weight = 1.0 }}] }}"
        );
        let experiment = experiment(folder.path(), &[("reward = \"mentor\"", &table)]);
        let arm = experiment.arms.last().unwrap();
        let reward = arm.reward.as_ref().unwrap().resolve().unwrap();
        let none = Trajectory { turns: whole.turns[whole.turns.len() - 1..].to_vec(), ..whole.clone() };
        let students = [short, whole, &none];
        let scores: Vec<Score> =
            students.iter().map(|student| taught.case(0, student, true).score(&reward)).collect();
        let totals: Vec<f64> = scores.iter().map(|score| score.total).collect();
        near(&totals, &[expected[0], expected[1], 0.0]);
        let given = of_attempts(&reward, &scores, 3, &experiment.rl.advantage);
        near(&given.rollouts, &normalized(&totals, experiment.rl.advantage.epsilon));
    }
    // Without a word about teachers the first one alone counts.
    let reward =
        Reward::from_toml("name = \"order\"\n[[term]]\npart = \"order\"\nweight = 1.0\n", "x").unwrap();
    let first = taught.case(0, &taught.teacher[0], true).score(&reward).total;
    let other = taught.case(0, &taught.others[0][0], true).score(&reward).total;
    near(&[first, other], &[1.0, between]);
}

/// Rollouts of the base model at the first tasks, in groups.
fn played(lab: &Lab, tasks: usize) -> Vec<Rollout> {
    let group = lab.experiment.rl.group;
    let episodes: Vec<Episode> = (0..tasks * group)
        .map(|number| Episode {
            id: number.to_string(),
            task: &lab.training.tasks[number / group],
            seed: derive_seed(&[7, number as u64]),
            group: number / group,
        })
        .collect();
    lab.player().play(&lab.base, &episodes, &Sampling::for_training(1.0), "base").unwrap()
}

/// A credited stretch: its rollout, kind and step, what it earned, and its tokens.
type Stretch = (usize, (u8, usize), f64, Vec<usize>);

/// Every stretch of a rollout, with its tokens found from the turn that each was sampled in.
fn stretches(lab: &Lab, number: usize, rollout: &Rollout, case: &Taught, reward: &Reward) -> Vec<Stretch> {
    let turns: Vec<usize> = rollout.sampled().map(|(_, token)| usize::from(token.turn.unwrap())).collect();
    let ids: Vec<u32> = rollout.sampled().map(|(_, token)| token.id).collect();
    let of_turn = |turn: usize| (0..turns.len()).filter(|&token| turns[token] == turn).collect::<Vec<_>>();
    // The tokens whose text, decoded from the beginning of the turn, reaches into the call.
    let of_call = |turn: usize, call: usize| {
        let span = case.case.student.trajectory().turns[turn].calls[call].span;
        let tokens = of_turn(turn);
        let end = |count: usize| {
            let decoded =
                lab.codec.tokenizer.decode(&tokens[..count].iter().map(|&at| ids[at]).collect::<Vec<_>>());
            decoded.trim_end_matches(char::REPLACEMENT_CHARACTER).len()
        };
        let inside = |at: &usize| end(*at) < span.1 && end(at + 1) > span.0;
        (0..tokens.len()).filter(inside).map(|at| tokens[at]).collect()
    };
    let credits = explain(reward, &case.case, None).credits(&lab.experiment.rl.credit);
    let stretch = |credit: mentor_reward::Credit| {
        let (kind, tokens) = match credit.place {
            Place::Whole => (0, (0..turns.len()).collect()),
            Place::Turn(turn) => (1, of_turn(turn)),
            Place::Call(turn, call) => (2, of_call(turn, call)),
        };
        (number, (kind, credit.step), credit.amount.to_f64(), tokens)
    };
    credits.into_iter().map(stretch).collect()
}

/// Token advantages by their definition: what a stretch earned less the mean of its counterparts in the group's other
/// rollouts, added up at every token.
#[test]
fn turns_and_calls_are_credited_token_by_token_as_defined() {
    for unit in ["turn", "call"] {
        let folder = tempfile::tempdir().unwrap();
        let credit = format!("[rl]\ncredit = {{ per = \"{unit}\", returns = \"to_go\", shaping = 0.2 }}");
        let changes = [
            ("[rl]", credit.as_str()),
            ("reward = \"mentor\"", "reward = \"process\"\nadvantage = { scale = \"none\" }"),
            ("tasks = 16", "tasks = 1"),
        ];
        let experiment = experiment(folder.path(), &changes);
        let arm = experiment.arms.last().unwrap().clone();
        assert_eq!(experiment.rl.advantage.scale, Scale::Group);
        assert_eq!(experiment.advantage(&arm).scale, Scale::None);
        assert_eq!(
            experiment.rl.credit.per,
            if unit == "turn" { CreditUnit::Turn } else { CreditUnit::Call }
        );
        let store = folder.path().join("store.sqlite");
        lab::fill_store(&experiment, &store).unwrap();
        let lab = Lab::open(experiment, &store).unwrap();
        let group = lab.experiment.rl.group;
        let reward = lab.reward(&arm).unwrap().table(1);
        let rollouts = played(&lab, 4);
        let cases: Vec<Taught> = rollouts
            .iter()
            .enumerate()
            .map(|(number, rollout)| {
                let task = number / group;
                let correct = mentor_eval::correct(&lab.training.tasks[task], &rollout.trajectory);
                lab.training.case(task, &rollout.trajectory, correct)
            })
            .collect();
        let scores: Vec<Score> = cases.iter().map(|case| case.score(&reward)).collect();
        let given = advantages(&lab, &arm, &reward, &rollouts, &cases, &scores);

        let all: Vec<Stretch> = rollouts
            .iter()
            .zip(&cases)
            .enumerate()
            .flat_map(|(number, (rollout, case))| stretches(&lab, number, rollout, case, &reward))
            .collect();
        let mut expected: Vec<Vec<f64>> =
            rollouts.iter().map(|one| vec![0.0; one.tokens_sampled()]).collect();
        for (rollout, key, amount, tokens) in &all {
            let others: Vec<f64> = all
                .iter()
                .filter(|other| other.0 / group == rollout / group && other.0 != *rollout && other.1 == *key)
                .map(|other| other.2)
                .collect();
            if !others.is_empty() {
                let baseline = others.iter().sum::<f64>() / others.len() as f64;
                for &token in tokens {
                    expected[*rollout][token] += amount - baseline;
                }
            }
        }
        let mut uneven = 0;
        for (number, (found, expected)) in given.tokens.iter().zip(&expected).enumerate() {
            let found: Vec<f64> = found.iter().map(|&value| f64::from(value)).collect();
            assert_eq!(found.len(), expected.len());
            for (token, (a, b)) in found.iter().zip(expected).enumerate() {
                assert!((a - b).abs() < 1e-5, "{unit}, rollout {number}, token {token}: {a}, not {b}");
            }
            uneven += usize::from(found.iter().any(|value| (value - found[0]).abs() > 1e-3));
        }
        assert!(uneven > 0, "{unit}: the credit of turns was summed away");
    }
}
