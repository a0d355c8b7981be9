//! A rollout does not depend on what it is played beside.

use mentor_rollout::{Codec, Episode, Limits, Rollout, Sampling, play};
use mentor_toolcall::Chat;
use mentor_trajectory::{Ending, Task};
use proptest::prelude::*;

use crate::support::{Babbler, WIDE, WordCodec, episodes, naive, summary, tasks};

fn babble(
    slots: usize,
    max_tokens: usize,
    episodes: &[Episode],
    sampling: &Sampling,
    limits: &Limits,
) -> Vec<Rollout> {
    let mut policy = Babbler::new(slots, max_tokens);
    let rollouts =
        play(&mut policy, &WordCodec::new(), &Chat::Compact, episodes, sampling, limits, "babbler")
            .expect("a babbler cannot fail");
    assert!(policy.is_empty(), "a slot was not given back");
    rollouts
}

#[test]
fn the_number_of_slots_changes_nothing() {
    let tasks = tasks(6);
    let episodes = episodes(&tasks, 8);
    let sampling = Sampling::for_training(1.0);
    let alone = babble(1, 4000, &episodes, &sampling, &WIDE);
    assert_eq!(alone.len(), episodes.len());
    for slots in [2, 3, 8, 9, 64] {
        let together = babble(slots, 4000, &episodes, &sampling, &WIDE);
        for (one, other) in alone.iter().zip(&together) {
            assert_eq!(one, other);
            assert_eq!(summary(one), summary(other), "the bits of the log-probabilities");
        }
    }
}

#[test]
fn the_order_of_the_batch_changes_nothing() {
    let tasks = tasks(5);
    let forward = episodes(&tasks, 6);
    let mut backward = forward.clone();
    backward.reverse();
    let sampling = Sampling::for_training(0.8);
    let mut turned = babble(9, 4000, &backward, &sampling, &WIDE);
    turned.reverse();
    assert_eq!(babble(9, 4000, &forward, &sampling, &WIDE), turned);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let tasks = tasks(4);
    let episodes = episodes(&tasks, 8);
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| babble(16, 4000, &episodes, &Sampling::for_training(1.0), &WIDE))
    };
    assert_eq!(with_threads(1), with_threads(2));
}

#[test]
fn samples_of_a_group_differ_by_their_seed_alone() {
    let tasks = tasks(1);
    let mut batch = episodes(&tasks, 3);
    batch[2].seed = batch[0].seed;
    let rollouts = babble(8, 4000, &batch, &Sampling::for_training(1.0), &WIDE);
    assert_ne!(rollouts[0].tokens, rollouts[1].tokens);
    assert_eq!(rollouts[0].tokens, rollouts[2].tokens);
    let greedy = babble(8, 4000, &batch, &Sampling::greedy(), &WIDE);
    assert_eq!(greedy[0].tokens, greedy[1].tokens);
}

#[test]
fn a_groups_prompt_is_computed_once() {
    let tasks = tasks(3);
    let episodes = episodes(&tasks, 8);
    let mut policy = Babbler::new(10, 4000);
    let sampling = Sampling::for_training(1.0);
    let rollouts =
        play(&mut policy, &WordCodec::new(), &Chat::Compact, &episodes, &sampling, &WIDE, "babbler").unwrap();
    // Everything but prompts is shown once per episode, except each last token, which nothing follows.
    let rest: usize = rollouts.iter().map(|rollout| rollout.tokens.len() - rollout.prompt_tokens - 1).sum();
    let prompts: usize = rollouts.iter().step_by(8).map(|rollout| rollout.prompt_tokens).sum();
    assert_eq!(policy.tokens, rest + prompts);
    assert!(policy.forks <= 3 * 7);
}

#[test]
fn slots_are_refilled_while_others_play() {
    let tasks = tasks(20);
    let episodes = episodes(&tasks, 1);
    let mut policy = Babbler::new(4, 4000);
    let sampling = Sampling::for_training(1.0);
    let rollouts =
        play(&mut policy, &WordCodec::new(), &Chat::Compact, &episodes, &sampling, &WIDE, "babbler").unwrap();
    let sampled: Vec<usize> = rollouts.iter().map(Rollout::tokens_sampled).collect();
    let waves: usize = sampled.chunks(4).map(|wave| wave.iter().copied().max().unwrap_or(0)).sum();
    assert!(policy.calls < waves, "{} calls, {waves} if each wave waited for its longest", policy.calls);
}

