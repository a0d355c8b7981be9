//! Calls as JSON objects between two markers: what Hermes and several other families write.

use super::{
    More, Read, Step, Unit,
    object_call::{self, Keys},
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Halt, Markers, Members, Reader, SPACE, skim_call},
};

/// How often in one text a string may be followed across markers in vain. A string may hold a marker, so one that is
/// still open at a marker has to be read on; the bound keeps hostile text from making that quadratic.
pub(crate) const VAIN_CROSSINGS: usize = 16;

/// A tag that holds calls: one to the letter, more as a repair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub markers: Markers,
    pub keys: Keys,
}

/// The end of the stretch in which a call must lie unless a string of it holds a marker.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    at: usize,
    /// Whether it is a closing marker, and not an opening one or the end of the text.
    closes: bool,
}

/// What stands in a tag beside its objects.
#[derive(Debug, Default)]
struct Around {
    faults: Faults,
    in_list: bool,
}

impl Tag {
    /// Reads the calls of the tag that the unit opens, never none; the spans of the calls together are the tag's.
    pub fn read(&self, unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
        let text = unit.text;
        let mut at = unit.inside();
        let mut boundary = self.boundary(unit, at)?;
        if let Some((draft, end)) = self.strict_call(unit, boundary) {
            drafts.push(draft);
            return Ok(Step::Calls(end));
        }
        let mut around = Around::default();
        while let Some(start) = text[at..boundary.at].find('{').map(|offset| at + offset) {
            let between = &text[at..start];
            if drafts.is_empty() {
                around.before(between);
            } else if !is_separator(between) {
                if !boundary.closes {
                    break;
                }
                around.faults.add(Fault::TextInTag);
            }
            let (object, faults, end) = self.object(unit, start, boundary)?;
            let broken = object.is_err();
            let mut draft = object_call::read(&self.keys, object, faults);
            draft.span.0 = start;
            drafts.push(draft);
            at = end;
            if at > boundary.at {
                boundary = self.boundary(unit, at)?;
            }
            if broken {
                break;
            }
        }
        let end = self.tag_end(unit, at, boundary, drafts.is_empty(), &mut around);
        if drafts.is_empty() {
            drafts.push(Draft { arguments: Some(object_call::nothing()), ..Draft::default() });
        }
        spread_tag(drafts, (unit.start, end), around.faults);
        Ok(Step::Calls(end))
    }

    /// The tag's call, if all there is to it is one object to the letter.
    fn strict_call(&self, unit: &Unit<'_>, boundary: Boundary) -> Option<(Draft, usize)> {
        let inside = &unit.text[..boundary.at];
        let open = inside.len() - inside[unit.inside()..].trim_start_matches(SPACE).len();
        let call = skim_call(inside, open, self.keys.name, self.keys.arguments)?;
        if !boundary.closes || !inside[call.end..].trim_start_matches(SPACE).is_empty() {
            return None;
        }
        let end = boundary.at + self.markers.close.len();
        Some((Draft { span: (unit.start, end), ..object_call::skimmed(inside, call) }, end))
    }

    /// Reads the object that begins at `start`, across markers if one of its strings is open there.
    fn object(
        &self,
        unit: &mut Unit<'_>,
        start: usize,
        boundary: Boundary,
    ) -> Result<(Result<Members, Halt>, Faults, usize), More> {
        let text = unit.text;
        let mut reader = Reader::new(text, start, boundary.at, Some(self.markers));
        let object = reader.object(0);
        let open_at_marker = matches!(&object, Err(halt) if halt.in_string) && boundary.at < text.len();
        if open_at_marker && unit.memory.crossings_left > 0 {
            let mut across = Reader::new(text, start, text.len(), Some(self.markers));
            let whole = across.object(0);
            unit.settle(&across)?;
            if whole.is_ok() {
                return Ok((whole, across.faults, across.at));
            }
            unit.memory.crossings_left -= 1;
        }
        let end = if object.is_ok() { reader.at } else { boundary.at };
        Ok((object, reader.faults, end))
    }

    /// The first marker from a position on, or the end of the text.
    fn boundary(&self, unit: &Unit<'_>, from: usize) -> Result<Boundary, More> {
        let Markers { open, close } = self.markers;
        let found = unit.find(from, &[close, open])?;
        Ok(found.map_or(Boundary { at: unit.text.len(), closes: false }, |(at, which)| Boundary {
            at,
            closes: which == 0,
        }))
    }

    /// Names what follows the last object, which ends at `at`, and finds the end of the tag.
    fn tag_end(
        &self,
        unit: &Unit<'_>,
        at: usize,
        boundary: Boundary,
        empty: bool,
        around: &mut Around,
    ) -> usize {
        let rest = &unit.text[at..boundary.at];
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
}

/// Divides a tag that is for one call among those that were read in it.
pub(super) fn spread_tag(drafts: &mut [Draft], span: (usize, usize), mut around: Faults) {
    if drafts.len() > 1 {
        around.add(Fault::SeveralCallsInTag);
    }
    spread(drafts, span, &around);
}

/// Divides a stretch among the calls that were read in it: each reaches to the next, and all have the faults around them.
pub(super) fn spread(drafts: &mut [Draft], (open, end): (usize, usize), around: &Faults) {
    let mut until = end;
    for (index, draft) in drafts.iter_mut().enumerate().rev() {
        draft.span = (if index == 0 { open } else { draft.span.0 }, until);
        until = draft.span.0;
        draft.faults.extend(around);
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
pub(super) fn stray_close(unit: &Unit<'_>) -> Draft {
    Draft {
        span: (unit.start, unit.inside()),
        arguments: Some(object_call::nothing()),
        faults: Fault::MissingOpenTag.into(),
        ..Draft::default()
    }
}

/// Whether a text is what may stand between two objects of a sequence.
fn is_separator(text: &str) -> bool {
    matches!(text.trim_matches(SPACE), "" | "," | ";")
}
