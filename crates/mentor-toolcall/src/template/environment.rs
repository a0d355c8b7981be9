//! The Jinja environment of transformers: what a chat template can call, and how values print.

use std::sync::{Arc, Mutex};

use jiff::{civil::DateTime, fmt::strtime};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Value,
    syntax::SyntaxConfig,
    value::{Kwargs, Object, Rest, ValueKind, ValueOrKwargs},
};
use minijinja_contrib::filters;

use super::{
    error::Raised,
    guard, methods,
    python::{Bounded, Digits, Dumps, write_str},
    source::GENERATION,
    weigh,
};

/// The context variable, no identifier, under which a rendering's [`Recorder`] stands.
const RECORDER: &str = "the recorder";
/// The context variable, no identifier, under which the clock stands.
const CLOCK: &str = "the clock";

/// What a generation block produced.
#[derive(Debug)]
struct Generated(String);

impl Object for Generated {
    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much was written to the output itself, and where the generation blocks stand in it.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub written: usize,
    pub blocks: Vec<std::ops::Range<usize>>,
    /// Whether a block was printed into a variable or a macro, so that its place in the output is not known.
    pub captured: bool,
}

#[derive(Debug)]
pub(super) struct SharedRecorder(pub Arc<Mutex<Recorder>>);

impl Object for SharedRecorder {}

#[derive(Debug)]
struct Clock(DateTime);

impl Object for Clock {}

/// The two variables that only the environment reads.
pub(super) fn hidden(recorder: &Arc<Mutex<Recorder>>, now: Option<DateTime>) -> Vec<(&'static str, Value)> {
    let recorder = Value::from_object(SharedRecorder(Arc::clone(recorder)));
    let mut variables = vec![(RECORDER, recorder)];
    variables.extend(now.map(|now| (CLOCK, Value::from_object(Clock(now)))));
    variables
}

/// The environment, whose renderings may use so much fuel and print values so large.
pub(super) fn environment(fuel: u64, print_limit: usize) -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(fuel));
    env.set_unknown_method_callback(methods::call);
    env.set_formatter(move |out, state, value| print(out, state, value, print_limit));

    add_functions(&mut env);
    add_filters(&mut env, print_limit);
    add_tests(&mut env);
    Ok(env)
}

fn add_functions(env: &mut Environment<'static>) {
    env.remove_global("debug");
    env.add_function("namespace", namespace);
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", strftime_now);
    env.add_function(GENERATION, generation);
    env.add_function(guard::WEIGH, weigh::weigh);
    env.add_filter(guard::WEIGH, weigh::weigh);
    env.add_function(guard::STORE, weigh::store);
    env.add_function(guard::EACH, each);
    env.add_function(guard::PRIVATE, private);
}

fn add_filters(env: &mut Environment<'static>, limit: usize) {
    env.add_filter("tojson", move |state: &State, value: &Value, args: Rest<Value>, kwargs: Kwargs| {
        tojson(state, value, &args, &kwargs, limit)
    });
    env.add_filter("string", move |value: &Value| str_of(value, limit));
    env.add_filter("join", move |state: &State, value: &Value, args: Rest<Value>, kwargs: Kwargs| {
        join(state, value, &args, &kwargs, limit)
    });
    env.add_filter("trim", move |value: &Value, chars: Option<&str>| {
        str_of(value, limit).map(|text| methods::strip(&text, chars).to_owned())
    });
    env.add_filter("int", to_int);
    env.add_filter("float", to_float);
    env.add_filter("filesizeformat", filters::filesizeformat);
    env.add_filter("striptags", filters::striptags);
    env.add_filter("escape", escape);
    env.add_filter("e", escape);
    // minijinja's own, which Jinja does not have.
    for name in ["bool", "chain", "lines", "split", "zip"] {
        env.remove_filter(name);
    }
}

