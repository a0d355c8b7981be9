//! Seeds and random numbers: every draw is a function of numbers the caller names.

/// The step of the splitmix64 sequence: 2⁶⁴ divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output function of splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads every input bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One seed from several parts, in order: `(experiment, step, task, sample, turn)`, say.
///
/// The order and the number of parts count. Two lists that differ in exactly one part never share a seed; any
/// others do with the probability of two random 64-bit numbers.
///
/// ```
/// use mentor_rollout::{derive_seed, hash_text};
/// let seed = derive_seed(&[hash_text("quickstart"), 3, hash_text("arithmetic/train/17"), 0]);
/// assert_ne!(seed, derive_seed(&[hash_text("quickstart"), 3, hash_text("arithmetic/train/17"), 1]));
/// ```
pub fn derive_seed(parts: &[u64]) -> u64 {
    parts.iter().fold(mix(parts.len() as u64), |seed, part| mix((seed ^ part).wrapping_add(GOLDEN)))
}

/// A text as a number for [`derive_seed`]: FNV-1a over its bytes, then mixed. Not cryptographic.
pub fn hash_text(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(fnv)
}

/// xoshiro256++ (Blackman, Vigna 2019), its state filled by splitmix64 from one seed. Not cryptographic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Rng {
        // Four consecutive outputs of a bijection differ, so the state is never all zero.
        Rng { state: [1, 2, 3, 4].map(|step: u64| mix(seed.wrapping_add(GOLDEN.wrapping_mul(step)))) }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number of [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A number below `bound`, each equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        // The high half of a 128-bit product is uniform once the low halves that occur once too often are
        // rejected (Lemire 2019, algorithm 5).
        let excess = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= excess {
                return (product >> 64) as usize;
            }
        }
    }

    /// Puts the items into a random order, each equally likely (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests;
