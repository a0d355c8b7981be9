//! A strict reader of the page: every element it did not expect, or that is not closed, is an error.

/// An opening tag with its attributes.
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

const VOID: [&str; 4] = ["br", "hr", "input", "meta"];

/// All opening tags of a page; panics where the markup is not well-formed.
pub fn tags(page: &str) -> Vec<Tag> {
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    let mut open: Vec<String> = Vec::new();
    let mut tags = Vec::new();
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('/') {
            let (name, after) = after.split_once('>').expect("a closing tag ends");
            assert_eq!(open.pop().as_deref(), Some(name), "closing tags match");
            rest = after;
            continue;
        }
        let (tag, after) = tag(rest);
        rest = after;
        if matches!(tag.name.as_str(), "style" | "script") {
            let end = format!("</{}>", tag.name);
            rest = rest.split_once(&end).expect("style and script are closed").1;
        } else if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    tags
}

fn tag(text: &str) -> (Tag, &str) {
    let end = text.find([' ', '>']).expect("a tag ends");
    let mut tag = Tag { name: text[..end].to_owned(), attributes: Vec::new() };
    assert!(tag.name.chars().all(|c| c.is_ascii_alphanumeric()), "odd tag `{}`", tag.name);
    let mut rest = &text[end..];
    while let Some(attribute) = rest.strip_prefix(' ') {
        let (name, after) = attribute.split_once("=\"").expect("an attribute has a value");
        let (value, after) = after.split_once('"').expect("an attribute's value ends");
        tag.attributes.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    (tag, rest.strip_prefix('>').expect("a tag ends after its attributes"))
}

/// What a reader sees: text without tags, style and script.
pub fn words(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = match ["style", "script"].iter().find(|name| after.starts_with(**name)) {
            Some(name) => after.split_once(&format!("</{name}>")).expect("closed").1,
            None => after.split_once('>').expect("closed").1,
        };
    }
    text + rest
}
