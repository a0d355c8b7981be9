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
    /// Each is the difference between two renderings that are prefixes of the text: of the messages before with the
    /// generation prompt, and of the messages up to and with this one.
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

    /// Where the message ends: what is rendered without those behind it, if that is a prefix of the text, else what
    /// closes its content.
    fn end(&mut self, index: usize) -> Result<usize, String> {
        let through = self.render(&self.conversation.messages[..=index], false)?;
        let through = through.trim_end();
        if self.text.starts_with(through) {
            return Ok(through.len());
        }
        Err("it is rendered otherwise when no message follows".to_owned())
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
