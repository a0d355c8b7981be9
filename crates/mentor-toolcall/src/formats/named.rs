//! Calls whose name stands outside the JSON of their arguments.

use mentor_trajectory::Call;

use super::{More, Unit, Unwritable, object_call};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Markers, Reader, SPACE, skim_object, write_object},
};

/// The draft of a call with a name that was read.
pub(super) fn draft(name: &str, start: usize) -> Draft {
    let mut draft =
        Draft { span: (start, start), arguments: Some(object_call::nothing()), ..Draft::default() };
    let name = name.trim();
    if name.is_empty() {
        draft.faults.add(Fault::EmptyName);
    } else {
        draft.name = Some(name.to_owned());
    }
    draft
}

/// Reads the arguments at `at` into a draft: where reading stopped, and whether they are whole.
pub(super) fn arguments(
    unit: &Unit<'_>,
    at: usize,
    markers: Markers,
    draft: &mut Draft,
) -> Result<(usize, bool), More> {
    let at = unit.skip_space(at)?;
    if let Some(end) = skim_object(unit.text, at) {
        draft.arguments_span = Some((at, end));
        draft.arguments = None;
        return Ok((end, true));
    }
    let mut reader = Reader::new(unit.text, at, unit.text.len(), Some(markers));
    let (members, whole) = match reader.peek() {
        Some(b'{') => match reader.object(1) {
            Ok(members) => (Some(members.pairs), true),
            Err(halt) => {
                draft.faults.add(halt.fault);
                (halt.partial.map(|members| members.pairs), false)
            }
        },
        Some(b'"' | b'\'' | b'[' | b'n') => match reader.value(1) {
            Ok(value) => (object_call::arguments(value, &mut draft.faults), true),
            Err(halt) => {
                draft.faults.add(halt.fault);
                (None, false)
            }
        },
        Some(_) => {
            draft.faults.add(Fault::NoObject);
            unit.settle(&reader)?;
            return Ok((at, false));
        }
        None => {
            let closed = at < unit.text.len();
            draft.faults.add(if closed { Fault::NoArguments } else { Fault::CutOff });
            unit.settle(&reader)?;
            return Ok((at, closed));
        }
    };
    unit.settle(&reader)?;
    draft.faults.extend(&reader.faults);
    draft.arguments_span = Some((at, reader.at));
    draft.arguments = Some(Json::Object(members.unwrap_or_default()));
    Ok((reader.at, whole))
}

/// Finds the closing marker of a call that was read up to `end`; without one the call ends there if it is `whole`, and
/// at the next of several other markers if it is not.
pub(super) fn close(
    unit: &Unit<'_>,
    end: usize,
    whole: bool,
    close: &str,
    others: &[&str],
    faults: &mut Faults,
) -> Result<usize, More> {
    if whole {
        let behind = unit.skip_space(end)?;
        if unit.is_at(behind, close)? {
            return Ok(behind + close.len());
        }
    }
    let needles: Vec<&str> = [close].into_iter().chain(others.iter().copied()).collect();
    let found = unit.find(end, &needles)?;
    if let Some((at, 0)) = found {
        if whole {
            let between = unit.text[end..at].trim_matches(SPACE);
            let brackets = between.trim_matches(['}', ']']).is_empty();
            faults.add(if brackets { Fault::ExtraClosingBracket } else { Fault::TextInTag });
        }
        return Ok(at + close.len());
    }
    faults.add(Fault::MissingCloseTag);
    let next = found.map_or(unit.text.len(), |(at, _)| at);
    Ok(if whole { end } else { next })
}

/// A name that cannot be taken for anything else of a format: letters, digits, `_`, `-` and `.`.
pub(super) fn plain_name<'a>(format: &'static str, call: &'a Call) -> Result<&'a str, Unwritable> {
    let name = &call.name;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        let why = "the format has no quotes around names; use letters, digits, `_`, `-` and `.`";
        return Err(Unwritable { format, what: "the name", text: name.clone(), why });
    }
    Ok(name)
}

/// The arguments as JSON.
pub(super) fn write_arguments(call: &Call, out: &mut String) {
    write_object(&call.arguments, out);
}
