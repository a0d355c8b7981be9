//! Hugging Face checkpoints: `config.json` beside `model.safetensors`, or beside shards and their index.

use crate::model::{Parameters, parameter_shapes};
use crate::{Config, Error, Model, Result};
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The number type of a written checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveDtype {
    /// Four bytes a parameter; loading gives the same bits back.
    F32,
    /// Two bytes a parameter, rounded to nearest even.
    Bf16,
}

/// Shape and values of every tensor of a file, by name.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

impl Model {
    /// Reads `config.json` and `model.safetensors` (or the shards that `model.safetensors.index.json` names) of
    /// a folder. f32, bf16 and f16 tensors become f32; tensors that the configuration does not ask for are an
    /// error, except a head that is tied.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let config = Config::from_json(&text).map_err(|e| Error::file(&path, e.to_string()))?;
        let mut tensors = Tensors::new();
        for file in weight_files(dir)? {
            tensors.extend(read_tensors(&file)?.0);
        }
        if config.tie_word_embeddings {
            tensors.remove("lm_head.weight");
        }
        let foreign = format!("this architecture's, {}", config.architecture.class());
        let base = Parameters::from_tensors(parameter_shapes(&config), tensors, dir, &foreign)?;
        Ok(Self::assemble(config, base, None))
    }

    /// Writes `config.json` and `model.safetensors` into a folder, made if need be. Each file appears whole or
    /// not at all. A model with adapters is refused, since the file would not have them: see
    /// [`Model::save_lora`] and [`Model::merge_lora`].
    pub fn save(&self, dir: &Path, dtype: SaveDtype) -> Result<()> {
        if self.lora().is_some() {
            return Err(Error::Mismatch(format!(
                "{}: a checkpoint has no place for adapters; write them with `save_lora`, or merge them first",
                dir.display()
            )));
        }
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        write_parameters(self.base(), &dir.join("model.safetensors"), dtype)?;
        let mut config = self.config().clone();
        let name = if dtype == SaveDtype::F32 { "float32" } else { "bfloat16" };
        for key in ["torch_dtype", "dtype"] {
            if key == "dtype" || config.other.contains_key(key) {
                config.other.insert(key.to_owned(), name.into());
            }
        }
        write_atomically(&dir.join("config.json"), config.to_json().as_bytes())
    }
}

/// Writes parameters as one safetensors file.
pub(crate) fn write_parameters(parameters: &Parameters, path: &Path, dtype: SaveDtype) -> Result<()> {
    let mut tensors = Vec::new();
    for (name, var) in parameters.iter() {
        tensors.push((name, var.dims().to_vec(), encode(var.as_tensor(), dtype)?));
    }
    let kind = if dtype == SaveDtype::F32 { Dtype::F32 } else { Dtype::BF16 };
    let invalid = |e: safetensors::SafeTensorError| Error::file(path, e.to_string());
    let mut views = Vec::new();
    for (name, shape, data) in &tensors {
        views.push((*name, TensorView::new(kind, shape.clone(), data).map_err(invalid)?));
    }
    let note = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file = safetensors::serialize(views, Some(note)).map_err(invalid)?;
    write_atomically(path, &file)
}

/// A tensor's bytes, little-endian.
fn encode(tensor: &Tensor, dtype: SaveDtype) -> Result<Vec<u8>> {
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    Ok(match dtype {
        SaveDtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        SaveDtype::Bf16 => values.iter().flat_map(|&value| bf16(value).to_le_bytes()).collect(),
    })
}

/// The upper half of an f32, rounded to nearest even.
fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// The files that hold a checkpoint's tensors.
fn weight_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let single = dir.join("model.safetensors");
    if single.exists() {
        return Ok(vec![single]);
    }
    let index = dir.join("model.safetensors.index.json");
    let text = std::fs::read_to_string(&index).map_err(|_| {
        Error::file(
            dir,
            "holds neither model.safetensors nor model.safetensors.index.json: is it a checkpoint?",
        )
    })?;
    shard_names(&text)
        .map(|names| names.into_iter().map(|name| dir.join(name)).collect())
        .map_err(|message| Error::file(&index, message))
}

/// The files an index names, each once.
pub(crate) fn shard_names(index: &str) -> Result<BTreeSet<String>, String> {
    let value: serde_json::Value = serde_json::from_str(index).map_err(|e| e.to_string())?;
    let map = value.get("weight_map").and_then(|map| map.as_object()).ok_or("no `weight_map` object")?;
    map.values()
        .map(|name| {
            let name = name.as_str().ok_or("a value of `weight_map` is no file name")?;
            // An index comes with a checkpoint: it must not reach outside its folder.
            if name.contains(['/', '\\']) || name == ".." {
                return Err(format!("`weight_map` names `{name}`, which is no file of the folder"));
            }
            Ok(name.to_owned())
        })
        .collect()
}

/// Reads a safetensors file whole; floats of any width become f32. Also returns the file's own notes.
pub(crate) fn read_tensors(path: &Path) -> Result<(Tensors, HashMap<String, String>)> {
    let data = std::fs::read(path).map_err(Error::io(path))?;
    let invalid =
        |e: safetensors::SafeTensorError| Error::file(path, format!("not a whole safetensors file: {e}"));
    let file = SafeTensors::deserialize(&data).map_err(invalid)?;
    let (_, metadata) = SafeTensors::read_metadata(&data).map_err(invalid)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.iter() {
        let dtype = match view.dtype() {
            Dtype::F32 => DType::F32,
            Dtype::BF16 => DType::BF16,
            Dtype::F16 => DType::F16,
            other => {
                return Err(Error::file(
                    path,
                    format!("tensor `{name}` is {other:?}; expected F32, BF16 or F16"),
                ));
            }
        };
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?;
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
    }
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

/// Writes a file beside its place, flushes it to disk and renames it: a reader sees the old content or the new.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // Best effort: the first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(Error::io(path))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && let Ok(folder) = std::fs::File::open(folder)
    {
        // The rename itself reaches the disk with the folder; systems that cannot sync a folder say so,
        // harmlessly.
        let _ = folder.sync_all();
    }
    Ok(())
}
