//! Chat templates as data: which characters are the template's, which are somebody's, which are trained on.

use mentor_trajectory::{ToolSpec, Trajectory, Turn};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::write_json;

/// The markers of reasoning, calls and observations: single tokens in the vocabulary, but not special ones, so they
/// mean the same wherever they stand.
pub const ADDED_TOKENS: &[&str] =
    &["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"];

const SPECIAL_TOKENS: &[&str] = &["<|im_start|>", "<|im_end|>", "<|endoftext|>"];

/// A stretch of a rendered conversation by whose text it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// The template's own text: special tokens in it are special.
    Markup(String),
    /// Somebody's text (user, tool, assistant): what looks like a special token in it is ordinary text.
    Text(String),
}

impl Piece {
    /// The characters, whoever wrote them.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Markup(text) | Self::Text(text) => text,
        }
    }
}

/// What a tokenizer has to encode as one unit; see [`stretches`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// One special token of the template.
    Special(&'static str),
    /// Text without any special token; never empty.
    Plain(String),
}

/// Cuts a rendered conversation at the template's special tokens and nowhere else.
///
/// Encoding each [`Stretch::Plain`] with special tokens read as ordinary text gives the ids that a tokenizer gives the
/// whole string, because special tokens are the only places where it never merges across. Encoding piece by piece
/// would not: a user's text can begin with the newline that the template's ends with.
pub fn stretches<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Vec<Stretch> {
    let mut out = Vec::new();
    let mut plain = String::new();
    for piece in pieces {
        let mut rest = piece.as_str();
        if let Piece::Markup(_) = piece {
            while let Some((at, token)) = first_special(rest) {
                plain.push_str(&rest[..at]);
                if !plain.is_empty() {
                    out.push(Stretch::Plain(std::mem::take(&mut plain)));
                }
                out.push(Stretch::Special(token));
                rest = &rest[at + token.len()..];
            }
        }
        plain.push_str(rest);
    }
    if !plain.is_empty() {
        out.push(Stretch::Plain(plain));
    }
    out
}

fn first_special(text: &str) -> Option<(usize, &'static str)> {
    SPECIAL_TOKENS.iter().filter_map(|token| Some((text.find(token)?, *token))).min()
}

/// A chat template. All of them are `ChatML` with Hermes calls and differ in how the tools are introduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chat {
    /// For a very small model: the system message is `Tools: add(a, b); sqrt(x)`, or `Tools: none`.
    Compact,
    /// Qwen3's published template, without a system message of ours, with thinking left to the model
    /// (`enable_thinking` unset): tools as `OpenAI` function definitions in JSON, no system message without tools.
    Qwen3,
    /// [`Chat::Qwen3`] with `enable_thinking=False`: each assistant turn is opened with an empty reasoning block, which
    /// the template writes and nobody is trained on.
    ///
    /// Rendering the whole conversation anew, as a server does, would drop that block from all turns but the last.
    /// Here it stays where the student saw it, since in reinforcement learning tokens are only ever appended.
    Qwen3NoThinking,
}

impl Chat {
    /// The token that closes a turn.
    pub const STOP: &str = "<|im_end|>";

