//! Sampling and training give the same log-probabilities: the largest difference is stated in bits, and is none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{VOCAB, ids, models, with_threads};
use mentor_model::{Batch, Decoder, Model, token_logprob};

/// How many floats lie between two, `u32::MAX` if one is no number.
fn apart(a: f32, b: f32) -> u32 {
    let place = |x: f32| {
        let magnitude = (x.to_bits() & 0x7fff_ffff).cast_signed();
        if x.is_sign_negative() { -magnitude } else { magnitude }
    };
    if a.is_nan() || b.is_nan() { u32::MAX } else { place(a).abs_diff(place(b)) }
}

/// The largest distance between two rows of numbers.
fn furthest(a: &[f32], b: &[f32]) -> u32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| apart(a, b)).max().unwrap_or(0)
}

/// An episode as token ids: turns of the student, each after a prompt or an observation.
struct Episode {
    ids: Vec<u32>,
    /// Ids that come in one piece, and how many are then sampled one by one.
    turns: Vec<(usize, usize)>,
}

/// Episodes of very different lengths, from one turn to three.
fn episodes() -> Vec<Episode> {
    (0..24)
        .map(|e| {
            let turns: Vec<(usize, usize)> =
                (0..=e % 3).map(|t| (1 + (e * 7 + t * 31) % 50, 1 + (e + t * 5) % 9)).collect();
            Episode { ids: ids(turns.iter().map(|(given, sampled)| given + sampled).sum(), e), turns }
        })
        .collect()
}

impl Episode {
    /// Indices of the sampled tokens.
    fn sampled(&self) -> Vec<usize> {
        let mut end = 0;
        let mut all = Vec::new();
        for &(given, sampled) in &self.turns {
            all.extend(end + given..end + given + sampled);
            end += given + sampled;
        }
        all
    }

    /// What the decoder gets of it, chunk by chunk: every chunk but the last predicts a sampled token.
    fn chunks(&self) -> Vec<&[u32]> {
        let sampled = self.sampled();
        let mut start = 0;
        let next = |&end: &usize| {
            let chunk = &self.ids[start..end];
            start = end;
            chunk
        };
        sampled.iter().map(next).collect()
    }
}

/// Log-probabilities as rollouts store them: seven slots, each taking the next episode when one ends.
fn sample(model: &Model, episodes: &[Episode], temperature: f32) -> Vec<Vec<f32>> {
    let mut decoder = Decoder::new(model, 7, 256).unwrap();
    let mut values = vec![Vec::new(); episodes.len()];
    let mut slots: Vec<Option<usize>> = vec![None; 7];
    let mut waiting = 0..episodes.len();
    loop {
        for (slot, place) in slots.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            decoder.clear(slot);
            *place = waiting.next();
        }
        let running: Vec<(usize, usize)> =
            slots.iter().enumerate().filter_map(|(slot, place)| Some((slot, (*place)?))).collect();
        if running.is_empty() {
            return values;
        }
        let inputs: Vec<(usize, &[u32])> =
            running.iter().map(|&(slot, e)| (slot, episodes[e].chunks()[values[e].len()])).collect();
        let logits = decoder.extend(&inputs).unwrap();
        for (&(slot, e), row) in running.iter().zip(logits.chunks_exact(VOCAB)) {
            let sampled = episodes[e].sampled();
            let token = episodes[e].ids[sampled[values[e].len()]];
            values[e].push(token_logprob(row, token, temperature).unwrap().logprob);
            if values[e].len() == sampled.len() {
                slots[slot] = None;
            }
        }
    }
}

#[test]
fn multi_turn_rollouts_of_every_family_differ_from_training_by_no_bit() {
    let episodes = episodes();
    let sampled: Vec<Vec<usize>> = episodes.iter().map(Episode::sampled).collect();
    let batch =
        Batch::from_sequences(episodes.iter().zip(&sampled).map(|(e, sampled)| (&e.ids[..], &sampled[..])));
    for (of, model) in models(4) {
        let trained = model.logprobs(&batch, 0.9).unwrap().values;
        for threads in [1, 2] {
            let values = with_threads(threads, || sample(&model, &episodes, 0.9)).concat();
            assert_eq!(furthest(&values, &trained), 0, "{of}, {threads} threads: floats apart");
        }
    }
}

#[test]
fn decoding_in_chunks_gives_the_logits_of_training() {
    for (of, model) in models(3) {
        let text = ids(150, 1);
        let batch = Batch::from_whole_sequences([&text[..]]);
        let whole: Vec<Vec<f32>> = model.logits(&batch).unwrap().to_vec2().unwrap();
        let mut decoder = Decoder::new(&model, 3, 160).unwrap();
        let (mut largest, mut at) = (0, 0);
        for len in [5, 1, 1, 30, 1, 64, 1, 2] {
            let logits = decoder.extend(&[(1, &text[at..at + len]), (0, &text[..1])]).unwrap();
            at += len;
            largest = largest.max(furthest(&whole[at - 1], &logits[..VOCAB]));
            largest = largest.max(furthest(&whole[0], &logits[VOCAB..]));
            decoder.clear(0);
        }
        decoder.fork(1, 2);
        let both = decoder.extend(&[(2, &text[at..at + 3]), (1, &text[at..=at])]).unwrap();
        largest = largest.max(furthest(&whole[at + 2], &both[..VOCAB]));
        largest = largest.max(furthest(&whole[at], &both[VOCAB..]));
        assert_eq!((decoder.len(0), decoder.len(1), decoder.len(2)), (0, at + 1, at + 3));
        assert_eq!(largest, 0, "{of}: floats apart");
    }
}

#[test]
fn a_call_too_large_for_one_pass_gives_the_logits_of_each_sequence() {
    let (_, model) = models(5).swap_remove(0);
    let texts: Vec<Vec<u32>> = [700, 600, 1100, 3, 40].map(|len| ids(len, len)).into();
    for threads in [1, 2] {
        let inputs: Vec<(usize, &[u32])> = texts.iter().map(Vec::as_slice).enumerate().collect();
        let together = with_threads(threads, || {
            Decoder::new(&model, texts.len(), 1100).unwrap().extend(&inputs).unwrap().to_vec()
        });
        for (text, logits) in texts.iter().zip(together.chunks(VOCAB)) {
            let mut decoder = Decoder::new(&model, 1, 1100).unwrap();
            assert_eq!(furthest(decoder.extend(&[(0, text)]).unwrap(), logits), 0, "{} tokens", text.len());
        }
    }
}
