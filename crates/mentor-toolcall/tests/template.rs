//! Chat templates rendered as Hugging Face transformers renders them: what it wrote stands in `fixtures/template`.

#![cfg(feature = "template")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::BTreeMap, fs, path::Path};

use jiff::civil::date;
use mentor_toolcall::template::{
    AssistantSpans, ChatTemplate, Checkpoint, Conversation, PyJson, Rendered, TemplateError,
    TemplateErrorKind, char_spans,
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/template");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(FIXTURES).join(name)).unwrap()
}

fn conversation(case: &PyJson, options: &PyJson) -> Conversation {
    let mut variables = indexmap::IndexMap::from([
        ("bos_token".to_owned(), PyJson::String("<s>".to_owned())),
        ("eos_token".to_owned(), PyJson::String("</s>".to_owned())),
    ]);
    if let PyJson::Object(options) = options {
        variables.extend(options.clone());
    }
    let PyJson::Object(mut call) = case.clone() else { panic!("a case is an object") };
    call.insert("variables".to_owned(), PyJson::Object(variables));
    let mut conversation = Conversation::from_json(&PyJson::Object(call)).unwrap();
    conversation.now = Some(date(2026, 3, 5).at(7, 8, 9, 0));
    conversation
}

fn render(templates: &Path, line: &PyJson, conversations: &PyJson) -> Result<Rendered, TemplateError> {
    let name = line.get("template").and_then(PyJson::as_str).unwrap();
    let source = fs::read_to_string(templates.join(format!("{name}.jinja"))).unwrap();
    let case = conversations.get(line.get("conversation").and_then(PyJson::as_str).unwrap()).unwrap();
    ChatTemplate::new(&source)?.render(&conversation(case, line.get("options").unwrap()))
}

fn check(templates: &Path, goldens: &str) -> (usize, Vec<String>) {
    let conversations = PyJson::parse(&read("conversations.json")).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in goldens.lines() {
        count += 1;
        let line = PyJson::parse(line).unwrap();
        let what =
            || format!("{:?} {:?} {:?}", line.get("template"), line.get("conversation"), line.get("options"));
        let expected = line.get("text").and_then(PyJson::as_str);
        match (expected, render(templates, &line, &conversations)) {
            (Some(expected), Ok(rendered)) => {
                if rendered.text != expected {
                    failures.push(format!("{}\n  {:?}\n  {expected:?}", what(), rendered.text));
                }
                let blocks = char_spans(&rendered.text, rendered.blocks.as_deref().unwrap_or_default());
                let blocks: Vec<PyJson> = blocks
                    .iter()
                    .map(|block| {
                        PyJson::Array(vec![PyJson::Int(block.start as i128), PyJson::Int(block.end as i128)])
                    })
                    .collect();
                if line.get("blocks").is_some_and(|expected| {
                    *expected != PyJson::Null && *expected != PyJson::Array(blocks.clone())
                }) {
                    failures.push(format!("{} {blocks:?} {:?}", what(), line.get("blocks")));
                }
            }
            (None, Err(error)) => {
                let message = line.get("error").and_then(PyJson::as_str).unwrap();
                let raised = line.get("type").and_then(PyJson::as_str) == Some("TemplateError");
                if raised != (error.kind == TemplateErrorKind::Raised) || raised && error.message != message {
                    failures.push(format!("{}\n  {error:?}\n  {message}", what()));
                }
            }
            (_, outcome) => failures.push(format!("{}\n  {outcome:?}\n  {line:?}", what())),
        }
    }
    (count, failures)
}

#[test]
fn templates_are_rendered_as_transformers_renders_them() {
    let (count, failures) = check(&Path::new(FIXTURES).join("templates"), &read("goldens.jsonl"));
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 300);
}

