//! Python's regular expressions, as far as response templates use them.

use std::ops::Range;

use fancy_regex::{Captures, Regex};
use indexmap::IndexMap;

/// A compiled anchor or tag.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: Regex,
    names: Vec<String>,
}

/// Where a pattern matched, and its named groups that took part.
#[derive(Clone, Debug)]
pub(super) struct Match {
    pub span: Range<usize>,
    pub groups: IndexMap<String, String>,
}

/// A pattern took more steps than it may for a text.
#[derive(Debug)]
pub(super) struct TooCostly;

impl Pattern {
    /// Compiles a Python pattern; `.` matches line feeds too.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let regex = Regex::new(&format!("(?s){}", translated(pattern))).map_err(|error| error.to_string())?;
        let names = regex.capture_names().flatten().map(str::to_owned).collect();
        Ok(Self { regex, names })
    }

    /// Any of some literals, the longest first.
    pub fn any_of(literals: &[&str]) -> Result<Self, String> {
        let mut literals = literals.to_vec();
        literals.sort_by_key(|literal| std::cmp::Reverse(literal.chars().count()));
        let escaped: Vec<_> = literals.iter().map(|literal| fancy_regex::escape(literal)).collect();
        Self::new(&escaped.join("|"))
    }

    /// The names of the groups.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The first match at or after a position.
    pub fn find(&self, text: &str, from: usize) -> Result<Option<Match>, TooCostly> {
        let captures = self.regex.captures_from_pos(text, from).map_err(|_| TooCostly)?;
        Ok(captures.and_then(|captures| self.matched(&captures)))
    }

    /// All matches, one after another.
    pub fn find_all<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Result<Match, TooCostly>> + 'a {
        self.regex.captures_iter(text).filter_map(|captures| match captures {
            Ok(captures) => self.matched(&captures).map(Ok),
            Err(_) => Some(Err(TooCostly)),
        })
    }

    fn matched(&self, captures: &Captures) -> Option<Match> {
        let groups = self
            .names
            .iter()
            .filter_map(|name| captures.name(name).map(|group| (name.clone(), group.as_str().to_owned())));
        Some(Match { span: captures.get(0)?.range(), groups: groups.collect() })
    }
}

/// Python's `$` also matches before a line feed at the end, and its `\Z` only at the very end.
fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let mut in_class = false;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('Z') => out.push_str("\\z"),
                Some(next) => out.extend(['\\', next]),
                None => out.push('\\'),
            },
            '$' if !in_class => out.push_str("(?=\\n?\\z)"),
            '[' => {
                in_class = true;
                out.push('[');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}
