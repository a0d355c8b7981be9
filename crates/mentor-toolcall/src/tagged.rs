//! Calls as JSON objects between two markers: what Hermes and several other families write.

use mentor_trajectory::{Call, CallRecord, Reading};
use serde_json::{Map, Value};

use crate::{
    fault::{Fault, Faults},
    json::{Halt, Markers, Reader},
    object_call,
};

/// How often in one text a string may be followed across markers in vain. A string may hold a marker, so one that is
/// still open at a marker has to be read on; the bound keeps hostile text from making that quadratic.
const VAIN_CROSSINGS: usize = 16;

/// The whitespace JSON allows between tokens.
const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// Reads the tags of one text, one after the other.
#[derive(Debug)]
pub(crate) struct Tags<'a> {
    text: &'a str,
    markers: Markers,
    crossings_left: usize,
}

/// The end of the stretch in which a call must lie unless a string of it holds a marker.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    at: usize,
    /// Whether it is a closing marker, and not an opening one or the end of the text.
    closes: bool,
}

/// What was read of one object in a tag; without a call nothing was.
#[derive(Debug)]
struct Item {
    start: usize,
    call: Option<Call>,
    faults: Faults,
}

/// What stands in a tag beside its objects.
#[derive(Debug, Default)]
struct Around {
    faults: Faults,
    in_list: bool,
}

impl<'a> Tags<'a> {
    pub fn new(text: &'a str, markers: Markers) -> Self {
        Self { text, markers, crossings_left: VAIN_CROSSINGS }
    }

    /// The calls of the tag whose opening marker begins at `open`, never none, and where the tag ends.
    pub fn read(&mut self, open: usize) -> (Vec<CallRecord>, usize) {
        let mut at = open + self.markers.open.len();
        let mut boundary = self.boundary(at);
        let mut items: Vec<Item> = Vec::new();
        let mut around = Around::default();
        while let Some(start) = self.text[at..boundary.at].find('{').map(|offset| at + offset) {
            let between = &self.text[at..start];
            if items.is_empty() {
                around.before(between);
            } else if !is_separator(between) {
                if !boundary.closes {
                    break;
                }
                around.faults.add(Fault::TextInTag);
            }
            let (object, faults, end) = self.object(start, boundary);
            let broken = object.is_err();
            let (call, faults) = object_call::read(object, faults);
            items.push(Item { start, call, faults });
            at = end;
            if at > boundary.at {
                boundary = self.boundary(at);
            }
            if broken {
                break;
            }
        }
        let end = self.tag_end(at, boundary, items.is_empty(), &mut around);
        if items.is_empty() {
            items.push(Item { start: open, call: None, faults: Faults::default() });
        }
        (self.records((open, end), items, around.faults), end)
    }

    /// Reads the object that begins at `start`, across markers if one of its strings is open there.
    fn object(
        &mut self,
        start: usize,
        boundary: Boundary,
    ) -> (Result<Map<String, Value>, Halt>, Faults, usize) {
        let mut reader = Reader::new(self.text, start, boundary.at, Some(self.markers));
        let object = reader.object(0);
        let open_at_marker = matches!(&object, Err(halt) if halt.in_string) && boundary.at < self.text.len();
        if open_at_marker && self.crossings_left > 0 {
            let mut across = Reader::new(self.text, start, self.text.len(), Some(self.markers));
            let whole = across.object(0);
            if whole.is_ok() {
                return (whole, across.faults, across.at);
            }
            self.crossings_left -= 1;
        }
        let end = if object.is_ok() { reader.at } else { boundary.at };
        (object, reader.faults, end)
    }

    /// The first marker from a position on, or the end of the text.
    fn boundary(&self, from: usize) -> Boundary {
        let Markers { open, close } = self.markers;
        let mut at = from;
        while let Some(offset) = self.text[at..].find('<') {
            at += offset;
            let rest = &self.text[at..];
            if rest.starts_with(close) {
                return Boundary { at, closes: true };
            }
            if rest.starts_with(open) {
                return Boundary { at, closes: false };
            }
            at += 1;
        }
        Boundary { at: self.text.len(), closes: false }
    }

