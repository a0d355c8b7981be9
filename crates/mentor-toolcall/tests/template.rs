//! Chat templates rendered as Hugging Face transformers renders them: what it wrote stands in `fixtures/template`.

#![cfg(feature = "template")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::BTreeMap, fs, path::Path};

use jiff::civil::date;
use mentor_toolcall::template::{
    ChatTemplate, Conversation, Json, Rendered, TemplateError, TemplateErrorKind, char_spans,
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/template");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(FIXTURES).join(name)).unwrap()
}

fn conversation(case: &Json, options: &Json) -> Conversation {
    let mut variables = indexmap::IndexMap::from([
        ("bos_token".to_owned(), Json::String("<s>".to_owned())),
        ("eos_token".to_owned(), Json::String("</s>".to_owned())),
    ]);
    if let Json::Object(options) = options {
        variables.extend(options.clone());
    }
    let Json::Object(mut call) = case.clone() else { panic!("a case is an object") };
    call.insert("variables".to_owned(), Json::Object(variables));
    let mut conversation = Conversation::from_json(&Json::Object(call)).unwrap();
    conversation.now = Some(date(2026, 3, 5).at(7, 8, 9, 0));
    conversation
}

fn render(templates: &Path, line: &Json, conversations: &Json) -> Result<Rendered, TemplateError> {
    let name = line.get("template").and_then(Json::as_str).unwrap();
    let source = fs::read_to_string(templates.join(format!("{name}.jinja"))).unwrap();
    let case = conversations.get(line.get("conversation").and_then(Json::as_str).unwrap()).unwrap();
    ChatTemplate::new(&source)?.render(&conversation(case, line.get("options").unwrap()))
}

fn check(templates: &Path, goldens: &str) -> (usize, Vec<String>) {
    let conversations = Json::parse(&read("conversations.json")).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in goldens.lines() {
        count += 1;
        let line = Json::parse(line).unwrap();
        let what =
            || format!("{:?} {:?} {:?}", line.get("template"), line.get("conversation"), line.get("options"));
        let expected = line.get("text").and_then(Json::as_str);
        match (expected, render(templates, &line, &conversations)) {
            (Some(expected), Ok(rendered)) => {
                if rendered.text != expected {
                    failures.push(format!("{}\n  {:?}\n  {expected:?}", what(), rendered.text));
                }
                let blocks = char_spans(&rendered.text, rendered.blocks.as_deref().unwrap_or_default());
                let blocks: Vec<Json> = blocks
                    .iter()
                    .map(|block| {
                        Json::Array(vec![Json::Int(block.start as i128), Json::Int(block.end as i128)])
                    })
                    .collect();
                if line.get("blocks").is_some_and(|expected| {
                    *expected != Json::Null && *expected != Json::Array(blocks.clone())
                }) {
                    failures.push(format!("{} {blocks:?} {:?}", what(), line.get("blocks")));
                }
            }
            (None, Err(error)) => {
                let message = line.get("error").and_then(Json::as_str).unwrap();
                let raised = line.get("type").and_then(Json::as_str) == Some("TemplateError");
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
    let mut lines = snippets.lines().map(|line| Json::parse(line).unwrap());
    let case = lines.next().unwrap();
    let mut failures = Vec::new();
    for line in lines {
        let source = line.get("template").and_then(Json::as_str).unwrap();
        let mut conversation = Conversation::from_json(&case).unwrap();
        conversation.now = Some(date(2026, 3, 5).at(7, 8, 9, 0));
        let outcome = ChatTemplate::new(source).and_then(|template| template.render(&conversation));
        let expected = line.get("text").and_then(Json::as_str);
        let unlike = line.get("unlike").is_some();
        if (outcome.as_ref().ok().map(|rendered| rendered.text.as_str()) != expected) != unlike {
            let error = line.get("error").and_then(Json::as_str).unwrap_or_default();
            failures.push(format!(
                "{source}\n  ours   {outcome:?}\n  jinja  {:?}{error}",
                expected.unwrap_or_default()
            ));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}
