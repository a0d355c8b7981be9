//! Functionary 3.2: messages to a recipient, `>>>NAME` and the arguments in the next line; `>>>all` for the user.
//!
//! Written by Meetkai's Functionary 3.2. The chat template has written the first `>>>` already, so that a turn begins with
//! a recipient: `all`, a line break and content, or a name, a line break and a call's arguments. To the letter: a name, a
//! line break, a JSON object.

use mentor_trajectory::Call;

use super::{More, Read, Scanner, Spec, Step, Unit, Unwritable, Write, named, write};
use crate::{call::Draft, json::Markers};

const OPEN: &str = ">>>";
const EVERYBODY: &str = "all";
const MARKERS: Markers = Markers { open: OPEN, close: "" };
/// How far a recipient's line break may be.
const LONGEST_NAME: usize = 128;

pub(super) static SPEC: Spec = Spec {
    id: "functionary-3.2",
    aliases: &[],
    families: "Functionary 3.2",
    thinking: ("<think>", "</think>"),
    opens: &["", OPEN, "<|eot_id|>"],
    closes: &["\n", "}", OPEN],
    read,
    write: Write { calls, observations: write::lines, tools: write::functions },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker == "<|eot_id|>" {
        return Ok(Step::Markup(unit.inside()));
    }
    let Some((name, at)) = recipient(unit)? else { return Ok(unit.no_call()) };
    if name == EVERYBODY {
        return Ok(Step::Markup(at));
    }
    // Without `>>>` a line is a recipient only if arguments follow it.
    if unit.marker.is_empty() {
        let behind = unit.skip_space(at)?;
        if !unit.is_at(behind, "{")? {
            return Ok(unit.no_call());
        }
    }
    let mut draft = named::draft(name, unit.start);
    let (end, whole) = named::arguments(unit, at, MARKERS, &mut draft)?;
    let end = if whole { end } else { unit.find(end, &[OPEN])?.map_or(unit.text.len(), |(at, _)| at) };
    let end = unit.space_before(end, &[OPEN])?;
    draft.span.1 = end;
    drafts.push(draft);
    Ok(Step::Calls(end))
}

/// The word that is alone in the line that begins here, and where the next line begins.
fn recipient<'a>(unit: &Unit<'a>) -> Result<Option<(&'a str, usize)>, More> {
    let from = unit.inside();
    let rest = &unit.text[from..];
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
    if length == 0 && !rest.is_empty() || length > LONGEST_NAME {
        return Ok(None);
    }
    if length == rest.len() {
        unit.ended()?;
        return Ok(None);
    }
    Ok(unit.is_at(from + length, "\n")?.then(|| (&rest[..length], from + length + 1)))
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        write::separate(OPEN, index, out);
        let name = named::plain_name(SPEC.id, call)?;
        if name == EVERYBODY {
            let why = "it is the format's word for the user; rename the tool";
            return Err(Unwritable { format: SPEC.id, what: "the name", text: name.to_owned(), why });
        }
        if name.len() > LONGEST_NAME {
            let why = "it is longer than a recipient may be; shorten it";
            return Err(Unwritable { format: SPEC.id, what: "the name", text: name.to_owned(), why });
        }
        out.push_str(name);
        out.push('\n');
        named::write_arguments(call, out);
    }
    Ok(())
}