/// What holds of any rollout, whatever was said.
fn check(rollout: &Rollout, task: &Task, limits: &Limits, max_tokens: usize) {
    let (codec, chat) = (WordCodec::new(), Chat::Compact);
    let turns = &rollout.trajectory.turns;
    let mut expected = codec.encode(&chat.prompt(&task.tools, &task.question));
    assert_eq!(rollout.prompt_tokens, expected.len());
    for (index, turn) in turns.iter().enumerate() {
        let said: Vec<u32> = rollout
            .tokens
            .iter()
            .filter(|token| token.turn == Some(index as u16))
            .map(|token| token.id)
            .collect();
        let text = &said[..said.len() - usize::from(turn.closed)];
        assert_eq!(turn.text, codec.decode(text));
        assert!(text.iter().all(|id| !codec.stop_ids().contains(id)));
        assert!(said.len() <= limits.turn_tokens);
        expected.extend(said);
        assert!(turn.calls.iter().all(|record| record.observation.is_some() == turn.closed));
        let contents: Vec<&str> = turn
            .calls
            .iter()
            .filter_map(|record| Some(record.observation.as_ref()?.content.as_str()))
            .collect();
        assert!(contents.iter().all(|content| content.chars().count() <= limits.observation_chars));
        if index + 1 < turns.len() {
            expected.extend(codec.encode(&chat.observations(&contents)));
        }
    }
    assert_eq!(rollout.ids(), expected, "ids are prompt, turn, observations, turn, … and nothing else");
    assert!(rollout.tokens.iter().all(|token| token.logprob.is_some() == token.turn.is_some()));
    assert!(rollout.logprobs().iter().all(|logprob| *logprob <= 0.0));
    assert_eq!(turns.is_empty(), rollout.tokens_sampled() == 0);
    if let Some(last) = turns.last() {
        assert!(rollout.tokens.last().is_some_and(|token| token.logprob.is_some()));
        assert!(rollout.tokens.len() <= limits.tokens.min(max_tokens));
        let called = last.closed && !last.calls.is_empty();
        match rollout.trajectory.ending {
            Ending::Ended => assert!(last.closed && last.calls.is_empty()),
            Ending::TurnLimit => assert!(called && turns.len() == limits.turns),
            Ending::TokenLimit => assert!(!last.closed || called && turns.len() < limits.turns),
            Ending::InObservation => unreachable!("a played episode has every turn it began"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn batched_rollouts_equal_the_definition_played_one_by_one(
        shape in (1_usize..4, 1_usize..5, 1_usize..20),
        temperature in prop_oneof![Just(0.0_f32), 0.5_f32..1.5],
        limits in (0_usize..5, 0_usize..30, 0_usize..700, 0_usize..40),
        max_tokens in 60_usize..900,
        seed in any::<u64>(),
    ) {
        let (groups, samples, slots) = shape;
        let limits = Limits { turns: limits.0, turn_tokens: limits.1, tokens: limits.2, observation_chars: 200 };
        let tasks = tasks(groups);
        let mut episodes = episodes(&tasks, samples);
        for episode in &mut episodes {
            episode.seed ^= seed;
        }
        let sampling = Sampling::for_training(temperature);
        let rollouts = babble(slots, max_tokens, &episodes, &sampling, &limits);
        for (episode, rollout) in episodes.iter().zip(&rollouts) {
            prop_assert_eq!(&rollout.trajectory.id, &episode.id);
            check(rollout, episode.task, &limits, max_tokens);
            if limits.turns > 0 && limits.turn_tokens > 0 {
                prop_assert_eq!(summary(rollout), naive(episode, &sampling, &limits, max_tokens));
            } else {
                prop_assert!(rollout.trajectory.turns.is_empty());
            }
        }
    }

    #[test]
    fn short_observation_limits_hold(chars in 0_usize..12, seed in any::<u64>()) {
        let limits = Limits { observation_chars: chars, ..WIDE };
        let tasks = tasks(2);
        let mut episodes = episodes(&tasks, 4);
        for episode in &mut episodes {
            episode.seed ^= seed;
        }
        let rollouts = babble(5, 4000, &episodes, &Sampling::for_training(1.0), &limits);
        for (episode, rollout) in episodes.iter().zip(&rollouts) {
            check(rollout, episode.task, &limits, 4000);
        }
    }
}
