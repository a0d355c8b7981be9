//! transformers' `response_template`: reads a model's output into a message as a declaration in its tokenizer says,
//! which covers models that no parser was written for.
//!
//! ```
//! use mentor_toolcall::{response::ResponseTemplate, template::PyJson};
//!
//! let template = ResponseTemplate::new(&PyJson::parse(
//!     r#"{
//!         "defaults": {"role": "assistant"},
//!         "start_anchor": "<|im_start|>assistant\n",
//!         "fields": {
//!             "tool_calls": {"open": "<call>", "close": "</call>", "repeats": true, "content": "json",
//!                            "transform": {"type": "function", "function": "{content}"}},
//!             "content": {"close": "<|im_end|>"}
//!         }
//!     }"#,
//! )?)?;
//! let read = template.read(r#"Adding.<call>{"name": "add", "arguments": {"a": 1}}</call>"#, "", &[]);
//! assert_eq!(read.message["content"].as_str(), Some("Adding."));
//! assert_eq!(read.message["tool_calls"].as_array().map(<[_]>::len), Some(1));
//! assert!(read.faults.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The reference is `parse_response` of transformers 5.24 (version 1 of the declaration): fields with open and close
//! anchors (literals or Python patterns), one field without an open anchor that takes what is left, content parsers, and
//! transforms. Where it raises an error over a model's output, the region is left out here and named among the faults.

mod calls;
mod content;
mod field;
mod parsed;
mod pattern;
mod typed;

use std::{cmp::Reverse, ops::Range};

use indexmap::IndexMap;

use self::{
    field::Field,
    pattern::{Match, Pattern, TooCostly},
};
use crate::template::{PyJson, TemplateError, TemplateErrorKind};

/// A `response_template`, checked and compiled.
#[derive(Clone, Debug)]
pub struct ResponseTemplate {
    defaults: IndexMap<String, PyJson>,
    fields: Vec<Field>,
    /// The field that takes what no other does, by its index.
    implicit: Option<usize>,
    start: Pattern,
}

/// A message read from a model's output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The fields, those of the template's defaults first.
    pub message: IndexMap<String, PyJson>,
    /// Where each of the message's `tool_calls` stands in the text, as a byte range with its anchors; what the prompt holds
    /// of it is left out.
    pub call_spans: Vec<Range<usize>>,
    /// What could not be read; strictly, a response with a fault has no message.
    pub faults: Vec<ResponseFault>,
}

/// A region that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseFault {
    /// The field it belongs to.
    pub field: String,
    /// Its byte range in the text, with its anchors.
    pub span: Range<usize>,
    /// Its text.
    pub text: String,
    /// Why not.
    pub message: String,
}

const KEYS: [&str; 5] = ["version", "defaults", "fields", "start_anchor", "start_anchor_pattern"];

impl ResponseTemplate {
    /// Checks a declaration and compiles its patterns.
    pub fn new(declaration: &PyJson) -> Result<Self, TemplateError> {
        Self::compiled(declaration).map_err(|message| TemplateError {
            kind: TemplateErrorKind::Checkpoint,
            message: format!("response_template: {message}"),
        })
    }

