//! Recited conversations: what is executed, what the student is told, and how it ends.

use std::collections::BTreeMap;

use mentor_rollout::toy::{ByteCodec, Reciter};
use mentor_rollout::{
    Asked, Codec, Episode, Limits, Rollout, Sampling, Tools, ToolsError, play, play_with, text,
};
use mentor_toolcall::{Chat, Piece};
use mentor_trajectory::{Ending, Observation, Reading, Task};

use crate::support::{WIDE, call, task};

fn recite_as(chat: Chat, task: &Task, turns: &[&str], limits: &Limits) -> Rollout {
    let script = turns.iter().map(|turn| (*turn).to_owned()).collect();
    let scripts = BTreeMap::from([(task.question.clone(), script)]);
    let mut policy = Reciter::new(chat, 2, 100_000, &scripts);
    let episode = Episode { id: "run/7".into(), task, seed: 1, group: 0 };
    let sampling = Sampling::for_training(1.0);
    let mut rollouts = play(&mut policy, &ByteCodec::new(), &chat, &[episode], &sampling, limits, "reciter")
        .expect("a reciter cannot fail");
    assert_eq!(rollouts.len(), 1);
    rollouts.remove(0)
}

fn recite(turns: &[&str], limits: &Limits) -> Rollout {
    recite_as(Chat::Compact, &task("2 + 3?"), turns, limits)
}

/// The observations of each turn.
fn observations(rollout: &Rollout) -> Vec<Vec<&str>> {
    let seen = |record: &'_ mentor_trajectory::CallRecord| record.observation.is_some();
    assert!(rollout.trajectory.turns.iter().flat_map(|turn| &turn.calls).all(seen));
    let contents = |turn: &'_ mentor_trajectory::Turn| turn.calls.len();
    let mut all = rollout.trajectory.records().filter_map(|record| record.observation.as_ref());
    let counts: Vec<usize> = rollout.trajectory.turns.iter().map(contents).collect();
    counts.into_iter().map(|count| all.by_ref().take(count).map(|o| o.content.as_str()).collect()).collect()
}

#[test]
fn calls_are_executed_and_their_results_given_back() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let rollout = recite(&[&format!("I add.\n{add}"), r"It is \boxed{5}."], &WIDE);
    let trajectory = &rollout.trajectory;
    assert_eq!(trajectory.ending, Ending::Ended);
    assert_eq!(observations(&rollout), [vec!["5"], vec![]]);
    assert_eq!(trajectory.final_text(), Some(r"It is \boxed{5}."));
    assert_eq!((trajectory.id.as_str(), trajectory.source.as_str()), ("run/7", "reciter"));
    assert_eq!(trajectory.task_id, "task/2 + 3?");
    assert!(trajectory.records().all(|record| record.reading == Reading::Strict));
}

#[test]
fn the_ids_are_those_of_the_rendered_transcript() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let turns = [format!("First.\n{add}\n{add}"), add, "Done.".to_owned()];
    let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
    let task = task("What is <tool_call> 2 + 3?");
    for chat in [Chat::Compact, Chat::Qwen3, Chat::Qwen3NoThinking] {
        let rollout = recite_as(chat, &task, &turns, &WIDE);
        let transcript = chat.transcript(&task.tools, &task.question, &rollout.trajectory);
        let pieces: Vec<Piece> = transcript.iter().map(|(piece, _)| piece.clone()).collect();
        let codec = ByteCodec::new();
        assert_eq!(rollout.ids(), codec.encode(&pieces), "{chat:?}");
        // A byte codec merges nothing, so the trained spans can be compared token by token.
        let trained: Vec<bool> = transcript
            .iter()
            .flat_map(|(piece, trained)| vec![*trained; codec.encode(std::slice::from_ref(piece)).len()])
            .collect();
        let sampled: Vec<bool> = rollout.tokens.iter().map(|token| token.logprob.is_some()).collect();
        assert_eq!(sampled, trained, "{chat:?}");
    }
}

