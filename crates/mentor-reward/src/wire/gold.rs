//! What an attempt is held against: answer, tools on offer, the teacher's calls.

use mentor_trajectory::{Call, CallRecord, Ending, Judge, Reading, Split, Task, ToolSpec, Trajectory, Turn};
use serde_json::{Map, Value};

use super::{WireError, fault, kind, optional};
use crate::{Case, answer_correct};

/// The gold side of an attempt, as far as it was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gold {
    /// The gold answer.
    pub answer: String,
    /// The names of the tools on offer.
    pub tools: Option<Vec<String>>,
    /// The teacher's calls, in order.
    pub teacher: Option<Vec<Call>>,
    /// Another task's teacher's.
    pub placebo: Option<Vec<Call>>,
    /// The judgement, if it was made outside.
    pub correct: Option<bool>,
}

/// An attempt beside what it is held against.
#[derive(Clone, Debug)]
pub struct Held {
    /// A task of which nothing but tools and answer is known.
    pub task: Task,
    /// The attempt.
    pub student: Trajectory,
    /// The teacher's attempt, of which nothing but the calls is known.
    pub teacher: Trajectory,
    /// Another task's teacher's.
    pub placebo: Option<Trajectory>,
    /// Whether the attempt is right.
    pub correct: bool,
}

impl Held {
    /// The case to be scored.
    pub fn case(&self) -> Case<'_> {
        let case = Case::new(&self.task, &self.student, &self.teacher, self.correct);
        Case { placebo: self.placebo.as_ref(), ..case }
    }
}

impl Gold {
    /// Reads the fields of the [table](super); all but `answer` may be missing.
    ///
    /// # Errors
    /// The field at fault.
    pub fn read(fields: &Map<String, Value>) -> Result<Self, WireError> {
        Ok(Self {
            answer: answer(fields)?,
            tools: optional::<Vec<Value>>(fields, "tools")?
                .map(|tools| tools.iter().enumerate().map(|(index, tool)| tool_name(index, tool)).collect())
                .transpose()?,
            teacher: calls(fields, "teacher_calls", "teacher_tools")?,
            placebo: calls(fields, "other_teacher_calls", "other_teacher_tools")?,
            correct: optional(fields, "correct")?,
        })
    }

    /// Holds an attempt against it: what is missing counts as empty, and the box decides unless somebody judged.
    pub fn hold(self, student: Trajectory) -> Held {
        let task = Task {
            id: String::new(),
            suite: String::new(),
            split: Split::Train,
            question: String::new(),
            tools: self.tools.unwrap_or_default().into_iter().map(tool).collect(),
            answer: self.answer,
            judge: Judge::Answer,
            plans: Vec::new(),
            world: Value::Null,
        };
        let correct = self.correct.unwrap_or_else(|| answer_correct(&task, &student));
        let teacher = called(self.teacher.unwrap_or_default());
        Held { task, student, teacher, placebo: self.placebo.map(called), correct }
    }
}

fn answer(fields: &Map<String, Value>) -> Result<String, WireError> {
    match fields.get("answer") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(other) => Err(fault("answer", format!("is {}, not a text or a number", kind(other)))),
        None => Err(fault("answer", "is missing: give the gold answer")),
    }
}

/// The name of a tool given by its name or its definition.
fn tool_name(index: usize, tool: &Value) -> Result<String, WireError> {
    let definition = tool.get("function").unwrap_or(tool);
    let name = tool.as_str().or_else(|| definition.get("name")?.as_str());
    name.map(str::to_owned).ok_or_else(|| {
        fault(&format!("tools[{index}]"), format!("is {}, not a name or a definition with one", kind(tool)))
    })
}

/// Calls given whole, or else by their names.
fn calls(fields: &Map<String, Value>, whole: &str, names: &str) -> Result<Option<Vec<Call>>, WireError> {
    if let Some(values) = optional::<Vec<Value>>(fields, whole)? {
        let read = |(index, value): (usize, &Value)| {
            call(value).map_err(|problem| fault(&format!("{whole}[{index}]"), problem))
        };
        return values.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some);
    }
    let by_name = |name: String| Call { name, arguments: Map::new() };
    Ok(optional::<Vec<String>>(fields, names)?.map(|names| names.into_iter().map(by_name).collect()))
}

/// `{"name", "arguments"}`, also as `OpenAI`'s `{"function": {…}}` and with the arguments as a string of JSON.
fn call(value: &Value) -> Result<Call, String> {
    const FORM: &str = "is no {\"name\": …, \"arguments\": {…}}";
    let function = value.get("function").unwrap_or(value);
    let name = function.get("name").and_then(Value::as_str).ok_or(FORM)?.to_owned();
    let arguments = match function.get("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|error| format!("{FORM}: arguments: {error}"))?
        }
        Some(other) => return Err(format!("{FORM}: arguments is {}", kind(other))),
    };
    Ok(Call { name, arguments })
}

fn tool(name: String) -> ToolSpec {
    ToolSpec { name, description: String::new(), parameters: Value::Null }
}

/// An attempt of which nothing but the calls is known.
pub fn called(calls: Vec<Call>) -> Trajectory {
    let record = |call: Call| CallRecord {
        raw: String::new(),
        span: (0, 0),
        reading: Reading::Strict,
        faults: Vec::new(),
        call: Some(call),
        observation: None,
    };
    let turn = Turn { calls: calls.into_iter().map(record).collect(), closed: true, ..Turn::default() };
    Trajectory {
        id: String::new(),
        task_id: String::new(),
        source: "teacher".into(),
        turns: vec![turn],
        ending: Ending::Ended,
    }
}