    /// The special tokens of every template here; [`ADDED_TOKENS`] are the other ones a tokenizer should hold.
    pub fn special_tokens() -> &'static [&'static str] {
        SPECIAL_TOKENS
    }

    /// Everything before the assistant's first turn; it ends with [what opens a turn](Self::opening).
    pub fn prompt(&self, tools: &[ToolSpec], question: &str) -> Vec<Piece> {
        let mut pieces = Builder::default();
        match self {
            Self::Compact => {
                pieces.markup("<|im_start|>system\nTools: ").text(&signatures(tools)).markup("<|im_end|>\n");
            }
            Self::Qwen3 | Self::Qwen3NoThinking if tools.is_empty() => {}
            Self::Qwen3 | Self::Qwen3NoThinking => qwen3_tools(tools, &mut pieces),
        }
        pieces.markup("<|im_start|>user\n").text(question).markup("<|im_end|>\n").markup(self.opening());
        pieces.done()
    }

    /// What follows the stop token of a turn whose calls were answered: the answers in one user turn, then
    /// [what opens a turn](Self::opening). Without an answer only the latter.
    pub fn observations(&self, contents: &[&str]) -> Vec<Piece> {
        let mut pieces = Builder::default();
        pieces.markup("\n");
        if !contents.is_empty() {
            pieces.markup("<|im_start|>user");
            for content in contents {
                pieces.markup("\n<tool_response>\n").text(content).markup("\n</tool_response>");
            }
            pieces.markup("<|im_end|>\n");
        }
        pieces.markup(self.opening());
        pieces.done()
    }

    /// What opens an assistant turn.
    pub fn opening(&self) -> &'static str {
        match self {
            Self::Compact | Self::Qwen3 => "<|im_start|>assistant\n",
            Self::Qwen3NoThinking => "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        }
    }

    /// A whole attempt; the flag marks what the assistant wrote (the text of its turns and the stop token of closed
    /// ones), which is what supervised fine-tuning trains on.
    ///
    /// Concatenated it is prompt, first turn, observations, second turn and so on, up to the last turn; observations
    /// of the last turn were never shown and are left out.
    pub fn transcript(
        &self,
        tools: &[ToolSpec],
        question: &str,
        trajectory: &Trajectory,
    ) -> Vec<(Piece, bool)> {
        let mut out: Vec<(Piece, bool)> = given(self.prompt(tools, question)).collect();
        for (index, turn) in trajectory.turns.iter().enumerate() {
            let last = index + 1 == trajectory.turns.len();
            if !turn.text.is_empty() {
                out.push((Piece::Text(turn.text.clone()), true));
            }
            if turn.closed || !last {
                out.push((Piece::Markup(Self::STOP.to_owned()), turn.closed));
            }
            if !last {
                out.extend(given(self.observations(&answers(turn))));
            }
        }
        out
    }
}

fn given(pieces: Vec<Piece>) -> impl Iterator<Item = (Piece, bool)> {
    pieces.into_iter().map(|piece| (piece, false))
}

fn answers(turn: &Turn) -> Vec<&str> {
    turn.calls
        .iter()
        .filter_map(|record| record.observation.as_ref())
        .map(|seen| seen.content.as_str())
        .collect()
}

/// `add(a, b); sqrt(x)`.
fn signatures(tools: &[ToolSpec]) -> String {
    if tools.is_empty() {
        return "none".to_owned();
    }
    let signature =
        |tool: &ToolSpec| format!("{}({})", tool.name, tool.parameter_names().collect::<Vec<_>>().join(", "));
    tools.iter().map(signature).collect::<Vec<_>>().join("; ")
}

/// The system message of Qwen3's `chat_template` (as in `Qwen/Qwen3-0.6B`, `tokenizer_config.json`).
fn qwen3_tools(tools: &[ToolSpec], pieces: &mut Builder) {
    pieces.markup(
        "<|im_start|>system\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are \
         provided with function signatures within <tools></tools> XML tags:\n<tools>",
    );
    for ToolSpec { name, description, parameters } in tools {
        let definition = json!({
            "type": "function",
            "function": {"name": name, "description": description, "parameters": parameters},
        });
        pieces.markup("\n").text(&write_json(&definition));
    }
    pieces.markup(
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within \
         <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": \
         <args-json-object>}\n</tool_call><|im_end|>\n",
    );
}

/// Collects pieces, joining neighbours of one kind and leaving out empty ones.
#[derive(Default)]
struct Builder(Vec<Piece>);

impl Builder {
    fn markup(&mut self, text: &str) -> &mut Self {
        if let Some(Piece::Markup(last)) = self.0.last_mut() {
            last.push_str(text);
        } else {
            self.0.push(Piece::Markup(text.to_owned()));
        }
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        if !text.is_empty() {
            self.0.push(Piece::Text(text.to_owned()));
        }
        self
    }

    fn done(self) -> Vec<Piece> {
        self.0
    }
}
