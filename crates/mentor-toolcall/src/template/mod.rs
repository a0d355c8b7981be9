//! Chat templates: renders a checkpoint's own Jinja template as Hugging Face transformers does.
//!
//! ```
//! use mentor_toolcall::template::{ChatTemplate, Conversation};
//! use serde_json::json;
//!
//! let template = ChatTemplate::new(
//!     "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}\n{% endfor %}\
//!      {% if add_generation_prompt %}<|assistant|>{% endif %}",
//! )?;
//! let mut conversation = Conversation::new(&json!([{"role": "user", "content": "2 < 3?"}]))?;
//! conversation.add_generation_prompt = true;
//! assert_eq!(template.render(&conversation)?.text, "<|user|>2 < 3?\n<|assistant|>");
//! # Ok::<(), mentor_toolcall::template::TemplateError>(())
//! ```
//!
//! The reference is `apply_chat_template(…, tokenize=False)` of transformers 5.24 with Jinja 3.1.6: trimmed blocks,
//! loop controls, `tojson` as `json.dumps`, Python's string, list and dict methods, Python's printing of values,
//! `raise_exception`, `strftime_now` (with a clock that the caller gives), `{% generation %}` blocks.
//! `fixtures/template/` holds what it wrote for the templates of ten model families.
//!
//! `fixtures/template/snippets.jsonl` says what each thing a template can write means, and ends with what minijinja means
//! otherwise: arithmetic of integers beyond 128 bits, `%` on strings, comparisons and containments that Python refuses,
//! `Markup` added to text, views and generators printed, `varargs`, a few filters no known template uses.
//!
//! Templates come from strangers: a rendering has a budget of work ([`Limits::fuel`]) and of output, what a value holds is
//! bounded in size and depth, and no template can reach files, other templates or the host.

mod checkpoint;
mod conversation;
mod detect;
mod environment;
mod error;
mod guard;
mod json;
mod methods;
mod python;
mod source;
mod spans;
mod tokens;
mod weigh;

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex},
};

pub use checkpoint::Checkpoint;
pub use conversation::Conversation;
pub use detect::Detected;
pub use error::{TemplateError, TemplateErrorKind};
pub use jiff::civil::DateTime;
pub use json::{PyJson, PyJsonError};
use minijinja::{Environment, Value};
pub use spans::{AssistantSpans, char_spans};

use self::environment::Recorder;

/// What a rendering may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Work: about one unit an instruction of the template, and one for each 64 bytes it moves.
    pub fuel: u64,
    /// Bytes of the output, and of any one value that is printed.
    pub output: usize,
    /// Bytes of the template's source.
    pub source: usize,
}

impl Default for Limits {
    /// 5 million units of fuel (some conversations of a megabyte; about a second), 16 MiB of output, 256 KiB of source.
    fn default() -> Self {
        Self { fuel: 5_000_000, output: 16 << 20, source: 256 << 10 }
    }
}

/// A chat template, read once and rendered as often as needed.
#[derive(Debug)]
pub struct ChatTemplate {
    source: String,
    env: Environment<'static>,
    limits: Limits,
    has_generation: bool,
}

/// A rendered conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text, as `apply_chat_template(…, tokenize=False)` returns it.
    pub text: String,
    /// The template's `{% generation %}` blocks as byte ranges of the text, in order; none of them if one was printed
    /// into a variable first, so that its place is not known.
    pub blocks: Option<Vec<Range<usize>>>,
}

const NAME: &str = "chat_template";

impl ChatTemplate {
    /// Reads a template, with the default [`Limits`].
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        Self::with_limits(source, Limits::default())
    }

    /// Reads a template whose renderings may use so much.
    pub fn with_limits(source: &str, limits: Limits) -> Result<Self, TemplateError> {
        if source.len() > limits.source {
            let message = format!("the template has {} bytes, more than {}", source.len(), limits.source);
            return Err(TemplateError::new(TemplateErrorKind::Limit, message));
        }
        let mut env = environment::environment(limits.fuel, limits.output)?;
        env.add_template_owned(NAME, source::rewrite(source)?)?;
        let has_generation = source::has_generation(source);
        Ok(Self { source: source.to_owned(), env, limits, has_generation })
    }

    /// The template's source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The format in which tool calls are written, if the template tells.
    pub fn format(&self) -> Option<Detected> {
        detect::from_template(&self.source)
    }

    /// Whether the template marks what the assistant generates with `{% generation %}`.
    pub fn has_generation_blocks(&self) -> bool {
        self.has_generation
    }

    /// Renders a conversation as transformers' `apply_chat_template` does, the checks of its options included.
    pub fn render(&self, conversation: &Conversation) -> Result<Rendered, TemplateError> {
        conversation.check()?;
        let Some(continued) = conversation.continued(&self.source)? else {
            return self.run(&conversation.messages, conversation).map(|run| run.rendered);
        };
        let mut rendered = self.run(&continued.messages, conversation)?.rendered;
        continued.cut(&mut rendered.text)?;
        rendered.blocks = None;
        Ok(rendered)
    }

    /// Where the assistant's own text stands in a rendered conversation; see [`AssistantSpans`].
    ///
    /// Without generation blocks this renders the conversation up to four times more for each of the assistant's
    /// messages, all of them together within the fuel of one rendering.
    pub fn assistant_spans(&self, conversation: &Conversation, rendered: &Rendered) -> AssistantSpans {
        spans::find(self, conversation, rendered)
    }

    fn run(&self, messages: &[PyJson], conversation: &Conversation) -> Result<Run, TemplateError> {
        let recorder = Arc::new(Mutex::new(Recorder::default()));
        let mut context = conversation.variables(messages);
        context.extend(environment::hidden(&recorder, conversation.now));
        let mut output = Output { text: Vec::new(), limit: self.limits.output, recorder: &recorder };
        let template = self.env.get_template(NAME)?;
        let captured = template.render_captured_to(Value::from_pairs(context), &mut output)?;
        let fuel = captured.state().fuel_levels().map_or(0, |(used, _)| used);
        let text = String::from_utf8(std::mem::take(&mut output.text))
            .map_err(|_| TemplateError::new(TemplateErrorKind::Render, "the output is not UTF-8"))?;
        let blocks = recorder
            .lock()
            .ok()
            .filter(|recorder| !recorder.captured)
            .map(|recorder| recorder.blocks.clone());
        Ok(Run { rendered: Rendered { text, blocks }, fuel })
    }
}

/// Python's `str.strip`.
pub(crate) fn python_strip(text: &str) -> &str {
    methods::strip(text, None)
}

/// A rendering and what it used up.
struct Run {
    rendered: Rendered,
    fuel: u64,
}

/// Collects the output up to a limit and says how much there is.
struct Output<'a> {
    text: Vec<u8>,
    limit: usize,
    recorder: &'a Mutex<Recorder>,
}

impl io::Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.limit {
            return Err(io::Error::other("the output is larger than it may be"));
        }
        self.text.extend_from_slice(bytes);
        if let Ok(mut recorder) = self.recorder.lock() {
            recorder.written = self.text.len();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
