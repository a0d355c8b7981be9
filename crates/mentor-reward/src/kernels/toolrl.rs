//! The match with a teacher's calls that `ToolRL` pays for (arXiv 2504.13958, section 3.3).

use serde_json::{Map, Value};

use super::{arguments::get, value_equal};

/// How well two calls of one tool match: the Jaccard index of the names of their parameters, plus the number of the
/// teacher's parameters given with an equal value.
pub fn toolrl_call(wanted: &Map<String, Value>, given: &Map<String, Value>) -> f64 {
    let shared = wanted.keys().filter(|name| get(given, name).is_some()).count();
    let either = wanted.len() + given.len() - shared;
    let names = if either == 0 { 1.0 } else { shared as f64 / either as f64 };
    let values =
        wanted.iter().filter(|(name, value)| get(given, name).is_some_and(|other| value_equal(value, other)));
    names + values.count() as f64
}

/// The match over the best there could be, from 0 to 1.
///
/// The sum of `names` (the Jaccard index of the two sets of tool names) and, for each of the teacher's calls in order,
/// of the best match with a call of the student's that is still free; over `1 + Σ (1 + parameters)` of the teacher's
/// calls. `parameters` are those of each teacher's call, `call(j, i)` the match of the teacher's call `j` with the
/// student's `i`, none if the tools differ; `used` is memory. O(calls of one · calls of the other).
pub fn toolrl_match(
    names: f64,
    parameters: impl Iterator<Item = usize>,
    student_calls: usize,
    used: &mut Vec<bool>,
    mut call: impl FnMut(usize, usize) -> Option<f64>,
) -> f64 {
    used.clear();
    used.resize(student_calls, false);
    let (mut score, mut most) = (names, 1.0);
    for (j, parameters) in parameters.enumerate() {
        most += 1.0 + parameters as f64;
        let (mut best, mut taken) = (0.0, None);
        for i in (0..student_calls).filter(|&i| !used[i]) {
            if let Some(found) = call(j, i).filter(|&found| found > best) {
                (best, taken) = (found, Some(i));
            }
        }
        if let Some(i) = taken {
            used[i] = true;
            score += best;
        }
    }
    score / most
}
