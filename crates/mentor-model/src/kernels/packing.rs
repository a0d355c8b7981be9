//! Operands of matrix products, copied into the order in which the kernels of [`super::matmul`] read them.

use super::simd::Level;

/// A `(k, n)` matrix as panels of `panel` columns: panel `j` holds columns `j·panel..`, row after row; the last
/// one is filled up with zeros.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) panel: usize,
    pub(crate) data: Vec<f32>,
}

impl Packed {
    /// Makes room for a `(k, n)` matrix; the memory is kept from one use to the next.
    pub(crate) fn reset(&mut self, k: usize, n: usize, panel: usize) {
        (self.k, self.n, self.panel) = (k, n, panel);
        let length = n.div_ceil(panel) * k * panel;
        if self.data.len() < length {
            self.data.resize(length, 0.0);
        }
    }

    /// Packs `Wᵀ` of the matrices `parts` (each `(n_i, k)` row-major), side by side: the operand of `Y = X·Wᵀ`.
    pub(crate) fn set_transposed(&mut self, parts: &[&[f32]], k: usize) {
        let n = parts.iter().map(|part| part.len() / k).sum();
        self.reset(k, n, Level::detect().panel());
        let mut column = 0;
        for part in parts {
            pack_transposed(part, k, part.len() / k, k, &mut self.data, self.panel, k, column);
            column += part.len() / k;
        }
        self.clear_padding();
    }

    /// Packs the matrices `parts` (each `(k_i, n)` row-major), one below the other: the operand of `dX = dY·W`.
    pub(crate) fn set_plain(&mut self, parts: &[&[f32]], n: usize) {
        let k = parts.iter().map(|part| part.len() / n).sum();
        self.reset(k, n, Level::detect().panel());
        let mut row = 0;
        for part in parts {
            let rows = part.len() / n;
            pack_plain(part, n, rows, n, &mut self.data, self.panel, k, row);
            row += rows;
        }
    }

    pub(super) fn clear_padding(&mut self) {
        let used = self.n % self.panel;
        if used != 0 {
            let last = self.n / self.panel * self.k * self.panel;
            for row in self.data[last..last + self.k * self.panel].chunks_exact_mut(self.panel) {
                row[used..].fill(0.0);
            }
        }
    }

    /// The panels as the kernels take them.
    pub(crate) fn panels(&self) -> Panels<'_> {
        Panels { k: self.k, n: self.n, stride: self.k * self.panel, data: &self.data }
    }
}

/// Borrowed panels: panel `j` starts at `data[j·stride]` and has `k` rows.
#[derive(Clone, Copy)]
pub(crate) struct Panels<'a> {
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) stride: usize,
    pub(crate) data: &'a [f32],
}

/// Defines a packing function that calls one made for panels of a width that the compiler knows: a few moves then, a
/// call each otherwise.
macro_rules! by_width {
    ($(#[$doc:meta])* $name:ident, at $place:ident = $of:ident, for [$($width:literal),*]) => {
        $(#[$doc])*
        pub(crate) fn $name(
            source: &[f32],
            stride: usize,
            rows: usize,
            columns: usize,
            panels: &mut [f32],
            panel: usize,
            capacity: usize,
            $place: usize,
        ) {
            match panel {
                $($width => $of::<$width>(source, stride, rows, columns, panels, capacity, $place),)*
                _ => unreachable!("no instruction set has panels of {panel} columns"),
            }
        }
    };
}

by_width! {
    /// Packs `rows` rows of `source` (row-major, `columns` wide, rows `stride` apart) as columns `column..` of
    /// panels with room for `capacity` rows each: the matrix is transposed.
    pack_transposed, at column = pack_transposed_of, for [32, 16, 8]
}

by_width! {
    /// Packs `rows` rows of `source` (row-major, `columns` wide, rows `stride` apart) as rows `row..` of panels
    /// with room for `capacity` rows each.
    pack_plain, at row = pack_plain_of, for [32, 16, 12, 8, 6, 4]
}

fn pack_transposed_of<const PANEL: usize>(
    source: &[f32],
    stride: usize,
    rows: usize,
    columns: usize,
    panels: &mut [f32],
    capacity: usize,
    column: usize,
) {
    for row in 0..rows {
        let at = column + row;
        let (lines, _) = panels[at / PANEL * capacity * PANEL..].as_chunks_mut::<PANEL>();
        for (line, &value) in lines.iter_mut().zip(&source[row * stride..row * stride + columns]) {
            line[at % PANEL] = value;
        }
    }
}

fn pack_plain_of<const PANEL: usize>(
    source: &[f32],
    stride: usize,
    rows: usize,
    columns: usize,
    panels: &mut [f32],
    capacity: usize,
    row: usize,
) {
    for i in 0..rows {
        let values = &source[i * stride..i * stride + columns];
        let (whole, rest) = values.as_chunks::<PANEL>();
        let mut at = (row + i) * PANEL;
        for part in whole {
            panels[at..at + PANEL].copy_from_slice(part);
            at += capacity * PANEL;
        }
        if !rest.is_empty() {
            panels[at..at + rest.len()].copy_from_slice(rest);
            panels[at + rest.len()..at + PANEL].fill(0.0);
        }
    }
}

/// Rows that a weight gradient sums up before it moves on to the next panel: those of a panel then stay in the
/// first cache.
pub(crate) const SLAB: usize = 192;

/// Places that the right operand of [`super::matmul::matmul_tn`] needs for each of its rows.
pub(crate) fn slab_width(n: usize, panel: usize) -> usize {
    n.next_multiple_of(panel)
}

/// Packs the right operand of [`super::matmul::matmul_tn`], `(rows, n)` with rows `stride` apart: [`SLAB`] rows after the other, each
/// slab in panels.
pub(crate) fn pack_slabs(
    rows: usize,
    n: usize,
    source: &[f32],
    stride: usize,
    slabs: &mut [f32],
    panel: usize,
) {
    for (start, slab) in (0..rows).step_by(SLAB).zip(slabs.chunks_mut(SLAB * slab_width(n, panel))) {
        let depth = SLAB.min(rows - start);
        pack_plain(&source[start * stride..], stride, depth, n, slab, panel, depth, 0);
    }
}
