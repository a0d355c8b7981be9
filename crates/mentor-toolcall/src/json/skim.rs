//! The fast way over a call that is JSON to the letter: nothing is built, only checked.

use std::ops::Range;

use super::read::MAX_DEPTH;

/// Keys of open objects that are kept here, so that those of one object can be compared.
const MAX_KEYS: usize = 32;

/// Where the parts of a call stand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skimmed {
    /// The name, without its quotes; it holds no escape and is not empty.
    pub name: Range<usize>,
    /// The arguments, an object, with its braces.
    pub arguments: Range<usize>,
    /// The opening brace.
    pub start: usize,
    /// Behind the closing brace.
    pub end: usize,
}

/// Reads the object at `text[at..]` if it is to the letter `{"name": …, "arguments": {…}}` in any order, with the keys
/// given, and has none of the rarities (escapes in keys or the name, surrogates, huge numbers or objects) that the
/// [`Reader`](super::Reader) is for.
///
/// What is skimmed, the reader reads without any fault; the opposite need not hold.
pub(crate) fn skim_call(text: &str, at: usize, name: &str, arguments: &str) -> Option<Skimmed> {
    let mut skim = Skim::new(text, at);
    let (mut name_at, mut arguments_at) = (None, None);
    skim.eat(b'{')?;
    loop {
        skim.space();
        let key = skim.key()?;
        skim.space();
        skim.eat(b':')?;
        skim.space();
        let start = skim.at;
        if key == name.as_bytes() && name_at.is_none() {
            skim.key().filter(|name| !name.is_empty())?;
            name_at = Some(start + 1..skim.at - 1);
        } else if key == arguments.as_bytes() && arguments_at.is_none() && skim.peek() == Some(b'{') {
            skim.value(1)?;
            arguments_at = Some(start..skim.at);
        } else {
            return None;
        }
        skim.space();
        match skim.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    Some(Skimmed { start: at, name: name_at?, arguments: arguments_at?, end: skim.at })
}

/// Behind the object that begins at `text[at..]`, if there is one to the letter and without the same rarities.
pub(crate) fn skim_object(text: &str, at: usize) -> Option<usize> {
    let mut skim = Skim::new(text, at);
    (skim.peek()? == b'{').then_some(())?;
    skim.object(0)?;
    Some(skim.at)
}

/// For every byte, whether it stands for itself in a string: no quote, backslash or control character.
static PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

struct Skim<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The keys of all objects that are open, the innermost object's last.
    keys: [&'a [u8]; MAX_KEYS],
    open: usize,
}

impl<'a> Skim<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        Self { bytes: text.as_bytes(), at, keys: [&[]; MAX_KEYS], open: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if depth >= MAX_DEPTH {
            return None;
        }
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let first = self.open;
        loop {
            self.space();
            let key = self.key()?;
            if self.open == MAX_KEYS || self.keys[first..self.open].contains(&key) {
                return None;
            }
            self.keys[self.open] = key;
            self.open += 1;
            self.space();
            self.eat(b':')?;
            self.space();
            self.value(depth + 1)?;
            self.space();
            match self.next()? {
                b',' => {}
                b'}' => {
                    self.open = first;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if depth >= MAX_DEPTH {
            return None;
        }
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.space();
            self.value(depth + 1)?;
            self.space();
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A string without an escape.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let start = self.at;
        self.plain();
        self.eat(b'"')?;
        Some(&self.bytes[start..self.at - 1])
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.plain();
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    /// Passes what stands for itself in a string.
    fn plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let is_plain = |byte: &&u8| PLAIN[usize::from(**byte)];
        self.at += rest.iter().take_while(is_plain).count();
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                self.at += 4;
                let surrogate = matches!(digits[0], b'd' | b'D') && !digits[1].is_ascii_digit()
                    || matches!(digits[..2], [b'd' | b'D', b'8' | b'9']);
                (digits.iter().all(u8::is_ascii_hexdigit) && !surrogate).then_some(())
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// A number without an exponent and short enough to be finite for certain.
    fn number(&mut self) -> Option<()> {
        const LONGEST: usize = 300;
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.next()? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            let fraction = self.at;
            self.digits();
            if self.at == fraction {
                return None;
            }
        }
        (self.at - start <= LONGEST).then_some(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
