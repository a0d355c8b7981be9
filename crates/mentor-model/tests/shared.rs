//! Groups whose beginning is computed once, against the same sequences each for itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{VOCAB, bits, derivatives, ids, tiny, with_threads};
use mentor_model::{Batch, Decoder, Gradients, Model, Scored};
use proptest::prelude::*;

/// A group's sequences, and which of their tokens are scored.
type Group = Vec<(Vec<u32>, Vec<usize>)>;

/// `lengths.len()` sequences that begin with the same `prompt` tokens and go on differently for `lengths`; of what
/// is their own, two tokens in three are scored.
fn group(prompt: usize, lengths: &[usize], seed: usize) -> Group {
    let member = |(i, &length): (usize, &usize)| {
        let mut own = ids(length, seed + 7 * i + 1);
        own[0] = ((seed + i) % VOCAB) as u32;
        let whole = [ids(prompt, seed), own].concat();
        let scored = (prompt.max(1)..whole.len()).filter(|at| at % 3 != 1).collect();
        (whole, scored)
    };
    lengths.iter().enumerate().map(member).collect()
}

/// The groups with what they share kept once, and kept in each.
fn both(groups: &[Group]) -> (Batch, Batch) {
    let borrowed: Vec<Vec<Scored<'_>>> = groups
        .iter()
        .map(|group| group.iter().map(|(ids, scored)| (&ids[..], &scored[..])).collect())
        .collect();
    let shared = Batch::from_groups(borrowed.iter().map(Vec::as_slice));
    (shared, Batch::from_sequences(borrowed.into_iter().flatten()))
}

fn gradients(model: &Model, batch: &Batch) -> Gradients {
    model.logprobs(batch, 0.8).unwrap().backward(&derivatives(batch)).unwrap()
}

/// The largest difference of a gradient, relative to the largest element of its parameter's.
fn furthest(a: &Gradients, b: &Gradients) -> f32 {
    let mut most = 0.0f32;
    for ((_, a), (_, b)) in a.iter().zip(b.iter()) {
        let size = a.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
        most = a.iter().zip(b).map(|(a, b)| (a - b).abs() / size).fold(most, f32::max);
    }
    most
}

fn check(groups: &[Group]) {
    let model = Model::random(tiny(true), 3).unwrap();
    let (shared, plain) = both(groups);
    let (once, each) = (model.logprobs(&shared, 0.8).unwrap(), model.logprobs(&plain, 0.8).unwrap());
    assert_eq!(bits(&once.values), bits(&each.values));
    assert_eq!(bits(&once.entropies), bits(&each.entropies));
    assert_eq!(bits(&model.logprobs_no_grad(&shared, 0.8).unwrap().0), bits(&each.values));
    let off = furthest(&gradients(&model, &plain), &gradients(&model, &shared));
    assert!(off < 3e-5, "gradients differ by {off}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_group_shares_may_be_computed_once(
        prompt in 0usize..60,
        lengths in prop::collection::vec(1usize..40, 1..5),
        others in prop::collection::vec(1usize..9, 1..4),
    ) {
        check(&[group(prompt, &lengths, 1), group(3, &[1], 2), group(5, &others, 3)]);
    }
}

