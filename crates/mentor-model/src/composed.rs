//! The same model composed of candle's operations: slow, obviously right, and good for any device.
//!
//! It is what the kernels are tested against, and what runs where they cannot. Only operations whose gradient
//! candle knows are used; its fused norms, softmax and rotary embedding drop theirs without an error.

use crate::model::{LayerIndex, LinearIndex};
use crate::pool::Buffer;
use crate::{Batch, Error, Gradients, Model, Result};
use candle_core::{D, DType, IndexOp, Tensor};

type Tensors = candle_core::Result<Tensor>;

/// `x · w / √(mean(x²) + ε)` over the last dimension.
fn rms_norm(x: &Tensor, w: &Tensor, eps: f32) -> Tensors {
    let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean + f64::from(eps))?.sqrt()?)?.broadcast_mul(w)
}

/// `x·Wᵀ` of `(T, in)` and `(out, in)`.
fn product(x: &Tensor, w: &Tensor) -> Tensors {
    x.matmul(&w.t()?)
}

/// A projection with its bias and its adapter.
fn linear(model: &Model, x: &Tensor, of: LinearIndex) -> Tensors {
    let mut y = product(x, model.tensor(of.weight))?;
    if let Some(bias) = of.bias {
        y = y.broadcast_add(model.tensor(bias))?;
    }
    if let (Some(lora), Some(adapter)) = (model.lora_state(), of.adapter) {
        let low = |at: usize| lora.parameters.vars[at].as_tensor();
        let added = product(&product(x, low(adapter.a))?, low(adapter.b))?;
        y = (y + (added * f64::from(lora.config.scale()))?)?;
    }
    Ok(y)
}

/// `(heads, T, head_dim)` turned by cosines and sines of `(T, head_dim / 2)`.
fn rope(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Tensors {
    let half = x.dim(D::Minus1)? / 2;
    let (low, high) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
    let first = (low.broadcast_mul(cos)? - high.broadcast_mul(sin)?)?;
    let second = (high.broadcast_mul(cos)? + low.broadcast_mul(sin)?)?;
    Tensor::cat(&[first, second], D::Minus1)
}

/// `(T, heads·head_dim)` to `(heads, T, head_dim)`.
fn heads(x: &Tensor, heads: usize) -> Tensors {
    let (t, width) = x.dims2()?;
    x.reshape((t, heads, width / heads))?.transpose(0, 1)?.contiguous()
}

/// Logarithms of the softmax over the last dimension.
fn log_softmax(x: &Tensor) -> Tensors {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(D::Minus1)?.log()?)
}

/// Causal attention of one sequence, `(T, D)` normalised rows to `(T, heads·head_dim)`.
fn attention(model: &Model, layer: &LayerIndex, x: &Tensor, cos: &Tensor, sin: &Tensor) -> Tensors {
    let c = model.config();
    let t = x.dim(0)?;
    let normal = |x: Tensor, norm: Option<usize>| match norm {
        Some(norm) => rms_norm(&x, model.tensor(norm), c.rms_norm_eps),
        None => Ok(x),
    };
    let q = heads(&linear(model, x, layer.q)?, c.num_attention_heads)?;
    let k = heads(&linear(model, x, layer.k)?, c.num_key_value_heads)?;
    let v = heads(&linear(model, x, layer.v)?, c.num_key_value_heads)?;
    let q = rope(&normal(q, layer.q_norm)?, cos, sin)?;
    let k = rope(&normal(k, layer.k_norm)?, cos, sin)?;
    let shared = |x: &Tensor| {
        x.unsqueeze(1)?
            .expand((c.num_key_value_heads, c.group(), t, c.head_dim))?
            .reshape((c.num_attention_heads, t, c.head_dim))?
            .contiguous()
    };
    let (k, v) = (shared(&k)?, shared(&v)?);
    let scores = (q.matmul(&k.transpose(1, 2)?.contiguous()?)? * f64::from(c.attention_scale()))?;
    let mask: Vec<f32> =
        (0..t).flat_map(|i| (0..t).map(move |j| if j <= i { 0.0 } else { f32::NEG_INFINITY })).collect();
    let mask = Tensor::from_vec(mask, (1, t, t), x.device())?;
    let p = log_softmax(&scores.broadcast_add(&mask)?)?.exp()?;
    p.matmul(&v)?.transpose(0, 1)?.contiguous()?.reshape((t, c.q_width()))
}

