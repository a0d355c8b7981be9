//! Calls as a JSON list of objects behind a marker, perhaps closed by another one: what a dozen families write.

use super::{
    More, Read, Step, Unit, named,
    object_call::{self, Keys},
    tagged::{spread, stray_close},
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Markers, Members, Reader},
};

/// A list of calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    /// What stands before and behind it; the latter is empty if nothing does.
    pub markers: Markers,
    pub item: Item,
}

/// How an object of a list says a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    /// By these keys.
    Keys(Keys),
    /// Its one key is the name, its value the arguments.
    NameIsKey,
}

impl List {
    /// Reads the list that a marker of the format begins; a closing marker alone closes nothing.
    pub fn read_marked(&self, unit: &Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
        if unit.marker == self.markers.close {
            drafts.push(stray_close(unit));
            return Ok(Step::Calls(unit.inside()));
        }
        self.read(unit, unit.inside(), drafts, Faults::default())
    }

    /// Reads the list that should begin at `at`, with its closing marker; every call has the faults `around` it.
    ///
    /// An empty list calls nothing.
    pub fn read(&self, unit: &Unit<'_>, at: usize, drafts: &mut Vec<Draft>, mut around: Faults) -> Read {
        let open = unit.skip_space(at)?;
        let in_list = unit.is_at(open, "[")?;
        if !in_list && !unit.is_at(open, "{")? {
            return self.nothing(unit, open, drafts, around);
        }
        let at = if in_list {
            unit.skip_space(open + 1)?
        } else {
            around.add(Fault::NoList);
            open
        };
        let Items { end, closed, whole } = self.items(unit, at, in_list, drafts, &mut around)?;
        if in_list && !closed {
            around.add(Fault::MissingClosingBracket);
        }
        let Markers { open, close } = self.markers;
        let end =
            if close.is_empty() { end } else { named::close(unit, end, whole, close, &[open], &mut around)? };
        if drafts.is_empty() {
            return Ok(Step::Markup(end));
        }
        spread(drafts, (unit.start, end), &around);
        Ok(Step::Calls(end))
    }

    /// Reads object after object.
    fn items(
        &self,
        unit: &Unit<'_>,
        mut at: usize,
        in_list: bool,
        drafts: &mut Vec<Draft>,
        around: &mut Faults,
    ) -> Result<Items, More> {
        let (mut end, mut whole, mut comma) = (at, true, true);
        loop {
            if in_list && unit.is_at(at, "]")? {
                if comma && !drafts.is_empty() {
                    around.add(Fault::TrailingComma);
                }
                return Ok(Items { end: at + 1, closed: true, whole: true });
            }
            if !unit.is_at(at, "{")? {
                return Ok(Items { end, closed: false, whole });
            }
            let (mut draft, stopped, is_whole) = self.item(unit, at)?;
            if !comma {
                draft.faults.add(Fault::GluedCalls);
            }
            drafts.push(draft);
            whole = is_whole;
            end = if whole { stopped } else { self.resume(unit, stopped)? };
            at = unit.skip_space(end)?;
            comma = unit.is_at(at, ",")?;
            if comma {
                at = unit.skip_space(at + 1)?;
            } else if !whole {
                // A broken call has taken the comma with it.
                comma = true;
            }
        }
    }

    fn item(&self, unit: &Unit<'_>, at: usize) -> Result<(Draft, usize, bool), More> {
        let markers = Some(self.markers);
        let Item::NameIsKey = self.item else {
            let Item::Keys(keys) = self.item else { return Err(More) };
            return object_call::bare(&keys, unit, at, markers);
        };
        let mut reader = Reader::new(unit.text, at, unit.text.len(), markers);
        let object = reader.object(0);
        unit.settle(&reader)?;
        let whole = object.is_ok();
        let mut faults = std::mem::take(&mut reader.faults);
        let members = object.unwrap_or_else(|halt| {
            faults.add(halt.fault);
            halt.partial.unwrap_or_default()
        });
        let draft = named_by_key(members, whole, faults);
        Ok((Draft { span: (at, reader.at), ..draft }, reader.at, whole))
    }

    /// Where the next object that looks like a call begins, or the list ends, after one that is broken.
    fn resume(&self, unit: &Unit<'_>, from: usize) -> Result<usize, More> {
        let mut at = from;
        let needles = ["{", self.markers.close];
        let needles = if self.markers.close.is_empty() { &needles[..1] } else { &needles[..] };
        while let Some((found, which)) = unit.find(at, needles)? {
            if which == 1 || self.begins_item(unit, found)? {
                return Ok(found);
            }
            at = found + 1;
        }
        Ok(unit.text.len())
    }

    fn begins_item(&self, unit: &Unit<'_>, at: usize) -> Result<bool, More> {
        let inside = unit.skip_space(at + 1)?;
        if !unit.is_at(inside, "\"")? {
            return Ok(false);
        }
        let Item::Keys(keys) = self.item else { return Ok(true) };
        for key in [Some(keys.name), keys.id].into_iter().flatten() {
            if unit.is_at(inside + 1, key)? && unit.is_at(inside + 1 + key.len(), "\"")? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The marker announces calls, and there is no list.
    fn nothing(&self, unit: &Unit<'_>, at: usize, drafts: &mut Vec<Draft>, mut around: Faults) -> Read {
        let Markers { open, close } = self.markers;
        let mut end = unit.inside();
        let mut blank = at == unit.text.len();
        if !close.is_empty() {
            let found = unit.find(end, &[close, open])?;
            blank = found.map_or(blank, |(found, _)| found == at);
            end = found.map_or(unit.text.len(), |(found, _)| found);
            if let Some((_, 0)) = found {
                end += close.len();
            } else {
                around.add(Fault::MissingCloseTag);
            }
        }
        around.add(if blank { Fault::EmptyTag } else { Fault::NoObject });
        drafts.push(Draft {
            span: (unit.start, end),
            arguments: Some(object_call::nothing()),
            faults: around,
            ..Draft::default()
        });
        Ok(Step::Calls(end))
    }
}

/// What was read of the objects of a list.
struct Items {
    end: usize,
    /// Whether the list's own bracket was there.
    closed: bool,
    /// Whether the last object was read to its end.
    whole: bool,
}

/// The call that an object with one member says.
fn named_by_key(members: Members, whole: bool, mut faults: Faults) -> Draft {
    let mut draft = Draft::default();
    let one = members.pairs.len() == 1;
    if whole && !one {
        faults.add(if members.pairs.is_empty() { Fault::MissingName } else { Fault::AmbiguousName });
    }
    let mut arguments = None;
    if let (true, Some((name, given)), Some(span)) =
        (one, members.pairs.into_iter().next(), members.spans.first())
    {
        if name.is_empty() {
            faults.add(Fault::EmptyName);
        } else {
            draft.name = Some(name);
        }
        draft.arguments_span = Some(*span);
        arguments = object_call::arguments(given, &mut faults);
    }
    draft.arguments = Some(Json::Object(arguments.unwrap_or_default()));
    draft.faults = faults;
    draft
}
