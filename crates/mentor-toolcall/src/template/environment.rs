//! The Jinja environment of transformers: what a chat template can call, and how values print.

use std::sync::{Arc, Mutex};

use jiff::{civil::DateTime, fmt::strtime};
use minijinja::{
    Environment, Error, ErrorKind, Output, State, Value,
    syntax::SyntaxConfig,
    value::{Kwargs, Object, Rest, ValueKind},
};

use super::{
    error::Raised,
    methods,
    python::{Bounded, Digits, Dumps, write_str},
    source::GENERATION,
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
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_fuel(Some(fuel));
    env.set_unknown_method_callback(methods::call);
    env.set_formatter(move |out, state, value| print(out, state, value, print_limit));

    env.remove_global("debug");
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", strftime_now);
    env.add_function(GENERATION, generation);
    env.add_filter("tojson", move |state: &State, value: &Value, args: Rest<Value>, kwargs: Kwargs| {
        tojson(state, value, &args, &kwargs, print_limit)
    });
    for name in ["zip", "chain", "bool", "split", "lines"] {
        env.remove_filter(name);
    }
    env.add_filter("string", move |value: &Value| str_of(value, print_limit));
    env.add_filter("trim", move |value: &Value, chars: Option<&str>| {
        str_of(value, print_limit).map(|text| methods::strip(&text, chars).to_owned())
    });
    env.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map | ValueKind::String | ValueKind::Undefined
        )
    });
    env.add_test("iterable", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map | ValueKind::String | ValueKind::Undefined
        )
    });
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
    Ok(env)
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
    strtime::format(format, *now).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
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
    let option = |index: usize, name: &str| -> Result<Option<Value>, Error> {
        let given = match args.get(index) {
            Some(value) => Some(value.clone()),
            None => kwargs.get::<Option<Value>>(name)?,
        };
        Ok(given.filter(|value| !value.is_none()))
    };
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
