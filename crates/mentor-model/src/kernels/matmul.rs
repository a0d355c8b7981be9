//! Matrix products on packed panels.
//!
//! The right operand is packed once into panels of as many columns as the register tile has ([`Panels`]); the
//! left one is read where it lies. Every element of a product is one chain of multiply-adds in the order of the
//! inner index, whatever rows are computed together: results depend neither on the number of threads nor on how
//! a batch is cut, and decoding one token gives the bits that training on the whole sequence gives.

#![expect(unsafe_code, reason = "register tiles read and write through pointers")]
#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instructions"
)]

use super::packing::{Panels, SLAB, pack_plain, slab_width};
use super::simd::{Simd, dispatched};

/// What a product does with its destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    /// The destination's old values are not read.
    Set,
    /// The product is added to the destination.
    Add,
}

dispatched! {
    /// `C = A·B` (or `C += A·B`) of `rows` rows: `A` `(rows, k)` with rows `a_stride` apart, `B` packed, `C`
    /// `(rows, n)` with rows `c_stride` apart. `k` and `n` are those of the panels.
    pub(crate) fn matmul(
        rows: usize, a: &[f32], a_stride: usize, b: Panels<'_>, c: &mut [f32], c_stride: usize, write: Write,
    ) = matmul_lanes, of matmul_of;
}

#[inline(always)]
pub(crate) fn matmul_lanes<S: Simd>(
    s: S,
    rows: usize,
    a: &[f32],
    a_stride: usize,
    b: Panels<'_>,
    c: &mut [f32],
    c_stride: usize,
    write: Write,
) {
    if rows == 0 || b.n == 0 {
        return;
    }
    assert!(a.len() >= (rows - 1) * a_stride + b.k && c.len() >= (rows - 1) * c_stride + b.n);
    assert!(b.data.len() >= (b.n.div_ceil(S::PANEL) - 1) * b.stride + b.k * S::PANEL);
    if rows <= NARROW {
        return narrow_lanes(s, rows, a, a_stride, b, c, c_stride, write);
    }
    // Tiles of nearly the same height: one of a few rows would leave the adders waiting.
    let tiles = rows.div_ceil(S::TILE_ROWS);
    for (j, column) in (0..b.n).step_by(S::PANEL).enumerate() {
        let columns = S::PANEL.min(b.n - column);
        let panel = b.data.as_ptr().wrapping_add(j * b.stride);
        let mut row = 0;
        for at in 1..=tiles {
            let height = at * rows / tiles - row;
            // SAFETY: the three assertions cover every row and column the tile touches.
            unsafe {
                tile(
                    s,
                    height,
                    b.k,
                    Left { data: a.as_ptr().add(row * a_stride), row: a_stride, inner: 1 },
                    Right {
                        data: panel,
                        inner: S::PANEL,
                        ahead: panel.wrapping_add(b.stride + (at - 1) * b.k * S::PANEL / tiles),
                        pace: S::PANEL.div_ceil(tiles),
                    },
                    c.as_mut_ptr().add(row * c_stride + column),
                    c_stride,
                    columns,
                    write,
                );
            }
            row += height;
        }
    }
}

/// So few rows leave most of a register tile empty.
const NARROW: usize = 3;

/// A product of at most [`NARROW`] rows, several panels at a time: each sum waits for its last addition, and a
/// processor can keep eight and more of them going.
#[inline(always)]
fn narrow_lanes<S: Simd>(
    s: S,
    rows: usize,
    a: &[f32],
    a_stride: usize,
    b: Panels<'_>,
    c: &mut [f32],
    c_stride: usize,
    write: Write,
) {
    let abreast = if rows == 1 { 4 } else { 2 };
    let whole = b.n / S::PANEL / abreast * abreast;
    for j in (0..whole).step_by(abreast) {
        let left = Left { data: a.as_ptr(), row: a_stride, inner: 1 };
        let right = &b.data[j * b.stride..];
        let c = &mut c[j * S::PANEL..];
        macro_rules! narrow {
            ($rows:literal, $vectors:literal, $abreast:literal) => {
                // SAFETY: `matmul_lanes` has checked all rows and columns; these panels are whole.
                unsafe {
                    let (right, c) = (right.as_ptr(), c.as_mut_ptr());
                    narrow_of::<S, $rows, $vectors, $abreast>(
                        s, b.k, left, right, b.stride, c, c_stride, write,
                    );
                }
            };
        }
        match (rows, S::TILE_VECTORS) {
            (1, 2) => narrow!(1, 2, 4),
            (1, _) => narrow!(1, 1, 4),
            (2, 2) => narrow!(2, 2, 2),
            (2, _) => narrow!(2, 1, 2),
            (_, 2) => narrow!(3, 2, 2),
            (_, _) => narrow!(3, 1, 2),
        }
    }
    for (j, column) in (0..b.n).step_by(S::PANEL).enumerate().skip(whole) {
        // SAFETY: `matmul_lanes` has checked all rows and columns.
        unsafe {
            tile(
                s,
                rows,
                b.k,
                Left { data: a.as_ptr(), row: a_stride, inner: 1 },
                Right::plain(b.data.as_ptr().add(j * b.stride), S::PANEL),
                c.as_mut_ptr().add(column),
                c_stride,
                S::PANEL.min(b.n - column),
                write,
            );
        }
    }
}

