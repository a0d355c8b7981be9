//! The native half of the Python package `mentor_py`: `mentor_py._native`.
//!
//! Data comes in and goes out as JSON, by Python's own `json`: both ends are in C or Rust, every double keeps its bits, and
//! what Python cannot write as JSON is an error of Python's with its name. Everything else happens without the GIL.

use std::fmt::Display;
use std::path::PathBuf;

use mentor_answer::{Options as AnswerOptions, Verdict, compare, last_boxed as boxed};
use mentor_reward::wire::{self, Attempt, Gold, WireError};
use mentor_reward::{AlignedCall, Explanation, Level, Node, Reward as Table, explain as explained};
use mentor_toolcall::{Format, Options, ParsedCall, Tools, parse as parsed};
use mentor_trajectory::Call;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

fn value_error(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A Python object as JSON. Not-a-number is none.
fn read(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = object.py();
    let options = PyDict::new(py);
    options.set_item("allow_nan", false)?;
    let text: String = py.import("json")?.call_method("dumps", (object,), Some(&options))?.extract()?;
    py.detach(|| serde_json::from_str(&text).map_err(value_error))
}

/// JSON as Python objects.
fn write<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let text = py.detach(|| value.to_string());
    py.import("json")?.call_method1("loads", (text,))
}

/// A reward: gates and terms. It is a value, and never changes.
#[pyclass(frozen, module = "mentor_py", from_py_object)]
#[derive(Clone)]
struct Reward(Table);

#[pymethods]
impl Reward {
    /// The name of a preset, a table as TOML text, or a table as a dictionary.
    #[new]
    fn new(reward: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(reward) = reward.cast::<Self>() {
            return Ok(reward.get().clone());
        }
        wire::read_reward(&read(reward)?).map(Self).map_err(value_error)
    }

    /// The table in a TOML file.
    #[staticmethod]
    fn from_file(path: PathBuf) -> PyResult<Self> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| PyOSError::new_err(format!("{shown}: {error}")))?;
        Table::from_toml(&text, &shown).map(Self).map_err(value_error)
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn minimum(&self) -> f64 {
        self.0.minimum()
    }

    #[getter]
    fn maximum(&self) -> f64 {
        self.0.maximum()
    }

    /// What can be in a score's parts: the failures of the gates, then the terms.
    #[getter]
    fn parts(&self) -> Vec<&'static str> {
        let gates = self.0.gates.iter().map(|gate| gate.require.failure_name());
        gates.chain(self.0.terms.iter().map(|term| term.part.name())).collect()
    }

    /// The table as TOML.
    fn to_toml(&self) -> String {
        self.0.to_toml()
    }

    /// The table at a step of a training, from 1: schedules turned into weights.
    fn at(&self, step: usize) -> Self {
        Self(self.0.at(step))
    }

    /// Scores attempts, in parallel: `{"id", "total", "parts"}` each, in their order.
    fn score<'py>(&self, py: Python<'py>, attempts: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let attempts = list(attempts)?;
        let scored = py.detach(|| wire::score_json(&attempts, Some(&self.0)));
        write(py, &scored.map_err(value_error)?)
    }

    /// The totals alone.
    fn totals(&self, py: Python<'_>, attempts: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
        let attempts = list(attempts)?;
        let scored = py.detach(|| wire::score_json(&attempts, Some(&self.0)));
        let scored = scored.map_err(value_error)?;
        Ok(scored.as_array().into_iter().flatten().filter_map(|score| score["total"].as_f64()).collect())
    }

    /// The tree of an attempt's score.
    fn explain<'py>(&self, py: Python<'py>, attempt: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let attempt = read(attempt)?;
        let tree = py.detach(|| tree(&attempt, &self.0));
        write(py, &tree.map_err(value_error)?)
    }

    fn __repr__(&self) -> String {
        format!("Reward({:?})", self.0.name)
    }
}

/// A list of attempts; one is not taken for it, so that a mistake is one error and not another.
fn list(attempts: &Bound<'_, PyAny>) -> PyResult<Value> {
    let attempts = read(attempts)?;
    if attempts.is_array() { Ok(attempts) } else { Err(value_error("attempts: give a list of them")) }
}

fn tree(attempt: &Value, fallback: &Table) -> Result<Value, WireError> {
    let attempt = Attempt::read(attempt)?;
    let reward = attempt.reward.as_ref().unwrap_or(fallback);
    let reward = attempt.step.map_or_else(|| reward.clone(), |step| reward.at(step));
    let Explanation { root, aligned, .. } = explained(&reward, &attempt.held.case(), None);
    let aligned = aligned.iter().map(
        |pair| json!({"turn": pair.turn, "call": pair.call, "step": pair.step, "agreement": pair.agreement}),
    );
    Ok(json!({"tree": node(&root), "aligned": aligned.collect::<Vec<_>>()}))
}

fn node(of: &Node) -> Value {
    let level = match of.level {
        Level::Trajectory => "trajectory",
        Level::Turn => "turn",
        Level::Call => "call",
        Level::Argument => "argument",
        Level::Part => "part",
    };
    json!({
        "level": level,
        "name": of.name,
        "amount": of.amount.to_f64(),
        "value": of.value,
        "weight": of.weight,
        "reason": of.reason,
        "children": of.children.iter().map(node).collect::<Vec<_>>(),
    })
}

/// The names of the presets.
#[pyfunction]
fn presets() -> Vec<&'static str> {
    Table::preset_names().to_vec()
}

