//! The machine that reads any format, from any chunks.
//!
//! There is one machine: reading a whole text is feeding it and finishing. What is decided is decided by a function of a
//! format that either did not need to look past the end of the text it was given, so that its answer stands whatever
//! follows, or is asked again when more is there. That is why every split of a text gives the same events.

use mentor_trajectory::{Reading, Turn};

use crate::{
    Format, ParsedCall, Tools,
    call::Draft,
    formats::{Memory, More, Place, Step, Unit},
};

/// What a call inside a reasoning block means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// Nothing: it is reasoning, as everything there.
    #[default]
    NoCalls,
    /// A call like any other, marked as [standing in reasoning](ParsedCall::in_reasoning).
    Calls,
}

/// How a text is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The tools on offer: they give types to formats that have none, and calls are checked against them.
    pub tools: Option<&'a Tools>,
    /// What a call inside a reasoning block means.
    pub thinking: Thinking,
    /// Whether the chat template has opened a reasoning block already, as those of DeepSeek-R1 and Qwen3-Thinking do.
    pub starts_in_reasoning: bool,
}

/// The next thing a text says.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Content: text outside reasoning and calls.
    Text(String),
    /// Text inside a reasoning block.
    Reasoning(String),
    /// A call, executable or not.
    Call(Box<ParsedCall>),
    /// Markup of the format that belongs to no call: the markers of reasoning and of sections.
    Markup(String),
}

/// What a whole text says.
///
/// Reasoning, content and the source texts of calls and markup are the whole text: nothing is dropped and nothing stands
/// in two places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What stands inside reasoning blocks, as written.
    pub reasoning: String,
    /// What stands outside reasoning blocks, calls and markup, as written.
    pub content: String,
    /// The calls in written order, executable or not.
    pub calls: Vec<ParsedCall>,
}

impl Parsed {
    /// Adds what follows.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Text(text) => self.content.push_str(&text),
            Event::Reasoning(text) => self.reasoning.push_str(&text),
            Event::Call(call) => self.calls.push(*call),
            Event::Markup(_) => {}
        }
    }

    /// What was read as a trajectory records it; `text` is the whole text, `closed` says whether a stop token ended it.
    pub fn into_turn(self, text: &str, closed: bool) -> Turn {
        let calls = self.calls.into_iter().map(|call| call.record(text)).collect();
        Turn { text: text.to_owned(), reasoning: self.reasoning, content: self.content, calls, closed }
    }
}

impl FromIterator<Event> for Parsed {
    fn from_iter<T: IntoIterator<Item = Event>>(events: T) -> Self {
        let mut parsed = Self::default();
        events.into_iter().for_each(|event| parsed.push(event));
        parsed
    }
}

