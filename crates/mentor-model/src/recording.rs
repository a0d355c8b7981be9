//! What sampling computed of each token, kept so that the gradient need not compute it again.

use crate::packed::PackedWeights;
use crate::pool::{Buffer, Pool};
use crate::{Batch, Config, Model};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Activations of sequences that a [`Decoder`](crate::Decoder) extended while it recorded, for
/// [`PassOptions::recording`](crate::PassOptions::recording).
///
/// They are those of the weights that the decoder was made with; after an update of the model they are not used
/// any more.
#[derive(Debug)]
pub struct Recording {
    pub(crate) weights: Arc<PackedWeights>,
    layout: Layout,
    /// By the tokens whose activations they are.
    traces: BTreeMap<Vec<u32>, Arc<Trace>>,
}

/// What is kept of a token in one decoder block: what took much to compute for its size. The turned heads and the gate
/// and up projections, more than half of what the backward pass reads, are computed again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Stream,
    Qkv,
    Attended,
    /// Log-sum-exp of each head.
    Sums,
    Middle,
}

const PARTS: usize = 5;

/// Tokens of a page.
const PAGE: usize = 32;

/// What stands where of a token: block by block its parts, and the last block's output behind them.
#[derive(Clone, Copy, Debug)]
struct Layout {
    blocks: usize,
    widths: [usize; PARTS],
    last_width: usize,
}

impl Layout {
    fn new(c: &Config) -> Self {
        let (d, q) = (c.hidden_size, c.q_width());
        let widths = [d, c.qkv_width(), q, c.num_attention_heads, d];
        Self { blocks: c.num_hidden_layers, widths, last_width: d }
    }

    /// Places of a token.
    fn token(&self) -> usize {
        self.blocks * self.widths.iter().sum::<usize>() + self.last_width
    }

    fn page_len(&self) -> usize {
        PAGE * self.token()
    }

    fn part(&self, block: usize, part: Part) -> Place {
        let (before, rest) = self.widths.split_at(part as usize);
        let block_width: usize = self.widths.iter().sum();
        let first = block * block_width + before.iter().sum::<usize>();
        Place { first, width: rest[0], token: self.token() }
    }

    /// The last block's output.
    fn last(&self) -> Place {
        Place { first: self.token() - self.last_width, width: self.last_width, token: self.token() }
    }
}

/// Where a token has a part: `width` values from `first` on, of `token` in all.
#[derive(Clone, Copy, Debug)]
struct Place {
    first: usize,
    width: usize,
    token: usize,
}

impl Place {
    /// The part of the token `at` of a page.
    fn of(self, at: usize) -> Range<usize> {
        let start = at * self.token + self.first;
        start..start + self.width
    }
}

/// Pages of activations of tokens that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pages: Vec<Page>,
    /// Whether each token went through the second half of the last block.
    finished: Vec<bool>,
}

#[derive(Debug)]
struct Page {
    data: Buffer,
    /// One clone for each page there is: see [`Recorder::pages`].
    _counted: Arc<()>,
}

impl Rows {
    fn slice(&self, place: Place, at: usize) -> &[f32] {
        &self.pages[at / PAGE].data[place.of(at % PAGE)]
    }

    /// Writes rows of a part as those of the tokens `at..`.
    fn write(&mut self, place: Place, at: usize, rows: &[f32]) {
        for (row, at) in rows.chunks_exact(place.width).zip(at..) {
            self.pages[at / PAGE].data[place.of(at % PAGE)].copy_from_slice(row);
        }
    }
}

/// The activations of one sequence: those it shares, and its own.
#[derive(Debug)]
struct Trace {
    ids: Vec<u32>,
    beginning: Option<Arc<Rows>>,
    own: Rows,
    /// Sequences that began earlier are kept rather.
    number: usize,
}

impl Trace {
    /// Where a token is, unless it was never shown to the model.
    fn find(&self, position: usize) -> Option<(&Rows, usize)> {
        let shared = self.beginning.as_ref().map_or(0, |rows| rows.finished.len());
        match &self.beginning {
            Some(rows) if position < shared => Some((rows, position)),
            _ => (position - shared < self.own.finished.len()).then_some((&self.own, position - shared)),
        }
    }
}

/// Records what a decoder computes, up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Recorder {
    layout: Layout,
    most_pages: usize,
    /// By slot.
    live: Vec<Option<Trace>>,
    done: BTreeMap<Vec<u32>, Arc<Trace>>,
    begun: usize,
    counter: Arc<()>,
}

impl Recorder {
    pub(crate) fn new(c: &Config, slots: usize, bytes: usize) -> Self {
        let layout = Layout::new(c);
        Self {
            layout,
            most_pages: bytes / (4 * layout.page_len()),
            live: (0..slots).map(|_| None).collect(),
            done: BTreeMap::new(),
            begun: 0,
            counter: Arc::new(()),
        }
    }