/// For a folder of templates that cannot be kept here: `TEMPLATES=folder GOLDENS=file cargo test … -- --ignored`.
#[test]
#[ignore = "needs a folder of templates and what make_goldens.py wrote for it"]
fn templates_elsewhere_are_rendered_as_transformers_renders_them() {
    let goldens = fs::read_to_string(std::env::var("GOLDENS").unwrap()).unwrap();
    let (count, failures) = check(Path::new(&std::env::var("TEMPLATES").unwrap()), &goldens);
    let mut by_template = BTreeMap::<&str, usize>::new();
    for failure in &failures {
        *by_template.entry(failure.split('"').nth(1).unwrap_or_default()).or_default() += 1;
    }
    assert!(failures.is_empty(), "{} of {count}: {by_template:?}\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_engine_means_by_each_snippet_what_jinja_means() {
    let snippets = read("snippets.jsonl");
    let mut lines = snippets.lines().map(|line| PyJson::parse(line).unwrap());
    let case = lines.next().unwrap();
    let mut failures = Vec::new();
    for line in lines {
        let source = line.get("template").and_then(PyJson::as_str).unwrap();
        let mut conversation = Conversation::from_json(&case).unwrap();
        conversation.now = Some(date(2026, 3, 5).at(7, 8, 9, 0));
        let outcome = ChatTemplate::new(source).and_then(|template| template.render(&conversation));
        let expected = line.get("text").and_then(PyJson::as_str);
        let unlike = line.get("unlike").is_some();
        if (outcome.as_ref().ok().map(|rendered| rendered.text.as_str()) != expected) != unlike {
            let error = line.get("error").and_then(PyJson::as_str).unwrap_or_default();
            failures.push(format!(
                "{source}\n  ours   {outcome:?}\n  jinja  {:?}{error}",
                expected.unwrap_or_default()
            ));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_checkpoints_format_is_told_from_its_template() {
    for (name, expected) in [
        ("gemma2", None),
        ("gemma3", None),
        ("llama3_1", Some("llama3-json")),
        ("llama3_2", Some("llama3-json")),
        ("mistral_nemo", Some("mistral")),
        ("phi4_mini", Some("functools")),
        ("qwen2_5", Some("hermes")),
        ("qwen3", Some("hermes")),
        ("qwen3_instruct_2507", Some("hermes")),
        ("smollm2", None),
        ("smollm3", Some("hermes")),
    ] {
        let template = ChatTemplate::new(&read(&format!("templates/{name}.jinja"))).unwrap();
        let found = template.format();
        assert_eq!(found.as_ref().map(|found| found.id), expected, "{name}: {found:?}");
    }
    let tokens = r#"{"added_tokens_decoder": {"3": {"content": "[TOOL_CALLS]"}}}"#;
    let found = Checkpoint::from_config(&PyJson::parse(tokens).unwrap()).unwrap().format().unwrap();
    assert_eq!((found.id, found.evidence.as_str()), ("mistral", "`[TOOL_CALLS]` is an added token"));
    let shared = r#"{"added_tokens_decoder": {"3": {"content": "<tool_call>"}}}"#;
    assert_eq!(Checkpoint::from_config(&PyJson::parse(shared).unwrap()).unwrap().format(), None);
}

#[test]
fn a_checkpoints_files_are_read_as_transformers_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let missing = Checkpoint::open(folder.path()).unwrap_err();
    assert!(missing.message.contains("tokenizer_config.json"), "{missing}");
    write(
        "tokenizer_config.json",
        r#"{"bos_token": {"content": "<s>"}, "pad_token": null, "chat_template": "old"}"#,
    );
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.source(None, true), Ok("old"));
    assert_eq!(checkpoint.special_tokens.keys().collect::<Vec<_>>(), ["bos_token"]);
    write("chat_template.jinja", "{{ bos_token }}new");
    fs::create_dir(folder.path().join("chat_templates")).unwrap();
    write("chat_templates/tool_use.jinja", "tools");
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(
        (checkpoint.source(None, false), checkpoint.source(None, true)),
        (Ok("{{ bos_token }}new"), Ok("tools"))
    );
    let unknown = checkpoint.source(Some("rag"), false).unwrap_err();
    assert_eq!(unknown.message, "there is no chat template `rag`; there are: default, tool_use");
    let messages = serde_json::json!([{"role": "user", "content": "x"}]);
    let mut conversation = Conversation::new(&messages).unwrap();
    conversation.variables = checkpoint.special_tokens.clone();
    let template = ChatTemplate::new(checkpoint.source(None, false).unwrap()).unwrap();
    assert_eq!(template.render(&conversation).unwrap().text, "<s>new");
    write("tokenizer_config.json", r#"{"bos_token": 1}"#);
    let error = Checkpoint::open(folder.path()).unwrap_err();
    assert!(
        error.message.ends_with("`bos_token` is neither a string nor an object with `content`"),
        "{error}"
    );
}

/// Every span is text that the assistant wrote, in order, and what lies outside of all of them holds none of it.
#[test]
fn assistant_spans_hold_what_the_assistant_wrote() {
    let messages = serde_json::json!([
        {"role": "user", "content": "q1 é🙂"},
        {"role": "assistant", "content": "answer one"},
        {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "answer two"},
    ]);
    let closed = |name: &str| match name {
        "gemma2" | "gemma3" | "gemma3_training" => "<end_of_turn>",
        "llama3_1" | "llama3_2" => "<|eot_id|>",
        "mistral_nemo" => "</s>",
        "phi4_mini" => "<|end|>",
        _ => "<|im_end|>",
    };
    for name in [
        "gemma2",
        "gemma3",
        "llama3_1",
        "llama3_2",
        "mistral_nemo",
        "qwen2_5",
        "qwen3_instruct_2507",
        "smollm2",
    ] {
        let template = ChatTemplate::new(&read(&format!("templates/{name}.jinja"))).unwrap();
        let mut chat = Conversation::new(&messages).unwrap();
        chat.variables.insert("eos_token".to_owned(), PyJson::String("</s>".to_owned()));
        chat.now = Some(date(2026, 3, 5).at(7, 8, 9, 0));
        let rendered = template.render(&chat).unwrap();
        let spans = template.assistant_spans(&chat, &rendered);
        let texts: Vec<&str> =
            spans.ranges().unwrap().iter().map(|span| &rendered.text[span.clone()]).collect();
        let expected = ["answer one", "answer two"].map(|answer| format!("{answer}{}", closed(name)));
        assert_eq!(texts, expected, "{name}");
    }
    // Qwen3 shows the last answer with a reasoning block and those before without.
    let template = ChatTemplate::new(&read("templates/qwen3.jinja")).unwrap();
    let chat = Conversation::new(&messages).unwrap();
    let rendered = template.render(&chat).unwrap();
    let spans = template.assistant_spans(&chat, &rendered);
    let texts: Vec<&str> = spans.ranges().unwrap().iter().map(|span| &rendered.text[span.clone()]).collect();
    assert_eq!(texts, ["answer one<|im_end|>", "<think>\n\n</think>\n\nanswer two<|im_end|>"]);
    // Nothing is guessed where the turns before are shown otherwise.
    let template =
        ChatTemplate::new("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}")
            .unwrap();
    let rendered = template.render(&chat).unwrap();
    let spans = template.assistant_spans(&chat, &rendered);
    assert!(
        matches!(&spans, AssistantSpans::Unknown(reason) if reason.starts_with("message 1: ")),
        "{spans:?}"
    );
}
