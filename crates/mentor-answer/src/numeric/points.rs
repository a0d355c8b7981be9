//! Points at which expressions are compared.

use super::ball::Ball;

/// Which variables are negative at the first points, a bit a variable: so that |x| differs from x, and |xy| from xy.
const NEGATIVE: [u64; 6] =
    [0, u64::MAX, 0, 0x5555_5555_5555_5555, 0x3333_3333_3333_3333, 0x0f0f_0f0f_0f0f_0f0f];

/// Values for variables, derived from a point's number and the variables' names alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    pub number: usize,
    pub variables: &'a [String],
    /// Whether variables stand for whole numbers.
    pub whole: bool,
}

impl Point<'_> {
    pub fn value<const N: usize>(&self, name: &str) -> Ball<N> {
        let mut state = (self.number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6d65_6e74_6f72;
        for byte in name.bytes() {
            state = mixed(state ^ u64::from(byte));
        }
        if self.whole {
            return Ball::small(3 + (state % 29) as i64);
        }
        // In (0, 1), (1, 5) and (8, 72) in turn, so that most domains are met.
        let (offset, width) = [(0, 0), (1, 2), (8, 6)][self.number % 3];
        let size = Ball::small((state % 4095 + 1) as i64).scaled(width - 12).plus(&Ball::small(offset));
        let position = self.variables.iter().position(|variable| variable == name).unwrap_or(0);
        let negative = match NEGATIVE.get(self.number) {
            Some(bits) => bits >> (position % 64) & 1 == 1,
            None => self.number % 2 == 1 && state >> 63 == 1,
        };
        if negative { size.negated() } else { size }
    }
}

/// A step of splitmix64.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