    fn compiled(declaration: &PyJson) -> Result<Self, String> {
        let PyJson::Object(declaration) = declaration else { return Err("it is no object".to_owned()) };
        if let Some(key) = declaration.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("unknown key `{key}`"));
        }
        if declaration.get("version").is_some_and(|version| *version != PyJson::Int(1)) {
            return Err("only version 1 is known".to_owned());
        }
        let object = |key: &str| match declaration.get(key) {
            None => Ok(IndexMap::new()),
            Some(PyJson::Object(map)) => Ok(map.clone()),
            Some(_) => Err(format!("`{key}` is no object")),
        };
        let fields = object("fields")?;
        if fields.is_empty() {
            return Err("`fields` is empty".to_owned());
        }
        let fields: Vec<Field> = fields
            .iter()
            .map(|(name, field)| Field::new(name, field).map_err(|error| format!("field `{name}`: {error}")))
            .collect::<Result<_, _>>()?;
        let mut without_open = (0..fields.len()).filter(|index| fields[*index].open.is_none());
        let implicit = without_open.next();
        if without_open.next().is_some() {
            return Err("more than one field has neither `open` nor `open_pattern`".to_owned());
        }
        let start = field::anchor(declaration, "start_anchor", "start_anchor_pattern")?;
        let start = start.ok_or("neither `start_anchor` nor `start_anchor_pattern` is given")?;
        Ok(Self { defaults: object("defaults")?, fields, implicit, start })
    }

    /// Reads a model's output.
    ///
    /// `prefix` is the prompt before it, because templates often write the first part of the message (an opening
    /// `<think>`): what stands there behind the last start anchor is read as part of the message. With `tools`, arguments
    /// that are strings are read by the called tool's schema, as transformers does.
    ///
    /// Takes time linear in the text but for what the declaration's own patterns cost; a pattern that takes more than a
    /// million steps is a fault.
    pub fn read(&self, text: &str, prefix: &str, tools: &[PyJson]) -> Response {
        let before = self.after_start(prefix);
        let whole = format!("{before}{text}");
        let mut reading = Reading {
            template: self,
            text: &whole,
            base: before.len(),
            tools,
            next: vec![(None, None); self.fields.len()],
            response: Response { message: self.defaults.clone(), ..Response::default() },
        };
        reading.run();
        let Response { mut message, call_spans, mut faults } = reading.response;
        for field in self.fields.iter().filter(|field| !field.optional && !message.contains_key(&field.name))
        {
            let message = "the message has no such field, and it is not optional".to_owned();
            let span = text.len()..text.len();
            faults.push(ResponseFault { field: field.name.clone(), span, text: String::new(), message });
        }
        message.retain(|name, value| self.defaults.contains_key(name) || !is_empty(value));
        Response { message, call_spans, faults }
    }

    fn after_start<'a>(&self, prefix: &'a str) -> &'a str {
        let last = self.start.find_all(prefix).filter_map(Result::ok).last();
        last.map_or(prefix, |found| &prefix[found.span.end..])
    }
}

fn is_empty(value: &PyJson) -> bool {
    match value {
        PyJson::Null => true,
        PyJson::String(text) => text.is_empty(),
        PyJson::Array(items) => items.is_empty(),
        PyJson::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// An anchor's next match, as far as it is known: none was looked for, or there is none, or it is there.
type Next = Option<Option<Match>>;

/// The region that is open.
struct Region {
    /// Its field; none where the template has none for what is left.
    field: Option<usize>,
    captures: IndexMap<String, String>,
    span: Range<usize>,
    /// The same with its anchors.
    outer: Range<usize>,
    /// Whether it was opened, by its anchor or by text.
    opened: bool,
}

/// What closes or opens a region.
struct Boundary {
    found: Match,
    /// The field that it opens; none if it closes the open region.
    opens: Option<usize>,
}

/// By what boundaries are compared: where they begin, how long they are, closing after opening, the field's name.
type Order<'a> = (usize, Reverse<usize>, bool, &'a str);

struct Reading<'a> {
    template: &'a ResponseTemplate,
    text: &'a str,
    /// How much of the text is the prompt's.
    base: usize,
    tools: &'a [PyJson],
    /// For each field the next match of its open and of its close anchor.
    next: Vec<(Next, Next)>,
    response: Response,
}

