//! What sampling computed of each token, kept so that the gradient need not compute it again.

use crate::batch::Targets;
use crate::packed::PackedWeights;
use crate::pool::{Buffer, Pool};
use crate::{Batch, Config, Model};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// What is kept of a token in one decoder block. The turned heads are computed again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Stream,
    Qkv,
    Attended,
    /// Log-sum-exp of each head.
    Sums,
    Middle,
    /// Gate and up projections: as much as all the others, and the first to be given up.
    Gates,
}

/// Tokens of a page.
const PAGE: usize = 32;

/// What stands where of a token: block by block its parts, and the last block's output behind them; the gates of all
/// blocks on a page of their own.
#[derive(Clone, Copy, Debug)]
struct Layout {
    blocks: usize,
    /// By [`Part`].
    widths: [usize; 6],
    last_width: usize,
}

impl Layout {
    fn new(c: &Config) -> Self {
        let (d, q) = (c.hidden_size, c.q_width());
        let widths = [d, c.qkv_width(), q, c.num_attention_heads, d, 2 * c.intermediate_size];
        Self { blocks: c.num_hidden_layers, widths, last_width: d }
    }

    /// Places of a block on a page, whose parts are these.
    fn block(&self, parts: Range<usize>) -> usize {
        self.widths[parts].iter().sum()
    }

    /// Places of a token without its gates.
    fn token(&self) -> usize {
        self.blocks * self.block(0..Part::Gates as usize) + self.last_width
    }

    /// Places of a page: of gates, or of everything else.
    fn page_len(&self, gates: bool) -> usize {
        PAGE * if gates { self.blocks * self.widths[Part::Gates as usize] } else { self.token() }
    }

