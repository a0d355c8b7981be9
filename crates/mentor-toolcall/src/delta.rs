//! Calls that are under way, piece by piece, as streaming chat completions tell them.

use crate::{Event, Parser};

/// A piece of a call: its name first, then its arguments' source text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Which call of the turn it belongs to, from 0: they come in written order.
    pub call: usize,
    /// The call's name, once.
    pub name: Option<String>,
    /// What [`arguments_text`](crate::ParsedCall::arguments_text) goes on with.
    pub arguments: String,
    /// What was told of this call before does not hold: this is all of it. That happens where a later member of an
    /// object takes an earlier one's place, and where something turns out to be no call (then nothing follows).
    pub anew: bool,
}

/// Tells the calls of a stream while they are under way.
///
/// The pieces of a call, concatenated, are the name and the `arguments_text` of the [`Event::Call`] that ends it, however
/// the text was cut. They are for showing: whether a call may be executed only the event says. Looking at a call under way
/// costs what it is long, so a long one is looked at only when it has grown by an eighth; all in all the time is linear.
///
/// ```
/// use mentor_toolcall::{Deltas, Format, Options, Parser};
///
/// let mut parser = Parser::new(Format::HERMES, Options::default());
/// let mut deltas = Deltas::default();
/// let mut told = String::new();
/// for chunk in ["<tool_call>{\"name\": \"say\", \"argu", "ments\": {\"text\": \"Hel", "lo\"}}", "</tool_call>"] {
///     let events = parser.feed(chunk);
///     for delta in deltas.next(&parser, &events) {
///         told += &format!("[{}|{}]", delta.name.unwrap_or_default(), delta.arguments);
///     }
/// }
/// assert_eq!(told, "[say|][|{\"text\": \"Hel][|lo\"}]");
/// ```
#[derive(Debug, Default)]
pub struct Deltas {
    /// The calls that are complete.
    complete: usize,
    /// What was told of the calls under way.
    told: Vec<Told>,
    /// How long the text under way was when it was last looked at.
    seen: usize,
}

#[derive(Debug, Default)]
struct Told {
    name: String,
    arguments: String,
}

impl Told {
    fn goes_on(&self, name: &str, arguments: &str) -> bool {
        (self.name.is_empty() || self.name == name) && arguments.starts_with(&self.arguments)
    }
}

impl Deltas {
    /// What has become known with the last chunk; `events` are all that the parser gave for it.
    pub fn next(&mut self, parser: &Parser<'_>, events: &[Event]) -> Vec<Delta> {
        const SHORT: usize = 256;
        let mut out = Vec::new();
        self.complete(events, &mut out);
        let pending = parser.pending().len();
        if events.is_empty() && pending >= SHORT && pending < self.seen + self.seen / 8 {
            return out;
        }
        self.seen = pending;
        let Some(calls) = parser.under_way() else {
            self.withdraw(&mut out);
            return out;
        };
        for (index, call) in calls.into_iter().enumerate() {
            // Later calls wait for this one's name. What does not go on with what was told is half of a tag that is
            // still arriving, or will be put right when the call is complete.
            if call.name.is_empty() || index > self.told.len() {
                break;
            }
            let told = self.told.get(index);
            if told.is_none_or(|told| told.goes_on(&call.name, &call.arguments_text)) {
                self.tell(index, &call.name, &call.arguments_text, &mut out);
            }
        }
        out
    }

    /// What is left to tell at the end; `events` are what [`Parser::finish`] gave.
    pub fn finish(mut self, events: &[Event]) -> Vec<Delta> {
        let mut out = Vec::new();
        self.complete(events, &mut out);
        self.withdraw(&mut out);
        out
    }

    fn complete(&mut self, events: &[Event], out: &mut Vec<Delta>) {
        for event in events {
            if let Event::Call(call) = event {
                self.tell(0, &call.name, &call.arguments_text, out);
                self.told.remove(0);
                self.complete += 1;
            }
        }
    }

    fn tell(&mut self, index: usize, name: &str, arguments: &str, out: &mut Vec<Delta>) {
        let call = self.complete + index;
        if self.told.len() == index {
            self.told.push(Told::default());
        }
        let told = &mut self.told[index];
        let delta = if told.goes_on(name, arguments) {
            let name = (told.name.is_empty() && !name.is_empty()).then(|| name.to_owned());
            Delta { call, name, arguments: arguments[told.arguments.len()..].to_owned(), anew: false }
        } else {
            Delta { call, name: Some(name.to_owned()), arguments: arguments.to_owned(), anew: true }
        };
        name.clone_into(&mut told.name);
        arguments.clone_into(&mut told.arguments);
        if delta.anew || delta.name.is_some() || !delta.arguments.is_empty() {
            out.push(delta);
        }
    }

    /// What was told of turns out to be no call.
    fn withdraw(&mut self, out: &mut Vec<Delta>) {
        let first = self.complete;
        out.extend((0..self.told.len()).map(|index| Delta {
            call: first + index,
            anew: true,
            ..Delta::default()
        }));
        self.told.clear();
    }
}
