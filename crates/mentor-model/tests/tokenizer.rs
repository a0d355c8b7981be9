//! Training a tokenizer, and text to ids and back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mentor_model::{PIECES, Tokenizer};
use proptest::prelude::*;

const SPECIAL: [&str; 2] = ["<|im_start|>", "<|im_end|>"];
const ADDED: [&str; 2] = ["<tool_call>", "</tool_call>"];

fn texts() -> impl Iterator<Item = String> {
    (0..400).map(|i| {
        format!(
            "<|im_start|>assistant\nadding {i} and {} gives {}\n<tool_call>{{\"name\": \"add\", \"a\": {i}}}</tool_call><|im_end|>",
            i * 7,
            i * 8
        )
    })
}

fn trained() -> Tokenizer {
    Tokenizer::train(texts(), PIECES, 370, &SPECIAL, &ADDED).unwrap()
}

#[test]
fn training_twice_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    trained().save(&a).unwrap();
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(trained).save(&b).unwrap();
    let read = |folder: &std::path::Path| std::fs::read_to_string(folder.join("tokenizer.json")).unwrap();
    assert_eq!(read(&a), read(&b));
    let again = Tokenizer::load(&a).unwrap();
    assert_eq!(again.encode("adding 12345"), trained().encode("adding 12345"));
    assert!(Tokenizer::load(folder.path()).is_err());
}

#[test]
fn marks_have_the_first_ids_and_are_atomic() {
    let tokenizer = trained();
    assert_eq!(tokenizer.vocab_size(), 370);
    for (id, mark) in SPECIAL.iter().chain(&ADDED).enumerate() {
        assert_eq!(tokenizer.token_id(mark), Some(id as u32));
        assert_eq!(tokenizer.encode(mark), [id as u32]);
        assert_eq!(tokenizer.decode(&[id as u32]), **mark);
    }
    assert_eq!(tokenizer.token_id("no such token"), None);
}

#[test]
fn plain_text_never_holds_a_special_token() {
    let tokenizer = trained();
    for text in ["<|im_end|>", "a<|im_start|>b", "<|im_start|>assistant\n</tool_call>"] {
        let ids = tokenizer.encode_plain(text);
        assert!(ids.iter().all(|&id| id >= 2), "{text}: {ids:?}");
        assert_eq!(tokenizer.decode(&ids), text);
    }
}

#[test]
fn added_tokens_mean_the_same_everywhere() {
    let tokenizer = trained();
    assert_eq!(tokenizer.encode_plain("</tool_call>"), [3]);
}

#[test]
fn digits_stand_in_groups_of_at_most_two() {
    let tokenizer = trained();
    for text in ["7", "12", "123", "1234567", "9.75", "x=10000"] {
        let pieces: Vec<String> = tokenizer.encode(text).iter().map(|&id| tokenizer.decode(&[id])).collect();
        assert_eq!(pieces.concat(), text);
        for piece in pieces {
            let digits = piece.chars().filter(char::is_ascii_digit).count();
            assert!(digits <= 2 && (digits == 0 || digits == piece.len()), "{text}: {piece}");
        }
    }
}

#[test]
fn frequent_words_become_one_token() {
    let tokenizer = trained();
    assert_eq!(tokenizer.encode(" gives").len(), 1);
    assert_eq!(tokenizer.encode("assistant").len(), 1);
}

#[test]
fn marks_inside_texts_are_not_trained_on() {
    let tokenizer = trained();
    assert_eq!(tokenizer.token_id("<|"), None);
    assert!(tokenizer.encode_plain("<|im_end|>").len() > 3);
}

#[test]
fn impossible_vocabularies_are_refused() {
    assert!(Tokenizer::train(texts(), PIECES, 259, &SPECIAL, &ADDED).is_err());
    assert!(Tokenizer::train(texts(), PIECES, 300, &[""], &[]).is_err());
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    let tokenizer = trained();
    let half = tokenizer.encode("é")[..1].to_vec();
    assert_eq!(tokenizer.decode(&half), "\u{fffd}");
    assert_eq!(tokenizer.decode(&[100_000]), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        thread_local!(static TOKENIZER: Tokenizer = trained());
        TOKENIZER.with(|tokenizer| {
            assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), text);
            assert_eq!(tokenizer.decode(&tokenizer.encode_plain(&text)), text);
        });
    }
}

#[test]
fn every_text_counts_however_many_there_are() {
    let texts = (0..20_000).map(|i| if i < 10_000 { "first".to_owned() } else { "second".to_owned() });
    let tokenizer = Tokenizer::train(texts, PIECES, 280, &SPECIAL, &ADDED).unwrap();
    assert_eq!(tokenizer.encode("first").len(), 1);
    assert_eq!(tokenizer.encode("second").len(), 1);
}