    /// Names what follows the last object, which ends at `at`, and finds the end of the tag.
    fn tag_end(&self, at: usize, boundary: Boundary, empty: bool, around: &mut Around) -> usize {
        let rest = &self.text[at..boundary.at];
        if empty {
            let blank = rest.trim_matches(SPACE).is_empty();
            around.faults.add(if blank { Fault::EmptyTag } else { Fault::NoObject });
        }
        if boundary.closes {
            if !empty {
                around.after(rest);
            }
            return boundary.at + self.markers.close.len();
        }
        if empty {
            around.faults.add(Fault::MissingCloseTag);
            return boundary.at;
        }
        // Only brackets can belong to a call that nothing closes; words behind it are content.
        let brackets =
            rest.len() - rest.trim_start_matches(|c| SPACE.contains(&c) || matches!(c, ']' | '}')).len();
        let brackets = rest[..brackets].trim_end_matches(SPACE);
        around.after(brackets);
        around.faults.add(Fault::MissingCloseTag);
        at + brackets.len()
    }

    /// One record an item; together their spans are the tag's.
    fn records(&self, (open, end): (usize, usize), items: Vec<Item>, mut around: Faults) -> Vec<CallRecord> {
        if items.len() > 1 {
            around.add(Fault::SeveralCallsInTag);
        }
        let starts = items.iter().enumerate().map(|(index, item)| if index == 0 { open } else { item.start });
        let ends = items.iter().skip(1).map(|item| item.start).chain([end]);
        let spans: Vec<(usize, usize)> = starts.zip(ends).collect();
        let record = |(Item { call, mut faults, .. }, span): (Item, (usize, usize))| {
            faults.extend(&around);
            CallRecord {
                raw: self.text[span.0..span.1].to_owned(),
                span,
                reading: faults.reading(call.is_some()),
                faults: faults.names(),
                call,
                observation: None,
            }
        };
        items.into_iter().zip(spans).map(record).collect()
    }
}

impl Around {
    /// Names what stands before the first object.
    fn before(&mut self, text: &str) {
        let mut text = text.trim_matches(SPACE);
        if let Some(outside) = text.strip_suffix('[') {
            self.faults.add(Fault::ListInTag);
            self.in_list = true;
            text = outside;
        }
        if !text.is_empty() {
            self.faults.add(Fault::TextInTag);
        }
    }

    /// Names what stands between the last object and the end of the tag.
    fn after(&mut self, text: &str) {
        let mut text = text.trim_matches(SPACE);
        if let Some(after) = text.strip_prefix(',') {
            self.faults.add(Fault::TrailingComma);
            text = after.trim_start_matches(SPACE);
        }
        if self.in_list {
            match text.strip_prefix(']') {
                Some(outside) => text = outside,
                None => self.faults.add(Fault::MissingClosingBracket),
            }
        }
        if text.chars().all(|c| matches!(c, ']' | '}') || SPACE.contains(&c)) {
            if !text.is_empty() {
                self.faults.add(Fault::ExtraClosingBracket);
            }
        } else {
            self.faults.add(Fault::TextInTag);
        }
    }
}

/// A call whose marker is missing, so that nothing can be made of it.
pub(crate) fn stray_close(markers: Markers, at: usize) -> CallRecord {
    let mut faults = Faults::default();
    faults.add(Fault::MissingOpenTag);
    CallRecord {
        raw: markers.close.to_owned(),
        span: (at, at + markers.close.len()),
        reading: Reading::Unusable,
        faults: faults.names(),
        call: None,
        observation: None,
    }
}

/// Whether a text is what may stand between two objects of a sequence.
fn is_separator(text: &str) -> bool {
    matches!(text.trim_matches(SPACE), "" | "," | ";")
}
