//! What an answer may cost. Every bound is on counts, never on time, so a verdict does not depend on the machine.

/// Bytes of an answer.
pub(crate) const LENGTH: usize = 4096;
/// Brackets, exponents and commands within each other.
pub(crate) const DEPTH: usize = 120;
/// Elements of a list.
pub(crate) const ITEMS: usize = 64;
/// Bits of a numerator or denominator.
pub(crate) const BITS: u64 = 1 << 15;
/// Terms of a sum.
pub(crate) const TERMS: usize = 300;
/// Steps of a whole comparison; a step is a product of two terms with small coefficients.
pub(crate) const STEPS: u64 = 10_000;
/// Largest exponent of a sum with several terms.
pub(crate) const EXPONENT_OF_SUM: u32 = 24;
/// Largest index of a root.
pub(crate) const ROOT: u32 = 16;
/// Roots are brought to normal form by trial division with factors below this.
pub(crate) const FACTOR: u64 = 10_000;

/// Functions of functions.
pub(crate) const FUNCTIONS_NESTED: usize = 200;
/// Largest number a factorial is taken of, and most factors of a binomial coefficient.
pub(crate) const FACTORIAL: i64 = 10_000;

/// Why an answer was not understood: what it holds, or which bound it broke.
pub(crate) type Gap = &'static str;

/// Steps left for one comparison.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    pub fn new() -> Self {
        Self(STEPS)
    }

    pub fn spend(&mut self, steps: u64) -> Result<(), Gap> {
        self.0 = self.0.checked_sub(steps).ok_or("too many steps")?;
        Ok(())
    }
}