#[test]
fn a_training_batch_of_groups_gives_the_gradients_of_its_sequences() {
    let groups: Vec<Group> = (0..3).map(|seed| group(70, &[90, 31, 64, 1, 55, 90, 7, 33], seed)).collect();
    check(&groups);
    let (shared, plain) = both(&groups);
    assert!(shared.tokens() * 2 < plain.tokens());
    let model = Model::random(tiny(false), 3).unwrap();
    let (mine, twin) = (
        gradients(&model, &shared),
        model.logprobs_composed(&shared, 0.8).unwrap().backward(&derivatives(&shared)).unwrap(),
    );
    assert!(furthest(&twin, &mine) < 3e-5);
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_of_shared_gradients() {
    let groups: Vec<Group> = (0..2).map(|seed| group(40, &[60, 31, 64, 1], seed)).collect();
    let (shared, _) = both(&groups);
    let run = |threads| {
        with_threads(threads, || {
            let model = Model::random(tiny(true), 5).unwrap();
            gradients(&model, &shared).iter().map(|(_, values)| bits(values)).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert!([2, 3, 5].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn only_unscored_tokens_that_all_share_are_kept_once() {
    let of = |group: &[Scored<'_>]| Batch::from_groups([group]);
    let alike = of(&[(&[1, 2, 3], &[2]), (&[1, 2, 3], &[1])]);
    assert_eq!((alike.ids.as_slice(), alike.starts.as_slice()), (&[1, 2, 3, 2, 3][..], &[0, 1, 3][..]));
    assert_eq!(alike.scored, [2, 3]);
    // Every member keeps a token of its own, and one without company keeps all.
    assert_eq!(of(&[(&[1, 2], &[]), (&[1, 2], &[])]).ids, [1, 2, 2]);
    assert_eq!(of(&[(&[1, 2], &[])]).continues, [false]);
    assert_eq!(of(&[(&[1, 2], &[]), (&[2, 2], &[])]).continues, [false, false]);
    assert_eq!(of(&[]), Batch::default());
}

#[test]
fn families_that_break_their_rules_are_refused() {
    let good =
        Batch { ids: vec![1, 2, 3, 4], starts: vec![0, 2], scored: vec![2], continues: vec![false, true] };
    assert!(good.validate(VOCAB).is_ok());
    for (continues, scored) in
        [(vec![true, true], vec![]), (vec![false], vec![]), (vec![false, false], vec![2])]
    {
        let batch = Batch { continues, scored, ..good.clone() };
        assert!(batch.validate(VOCAB).is_err(), "{batch:?}");
    }
}

#[test]
fn slots_that_share_their_beginning_give_the_bits_of_slots_of_their_own() {
    let model = Model::random(tiny(true), 6).unwrap();
    let prompt = ids(37, 1);
    let own: Vec<Vec<u32>> = (0..5).map(|s| ids(60, s + 2)).collect();
    let mut shared = Decoder::new(&model, 6, 110).unwrap();
    let mut alone = Decoder::new(&model, 6, 110).unwrap();
    shared.extend(&[(5, &prompt)]).unwrap();
    for slot in 0..5 {
        shared.fork(5, slot);
        alone.extend(&[(slot, &prompt)]).unwrap();
    }
    shared.clear(5);
    let mut at = 0;
    // Single tokens, chunks behind the beginning, and both in one call; slot 4 leaves and comes back as a copy.
    for (step, chunk) in [1, 1, 3, 1, 26, 1, 1, 2].into_iter().enumerate() {
        let length = |slot: usize| if slot == 1 { 1 } else { chunk };
        let inputs: Vec<(usize, &[u32])> =
            own.iter().enumerate().map(|(slot, ids)| (slot, &ids[at..at + length(slot)])).collect();
        let expected = bits(alone.extend(&inputs).unwrap());
        assert_eq!(bits(shared.extend(&inputs).unwrap()), expected, "step {step}");
        for decoder in [&mut alone, &mut shared] {
            decoder.clear(4);
            decoder.fork(0, 4);
            assert_eq!((decoder.len(4), decoder.len(1)), (decoder.len(0), 38 + step));
        }
        at += chunk;
    }
    // Into the beginning, and behind it again.
    for decoder in [&mut alone, &mut shared] {
        decoder.truncate(0, 20);
        decoder.truncate(2, 40);
    }
    let inputs: [(usize, &[u32]); 3] = [(0, &[1, 2, 3]), (2, &[4]), (3, &[5])];
    assert_eq!(bits(shared.extend(&inputs).unwrap()), bits(alone.extend(&inputs).unwrap()));
    shared.truncate(0, 0);
    assert!(shared.is_empty(0) && !shared.is_empty(2));
}
