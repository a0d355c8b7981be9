//! An attempt from one text: what a trainer has that keeps responses as strings.

use mentor_toolcall::read_turn;
use mentor_trajectory::{CallRecord, Ending, Observation, Trajectory, Turn};

/// What stands before an observation.
const TO_USER: &str = "<|im_end|>\n<|im_start|>user\n";
/// What stands behind it.
const TO_ASSISTANT: &str = "<|im_start|>assistant\n";
const STOP: &str = "<|im_end|>";

/// Reads a response in the Qwen/Hermes form: what followed the prompt, turns and observations, with the template's markers.
///
/// Observations are exactly what stands between `<|im_end|>\n<|im_start|>user\n` and the next
/// `<|im_start|>assistant\n`; a `<tool_response>` anywhere else is the student's own text. `ended` says whether a stop
/// token closed the last turn (which a decoded text may have lost). A last turn that holds a call did not end the
/// attempt all the same, and neither did one that is missing because the text stops in an observation.
///
/// The answers to a turn's calls are what its observation holds between `<tool_response>` markers, in order; one is
/// taken for an error if it begins with `error` or is a JSON object with a member `error`.
pub fn read_response(response: &str, ended: bool) -> Trajectory {
    let mut turns: Vec<Turn> = Vec::new();
    let mut rest = response;
    let cut_in_observation = loop {
        let Some((turn, after)) = rest.split_once(TO_USER) else {
            let unclosed = rest.trim_end_matches('\n').strip_suffix(STOP);
            turns.push(read_turn(unclosed.unwrap_or(rest), ended));
            break false;
        };
        let mut turn = read_turn(turn, true);
        let observed = after.split_once(TO_ASSISTANT);
        answer(&mut turn.calls, observed.map_or(after, |(observation, _)| observation));
        turns.push(turn);
        match observed {
            Some((_, next)) => rest = next,
            None => break true,
        }
    };
    let holds_call = turns.last().is_some_and(|turn| !turn.calls.is_empty());
    let ending = match ended {
        _ if holds_call || cut_in_observation => Ending::TurnLimit,
        true => Ending::Ended,
        false => Ending::TokenLimit,
    };
    Trajectory { id: String::new(), task_id: String::new(), source: "response".into(), turns, ending }
}

/// An attempt as the text that [`read_response`] reads, for people and programs that work on texts.
///
/// Turns as they were written, observations between the template's markers. A student that wrote the markers itself is read
/// back as something else: whoever can should look at the trajectory.
pub fn response_text(trajectory: &Trajectory) -> String {
    let mut text = String::new();
    for (index, turn) in trajectory.turns.iter().enumerate() {
        let is_last = index + 1 == trajectory.turns.len();
        let observed: Vec<String> = turn
            .calls
            .iter()
            .filter_map(|record| record.observation.as_ref())
            .map(|observation| format!("<tool_response>\n{}\n</tool_response>", observation.content))
            .collect();
        text.push_str(&turn.text);
        if !observed.is_empty() || !is_last {
            text.push_str(TO_USER);
            text.push_str(&observed.join("\n"));
        }
        if !is_last {
            text.push_str(STOP);
            text.push('\n');
            text.push_str(TO_ASSISTANT);
        }
    }
    text
}

/// Gives the calls of a turn their answers, in order.
fn answer(calls: &mut [CallRecord], observation: &str) {
    let answers = observation
        .split("<tool_response>\n")
        .skip(1)
        .map(|rest| rest.split_once("\n</tool_response>").map_or(rest, |(content, _)| content));
    for (record, content) in calls.iter_mut().zip(answers) {
        record.observation = Some(Observation { content: content.to_owned(), ok: !reports_error(content) });
    }
}

pub(crate) fn reports_error(content: &str) -> bool {
    let content = content.trim_start();
    let begins = content.get(.."error".len()).is_some_and(|start| start.eq_ignore_ascii_case("error"));
    begins
        || (content.starts_with('{')
            && content.contains("\"error\"")
            && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(content)
                .is_ok_and(|members| members.contains_key("error")))
}
