//! Projections that read the same rows: one product for all of them, with their biases and adapters.

use crate::kernels::matmul::{Write, matmul};
use crate::kernels::packing::Packed;
use crate::kernels::reduce;
use crate::model::{LinearIndex, Weights};
use crate::pool::first;
use crate::{Model, Result};

/// Where weights are packed from.
pub(crate) struct Sources<'m> {
    pub(crate) base: Weights<'m>,
    lora: Option<LoraSource<'m>>,
}

struct LoraSource<'m> {
    weights: Weights<'m>,
    rank: usize,
    scale: f32,
}

/// The matrices of one adapter.
struct AdapterSource<'s> {
    a: &'s [f32],
    /// `s·B`.
    b: Vec<f32>,
    /// First output column of its projection.
    column: usize,
}

impl<'m> Sources<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        let lora = model.lora_state().map(|lora| LoraSource {
            weights: lora.parameters.weights(),
            rank: lora.config.rank,
            scale: lora.config.scale(),
        });
        Self { base: model.base().weights(), lora }
    }

    fn matrices(&self, parts: &[LinearIndex]) -> Result<Vec<&[f32]>> {
        parts.iter().map(|part| self.base.get(part.weight)).collect()
    }

    /// The biases one behind the other; empty if there are none. Projections side by side have all one or none.
    fn biases(&self, parts: &[LinearIndex]) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        for at in parts.iter().filter_map(|part| part.bias) {
            all.extend_from_slice(self.base.get(at)?);
        }
        Ok(all)
    }

    /// Every adapter among projections that read `k` values.
    fn adapters(&self, parts: &[LinearIndex], k: usize) -> Result<Vec<AdapterSource<'_>>> {
        let mut found = Vec::new();
        let mut column = 0;
        for part in parts {
            if let (Some(lora), Some(adapter)) = (&self.lora, part.adapter) {
                let mut b = lora.weights.get(adapter.b)?.to_vec();
                reduce::scale(&mut b, lora.scale);
                found.push(AdapterSource { a: lora.weights.get(adapter.a)?, b, column });
            }
            column += self.base.get(part.weight)?.len() / k;
        }
        Ok(found)
    }
}

/// The forward operands of projections side by side: `x·Wᵀ + b + (x·Aᵀ)·(s·B)ᵀ`.
#[derive(Debug, Default)]
pub(crate) struct Linears {
    weight: Packed,
    /// Empty without biases.
    bias: Vec<f32>,
    low: Option<LowRank>,
}

/// The adapters of projections side by side.
#[derive(Debug)]
struct LowRank {
    rank: usize,
    /// What an adapter's output is multiplied with.
    scale: f32,
    /// All `A` as one operand.
    a: Packed,
    /// `s·B` of each, with its first output column.
    b: Vec<(Packed, usize)>,
}

/// How matrices become an operand: [`Packed::set_transposed`] or [`Packed::set_plain`].
type Pack = fn(&mut Packed, &[&[f32]], usize);

fn packed(pack: Pack, parts: &[&[f32]], width: usize) -> Packed {
    let mut packed = Packed::default();
    pack(&mut packed, parts, width);
    packed
}

impl LowRank {
    fn new(from: &Sources<'_>, parts: &[LinearIndex], k: usize, pack: Pack) -> Result<Option<Self>> {
        let adapters = from.adapters(parts, k)?;
        let Some(lora) = from.lora.as_ref().filter(|_| !adapters.is_empty()) else { return Ok(None) };
        let a: Vec<&[f32]> = adapters.iter().map(|adapter| adapter.a).collect();
        let b = adapters.iter().map(|it| (packed(pack, &[&it.b], lora.rank), it.column));
        Ok(Some(Self { rank: lora.rank, scale: lora.scale, a: packed(pack, &a, k), b: b.collect() }))
    }

    fn width(&self) -> usize {
        self.rank * self.b.len()
    }

    /// Every adapter's `B` with its first column among the adapters' and among the outputs.
    fn of_each(&self) -> impl Iterator<Item = (&Packed, usize, usize)> {
        self.b.iter().zip((0..).step_by(self.rank)).map(|((b, output), inner)| (b, inner, *output))
    }
}

