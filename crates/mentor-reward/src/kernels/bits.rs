//! Sets of small numbers as bits: names interned once are compared a word at a time.

/// A set of numbers, one bit each.
#[derive(Clone, Debug, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Takes everything out; the memory stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Puts a number in. Memory is one bit for every number up to the largest.
    pub fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// How many numbers are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many numbers two sets share.
    pub fn intersection_len(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// F1 of one set against another: `2·|a ∩ b| / (|a| + |b|)`; 0 for two empty sets, symmetric.
    pub fn f1(&self, other: &Self) -> f64 {
        match self.len() + other.len() {
            0 => 0.0,
            both => 2.0 * self.intersection_len(other) as f64 / both as f64,
        }
    }
}

/// Equal if they hold the same numbers.
impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        let shared = self.0.len().min(other.0.len());
        self.0[..shared] == other.0[..shared]
            && self.0[shared..].iter().chain(&other.0[shared..]).all(|word| *word == 0)
    }
}

impl Eq for Bits {}
