//! Adapters: trained alone, saved as PEFT does, merged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{bits, derivatives, models, ragged, tiny};
use mentor_model::{AdamW, AdamWConfig, LoraConfig, Model, Projection, SaveDtype};
use serde_json::{Value, json};
use std::path::Path;

fn numbers<'m>(parameters: impl Iterator<Item = (&'m str, &'m candle_core::Var)>) -> Vec<Vec<u32>> {
    let values = |var: &candle_core::Var| var.as_tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    parameters.map(|(_, var)| bits(&values(var))).collect()
}

fn logprobs(model: &Model) -> Vec<f32> {
    model.logprobs_no_grad(&ragged(), 1.0).unwrap().0
}

fn step(model: &Model, optimizer: &mut AdamW) {
    let gradients = model.logprobs(&ragged(), 1.0).unwrap().backward(&derivatives(&ragged())).unwrap();
    optimizer.step(model, &gradients, 1e-2).unwrap();
}

#[test]
fn fresh_adapters_change_nothing_and_start_as_in_peft() {
    let model = Model::random(tiny(true), 1).unwrap();
    let lora = LoraConfig { targets: vec![Projection::Q, Projection::Down], ..LoraConfig::new(4) };
    let adapted = model.with_lora(&lora, 9).unwrap();
    assert_eq!(bits(&logprobs(&adapted)), bits(&logprobs(&model)));
    assert_eq!(adapted.trainable_count(), lora.parameter_count(model.config()));
    assert_eq!(adapted.trainable_count(), 2 * 4 * ((24 + 60) + (40 + 24)));
    for (name, var) in adapted.trainable() {
        let values: Vec<f32> = var.as_tensor().flatten_all().unwrap().to_vec1().unwrap();
        let bound = 1.0 / (var.dims()[1] as f32).sqrt();
        if name.ends_with(".lora_B.weight") {
            assert!(values.iter().all(|&x| x == 0.0), "{name}");
        } else {
            let largest = values.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            assert!(largest <= bound && largest > 0.8 * bound, "{name}: {largest} of {bound}");
        }
    }
    let same = model.with_lora(&lora, 9).unwrap();
    let other = model.with_lora(&lora, 10).unwrap();
    assert_eq!(numbers(same.trainable()), numbers(adapted.trainable()));
    assert_ne!(numbers(other.trainable()), numbers(adapted.trainable()));
}

#[test]
fn training_moves_every_adapter_and_nothing_else() {
    for (of, model) in models(2) {
        if model.lora().is_none() {
            continue;
        }
        let (base, before) = (numbers(model.parameters()), numbers(model.trainable()));
        let mut optimizer = AdamW::new(&model, AdamWConfig::default());
        step(&model, &mut optimizer);
        assert_eq!(numbers(model.parameters()), base, "{of}");
        let after = numbers(model.trainable());
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{of}");
    }
}

#[test]
fn a_saved_adapter_and_its_optimizer_go_on_with_every_bit() {
    for (of, model) in models(3) {
        let Some(lora) = model.lora() else { continue };
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("optimizer.safetensors");
        let mut optimizer = AdamW::new(&model, AdamWConfig::default());
        step(&model, &mut optimizer);
        model.save_lora(folder.path(), "somebody/base").unwrap();
        optimizer.save(&state).unwrap();
        let back = model.without_lora().load_lora(folder.path()).unwrap();
        assert_eq!(back.lora().unwrap().targets.len(), lora.targets.len());
        let mut resumed = AdamW::load(&back, AdamWConfig::default(), &state).unwrap();
        step(&model, &mut optimizer);
        step(&back, &mut resumed);
        assert_eq!(numbers(back.trainable()), numbers(model.trainable()), "{of}");
        assert_eq!(bits(&logprobs(&back)), bits(&logprobs(&model)), "{of}");
    }
}

