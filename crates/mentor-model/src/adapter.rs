//! Adapters on disk in PEFT's layout: `adapter_config.json` beside `adapter_model.safetensors`.

use crate::checkpoint::{SaveDtype, Tensors, read_tensors, write_atomically, write_parameters};
use crate::lora::{Lora, LoraConfig, Projection};
use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Writes both files; each appears whole or not at all.
pub(crate) fn save(lora: &Lora, dir: &Path, base: &str) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    write_parameters(&lora.parameters, &dir.join(WEIGHTS), SaveDtype::F32)?;
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": lora.config.rank,
        "lora_alpha": shortest(lora.config.alpha),
        "lora_dropout": 0.0,
        "target_modules": lora.config.targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "inference_mode": true,
        "modules_to_save": null,
        "use_dora": false,
        "use_rslora": false,
    });
    write_atomically(&dir.join(CONFIG), format!("{config:#}\n").as_bytes())
}

/// A whole number without a fraction, as PEFT writes it.
fn shortest(alpha: f64) -> Value {
    if alpha.fract() == 0.0 && alpha.abs() < 1e15 { json!(alpha as i64) } else { json!(alpha) }
}

/// Reads both files.
pub(crate) fn load(dir: &Path) -> Result<(LoraConfig, Tensors)> {
    let path = dir.join(CONFIG);
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let config = serde_json::from_str(&text)
        .map_err(|e| format!("not a JSON object: {e}"))
        .and_then(|map| read(&map))
        .map_err(|message| Error::file(&path, message))?;
    config.validate().map_err(|e| Error::file(&path, e.to_string()))?;
    Ok((config, read_tensors(&dir.join(WEIGHTS))?.0))
}

/// What PEFT offers and this crate does not: the key, and the values under which it does nothing.
const UNSUPPORTED: [(&str, &[&str]); 14] = [
    ("bias", &["\"none\""]),
    ("fan_in_fan_out", &["false"]),
    ("lora_bias", &["false"]),
    ("use_dora", &["false"]),
    ("use_rslora", &["false"]),
    ("use_qalora", &["false"]),
    ("use_bdlora", &["false"]),
    ("rank_pattern", &["{}"]),
    ("alpha_pattern", &["{}"]),
    ("modules_to_save", &["[]"]),
    ("layers_to_transform", &["[]"]),
    ("layer_replication", &["[]"]),
    ("exclude_modules", &["[]"]),
    ("trainable_token_indices", &["[]"]),
];

/// The configuration of plain LoRA; anything beyond it is refused by key.
fn read(map: &Map<String, Value>) -> Result<LoraConfig, String> {
    let kind = map.get("peft_type").unwrap_or(&Value::Null);
    if kind != "LORA" {
        return Err(format!("`peft_type` is {kind}: only `LORA` is supported"));
    }
    for (key, harmless) in UNSUPPORTED {
        let value = map.get(key).unwrap_or(&Value::Null);
        if !value.is_null() && !harmless.contains(&value.to_string().as_str()) {
            return Err(format!(
                "`{key}` is {value}: not supported; merge the adapter into its model with PEFT"
            ));
        }
    }
    let rank = map.get("r").and_then(Value::as_u64).and_then(|r| usize::try_from(r).ok());
    let alpha = map.get("lora_alpha").and_then(Value::as_f64);
    Ok(LoraConfig {
        rank: rank.ok_or("`r` is missing or no whole number")?,
        alpha: alpha.ok_or("`lora_alpha` is missing or no number")?,
        targets: targets(map.get("target_modules").unwrap_or(&Value::Null))?,
    })
}

/// A list of projection names, or `all-linear`. PEFT writes the list in no order; here it is that of a block.
fn targets(value: &Value) -> Result<Vec<Projection>, String> {
    if value == "all-linear" {
        return Ok(Projection::ALL.to_vec());
    }
    let known = Projection::ALL.map(Projection::name).join(", ");
    let mut targets: Vec<Projection> = serde_json::from_value(value.clone())
        .map_err(|_| format!("`target_modules` is {value}: expected a list of {known}, or `all-linear`"))?;
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}