    pub(crate) fn into_recording(self, weights: Arc<PackedWeights>) -> Recording {
        Recording { weights, layout: self.layout, traces: self.done }
    }

    /// A slot without tokens gets its first.
    pub(crate) fn begin(&mut self, slot: usize) {
        let number = self.begun;
        self.begun += 1;
        self.live[slot] = Some(Trace { ids: Vec::new(), beginning: None, own: Rows::default(), number });
    }

    /// Makes room for tokens of a slot, if it is still recorded.
    pub(crate) fn reserve(&mut self, slot: usize, ids: &[u32], pool: &Pool) {
        let wanted = match &self.live[slot] {
            Some(trace) => (trace.own.finished.len() + ids.len()).div_ceil(PAGE),
            None => return,
        };
        while self.live[slot].as_ref().is_some_and(|trace| trace.own.pages.len() < wanted) {
            if self.pages() >= self.most_pages {
                self.forget_youngest();
                continue;
            }
            let data = pool.take_exact(self.layout.page_len());
            if let Some(trace) = &mut self.live[slot] {
                trace.own.pages.push(Page { data, _counted: self.counter.clone() });
            }
        }
        if let Some(trace) = &mut self.live[slot] {
            trace.ids.extend_from_slice(ids);
            trace.own.finished.resize(trace.own.finished.len() + ids.len(), false);
        }
    }

    /// Pages there are.
    fn pages(&self) -> usize {
        Arc::strong_count(&self.counter) - 1
    }

    /// Gives up the sequence that began last. There is one: somebody's pages are in the way.
    fn forget_youngest(&mut self) {
        let live =
            (0..self.live.len()).max_by_key(|&slot| self.live[slot].as_ref().map(|trace| trace.number));
        let live = live.filter(|&slot| self.live[slot].is_some());
        let of_live = live.and_then(|slot| self.live[slot].as_ref()).map(|trace| trace.number);
        let done = self.done.iter().max_by_key(|(_, trace)| trace.number);
        match (done.map(|(ids, trace)| (ids.clone(), trace.number)), live) {
            (Some((ids, number)), _) if of_live.is_none_or(|of_live| number > of_live) => {
                self.done.remove(&ids);
            }
            (_, Some(slot)) => self.live[slot] = None,
            (_, None) => {}
        }
    }

    /// Where a slot's next tokens are recorded: behind those that [`Recorder::reserve`] made room for.
    pub(crate) fn slots(&mut self) -> impl Iterator<Item = Option<SlotRecorder<'_>>> {
        let layout = self.layout;
        self.live.iter_mut().map(move |trace| Some(SlotRecorder { layout, rows: &mut trace.as_mut()?.own }))
    }

    /// `to` goes on where `from` is: what `from` has computed belongs to both.
    pub(crate) fn fork(&mut self, from: usize, to: usize) {
        let number = self.begun;
        self.begun += 1;
        let fork = self.live[from].as_mut().and_then(|trace| {
            if trace.beginning.is_none() {
                trace.beginning = Some(Arc::new(std::mem::take(&mut trace.own)));
            }
            let (ids, beginning) = (trace.ids.clone(), trace.beginning.clone());
            // What `from` has behind a beginning is its own and would have to be copied.
            trace.own.finished.is_empty().then(|| Trace { ids, beginning, own: Rows::default(), number })
        });
        self.live[to] = fork;
    }

    /// A slot is cleared: what it held is complete.
    pub(crate) fn finish(&mut self, slot: usize) {
        if let Some(trace) = self.live[slot].take() {
            self.done.insert(trace.ids.clone(), Arc::new(trace));
        }
    }

    /// A slot's sequence is cut: it is not recorded any more.
    pub(crate) fn forget(&mut self, slot: usize) {
        self.live[slot] = None;
    }
}

/// Where the tokens of one slot are recorded.
#[derive(Debug)]
pub(crate) struct SlotRecorder<'a> {
    layout: Layout,
    rows: &'a mut Rows,
}

impl SlotRecorder<'_> {
    /// Records a part of one block for the last of the slot's tokens.
    pub(crate) fn write(&mut self, block: usize, part: Part, rows: &[f32]) {
        let place = self.layout.part(block, part);
        let at = self.rows.finished.len() - rows.len() / place.width;
        self.rows.write(place, at, rows);
    }

    /// Records the last block's output for the last of the slot's tokens.
    pub(crate) fn write_last(&mut self, row: &[f32]) {
        let at = self.rows.finished.len() - 1;
        self.rows.finished[at] = true;
        self.rows.write(self.layout.last(), at, row);
    }
}

