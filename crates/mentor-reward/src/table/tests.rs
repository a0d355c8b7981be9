use super::*;

#[test]
fn presets_have_their_names_and_their_maxima() {
    let maxima = [1.1, 1.0, 1.0, 0.8, 1.1, 1.0, 1.1, 1.1, 1.1, 4.0];
    assert_eq!(Reward::preset_names().len(), maxima.len());
    for (name, maximum) in Reward::preset_names().iter().zip(maxima) {
        let reward = Reward::preset(name).unwrap();
        assert_eq!(reward.name, *name);
        assert!((reward.maximum() - maximum).abs() < 1e-12, "{name}: {}", reward.maximum());
        assert_eq!(reward.minimum(), if *name == "toolrl" { -3.0 } else { 0.0 }, "{name}");
        assert_eq!(reward.needs_placebo(), *name == "shuffled");
    }
    assert_eq!(Reward::preset("Mentor"), None);
}

#[test]
fn a_table_survives_toml_and_json() {
    for name in Reward::preset_names() {
        let reward = Reward::preset(name).unwrap();
        assert_eq!(Reward::from_toml(&reward.to_toml(), "again"), Ok(reward.clone()), "{}", reward.to_toml());
        let json = serde_json::to_string(&reward).unwrap();
        assert_eq!(serde_json::from_str::<Reward>(&json).unwrap(), reward);
    }
}

#[test]
fn names_in_tables_are_the_names_in_logs() {
    for measure in Measure::ALL {
        assert_eq!(serde_json::to_value(measure).unwrap(), measure.name());
    }
}

#[test]
fn negative_weights_bound_from_below() {
    let table = "name = \"p\"\n[[term]]\npart = \"correct\"\nweight = 1.0\n[[term]]\npart = \"ended\"\nweight = -0.5\nwhen_wrong = 2.0\n";
    let reward = Reward::from_toml(table, "t").unwrap();
    assert_eq!((reward.minimum(), reward.maximum()), (-1.0, 1.0));
}

/// Each refused table with what its message must say.
#[test]
fn refused_tables_name_the_file_the_key_and_the_remedy() {
    let cases = [
        ("name = \"x\"\n[[term]]\npart = \"correct\"\nweigth = 1.0\n", &["line 4", "weigth", "`weight`"][..]),
        ("name = \"x\"\n[[term]]\npart = \"speed\"\nweight = 1.0\n", &["line 3", "speed", "tool_set_f1"]),
        ("name = \"x\"\n[[gate]]\nrequire = \"boxed\"\n", &["otherwise"]),
        ("[[term]]\npart = \"correct\"\nweight = 1.0\n", &["name"]),
        ("name = \"x\"\n[[terms]]\npart = \"correct\"\nweight = 1.0\n", &["terms", "`term`"]),
        ("name = \"x\"\n[[term]]\npart = \"correct\"\nweight = \"1\"\n", &["line 4", "weight"]),
        ("name = \" \"\n[[term]]\npart = \"correct\"\nweight = 1.0\n", &["`name` is blank", "give"]),
        ("name = \"x\"\n", &["`term` is missing", "at least one"]),
        ("name = \"x\"\n[[term]]\npart = \"correct\"\nweight = nan\n", &["term 1: weight", "finite"]),
        ("name = \"x\"\n[[gate]]\nrequire = \"ended\"\notherwise = inf\n", &["gate 1: otherwise", "finite"]),
        (
            "name = \"x\"\n[[term]]\npart = \"order\"\nweight = 1.0\nwhen_wrong = -1.0\n",
            &["term 1: when_wrong", "0 or more"],
        ),
        (
            "name = \"x\"\n[[term]]\npart = \"order\"\nweight = 1.0\n[[term]]\npart = \"order\"\nweight = 2.0\n",
            &["term 2: part", "order", "one term"],
        ),
        (
            "name = \"x\"\n[[term]]\npart = \"order\"\nweight = 1.0\ntolerance = 0.1\n",
            &["term 1: tolerance", "order", "arguments"],
        ),
        (
            "name = \"x\"\n[[term]]\npart = \"arguments\"\nweight = 1.0\ntolerance = 1.5\n",
            &["term 1: tolerance", "0.01"],
        ),
        (
            "name = \"x\"\n[[term]]\npart = \"arguments\"\nweight = 1.0\nstrings = \"near\"\n",
            &["line 5", "near", "similar"],
        ),
        ("name = \"x\"\n[[term]]\npart = \"length\"\nweight = 1.0\n", &["term 1: limit` is missing"]),
        (
            "name = \"x\"\n[[term]]\npart = \"length\"\nweight = 1.0\nfree = 5\nlimit = 5\n",
            &["term 1: limit", "free"],
        ),
        ("name = \"x\"\n[[term]]\npart = \"boxed\"\nweight = 1.0\nlimit = 5\n", &["term 1: limit", "length"]),
        ("name = \"x\"\n[[term]]\npart = \"boxed\"\nweight = 2e6\n", &["term 1: weight", "1e6"]),
        (
            "name = \"x\"\n[[term]]\npart = \"boxed\"\nweight = 1.0\nschedule = { shape = \"linear\", end = 0 }\n",
            &["term 1: schedule", "`end` above `start`"],
        ),
        (
            "name = \"x\"\n[[term]]\npart = \"boxed\"\nweight = 1.0\nschedule = { shape = \"linear\", until = 9 }\n",
            &["until", "`end`"],
        ),
        (
            "name = \"x\"\nclip = { low = 1.0, high = 0.0 }\n[[gate]]\nrequire = \"boxed\"\notherwise = 0.0\n",
            &["`clip`", "below"],
        ),
        ("name = ", &["line 1"]),
    ];
    for (table, wanted) in cases {
        let message = Reward::from_toml(table, "my.toml").unwrap_err().to_string();
        assert!(message.starts_with("my.toml: "), "{message}");
        for part in wanted {
            assert!(message.contains(part), "{part:?} is not in:\n{message}");
        }
    }
}
