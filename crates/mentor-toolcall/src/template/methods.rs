//! The methods of Python's `str`, `dict` and `list` that Jinja's sandbox lets a template call.
//!
//! minijinja's own set is used where it does what Python does; what differs or is missing there is here.

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Kwargs, Tuple, ValueKind, from_args},
};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Calls a method on a value.
pub(super) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => string(state, value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Map => dict(value, method, args)?,
        ValueKind::Seq | ValueKind::Iterable => list(value, method, args)?,
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => unknown_method_callback(state, value, method, args),
    }
}

/// Python's `str.isspace` of one character: Unicode's white space and the four separators of ASCII.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Python's `str.strip`.
pub(super) fn strip<'a>(text: &'a str, chars: Option<&str>) -> &'a str {
    strip_start(strip_end(text, chars), chars)
}

fn strip_start<'a>(text: &'a str, chars: Option<&str>) -> &'a str {
    match chars {
        Some(chars) => text.trim_start_matches(|character| chars.contains(character)),
        None => text.trim_start_matches(is_space),
    }
}

pub(super) fn strip_end<'a>(text: &'a str, chars: Option<&str>) -> &'a str {
    match chars {
        Some(chars) => text.trim_end_matches(|character| chars.contains(character)),
        None => text.trim_end_matches(is_space),
    }
}

fn string(state: &State, text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let one = || from_args::<(&str,)>(args).map(|(text,)| text);
    Ok(Some(match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            Value::from(match method {
                "strip" => strip(text, chars),
                "lstrip" => strip_start(text, chars),
                _ => strip_end(text, chars),
            })
        }
        "split" | "rsplit" => split(state, text, method == "rsplit", args)?,
        "splitlines" => {
            let (keep,): (Option<bool>,) = from_args(args)?;
            strings(&lines(text, keep.unwrap_or(false)))
        }
        "partition" => {
            let separator = separator(one()?)?;
            let (before, after) = text.split_once(separator).map_or((text, None), |(a, b)| (a, Some(b)));
            triple([before, after.map_or("", |_| separator), after.unwrap_or_default()])
        }
        "rpartition" => {
            let separator = separator(one()?)?;
            let (before, after) = text.rsplit_once(separator).map_or((None, text), |(a, b)| (Some(a), b));
            triple([before.unwrap_or_default(), before.map_or("", |_| separator), after])
        }
        "removeprefix" => Value::from(text.strip_prefix(one()?).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(one()?).unwrap_or(text)),
        "casefold" => Value::from(text.to_lowercase()),
        "swapcase" => Value::from(text.chars().map(swap_case).collect::<String>()),
        "find" | "rfind" | "index" | "rindex" | "count" | "startswith" | "endswith" => {
            search(text, method, args)?
        }
        "title" => Value::from(title(text)),
        "istitle" => Value::from(text.chars().any(char::is_alphabetic) && title(text) == text),
        "ljust" | "rjust" | "center" => pad(state, text, method, args)?,
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
            let missing = width.saturating_sub(text.chars().count());
            state.consume_fuel(missing as u64)?;
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "isspace" => Value::from(!text.is_empty() && text.chars().all(is_space)),
        "isdecimal" => Value::from(!text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit())),
        "join" => return join(state, text, args).map(Some),
        "format" => {
            charge_format(state, text)?;
            return Ok(None);
        }
        _ => return Ok(None),
    }))
}

fn strings(parts: &[&str]) -> Value {
    Value::from(parts.iter().map(|part| Value::from(*part)).collect::<Vec<_>>())
}

fn separator(text: &str) -> Result<&str, Error> {
    if text.is_empty() { Err(Error::new(ErrorKind::InvalidOperation, "empty separator")) } else { Ok(text) }
}

fn triple(parts: [&str; 3]) -> Value {
    Value::from(Tuple::from(parts.map(Value::from)))
}

fn swap_case(character: char) -> String {
    if character.is_uppercase() {
        character.to_lowercase().collect()
    } else {
        character.to_uppercase().collect()
    }
}

/// `str.title`: a letter is upper case unless another precedes it, an apostrophe parting them.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for character in text.chars() {
        if inside {
            out.extend(character.to_lowercase());
        } else {
            out.extend(character.to_uppercase());
        }
        inside = character.is_alphabetic();
    }
    out
}

/// The methods that look for a text between two optional indices.
fn search(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (wanted, start, end): (&Value, Option<i64>, Option<i64>) = from_args(args)?;
    let no_text =
        || Error::new(ErrorKind::InvalidOperation, format!("{method} takes a string, not {}", wanted.kind()));
    let length = text.chars().count();
    let index = |index: i64| match usize::try_from(index) {
        Ok(index) => index.min(length),
        Err(_) => length.saturating_sub(index.unsigned_abs() as usize),
    };
    let (start, end) = (start.map_or(0, index), end.map_or(length, index));
    let at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    let window = if start <= end { &text[at(start)..at(end)] } else { "" };
    if matches!(method, "startswith" | "endswith") {
        let fits = |affix: &Value| {
            let affix = affix.as_str().ok_or_else(no_text)?;
            Ok(if method == "startswith" { window.starts_with(affix) } else { window.ends_with(affix) })
        };
        if !wanted.is_tuple() {
            return fits(wanted).map(Value::from);
        }
        for affix in wanted.try_iter()?.checked() {
            if fits(&affix?)? {
                return Ok(Value::from(true));
            }
        }
        return Ok(Value::from(false));
    }
    let wanted = wanted.as_str().ok_or_else(no_text)?;
    let found = match method {
        "count" if wanted.is_empty() => return Ok(Value::from(window.chars().count() + 1)),
        "count" => return Ok(Value::from(window.matches(wanted).count())),
        "find" | "index" => window.find(wanted),
        _ => window.rfind(wanted),
    };
    match found {
        Some(found) => Ok(Value::from(start + window[..found].chars().count())),
        None if method.ends_with("find") => Ok(Value::from(-1)),
        None => Err(Error::new(ErrorKind::InvalidOperation, "substring not found")),
    }
}