/// An [`Event`] that borrows from the text.
enum Found<'t> {
    Text(&'t str),
    Reasoning(&'t str),
    Call(Draft, In),
    Markup(&'t str),
}

/// Where a call was found.
#[derive(Clone, Copy)]
struct In {
    /// Where the text that was given begins in the whole text.
    base: usize,
    reasoning: bool,
}

/// What a text says, without what its calls ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outline<'t> {
    /// Content: text outside reasoning and calls.
    Text(&'t str),
    /// Text inside a reasoning block.
    Reasoning(&'t str),
    /// A call, executable or not.
    Call {
        /// The tool's name; empty if none could be read.
        name: String,
        /// Byte range in the text, markers included.
        span: (usize, usize),
        /// How far the text follows its format: what [`ParsedCall::status`] is.
        status: Reading,
    },
    /// Markup of the format that belongs to no call.
    Markup(&'t str),
}

/// Reads a whole text as [`parse`] does, and says of each call its name and how it was read: no argument becomes a value.
///
/// What an argument must be for a call to be strict is checked all the same.
pub fn outline<'t>(format: Format, text: &'t str, options: Options<'_>, mut sink: impl FnMut(Outline<'t>)) {
    let mut machine = Machine::new(format, options);
    machine.run(text, 0, true, &mut |found| {
        sink(match found {
            Found::Text(text) => Outline::Text(text),
            Found::Reasoning(text) => Outline::Reasoning(text),
            Found::Call(draft, _) => Outline::Call {
                span: draft.span,
                status: draft.status(),
                name: draft.name.unwrap_or_default(),
            },
            Found::Markup(text) => Outline::Markup(text),
        });
    });
}

/// Reads a whole text, in time linear in it.
pub fn parse(format: Format, text: &str, options: Options<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut machine = Machine::new(format, options);
    machine.run(text, 0, true, &mut |found| match found {
        Found::Text(text) => parsed.content.push_str(text),
        Found::Reasoning(text) => parsed.reasoning.push_str(text),
        Found::Call(draft, place) => parsed.calls.push(finished(draft, text, place, options)),
        Found::Markup(_) => {}
    });
    parsed
}

/// Reads a text that arrives in chunks.
///
/// The events of all chunks and of [`finish`](Self::finish), collected, are what [`parse`] gives for the whole text,
/// however it was cut. Content and reasoning come as soon as they cannot be the beginning of a marker, a call when it is
/// complete. Time and memory are linear: what is kept is the call that is under way.
///
/// ```
/// use mentor_toolcall::{Event, Format, Options, Parser};
///
/// let mut parser = Parser::new(Format::HERMES, Options::default());
/// assert_eq!(parser.feed("Hello <tool"), [Event::Text("Hello ".to_owned())]);
/// assert_eq!(parser.feed("_call>{\"name\": \"now\", \"arguments\": {}}</tool_"), []);
/// let events = parser.feed("call>");
/// assert!(matches!(&events[..], [Event::Call(call)] if call.name == "now"));
/// assert_eq!(parser.finish(), []);
/// ```
#[derive(Debug)]
pub struct Parser<'a> {
    machine: Machine<'a>,
    /// The text that is not decided on yet.
    pending: String,
    /// Where it begins in the whole text.
    base: usize,
    /// Whether it begins with a call that waits for more, and how much of it was looked through for what it waits for.
    waiting: Option<Waiting>,
    /// Bytes fed, and bytes read in attempts at calls.
    fed: usize,
    spent: usize,
}

#[derive(Debug)]
struct Waiting {
    searched: usize,
    due: bool,
}

impl<'a> Parser<'a> {
    /// A parser at the beginning of a turn.
    pub fn new(format: Format, options: Options<'a>) -> Self {
        let machine = Machine::new(format, options);
        Self { machine, pending: String::new(), base: 0, waiting: None, fed: 0, spent: 0 }
    }

    /// Takes the next chunk and gives what is certain now.
    pub fn feed(&mut self, chunk: &str) -> Vec<Event> {
        self.pending.push_str(chunk);
        self.fed += chunk.len();
        let mut events = Vec::new();
        if !chunk.is_empty() && self.is_worth_an_attempt() {
            self.run(false, &mut events);
        }
        events
    }

    /// Ends the text and gives what is left of it.
    pub fn finish(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.run(true, &mut events);
        events
    }

    /// The text that was fed and is not decided on yet: the call under way, or what may begin a marker.
    pub fn pending(&self) -> &str {
        &self.pending
    }

    /// The calls under way, read as if the text ended here; none if no call is.
    pub(crate) fn under_way(&self) -> Option<Vec<ParsedCall>> {
        self.waiting.as_ref().map(|_| self.machine.under_way(&self.pending))
    }

    /// Whether the call under way may be complete now. An attempt costs what the call is long, so attempts at a long one
    /// have to be earned by what was fed.
    fn is_worth_an_attempt(&mut self) -> bool {
        const FREE: usize = 1 << 16;
        const PER_BYTE: usize = 8;
        let Some(waiting) = &mut self.waiting else { return true };
        let format = self.machine.format;
        if !waiting.due {
            let closes = format.spec().searches().closes.as_ref();
            waiting.due = closes.is_none_or(|closes| {
                let from = waiting.searched.saturating_sub(closes.longest());
                closes.is_in(&self.pending.as_bytes()[from..])
            });
            waiting.searched = self.pending.len();
        }
        waiting.due && self.spent + self.pending.len() <= FREE + PER_BYTE * self.fed
    }

    fn run(&mut self, last: bool, events: &mut Vec<Event>) {
        let options = self.machine.options;
        let taken = self.machine.run(&self.pending, self.base, last, &mut |found| {
            events.push(match found {
                Found::Text(text) => Event::Text(text.to_owned()),
                Found::Reasoning(text) => Event::Reasoning(text.to_owned()),
                Found::Call(draft, place) => {
                    Event::Call(Box::new(finished(draft, &self.pending, place, options)))
                }
                Found::Markup(text) => Event::Markup(text.to_owned()),
            });
        });
        self.pending.drain(..taken);
        self.base += taken;
        self.waiting = self.machine.in_call.then(|| {
            self.spent += self.pending.len();
            Waiting { searched: self.pending.len(), due: false }
        });
    }
}

/// The call of a draft that was found in `text`, checked against the tools.
fn finished(draft: Draft, text: &str, place: In, options: Options<'_>) -> ParsedCall {
    let mut call = draft.finish(text, place.base);
    call.in_reasoning = place.reasoning;
    if let Some(tools) = options.tools {
        tools.check(&mut call);
    }
    call
}

/// Everything that is remembered between one stretch of text and the next.
#[derive(Debug)]
struct Machine<'a> {
    format: Format,
    options: Options<'a>,
    in_reasoning: bool,
    /// Whether the turn has begun.
    begun: bool,
    place: Place,
    memory: Memory,
    drafts: Vec<Draft>,
    /// Whether the text that was left over begins with a call.
    in_call: bool,
}