#[test]
fn merged_weights_give_the_adapted_model_up_to_rounding() {
    for (of, model) in models(4) {
        let merged = model.merge_lora().unwrap();
        assert!(merged.lora().is_none());
        let (merged, adapted, base) = (logprobs(&merged), logprobs(&model), logprobs(&model.without_lora()));
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart(&merged, &adapted) < 1e-4, "{of}: {}", apart(&merged, &adapted));
        assert_eq!(apart(&adapted, &base) > 1e-2, model.lora().is_some(), "{of}: the adapter does something");
    }
}

#[test]
fn a_plain_checkpoint_of_an_adapted_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::random(tiny(true), 5).unwrap();
    let adapted = model.with_lora(&LoraConfig::new(2), 1).unwrap();
    let error = adapted.save(folder.path(), SaveDtype::F32).unwrap_err().to_string();
    assert!(error.contains("save_lora"), "{error}");
    assert!(model.save_lora(folder.path(), "").unwrap_err().to_string().contains("no adapters"));
    for lora in [
        LoraConfig::new(0),
        LoraConfig { alpha: f64::NAN, ..LoraConfig::new(2) },
        LoraConfig { targets: vec![], ..LoraConfig::new(2) },
    ] {
        assert!(model.with_lora(&lora, 1).is_err(), "{lora:?}");
    }
    let mut optimizer = AdamW::new(&model, AdamWConfig::default());
    let gradients = adapted.logprobs(&ragged(), 1.0).unwrap().backward(&derivatives(&ragged())).unwrap();
    assert!(optimizer.step(&model, &gradients, 1e-3).is_err(), "gradients of adapters for a plain model");
}

#[track_caller]
fn refused(model: &Model, folder: &Path, words: &str) {
    let error = model.load_lora(folder).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn adapters_beyond_plain_lora_are_refused_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::random(tiny(true), 6).unwrap();
    refused(&model, folder.path(), "adapter_config.json");
    model.with_lora(&LoraConfig::new(2), 1).unwrap().save_lora(folder.path(), "").unwrap();
    let path = folder.path().join("adapter_config.json");
    let good: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let with = |key: &str, value: Value| {
        let mut config = good.clone();
        config[key] = value;
        std::fs::write(&path, config.to_string()).unwrap();
    };
    let cases = [
        ("peft_type", json!("IA3"), "`peft_type`"),
        ("r", json!("two"), "`r`"),
        ("r", json!(0), "`rank` is 0"),
        ("r", json!(3), "has shape"),
        ("use_dora", json!(true), "`use_dora`"),
        ("use_rslora", json!(true), "`use_rslora`"),
        ("bias", json!("all"), "`bias`"),
        ("rank_pattern", json!({"q_proj": 3}), "`rank_pattern`"),
        ("modules_to_save", json!(["lm_head"]), "`modules_to_save`"),
        ("target_modules", json!(".*"), "`target_modules`"),
        ("target_modules", json!(["lm_head"]), "`target_modules`"),
        ("target_modules", json!(["q_proj"]), "is none of"),
    ];
    for (key, value, words) in cases {
        with(key, value);
        refused(&model, folder.path(), words);
    }
    with("target_modules", json!("all-linear"));
    assert_eq!(model.load_lora(folder.path()).unwrap().lora().unwrap().targets, Projection::ALL);
    std::fs::write(&path, "[").unwrap();
    refused(&model, folder.path(), "not a JSON object");
}

#[test]
fn a_configuration_needs_only_a_rank() {
    let read = |text: &str| serde_json::from_str::<LoraConfig>(text);
    assert_eq!(read(r#"{"rank": 4}"#).unwrap(), LoraConfig::new(4));
    let given = read(r#"{"rank": 4, "alpha": 3, "targets": ["v_proj"]}"#).unwrap();
    assert_eq!((given.alpha, given.targets), (3.0, vec![Projection::V]));
    assert!(read(r#"{"rank": 4, "dropout": 0.1}"#).is_err());
    assert!(read(r#"{"alpha": 4}"#).is_err());
}
