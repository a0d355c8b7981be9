//! Finding the first of several short strings, in a text that may still grow.

use std::fmt::{self, Debug, Formatter};

use aho_corasick::{AhoCorasick, MatchKind};

/// A search for several strings at once, at the speed of memory where none of them is near; empty ones are never found.
pub(crate) struct Search {
    needles: Vec<&'static str>,
    /// Which of the strings given each of them is: empty ones are left out.
    places: Vec<usize>,
    automaton: AhoCorasick,
    longest: usize,
}

impl Search {
    #[expect(
        clippy::expect_used,
        reason = "a handful of short constants never exceeds the automaton's limits"
    )]
    pub fn new(needles: impl IntoIterator<Item = &'static str>) -> Self {
        let numbered = needles.into_iter().enumerate().filter(|(_, needle)| !needle.is_empty());
        let (places, needles): (Vec<usize>, Vec<&str>) = numbered.unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(&needles)
            .expect("markers are few and short");
        let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        Self { needles, places, automaton, longest }
    }

    /// The length of the longest string.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Where the first of them stands, and which it is.
    pub fn find(&self, text: &str) -> Option<(usize, usize)> {
        self.automaton.find(text).map(|found| (found.start(), self.places[found.pattern().as_usize()]))
    }

    /// Whether one of them stands in these bytes.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.automaton.is_match(bytes)
    }

    /// How many bytes at the end of a text, in which none of them stands, may be the beginning of one.
    pub fn held_back(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let tail = &bytes[bytes.len().saturating_sub(self.longest.saturating_sub(1))..];
        (0..tail.len())
            .find(|&at| self.needles.iter().any(|needle| needle.as_bytes().starts_with(&tail[at..])))
            .map_or(0, |at| tail.len() - at)
    }
}

impl Debug for Search {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Search").field(&self.needles).finish()
    }
}
