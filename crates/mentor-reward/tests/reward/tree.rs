//! The tree of a score: exact sums, places, tokens.

use super::common::{attempt, record, task};
use mentor_reward::{Amount, Case, Level, Node, Offsets, Reward, explain};
use mentor_trajectory::{Reading, Trajectory};
use proptest::prelude::*;
use serde_json::json;

const OFFERED: [&str; 3] = ["add", "multiply", "sqrt"];

/// `process` with everything that goes to calls and arguments.
fn dense() -> Reward {
    let term = |part: &str, weight: f64| {
        format!("[[term]]\npart = \"{part}\"\nweight = {weight}\nwhen_wrong = 0.5\n")
    };
    let parts = [
        ("correct", 0.7),
        ("order", 0.2),
        ("arguments", 0.1),
        ("alignment", 1.0 / 3.0),
        ("argument_names", 1e-3),
        ("redundancy", -0.05),
        ("hallucinated_tools", -0.1),
        ("execution_success", 0.07),
        ("format", 0.03),
        ("thinking", 0.01),
        ("toolrl_match", 6.0),
    ];
    let table = parts.iter().map(|(part, weight)| term(part, *weight)).collect::<String>();
    Reward::from_toml(&format!("name = \"dense\"\n{table}"), "dense").expect("a table")
}

fn teacher() -> Trajectory {
    attempt(&[
        ("add", json!({"a": 2, "b": 3})),
        ("multiply", json!({"a": 5, "b": 4})),
        ("sqrt", json!({"x": 20})),
    ])
}

fn sum(node: &Node) -> Amount {
    node.leaves().iter().map(|leaf| leaf.amount).sum()
}

/// Every place is the sum of what is below it.
fn check_sums(node: &Node) {
    assert_eq!(node.amount, sum(node), "{node:?}");
    node.children.iter().for_each(check_sums);
}

proptest! {
    #[test]
    fn leaves_add_up_to_the_total_exactly(
        picks in proptest::collection::vec((0_usize..5, -2_i64..4, any::<bool>()), 0..9),
        correct in any::<bool>(),
    ) {
        let names = ["add", "multiply", "sqrt", "integrate", "add"];
        let calls: Vec<_> = picks.iter().map(|&(name, a, _)| (names[name], json!({"a": a, "b": 3, "x": 20}))).collect();
        let mut student = attempt(&calls);
        for (turn, &(_, _, broken)) in student.turns.iter_mut().zip(&picks) {
            if broken {
                turn.calls.push(record(Reading::Repaired, Some("add"), None));
                turn.calls.insert(0, record(Reading::Unusable, None, None));
                turn.reasoning = "hm".into();
            }
        }
        let (task, teacher) = (task(&OFFERED), teacher());
        let rewards = Reward::preset_names().iter().filter_map(|name| Reward::preset(name)).chain([dense()]);
        for reward in rewards {
            let explanation = explain(&reward, &Case { placebo: Some(&teacher), ..Case::new(&task, &student, &teacher, correct) }, None);
            check_sums(&explanation.root);
            prop_assert_eq!(explanation.root.amount, Amount::from(explanation.score.total));
            prop_assert_eq!(explanation.root.amount.to_f64(), explanation.score.total);
            prop_assert_eq!(explanation.root.children.iter().filter(|node| node.level == Level::Turn).count(), student.turns.len());
        }
    }
}

#[test]
fn what_was_earned_hangs_where_it_was_earned() {
    let student = attempt(&[
        ("sqrt", json!({"x": 1})),
        ("add", json!({"a": 2, "b": 9})),
        ("multiply", json!({"a": 5.0, "b": 4})),
    ]);
    let (task, teacher) = (task(&OFFERED), teacher());
    let explanation =
        explain(&Reward::preset("process").unwrap(), &Case::new(&task, &student, &teacher, true), None);
    let turns: Vec<&Node> =
        explanation.root.children.iter().filter(|node| node.level == Level::Turn).collect();
    let whole: Vec<&str> = explanation
        .root
        .children
        .iter()
        .filter(|node| node.level == Level::Part)
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(whole, ["correct", "no_invalid_tool"]);
    assert_eq!(turns[0].amount, Amount::ZERO);
    assert_eq!(turns[3].amount, Amount::ZERO);
    let add = &turns[1].children[0];
    assert_eq!(
        (add.level, add.name.as_str(), add.reason.as_str()),
        (Level::Call, "add", "the teacher's step 1")
    );
    let below: Vec<(Level, &str)> =
        add.children.iter().map(|node| (node.level, node.name.as_str())).collect();
    assert_eq!(below, [(Level::Part, "order"), (Level::Argument, "a")]);
    // Half a pair of three calls, times the weight of `arguments`.
    assert!((add.children[1].value - 0.1 * 0.5 / 3.0).abs() < 1e-12);
    let multiply: Vec<&str> = turns[2].children[0].children.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(multiply, ["order", "a", "b"]);
    assert_eq!(turns[0].children[0].reason, "no step of the teacher's");
    let steps: Vec<(usize, usize)> = explanation.aligned.iter().map(|call| (call.turn, call.step)).collect();
    assert_eq!((steps, explanation.steps), (vec![(1, 0), (2, 1)], 3));
}

#[test]
fn a_failed_gate_is_the_only_leaf() {
    let mut student = teacher();
    student.ending = mentor_trajectory::Ending::TokenLimit;
    let (task, teacher) = (task(&OFFERED), teacher());
    let explanation =
        explain(&Reward::preset("mentor").unwrap(), &Case::new(&task, &student, &teacher, true), None);
    assert_eq!(explanation.root.leaves().len(), 1);
    assert_eq!(explanation.root.amount, Amount::ZERO);
    assert_eq!(explanation.root.reason, "ran out of tokens");
}

#[test]
fn places_know_their_tokens() {
    let student = attempt(&[("add", json!({"a": 2, "b": 3}))]);
    let text = &student.turns[0].text;
    // One token for every byte, a stop token behind, and the second turn's from 1000 on.
    let bytes = |text: &str| (1..=text.len()).chain([text.len()]).collect::<Vec<usize>>();
    let offsets = Offsets { turns: vec![(10, bytes(text)), (1000, bytes(&student.turns[1].text))] };
    let (task, teacher) = (task(&OFFERED), student.clone());
    let reward = Reward::preset("process").unwrap();
    let explanation = explain(&reward, &Case::new(&task, &student, &teacher, true), Some(&offsets));
    let turns: Vec<&Node> =
        explanation.root.children.iter().filter(|node| node.level == Level::Turn).collect();
    assert_eq!(turns[0].tokens, Some((10, 10 + text.len() + 1)));
    assert_eq!(turns[1].tokens, Some((1000, 1000 + student.turns[1].text.len() + 1)));
    let call = &turns[0].children[0];
    let start = text.find("<tool_call>").unwrap();
    assert_eq!(call.tokens, Some((10 + start, 10 + text.len())));
    let a = text.find("\"a\"").unwrap();
    let b = text.find("\"b\"").unwrap();
    let arguments: Vec<_> = call.children.iter().filter(|node| node.level == Level::Argument).collect();
    assert_eq!(arguments[0].tokens, Some((10 + a, 10 + b)));
    assert_eq!(arguments[1].tokens, Some((10 + b, 10 + text.len())));
}