    fn part(&self, block: usize, part: Part) -> Place {
        let width = self.widths[part as usize];
        if part == Part::Gates {
            return Place { first: block * width, width, token: self.blocks * width };
        }
        let first = block * self.block(0..Part::Gates as usize) + self.block(0..part as usize);
        Place { first, width, token: self.token() }
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

/// Values of tokens that follow each other.
#[derive(Debug, Default)]
struct Pages(Vec<Page>);

#[derive(Debug)]
struct Page {
    data: Buffer,
    /// Places of all pages there are.
    used: Arc<AtomicUsize>,
}

impl Page {
    fn new(data: Buffer, used: &Arc<AtomicUsize>) -> Self {
        used.fetch_add(data.len(), Ordering::Relaxed);
        Self { data, used: used.clone() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.used.fetch_sub(self.data.len(), Ordering::Relaxed);
    }
}

impl Pages {
    fn slice(&self, place: Place, at: usize) -> &[f32] {
        &self.0[at / PAGE].data[place.of(at % PAGE)]
    }

    /// Writes rows of a part as those of the tokens `at..`.
    fn write(&mut self, place: Place, at: usize, rows: &[f32]) {
        for (row, at) in rows.chunks_exact(place.width).zip(at..) {
            self.0[at / PAGE].data[place.of(at % PAGE)].copy_from_slice(row);
        }
    }
}

/// Activations of tokens that follow each other.
#[derive(Debug)]
pub(crate) struct Rows {
    pages: Pages,
    /// Unless they were given up.
    gates: Option<Pages>,
    /// Whether each token went through the second half of the last block.
    finished: Vec<bool>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { pages: Pages::default(), gates: Some(Pages::default()), finished: Vec::new() }
    }
}

impl Rows {
    fn pages_mut(&mut self, part: Part) -> Option<&mut Pages> {
        if part == Part::Gates { self.gates.as_mut() } else { Some(&mut self.pages) }
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
    /// Places of all pages that there may be, and that there are.
    most: usize,
    used: Arc<AtomicUsize>,
    /// By slot.
    live: Vec<Option<Trace>>,
    done: BTreeMap<Vec<u32>, Trace>,
    begun: usize,
}

/// Where a recorder has a sequence.
enum Key {
    Live(usize),
    Done(Vec<u32>),
}

impl Recorder {
    pub(crate) fn new(c: &Config, slots: usize, bytes: usize) -> Self {
        Self {
            layout: Layout::new(c),
            most: bytes / 4,
            used: Arc::default(),
            live: (0..slots).map(|_| None).collect(),
            done: BTreeMap::new(),
            begun: 0,
        }
    }

    pub(crate) fn into_recording(self, weights: Arc<PackedWeights>) -> Recording {
        let traces = self.done.into_iter().map(|(ids, trace)| (ids, Arc::new(trace)));
        Recording { weights, layout: self.layout, traces: traces.collect() }
    }

    /// A slot without tokens gets its first.
    pub(crate) fn begin(&mut self, slot: usize) {
        let number = self.begun;
        self.begun += 1;
        self.live[slot] = Some(Trace { ids: Vec::new(), beginning: None, own: Rows::default(), number });
    }

    /// Makes room for tokens of a slot, if it is still recorded.
    pub(crate) fn reserve(&mut self, slot: usize, ids: &[u32], pool: &Pool) {
        let Some(trace) = &self.live[slot] else { return };
        let pages = (trace.own.finished.len() + ids.len()).div_ceil(PAGE);
        for part in [Part::Stream, Part::Gates] {
            let len = self.layout.page_len(part == Part::Gates);
            let lacks = |trace: &mut Trace| trace.own.pages_mut(part).is_some_and(|it| it.0.len() < pages);
            while self.live[slot].as_mut().is_some_and(lacks) {
                if self.used.load(Ordering::Relaxed) + len > self.most {
                    self.give_up();
                } else if let Some(pages) = self.live[slot].as_mut().and_then(|it| it.own.pages_mut(part)) {
                    pages.0.push(Page::new(pool.take_exact(len), &self.used));
                }
            }
        }
        if let Some(trace) = &mut self.live[slot] {
            trace.ids.extend_from_slice(ids);
            trace.own.finished.resize(trace.own.finished.len() + ids.len(), false);
        }
    }

    /// Gives up the gates of the sequence that began last, or all of it where no sequence has gates. There is one:
    /// somebody's pages are in the way.
    fn give_up(&mut self) {
        if let Some(trace) = self.youngest(|it| it.own.gates.is_some()).and_then(|key| self.trace(&key)) {
            trace.own.gates = None;
            return;
        }
        match self.youngest(|_| true) {
            Some(Key::Live(slot)) => self.live[slot] = None,
            Some(Key::Done(ids)) => drop(self.done.remove(&ids)),
            None => {}
        }
    }

    fn youngest(&self, which: impl Fn(&Trace) -> bool) -> Option<Key> {
        let live = self.live.iter().enumerate().filter_map(|(slot, it)| Some((it.as_ref()?, Some(slot))));
        let all = live.chain(self.done.values().map(|it| (it, None))).filter(|(it, _)| which(it));
        let (trace, slot) = all.max_by_key(|(it, _)| it.number)?;
        Some(slot.map_or_else(|| Key::Done(trace.ids.clone()), Key::Live))
    }

    fn trace(&mut self, key: &Key) -> Option<&mut Trace> {
        match key {
            Key::Live(slot) => self.live[*slot].as_mut(),
            Key::Done(ids) => self.done.get_mut(ids),
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
            self.done.insert(trace.ids.clone(), trace);
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
        if let Some(pages) = self.rows.pages_mut(part) {
            pages.write(place, at, rows);
        }
    }

    /// Records the last block's output for the last of the slot's tokens.
    pub(crate) fn write_last(&mut self, row: &[f32]) {
        let at = self.rows.finished.len() - 1;
        self.rows.finished[at] = true;
        self.rows.pages.write(self.layout.last(), at, row);
    }
}

impl Recording {
    /// Whether all sequences of a batch are recorded.
    pub fn has(&self, batch: &Batch) -> bool {
        let (batch, targets) = batch.trimmed();
        self.find(&batch, &targets).is_some()
    }

    /// The activations of a (trimmed) batch, if all its sequences are recorded; they are recorded no more afterwards.
    pub(crate) fn take(&mut self, batch: &Batch, targets: &Targets) -> Option<Recorded> {
        let recorded = self.find(batch, targets)?;
        for Segment { trace, .. } in &recorded.segments {
            self.traces.remove(&trace.ids);
        }
        Some(recorded)
    }

    fn find(&self, batch: &Batch, targets: &Targets) -> Option<Recorded> {
        let sequences: Vec<(usize, usize)> = batch.sequences().collect();
        let pasts = batch.pasts();
        let mut segments = Vec::with_capacity(sequences.len());
        for family in batch.families() {
            let (first, others) = (family.start, family.start + 1..family.end);
            let (start, end) = sequences[first];
            let of = |own: &[u32]| self.traces.get(&[&batch.ids[start..end], own].concat()).cloned();
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
        let scorable = |&row: &usize| recorded.find(row).is_some_and(|(rows, at)| rows.finished[at]);
        targets.rows.iter().all(scorable).then_some(recorded)
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
        let mut out = model.pool.take(rows.len() * place.width);
        out.par_chunks_mut(PAGE * place.width).zip(rows.par_chunks(PAGE)).for_each(|(out, rows)| {
            self.copy(place, |rows| Some(&rows.pages), rows, out);
        });
        out
    }

    /// Copies rows of a part from the pages that have it.
    fn copy(&self, place: Place, pages: fn(&Rows) -> Option<&Pages>, rows: &[usize], out: &mut [f32]) {
        for (to, &row) in out.chunks_exact_mut(place.width).zip(rows) {
            match self.find(row).and_then(|(rows, at)| Some(pages(rows)?.slice(place, at))) {
                Some(from) => to.copy_from_slice(from),
                None => to.fill(0.0),
            }
        }
    }

    /// A part of some rows that every recorded row has.
    pub(crate) fn part(&self, model: &Model, block: usize, part: Part, rows: &[usize]) -> Buffer {
        self.gather(model, self.layout.part(block, part), rows)
    }

    /// Whether a row needs no computing of its gates.
    pub(crate) fn has_gates(&self, row: usize) -> bool {
        self.find(row).is_none_or(|(rows, _)| rows.gates.is_some())
    }

    /// Copies the gates of rows that have them.
    pub(crate) fn gates(&self, block: usize, rows: &[usize], out: &mut [f32]) {
        self.copy(self.layout.part(block, Part::Gates), |rows| rows.gates.as_ref(), rows, out);
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