impl Reading<'_> {
    fn run(&mut self) {
        let mut at = 0;
        let mut region = self.implicit(at);
        loop {
            let boundary = match self.boundary(&region, at) {
                Ok(boundary) => boundary,
                Err(field) => {
                    let text = self.text[at..].to_owned();
                    let span = self.in_output(at..self.text.len());
                    let message = "an anchor's pattern takes too many steps".to_owned();
                    self.response.faults.push(ResponseFault { field, span, text, message });
                    None
                }
            };
            let Some(Boundary { found, opens }) = boundary else {
                region.opened |= at < self.text.len();
                region.span.end = self.text.len();
                region.outer.end = self.text.len();
                self.close(region);
                return;
            };
            region.opened |= found.span.start > at;
            region.span.end = found.span.start;
            let stuck = found.span.is_empty() && !region.opened && opens.is_none();
            at = found.span.end;
            region.outer.end = found.span.start;
            if let Some(field) = opens {
                self.close(region);
                let outer = found.span;
                region =
                    Region { field: Some(field), captures: found.groups, span: at..at, outer, opened: true };
            } else {
                region.outer.end = at;
                region.captures.extend(found.groups);
                self.close(region);
                region = self.implicit(at);
            }
            // A close of no width on an empty region would come again for ever: transformers stops there.
            if stuck {
                return;
            }
        }
    }

    fn implicit(&self, at: usize) -> Region {
        let captures = IndexMap::new();
        Region { field: self.template.implicit, captures, span: at..at, outer: at..at, opened: false }
    }

    /// What comes first of what may close the open region or, outside of one, open another: the longest of those that
    /// begin at one place, an opening before a closing one.
    fn boundary(&mut self, region: &Region, from: usize) -> Result<Option<Boundary>, String> {
        let template = self.template;
        let mut best: Option<(Order, Boundary)> = None;
        let is_explicit = region.field != template.implicit;
        for (index, field) in template.fields.iter().enumerate() {
            for opens in [true, false] {
                let watched = if opens { !is_explicit } else { region.field == Some(index) };
                let anchor = if opens { &field.open } else { &field.close };
                let (true, Some(anchor)) = (watched, anchor) else { continue };
                let slot = &mut self.next[index];
                let slot = if opens { &mut slot.0 } else { &mut slot.1 };
                let found = next(slot, anchor, self.text, from).map_err(|_| field.name.clone())?;
                let Some(found) = found else { continue };
                let order = (found.span.start, Reverse(found.span.len()), !opens, field.name.as_str());
                if best.as_ref().is_none_or(|(best, _)| order < *best) {
                    best = Some((order, Boundary { found, opens: opens.then_some(index) }));
                }
            }
        }
        Ok(best.map(|(_, boundary)| boundary))
    }

    fn close(&mut self, region: Region) {
        let Some(index) = region.field.filter(|_| region.opened) else { return };
        let field = &self.template.fields[index];
        let text = &self.text[region.span];
        let span = self.in_output(region.outer);
        let read = field.read(text, &region.captures).and_then(|value| {
            let value = if self.tools.is_empty() { value } else { typed::calls(value, self.tools) };
            field.store(&mut self.response.message, value)
        });
        if let Err(message) = read {
            let fault = ResponseFault {
                field: field.name.clone(),
                span: span.clone(),
                text: text.to_owned(),
                message,
            };
            self.response.faults.push(fault);
        }
        let calls = self.response.message.get(parsed::CALLS).and_then(PyJson::as_array).map_or(0, <[_]>::len);
        self.response.call_spans.resize(calls, span);
    }

    /// A range as it is in the model's output, without what the prompt holds of it.
    fn in_output(&self, range: Range<usize>) -> Range<usize> {
        range.start.saturating_sub(self.base)..range.end.saturating_sub(self.base)
    }
}

/// The next match at or after a position. One that was found from an earlier position and begins behind this one is still
/// the next, so that each stretch of the text is searched once.
fn next(slot: &mut Next, anchor: &Pattern, text: &str, from: usize) -> Result<Option<Match>, TooCostly> {
    let known = match slot {
        Some(None) => true,
        Some(Some(found)) => found.span.start >= from,
        None => false,
    };
    if !known {
        *slot = Some(anchor.find(text, from)?);
    }
    Ok(slot.clone().flatten())
}