/// [`tile_of`] across `ABREAST` whole panels that lie `stride` apart.
///
/// # Safety
/// `left` must be readable for `(ROWS, k)`, the panels for `k` rows each, and `c` writable for `ROWS` rows of
/// `ABREAST` panels' width.
#[inline(always)]
unsafe fn narrow_of<S: Simd, const ROWS: usize, const VECTORS: usize, const ABREAST: usize>(
    s: S,
    k: usize,
    left: Left,
    right: *const f32,
    stride: usize,
    c: *mut f32,
    c_stride: usize,
    write: Write,
) {
    // SAFETY: all addresses lie inside what the caller promised.
    unsafe {
        let mut sums = [[[s.splat(0.0); VECTORS]; ABREAST]; ROWS];
        let place = |i: usize, j: usize, v: usize| c.add(i * c_stride + j * S::PANEL + v * S::N);
        if write == Write::Add {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (j, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = s.load_pointer(place(i, j, v));
                    }
                }
            }
        }
        for p in 0..k {
            let b = right.add(p * S::PANEL);
            let mut values = [s.splat(0.0); ROWS];
            for (i, value) in values.iter_mut().enumerate() {
                *value = s.splat(*left.data.add(i * left.row + p * left.inner));
            }
            for j in 0..ABREAST {
                for v in 0..VECTORS {
                    let other = s.load_pointer(b.add(j * stride + v * S::N));
                    for (sums, &value) in sums.iter_mut().zip(&values) {
                        sums[j][v] = s.fma(value, other, sums[j][v]);
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    s.store_pointer(sum, place(i, j, v));
                }
            }
        }
    }
}

/// Panels of the right operand from which on packing the left one pays.
const WORTH_PACKING: usize = 6;

dispatched! {
    /// `C += Aᵀ·B` (`C = Aᵀ·B` with [`Write::Set`]): `A` `(rows, m)` with rows `a_stride` apart, `B` `(rows,
    /// n)` as [`pack_slabs`] leaves it, `C` `(m, n)` with rows `c_stride` apart. The sum over rows runs in their
    /// order. `packed` is scratch for the left operand, where it is read often enough to be worth a copy without gaps:
    /// rows that lie far apart share few places of a cache.
    pub(crate) fn matmul_tn(
        rows: usize, m: usize, n: usize, a: &[f32], a_stride: usize, b: &[f32], c: &mut [f32], c_stride: usize,
        write: Write, packed: &mut Vec<f32>,
    ) = matmul_tn_lanes, of matmul_tn_of;
}

#[inline(always)]
pub(crate) fn matmul_tn_lanes<S: Simd>(
    s: S,
    rows: usize,
    m: usize,
    n: usize,
    a: &[f32],
    a_stride: usize,
    b: &[f32],
    c: &mut [f32],
    c_stride: usize,
    write: Write,
    packed: &mut Vec<f32>,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(c.len() >= (m - 1) * c_stride + n && b.len() >= rows * slab_width(n, S::PANEL));
    assert!(rows == 0 || a.len() >= (rows - 1) * a_stride + m);
    if rows == 0 {
        if write == Write::Set {
            c.chunks_mut(c_stride).take(m).for_each(|row| row[..n].fill(0.0));
        }
        return;
    }
    let packs_left = n > WORTH_PACKING * S::PANEL;
    if packs_left && packed.len() < SLAB * m.next_multiple_of(S::TILE_ROWS) {
        packed.resize(SLAB * m.next_multiple_of(S::TILE_ROWS), 0.0);
    }
    let mut write = write;
    for start in (0..rows).step_by(SLAB) {
        let depth = SLAB.min(rows - start);
        if packs_left {
            pack_plain(&a[start * a_stride..], a_stride, depth, m, packed, S::TILE_ROWS, depth, 0);
        }
        let slab = &b[start * slab_width(n, S::PANEL)..];
        for column in (0..n).step_by(S::PANEL) {
            let right = Right::plain(slab[column * depth..].as_ptr(), S::PANEL);
            for row in (0..m).step_by(S::TILE_ROWS) {
                let left = if packs_left {
                    Left { data: packed[row * depth..].as_ptr(), row: 1, inner: S::TILE_ROWS }
                } else {
                    Left { data: a[start * a_stride + row..].as_ptr(), row: 1, inner: a_stride }
                };
                let (height, columns) = (S::TILE_ROWS.min(m - row), S::PANEL.min(n - column));
                // SAFETY: the assertions cover both operands and the destination, or the left was packed just now.
                unsafe {
                    let c = c.as_mut_ptr().add(row * c_stride + column);
                    tile(s, height, depth, left, right, c, c_stride, columns, write);
                }
            }
        }
        write = Write::Add;
    }
}

