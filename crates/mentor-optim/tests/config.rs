//! Objectives, advantages and schedules as configuration, and the schedules' values.

use mentor_optim::{AdvantageConfig, Kl, KlEstimator, Normalizer, Objective, Schedule, Shape, Surrogate};

#[test]
fn every_named_objective_is_valid_and_survives_toml() {
    let all = [
        Objective::mentor(),
        Objective::grpo(),
        Objective::dr_grpo(128.0),
        Objective::dapo(),
        Objective::gspo(),
        Objective::cispo_capped(5.0),
        Objective::cispo_clamped(1.0, 3.0),
    ];
    for objective in all {
        objective.validate().unwrap();
        let text = toml::to_string(&objective).unwrap();
        assert_eq!(toml::from_str::<Objective>(&text).unwrap(), objective, "{text}");
    }
}

#[test]
fn an_objective_is_written_as_a_person_would() {
    let expected = "surrogate = \"clipped\"\nratio = \"token\"\nclip_low = 0.2\nclip_high = 0.2\ndual_clip = 3.0\n\
                    normalizer = \"token_mean\"\n\n[kl]\nestimator = \"k3\"\ncoefficient = 0.001\n";
    assert_eq!(toml::to_string(&Objective::mentor()).unwrap(), expected);
}

#[test]
fn what_is_left_out_has_the_plain_value() {
    let text = "clip_low = 0.2\nclip_high = 0.28\nnormalizer = { constant = 100 }";
    let objective: Objective = toml::from_str(text).unwrap();
    assert_eq!(objective, Objective { clip_high: 0.28, ..Objective::dr_grpo(100.0) });
    assert_eq!(toml::from_str::<AdvantageConfig>("").unwrap(), AdvantageConfig::grpo());
    assert_eq!(toml::from_str::<Schedule>("peak = 1e-6").unwrap(), Schedule::constant(1e-6));
}

#[test]
fn unknown_keys_are_refused() {
    let errors = [
        toml::from_str::<Objective>("clip_low = 0.2\nclip_hi = 0.2\nnormalizer = \"token_mean\"")
            .unwrap_err(),
        toml::from_str::<AdvantageConfig>("clip_hi = 1").unwrap_err(),
        toml::from_str::<Schedule>("peak = 1.0\nclip_hi = 1").unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("clip_hi"), "{error}");
    }
}

#[test]
fn impossible_fields_are_named() {
    let good = Objective::dapo();
    let cases = [
        (Objective { clip_low: -0.1, ..good }, "clip_low"),
        (Objective { clip_high: f32::NAN, ..good }, "clip_high"),
        (Objective { dual_clip: Some(1.25), ..good }, "dual_clip"),
        (Objective { dual_clip: Some(3.0), surrogate: Surrogate::CispoCapped, ..good }, "dual_clip"),
        (
            Objective { kl: Some(Kl { estimator: KlEstimator::K1, coefficient: -1.0 }), ..good },
            "kl.coefficient",
        ),
        (Objective { normalizer: Normalizer::Constant(0.0), ..good }, "normalizer.constant"),
    ];
    for (objective, field) in cases {
        let error = objective.validate().unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
    for epsilon in [-1.0, f64::NAN, f64::INFINITY] {
        let error =
            AdvantageConfig { epsilon, ..AdvantageConfig::grpo() }.validate().unwrap_err().to_string();
        assert!(error.contains("`epsilon`"), "{error}");
    }
    for good in [AdvantageConfig::grpo(), AdvantageConfig::trl(), AdvantageConfig::dr_grpo()] {
        good.validate().unwrap();
    }
}

#[test]
fn schedules_rise_and_fall_as_documented() {
    let rates = |schedule: Schedule| (0..6).map(|step| schedule.rate(step, 6)).collect::<Vec<_>>();
    assert_eq!(rates(Schedule::constant(2.0)), [2.0; 6]);
    assert_eq!(rates(Schedule::linear(2.0, 2)), [1.0, 2.0, 2.0, 1.5, 1.0, 0.5]);
    let cosine = rates(Schedule { floor: 0.1, ..Schedule::cosine(2.0, 2) });
    assert_eq!(cosine[..3], [1.0, 2.0, 2.0]);
    assert!((cosine[4] - 1.1).abs() < 1e-12, "half way, half way down to the floor");
    assert_eq!(Schedule::linear(2.0, 0).rate(6, 6), 0.0);
}

#[test]
fn no_schedule_leaves_its_range_or_divides_by_zero() {
    for shape in [Shape::Constant, Shape::Linear, Shape::Cosine] {
        for (warmup, total) in [(0, 0), (5, 0), (5, 3), (3, 3), (0, 1), (2, 10)] {
            let schedule = Schedule { shape, peak: 1.0, warmup, floor: 0.2 };
            for step in 0..20 {
                let rate = schedule.rate(step, total);
                assert!((0.2..=1.0).contains(&rate), "{schedule:?} at {step} of {total}: {rate}");
            }
        }
    }
}