impl<'a> Machine<'a> {
    fn new(format: Format, options: Options<'a>) -> Self {
        Self {
            format,
            options,
            in_reasoning: options.starts_in_reasoning,
            begun: false,
            place: Place { blank: true, line_start: true, after_call: false },
            memory: Memory::default(),
            drafts: Vec::new(),
            in_call: false,
        }
    }

    /// Reads as much of a text as can be decided, all of it if it is the `last`, and says how much that was.
    fn run<'t>(&mut self, text: &'t str, base: usize, last: bool, sink: &mut impl FnMut(Found<'t>)) -> usize {
        self.in_call = false;
        let spec = self.format.spec();
        let searches = spec.searches();
        let mut at = 0;
        if !self.begun && !self.in_reasoning && spec.opens.contains(&"") {
            let Some(end) = self.unit(text, 0, base, "", last, sink) else { return 0 };
            at = end;
        }
        self.begun = true;
        loop {
            let search = match (self.in_reasoning, self.options.thinking) {
                (false, _) => &searches.content,
                (true, Thinking::Calls) => &searches.reasoning,
                (true, Thinking::NoCalls) => &searches.reasoning_end,
            };
            let Some((offset, needle)) = search.find(&text[at..]) else {
                let end = if last { text.len() } else { text.len() - search.held_back(&text[at..]) };
                self.prose(&text[at..end], sink);
                return end;
            };
            self.prose(&text[at..at + offset], sink);
            at += offset;
            if needle == 0 {
                let (open, close) = spec.thinking;
                let end = at + if self.in_reasoning { close.len() } else { open.len() };
                self.in_reasoning = !self.in_reasoning;
                self.place.line_start = true;
                sink(Found::Markup(&text[at..end]));
                at = end;
                continue;
            }
            match self.unit(text, at, base, spec.opens[needle - 1], last, sink) {
                Some(end) => at = end,
                None => return at,
            }
        }
    }

    /// Reads what begins at a marker and says where it ends, or nothing if it has to be seen further.
    fn unit<'t>(
        &mut self,
        text: &'t str,
        start: usize,
        base: usize,
        marker: &'static str,
        last: bool,
        sink: &mut impl FnMut(Found<'t>),
    ) -> Option<usize> {
        let Self { place, memory, .. } = *self;
        let mut unit = Unit { text, start, marker, last, tools: self.options.tools, place, memory };
        let step = (self.format.spec().read)(&mut unit, &mut self.drafts).unwrap_or_else(|More| {
            // What asks for more than there is cannot be anything of the format's.
            self.drafts.clear();
            self.in_call = !last;
            Step::Text(start + marker.len())
        });
        if self.in_call {
            return None;
        }
        self.memory = unit.memory;
        match step {
            Step::Text(end) => {
                self.prose(&text[start..end], sink);
                Some(end)
            }
            Step::Markup(end) | Step::Reasoning(end) => {
                self.in_reasoning |= matches!(step, Step::Reasoning(_));
                if end > start {
                    sink(Found::Markup(&text[start..end]));
                }
                Some(end)
            }
            Step::Calls(end) => {
                self.memory.calls += self.drafts.len();
                self.place = Place { after_call: true, line_start: true, ..place };
                let place = In { base, reasoning: self.in_reasoning };
                for draft in self.drafts.drain(..) {
                    sink(Found::Call(draft, place));
                }
                Some(end)
            }
        }
    }

    /// The calls that a text which begins with a marker holds if it ends here.
    fn under_way(&self, text: &str) -> Vec<ParsedCall> {
        let Self { place, memory, .. } = *self;
        let spec = self.format.spec();
        let mut markers = spec.opens.iter().copied();
        let marker = if !self.begun && spec.opens.contains(&"") {
            ""
        } else if let Some(marker) = markers.find(|marker| !marker.is_empty() && text.starts_with(marker)) {
            marker
        } else {
            return Vec::new();
        };
        let mut unit = Unit { text, start: 0, marker, last: true, tools: self.options.tools, place, memory };
        let mut drafts = Vec::new();
        match (spec.read)(&mut unit, &mut drafts) {
            Ok(Step::Calls(_)) => drafts.into_iter().map(|draft| draft.finish(text, 0)).collect(),
            _ => Vec::new(),
        }
    }

    /// Text that is no call: reasoning or content.
    fn prose<'t>(&mut self, text: &'t str, sink: &mut impl FnMut(Found<'t>)) {
        if text.is_empty() {
            return;
        }
        if self.in_reasoning {
            sink(Found::Reasoning(text));
            return;
        }
        let line = text.trim_end_matches([' ', '\t']);
        if !line.is_empty() {
            self.place.line_start = line.ends_with('\n');
        }
        if self.place.blank || self.place.after_call {
            let blank = text.trim_start().is_empty();
            self.place.blank &= blank;
            self.place.after_call &= blank;
        }
        sink(Found::Text(text));
    }
}
