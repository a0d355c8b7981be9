//! What is an error: the policy's failures and impossible options, never what a model says.

use std::error::Error as _;

use mentor_rollout::toy::ByteCodec;
use mentor_rollout::{Error, Policy, Rollout, Sampling, logprob, play};
use mentor_toolcall::Chat;

use crate::support::{WIDE, episodes, tasks};

#[derive(Debug, thiserror::Error)]
#[error("out of memory")]
struct OutOfMemory;

/// Logits, or a failure.
type Answer = Result<Vec<f32>, ()>;

/// Fails in one way at every call.
struct Broken {
    slots: usize,
    answer: Answer,
}

impl Policy for Broken {
    type Error = OutOfMemory;

    fn vocab_size(&self) -> usize {
        3
    }

    fn slots(&self) -> usize {
        self.slots
    }

    fn max_tokens(&self) -> usize {
        1000
    }

    fn extend(&mut self, _: &[(usize, &[u32])]) -> Result<&[f32], OutOfMemory> {
        self.answer.as_deref().map_err(|()| OutOfMemory)
    }

    fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32 {
        logprob(logits, token, temperature)
    }

    fn fork(&mut self, _: usize, _: usize) {}

    fn clear(&mut self, _: usize) {}
}

fn played(slots: usize, answer: Answer, sampling: &Sampling) -> Result<Vec<Rollout>, Error<OutOfMemory>> {
    let tasks = tasks(1);
    let episodes = episodes(&tasks, 1);
    play(
        &mut Broken { slots, answer },
        &ByteCodec::new(),
        &Chat::Compact,
        &episodes,
        sampling,
        &WIDE,
        "broken",
    )
}

#[test]
fn failures_are_reported_with_their_cause_and_remedy() {
    let sampling = Sampling::for_training(1.0);
    let cases: [(usize, Answer, Sampling, &str); 6] = [
        (1, Err(()), sampling, "could not extend"),
        (0, Ok(vec![0.0; 3]), sampling, "no slots"),
        (1, Ok(vec![0.0; 4]), sampling, "4 logits for 1 sequences of a vocabulary of 3"),
        (1, Ok(vec![0.0, f32::NAN, 0.0]), sampling, "episode 0/0: the logits are no distribution"),
        (1, Ok(vec![f32::NEG_INFINITY; 3]), sampling, "go back to an earlier checkpoint"),
        (1, Ok(vec![0.0; 3]), Sampling::for_training(-1.0), "temperature is -1"),
    ];
    for (slots, answer, sampling, message) in cases {
        let error = played(slots, answer, &sampling).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn the_policys_own_error_is_the_source() {
    let error = played(1, Err(()), &Sampling::greedy()).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "out of memory");
}

#[test]
fn nothing_to_play_is_nothing_played() {
    for slots in [0, 1] {
        let mut policy = Broken { slots, answer: Err(()) };
        let sampling = Sampling::greedy();
        let rollouts =
            play(&mut policy, &ByteCodec::new(), &Chat::Compact, &[], &sampling, &WIDE, "broken").unwrap();
        assert!(rollouts.is_empty());
    }
}
