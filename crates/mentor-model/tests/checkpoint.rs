//! Checkpoints and optimizer states: out, in again, and the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{bits, derivatives, ragged, tiny};
use mentor_model::{AdamW, AdamWConfig, Batch, Config, Error, Model, SaveDtype};
use std::path::Path;

fn all_bits(model: &Model) -> Vec<u32> {
    let values = |var: &candle_core::Var| var.as_tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    model.parameters().flat_map(|(_, var)| bits(&values(var))).collect()
}

fn step(model: &Model, optimizer: &mut AdamW, batch: &Batch) {
    let gradients = model.logprobs(batch, 1.0).unwrap().backward(&derivatives(batch)).unwrap();
    optimizer.step(model, &gradients, 3e-3).unwrap();
}

#[test]
fn a_saved_model_comes_back_with_every_bit() {
    for tie in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/on/the/way");
        let mut config = tiny(tie);
        config.eos_token_id = vec![3, 5];
        config.other.insert("house_rule".into(), serde_json::json!({"kept": [1, 2.5]}));
        let model = Model::random(config, 1).unwrap();
        model.save(&path, SaveDtype::F32).unwrap();
        let back = Model::load(&path).unwrap();
        assert_eq!(all_bits(&back), all_bits(&model));
        assert_eq!(back.config().eos_token_id, [3, 5]);
        assert_eq!(back.config().other["house_rule"], model.config().other["house_rule"]);
        assert!(std::fs::read_dir(&path).unwrap().all(|entry| !entry.unwrap().path().ends_with(".partial")));
    }
}

#[test]
fn bf16_rounds_once_and_then_stays() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::random(tiny(true), 2).unwrap();
    model.save(folder.path(), SaveDtype::Bf16).unwrap();
    let rounded = Model::load(folder.path()).unwrap();
    for (mine, theirs) in all_bits(&rounded).iter().zip(all_bits(&model)) {
        assert_eq!(mine & 0xffff, 0);
        let (mine, theirs) = (f32::from_bits(*mine), f32::from_bits(theirs));
        assert!((mine - theirs).abs() <= theirs.abs() / 256.0);
    }
    rounded.save(folder.path(), SaveDtype::Bf16).unwrap();
    assert_eq!(all_bits(&Model::load(folder.path()).unwrap()), all_bits(&rounded));
}

#[test]
fn resuming_the_optimizer_gives_the_bits_of_not_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, state) = (folder.path().join("model"), folder.path().join("optimizer.safetensors"));
    let config = AdamWConfig { weight_decay: 0.05, ..AdamWConfig::default() };
    let batch = ragged();
    let model = Model::random(tiny(false), 3).unwrap();
    let mut optimizer = AdamW::new(&model, config);
    for _ in 0..3 {
        step(&model, &mut optimizer, &batch);
    }
    model.save(&weights, SaveDtype::F32).unwrap();
    optimizer.save(&state).unwrap();
    let resumed = Model::load(&weights).unwrap();
    let mut second = AdamW::load(&resumed, config, &state).unwrap();
    assert_eq!(second.steps(), 3);
    for _ in 0..3 {
        step(&model, &mut optimizer, &batch);
        step(&resumed, &mut second, &batch);
    }
    assert_eq!(all_bits(&resumed), all_bits(&model));
}

#[test]
fn shards_are_read_through_their_index() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::random(tiny(false), 4).unwrap();
    model.save(folder.path(), SaveDtype::F32).unwrap();
    let whole = folder.path().join("model.safetensors");
    let tensors = candle_core::safetensors::load(&whole, &candle_core::Device::Cpu).unwrap();
    let mut names: Vec<_> = tensors.keys().cloned().collect();
    names.sort();
    let mut map = serde_json::Map::new();
    for (i, half) in names.chunks(names.len().div_ceil(2)).enumerate() {
        let file = format!("model-0000{}-of-00002.safetensors", i + 1);
        let part = half.iter().map(|name| (name.clone(), tensors[name].clone())).collect();
        candle_core::safetensors::save(&part, folder.path().join(&file)).unwrap();
        map.extend(half.iter().map(|name| (name.clone(), file.clone().into())));
    }
    std::fs::remove_file(&whole).unwrap();
    let index = folder.path().join("model.safetensors.index.json");
    std::fs::write(&index, serde_json::json!({"weight_map": map}).to_string()).unwrap();
    assert_eq!(all_bits(&Model::load(folder.path()).unwrap()), all_bits(&model));
    std::fs::write(&index, r#"{"weight_map": {"model.norm.weight": "../elsewhere.safetensors"}}"#).unwrap();
    assert!(Model::load(folder.path()).unwrap_err().to_string().contains("no file of the folder"));
}

#[track_caller]
fn refused(folder: &Path, words: &str) {
    let error = Model::load(folder).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn broken_checkpoints_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    refused(path, "config.json");
    let config = path.join("config.json");
    let model = Model::random(tiny(true), 5).unwrap();
    model.save(path, SaveDtype::F32).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        std::fs::write(&config, text.replace(from, to)).unwrap();
    };
    with("\"hidden_size\": 24", "\"hidden_size\": \"wide\"");
    refused(path, "`hidden_size`");
    with("\"hidden_size\": 24", "\"hidden_size\": 48");
    refused(path, "has shape");
    with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    refused(path, "`model.layers.2.input_layernorm.weight` is missing");
    with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    refused(path, "is none of this architecture's");
    with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 4");
    refused(path, "no multiple");
    with("\"model_type\": \"qwen3\"", "\"model_type\": \"mistral\"");
    refused(path, "`model_type` is \"mistral\"");
    with("\"attention_bias\": false", "\"attention_bias\": true");
    refused(path, "`model.layers.0.self_attn.k_proj.bias` is missing");
    std::fs::write(&config, &text).unwrap();
    let weights = path.join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() - 5]).unwrap();
    refused(path, "not a whole safetensors file");
    std::fs::remove_file(&weights).unwrap();
    refused(path, "neither model.safetensors nor");
}

#[test]
fn optimizer_states_of_other_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.safetensors");
    let model = Model::random(tiny(true), 6).unwrap();
    let mut optimizer = AdamW::new(&model, AdamWConfig::default());
    optimizer.save(&state).unwrap();
    let shallow = Model::random(Config { num_hidden_layers: 3, ..tiny(true) }, 6).unwrap();
    assert!(matches!(AdamW::load(&shallow, AdamWConfig::default(), &state), Err(Error::File { .. })));
    let narrow = Model::random(Config { intermediate_size: 16, ..tiny(true) }, 6).unwrap();
    assert!(matches!(AdamW::load(&narrow, AdamWConfig::default(), &state), Err(Error::File { .. })));
    let batch = ragged();
    let gradients = narrow.logprobs(&batch, 1.0).unwrap().backward(&derivatives(&batch)).unwrap();
    assert!(optimizer.step(&narrow, &gradients, 1e-3).is_err());
    assert_eq!(optimizer.steps(), 0);
    model.save(folder.path(), SaveDtype::F32).unwrap();
    let weights = folder.path().join("model.safetensors");
    assert!(
        AdamW::load(&model, AdamWConfig::default(), &weights).unwrap_err().to_string().contains("`step`")
    );
}
