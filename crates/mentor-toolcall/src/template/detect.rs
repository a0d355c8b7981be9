//! Which tool-call format a checkpoint writes, told from its chat template or its added tokens.

/// A format and what told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The format's id, as [`crate::Format`] and the `parse` filter take it.
    pub id: &'static str,
    /// The strings found, and where.
    pub evidence: String,
}

/// A format with strings that must all occur in its families' templates, and some that must not.
struct Rule {
    id: &'static str,
    all: &'static [&'static str],
    none: &'static [&'static str],
}

const fn rule(id: &'static str, all: &'static [&'static str]) -> Rule {
    Rule { id, all, none: &[] }
}

/// The first rule that fits counts: what is peculiar to one family stands before what several share.
const RULES: &[Rule] = &[
    rule("kimi-k2", &["<|tool_calls_section_begin|>"]),
    rule("dsml", &["｜DSML｜"]),
    rule("deepseek-v3", &["<｜tool▁calls▁begin｜>", "```json"]),
    rule("deepseek-v3.1", &["<｜tool▁calls▁begin｜>"]),
    rule("minimax-m2", &["<minimax:tool_call>"]),
    rule("gemma4", &["<|tool_call>", "<tool_call|>"]),
    rule("function-gemma", &["<start_function_call>"]),
    rule("lfm2", &["<|tool_call_start|>"]),
    rule("lfm2", &["<|tool_list_start|>"]),
    rule("cohere", &["<|START_ACTION|>"]),
    rule("mistral-v11", &["[TOOL_CALLS]", "[ARGS]"]),
    rule("mistral", &["[TOOL_CALLS]"]),
    rule("apertus", &["<|tools_prefix|>"]),
    rule("nemotron", &["<TOOLCALL>"]),
    rule("internlm2", &["<|action_start|>", "<|plugin|>"]),
    rule("harmony", &["<|channel|>", "commentary"]),
    rule("functools", &["functools["]),
    rule("functools", &["<|tool|>", "<|/tool|>"]),
    rule("glm", &["<arg_key>"]),
    rule("qwen3-coder", &["<function=", "<parameter="]),
    rule("functionary-3.1", &["<function="]),
    rule("functionary-3.2", &[">>>", "recipient"]),
    rule("functionary-3.2", &[">>>all"]),
    // MiniMax M1's tags hold one object a line.
    Rule { id: "jamba", all: &["<tool_calls>"], none: &["<beginning_of_sentence>"] },
    Rule { id: "olmo3", all: &["<function_calls>"], none: &["<invoke", "atem:"] },
    rule("granite3", &["<|tool_call|>"]),
    rule("granite-20b-fc", &["<function_call>"]),
    rule("hermes", &["<tool_call>", "\"arguments\""]),
    rule("hermes", &["<tool_call>", "\\\"arguments\\\""]),
    rule("pythonic", &["<|python_start|>"]),
    rule("llama3-json", &["<|start_header_id|>", "\"parameters\": "]),
    rule("llama3-json", &["<|python_tag|>"]),
    rule("react", &["Action Input:"]),
];

/// Tokens that only one format's families add to their vocabulary.
const TOKENS: &[(&str, &str)] = &[
    ("kimi-k2", "<|tool_calls_section_begin|>"),
    ("dsml", "｜DSML｜"),
    ("gemma4", "<|tool_call>"),
    ("function-gemma", "<start_function_call>"),
    ("lfm2", "<|tool_call_start|>"),
    ("cohere", "<|START_ACTION|>"),
    ("mistral-v11", "[ARGS]"),
    ("mistral", "[TOOL_CALLS]"),
    ("apertus", "<|tools_prefix|>"),
    ("internlm2", "<|action_start|>"),
    ("minimax-m2", "<minimax:tool_call>"),
    ("functools", "<|/tool|>"),
    ("granite3", "<|tool_call|>"),
    ("pythonic", "<|python_start|>"),
    ("llama3-json", "<|python_tag|>"),
];

/// The format a chat template shows, or none: a template without tools tells nothing.
pub(super) fn from_template(source: &str) -> Option<Detected> {
    let rule = RULES.iter().find(|rule| {
        rule.all.iter().all(|text| source.contains(text))
            && !rule.none.iter().any(|text| source.contains(text))
    })?;
    Some(Detected {
        id: rule.id,
        evidence: format!("the chat template holds `{}`", rule.all.join("` and `")),
    })
}

/// The format whose tokens a vocabulary holds, or none: `<tool_call>`, for one, belongs to several.
pub(super) fn from_tokens(added_tokens: &[String]) -> Option<Detected> {
    let (id, token) = TOKENS.iter().find(|(_, token)| added_tokens.iter().any(|added| added == token))?;
    Some(Detected { id, evidence: format!("`{token}` is an added token") })
}
