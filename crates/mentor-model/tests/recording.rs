//! What sampling recorded, and what is computed again, against a forward pass that keeps everything: the same bits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{bits, derivatives, ids, models, ragged, tiny, with_threads};
use mentor_model::{AdamW, AdamWConfig, Batch, Decoder, Model, PassOptions, Recording, Scored};

const PROMPTS: [usize; 3] = [37, 5, 1];
const MEMBERS: usize = 4;

/// A member of a group as it is played: single tokens, two observations of several, single tokens again. The last member
/// ends with its first token.
fn own(group: usize, member: usize) -> Vec<u32> {
    ids(if member == MEMBERS - 1 { 1 } else { 33 + 9 * member }, 10 * group + member + 1)
}

/// Plays groups in slots as rollouts do, and records them. The last token of a member is never shown.
fn play(model: &Model, bytes: usize) -> Recording {
    let mut decoder = Decoder::new(model, PROMPTS.len() * MEMBERS, 120).unwrap().recording(bytes);
    let prompts = PROMPTS.map(|length| ids(length, length));
    let prefills: Vec<(usize, &[u32])> =
        prompts.iter().enumerate().map(|(group, ids)| (group * MEMBERS, &ids[..])).collect();
    decoder.extend(&prefills).unwrap();
    let members: Vec<Vec<u32>> =
        (0..PROMPTS.len() * MEMBERS).map(|i| own(i / MEMBERS, i % MEMBERS)).collect();
    for slot in (0..members.len()).filter(|slot| slot % MEMBERS > 0 && members[*slot].len() > 1) {
        decoder.fork(slot / MEMBERS * MEMBERS, slot);
    }
    let mut at = 0;
    for chunk in [1, 1, 7, 1, 30, 1, 1, 1].into_iter().chain([1; 20]) {
        let rest = |ids: &Vec<u32>| at..(at + chunk).min(ids.len() - 1);
        let inputs: Vec<(usize, &[u32])> = members
            .iter()
            .enumerate()
            .filter(|(_, ids)| at + 1 < ids.len())
            .map(|(slot, ids)| (slot, &ids[rest(ids)]))
            .collect();
        decoder.extend(&inputs).unwrap();
        at += chunk;
    }
    for slot in 0..members.len() {
        decoder.clear(slot);
    }
    decoder.into_recording().unwrap()
}

/// Whether a member's token was sampled rather than observed.
fn sampled(at: usize) -> bool {
    !(3..9).contains(&at) && !(11..40).contains(&at)
}

/// A group as a training batch, its members' sampled tokens scored, but for the member that ended at once.
fn batch(group: usize, scored: fn(usize) -> bool) -> Batch {
    let prompt = ids(PROMPTS[group], PROMPTS[group]);
    let members: Vec<(Vec<u32>, Vec<usize>)> = (0..MEMBERS - 1)
        .map(|member| {
            let ids = [prompt.clone(), own(group, member)].concat();
            let scored = (prompt.len()..ids.len()).filter(|at| scored(at - prompt.len())).collect();
            (ids, scored)
        })
        .collect();
    let scored: Vec<Scored<'_>> = members.iter().map(|(ids, scored)| (&ids[..], &scored[..])).collect();
    Batch::from_groups([&scored[..]])
}

type Bits = (Vec<u32>, Vec<u32>, Vec<Vec<u32>>);

/// Log-probabilities, entropies and gradients.
fn trained(model: &Model, batch: &Batch, options: PassOptions<'_>) -> Bits {
    let logprobs = model.logprobs_with(batch, 0.8, options).unwrap();
    let (values, entropies) = (bits(&logprobs.values), bits(&logprobs.entropies));
    let gradients = logprobs.backward(&derivatives(batch)).unwrap();
    (values, entropies, gradients.iter().map(|(_, values)| bits(values)).collect())
}

