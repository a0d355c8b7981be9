//! Which stretches of a rendered conversation the assistant wrote: what supervised fine-tuning trains on.

use std::ops::Range;

use super::{ChatTemplate, Conversation, PyJson, Rendered, Run, TemplateError};

/// Where the assistant's own text stands in a rendered conversation, if that can be proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssistantSpans {
    /// The template's `{% generation %}` blocks, as transformers' `return_assistant_tokens_mask` takes them: byte
    /// ranges, in order.
    Generation(Vec<Range<usize>>),
    /// One byte range for each message of the assistant, in order: from the end of what opens the turn (the
    /// generation prompt) to the end of what closes it, without the white space behind that.
    ///
    /// It begins where the messages before, rendered with the generation prompt, end, if that is a prefix of the text. It
    /// ends where the messages up to and with it, rendered alone, end, if that is one too. Where it is not, because the
    /// template shows a message otherwise once others follow (Qwen3 without its reasoning), a mark put behind the message's
    /// content must change nothing in both renderings but be there; then what follows the mark in the one, and stands
    /// behind it in the other too, closes the message.
    Prefixes(Vec<Range<usize>>),
    /// They cannot be told, and why.
    Unknown(String),
}

impl AssistantSpans {
    /// The byte ranges, if they are known.
    pub fn ranges(&self) -> Option<&[Range<usize>]> {
        match self {
            Self::Generation(ranges) | Self::Prefixes(ranges) => Some(ranges),
            Self::Unknown(_) => None,
        }
    }
}

/// Byte ranges of a text as ranges of Unicode code points, which is what indices of a Python string are.
///
/// The ranges must be in order, not overlap, and lie on character boundaries.
pub fn char_spans(text: &str, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut bytes, mut chars) = (0, 0);
    let mut at = |target: usize| {
        chars += text.get(bytes..target).map_or(0, |between| between.chars().count());
        bytes = target;
        chars
    };
    ranges.iter().map(|range| at(range.start)..at(range.end)).collect()
}

pub(super) fn find(
    template: &ChatTemplate,
    conversation: &Conversation,
    rendered: &Rendered,
) -> AssistantSpans {
    if conversation.continue_final_message.is_some() {
        return AssistantSpans::Unknown("the last message is to be continued".to_owned());
    }
    if template.has_generation {
        return match &rendered.blocks {
            Some(blocks) => AssistantSpans::Generation(blocks.clone()),
            None => AssistantSpans::Unknown(
                "the template prints a generation block into a variable or a macro".to_owned(),
            ),
        };
    }
    let mut prover = Prover { template, conversation, text: &rendered.text, fuel: template.limits.fuel };
    let mut spans = Vec::new();
    for index in 0..conversation.messages.len() {
        if conversation.messages[index].get("role").and_then(PyJson::as_str) != Some("assistant") {
            continue;
        }
        let floor = spans.last().map_or(0, |span: &Range<usize>| span.end);
        match prover.span(index, floor) {
            Ok(span) => spans.push(span),
            Err(reason) => return AssistantSpans::Unknown(format!("message {index}: {reason}")),
        }
    }
    AssistantSpans::Prefixes(spans)
}

/// Put behind a message's content to find its end.
const MARK: &str = "\u{f0000}end\u{f0001}";

/// The messages with the mark behind the content of one, if that is text and no calls follow it.
fn marked(messages: &[PyJson], index: usize) -> Option<Vec<PyJson>> {
    let mut messages = messages.to_vec();
    let PyJson::Object(message) = messages.get_mut(index)? else { return None };
    if message.contains_key("tool_calls") {
        return None;
    }
    let PyJson::String(content) = message.get_mut("content")? else { return None };
    let end = content.trim_end().len();
    content.insert_str(end, MARK);
    (end > 0).then_some(messages)
}

/// Renders parts of a conversation and compares them with the whole.
struct Prover<'a> {
    template: &'a ChatTemplate,
    conversation: &'a Conversation,
    text: &'a str,
    fuel: u64,
}

impl Prover<'_> {
    fn span(&mut self, index: usize, floor: usize) -> Result<Range<usize>, String> {
        let before = self.render(&self.conversation.messages[..index], true)?;
        if !self.text.starts_with(&before) || before.len() < floor {
            return Err(
                "with the generation prompt, the messages before it are rendered otherwise".to_owned()
            );
        }
        let end = self.end(index)?;
        if end < before.len() {
            return Err("it ends before it begins".to_owned());
        }
        Ok(before.len()..end)
    }

    /// Where the message ends; see [`AssistantSpans::Prefixes`].
    fn end(&mut self, index: usize) -> Result<usize, String> {
        let messages = &self.conversation.messages;
        let through = self.render(&messages[..=index], false)?;
        let through = through.trim_end();
        if self.text.starts_with(through) {
            return Ok(through.len());
        }
        let marked = marked(messages, index).filter(|_| !self.text.contains(MARK));
        let marked = marked
            .ok_or("it is rendered otherwise when no message follows, and its content cannot be marked")?;
        let alone = self.render(&marked[..=index], false)?;
        let whole = self.render(&marked, self.conversation.add_generation_prompt)?;
        let (_, closing) = alone.split_once(MARK).ok_or("it is rendered without its content")?;
        let (before, after) = whole.split_once(MARK).ok_or("it is rendered without its content")?;
        let closing = closing.trim_end();
        if self.text.strip_prefix(before) != Some(after) || !after.starts_with(closing) {
            return Err("its content is rendered otherwise when no message follows".to_owned());
        }
        Ok(before.len() + closing.len())
    }

    fn render(&mut self, messages: &[PyJson], add_generation_prompt: bool) -> Result<String, String> {
        let part = Conversation { add_generation_prompt, ..self.conversation.clone() };
        let failed =
            |error: TemplateError| format!("the messages before it cannot be rendered alone: {error}");
        let Run { rendered, fuel } = self.template.run(messages, &part).map_err(failed)?;
        self.fuel =
            self.fuel.checked_sub(fuel).ok_or("the conversation is too long to be rendered part by part")?;
        Ok(rendered.text)
    }
}