fn add_tests(env: &mut Environment<'static>) {
    let holds_items = |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map | ValueKind::String | ValueKind::Undefined
        )
    };
    env.add_test("sequence", holds_items);
    env.add_test("iterable", holds_items);
    env.add_test("number", |value: &Value| {
        matches!(value.kind(), ValueKind::Number | ValueKind::Bool) || digits(value).is_some()
    });
    env.add_test("float", |value: &Value| {
        value.kind() == ValueKind::Number && !value.is_integer()
            || digits(value).is_some_and(Digits::is_float)
    });
    env.add_test("integer", |value: &Value| {
        value.is_integer() || digits(value).is_some_and(|digits| !digits.is_float())
    });
}

fn digits(value: &Value) -> Option<&Digits> {
    value.downcast_object_ref()
}

fn str_of(value: &Value, limit: usize) -> Result<String, Error> {
    let mut out = Bounded::new(limit);
    write_str(&mut out, value)?;
    Ok(out.into_text())
}

fn print(out: &mut Output, state: &mut State, value: &Value, limit: usize) -> Result<(), Error> {
    if let Some(Generated(text)) = value.downcast_object_ref() {
        let recorder = state.lookup(RECORDER);
        let recorder = recorder.as_ref().and_then(|value| value.downcast_object_ref::<SharedRecorder>());
        let written = || recorder.and_then(|shared| Some(shared.0.lock().ok()?.written));
        let start = written();
        out.write_str(text)?;
        if let (Some(shared), Some(start), Some(end)) = (recorder, start, written())
            && let Ok(mut recorder) = shared.0.lock()
        {
            if end - start == text.len() {
                recorder.blocks.push(start..end);
            } else {
                recorder.captured = true;
            }
        }
        return Ok(());
    }
    match value.as_str() {
        Some(text) => out.write_str(text)?,
        None => out.write_str(&str_of(value, limit)?)?,
    }
    Ok(())
}

fn raise_exception(message: &Value) -> Result<Value, Error> {
    let message = message.to_string();
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
}

fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    let clock = state.lookup(CLOCK);
    let Some(Clock(now)) = clock.as_ref().and_then(|value| value.downcast_object_ref()) else {
        let message =
            "the template asks for the time (strftime_now) and the conversation has none: set `now`";
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    let mut text = String::new();
    let config = strtime::Config::new().lenient(true);
    strtime::BrokenDownTime::from(*now)
        .format_with_config(&config, format, &mut text)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    Ok(text)
}

/// Jinja's `namespace`, without transformers' forbidden names.
fn namespace(defaults: Option<ValueOrKwargs>) -> Result<Value, Error> {
    let namespace = minijinja::functions::namespace(defaults)?;
    for name in namespace.try_iter()? {
        if let Some(name) = name.as_str().filter(|name| name.starts_with('_')) {
            private(name)?;
        }
    }
    Ok(namespace)
}

/// Jinja's `join`: each item as Python prints it.
fn join(
    state: &State,
    value: &Value,
    args: &[Value],
    kwargs: &Kwargs,
    limit: usize,
) -> Result<String, Error> {
    let separator =
        argument(args, kwargs, 0, "d")?.map(|separator| separator.to_string()).unwrap_or_default();
    let attribute = argument(args, kwargs, 1, "attribute")?.map(|attribute| attribute.to_string());
    kwargs.assert_all_used()?;
    let mut out = Bounded::new(limit);
    for (index, item) in value.try_iter()?.checked().enumerate() {
        let mut item = item?;
        for name in attribute.iter().flat_map(|path| path.split('.')) {
            item = item.get_attr(name)?;
        }
        if index > 0 {
            out.push(&separator)?;
        }
        write_str(&mut out, &item)?;
        state.consume_fuel(1 + separator.len() as u64 / 64)?;
    }
    Ok(out.into_text())
}

/// An argument given by position or by name; `None` counts as not given.
fn argument(args: &[Value], kwargs: &Kwargs, index: usize, name: &str) -> Result<Option<Value>, Error> {
    let given = match args.get(index) {
        Some(value) => Some(value.clone()),
        None => kwargs.get::<Option<Value>>(name)?,
    };
    Ok(given.filter(|value| !value.is_none()))
}

