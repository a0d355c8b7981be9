//! Rollouts to read: the student's trajectory beside the teacher's.
//!
//! Each rollout is a `<details>` element, so all can be read without the script; with it, menus show one at a time.

use mentor_reward::Part;
use mentor_trajectory::{Call, CallRecord, Ending, Reading, Task, Trajectory, Turn};

use super::ReportInput;
use super::format::{clipped, ratio, short};
use super::gather::{Material, Shown};
use super::markup::{Element, Markup, el};

/// Bytes all rollouts may take together.
const BUDGET: usize = 2_000_000;
/// Characters a piece of text may take.
const TEXT_LIMIT: usize = 1500;
/// Turns and calls a turn that are shown.
const PIECES: usize = 16;

/// All rollouts that fit the budget; under a tight one, the first of every arm and suite come first. The menus start
/// with the arm `start`.
pub fn rollouts(input: &ReportInput, material: &Material, start: &str) -> Markup {
    let mut waiting: Vec<(usize, usize, Entry)> = Vec::new();
    for arm in &material.arms {
        let mut trained = 0;
        for shown in &arm.shown {
            let entry = match shown {
                Shown::Evaluated(record) => {
                    let task = input.tasks[&record.suite].get(record.task);
                    let teacher = input.teacher[&record.suite].get(record.task);
                    Entry::new(&arm.name, shown, record.task, task.zip(teacher))
                }
                Shown::Trained(_) => {
                    trained += 1;
                    let known = arm.taught.as_ref().map(|(task, teacher)| (task, teacher));
                    Entry::new(&arm.name, shown, trained - 1, known)
                }
            };
            waiting.push((entry.rank, waiting.len(), entry));
        }
    }
    waiting.sort_by_key(|&(rank, place, _)| (rank, place));
    let mut size = 0;
    let mut kept: Vec<(usize, Markup)> = Vec::new();
    for (_, place, entry) in waiting {
        let drawn = entry.draw();
        size += drawn.len();
        if size > BUDGET {
            break;
        }
        kept.push((place, drawn));
    }
    kept.sort_by_key(|&(place, _)| place);
    let container = el("div").attr("id", "rollouts").attr("data-start", start);
    container.children(kept.into_iter().map(|(_, drawn)| drawn)).into()
}

/// One rollout with what is known about its task.
struct Entry<'a> {
    arm: &'a str,
    shown: &'a Shown,
    rank: usize,
    known: Option<(&'a Task, &'a Trajectory)>,
}

impl<'a> Entry<'a> {
    fn new(arm: &'a str, shown: &'a Shown, rank: usize, known: Option<(&'a Task, &'a Trajectory)>) -> Self {
        Self { arm, shown, rank, known }
    }

    /// What the second menu offers: a suite, or training.
    fn set(&self) -> String {
        match self.shown {
            Shown::Evaluated(record) => format!("{} (test)", record.suite),
            Shown::Trained(record) => format!("training, step {}", record.step),
        }
    }

    /// What the third menu offers.
    fn item(&self) -> String {
        match self.shown {
            Shown::Evaluated(record) => format!("task {}", record.task + 1),
            Shown::Trained(_) => format!("rollout {}", self.rank + 1),
        }
    }

    fn correct(&self) -> bool {
        match self.shown {
            Shown::Evaluated(record) => record.correct,
            Shown::Trained(record) => record.correct,
        }
    }

    fn draw(&self) -> Markup {
        let verdict = if self.correct() { "correct" } else { "wrong" };
        let summary = format!("{} · {} · {}: {verdict}", self.arm, self.set(), self.item());
        let (student, question) = match self.shown {
            Shown::Evaluated(record) => {
                (&record.trajectory, self.known.map_or("", |(task, _)| task.question.as_str()))
            }
            Shown::Trained(record) => (&record.trajectory, record.question.as_str()),
        };
        let teacher = self.known.map(|(_, teacher)| column("Teacher", "", teacher));
        el("details")
            .class("rollout")
            .attr("data-arm", self.arm)
            .attr("data-set", self.set())
            .attr("data-item", self.item())
            .child(el("summary").text(&summary))
            .child(el("p").class("question").text(&clipped(question, TEXT_LIMIT)))
            .children(self.known.map(|(task, _)| about(task)))
            .child(self.chips())
            .child(el("div").class("columns").child(column("Student", self.arm, student)).children(teacher))
            .children(self.parts())
            .into()
    }

    fn chips(&self) -> Element {
        let verdict = if self.correct() { chip("good", "correct") } else { chip("bad", "wrong") };
        let mut chips = vec![verdict];
        match self.shown {
            Shown::Evaluated(record) => {
                chips.extend(record.failure.map(|failure| chip("bad", &failure.to_string())));
                let plan = if record.policy_correct { "valid plan" } else { "no valid plan" };
                chips.push(chip("", plan));
                chips.push(chip("", &format!("tool F1 {}", ratio(record.tool_f1))));
                chips.push(chip("", &format!("{} tokens", record.tokens)));
            }
            Shown::Trained(record) => {
                chips.push(chip("", &format!("reward {}", short(record.reward))));
                chips.push(chip("", &format!("advantage {}", short(record.advantage))));
            }
        }
        el("p").class("chips").children(chips)
    }

