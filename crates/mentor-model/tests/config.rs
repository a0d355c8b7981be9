//! Reading and writing `config.json`.

use mentor_model::Config;
use serde_json::{Value, json};

fn qwen3(changes: &[(&str, Value)]) -> String {
    let mut config = json!({
        "model_type": "qwen3", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000, "tie_word_embeddings": true, "eos_token_id": [7, 8], "sliding_window": null,
    });
    for (key, value) in changes {
        config[*key] = value.clone();
    }
    config.to_string()
}

#[test]
fn both_spellings_of_the_rotary_base_are_read_and_written() {
    let old = Config::from_json(&qwen3(&[])).unwrap();
    assert_eq!(old.rope_theta, 1e6);
    let nested = json!({"rope_theta": 5e5, "rope_type": "default"});
    let new = Config::from_json(&qwen3(&[("rope_theta", Value::Null), ("rope_parameters", nested)])).unwrap();
    assert_eq!(new.rope_theta, 5e5);
    let written: Value = serde_json::from_str(&new.to_json()).unwrap();
    assert_eq!(written["rope_theta"], 5e5);
    assert_eq!(written["rope_parameters"]["rope_theta"], 5e5);
}

#[test]
fn what_is_written_reads_the_same_and_keeps_unknown_keys() {
    let config = Config::from_json(&qwen3(&[("made_by", json!({"people": 2}))])).unwrap();
    assert_eq!(config.other["made_by"]["people"], 2);
    let again = Config::from_json(&config.to_json()).unwrap();
    assert_eq!(again.to_json(), config.to_json());
    assert_eq!((again.eos_token_id, again.rms_norm_eps), (vec![7, 8], 1e-6));
    assert!(config.to_json().contains("\"made_by\""));
    assert_eq!(serde_json::from_str::<Config>(&config.to_json()).unwrap().other["made_by"]["people"], 2);
}

#[test]
fn impossible_values_are_refused_by_name() {
    let cases = [
        ("vocab_size", Value::Null, "`vocab_size` is missing"),
        ("vocab_size", json!(-1), "`vocab_size` is -1"),
        ("hidden_size", json!(0), "`hidden_size` is 0"),
        ("num_key_value_heads", json!(3), "`num_key_value_heads` (3)"),
        ("head_dim", json!(31), "`head_dim` (31) is odd"),
        ("rope_theta", json!("big"), "`rope_theta`"),
        ("rope_theta", json!(-1.0), "`rope_theta`"),
        ("eos_token_id", json!("</s>"), "`eos_token_id`"),
        ("tie_word_embeddings", json!(1), "`tie_word_embeddings`"),
        ("model_type", json!("qwen2"), "`qwen2`"),
        ("hidden_act", json!("gelu"), "`gelu`"),
        ("use_sliding_window", json!(true), "`use_sliding_window`"),
        ("rope_scaling", json!({"type": "yarn"}), "`rope_scaling`"),
        ("rope_parameters", json!({"rope_type": "yarn"}), "`rope_parameters.rope_type`"),
    ];
    for (key, value, words) in cases {
        let error = Config::from_json(&qwen3(&[(key, value)])).unwrap_err().to_string();
        assert!(error.contains(words), "{key}: {error}");
    }
    assert!(Config::from_json("[]").is_err());
}
