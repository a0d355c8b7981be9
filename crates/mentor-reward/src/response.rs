//! An attempt from one text: what a trainer has that keeps responses as strings.

use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

use memchr::memmem::Finder;
use mentor_toolcall::{Format, Options, Outline, outline, read_turn};
use mentor_trajectory::{CallRecord, Ending, Observation, Reading, Trajectory, Turn};

/// What stands before an observation.
const TO_USER: &str = "<|im_end|>\n<|im_start|>user\n";
/// What stands behind it.
const TO_ASSISTANT: &str = "<|im_start|>assistant\n";
const STOP: &str = "<|im_end|>";

static TO_USER_FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(TO_USER));
static TO_ASSISTANT_FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(TO_ASSISTANT));

/// Reads a response in the Qwen/Hermes form: what followed the prompt, turns and observations, with the template's markers.
///
/// Observations are exactly what stands between `<|im_end|>\n<|im_start|>user\n` and the next
/// `<|im_start|>assistant\n`; a `<tool_response>` anywhere else is the student's own text. `ended` says whether a stop
/// token closed the last turn (which a decoded text may have lost). A last turn that holds a call did not end the
/// attempt all the same ([`Ending::TurnLimit`], its observation may follow), and neither did one that is missing because the
/// text stops in an observation ([`Ending::InObservation`]).
///
/// The answers to a turn's calls are what its observation holds between `<tool_response>` markers, in order; one is
/// taken for an error if it begins with `error` or is a JSON object with a member `error`.
pub fn read_response(response: &str, ended: bool) -> Trajectory {
    let mut turns: Vec<Turn> = Vec::new();
    let mut last_observation = None;
    for step in steps(response) {
        let mut turn = read_turn(step.turn, ended || step.observation.is_some());
        answer(&mut turn.calls, step.observation.unwrap_or_default());
        turns.push(turn);
        last_observation = step.observation;
    }
    let calls = turns.last().is_some_and(|turn| !turn.calls.is_empty());
    let ending = ending(ended, calls, last_observation);
    Trajectory { id: String::new(), task_id: String::new(), source: "response".into(), turns, ending }
}

/// A response that is read as far as a reward looks: the names of its calls and how they follow their format, its last
/// words, its ending.
///
/// Arguments, thoughts and observations are read when a measure asks for them, once. A [`Case`](crate::Case) takes it in the
/// place of the [`Trajectory`] that [`read_response`] makes of the same text, and scores the same.
#[derive(Debug)]
pub struct Response<'t> {
    text: &'t str,
    ended: bool,
    pub(crate) ending: Ending,
    pub(crate) calls: Vec<Called>,
    /// The last turn outside reasoning and calls.
    last_words: Cow<'t, str>,
    whole: OnceLock<Trajectory>,
}

/// A call without its arguments.
#[derive(Debug)]
pub(crate) struct Called {
    pub name: String,
    pub reading: Reading,
    /// Its turn, and its place among the calls of that turn.
    pub turn: u32,
    pub record: u32,
}

impl<'t> Response<'t> {
    /// Reads a response as [`read_response`] does, as far as it goes without looking into arguments.
    pub fn new(text: &'t str, ended: bool) -> Self {
        let mut calls = Vec::new();
        let mut last_words = Cow::Borrowed("");
        let (mut last_observation, mut of_last) = (None, 0);
        for (turn, step) in (0..).zip(steps(text)) {
            last_words = Cow::Borrowed("");
            of_last = 0;
            outline(Format::HERMES, step.turn, Options::default(), |found| match found {
                Outline::Call { name, status, .. } => {
                    calls.push(Called { name, reading: status, turn, record: of_last });
                    of_last += 1;
                }
                Outline::Text(words) if last_words.is_empty() => last_words = Cow::Borrowed(words),
                Outline::Text(words) => last_words.to_mut().push_str(words),
                Outline::Reasoning(_) | Outline::Markup(_) => {}
            });
            last_observation = step.observation;
        }
        let ending = ending(ended, of_last > 0, last_observation);
        Self { text, ended, ending, calls, last_words, whole: OnceLock::new() }
    }

    /// The whole attempt, read when it is first asked for.
    pub fn trajectory(&self) -> &Trajectory {
        self.whole.get_or_init(|| read_response(self.text, self.ended))
    }

    /// What [`Trajectory::final_text`] is.
    pub(crate) fn final_text(&self) -> Option<&str> {
        (self.ending == Ending::Ended).then_some(&*self.last_words)
    }
}

/// A turn of a response and the observation behind it.
struct Step<'t> {
    turn: &'t str,
    /// None behind the last turn.
    observation: Option<&'t str>,
}

fn steps(response: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = Some(response);
    std::iter::from_fn(move || {
        let Some((turn, after)) = split(rest?, &TO_USER_FINDER) else {
            let last = rest.take()?;
            let closed = last.trim_end_matches('\n').strip_suffix(STOP);
            return Some(Step { turn: closed.unwrap_or(last), observation: None });
        };
        let observed = split(after, &TO_ASSISTANT_FINDER);
        rest = observed.map(|(_, next)| next);
        Some(Step { turn, observation: Some(observed.map_or(after, |(observation, _)| observation)) })
    })
}

/// What stands before and behind the first of a marker.
fn split<'t>(text: &'t str, marker: &Finder) -> Option<(&'t str, &'t str)> {
    let at = marker.find(text.as_bytes())?;
    Some((&text[..at], &text[at + marker.needle().len()..]))
}

/// How an attempt ended whose last turn `calls` a tool or is followed by an observation.
fn ending(ended: bool, calls: bool, observation: Option<&str>) -> Ending {
    let whole = |text: &str| {
        let text = text.trim_end();
        text.strip_suffix(STOP).unwrap_or(text).trim_end().ends_with("</tool_response>")
    };
    match observation {
        Some(text) if !(calls && whole(text)) => Ending::InObservation,
        _ if calls => Ending::TurnLimit,
        _ if ended => Ending::Ended,
        _ => Ending::TokenLimit,
    }
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
