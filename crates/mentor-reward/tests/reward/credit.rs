//! Credit for the optimizer: whole attempts, turns, calls.

use super::common::{attempt, task};
use mentor_reward::{
    Amount, Case, Credit, CreditConfig, CreditUnit, Explanation, Place, Returns, Reward, explain,
};
use mentor_trajectory::Trajectory;
use proptest::prelude::*;
use serde_json::{Value, json};

const OFFERED: [&str; 3] = ["add", "multiply", "sqrt"];

fn teacher() -> Trajectory {
    attempt(&[("add", json!({"a": 2})), ("multiply", json!({"a": 5})), ("sqrt", json!({"x": 20}))])
}

fn explained(calls: &[(&str, Value)], correct: bool) -> Explanation {
    let reward = Reward::preset("process").expect("a preset");
    explain(&reward, &Case::new(&task(&OFFERED), &attempt(calls), &teacher(), correct), None)
}

fn per(per: CreditUnit) -> CreditConfig {
    CreditConfig { per, ..CreditConfig::default() }
}

fn sum(credits: &[Credit]) -> Amount {
    credits.iter().map(|credit| credit.amount).sum()
}

fn steps(credits: &[Credit]) -> Vec<(Place, usize)> {
    credits.iter().map(|credit| (credit.place, credit.step)).collect()
}

#[test]
fn a_turn_is_known_by_the_step_it_is_aligned_with_or_that_was_due() {
    // A wrong tool, the first step, the first step again, the third; then the answer.
    let wrong = ("sqrt", json!({"x": 1}));
    let calls = [wrong, ("add", json!({"a": 2})), ("multiply", json!({"a": 9})), ("sqrt", json!({"x": 20}))];
    let explanation = explained(&calls, false);
    let expected = [
        (Place::Whole, 0),
        (Place::Turn(0), 0),
        (Place::Turn(1), 0),
        (Place::Turn(2), 1),
        (Place::Turn(3), 2),
        (Place::Turn(4), 3),
    ];
    assert_eq!(steps(&explanation.credits(&per(CreditUnit::Turn))), expected);
    let calls = explanation.credits(&per(CreditUnit::Call));
    assert_eq!(calls.iter().filter(|credit| matches!(credit.place, Place::Call(..))).count(), 4);
    assert!(
        calls.contains(&Credit { step: 2, ..*calls.iter().find(|c| c.place == Place::Call(3, 0)).unwrap() })
    );
}

#[test]
fn a_whole_attempt_has_one_credit() {
    let explanation = explained(&[("add", json!({"a": 2}))], true);
    let credits = explanation.credits(&CreditConfig::default());
    assert_eq!(credits.len(), 1);
    assert_eq!(credits[0].amount.to_f64(), explanation.score.total);
}

#[test]
fn what_is_to_go_is_what_comes_later() {
    let explanation = explained(&[("add", json!({"a": 2})), ("multiply", json!({"a": 5}))], true);
    let own = explanation.credits(&per(CreditUnit::Turn));
    let to_go = explanation.credits(&CreditConfig { returns: Returns::ToGo, ..per(CreditUnit::Turn) });
    assert_eq!(to_go[0], own[0]);
    for turn in 1..own.len() {
        assert_eq!(to_go[turn].amount, sum(&own[turn..]));
    }
}

#[test]
fn names_and_tables_are_read_and_written() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Holder {
        credit: CreditConfig,
    }
    let full = CreditConfig { per: CreditUnit::Call, returns: Returns::ToGo, shaping: 0.25 };
    let cases = [
        ("credit = \"trajectory\"\n", CreditConfig::default()),
        ("credit = \"turn\"\n", per(CreditUnit::Turn)),
        ("[credit]\nper = \"call\"\nreturns = \"to_go\"\nshaping = 0.25\n", full),
    ];
    for (text, credit) in cases {
        let held: Holder = toml::from_str(text).unwrap();
        assert_eq!(held.credit, credit);
        assert_eq!(toml::to_string(&held).unwrap(), text);
    }
    assert!(toml::from_str::<Holder>("credit = { per = \"turn\", shapping = 1.0 }").is_err());
    assert!(CreditConfig { shaping: 0.1, ..CreditConfig::default() }.problem().is_some());
    assert!(CreditConfig { shaping: 0.1, ..per(CreditUnit::Turn) }.problem().is_some());
    assert!(CreditConfig { shaping: -1.0, ..full }.problem().is_some());
    assert!(full.problem().is_none());
}

/// A student as the choice it makes in each of five turns: one of the teacher's tools, another one, or to stop.
fn policy(choices: &[usize]) -> (Vec<(&'static str, Value)>, bool) {
    let tools = [
        ("add", json!({"a": 2})),
        ("multiply", json!({"a": 5})),
        ("sqrt", json!({"x": 20})),
        ("sqrt", json!({})),
    ];
    let calls: Vec<_> = choices.iter().map_while(|&choice| tools.get(choice).cloned()).collect();
    let correct = choices.starts_with(&[0, 1, 2]) || choices.starts_with(&[3, 4]);
    (calls, correct)
}

proptest! {
    #[test]
    fn credits_add_up_to_the_total_shaped_or_not(
        choices in proptest::collection::vec(0_usize..5, 0..6),
        shaping in 0.0_f64..3.0,
        correct in any::<bool>(),
    ) {
        let explanation = explained(&policy(&choices).0, correct);
        for unit in [CreditUnit::Turn, CreditUnit::Call] {
            let plain = explanation.credits(&per(unit));
            let shaped = explanation.credits(&CreditConfig { shaping, ..per(unit) });
            prop_assert_eq!(sum(&plain), explanation.root.amount);
            prop_assert_eq!(sum(&shaped), explanation.root.amount);
            prop_assert_eq!(steps(&plain), steps(&shaped));
        }
    }
}

/// Every deterministic policy of a task of four turns is paid the same with shaping, so the best one is the same.
#[test]
fn shaping_does_not_change_which_policy_is_best() {
    let policies: Vec<Vec<usize>> = (0..5_usize.pow(4))
        .map(|number| (0..4).map(|turn| number / 5_usize.pow(turn) % 5).collect())
        .collect();
    let paid = |config: &CreditConfig| -> Vec<Amount> {
        policies
            .iter()
            .map(|choices| {
                let (calls, correct) = policy(choices);
                // The return of the first place is all that comes after it, beside what the whole attempt gets.
                let credits = explained(&calls, correct).credits(config);
                credits[0].amount + credits[1].amount
            })
            .collect()
    };
    let to_go = CreditConfig { returns: Returns::ToGo, ..per(CreditUnit::Turn) };
    let (plain, shaped) = (paid(&to_go), paid(&CreditConfig { shaping: 0.7, ..to_go }));
    let best =
        |paid: &[Amount]| (0..paid.len()).max_by_key(|&policy| (paid[policy], std::cmp::Reverse(policy)));
    assert_eq!(best(&plain), best(&shaped));
    assert_eq!(policies[best(&plain).unwrap()][..3], [0, 1, 2]);
    // No policy is paid more or less, so no mixture of two is either.
    assert_eq!(plain, shaped);
    // It does change what a turn is paid: that is what it is for.
    let first = explained(&policy(&[0, 4]).0, false);
    let second = |config| first.credits(config)[2].amount;
    assert_ne!(second(&to_go), second(&CreditConfig { shaping: 0.7, ..to_go }));
}
