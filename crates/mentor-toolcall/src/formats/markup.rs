//! Calls as elements: a function in a tag that names it, each argument as text in a tag of its own.
//!
//! What Qwen3-Coder, `MiniMax` and `DeepSeek`'s DSML have in common; a [`Markup`] says how the tags are spelt and where the
//! type of a value comes from. A closing tag ends a value only if a tag that may follow it does, so that code which holds
//! one is read whole. The opening tag of another parameter ends a value at the beginning of a line; inside a line it is
//! text if it is closed there, and [otherwise](Fault::TagInValue) nothing is certain. A call without the tag around it is a
//! [bare call](Fault::BareCall).

use mentor_trajectory::Call;

use super::{
    More, Read, Step, Unit, Unwritable, object_call,
    tagged::{spread, spread_tag, stray_close},
    typing,
};
use crate::{
    call::Draft,
    fault::{Fault, Faults},
    json::{Json, Members, SPACE},
};

/// How a format spells its elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Markup {
    pub id: &'static str,
    /// What may stand around the calls, opening and closing; calls are written in the first.
    pub around: &'static [(&'static str, &'static str)],
    /// Whether one pair goes around all calls of a turn, or each call has its own.
    pub shared: bool,
    /// What begins the opening tag of a function and of a parameter, up to the name.
    pub function: &'static str,
    pub function_end: &'static str,
    pub parameter: &'static str,
    pub parameter_end: &'static str,
    /// Whether names stand in double quotes, which what begins a tag opens.
    pub quoted: bool,
    pub values: Values,
}

/// How a format writes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// As text between two line breaks; the schema knows the type.
    Lines,
    /// As text; the schema knows the type.
    Text,
    /// As text or JSON, which an attribute of the tag tells (`string="true"`, `string="false"`).
    Declared,
}

/// The opening tag of a function or a parameter.
struct Head<'a> {
    name: &'a str,
    /// What stands between the name and `>`.
    attributes: &'a str,
    end: usize,
}

/// What was found where a value begins; positions are where what comes next begins.
enum Value<'a> {
    Text(&'a str, usize),
    /// Where it ends cannot be said.
    Unclear(usize),
    /// The text ends before it does.
    CutOff,
}

impl Markup {
    /// Reads the calls that a marker of the format begins.
    pub fn read(&self, unit: &Unit<'_>, drafts: &mut Vec<Draft>) -> Read {
        if unit.marker == self.function {
            let (draft, end) = self.element(unit, unit.start, self.around[0].1)?;
            drafts.push(draft);
            let close = unit.skip_space(end)?;
            let end = if unit.is_at(close, self.around[0].1)? { close + self.around[0].1.len() } else { end };
            spread_tag(drafts, (unit.start, end), Fault::BareCall.into());
            return Ok(Step::Calls(end));
        }
        let Some((open, close)) = self.around.iter().find(|(open, _)| *open == unit.marker) else {
            drafts.push(stray_close(unit));
            return Ok(Step::Calls(unit.inside()));
        };
        self.tag(unit, open, close, drafts)
    }

    /// Reads everything from the tag around the calls on.
    fn tag(&self, unit: &Unit<'_>, open: &str, close: &str, drafts: &mut Vec<Draft>) -> Read {
        let mut around = Faults::default();
        let found = unit.find(unit.inside(), &[self.function, close, open])?;
        let (first, which) = found.unwrap_or((unit.text.len(), 2));
        let blank = unit.text[unit.inside()..first].trim_matches(SPACE).is_empty();
        if which > 0 {
            around.add(if blank { Fault::EmptyTag } else { Fault::NoFunction });
            if which == 2 {
                around.add(Fault::MissingCloseTag);
            }
            let end = if which == 1 { first + close.len() } else { first };
            drafts.push(Draft { arguments: Some(object_call::nothing()), ..Draft::default() });
            spread(drafts, (unit.start, end), &around);
            return Ok(Step::Calls(end));
        }
        if !blank {
            around.add(Fault::TextInTag);
        }
        let mut at = first;
        let end = loop {
            let (draft, end) = self.element(unit, at, close)?;
            drafts.push(draft);
            at = unit.skip_space(end)?;
            if unit.is_at(at, close)? {
                break at + close.len();
            }
            if !unit.is_at(at, self.function)? {
                around.add(Fault::MissingCloseTag);
                break end;
            }
        };
        if self.shared {
            spread(drafts, (unit.start, end), &around);
        } else {
            spread_tag(drafts, (unit.start, end), around);
        }
        Ok(Step::Calls(end))
    }

