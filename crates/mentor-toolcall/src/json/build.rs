//! Values of an object that was [skimmed](super::skim_call): nothing is checked again, everything is built once.

use serde_json::{Map, Value};

use super::{Json, value::to_number};

/// What is built: [`Json`], which loses nothing, or [`Value`].
pub(crate) trait Build: Sized {
    type Members: Default;
    const NULL: Self;

    fn bool(flag: bool) -> Self;
    fn number(text: &str) -> Self;
    fn string(string: String) -> Self;
    fn array(items: Vec<Self>) -> Self;
    fn object(members: Self::Members) -> Self;
    fn insert(members: &mut Self::Members, key: String, value: Self);
}

/// What both spell alike.
macro_rules! alike {
    () => {
        const NULL: Self = Self::Null;

        fn bool(flag: bool) -> Self {
            Self::Bool(flag)
        }

        fn string(string: String) -> Self {
            Self::String(string)
        }

        fn array(items: Vec<Self>) -> Self {
            Self::Array(items)
        }

        fn object(members: Self::Members) -> Self {
            Self::Object(members)
        }
    };
}

impl Build for Json {
    type Members = Vec<(String, Self)>;

    alike!();

    fn number(text: &str) -> Self {
        Self::Number(text.into())
    }

    fn insert(members: &mut Self::Members, key: String, value: Self) {
        members.push((key, value));
    }
}

impl Build for Value {
    type Members = Map<String, Self>;

    alike!();

    fn number(text: &str) -> Self {
        to_number(text).map_or(Self::Null, Self::Number)
    }

    fn insert(members: &mut Self::Members, key: String, value: Self) {
        members.insert(key, value);
    }
}

/// The members of an object to the letter, whose braces are the text's first and last characters.
pub(crate) fn build_object<T: Build>(text: &str) -> T::Members {
    Builder { text, at: 0 }.members::<T>()
}

/// A position in text that is known to be JSON; where it were not, something would be missing from what is built.
struct Builder<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Builder<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no space, comma or colon, which say nothing new here.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest().as_bytes();
        let skipped =
            rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':'));
        self.at += skipped.unwrap_or(rest.len());
        rest.get(skipped?).copied()
    }

    fn members<T: Build>(&mut self) -> T::Members {
        let mut members = T::Members::default();
        self.at += 1;
        while self.peek() == Some(b'"') {
            let key = self.string();
            let value = self.value::<T>();
            T::insert(&mut members, key, value);
        }
        self.at += 1;
        members
    }

    fn value<T: Build>(&mut self) -> T {
        match self.peek() {
            Some(b'{') => T::object(self.members::<T>()),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while self.peek().is_some_and(|byte| byte != b']') {
                    items.push(self.value());
                }
                self.at += 1;
                T::array(items)
            }
            Some(b'"') => T::string(self.string()),
            _ => match self.bare() {
                "null" | "" => T::NULL,
                word @ ("true" | "false") => T::bool(word == "true"),
                number => T::number(number),
            },
        }
    }

    /// A run of what numbers and words are made of.
    fn bare(&mut self) -> &'a str {
        let rest = self.rest();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let bare = &rest[..rest.bytes().take_while(is_part).count()];
        self.at += bare.len().max(1);
        bare
    }

    fn string(&mut self) -> String {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let end = memchr::memchr2(b'"', b'\\', rest.as_bytes()).unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            self.at += end;
            if !rest[end..].starts_with('\\') {
                self.at += 1;
                return out;
            }
            let (character, length) = escaped(&rest[end..]);
            out.push(character);
            self.at += length;
        }
    }
}

/// The character that an escape at the beginning of a text stands for, and how long the escape is.
fn escaped(text: &str) -> (char, usize) {
    let character = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let code = text.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            return (code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
        }
        // A quote, a backslash or a slash.
        other => other.map_or(char::REPLACEMENT_CHARACTER, |&byte| char::from(byte)),
    };
    (character, 2)
}
