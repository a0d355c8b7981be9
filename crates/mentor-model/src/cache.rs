//! Keys and values of many sequences, each in a slot, and of the beginnings that several share.

use crate::kernels::attention::{KeysValues, keys_values_len};
use crate::kernels::simd::Level;
use crate::pool::Buffer;
use crate::{Config, Model};
use std::ops::Range;
use std::sync::Arc;

/// Packed keys and values of one head of one layer.
#[derive(Debug)]
pub(crate) struct HeadCache<'a> {
    pub(crate) keys: &'a mut [f32],
    pub(crate) values: &'a mut [f32],
}

/// For each layer and key-value head, one behind the other, the keys and values of up to `capacity` tokens.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    pub(crate) capacity: usize,
    /// Places of a head's keys, and of its values behind them.
    lengths: (usize, usize),
    data: Option<Buffer>,
}

impl Cache {
    fn new(model: &Model, capacity: usize) -> Self {
        let c = model.config();
        let lengths = keys_values_len(capacity, c.head_dim, Level::detect().panel());
        let heads = c.num_hidden_layers * c.num_key_value_heads;
        Self { capacity, lengths, data: Some(model.pool.take(heads * (lengths.0 + lengths.1))) }
    }

    pub(crate) fn view(&self, head: usize) -> KeysValues<'_> {
        let (keys, values) = self.lengths;
        let data = self.data.as_deref().unwrap_or_default();
        let (keys, values) = data[head * (keys + values)..][..keys + values].split_at(keys);
        KeysValues { keys, values, capacity: self.capacity }
    }

    pub(crate) fn heads(&mut self, heads: Range<usize>) -> impl Iterator<Item = HeadCache<'_>> {
        let (keys, values) = self.lengths;
        let data = self.data.as_deref_mut().unwrap_or_default();
        let mine = &mut data[heads.start * (keys + values)..heads.end * (keys + values)];
        mine.chunks_exact_mut((keys + values).max(1)).map(move |head| {
            let (keys, values) = head.split_at_mut(keys);
            HeadCache { keys, values }
        })
    }

    /// Takes over the first `len` tokens of a cache of the same model with as much room or less.
    fn copy_from(&mut self, from: &Self, len: usize, c: &Config) {
        let panel = Level::detect().panel();
        let keys = len.div_ceil(panel) * panel * c.head_dim;
        let (stride, from_stride) = (self.capacity * panel, from.capacity * panel);
        for (at, to) in self.heads(0..c.num_hidden_layers * c.num_key_value_heads).enumerate() {
            let from = from.view(at);
            to.keys[..keys].copy_from_slice(&from.keys[..keys]);
            for (to, from) in to.values.chunks_mut(stride).zip(from.values.chunks(from_stride)) {
                to[..len * panel].copy_from_slice(&from[..len * panel]);
            }
        }
    }
}

/// The beginning of a sequence, kept once for all that share it.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    pub(crate) cache: Arc<Cache>,
    /// How many of its tokens count.
    pub(crate) len: usize,
}

/// One sequence: what it shares, and what is its own.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) beginning: Option<Beginning>,
    pub(crate) own: Cache,
    pub(crate) own_len: usize,
}

impl Slot {
    /// Tokens of its beginning.
    pub(crate) fn shared(&self) -> usize {
        self.beginning.as_ref().map_or(0, |beginning| beginning.len)
    }

    pub(crate) fn len(&self) -> usize {
        self.shared() + self.own_len
    }

    /// Forgets all but the first `len` tokens.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.own_len = self.own_len.min(len.saturating_sub(self.shared()));
        if len == 0 {
            self.beginning = None;
        } else if let Some(beginning) = &mut self.beginning {
            beginning.len = beginning.len.min(len);
        }
    }

    /// Makes room for a sequence of `max_tokens` tokens in all.
    pub(crate) fn reserve(&mut self, model: &Model, max_tokens: usize) {
        let capacity = max_tokens - self.shared();
        if self.own.capacity < capacity {
            let old = std::mem::replace(&mut self.own, Cache::new(model, capacity));
            if self.own_len > 0 {
                self.own.copy_from(&old, self.own_len, model.config());
            }
        }
    }

    /// Makes `to` hold what this slot holds. What is this slot's own becomes a beginning that both share; behind a
    /// beginning it has with others already, its own is copied.
    pub(crate) fn fork(&mut self, to: &mut Self, model: &Model, max_tokens: usize) {
        if self.beginning.is_none() && self.own_len > 0 {
            let cache = Arc::new(std::mem::take(&mut self.own));
            self.beginning = Some(Beginning { cache, len: std::mem::take(&mut self.own_len) });
        }
        to.beginning.clone_from(&self.beginning);
        to.own_len = self.own_len;
        if self.own_len > 0 {
            if to.own.capacity < self.own.capacity {
                to.own = Cache::new(model, max_tokens - self.shared());
            }
            to.own.copy_from(&self.own, self.own_len, model.config());
        }
    }
}