/// Final normalised rows of one sequence, `(T, D)`.
fn sequence(model: &Model, ids: &[u32]) -> Tensors {
    let c = model.config();
    let device = model.tensor(0).device();
    let table = c.rope_table(ids.len());
    let cos = Tensor::from_vec(table.cos, (ids.len(), c.head_dim / 2), device)?;
    let sin = Tensor::from_vec(table.sin, (ids.len(), c.head_dim / 2), device)?;
    let mut x = model.tensor(model.index.embed).index_select(&Tensor::new(ids, device)?, 0)?;
    for layer in &model.index.layers {
        let normal = rms_norm(&x, model.tensor(layer.input_norm), c.rms_norm_eps)?;
        let attended = attention(model, layer, &normal, &cos, &sin)?;
        x = (x + linear(model, &attended, layer.o)?)?;
        let normal = rms_norm(&x, model.tensor(layer.post_norm), c.rms_norm_eps)?;
        let gate = linear(model, &normal, layer.gate)?;
        let silu = (&gate / (gate.neg()?.exp()? + 1.0)?)?;
        let active = (silu * linear(model, &normal, layer.up)?)?;
        x = (x + linear(model, &active, layer.down)?)?;
    }
    rms_norm(&x, model.tensor(model.index.norm), c.rms_norm_eps)
}

/// Final rows of the whole batch, `(N, D)`.
fn rows(model: &Model, batch: &Batch) -> Tensors {
    let sequences: Vec<(usize, usize)> = batch.sequences().collect();
    let mut parts = Vec::with_capacity(sequences.len());
    for family in batch.families() {
        let (start, end) = sequences[family.start];
        let shared = &batch.ids[start..end];
        parts.push(sequence(model, shared)?);
        for &(start, end) in &sequences[family.start + 1..family.end] {
            let whole = sequence(model, &[shared, &batch.ids[start..end]].concat())?;
            parts.push(whole.narrow(0, shared.len(), end - start)?);
        }
    }
    Tensor::cat(&parts, 0)
}

/// Logits `(N, V)` with their graph.
pub(crate) fn logits(model: &Model, batch: &Batch) -> Result<Tensor> {
    Ok(product(&rows(model, batch)?, model.tensor(model.index.output()))?)
}

/// `(values, entropies)` of the scored tokens, the values with their graph.
pub(crate) fn logprobs(model: &Model, batch: &Batch, temperature: f32) -> Result<(Tensor, Tensor)> {
    let device = model.tensor(0).device();
    if batch.scored.is_empty() {
        let none = Tensor::zeros(0, DType::F32, device)?;
        return Ok((none.clone(), none));
    }
    let before: Vec<u32> = batch.predicting().iter().map(|&row| row as u32).collect();
    let tokens: Vec<u32> = batch.scored.iter().map(|&at| batch.ids[at]).collect();
    let count = tokens.len();
    let chosen = rows(model, batch)?.index_select(&Tensor::from_vec(before, count, device)?, 0)?;
    let logits = (product(&chosen, model.tensor(model.index.output()))? / f64::from(temperature))?;
    let all = log_softmax(&logits)?;
    let values = all.gather(&Tensor::from_vec(tokens, (count, 1), device)?, 1)?.i((.., 0))?;
    let entropies = (all.exp()? * &all)?.sum(D::Minus1)?.neg()?.detach();
    Ok((values, entropies))
}

/// The gradients of every trainable parameter through candle's graph.
pub(crate) fn backward(model: &Model, values: &Tensor, d_values: &[f32]) -> Result<Gradients> {
    let weights = Tensor::new(d_values, values.device())?;
    let store = (values * weights)?.sum_all()?.backward()?;
    let mut gradients: Vec<Buffer> = Vec::new();
    for (name, var) in model.trainable() {
        let gradient = store.get(var.as_tensor()).ok_or_else(|| Error::MissingGradient(name.to_owned()))?;
        let host: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        let mut buffer = model.pool.take(host.len());
        buffer.copy_from_slice(&host);
        gradients.push(buffer);
    }
    Ok(Gradients::new(model.trained().names.clone(), gradients))
}