/// Charges for the widths and precisions of a format string, which minijinja allocates unasked.
fn charge_format(state: &State, text: &str) -> Result<(), Error> {
    let mut inside = false;
    for character in text.chars() {
        match character {
            '{' if inside => {
                let message = "a format string may not take its widths from arguments";
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
            '{' => inside = true,
            '}' => inside = false,
            _ => {}
        }
    }
    let widths =
        text.split(|character: char| !character.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let total = widths.map(|digits| digits.parse().unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
    state.consume_fuel(total / 64)
}

fn pad(state: &State, text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<char>) = from_args(args)?;
    let missing = width.saturating_sub(text.chars().count());
    state.consume_fuel(missing as u64)?;
    let before = match method {
        "ljust" => 0,
        "rjust" => missing,
        // CPython's rule for where the odd one goes.
        _ => missing / 2 + (missing & width & 1),
    };
    let fill = |count| fill.unwrap_or(' ').to_string().repeat(count);
    Ok(Value::from(format!("{}{text}{}", fill(before), fill(missing - before))))
}

/// `split` and `rsplit`: `sep` and `maxsplit`, by position or by name.
fn split(state: &State, text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (by_position, by_name): (minijinja::value::Rest<Value>, Kwargs) = from_args(args)?;
    let argument = |index: usize, name: &str| match by_position.get(index) {
        Some(value) => Ok(Some(value.clone())),
        None => by_name.get::<Option<Value>>(name),
    };
    let sep = argument(0, "sep")?.filter(|value| !value.is_none());
    let most =
        argument(1, "maxsplit")?.and_then(|value| value.as_i64()).and_then(|most| usize::try_from(most).ok());
    by_name.assert_all_used()?;
    let most = most.unwrap_or(usize::MAX);
    state.consume_fuel(text.len() as u64 / 8)?;
    let mut parts: Vec<&str> = match &sep {
        Some(sep) => {
            let sep = separator(
                sep.as_str().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "sep is no string"))?,
            )?;
            let limit = most.saturating_add(1);
            if from_right { text.rsplitn(limit, sep).collect() } else { text.splitn(limit, sep).collect() }
        }
        None => split_space(text, most, from_right),
    };
    if from_right {
        parts.reverse();
    }
    Ok(strings(&parts))
}

/// Splits at runs of white space, in the order in which the parts are found.
fn split_space(text: &str, most: usize, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if from_right { strip_end(text, None) } else { strip_start(text, None) };
    while !rest.is_empty() {
        let cut = if parts.len() == most {
            None
        } else if from_right {
            rest.char_indices().rfind(|(_, c)| is_space(*c)).map(|(at, c)| (at + c.len_utf8(), at))
        } else {
            rest.find(is_space).map(|at| (at, at))
        };
        let Some((part, space)) = cut else {
            parts.push(rest);
            break;
        };
        if from_right {
            parts.push(&rest[part..]);
            rest = strip_end(&rest[..space], None);
        } else {
            parts.push(&rest[..part]);
            rest = strip_start(&rest[space..], None);
        }
    }
    parts
}

/// `str.splitlines`: also at the line ends Rust's `lines` does not know.
fn lines(text: &str, keep: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let ends = matches!(
            character,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !ends {
            continue;
        }
        let mut next = at + character.len_utf8();
        if character == '\r' && characters.next_if(|(_, following)| *following == '\n').is_some() {
            next += 1;
        }
        lines.push(&text[start..if keep { next } else { at }]);
        start = next;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// `str.join` takes strings only.
fn join(state: &State, text: &str, args: &[Value]) -> Result<Value, Error> {
    let (items,): (&Value,) = from_args(args)?;
    let mut out = String::new();
    for (index, item) in items.try_iter()?.checked().enumerate() {
        let item = item?;
        let Some(part) = item.as_str() else {
            let message = format!("sequence item {index}: expected str instance, {} found", item.kind());
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        };
        if index > 0 {
            out.push_str(text);
        }
        out.push_str(part);
        state.consume_fuel((text.len() + part.len()) as u64 / 64 + 1)?;
    }
    Ok(Value::from(out))
}

fn dict(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "copy" => {
            let () = from_args(args)?;
            Ok(Some(value.clone()))
        }
        "clear" | "pop" | "popitem" | "setdefault" | "update" => Err(unsafe_call(method)),
        _ => Ok(None),
    }
}

fn list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "copy" => {
            let () = from_args(args)?;
            Ok(Some(value.clone()))
        }
        "index" => {
            let (wanted,): (&Value,) = from_args(args)?;
            for (index, item) in value.try_iter()?.checked().enumerate() {
                if item? == *wanted {
                    return Ok(Some(Value::from(index)));
                }
            }
            Err(Error::new(ErrorKind::InvalidOperation, format!("{wanted} is not in list")))
        }
        "append" | "clear" | "extend" | "insert" | "pop" | "remove" | "reverse" | "sort" => {
            Err(unsafe_call(method))
        }
        _ => Ok(None),
    }
}

/// Jinja's immutable sandbox refuses what changes a value.
fn unsafe_call(method: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("a template may not change a value: {method}"))
}
