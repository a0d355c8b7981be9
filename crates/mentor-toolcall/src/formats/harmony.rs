//! Harmony: messages with a header, `<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>`, the arguments
//! and `<|call|>`.
//!
//! Written by gpt-oss. A header stands between `<|start|>` or `<|channel|>` and `<|message|>`; it may name the recipient
//! before the channel too (`<|start|>assistant to=functions.NAME<|channel|>commentary json<|message|>`). Messages of the
//! channel `analysis` are reasoning, those of `commentary` and `final` content; markers are markup. A message to a
//! recipient is a call.
//!
//! To the letter: channel `commentary`, a recipient `functions.NAME`, a JSON object, and `<|call|>` or the end of the
//! text, since `<|call|>` is a stop token that engines leave out.

use std::fmt::Write as _;

use mentor_trajectory::{Call, ToolSpec};

use super::{
    More, Observed, Read, Scanner, Spec, Step, Unit, Unwritable, Write, named, object_call, typescript,
    typescript::Commas,
};
use crate::{call::Draft, fault::Fault, json::Markers};

const START: &str = "<|start|>";
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const CALL: &str = "<|call|>";
const END: &str = "<|end|>";
const RETURN: &str = "<|return|>";
const PREFIX: &str = "functions.";
const MARKERS: Markers = Markers { open: START, close: CALL };

pub(super) static SPEC: Spec = Spec {
    id: "harmony",
    aliases: &["gpt-oss"],
    families: "gpt-oss",
    thinking: ("", END),
    opens: &[START, CHANNEL, MESSAGE, CALL, END, RETURN],
    closes: &[MESSAGE, CALL, END, RETURN, START],
    read,
    write: Write { calls, observations, tools },
    scanner: Scanner::new(),
};

fn read(unit: &mut Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
    if unit.marker != START && unit.marker != CHANNEL {
        return Ok(Step::Markup(unit.inside()));
    }
    let found = unit.find(unit.inside(), &[MESSAGE, CALL, END, RETURN, START])?;
    let end = found.map_or(unit.text.len(), |(at, _)| at);
    let header = Header::read(&unit.text[unit.start..end]);
    let Some(recipient) = header.recipient else {
        let Some((_, 0)) = found else { return Ok(Step::Markup(end)) };
        let behind = end + MESSAGE.len();
        let reasoning = header.channel == "analysis";
        return Ok(if reasoning { Step::Reasoning(behind) } else { Step::Markup(behind) });
    };
    let mut draft = named::draft(recipient.strip_prefix(PREFIX).unwrap_or(recipient), unit.start);
    if !recipient.starts_with(PREFIX) {
        draft.faults.add(Fault::NameSpelling);
    }
    if header.channel != "commentary" {
        draft.faults.add(Fault::WrongChannel);
    }
    if let Some((at, 0)) = found {
        draft.span.1 = body(unit, at + MESSAGE.len(), &mut draft)?;
    } else {
        // The header breaks off: the name may be the half of one.
        let fault = if found.is_none() { Fault::CutOff } else { Fault::NoObject };
        let arguments = Some(object_call::nothing());
        draft = Draft { span: (unit.start, end), arguments, faults: fault.into(), ..Draft::default() };
    }
    let end = draft.span.1;
    drafts.push(draft);
    Ok(Step::Calls(end))
}

/// Reads the arguments of a call, and says where its message ends.
fn body(unit: &Unit<'_>, at: usize, draft: &mut Draft) -> Result<usize, More> {
    let (end, whole) = named::arguments(unit, at, MARKERS, draft)?;
    if whole && unit.skip_space(end)? == unit.text.len() {
        return Ok(unit.text.len());
    }
    named::close(unit, end, whole, CALL, &[END, RETURN, START, CHANNEL], &mut draft.faults)
}

/// What stands before a message.
struct Header<'a> {
    channel: &'a str,
    /// Who the message is for, unless that is the user.
    recipient: Option<&'a str>,
}

impl<'a> Header<'a> {
    fn read(text: &'a str) -> Self {
        let word = |from: usize| {
            let rest = &text[from..];
            &rest[..rest.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(rest.len())]
        };
        let channel = text.find(CHANNEL).map_or("", |at| word(at + CHANNEL.len()));
        let recipient = text.find("to=").map(|at| word(at + "to=".len()));
        Self { channel, recipient: recipient.filter(|name| !matches!(*name, "user" | "assistant" | "all")) }
    }
}

fn calls(calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
    for (index, call) in calls.iter().enumerate() {
        let name = named::plain_name(SPEC.id, call)?;
        if index > 0 {
            out.push_str("<|start|>assistant");
        }
        let _ = write!(out, "{CHANNEL}commentary to={PREFIX}{name} <|constrain|>json{MESSAGE}");
        named::write_arguments(call, out);
        out.push_str(CALL);
    }
    Ok(())
}

fn observations(observed: &[Observed<'_>], out: &mut String) {
    for Observed { call, content, .. } in observed {
        let name = &call.name;
        let _ = write!(out, "{START}{PREFIX}{name} to=assistant{CHANNEL}commentary{MESSAGE}{content}{END}");
    }
}

/// The tools as the developer message has them: a namespace of `TypeScript` types.
fn tools(tools: &[ToolSpec], out: &mut String) {
    out.push_str("namespace functions {\n");
    for tool in tools {
        out.push('\n');
        typescript::declare(tool, Commas::AfterEach, out);
        out.push('\n');
    }
    out.push_str("\n} // namespace functions");
}