/// The left operand of a tile: element `(i, p)` lies at `data + i·row + p·inner`.
#[derive(Clone, Copy)]
struct Left {
    data: *const f32,
    row: usize,
    inner: usize,
}

/// The right operand of a tile: row `p` lies at `data + p·inner`.
#[derive(Clone, Copy)]
struct Right {
    data: *const f32,
    inner: usize,
    /// What will be wanted next, fetched meanwhile: with each row, so many values on.
    ahead: *const f32,
    pace: usize,
}

impl Right {
    /// With nothing to fetch.
    fn plain(data: *const f32, inner: usize) -> Self {
        Self { data, inner, ahead: data, pace: 0 }
    }
}

/// One register tile of `rows <= TILE_ROWS` rows and a panel's width.
///
/// # Safety
/// `left` must be readable for `(rows, k)`, `right` for `k` rows of `PANEL`, and `c` writable for `(rows,
/// columns)`.
#[inline(always)]
unsafe fn tile<S: Simd>(
    s: S,
    rows: usize,
    k: usize,
    left: Left,
    right: Right,
    c: *mut f32,
    c_stride: usize,
    columns: usize,
    write: Write,
) {
    macro_rules! of_rows {
        ($($rows:literal)*) => {
            match rows {
                $($rows if $rows <= S::TILE_ROWS => {
                    // SAFETY: what the caller promised.
                    unsafe {
                        if S::TILE_VECTORS == 2 {
                            tile_of::<S, $rows, 2>(s, k, left, right, c, c_stride, columns, write);
                        } else {
                            tile_of::<S, $rows, 1>(s, k, left, right, c, c_stride, columns, write);
                        }
                    }
                })*
                _ => unreachable!("a tile has at most TILE_ROWS rows"),
            }
        };
    }
    of_rows!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// [`tile`] with its height and width known to the compiler, so that the sums stay in registers.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn tile_of<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    k: usize,
    left: Left,
    right: Right,
    c: *mut f32,
    c_stride: usize,
    columns: usize,
    write: Write,
) {
    // SAFETY: all addresses lie inside what the caller promised; a narrow last panel goes through `edge`.
    unsafe {
        let zero = s.splat(0.0);
        let mut sums = [[zero; VECTORS]; ROWS];
        let whole = columns == S::PANEL;
        if write == Write::Add && whole {
            for (i, sum) in sums.iter_mut().enumerate() {
                for (v, sum) in sum.iter_mut().enumerate() {
                    *sum = s.load_pointer(c.add(i * c_stride + v * S::N));
                }
            }
        } else if write == Write::Add {
            for (i, sum) in sums.iter_mut().enumerate() {
                let mut edge = [0.0f32; 32];
                std::ptr::copy_nonoverlapping(c.add(i * c_stride), edge.as_mut_ptr(), columns);
                for (v, sum) in sum.iter_mut().enumerate() {
                    *sum = s.load_pointer(edge.as_ptr().add(v * S::N));
                }
            }
        }
        let (mut a, mut b, mut ahead) = (left.data, right.data, right.ahead);
        for _ in 0..k {
            s.prefetch(ahead);
            let mut values = [zero; VECTORS];
            for (v, value) in values.iter_mut().enumerate() {
                *value = s.load_pointer(b.add(v * S::N));
            }
            for (i, sum) in sums.iter_mut().enumerate() {
                let value = s.splat(*a.add(i * left.row));
                for (sum, &other) in sum.iter_mut().zip(&values) {
                    *sum = s.fma(value, other, *sum);
                }
            }
            // The pointers of the step behind the last are never read, and may lie outside.
            a = a.wrapping_add(left.inner);
            b = b.wrapping_add(right.inner);
            ahead = ahead.wrapping_add(right.pace);
        }
        for (i, sum) in sums.iter().enumerate() {
            let row = c.add(i * c_stride);
            if whole {
                for (v, &sum) in sum.iter().enumerate() {
                    s.store_pointer(sum, row.add(v * S::N));
                }
            } else {
                let mut edge = [0.0f32; 32];
                for (v, &sum) in sum.iter().enumerate() {
                    s.store_pointer(sum, edge.as_mut_ptr().add(v * S::N));
                }
                std::ptr::copy_nonoverlapping(edge.as_ptr(), row, columns);
            }
        }
    }
}
