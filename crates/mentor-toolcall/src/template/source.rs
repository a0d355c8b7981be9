//! Jinja source cut into its tags, to be rewritten for minijinja.

use std::ops::Range;

use super::{TemplateError, TemplateErrorKind, guard};

/// The function that a `generation` block calls instead; see [`super::environment`].
pub(super) const GENERATION: &str = "__generation__";

/// Rewrites a chat template for minijinja.
///
/// - `{% generation %}…{% endgeneration %}`, which minijinja does not know, becomes a call block. That is what
///   transformers' extension makes of it too, so the scope of what is set inside is the same.
/// - Guards are put around what could cost more than it looks; see [`guard`].
/// - Every kind of line end becomes a line feed, as Jinja reads them.
///
/// Whitespace control and line numbers stay.
pub(super) fn rewrite(source: &str) -> Result<String, TemplateError> {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::new();
    let mut copied = 0;
    for Tag { block, inner } in tags(&source)? {
        let text = &source[inner.clone()];
        out.push_str(&source[copied..inner.start]);
        match text.trim() {
            "generation" if block => out.extend([" call ", GENERATION, "() "]),
            "endgeneration" if block => out.push_str(" endcall "),
            // Jinja keeps the line break behind `{% raw %}`, although it drops those behind other tags.
            "raw" if block && source[inner.end..].starts_with("%}") => out.push_str(" raw +"),
            "raw" if block => out.push_str(text),
            _ if block => out.push_str(&guard::statement(text)?),
            _ => out.push_str(&guard::expression(text)?),
        }
        copied = inner.end;
    }
    out.push_str(&source[copied..]);
    Ok(out)
}

/// Whether a template marks what the assistant generates.
pub(super) fn has_generation(source: &str) -> bool {
    tags(source).iter().flatten().any(|tag| tag.block && source[tag.inner.clone()].trim() == "generation")
}

/// A `{% … %}` tag if `block`, else a `{{ … }}` tag.
struct Tag {
    block: bool,
    /// What stands between the delimiters, without whitespace control.
    inner: Range<usize>,
}

/// The tags of a source; comments and the insides of raw blocks are passed over.
fn tags(source: &str) -> Result<Vec<Tag>, TemplateError> {
    let unclosed = |at: usize| {
        let line = source[..at].matches('\n').count() + 1;
        TemplateError::new(TemplateErrorKind::Syntax, format!("a tag is not closed (in line {line})"))
    };
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        at += found;
        match source.as_bytes().get(at + 1) {
            Some(b'#') => at += source[at..].find("#}").ok_or_else(|| unclosed(at))? + 2,
            Some(b'{') => {
                let end = tag_end(source, at + 2, "}}").ok_or_else(|| unclosed(at))?;
                tags.push(Tag { block: false, inner: without_control(source, at + 2..end) });
                at = end + 2;
            }
            Some(b'%') => {
                let end = tag_end(source, at + 2, "%}").ok_or_else(|| unclosed(at))?;
                let inner = without_control(source, at + 2..end);
                at = end + 2;
                if source[inner.clone()].trim() == "raw" {
                    at = end_of_raw(source, at);
                }
                tags.push(Tag { block: true, inner });
            }
            _ => at += 1,
        }
    }
    Ok(tags)
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

    fn check(source: &str, expected: &str) {
        assert_eq!(rewrite(source).as_deref(), Ok(expected), "{source}");
    }

    #[test]
    fn generation_tags_become_call_blocks() {
        check("a{%- generation -%}b{% endgeneration +%}", "a{%- call __generation__() -%}b{% endcall +%}");
        check("{% raw %}{% generation %}{% endraw %}", "{% raw +%}{% generation %}{% endraw %}");
        check("{%- raw -%} {{ x }}{% endraw %}", "{%- raw -%} {{ x }}{% endraw %}");
        check("{# {% generation %} #}", "{# {% generation %} #}");
        check("{{ '{% generation %}' }}", "{{ '{% generation %}' }}");
        check("{{ {'a': {}} }}{%generation%}x", "{{ {'a': {}} }}{% call __generation__() %}x");
        check("{% set x = '%}' %}{% generation_x %}é{", "{% set x = '%}' %}{% generation_x %}é{");
        check("a\r\nb\rc", "a\nb\nc");
    }

    #[test]
    fn what_does_not_close_is_an_error() {
        for source in ["{% set x = '%}", "{# {% generation %}", "{{ (x }}", "{{ [x) }}", "{% if"] {
            assert!(rewrite(source).is_err(), "{source}");
        }
    }

    #[test]
    fn what_binds_or_compares_a_container_is_weighed() {
        check("{% set x = [x, x] %}", "{% set x = __weigh__( [x, x]) %}");
        check("{% set x = y %}{% set x = ['a'] %}", "{% set x = y %}{% set x = ['a'] %}");
        check("{% set x = x + x %}", "{% set x = __weigh__(( x + x)) %}");
        check("{%- set ns.x = ns.x, 1 -%}", "{%- set ns.x = __store__(( ns.x, 1), ns) -%}");
        check("{% set ns._x = 1 %}", "{% set ns._x = __private__('_x') %}");
        check("{% for a, b in x if a -%}", "{% for a, b in __each__(( x)) if a -%}");
        check("{{ m((x + x), k=[x]) }}", "{{ m( __weigh__(((x + x))), k= __weigh__([x])) }}");
        check("{{ m(x, 'a', *y) }}", "{{ m(x, 'a', *y) }}");
        check("{% macro m(a, b=[c]) %}", "{% macro m(a, b= __weigh__([c])) %}");
        check("{% call(a) m(b) %}", "{% call(a) m(b) %}");
        check("{% if m.role == 'user' and 'x' in m %}", "{% if m.role == 'user' and 'x' in m %}");
        check("{% if a == b[-1] or not c %}", "{% if __weigh__(( a)) == __weigh__(( b[-1])) or not c %}");
        check("{{ x is in [y] }}{{ x is not in [y] }}", "{{ x is in [y] }}{{ x is not in [y] }}");
        check("{{ x | sort | join }}", "{{ x | __weigh__ | sort | join }}");
        check("{% with a = x + x, b = 1 %}", "{% with a = __weigh__(( x + x)), b = 1 %}");
    }
}