/// Reads texts of assistants' turns, in parallel.
#[pyfunction]
#[pyo3(signature = (texts, format = "hermes", tools = None))]
fn parse_all<'py>(
    py: Python<'py>,
    texts: Vec<String>,
    format: &str,
    tools: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let format: Format = format.parse().map_err(|error| value_error(format!("format: {error}")))?;
    let tools = tools.map(read).transpose()?.map(|tools| Tools::from_openai(&tools)).transpose();
    let tools = tools.map_err(|error| value_error(format!("tools: {error}")))?;
    let turns = py.detach(|| {
        let turn = |text: &String| {
            let turn = parsed(format, text, Options { tools: tools.as_ref(), ..Options::default() });
            let calls: Vec<Value> = turn.calls.iter().map(|call| call_json(call, text)).collect();
            json!({"text": turn.content, "reasoning": turn.reasoning, "calls": calls})
        };
        Value::Array(texts.par_iter().map(turn).collect())
    });
    write(py, &turns)
}

/// The names of the formats of tool calls.
#[pyfunction]
fn formats() -> Vec<&'static str> {
    Format::all().map(Format::id).collect()
}

fn call_json(call: &ParsedCall, text: &str) -> Value {
    let read = call.call();
    // Python counts code points.
    let point = |byte: usize| text[..byte].chars().count();
    json!({
        "name": (!call.name.is_empty()).then_some(&call.name),
        "arguments": read.map(|call| call.arguments).unwrap_or_default(),
        "status": call.status,
        "faults": call.faults.iter().map(|fault| fault.name()).collect::<Vec<_>>(),
        "span": [point(call.span.0), point(call.span.1)],
    })
}

/// Compares pairs of answers `(gold, pred)`, in parallel.
#[pyfunction]
#[pyo3(signature = (pairs, tolerance = None))]
fn compare_answers(
    py: Python<'_>,
    pairs: Vec<(String, String)>,
    tolerance: Option<f64>,
) -> PyResult<Bound<'_, PyAny>> {
    if tolerance.is_some_and(|tolerance| !(0.0..1.0).contains(&tolerance)) {
        return Err(value_error("tolerance: a share from 0 up to 1, as 0.01"));
    }
    let options = AnswerOptions { tolerance };
    let verdicts = py.detach(|| {
        let judged = |(gold, pred): &(String, String)| {
            let found = compare(gold, pred, &options);
            let verdict = match found.verdict {
                Verdict::Equal => "equal",
                Verdict::Different => "different",
                Verdict::Unknown => "unknown",
            };
            json!({"verdict": verdict, "reason": found.reason, "gold": found.gold, "pred": found.pred})
        };
        Value::Array(pairs.par_iter().map(judged).collect())
    });
    write(py, &verdicts)
}

/// What stands in the last box of a text; none without one.
#[pyfunction]
fn last_boxed(text: &str) -> Option<&str> {
    boxed(text)
}

/// Aligns a student's calls with a teacher's.
#[pyfunction]
fn align_calls<'py>(
    py: Python<'py>,
    student: &Bound<'py, PyAny>,
    teacher: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (student, teacher) = (read(student)?, read(teacher)?);
    let pairs = py.detach(|| pairs(student, teacher)).map_err(value_error)?;
    write(py, &pairs)
}

/// The pairs of an alignment, by the places of the calls in the two lists.
fn pairs(student: Value, teacher: Value) -> Result<Value, WireError> {
    let calls = |name: &str, calls: Value| -> Result<Vec<Call>, WireError> {
        let fields = Map::from_iter([("answer".to_owned(), json!("")), ("teacher_calls".to_owned(), calls)]);
        let renamed =
            |error: WireError| WireError { field: error.field.replace("teacher_calls", name), ..error };
        Ok(Gold::read(&fields).map_err(renamed)?.teacher.unwrap_or_default())
    };
    let (student, teacher) = (calls("student", student)?, calls("teacher", teacher)?);
    let names = student.iter().chain(&teacher).map(|call| call.name.clone()).collect();
    let gold = Gold { tools: Some(names), teacher: Some(teacher), ..Gold::default() };
    let table = Table::preset("binary").expect("a preset");
    let aligned = explained(&table, &gold.hold(wire::called(student)).case(), None).aligned;
    let pair =
        |pair: AlignedCall| json!({"student": pair.call, "teacher": pair.step, "agreement": pair.agreement});
    Ok(Value::Array(aligned.into_iter().map(pair).collect()))
}

/// `OpenRLHF`'s request and reply, as an HTTP service answers it.
#[pyfunction]
fn openrlhf<'py>(
    py: Python<'py>,
    request: &Bound<'py, PyAny>,
    reward: &Reward,
) -> PyResult<Bound<'py, PyAny>> {
    let request = read(request)?;
    let reply = py.detach(|| wire::openrlhf::answer(&request, &reward.0)).map_err(value_error)?;
    write(py, &reply)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Reward>()?;
    module.add_function(wrap_pyfunction!(presets, module)?)?;
    module.add_function(wrap_pyfunction!(parse_all, module)?)?;
    module.add_function(wrap_pyfunction!(formats, module)?)?;
    module.add_function(wrap_pyfunction!(compare_answers, module)?)?;
    module.add_function(wrap_pyfunction!(last_boxed, module)?)?;
    module.add_function(wrap_pyfunction!(align_calls, module)?)?;
    module.add_function(wrap_pyfunction!(openrlhf, module)?)
}
