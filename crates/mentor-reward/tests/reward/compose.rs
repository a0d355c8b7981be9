//! What a table says beyond gates and weights: schedules, bounds, several teachers.

use super::common::{attempt, task};
use mentor_reward::{Case, Reward, Score, score, score_with_teachers};
use mentor_trajectory::Trajectory;
use serde_json::json;

const OFFERED: [&str; 3] = ["add", "multiply", "sqrt"];

fn table(text: &str) -> Reward {
    Reward::from_toml(text, "table.toml").expect("a table")
}

/// Each schedule with the weight it leaves of 2 at some steps.
#[test]
fn a_schedule_is_a_factor_of_the_weight_at_every_step() {
    let cases: [(&str, &[(usize, f64)]); 6] = [
        (
            "linear\", start = 20, end = 80",
            &[(1, 2.0), (20, 2.0), (35, 1.5), (50, 1.0), (80, 0.0), (999, 0.0)],
        ),
        ("linear\", from = 0.0, to = 1.0, end = 4", &[(1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0)]),
        ("linear\", from = 3.0, to = -1.0, start = 1, end = 5", &[(1, 6.0), (2, 4.0), (4, 0.0), (5, -2.0)]),
        // Half a cosine wave: a quarter of it is left where two thirds of the way are gone.
        ("cosine\", start = 20, end = 80", &[(20, 2.0), (40, 1.5), (50, 1.0), (60, 0.5), (80, 0.0)]),
        ("cosine\", from = 0.5, to = 1.0, start = 0, end = 2", &[(1, 1.5), (2, 2.0)]),
        ("step\", from = 1.0, to = 0.25, start = 3, end = 9", &[(1, 2.0), (8, 2.0), (9, 0.5), (10, 0.5)]),
    ];
    for (schedule, weights) in cases {
        let reward = table(&format!(
            "name = \"x\"\n[[term]]\npart = \"ended\"\nweight = 2.0\nschedule = {{ shape = \"{schedule} }}\n"
        ));
        let teacher = attempt(&[("add", json!({}))]);
        let task = task(&OFFERED);
        for &(step, weight) in weights {
            let now = reward.at(step);
            assert!((now.terms[0].weight - weight).abs() < 1e-12, "{schedule}, step {step}: {now:?}");
            assert!(now.terms[0].schedule.is_none());
            let total = score(&now, &Case::new(&task, &teacher, &teacher, true)).total;
            assert_eq!(total, now.terms[0].weight);
        }
    }
}

#[test]
fn bounds_hold_for_what_counts_and_the_total_stays_what_it_is() {
    let reward = table(
        "name = \"x\"\nclip = { low = -0.5, high = 1.0 }\n[[term]]\npart = \"correct\"\nweight = 3.0\n[[term]]\npart = \"redundancy\"\nweight = -4.0\n",
    );
    for (total, counts) in [(3.0, 1.0), (0.25, 0.25), (-4.0, -0.5), (1.0, 1.0), (-0.5, -0.5)] {
        assert_eq!(reward.clipped(total), counts);
    }
    let (task, teacher) = (task(&OFFERED), attempt(&[("add", json!({}))]));
    assert_eq!(score(&reward, &Case::new(&task, &teacher, &teacher, true)).total, 3.0);
    assert_eq!(Reward::preset("mentor").expect("a preset").clipped(7.0), 7.0);
}

/// A student that adds and multiplies, beside a teacher that does the same, one that adds, and one that does neither.
fn taught(teachers: &str) -> (Score, [Score; 3]) {
    let reward = table(&format!(
        "name = \"x\"\n{teachers}\n[[gate]]\nrequire = \"teacher_used_tools\"\notherwise = 0.25\n[[term]]\npart = \"tool_set_f1\"\nweight = 1.0\n[[term]]\npart = \"order\"\nweight = 2.0\n"
    ));
    let (add, multiply) = (("add", json!({"a": 1})), ("multiply", json!({"a": 2})));
    let student = attempt(&[add.clone(), multiply.clone()]);
    let both: [Trajectory; 3] =
        [attempt(std::slice::from_ref(&add)), attempt(&[add, multiply]), attempt(&[])];
    let task = task(&OFFERED);
    let case = Case::new(&task, &student, &both[0], true);
    let alone = [0, 1, 2].map(|teacher: usize| score(&reward, &Case { teacher: &both[teacher], ..case }));
    (score_with_teachers(&reward, &case, &both[1..]), alone)
}

#[test]
fn of_several_teachers_the_best_match_or_the_mean_counts() {
    let (first, alone) = taught("");
    assert_eq!(first, alone[0]);
    let (best, alone) = taught("teachers = \"best\"");
    assert_eq!(best, alone[1]);
    let totals = alone.each_ref().map(|score| score.total);
    assert_eq!(totals, [2.0 / 3.0 + 2.0 * 2.0 / 3.0, 3.0, 0.25]);

    let (mean, _) = taught("teachers = \"mean\"");
    assert!((mean.total - totals.iter().sum::<f64>() / 3.0).abs() < 1e-12, "{mean:?}");
    let value = |name: &str| mean.part(name).expect("a part").value;
    assert!((value("tool_set_f1") - (2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-12);
    assert!((value("teacher_used_no_tools") - 0.25 / 3.0).abs() < 1e-12);
    // Both teachers with calls share the credit of the first turn, one the second's.
    let shares = &mean.part("order").expect("a part").shares;
    let expected = [(0, (2.0 / 3.0 + 0.5) / 3.0), (1, 0.5 / 3.0)];
    for (share, (turn, value)) in shares.iter().zip(expected) {
        assert!(share.turn == turn && (share.value - value).abs() < 1e-12, "{shares:?}");
    }
    assert_eq!(shares.len(), 2);
    assert!((mean.turn_credit(3).turns.iter().sum::<f64>() - 2.0 * value("order")).abs() < 1e-12);
}
