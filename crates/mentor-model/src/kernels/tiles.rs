//! A matrix cut into rectangles that different threads may write at the same time.

#![expect(unsafe_code, reason = "rectangles of one matrix interleave in memory, which slices cannot express")]

use std::marker::PhantomData;
use std::ops::Range;

/// A rectangle of a row-major matrix. No two tiles of one [`split`] share a place.
pub(crate) struct Tile<'a> {
    first: *mut f32,
    rows: usize,
    width: usize,
    stride: usize,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: a tile is the only way to its places while the matrix is borrowed, as a `&mut [f32]` is.
unsafe impl Send for Tile<'_> {}

impl Tile<'_> {
    /// Copies `source` (rows of the tile's width, one behind the other) into the tile.
    pub(crate) fn fill_from(&mut self, source: &[f32]) {
        assert!(source.len() >= self.rows * self.width);
        for (row, values) in source.chunks_exact(self.width).take(self.rows).enumerate() {
            // SAFETY: `split` checked that the rectangle lies inside the matrix, and row < rows.
            unsafe {
                std::ptr::copy_nonoverlapping(values.as_ptr(), self.first.add(row * self.stride), self.width);
            }
        }
    }

    /// Copies `source`, the tile's columns one behind the other, into the tile.
    pub(crate) fn fill_from_columns(&mut self, source: &[f32]) {
        assert!(source.len() >= self.rows * self.width);
        for (column, values) in source.chunks_exact(self.rows.max(1)).take(self.width).enumerate() {
            for (row, &value) in values.iter().enumerate() {
                // SAFETY: `split` checked that the rectangle lies inside the matrix; row < rows, column < width.
                unsafe { self.first.add(row * self.stride + column).write(value) };
            }
        }
    }
}

/// Cuts a row-major matrix of rows of `stride` values: for each range of `rows`, one tile per range of
/// `columns`.
///
/// # Panics
/// If ranges do not ascend without overlap, or leave the matrix.
pub(crate) fn split<'a>(
    matrix: &'a mut [f32],
    stride: usize,
    rows: impl Iterator<Item = (usize, usize)>,
    columns: &[Range<usize>],
) -> Vec<Tile<'a>> {
    let ascending = columns.windows(2).all(|pair| pair[0].end <= pair[1].start);
    assert!(ascending && columns.iter().all(|c| c.start < c.end && c.end <= stride), "column ranges");
    let height = matrix.len() / stride;
    let base = matrix.as_mut_ptr();
    let mut tiles = Vec::new();
    let mut done = 0;
    for (start, end) in rows {
        assert!(done <= start && start <= end && end <= height, "row ranges");
        done = end;
        for column in columns {
            tiles.push(Tile {
                // SAFETY: start <= height and column.start < stride; an empty range may point one row behind,
                // where `wrapping_add` is allowed to.
                first: base.wrapping_add(start * stride + column.start),
                rows: end - start,
                width: column.end - column.start,
                stride,
                owner: PhantomData,
            });
        }
    }
    tiles
}