    /// Reads the function that begins at `start`, and says where it ends.
    fn element(&self, unit: &Unit<'_>, start: usize, close: &str) -> Result<(Draft, usize), More> {
        let mut draft = Draft { span: (start, start), ..Draft::default() };
        let mut arguments = Members::default();
        let inside = start + self.function.len();
        let end = match self.head(unit, inside)? {
            Some(head) => {
                if head.name.is_empty() {
                    draft.faults.add(Fault::EmptyName);
                } else {
                    draft.name = Some(head.name.to_owned());
                }
                if !head.attributes.is_empty() {
                    draft.faults.add(Fault::ExtraKey);
                }
                self.parameters(unit, head.name, head.end, close, &mut draft, &mut arguments)?
            }
            None => self.broken(unit, inside, close, &mut draft.faults)?,
        };
        draft.arguments = Some(Json::Object(arguments.pairs));
        Ok((draft, end))
    }

    /// The rest of an opening tag, which must be in one line.
    fn head<'a>(&self, unit: &Unit<'a>, from: usize) -> Result<Option<Head<'a>>, More> {
        let ends = if self.quoted { ["\"", "<", "\n"] } else { [">", "<", "\n"] };
        let Some((at, 0)) = unit.find(from, &ends)? else { return Ok(None) };
        let name = unit.text[from..at].trim();
        if !self.quoted {
            return Ok(Some(Head { name, attributes: "", end: at + 1 }));
        }
        let Some((end, 0)) = unit.find(at + 1, &[">", "<", "\n"])? else { return Ok(None) };
        Ok(Some(Head { name, attributes: unit.text[at + 1..end].trim(), end: end + 1 }))
    }

    /// Names why nothing more can be read, and finds where the call ends all the same.
    fn broken(&self, unit: &Unit<'_>, from: usize, close: &str, faults: &mut Faults) -> Result<usize, More> {
        let end = unit.find(from, &[close, self.open_of(close)])?;
        faults.add(if end.is_none() { Fault::CutOff } else { Fault::SyntaxError });
        Ok(end.map_or(unit.text.len(), |(at, _)| at))
    }

    fn open_of(&self, close: &str) -> &'static str {
        self.around.iter().find(|(_, other)| *other == close).unwrap_or(&self.around[0]).0
    }

    /// Reads parameter after parameter up to the end of the function, which is returned.
    fn parameters(
        &self,
        unit: &Unit<'_>,
        function: &str,
        mut at: usize,
        close: &str,
        draft: &mut Draft,
        arguments: &mut Members,
    ) -> Result<usize, More> {
        let tags = [self.parameter, self.function_end, close, self.function, self.open_of(close)];
        loop {
            let Some((tag, which)) = unit.find(at, &tags)? else {
                draft.faults.add(Fault::CutOff);
                return Ok(unit.text.len());
            };
            if !unit.text[at..tag].trim_matches(SPACE).is_empty() {
                draft.faults.add(Fault::TextInTag);
            }
            match which {
                0 => {}
                1 => return Ok(tag + self.function_end.len()),
                _ => {
                    draft.faults.add(Fault::MissingCloseTag);
                    return Ok(tag);
                }
            }
            let Some(head) = self.head(unit, tag + self.parameter.len())? else {
                return self.broken(unit, tag + self.parameter.len(), close, &mut draft.faults);
            };
            let (text, end) = match self.value(unit, head.end, close, &mut draft.faults)? {
                Value::Text(text, end) => (Some(text), end),
                Value::Unclear(end) => (None, end),
                Value::CutOff => {
                    draft.faults.add(Fault::CutOff);
                    return Ok(unit.text.len());
                }
            };
            if let Some(text) = text {
                let value = self.typed(unit, function, &head, text, &mut draft.faults);
                if arguments.push(head.name.to_owned(), value, (head.end, end)) {
                    draft.faults.add(Fault::DuplicateKey);
                }
            }
            let first = draft.arguments_span.map_or(tag, |(first, _)| first);
            draft.arguments_span = Some((first, end));
            at = end;
        }
    }

    /// What the text of a value stands for.
    fn typed(
        &self,
        unit: &Unit<'_>,
        function: &str,
        head: &Head<'_>,
        text: &str,
        faults: &mut Faults,
    ) -> Json {
        let by_schema = |faults: &mut Faults| {
            typing::read(text, unit.tools.and_then(|tools| tools.parameter(function, head.name)), faults)
        };
        if self.values != Values::Declared {
            if !head.attributes.is_empty() {
                faults.add(Fault::ExtraKey);
            }
            return by_schema(faults);
        }
        match head.attributes {
            "string=\"true\"" => Json::String(text.to_owned()),
            "string=\"false\"" => typing::json(text, faults),
            _ => {
                faults.add(Fault::UndeclaredType);
                by_schema(faults)
            }
        }
    }

    /// The value that begins at `from`.
    fn value<'a>(
        &self,
        unit: &Unit<'a>,
        from: usize,
        close: &str,
        faults: &mut Faults,
    ) -> Result<Value<'a>, More> {
        let open = self.open_of(close);
        let after_value = [self.parameter, self.function_end, close, self.function];
        let after_function = [close, self.function, open];
        let text = |end: usize| match self.values {
            Values::Lines => without_line_breaks(&unit.text[from..end]),
            Values::Text | Values::Declared => &unit.text[from..end],
        };
        let mut doubtful = None;
        let mut at = from;
        loop {
            let tags = [self.parameter_end, self.parameter, self.function_end, close];
            let Some((tag, which)) = unit.find(at, &tags)? else { return Ok(Value::CutOff) };
            at = tag + 1;
            if which == 1 && !unit.text[..tag].ends_with('\n') && doubtful.is_none() {
                if self.is_closed_in_value(unit, tag, &tags, &after_value)? {
                    continue;
                }
                faults.add(Fault::TagInValue);
                return Ok(Value::Unclear(tag));
            }
            let value_end = tag + self.parameter_end.len();
            let ends = match which {
                0 => followed(unit, value_end, &after_value)?,
                1 => doubtful.is_none() && unit.text[..tag].ends_with('\n'),
                2 => followed(unit, tag + self.function_end.len(), &after_function)?,
                _ => true,
            };
            if which == 0 && !ends {
                doubtful.get_or_insert(tag);
            }
            if !ends {
                continue;
            }
            if which == 0 {
                return Ok(Value::Text(text(tag), value_end));
            }
            if let Some(tag) = doubtful {
                return Ok(Value::Text(text(tag), tag + self.parameter_end.len()));
            }
            faults.add(Fault::MissingCloseTag);
            return Ok(Value::Text(without_line_breaks(&unit.text[from..tag]), tag));
        }
    }

    /// Whether the parameter's opening tag that stands inside a value at `tag` is closed there, before more of the value.
    fn is_closed_in_value(
        &self,
        unit: &Unit<'_>,
        tag: usize,
        tags: &[&str],
        after_value: &[&str],
    ) -> Result<bool, More> {
        Ok(match unit.find(tag + 1, tags)? {
            Some((close, 0)) => !followed(unit, close + self.parameter_end.len(), after_value)?,
            _ => false,
        })
    }

    /// Writes calls with the tags around them.
    pub fn write(&self, calls: &[Call], out: &mut String) -> Result<(), Unwritable> {
        let (open, close) = self.around[0];
        for (index, call) in calls.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            if index == 0 || !self.shared {
                out.push_str(open);
                out.push('\n');
            }
            self.write_element(call, out)?;
            if index + 1 == calls.len() || !self.shared {
                out.push('\n');
                out.push_str(close);
            }
        }
        Ok(())
    }

    fn write_element(&self, call: &Call, out: &mut String) -> Result<(), Unwritable> {
        let line = if self.values == Values::Lines { "\n" } else { "" };
        out.push_str(self.function);
        self.write_name("the name", &call.name, out)?;
        out.push_str(">\n");
        for (key, value) in &call.arguments {
            out.push_str(self.parameter);
            self.write_name("the argument name", key, out)?;
            if self.values == Values::Declared {
                out.push_str(if value.is_string() { " string=\"true\"" } else { " string=\"false\"" });
            }
            out.push('>');
            let mut text = String::new();
            typing::write(value, &mut text);
            let closes = self.around.iter().map(|(_, close)| *close);
            let mut tags = [self.parameter_end, self.parameter, self.function_end].into_iter().chain(closes);
            if tags.any(|tag| text.contains(tag)) {
                let why = "it holds a tag of the format, which has no escapes; use another format";
                return Err(Unwritable { format: self.id, what: "the value", text, why });
            }
            out.push_str(line);
            out.push_str(&text);
            out.push_str(line);
            out.push_str(self.parameter_end);
            out.push('\n');
        }
        out.push_str(self.function_end);
        Ok(())
    }

    fn write_name(&self, what: &'static str, name: &str, out: &mut String) -> Result<(), Unwritable> {
        if name.is_empty() || name.trim() != name || name.contains(['<', '>', '\n', '"']) {
            let why = "it is empty, ends in whitespace, or holds `<`, `>`, `\"` or a line break; rename it";
            return Err(Unwritable { format: self.id, what, text: name.to_owned(), why });
        }
        out.push_str(name);
        if self.quoted {
            out.push('"');
        }
        Ok(())
    }
}

/// Whether nothing but whitespace stands before one of several tags, or before the end.
pub(super) fn followed(unit: &Unit<'_>, from: usize, tags: &[&str]) -> Result<bool, More> {
    let at = unit.skip_space(from)?;
    if at == unit.text.len() {
        return Ok(true);
    }
    for tag in tags {
        if unit.is_at(at, tag)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A value without the line break the format puts before and behind it.
fn without_line_breaks(text: &str) -> &str {
    let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}
