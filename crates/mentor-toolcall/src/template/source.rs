//! Jinja source cut into its tags, as far as the `generation` tag needs it.

use std::ops::Range;

/// The function that a `generation` block calls instead; see [`super::environment`].
pub(super) const GENERATION: &str = "__generation__";

/// Rewrites transformers' `{% generation %}…{% endgeneration %}`, which minijinja does not know, into a call block.
///
/// A call block is what transformers' extension makes of it too, so the scope of what is set inside is the same.
/// Whitespace control and line numbers stay.
pub(super) fn rewrite(source: &str) -> String {
    // Jinja reads every kind of line end as a line feed.
    let source = &source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::new();
    let mut copied = 0;
    for inner in block_tags(source) {
        let replacement = match source[inner.clone()].trim() {
            "generation" => format!(" call {GENERATION}() "),
            "endgeneration" => " endcall ".to_owned(),
            _ => continue,
        };
        out.push_str(&source[copied..inner.start]);
        out.push_str(&replacement);
        copied = inner.end;
    }
    out.push_str(&source[copied..]);
    out
}

/// Whether a template marks what the assistant generates.
pub(super) fn has_generation(source: &str) -> bool {
    block_tags(source).iter().any(|inner| source[inner.clone()].trim() == "generation")
}

/// What stands between `{%` and `%}`, without whitespace control; comments, expressions and raw blocks are passed over.
fn block_tags(source: &str) -> Vec<Range<usize>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        at += found;
        match source.as_bytes().get(at + 1) {
            Some(b'#') => match source[at..].find("#}") {
                Some(end) => at += end + 2,
                None => break,
            },
            Some(b'{') => match tag_end(source, at + 2, "}}") {
                Some(end) => at = end + 2,
                None => break,
            },
            Some(b'%') => {
                let Some(end) = tag_end(source, at + 2, "%}") else { break };
                let inner = without_control(source, at + 2..end);
                at = end + 2;
                if source[inner.clone()].trim() == "raw" {
                    at = end_of_raw(source, at);
                } else {
                    tags.push(inner);
                }
            }
            _ => at += 1,
        }
    }
    tags
}

/// Where a tag's closing delimiter stands, strings and brackets passed over.
fn tag_end(source: &str, start: usize, close: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut at = start;
    let mut open = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at += 1;
                while *bytes.get(at)? != quote {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
            }
            _ if open == 0 && bytes[at..].starts_with(close.as_bytes()) => return Some(at),
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

fn without_control(source: &str, inner: Range<usize>) -> Range<usize> {
    let is_control = |at: usize| matches!(source.as_bytes().get(at), Some(b'-' | b'+'));
    let start = inner.start + usize::from(inner.start < inner.end && is_control(inner.start));
    let end = inner.end - usize::from(start < inner.end && is_control(inner.end - 1));
    start..end
}

fn end_of_raw(source: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(found) = source[at..].find("{%") {
        let inner = at + found + 2;
        let Some(length) = source[inner..].find("%}") else { break };
        if source[without_control(source, inner..inner + length)].trim() == "endraw" {
            return inner + length + 2;
        }
        at = inner;
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn generation_tags_become_call_blocks() {
        for (source, expected) in [
            ("a{%- generation -%}b{% endgeneration +%}", "a{%- call __generation__() -%}b{% endcall +%}"),
            ("{% raw %}{% generation %}{% endraw %}", "{% raw %}{% generation %}{% endraw %}"),
            ("{# {% generation %} #}", "{# {% generation %} #}"),
            ("{{ '{% generation %}' }}", "{{ '{% generation %}' }}"),
            ("{{ {'a': {}} }}{%generation%}x", "{{ {'a': {}} }}{% call __generation__() %}x"),
            ("{% set x = '%}' %}{% generation", "{% set x = '%}' %}{% generation"),
            ("{% generation_x %}é{", "{% generation_x %}é{"),
        ] {
            assert_eq!(rewrite(source), expected);
        }
    }
}
