//! The inside of a Jinja tag as a tree of tokens, as far as guards have to be put into it.

/// Brackets within brackets that are still read; minijinja reads 150.
const MAX_DEPTH: usize = 160;

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Literal,
    Operator,
}

/// A token with the white space before it, or a bracketed group.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Token { space: &'a str, text: &'a str, kind: Kind },
    Group { space: &'a str, open: char, nodes: Vec<Node<'a>>, end: &'a str },
}

impl Node<'_> {
    /// The token's text; empty for a group.
    pub fn text(&self) -> &str {
        match self {
            Self::Token { text, .. } => text,
            Self::Group { .. } => "",
        }
    }

    pub fn is_name(&self) -> bool {
        matches!(self, Self::Token { kind: Kind::Name, .. })
    }

    /// Whether it holds nothing but literals, so that its size is that of the source.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Token { text, kind: Kind::Name, .. } => {
                matches!(*text, "true" | "false" | "none" | "True" | "False" | "None")
            }
            Self::Token { text, kind: Kind::Operator, .. } => matches!(*text, "," | ":" | "-"),
            Self::Token { kind: Kind::Literal, .. } => true,
            Self::Group { nodes, .. } => nodes.iter().all(Self::is_constant),
        }
    }
}

/// Upper bound of how deep the syntax tree of these nodes becomes: each token between two commas may be a level.
pub(super) fn depth(nodes: &[Node]) -> usize {
    let levels = |part: &[Node]| {
        let inner = part.iter().map(|node| match node {
            Node::Group { nodes, .. } => depth(nodes),
            Node::Token { .. } => 0,
        });
        part.len() + inner.max().unwrap_or_default()
    };
    nodes.split(|node| node.text() == ",").map(levels).max().unwrap_or_default()
}

/// The tokens of a tag, none if its brackets or strings do not close.
pub(super) fn tree(text: &str) -> Option<Vec<Node<'_>>> {
    let mut reader = Reader { text, at: 0 };
    let nodes = reader.nodes(0)?;
    (reader.at == text.len()).then_some(nodes)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Passes what a condition holds for.
    fn run(&mut self, condition: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|character| !condition(character)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The nodes up to a closing bracket or the end; a white space that nothing follows is left.
    fn nodes(&mut self, depth: usize) -> Option<Vec<Node<'a>>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut nodes = Vec::new();
        loop {
            let before = self.at;
            let space = self.run(char::is_whitespace);
            let Some(next) = self.text[self.at..].chars().next() else {
                if depth > 0 {
                    return None;
                }
                return Some(nodes);
            };
            if matches!(next, ')' | ']' | '}') {
                self.at = before;
                return Some(nodes);
            }
            nodes.push(match next {
                '(' | '[' | '{' => self.group(space, next, depth)?,
                _ => self.token(space, next)?,
            });
        }
    }

    fn group(&mut self, space: &'a str, open: char, depth: usize) -> Option<Node<'a>> {
        self.at += 1;
        let nodes = self.nodes(depth + 1)?;
        let start = self.at;
        self.run(char::is_whitespace);
        let close = self.text[self.at..].chars().next()?;
        self.at += 1;
        let matches = matches!((open, close), ('(', ')') | ('[', ']') | ('{', '}'));
        matches.then(|| Node::Group { space, open, nodes, end: &self.text[start..self.at] })
    }

    fn token(&mut self, space: &'a str, next: char) -> Option<Node<'a>> {
        let start = self.at;
        let kind = match next {
            '"' | '\'' => {
                self.string(next)?;
                Kind::Literal
            }
            '0'..='9' => {
                self.number();
                Kind::Literal
            }
            _ if is_word(next) => {
                self.run(is_word);
                Kind::Name
            }
            _ => {
                let two = self.text.get(start..start + 2).unwrap_or_default();
                let is_two = matches!(two, "==" | "!=" | "<=" | ">=" | "**" | "//");
                self.at += if is_two { 2 } else { next.len_utf8() };
                Kind::Operator
            }
        };
        Some(Node::Token { space, text: &self.text[start..self.at], kind })
    }

    fn string(&mut self, quote: char) -> Option<()> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while *bytes.get(self.at)? != quote as u8 {
            self.at += 1 + usize::from(bytes[self.at] == b'\\');
        }
        self.at += 1;
        self.text.is_char_boundary(self.at).then_some(())
    }

    fn number(&mut self) {
        loop {
            let part = self.run(is_word);
            let rest = &self.text.as_bytes()[self.at..];
            let digit_follows = rest.get(1).is_some_and(u8::is_ascii_digit);
            let exponent = part.ends_with(['e', 'E']) && !part.starts_with("0x");
            match rest.first() {
                Some(b'.') if digit_follows => self.at += 1,
                Some(b'+' | b'-') if digit_follows && exponent => self.at += 1,
                _ => return,
            }
        }
    }
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_ascii_alphanumeric() || !character.is_ascii()
}