impl Recording {
    /// Whether all sequences of a batch are recorded.
    pub fn has(&self, batch: &Batch) -> bool {
        self.find(batch).is_some()
    }

    /// The activations of a batch, if all its sequences are recorded; they are recorded no more afterwards.
    pub(crate) fn take(&mut self, batch: &Batch) -> Option<Recorded> {
        let recorded = self.find(batch)?;
        for Segment { trace, .. } in &recorded.segments {
            self.traces.remove(&trace.ids);
        }
        Some(recorded)
    }

    /// The last token of a sequence needs no activations, since nothing comes after it.
    fn find(&self, batch: &Batch) -> Option<Recorded> {
        let sequences: Vec<(usize, usize)> = batch.sequences().collect();
        let pasts = batch.pasts();
        let mut segments = Vec::with_capacity(sequences.len());
        for family in batch.families() {
            let (first, others) = (family.start, family.start + 1..family.end);
            let (start, end) = sequences[first];
            let shared = &batch.ids[start..end];
            let of = |own: &[u32]| {
                self.traces.get(&[shared, own].concat()[..end - start + own.len() - 1]).cloned()
            };
            let members = others.map(|member| {
                let rows = sequences[member].0..sequences[member].1;
                Some(Segment { past: pasts[member], trace: of(&batch.ids[rows.clone()])?, rows })
            });
            let members: Vec<Segment> = members.collect::<Option<_>>()?;
            // What a group shares is in the trace of any member.
            let trace = match members.first() {
                Some(member) => member.trace.clone(),
                None => of(&[])?,
            };
            segments.push(Segment { rows: start..end, past: 0, trace });
            segments.extend(members);
        }
        let recorded = Recorded { layout: self.layout, segments, rows: (0..batch.tokens()).collect() };
        let scorable = |row: usize| recorded.find(row).is_some_and(|(rows, at)| rows.finished[at]);
        batch.predicting().into_iter().all(scorable).then_some(recorded)
    }
}

/// Rows of a batch whose activations are those of a sequence's tokens from `past` on.
#[derive(Debug)]
struct Segment {
    rows: Range<usize>,
    past: usize,
    trace: Arc<Trace>,
}

/// The recorded activations of a batch.
#[derive(Debug)]
pub(crate) struct Recorded {
    layout: Layout,
    segments: Vec<Segment>,
    /// The indices of all rows.
    rows: Vec<usize>,
}

impl Recorded {
    /// Where a row of the batch is.
    fn find(&self, row: usize) -> Option<(&Rows, usize)> {
        let segment = &self.segments[self.segments.partition_point(|segment| segment.rows.end <= row)];
        segment.trace.find(segment.past + row - segment.rows.start)
    }

    /// Rows of a part, one behind the other; zeros where nothing was recorded.
    fn gather(&self, model: &Model, place: Place, rows: &[usize]) -> Buffer {
        let width = place.width;
        let mut out = model.pool.take(rows.len() * width);
        out.par_chunks_mut(PAGE * width).zip(rows.par_chunks(PAGE)).for_each(|(out, rows)| {
            for (to, &row) in out.chunks_exact_mut(width).zip(rows) {
                match self.find(row) {
                    Some((rows, at)) => to.copy_from_slice(rows.slice(place, at)),
                    None => to.fill(0.0),
                }
            }
        });
        out
    }

    /// A part of some rows.
    pub(crate) fn part(&self, model: &Model, block: usize, part: Part, rows: &[usize]) -> Buffer {
        self.gather(model, self.layout.part(block, part), rows)
    }

    /// The indices of all rows.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// What the last block's attention gave some rows, and its output.
    pub(crate) fn last(&self, model: &Model, rows: &[usize]) -> (Buffer, Buffer) {
        let attended = self.layout.part(self.layout.blocks - 1, Part::Attended);
        (self.gather(model, attended, rows), self.gather(model, self.layout.last(), rows))
    }

    /// The log-sum-exp of one block: one row of tokens for each head of each sequence, sequence by sequence.
    pub(crate) fn sums(&self, model: &Model, block: usize) -> Buffer {
        let heads = model.config().num_attention_heads;
        let from = self.part(model, block, Part::Sums, &self.rows);
        let mut out = model.pool.take(from.len());
        for Segment { rows, .. } in &self.segments {
            let (from, to) = (&from[rows.start * heads..], &mut out[rows.start * heads..rows.end * heads]);
            for (head, to) in to.chunks_exact_mut(rows.len()).enumerate() {
                for (place, row) in to.iter_mut().zip(from.chunks_exact(heads)) {
                    *place = row[head];
                }
            }
        }
        out
    }
}
