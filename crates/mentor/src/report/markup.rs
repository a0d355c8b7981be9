//! HTML and SVG that cannot be broken by its content.
//!
//! A page is built from [`Element`]s. The only way to put text or an attribute value into one escapes it, so
//! model-made text cannot become markup; what is written as markup is a literal of this program.

use std::fmt::{Display, Write as _};

/// Finished markup.
#[derive(Clone, Debug, Default)]
pub struct Markup(String);

impl Markup {
    /// Markup written in this program: never pass it anything that was read.
    pub fn literal(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The markup as a string.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<Element> for Markup {
    fn from(element: Element) -> Self {
        element.finish()
    }
}

impl<T: Into<Markup>> FromIterator<T> for Markup {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        Self(parts.into_iter().map(|part| part.into().0).collect())
    }
}

/// An element under construction.
#[derive(Clone, Debug)]
pub struct Element {
    name: &'static str,
    open: String,
    body: String,
}

/// Elements of HTML that have no content and no closing tag.
const VOID: [&str; 4] = ["br", "hr", "input", "meta"];

/// Starts an element.
pub fn el(name: &'static str) -> Element {
    Element { name, open: format!("<{name}"), body: String::new() }
}

impl Element {
    /// Adds an attribute; the value is escaped.
    pub fn attr(mut self, name: &'static str, value: impl Display) -> Self {
        let _ = write!(self.open, " {name}=\"");
        escape_into(&mut self.open, &value.to_string());
        self.open.push('"');
        self
    }

    /// Adds an attribute that is a length in the units of the drawing, to a tenth.
    pub fn num(self, name: &'static str, value: f64) -> Self {
        self.attr(name, number(value))
    }

    /// Adds the `class` attribute.
    pub fn class(self, value: &str) -> Self {
        self.attr("class", value)
    }

    /// Appends text, escaped.
    pub fn text(mut self, text: &str) -> Self {
        escape_into(&mut self.body, text);
        self
    }

    /// Appends an element or finished markup.
    pub fn child(mut self, child: impl Into<Markup>) -> Self {
        self.body.push_str(&child.into().0);
        self
    }

    /// Appends several.
    pub fn children<T: Into<Markup>>(self, children: impl IntoIterator<Item = T>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    fn finish(self) -> Markup {
        let Self { name, mut open, body } = self;
        open.push('>');
        if !VOID.contains(&name) {
            open.push_str(&body);
            let _ = write!(open, "</{name}>");
        }
        Markup(open)
    }
}

/// A coordinate to a tenth, without a trailing zero; what is not finite becomes 0.
pub fn number(value: f64) -> String {
    let value = if value.is_finite() { (value * 10.0).round() / 10.0 } else { 0.0 };
    // Adding zero turns −0 into 0.
    format!("{}", value + 0.0)
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            // HTML knows no other control characters, and a reversed text direction would leak into what follows.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_cannot_leave_their_place() {
        let hostile = "</style><script>alert('1')</script>\" onload=\"x\0\u{202e}";
        let page = Markup::from(el("p").attr("title", hostile).text(hostile)).into_string();
        assert_eq!(page.matches('<').count(), 2, "only <p and </p: {page}");
        assert_eq!(page.matches('"').count(), 2, "only the attribute's own quotes: {page}");
        assert!(!page.contains(['\0', '\u{202e}']));
    }

    #[test]
    fn numbers_are_short_and_finite() {
        for (value, expected) in
            [(1.0, "1"), (-0.04, "0"), (7.24, "7.2"), (f64::NAN, "0"), (f64::INFINITY, "0"), (-2.55, "-2.6")]
        {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn void_elements_are_not_closed() {
        assert_eq!(Markup::from(el("br")).into_string(), "<br>");
        assert_eq!(Markup::from(el("g").num("x", 1.0)).into_string(), "<g x=\"1\"></g>");
    }
}
