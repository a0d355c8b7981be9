//! The softmax of one row of logits, fast enough for every row of a batch at every token.
//!
//! f32, largest logit subtracted before the exponential, temperature applied to the difference, the sum in f64.
//! Tokens are chosen with it; the log-probability that is stored with a token is the policy's own
//! ([`crate::Policy::logprob`]).

use std::f32::consts::LOG2_E;

/// Exponentials are summed and searched in blocks, so that a draw looks at one block closely and skips the
/// others.
const BLOCK: usize = 64;

/// Below this the exponential is no normal f32 any more and counts as zero.
const SMALLEST: f32 = -87.33;

/// Adding and subtracting 1.5 · 2²³ rounds an f32 of moderate size to the nearest integer, which then stands
/// in the low bits: a rounding that vectorises on every x86-64.
const ROUND: f32 = 12_582_912.0;

/// e^x for x ≤ 0, within 2 ulp; exactly 0 below -87.33, exactly 1 at 0. No branch and no call, so that loops
/// vectorise.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r is its Taylor polynomial of degree 7, whose remainder is below 6e-9.
#[inline]
fn exp(x: f32) -> f32 {
    // ln 2 in two parts; the first has 10 significant bits, so its product with n is exact.
    const LN2_HIGH: f32 = 355.0 / 512.0;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let inside = if x > SMALLEST { x } else { SMALLEST };
    let shifted = inside * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (inside - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    let tail = (sum * r) * r + r;
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32).wrapping_add(127) << 23;
    let value = (1.0 + tail) * f32::from_bits(exponent as u32);
    if x > SMALLEST { value } else { 0.0 }
}

/// A row of logits with what its softmax at a temperature needs.
pub(crate) struct Softmax<'a> {
    logits: &'a [f32],
    largest: f32,
    inverse_temperature: f32,
    /// The sum of exponentials of each block of [`BLOCK`] logits.
    blocks: Vec<f64>,
    total: f64,
}

impl<'a> Softmax<'a> {
    /// None if a logit is NaN or +∞ or none is finite: there is no distribution then. -∞ is a token ruled out.
    ///
    /// `temperature` must be positive.
    pub(crate) fn new(logits: &'a [f32], temperature: f32) -> Option<Self> {
        let largest = largest(logits)?;
        if !largest.is_finite() {
            return None;
        }
        // A temperature so small that its inverse overflows must not turn 0 · ∞ into NaN.
        let inverse_temperature = (1.0 / temperature).min(f32::MAX);
        let mut softmax = Softmax { logits, largest, inverse_temperature, blocks: Vec::new(), total: 0.0 };
        let mut buffer = [0.0; BLOCK];
        softmax.blocks.reserve_exact(logits.len().div_ceil(BLOCK));
        for block in logits.chunks(BLOCK) {
            let sum = sum(softmax.exponentials(block, &mut buffer));
            softmax.blocks.push(sum);
            softmax.total += sum;
        }
        Some(softmax)
    }

    fn exponentials<'b>(&self, block: &[f32], buffer: &'b mut [f32; BLOCK]) -> &'b [f32] {
        for (value, &logit) in buffer.iter_mut().zip(block) {
            *value = exp(self.scaled(logit));
        }
        &buffer[..block.len().min(BLOCK)]
    }

    /// (logit - largest) / temperature.
    #[inline]
    fn scaled(&self, logit: f32) -> f32 {
        (logit - self.largest) * self.inverse_temperature
    }

    /// ln p(index): (logit - largest) / temperature - ln Σ exp. -∞ for a token ruled out and beyond the
    /// vocabulary.
    pub(crate) fn logprob(&self, index: usize) -> f32 {
        let Some(&logit) = self.logits.get(index) else { return f32::NEG_INFINITY };
        (f64::from(self.scaled(logit)) - self.total.ln()) as f32
    }

    /// The exponential of every logit relative to the largest: probabilities before they are normalised.
    pub(crate) fn weights(&self) -> Vec<f32> {
        self.logits.iter().map(|&logit| exp(self.scaled(logit))).collect()
    }

    /// The index of the largest logit, the first of several equal ones.
    pub(crate) fn mode(&self) -> usize {
        self.logits.iter().position(|&logit| logit == self.largest).unwrap_or(0)
    }

    /// The inverse of the cumulative distribution at `uniform` of [0, 1), in index order.
    pub(crate) fn quantile(&self, uniform: f64) -> usize {
        let target = uniform * self.total;
        let mut before = 0.0;
        let mut block = 0;
        // The last block with any weight ends the search even if rounding put the target beyond it.
        let last = self.blocks.iter().rposition(|&sum| sum > 0.0).unwrap_or(0);
        while block < last && before + self.blocks[block] <= target {
            before += self.blocks[block];
            block += 1;
        }
        let start = block * BLOCK;
        let end = (start + BLOCK).min(self.logits.len());
        let mut buffer = [0.0; BLOCK];
        let weights = self.exponentials(&self.logits[start..end], &mut buffer);
        start + pick(weights, target - before)
    }
}

/// The largest logit, in lanes that the compiler can keep in vector registers; none if a logit is NaN.
fn largest(logits: &[f32]) -> Option<f32> {
    let (chunks, rest) = logits.as_chunks::<8>();
    let mut lanes = [f32::NEG_INFINITY; 8];
    // As wide as the lanes, so that both stay in vector registers.
    let mut broken = [0_u32; 8];
    for chunk in chunks {
        for lane in 0..8 {
            lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
            broken[lane] |= u32::from(chunk[lane].is_nan());
        }
    }
    for (lane, &logit) in rest.iter().enumerate() {
        lanes[lane] = lanes[lane].max(logit);
        broken[lane] |= u32::from(logit.is_nan());
    }
    let largest = lanes.into_iter().fold(f32::NEG_INFINITY, f32::max);
    broken.iter().all(|&any| any == 0).then_some(largest)
}

/// The sum in f64, in lanes too and so in a fixed order.
fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|&value| f64::from(value)).sum();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value);
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// The first index at which the running sum of the weights exceeds `target`; the last index with any weight if it
/// never does (rounding), so that an index without weight is never picked.
pub(crate) fn pick(weights: &[f32], target: f64) -> usize {
    let mut sum = 0.0;
    let mut picked = 0;
    for (index, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            picked = index;
            sum += f64::from(weight);
            if sum > target {
                break;
            }
        }
    }
    picked
}

#[cfg(test)]
mod tests;
