//! An answer as tokens: LaTeX and plain text, without what only concerns looks.

mod names;

pub(crate) use names::MATH_WORDS;

use names::{
    CHARACTERS, FRACTIONS, GREEK, GREEK_CHARACTERS, LOOKS, MARKS, PREFIXES, SUBSCRIPTS, SUPERSCRIPTS, TEXT,
    WRAPPERS,
};

use crate::limits::{DEPTH, Gap, LENGTH};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// Digits with at most one point, grouped or with an exponent (`1,234.5`, `1e-3`).
    Number(&'a str),
    /// A letter or the name of one (`x`, `alpha`).
    Symbol(&'a str),
    /// A run of letters that is no product: a function, a connective, a unit, a noun.
    Word(&'a str),
    /// A command that means something (`frac`, `sqrt`), without its backslash.
    Command(&'a str),
    /// The beginning of an environment, by its name.
    Begin(&'a str),
    /// The end of an environment.
    End,
    /// Any other character; the braces of sets are `⦃` and `⦄`.
    Mark(char),
}

/// A token and whether a space stands before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub kind: Kind<'a>,
    pub spaced: bool,
}

/// Cuts an answer into tokens.
pub(crate) fn tokens(answer: &str) -> Result<Vec<Token<'_>>, Gap> {
    if answer.len() > LENGTH {
        return Err("answer too long");
    }
    let mut lexer =
        Lexer { text: answer, at: 0, brackets: 0, text_ends: Vec::new(), spaced: false, out: Vec::new() };
    while lexer.at < answer.len() {
        lexer.step()?;
    }
    Ok(lexer.out)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Brackets open, within which a comma separates and does not group digits.
    brackets: usize,
    /// Where the arguments of text commands end.
    text_ends: Vec<usize>,
    spaced: bool,
    out: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn grouping(&self) -> Grouping {
        match self.out.last().map(|token| token.kind) {
            // `\log_2 128`
            Some(Kind::Mark('_' | '^')) => Grouping::None,
            _ if self.brackets == 0 => Grouping::Any,
            _ => Grouping::Marked,
        }
    }

    fn push(&mut self, kind: Kind<'a>, length: usize) {
        self.out.push(Token { kind, spaced: std::mem::take(&mut self.spaced) });
        self.at += length;
    }

    fn mark(&mut self, mark: char, length: usize) {
        match mark {
            '(' | '[' | '⦃' => self.brackets += 1,
            ')' | ']' | '⦄' => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Mark(mark), length);
    }

    fn step(&mut self) -> Result<(), Gap> {
        if self.text_ends.last() == Some(&self.at) {
            self.text_ends.pop();
            self.at += 1;
            self.spaced = true;
            return Ok(());
        }
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(()) };
        let length = first.len_utf8();
        match first {
            '\\' => return self.command(),
            '$' | '~' => self.at += 1,
            _ if first.is_whitespace() => {
                self.spaced = true;
                self.at += length;
            }
            '.' if self.after_decimal() && rest.starts_with("...") => self.push(Kind::Command("ldots"), 3),
            '0'..='9' | '.' => match number_length(rest, self.grouping()) {
                // A full stop that ends a text is no part of the answer.
                0 if !self.text_ends.is_empty() => self.at += 1,
                0 => self.mark(first, 1),
                length => self.push(Kind::Number(&rest[..length]), length),
            },
            '*' if rest.starts_with("**") => self.mark('^', 2),
            '<' if rest.starts_with("<=") => self.mark('≤', 2),
            '>' if rest.starts_with(">=") => self.mark('≥', 2),
            '!' if self.spaced && rest.starts_with("!=") => self.mark('≠', 2),
            '+' if rest.starts_with("+/-") => self.mark('±', 3),
            // The whole number behind it is under the root.
            '√' => self.push(Kind::Word("sqrt"), length),
            '…' => self.push(Kind::Command("ldots"), length),
            _ if first.is_ascii_alphabetic() => self.letters(),
            _ => {
                if let Some(at) = SUPERSCRIPTS.chars().position(|digit| digit == first) {
                    self.superscript(&"0123456789"[at..=at], length)?;
                } else if SUBSCRIPTS.contains(first) {
                    self.subscript();
                } else if let Some((_, above, below)) =
                    FRACTIONS.iter().find(|(character, ..)| *character == first)
                {
                    self.push(Kind::Command("frac"), length);
                    self.push(Kind::Number(above), 0);
                    self.push(Kind::Number(below), 0);
                } else if let Some((_, name)) =
                    GREEK_CHARACTERS.iter().find(|(character, _)| *character == first)
                {
                    self.push(Kind::Symbol(name), length);
                } else {
                    let plain = CHARACTERS.iter().find(|(other, _)| *other == first);
                    self.mark(plain.map_or(first, |(_, plain)| *plain), length);
                }
            }
        }
        Ok(())
    }

    fn superscript(&mut self, digit: &'static str, length: usize) -> Result<(), Gap> {
        if self.rest()[length..].starts_with(|next| SUPERSCRIPTS.contains(next)) {
            return Err("a power that is not understood");
        }
        self.mark('^', length);
        self.push(Kind::Number(digit), 0);
        Ok(())
    }

    /// Lowered digits, as many as there are.
    fn subscript(&mut self) {
        self.push(Kind::Mark('_'), 0);
        self.push(Kind::Mark('{'), 0);
        let digit = |lexer: &Self| {
            let first = lexer.rest().chars().next()?;
            SUBSCRIPTS
                .chars()
                .position(|digit| digit == first)
                .map(|at| (&"0123456789"[at..=at], first.len_utf8()))
        };
        while let Some((digit, length)) = digit(self) {
            self.push(Kind::Number(digit), length);
        }
        self.push(Kind::Mark('}'), 0);
    }

    /// Whether a decimal fraction stands right before.
    fn after_decimal(&self) -> bool {
        !self.spaced
            && matches!(self.out.last(), Some(Token { kind: Kind::Number(digits), .. }) if digits.contains('.'))
    }

    fn command(&mut self) -> Result<(), Gap> {
        let after = &self.rest()[1..];
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let length = if letters > 0 { letters } else { after.chars().next().map_or(0, char::len_utf8) };
        let (name, length) = (&after[..length], length + 1);
        if name == "begin" || name == "end" {
            return self.environment(name == "begin", length);
        }
        if matches!(name, "color" | "textcolor") {
            let end = self.rest().find('}').ok_or("brace that is never closed")?;
            self.at += end + 1;
            return Ok(());
        }
        if TEXT.contains(&name) {
            return self.text_argument(length);
        }
        if let Some((_, mark)) = MARKS.iter().find(|(command, _)| *command == name) {
            self.mark(*mark, length);
        } else if LOOKS.contains(&name) {
            self.at += length;
            self.spaced = true;
            if matches!(name, "left" | "right") && self.rest().starts_with('.') {
                self.at += 1;
            }
        } else if WRAPPERS.contains(&name) {
            self.at += length;
        } else if GREEK.contains(&name) {
            self.push(Kind::Symbol(name), length);
        } else {
            let name = match name {
                "dfrac" | "tfrac" | "cfrac" => "frac",
                "dbinom" | "tbinom" => "binom",
                "dots" => "ldots",
                name => name,
            };
            self.push(Kind::Command(name), length);
        }
        Ok(())
    }

    /// `\begin{name}` or `\end{name}`; the columns of an array are left out.
    fn environment(&mut self, begins: bool, length: usize) -> Result<(), Gap> {
        const BROKEN: Gap = "an environment that is not understood";
        let after = self.rest()[length..].strip_prefix('{').ok_or(BROKEN)?;
        let (name, _) = after.split_once('}').ok_or(BROKEN)?;
        let mut length = length + name.len() + 2;
        if begins && name == "array" {
            let columns = self.rest()[length..].strip_prefix('{').ok_or(BROKEN)?;
            length += columns.find('}').ok_or(BROKEN)? + 2;
        }
        self.push(if begins { Kind::Begin(name.trim_end_matches('*')) } else { Kind::End }, length);
        Ok(())
    }

    /// Steps into the argument of a text command, whose braces are no group.
    fn text_argument(&mut self, length: usize) -> Result<(), Gap> {
        self.at += length;
        self.spaced = true;
        self.at += self.rest().len() - self.rest().trim_start().len();
        if self.rest().starts_with('{') {
            if self.text_ends.len() >= DEPTH {
                return Err("nested too deeply");
            }
            let mut depth = 0_usize;
            let close = self.rest().bytes().position(|byte| {
                match byte {
                    b'{' => depth += 1,
                    b'}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            self.text_ends.push(self.at + close.ok_or("brace that is never closed")?);
            self.at += 1;
        }
        Ok(())
    }

    /// A run of letters: a word if it is known, long, or stands as a unit or noun; else a product of letters.
    fn letters(&mut self) {
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let run = &rest[..length];
        let after_value = match self.out.last().map(|token| token.kind) {
            Some(Kind::Number(_)) => true,
            Some(Kind::Mark(mark)) => matches!(mark, '}' | ')' | '°' | '%'),
            Some(Kind::Word(_)) => !self.text_ends.is_empty(),
            _ => false,
        };
        let in_text = !self.text_ends.is_empty();
        let word = MATH_WORDS.contains(&run)
            || length >= 4
            || in_text && (length > 1 || after_value)
            || after_value
                && length > 1
                && (crate::unit::canonical(run).is_some() || self.spaced && length == 3);
        let prefix = PREFIXES
            .iter()
            .find(|prefix| run.strip_prefix(**prefix).is_some_and(|rest| matches!(rest, "x" | "y" | "z")));
        let power_of_ten = || rest[length..].trim_start().starts_with("10^");
        if run == "mod" {
            self.mark('m', length);
        } else if run == "x"
            && matches!(self.out.last(), Some(Token { kind: Kind::Number(_), .. }))
            && power_of_ten()
        {
            // `1.5 x 10^3`
            self.mark('*', length);
        } else if let Some(prefix) = prefix {
            self.push(Kind::Word(prefix), prefix.len());
        } else if is_greek(run) {
            self.push(Kind::Symbol(run), length);
        } else if word {
            self.push(Kind::Word(run), length);
        } else {
            for at in 0..length {
                self.push(Kind::Symbol(&run[at..=at]), 1);
            }
        }
    }
}

/// Whether a run of letters in plain text is the name of a Greek letter and hardly anything else (`theta`, not `nu`).
pub(crate) fn is_greek(run: &str) -> bool {
    run.len() > 3 && GREEK.contains(&run)
}

/// What may join groups of digits where a number stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grouping {
    /// Anything.
    Any,
    /// Nothing that separates elements of a list.
    Marked,
    /// Nothing.
    None,
}

/// The length of the number a text begins with, 0 if it begins with none.
///
/// Groups of three digits may be joined by `{,}`, `\,`, `\!`, a space or a comma.
fn number_length(text: &str, grouping: Grouping) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut at = digits(0);
    let commas = grouping == Grouping::Any;
    if (1..=3).contains(&at) && grouping != Grouping::None {
        at = grouped(text, at, commas);
    }
    if commas && at == 1 && text.starts_with("0,") && digits(2) > 0 {
        // A decimal comma: no group of digits begins with a single zero.
        return 2 + digits(2);
    }
    if text[at..].starts_with('.') {
        let fraction = digits(at + 1);
        if at + fraction == 0 {
            return 0;
        }
        at += 1 + fraction;
    }
    if at > 0 && text[at..].starts_with(['e', 'E']) {
        let sign = usize::from(text[at + 1..].starts_with(['+', '-']));
        let exponent = digits(at + 1 + sign);
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    at
}

/// The end of the groups of three digits that follow the first group.
fn grouped(text: &str, first: usize, commas: bool) -> usize {
    let separators: &[&str] = if commas { &["{,}", "\\,", "\\!", ",", " "] } else { &["{,}", "\\,", "\\!"] };
    for separator in separators {
        let mut at = first;
        while let Some(group) = text[at..].strip_prefix(separator) {
            if group.bytes().take_while(u8::is_ascii_digit).count() != 3 {
                // `1,2345` and `1,234,5` are lists, not one number with a list behind it.
                if at > first && *separator == "," && group.starts_with(|c: char| c.is_ascii_digit()) {
                    return first;
                }
                break;
            }
            at += separator.len() + 3;
        }
        // `3 125/1000` is a mixed number.
        if at > first && !(*separator == " " && text[at..].trim_start().starts_with('/')) {
            return at;
        }
    }
    first
}

/// The digits and point of a number token, without what groups them.
pub(crate) fn plain_digits(number: &str) -> String {
    if !number.bytes().any(|byte| b"{\\ ,".contains(&byte)) {
        return number.to_owned();
    }
    let plain = number.replace("{,}", "").replace("\\,", "").replace("\\!", "").replace(' ', "");
    if plain.starts_with("0,") { plain.replacen(',', ".", 1) } else { plain.replace(',', "") }
}