    fn parts(&self) -> Option<Element> {
        let Shown::Trained(record) = self.shown else { return None };
        let head = ["part", "value", "weight", "value × weight", "turn", "reason"];
        let head = el("tr").children(head.map(|word| el("th").attr("scope", "col").text(word)));
        let rows = record.parts.iter().take(4 * PIECES).map(part_row);
        let table =
            el("table").class("parts").child(el("thead").child(head)).child(el("tbody").children(rows));
        Some(el("div").class("scroll").child(table))
    }
}

fn part_row(part: &Part) -> Element {
    let turn = part.turn.map_or_else(|| "–".to_owned(), |turn| (turn + 1).to_string());
    let worth = short(part.value * part.weight);
    el("tr")
        .child(el("th").attr("scope", "row").text(&clipped(&part.name, 80)))
        .children([short(part.value), short(part.weight), worth, turn].map(|cell| el("td").text(&cell)))
        .child(el("td").class("reason").text(&clipped(&part.reason, TEXT_LIMIT)))
}

fn chip(class: &str, words: &str) -> Element {
    el("span").class(format!("chip {class}").trim_end()).text(words)
}

/// The gold answer and the tools on offer.
fn about(task: &Task) -> Element {
    let tools: Vec<&str> = task.tools.iter().map(|tool| tool.name.as_str()).collect();
    let tools = if tools.is_empty() { "none".to_owned() } else { tools.join(", ") };
    let said =
        el("p").class("about").child(el("b").text("Expected: ")).text(&clipped(&task.answer, TEXT_LIMIT));
    said.child(el("br")).child(el("b").text("Tools on offer: ")).text(&clipped(&tools, TEXT_LIMIT))
}

fn column(who: &str, name: &str, trajectory: &Trajectory) -> Element {
    let shown = trajectory.turns.iter().take(PIECES).map(turn);
    let more = trajectory.turns.len().saturating_sub(PIECES);
    let more = (more > 0).then(|| el("p").class("note").text(&format!("… {more} more turns")));
    let ending = match trajectory.ending {
        Ending::Ended => None,
        Ending::TurnLimit => Some("Stopped: the turns allowed ran out."),
        Ending::TokenLimit => Some("Stopped: the tokens allowed ran out."),
        Ending::InObservation => Some("Stopped: what is recorded ends in an observation."),
    };
    let title =
        if name.is_empty() { format!("{who} ({})", trajectory.source) } else { format!("{who} ({name})") };
    el("div")
        .class("trajectory")
        .child(el("h4").text(&clipped(&title, 80)))
        .children(shown)
        .children(more)
        .children(ending.map(|words| el("p").class("note").text(words)))
}

fn turn(turn: &Turn) -> Element {
    let said = |class: &str, text: &str| {
        let text = text.trim();
        (!text.is_empty()).then(|| el("p").class(class).text(&clipped(text, TEXT_LIMIT)))
    };
    let more = turn.calls.len().saturating_sub(PIECES);
    el("div")
        .class("turn")
        .children(said("thought", &turn.reasoning))
        .children(said("said", &turn.content))
        .children(turn.calls.iter().take(PIECES).map(call))
        .children((more > 0).then(|| el("p").class("note").text(&format!("… {more} more calls"))))
        .children((!turn.closed).then(|| el("p").class("note").text("The turn was cut off.")))
}

fn call(record: &CallRecord) -> Element {
    let written = match &record.call {
        Some(call) if record.reading != Reading::Unusable => signature(call),
        _ => record.raw.clone(),
    };
    let reading = match record.reading {
        Reading::Strict => None,
        Reading::Repaired => Some("repaired"),
        Reading::Recoverable => Some("not executable"),
        Reading::Unusable => Some("unreadable"),
    };
    let faults = record.faults.join(", ");
    let badge = reading.map(|words| {
        let words = if faults.is_empty() { words.to_owned() } else { format!("{words}: {faults}") };
        chip("bad", &clipped(&words, 200))
    });
    let observed = match &record.observation {
        Some(observation) => {
            let class = if observation.ok { "observation" } else { "observation error" };
            el("div").class(class).text(&format!("→ {}", clipped(&observation.content, TEXT_LIMIT)))
        }
        None => el("div").class("observation error").text("→ not executed"),
    };
    let code = el("code").text(&clipped(&written, TEXT_LIMIT));
    el("div").class("call").child(code).children(badge).child(observed)
}

fn signature(call: &Call) -> String {
    let arguments: Vec<String> =
        call.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}({})", call.name, arguments.join(", "))
}
