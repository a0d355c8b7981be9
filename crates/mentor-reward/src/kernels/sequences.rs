//! Sequences: the longest common subsequence, its length, and the alignment that agrees most.

/// The length of the longest common subsequence, bit-parallel: O(a·b / 64) after O((a + b)·log a).
///
/// A bit vector holds one row of the table of the textbook recurrence, a zero where the length grows by one; a whole
/// row is then an addition, a subtraction and two logical operations (Crochemore, Iliopoulos, Pinzon and Reid, "A fast
/// and practical bit-vector algorithm for the longest common subsequence problem", 2001).
pub fn lcs_len<T: Ord>(a: &[T], b: &[T]) -> usize {
    if a.is_empty() || b.is_empty() {
        return 0;
    }
    let words = a.len().div_ceil(64);
    let alphabet = super::to_set(a);
    let mut positions = vec![0_u64; alphabet.len() * words];
    for (index, item) in a.iter().enumerate() {
        if let Ok(symbol) = alphabet.binary_search(&item) {
            positions[symbol * words + index / 64] |= 1 << (index % 64);
        }
    }
    let mut row = vec![u64::MAX; words];
    for item in b {
        if let Ok(symbol) = alphabet.binary_search(&item) {
            advance(&mut row, &positions[symbol * words..][..words]);
        }
    }
    // Bits past the end of `a` match nothing, so they stay set and are not counted.
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// One row of the recurrence: `row ← (row + (row & matches)) | (row − (row & matches))`, carrying over the words.
fn advance(row: &mut [u64], matches: &[u64]) {
    let mut carry = false;
    for (word, matching) in row.iter_mut().zip(matches) {
        let common = *word & matching;
        let (sum, over) = word.overflowing_add(common);
        let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
        carry = over || over_by_carry;
        *word = sum | (*word & !matching);
    }
}

/// `2·LCS / (|a| + |b|)`: 1 for equal sequences, 0 for two empty ones, symmetric.
pub fn order<T: Ord>(a: &[T], b: &[T]) -> f64 {
    if a.is_empty() && b.is_empty() {
        return 0.0;
    }
    2.0 * lcs_len(a, b) as f64 / (a.len() + b.len()) as f64
}

/// Two aligned items and how well they agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Index in the first sequence.
    pub a: usize,
    /// Index in the second sequence.
    pub b: usize,
    /// The agreement of the two.
    pub agreement: f64,
}

/// Items of one sequence that [`align`] looks at: the table then stays under 17 MB whatever a model wrote.
pub const MAX_ALIGNED: usize = 4096;

/// Cells of a table whose agreements are kept.
const SMALL: usize = 1 << 10;

/// The longest common subsequence with the highest total agreement, as pairs in order; see [`Aligner::longest`].
pub fn align(a_len: usize, b_len: usize, agreement: impl FnMut(usize, usize) -> Option<f64>) -> Vec<Pair> {
    let mut aligner = Aligner::default();
    aligner.longest(a_len, b_len, agreement);
    aligner.pairs
}

/// Aligns two sequences, and keeps its memory for the next two.
///
/// Both alignments keep the order of both sequences and pair an item at most once; `agreement(i, j)` is `None` where
/// `a[i]` and `b[j]` cannot pair. O(a·b) time and bytes; items after the first [`MAX_ALIGNED`] are not looked at.
#[derive(Clone, Debug, Default)]
pub struct Aligner {
    steps: Vec<Step>,
    /// The agreement of each cell of a small table, so that it is computed once.
    kept: Vec<f64>,
    above: Vec<Sum>,
    here: Vec<Sum>,
    pairs: Vec<Pair>,
}

impl Aligner {
    /// The pairs of the last alignment, in order.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The alignment of the most pairs, and among those the one of the highest total agreement.
    ///
    /// Length comes first, agreement second, so the number of pairs is [`lcs_len`] of what matches.
    pub fn longest(
        &mut self,
        a_len: usize,
        b_len: usize,
        agreement: impl FnMut(usize, usize) -> Option<f64>,
    ) -> &[Pair] {
        self.align(a_len, b_len, 1, agreement)
    }

    /// The alignment of the highest total agreement, however many pairs it has.
    pub fn heaviest(
        &mut self,
        a_len: usize,
        b_len: usize,
        agreement: impl FnMut(usize, usize) -> Option<f64>,
    ) -> &[Pair] {
        self.align(a_len, b_len, 0, agreement)
    }

    /// `of_a_pair` is what a pair adds to [`Sum::pairs`].
    fn align(
        &mut self,
        a_len: usize,
        b_len: usize,
        of_a_pair: u32,
        mut agreement: impl FnMut(usize, usize) -> Option<f64>,
    ) -> &[Pair] {
        self.pairs.clear();
        let (rows, columns) = (a_len.min(MAX_ALIGNED), b_len.min(MAX_ALIGNED));
        if rows == 0 || columns == 0 {
            return &self.pairs;
        }
        let Self { steps, kept, above, here, .. } = self;
        kept.clear();
        kept.resize(if rows * columns <= SMALL { rows * columns } else { 0 }, 0.0);
        steps.clear();
        steps.reserve(rows * columns);
        for row in [&mut *above, &mut *here] {
            row.clear();
            row.resize(columns + 1, Sum::default());
        }
        for i in 0..rows {
            let mut left = Sum::default();
            for (j, (over, cell)) in above.windows(2).zip(&mut here[1..]).enumerate() {
                let mut best = (over[1], Step::SkipA);
                if left.is_above(best.0) {
                    best = (left, Step::SkipB);
                }
                if let Some(gain) = agreement(i, j) {
                    if let Some(kept) = kept.get_mut(i * columns + j) {
                        *kept = gain;
                    }
                    let paired = Sum { pairs: over[0].pairs + of_a_pair, gain: over[0].gain + gain };
                    if !best.0.is_above(paired) {
                        best = (paired, Step::Pair);
                    }
                }
                left = best.0;
                *cell = left;
                steps.push(best.1);
            }
            std::mem::swap(above, here);
        }
        self.walk_back(rows, columns, agreement)
    }

    fn walk_back(
        &mut self,
        rows: usize,
        columns: usize,
        mut agreement: impl FnMut(usize, usize) -> Option<f64>,
    ) -> &[Pair] {
        let (mut i, mut j) = (rows, columns);
        while i > 0 && j > 0 {
            match self.steps[(i - 1) * columns + j - 1] {
                Step::SkipA => i -= 1,
                Step::SkipB => j -= 1,
                Step::Pair => {
                    (i, j) = (i - 1, j - 1);
                    let kept = self.kept.get(i * columns + j).copied();
                    let agreement = kept.or_else(|| agreement(i, j)).unwrap_or(0.0);
                    self.pairs.push(Pair { a: i, b: j, agreement });
                }
            }
        }
        self.pairs.reverse();
        &self.pairs
    }
}

/// What alignments are compared by: first the pairs (where they count), then the gain.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    pairs: u32,
    gain: f64,
}

impl Sum {
    fn is_above(self, other: Self) -> bool {
        self.pairs > other.pairs || self.pairs == other.pairs && self.gain > other.gain
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    SkipA,
    SkipB,
    Pair,
}
