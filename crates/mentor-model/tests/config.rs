//! Reading and writing `config.json`.

use mentor_model::{Architecture, Config, RopeScaling};
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
fn the_family_is_that_of_model_type_or_of_architectures() {
    let cases = [
        (json!("qwen3"), Value::Null, Architecture::Qwen3),
        (json!("qwen2"), json!(["Qwen2ForCausalLM"]), Architecture::Qwen2),
        (json!("llama"), json!([]), Architecture::Llama),
        (Value::Null, json!(["LlamaForCausalLM"]), Architecture::Llama),
        (Value::Null, Value::Null, Architecture::Qwen3),
    ];
    for (kind, classes, expected) in cases {
        let changes = [("model_type", kind.clone()), ("architectures", classes)];
        let config = Config::from_json(&qwen3(&changes)).unwrap();
        assert_eq!(config.architecture, expected, "{kind}");
        let written: Value = serde_json::from_str(&config.to_json()).unwrap();
        assert_eq!(written["model_type"], expected.model_type());
        assert_eq!(written["architectures"], json!([expected.class()]));
    }
}

#[test]
fn a_missing_head_dim_is_what_transformers_takes() {
    for (kind, expected) in [("qwen3", 128), ("qwen2", 16), ("llama", 16)] {
        for absent in [Value::Null, json!(32)] {
            let text = qwen3(&[("model_type", json!(kind)), ("head_dim", absent.clone())]);
            let expected = if absent.is_null() { expected } else { 32 };
            assert_eq!(Config::from_json(&text).unwrap().head_dim, expected, "{kind}");
        }
    }
}

#[test]
fn scaled_rotary_embeddings_are_read_and_written_in_both_spellings() {
    let scaling = json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    });
    let expected = RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192.0,
    };
    let mut nested = scaling.clone();
    nested["rope_theta"] = json!(5e5);
    let old = Config::from_json(&qwen3(&[("rope_scaling", scaling), ("rope_theta", json!(5e5))])).unwrap();
    let new = Config::from_json(&qwen3(&[("rope_parameters", nested), ("rope_theta", Value::Null)])).unwrap();
    assert_eq!((new.rope_scaling, new.rope_theta), (expected, 5e5));
    assert_eq!(old, new);
    let written: Value = serde_json::from_str(&new.to_json()).unwrap();
    for key in ["rope_parameters", "rope_scaling"] {
        assert_eq!(written[key]["original_max_position_embeddings"], 8192, "{key}");
    }
    assert_eq!(Config::from_json(&new.to_json()).unwrap().rope_scaling, expected);
    let linear = json!({"type": "linear", "factor": 2.5});
    let linear = Config::from_json(&qwen3(&[("rope_scaling", linear)])).unwrap();
    assert_eq!(linear.rope_scaling, RopeScaling::Linear { factor: 2.5 });
    assert_eq!(Config::from_json(&linear.to_json()).unwrap().rope_scaling, linear.rope_scaling);
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
        ("model_type", json!("mistral"), "`qwen2` (Qwen2ForCausalLM)"),
        ("architectures", json!(["Qwen3ForSequenceClassification"]), "`architectures`"),
        ("mlp_bias", json!(true), "`mlp_bias`"),
        ("attention_bias", json!("yes"), "`attention_bias`"),
        ("layer_types", json!(["full_attention", "sliding_attention"]), "`layer_types`"),
        ("hidden_act", json!("gelu"), "`gelu`"),
        ("use_sliding_window", json!(true), "`use_sliding_window`"),
        ("rope_scaling", json!({"type": "yarn"}), "`rope_scaling`"),
        ("rope_scaling", json!({"type": "linear"}), "`rope_scaling.factor` is missing"),
        ("rope_scaling", json!("linear"), "`rope_scaling` is \"linear\""),
        ("rope_parameters", json!({"rope_type": "yarn"}), "`rope_parameters.rope_type`"),
        ("rope_parameters", json!({"rope_type": "linear", "factor": 0}), "`rope_parameters.factor`"),
        ("rope_parameters", json!({"rope_theta": "big"}), "`rope_parameters.rope_theta`"),
        ("rope_parameters", json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor"),
    ];
    for (key, value, words) in cases {
        let error = Config::from_json(&qwen3(&[(key, value)])).unwrap_err().to_string();
        assert!(error.contains(words), "{key}: {error}");
    }
    assert!(Config::from_json("[]").is_err());
}