#[test]
fn several_calls_of_a_turn_are_answered_in_order() {
    let turn = [call("add", r#"{"a": 2, "b": 3}"#), call("divide", r#"{"a": 1, "b": 4}"#)].join("\n");
    let rollout = recite(&[&turn, "Done."], &WIDE);
    assert_eq!(observations(&rollout), [vec!["5", "0.25"], vec![]]);
    let shown = ByteCodec::new().decode(&rollout.ids());
    let both = "<tool_response>\n5\n</tool_response>\n<tool_response>\n0.25\n</tool_response>";
    assert!(shown.contains(both), "{shown}");
}

#[test]
fn faults_are_told_and_the_episode_goes_on() {
    let missing = call("add", r#"{"a": 2}"#);
    let by_zero = call("divide", r#"{"a": 2, "b": 0}"#);
    let unknown = call("teleport", "{}");
    let cases = [
        &missing,
        &by_zero,
        &unknown,
        "<tool_call>\nno idea\n</tool_call>",
        "<tool_call>\n{\"name\": \"add\"",
    ];
    for turn in cases {
        let rollout = recite(&[turn, "Sorry."], &WIDE);
        assert_eq!(rollout.trajectory.ending, Ending::Ended, "{turn}");
        assert_eq!(rollout.trajectory.turns.len(), 2, "{turn}");
        let record = &rollout.trajectory.turns[0].calls[0];
        let observation = record.observation.as_ref().unwrap();
        assert!(!observation.ok, "{turn}");
        assert!(observation.content.starts_with("error: "), "{turn}: {}", observation.content);
        assert!(observation.content.chars().count() < 120, "{}", observation.content);
        if record.lenient().is_none() {
            let named =
                record.faults.iter().any(|fault| observation.content.contains(&fault.replace('_', " ")));
            assert!(named, "{turn}: {}", observation.content);
        }
    }
}

#[test]
fn a_call_with_one_reading_left_is_executed_but_not_strict() {
    let rollout = recite(&[&call("add", r#"{"a": 2, "b": 3,}"#), "Done."], &WIDE);
    assert_eq!(observations(&rollout)[0], ["5"]);
    assert_eq!(rollout.trajectory.strict_calls().count(), 0);
    assert_eq!(rollout.trajectory.lenient_calls().count(), 1);
}

#[test]
fn the_call_of_the_last_turn_allowed_is_executed_and_the_episode_has_not_ended() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let rollout = recite(&[&add, &add, &add, &add], &Limits { turns: 3, ..WIDE });
    assert_eq!(rollout.trajectory.ending, Ending::TurnLimit);
    assert_eq!(observations(&rollout), [["5"], ["5"], ["5"]]);
    assert_eq!(rollout.trajectory.final_text(), None);
    let last = rollout.tokens.last().unwrap();
    assert_eq!(last.turn, Some(2), "observations that nobody reads are not in the ids");
}

#[test]
fn a_turn_without_a_stop_token_is_unfinished_and_its_calls_are_not_executed() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let endless = format!("{add}{}", "a".repeat(500));
    let rollout = recite(&[&endless], &Limits { turn_tokens: 150, ..WIDE });
    assert_eq!(rollout.trajectory.ending, Ending::TokenLimit);
    assert_eq!(rollout.tokens_sampled(), 150);
    let turn = &rollout.trajectory.turns[0];
    assert!(!turn.closed);
    assert_eq!(turn.text.len(), 150);
    assert!(turn.calls.iter().all(|record| record.observation.is_none()));
    assert_eq!(turn.calls.len(), 1);
}

#[test]
fn a_stop_token_on_the_last_token_allowed_closes_the_turn() {
    let exactly = recite(&["abc"], &Limits { turn_tokens: 4, ..WIDE });
    assert_eq!(exactly.trajectory.ending, Ending::Ended);
    let one_less = recite(&["abc"], &Limits { turn_tokens: 3, ..WIDE });
    assert_eq!(one_less.trajectory.ending, Ending::TokenLimit);
    let prompt = exactly.prompt_tokens;
    assert_eq!(recite(&["abc"], &Limits { tokens: prompt + 4, ..WIDE }).trajectory.ending, Ending::Ended);
    assert_eq!(
        recite(&["abc"], &Limits { tokens: prompt + 3, ..WIDE }).trajectory.ending,
        Ending::TokenLimit
    );
}

#[test]
fn observations_that_do_not_fit_end_the_episode_but_are_recorded() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let room = recite(&[&add, "x"], &WIDE);
    let last_turn = 2;
    let enough = room.tokens.len() - last_turn + 1;
    let played = recite(&[&add, "x"], &Limits { tokens: enough, ..WIDE });
    assert_eq!((played.trajectory.turns.len(), played.trajectory.ending), (2, Ending::TokenLimit));
    let cut = recite(&[&add, "x"], &Limits { tokens: enough - 1, ..WIDE });
    assert_eq!((cut.trajectory.turns.len(), cut.trajectory.ending), (1, Ending::TokenLimit));
    assert_eq!(observations(&cut), [["5"]]);
    assert!(cut.tokens.last().unwrap().logprob.is_some());
}

#[test]
fn a_prompt_that_does_not_fit_gives_a_rollout_without_turns() {
    let prompt = recite(&["x"], &WIDE).prompt_tokens;
    for limits in
        [Limits { tokens: prompt, ..WIDE }, Limits { tokens: 0, ..WIDE }, Limits { turn_tokens: 0, ..WIDE }]
    {
        let rollout = recite(&["x"], &limits);
        assert_eq!(rollout.trajectory.ending, Ending::TokenLimit);
        assert!(rollout.trajectory.turns.is_empty());
        assert_eq!((rollout.tokens.len(), rollout.tokens_sampled()), (prompt, 0));
    }
    let none = recite(&["x"], &Limits { turns: 0, ..WIDE });
    assert_eq!((none.trajectory.turns.len(), none.trajectory.ending), (0, Ending::TurnLimit));
}

#[test]
fn long_observations_are_cut_and_say_so() {
    let add = call("add", r#"{"a": 1234, "b": 4321}"#);
    for (chars, expected) in [(4, "5555"), (3, "55…"), (1, "…"), (0, "")] {
        let rollout = recite(&[&add, "x"], &Limits { observation_chars: chars, ..WIDE });
        assert_eq!(observations(&rollout)[0], [expected]);
        let record = &rollout.trajectory.turns[0].calls[0];
        assert!(record.observation.as_ref().unwrap().ok);
    }
}

#[test]
fn prompts_and_observations_are_never_read_as_calls_or_answers() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let task = task(&format!(r"{add}<|im_end|> \boxed{{9}}"));
    let rollout = recite_as(Chat::Compact, &task, &["No idea."], &WIDE);
    assert_eq!(rollout.trajectory.ending, Ending::Ended);
    assert_eq!(rollout.trajectory.records().count(), 0);
    assert_eq!(rollout.trajectory.final_text(), Some("No idea."));
    // The unknown tool's name comes back in the observation.
    let echo = call(r"\\boxed{1}<tool_call>", "{}");
    let rollout = recite(&[&echo, "No idea."], &WIDE);
    let observation = rollout.trajectory.turns[0].calls[0].observation.as_ref().unwrap();
    assert!(observation.content.contains(r"\boxed{1}"), "{}", observation.content);
    assert_eq!(rollout.trajectory.final_text(), Some("No idea."));
    assert_eq!(rollout.trajectory.records().count(), 1);
}

#[test]
fn any_stop_token_closes_a_turn_and_stays_in_the_ids() {
    let rollout = recite(&["Yes.<|endoftext|>never said"], &WIDE);
    assert_eq!(rollout.trajectory.ending, Ending::Ended);
    assert_eq!(rollout.trajectory.turns[0].text, "Yes.");
    let last = rollout.tokens.last().unwrap();
    assert!(ByteCodec::new().stop_ids().contains(&last.id));
    assert_eq!((last.logprob, last.turn), (Some(0.0), Some(0)));
}

#[test]
fn an_empty_turn_is_a_turn() {
    let rollout = recite(&[], &WIDE);
    assert_eq!(rollout.trajectory.ending, Ending::Ended);
    assert_eq!(rollout.trajectory.turns.len(), 1);
    assert_eq!(rollout.tokens_sampled(), 1);
}

#[test]
fn reasoning_hides_calls_from_execution() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let rollout = recite(&[&format!("<think>{add}</think>Nothing.")], &WIDE);
    assert_eq!(rollout.trajectory.ending, Ending::Ended);
    assert_eq!(rollout.trajectory.records().count(), 0);
}

#[test]
fn the_readable_text_shows_everybody() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let task = task("2 + 3?");
    let rollout = recite(&[&add, r"\boxed{5}"], &WIDE);
    let expected = format!("user: 2 + 3?\nassistant: {add}\ntool: 5\nassistant: \\boxed{{5}}\n[ended]\n");
    assert_eq!(text(&task, &rollout.trajectory), expected);
    let cut = recite(&[&add], &Limits { turn_tokens: 3, ..WIDE });
    assert!(text(&task, &cut.trajectory).ends_with("assistant: <to\n[stopped: token limit]\n"));
}

#[test]
fn rollouts_survive_json() {
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    let rollout = recite(&[&add, "x"], &WIDE);
    let line = serde_json::to_string(&rollout).unwrap();
    assert_eq!(serde_json::from_str::<Rollout>(&line).unwrap(), rollout);
}

/// Tools that say who asked, and what they were asked together.
#[derive(Default)]
struct Clerk(std::sync::Mutex<Vec<usize>>);

impl Tools for Clerk {
    fn carry_out(&self, asked: &[Asked<'_>]) -> Result<Vec<Observation>, ToolsError> {
        self.0.lock().expect("nobody panicked").push(asked.len());
        let content = |asked: &Asked| format!("{} {} {}", asked.episode, asked.turn, asked.call.name);
        Ok(asked.iter().map(|asked| Observation { content: content(asked), ok: true }).collect())
    }
}

fn play_with_tools(tools: &dyn Tools, turns: &[&str], episodes: usize) -> Result<Vec<Rollout>, String> {
    let task = task("2 + 3?");
    let script = turns.iter().map(|turn| (*turn).to_owned()).collect();
    let mut policy =
        Reciter::new(Chat::Compact, 4, 100_000, &BTreeMap::from([(task.question.clone(), script)]));
    let episode = |index| Episode { id: format!("e{index}"), task: &task, seed: 1, group: 0 };
    let episodes: Vec<Episode> = (0..episodes).map(episode).collect();
    let (codec, sampling) = (ByteCodec::new(), Sampling::for_training(1.0));
    play_with(&mut policy, &codec, &Chat::Compact, tools, &episodes, &sampling, &WIDE, "reciter")
        .map_err(|error| error.to_string())
}

#[test]
fn calls_of_all_waiting_episodes_are_carried_out_together() {
    let (add, divide) = (call("add", r#"{"a": 2, "b": 3}"#), call("divide", r#"{"a": 2, "b": 3}"#));
    let clerk = Clerk::default();
    let turns = [format!("{add}\n<tool_call>\nbroken\n</tool_call>\n{divide}"), add, "Done.".to_owned()];
    let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
    let rollouts = play_with_tools(&clerk, &turns, 3).unwrap();
    for (index, rollout) in rollouts.iter().enumerate() {
        let seen = observations(rollout);
        assert_eq!(seen[0][0], format!("e{index} 0 add"));
        assert!(seen[0][1].starts_with("error: the call could not be read"), "{}", seen[0][1]);
        assert_eq!(seen[0][2], format!("e{index} 0 divide"));
        assert_eq!(seen[1], [format!("e{index} 1 add")]);
    }
    assert_eq!(*clerk.0.lock().unwrap(), [6, 3]);
}

#[test]
fn tools_that_fail_or_miscount_stop_the_batch() {
    struct Broken(Option<usize>);
    impl Tools for Broken {
        fn carry_out(&self, _: &[Asked<'_>]) -> Result<Vec<Observation>, ToolsError> {
            let given = self.0.ok_or("out of order")?;
            Ok(vec![Observation { content: String::new(), ok: true }; given])
        }
    }
    let add = call("add", r#"{"a": 2, "b": 3}"#);
    for (tools, expected) in
        [(Broken(None), "could not carry out"), (Broken(Some(3)), "3 observations for 2 calls")]
    {
        let error = play_with_tools(&tools, &[&add, "Done."], 2).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
