//! Keys and values of many sequences, each in a slot, and of the beginnings that several share.

use crate::Config;
use crate::kernels::attention::{KeysValues, keys_values_len};
use crate::kernels::simd::Level;
use std::sync::Arc;

/// Packed keys and values of one head of one layer.
#[derive(Debug)]
pub(crate) struct HeadCache {
    pub(crate) keys: Vec<f32>,
    pub(crate) values: Vec<f32>,
}

/// For each layer and key-value head, one behind the other, the keys and values of up to `capacity` tokens.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    pub(crate) capacity: usize,
    pub(crate) heads: Vec<HeadCache>,
}

impl Cache {
    fn new(c: &Config, capacity: usize) -> Self {
        let (keys, values) = keys_values_len(capacity, c.head_dim, Level::detect().panel());
        let head = |_| HeadCache { keys: vec![0.0; keys], values: vec![0.0; values] };
        Self { capacity, heads: (0..c.num_hidden_layers * c.num_key_value_heads).map(head).collect() }
    }

    pub(crate) fn view(&self, head: usize) -> KeysValues<'_> {
        let HeadCache { keys, values } = &self.heads[head];
        KeysValues { keys, values, capacity: self.capacity }
    }

    /// Takes over the first `len` tokens of a cache of the same model with as much room or less.
    fn copy_from(&mut self, from: &Self, len: usize, head_dim: usize) {
        let panel = Level::detect().panel();
        let keys = len.div_ceil(panel) * panel * head_dim;
        let (stride, from_stride) = (self.capacity * panel, from.capacity * panel);
        for (to, from) in self.heads.iter_mut().zip(&from.heads) {
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
    pub(crate) fn reserve(&mut self, c: &Config, max_tokens: usize) {
        let capacity = max_tokens - self.shared();
        if self.own.capacity < capacity {
            let old = std::mem::replace(&mut self.own, Cache::new(c, capacity));
            if self.own_len > 0 {
                self.own.copy_from(&old, self.own_len, c.head_dim);
            }
        }
    }

    /// Makes `to` hold what this slot holds. What is this slot's own becomes a beginning that both share; behind a
    /// beginning it has with others already, its own is copied.
    pub(crate) fn fork(&mut self, to: &mut Self, c: &Config, max_tokens: usize) {
        if self.beginning.is_none() && self.own_len > 0 {
            let cache = Arc::new(std::mem::take(&mut self.own));
            self.beginning = Some(Beginning { cache, len: std::mem::take(&mut self.own_len) });
        }
        to.beginning.clone_from(&self.beginning);
        to.own_len = self.own_len;
        if self.own_len > 0 {
            if to.own.capacity < self.own.capacity {
                to.own = Cache::new(c, max_tokens - self.shared());
            }
            to.own.copy_from(&self.own, self.own_len, c.head_dim);
        }
    }
}