#[test]
fn recorded_sequences_give_the_bits_of_a_forward_pass_of_their_own() {
    for (name, model) in models(4) {
        let mut recording = play(&model, usize::MAX);
        for group in 0..PROMPTS.len() {
            let batch = batch(group, sampled);
            assert!(recording.has(&batch), "{name}");
            let found =
                trained(&model, &batch, PassOptions { recording: Some(&mut recording), recompute: false });
            assert!(!recording.has(&batch), "{name}: each sequence is good for one call");
            assert!(found == trained(&model, &batch, PassOptions::default()), "{name}, group {group}");
        }
    }
}

#[test]
fn a_batch_that_is_not_all_recorded_is_computed() {
    let model = Model::random(tiny(true), 4).unwrap();
    for bytes in [0, 100_000, 200_000] {
        let mut recording = play(&model, bytes);
        let all: Vec<bool> = (0..PROMPTS.len()).map(|group| recording.has(&batch(group, sampled))).collect();
        assert!(!all.iter().all(|&whole| whole), "{bytes} bytes are too few for all");
        for group in 0..PROMPTS.len() {
            let options = PassOptions { recording: Some(&mut recording), recompute: false };
            let expected = trained(&model, &batch(group, sampled), PassOptions::default());
            assert!(trained(&model, &batch(group, sampled), options) == expected);
        }
    }
}

#[test]
fn gates_are_given_up_before_sequences_and_computed_again() {
    for (name, model) in models(4) {
        let has_all =
            |recording: &Recording| (0..PROMPTS.len()).all(|group| recording.has(&batch(group, sampled)));
        // From just enough room for every sequence on: for no gates, for some, for all.
        let least = (1..500).find(|i| has_all(&play(&model, i * 20_000))).unwrap();
        for bytes in (least..2 * least + 2).step_by(least / 5 + 1).map(|i| i * 20_000) {
            let mut recording = play(&model, bytes);
            for group in 0..PROMPTS.len() {
                let batch = batch(group, sampled);
                let options = PassOptions { recording: Some(&mut recording), recompute: false };
                let found = trained(&model, &batch, options);
                assert!(!recording.has(&batch), "{name}: used");
                assert!(found == trained(&model, &batch, PassOptions::default()), "{name}, group {group}");
            }
        }
    }
}

#[test]
fn a_token_that_was_observed_is_not_scored_from_what_was_recorded() {
    let model = Model::random(tiny(true), 4).unwrap();
    let mut recording = play(&model, usize::MAX);
    let batch = batch(0, |_| true);
    assert!(!recording.has(&batch));
    let found = trained(&model, &batch, PassOptions { recording: Some(&mut recording), recompute: false });
    assert!(found == trained(&model, &batch, PassOptions::default()));
}

#[test]
fn nothing_recorded_outlives_an_update_or_serves_another_model() {
    let model = Model::random(tiny(true), 4).unwrap();
    let other = model.duplicate().unwrap();
    let (first, second) = (batch(0, sampled), batch(1, sampled));
    let mut recording = play(&model, usize::MAX);
    let gradients = model.logprobs(&first, 1.0).unwrap().backward(&derivatives(&first)).unwrap();
    AdamW::new(&model, AdamWConfig::default()).step(&model, &gradients, 0.1).unwrap();
    for (model, batch) in [(&model, &first), (&other, &second)] {
        let found = trained(model, batch, PassOptions { recording: Some(&mut recording), recompute: false });
        assert!(recording.has(batch) && found == trained(model, batch, PassOptions::default()));
    }
}

#[test]
fn recomputed_activations_give_the_bits_of_kept_ones() {
    for (name, model) in models(4) {
        for batch in [ragged(), batch(0, sampled)] {
            let options = PassOptions { recompute: true, recording: None };
            let found = trained(&model, &batch, options);
            assert!(found == trained(&model, &batch, PassOptions::default()), "{name}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_what_is_recorded() {
    let run = |threads| {
        with_threads(threads, || {
            let model = Model::random(tiny(true), 4).unwrap();
            let mut recording = play(&model, usize::MAX);
            trained(
                &model,
                &batch(0, sampled),
                PassOptions { recording: Some(&mut recording), recompute: false },
            )
        })
    };
    let one = run(1);
    assert!([2, 3, 5].into_iter().all(|threads| run(threads) == one));
}
