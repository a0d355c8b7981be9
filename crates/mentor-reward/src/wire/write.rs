//! An attempt as its object, for somebody who scores it elsewhere.

use mentor_trajectory::{Call, Trajectory};
use serde_json::{Map, Value, json};

use crate::{Case, response_text};

/// The object of the [table](super) for a case: `id`, `question`, `response`, `ended`, `answer`, `tools`, `teacher_tools`,
/// `teacher_calls`, `correct`, the whole `trajectory`, and `other_teacher_calls` if there is a placebo.
///
/// Read and scored by any table it gives the score of the case, but for `correct_calls`, `correct_state` and
/// `teacher_likelihood`, which need more of the task than stands in it.
pub fn write_attempt(case: &Case) -> Map<String, Value> {
    let calls = |teacher: &Trajectory| teacher.strict_calls().cloned().collect::<Vec<Call>>();
    let (student, teacher) = (case.student.trajectory(), calls(case.teacher));
    let names = |calls: &[Call]| calls.iter().map(|call| call.name.clone()).collect::<Vec<String>>();
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("id", json!(student.id));
    put("question", json!(case.task.question));
    put("response", json!(response_text(student)));
    put("ended", json!(student.turns.last().is_some_and(|turn| turn.closed)));
    put("answer", json!(case.task.answer));
    put("tools", json!(case.task.tools.iter().map(|tool| &tool.name).collect::<Vec<_>>()));
    put("teacher_tools", json!(names(&teacher)));
    put("teacher_calls", json!(teacher));
    if let Some(placebo) = case.placebo {
        put("other_teacher_calls", json!(calls(placebo)));
    }
    put("correct", json!(case.correct));
    put("trajectory", json!(student));
    object
}