impl Linears {
    pub(crate) fn new(from: &Sources<'_>, parts: &[LinearIndex], k: usize) -> Result<Self> {
        Ok(Self {
            weight: packed(Packed::set_transposed, &from.matrices(parts)?, k),
            bias: from.biases(parts)?,
            low: LowRank::new(from, parts, k, Packed::set_transposed)?,
        })
    }

    /// Sets `out` of `rows` rows to the projections of `x`, or adds them. The training pass and decoding both come
    /// here, which is why an adapted model samples with the bits it trains with.
    pub(crate) fn apply(
        &self,
        rows: usize,
        x: &[f32],
        x_stride: usize,
        out: &mut [f32],
        out_stride: usize,
        write: Write,
        scratch: &mut Vec<f32>,
    ) {
        if rows == 0 {
            return;
        }
        let mut write = write;
        if !self.bias.is_empty() {
            for row in out.chunks_mut(out_stride).take(rows) {
                match write {
                    Write::Set => row[..self.bias.len()].copy_from_slice(&self.bias),
                    Write::Add => reduce::add(row, &self.bias),
                }
            }
            write = Write::Add;
        }
        matmul(rows, x, x_stride, self.weight.panels(), out, out_stride, write);
        let Some(low) = &self.low else { return };
        let width = low.width();
        let inner = first(scratch, rows * width);
        matmul(rows, x, x_stride, low.a.panels(), inner, width, Write::Set);
        for (b, at, column) in low.of_each() {
            matmul(rows, &inner[at..], width, b.panels(), &mut out[column..], out_stride, Write::Add);
        }
    }

    /// Inner dimensions of all adapters together.
    pub(crate) fn low_width(&self) -> usize {
        self.low.as_ref().map_or(0, LowRank::width)
    }

    /// Writes `s·x·Aᵀ` of every adapter, which the gradients of `B` multiply with, to the first
    /// [`Linears::low_width`] columns of `low_rows`.
    pub(crate) fn low_rows(
        &self,
        rows: usize,
        x: &[f32],
        x_stride: usize,
        low_rows: &mut [f32],
        low_stride: usize,
    ) {
        let Some(low) = &self.low else { return };
        matmul(rows, x, x_stride, low.a.panels(), low_rows, low_stride, Write::Set);
        for row in low_rows.chunks_mut(low_stride).take(rows) {
            reduce::scale(&mut row[..low.width()], low.scale);
        }
    }
}

/// The backward operands of the same projections.
#[derive(Debug, Default)]
pub(crate) struct LinearsGrad {
    /// The matrices one below the other.
    weight: Packed,
    low: Option<LowRank>,
}

impl LinearsGrad {
    pub(crate) fn new(from: &Sources<'_>, parts: &[LinearIndex], k: usize) -> Result<Self> {
        Ok(Self {
            weight: packed(Packed::set_plain, &from.matrices(parts)?, k),
            low: LowRank::new(from, parts, k, Packed::set_plain)?,
        })
    }

    /// Given the gradient of the projections, sets `dx` to that of what they read, where it is wanted. Writes
    /// `s·dy·B` of every adapter, the gradient of `x·Aᵀ`, to the second [`Linears::low_width`] columns of
    /// `low_rows`.
    pub(crate) fn gradient(
        &self,
        rows: usize,
        dy: &[f32],
        dy_stride: usize,
        low_rows: &mut [f32],
        low_stride: usize,
        dx: Option<(&mut [f32], usize)>,
    ) {
        let mut inner = None;
        if let Some(low) = &self.low {
            let columns = &mut low_rows[low.width()..];
            for (b, at, column) in low.of_each() {
                matmul(
                    rows,
                    &dy[column..],
                    dy_stride,
                    b.panels(),
                    &mut columns[at..],
                    low_stride,
                    Write::Set,
                );
            }
            inner = Some((low, columns));
        }
        let Some((dx, dx_stride)) = dx else { return };
        matmul(rows, dy, dy_stride, self.weight.panels(), dx, dx_stride, Write::Set);
        if let Some((low, columns)) = inner {
            matmul(rows, columns, low_stride, low.a.panels(), dx, dx_stride, Write::Add);
        }
    }
}