/// Jinja's `escape`, with its spelling of quotes.
fn escape(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    let mut out = String::new();
    for character in value.to_string().chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            other => out.push(other),
        }
    }
    Value::from_safe_string(out)
}

/// Jinja's `int`: of a text that holds no number, the default.
fn to_int(value: &Value, default: Option<Value>, base: Option<u32>) -> Value {
    let default = default.unwrap_or_else(|| Value::from(0));
    let Some(text) = value.as_str() else {
        return match f64::try_from(value.clone()) {
            _ if value.is_integer() => value.clone(),
            Ok(float) if float.is_finite() => Value::from(float.trunc() as i128),
            _ => default,
        };
    };
    let text = methods::strip(text, None).replace('_', "");
    let base = base.unwrap_or(10).clamp(2, 36);
    let digits = match base {
        2 => text.trim_start_matches("0b"),
        8 => text.trim_start_matches("0o"),
        16 => text.trim_start_matches("0x"),
        _ => &text,
    };
    match (i128::from_str_radix(digits, base), text.parse::<f64>()) {
        (Ok(integer), _) => Value::from(integer),
        (_, Ok(float)) if float.is_finite() => Value::from(float.trunc() as i128),
        _ => default,
    }
}

/// Jinja's `float`: of a text that holds no number, the default.
fn to_float(value: &Value, default: Option<f64>) -> Value {
    let float = match value.as_str() {
        Some(text) => methods::strip(text, None).replace('_', "").parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    };
    Digits::float(float.unwrap_or_else(|| default.unwrap_or_default()))
}

/// Python iterates no `None`, where minijinja finds it empty.
fn each(state: &State, value: Value) -> Result<Value, Error> {
    if value.is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, "'NoneType' object is not iterable"));
    }
    // As a list the characters of a string have a number, so that a loop knows its last one.
    match value.as_str() {
        Some(text) => {
            state.consume_fuel((text.len() / weigh::PER_FUEL) as u64)?;
            Ok(text.chars().map(Value::from).collect())
        }
        None => Ok(value),
    }
}

fn private(name: &str) -> Result<Value, Error> {
    let message = format!("a chat template cannot store an attribute that begins with an underscore: {name}");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands keyword arguments over by value")]
fn generation(state: &mut State, kwargs: Kwargs) -> Result<Value, Error> {
    let caller: Value = kwargs.get("caller")?;
    let text = caller.call(state, &[])?.to_string();
    Ok(Value::from_object(Generated(text)))
}

/// transformers' `tojson`: `json.dumps(x, ensure_ascii=…, indent=…, separators=…, sort_keys=…)`.
fn tojson(
    state: &State,
    value: &Value,
    args: &[Value],
    kwargs: &Kwargs,
    limit: usize,
) -> Result<String, Error> {
    let option = |index, name| argument(args, kwargs, index, name);
    let flag = |index, name| Ok::<_, Error>(option(index, name)?.is_some_and(|value| value.is_true()));
    let indent = option(1, "indent")?.map(|indent| match indent.as_str() {
        Some(text) => text.to_owned(),
        None => " ".repeat(indent.as_i64().unwrap_or_default().clamp(0, 64) as usize),
    });
    let (item_separator, key_separator) = match option(2, "separators")? {
        Some(pair) => (pair.get_item_by_index(0)?.to_string(), pair.get_item_by_index(1)?.to_string()),
        None => (if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()),
    };
    let dumps = Dumps {
        ensure_ascii: flag(0, "ensure_ascii")?,
        indent,
        item_separator,
        key_separator,
        sort_keys: flag(3, "sort_keys")?,
    };
    kwargs.assert_all_used()?;
    let mut out = Bounded::new(limit);
    dumps.write(&mut out, value, 0)?;
    let text = out.into_text();
    state.consume_fuel(text.len() as u64 / 16)?;
    Ok(text)
}
