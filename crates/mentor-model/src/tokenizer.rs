//! Text to token ids and back.

use crate::checkpoint::write_atomically;
use crate::{Error, Result};
use serde_json::{Value, json};
use std::path::Path;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{AddedToken, Tokenizer as HfTokenizer, Trainer as _};

/// A Hugging Face `tokenizer.json`, with two ways to read text: with its special tokens, and with none.
#[derive(Debug)]
pub struct Tokenizer {
    full: HfTokenizer,
    /// The same with special tokens read as text. Added tokens that are not special mean the same everywhere.
    plain: HfTokenizer,
    json: String,
    ids: usize,
}

/// A usual way to cut text before merging: digits in groups of at most two, letters and punctuation with a
/// leading space if there is one, whitespace.
pub const PIECES: &str = r"\p{N}{1,2}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

fn error(source: impl std::fmt::Display) -> Error {
    Error::Tokenizer(source.to_string())
}

impl Tokenizer {
    /// Reads `tokenizer.json`, given the file or its folder.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = if path.is_dir() { path.join("tokenizer.json") } else { path.to_path_buf() };
        let text = std::fs::read_to_string(&file).map_err(Error::io(&file))?;
        Self::from_json(&text).map_err(|e| Error::file(&file, e.to_string()))
    }

    /// Reads the text of a `tokenizer.json`.
    pub fn from_json(text: &str) -> Result<Self> {
        let full: HfTokenizer = text.parse().map_err(error)?;
        let mut plain = full.clone();
        plain.set_encode_special_tokens(true);
        let ids = full.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        Ok(Self { full, plain, json: text.to_owned(), ids })
    }

    /// Writes `tokenizer.json` into a folder, made if need be: the text it was read from, or trained as.
    pub fn save(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        write_atomically(&dir.join("tokenizer.json"), self.json.as_bytes())
    }

    /// Trains byte-level BPE on texts, up to `vocab_size` ids in all: first the `special` tokens, then the
    /// `added` ones (atomic as well, but not marked special: tool-call tags, for instance), the 256 bytes, and
    /// merges.
    ///
    /// `pieces` is the regular expression whose matches are merged within, never across ([`PIECES`] if nothing
    /// speaks against it). Special and added tokens inside the texts separate them and are not trained on. The
    /// same texts give the same file.
    pub fn train(
        texts: impl Iterator<Item = String> + Send,
        pieces: &str,
        vocab_size: usize,
        special: &[&str],
        added: &[&str],
    ) -> Result<Self> {
        let marks: Vec<&str> = special.iter().chain(added).copied().collect();
        if marks.iter().any(|mark| mark.is_empty()) {
            return Err(error("a special token is empty"));
        }
        if vocab_size < marks.len() + 256 {
            return Err(error(format!(
                "a vocabulary of {vocab_size} has no room for 256 bytes and {} marks",
                marks.len()
            )));
        }
        let tokens: Vec<AddedToken> =
            marks.iter().map(|mark| AddedToken::from(*mark, true).normalized(false)).collect();
        let mut trainer = BpeTrainerBuilder::new()
            .vocab_size(vocab_size)
            .min_frequency(2)
            .show_progress(false)
            .special_tokens(tokens.clone())
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        let pieces = Split::new(SplitPattern::Regex(pieces.into()), SplitDelimiterBehavior::Isolated, false)
            .map_err(error)?;
        let bytes = ByteLevel::new(false, false, false);
        let mut full = HfTokenizer::new(BPE::default());
        full.with_pre_tokenizer(Some(Sequence::new(vec![pieces.into(), bytes.into()])));
        full.with_decoder(Some(bytes));
        // In one go: the trainer forgets what it was fed before.
        let splitter = full.clone();
        let parts = texts.flat_map(|text| between(&text, &marks));
        trainer.feed(parts, |text| words(&splitter, text)).map_err(error)?;
        let mut model = BPE::default();
        trainer.train(&mut model).map_err(error)?;
        full.with_model(model);
        full.add_special_tokens(tokens).map_err(error)?;
        let mut value: Value = serde_json::from_str(&full.to_string(false).map_err(error)?).map_err(error)?;
        if let Some(entries) = value.get_mut("added_tokens").and_then(Value::as_array_mut) {
            for entry in entries.iter_mut().skip(special.len()) {
                entry["special"] = json!(false);
            }
        }
        Self::from_json(&format!("{value:#}\n"))
    }

    /// The ids of a text in which special and added tokens mean themselves.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        ids(&self.full, text)
    }

    /// The ids of a text in which nothing is special: the characters of a special token are characters.
    pub fn encode_plain(&self, text: &str) -> Vec<u32> {
        ids(&self.plain, text)
    }

    /// The text of ids, special tokens included. Bytes that are not UTF-8 become `U+FFFD`; ids that do not
    /// exist, nothing.
    pub fn decode(&self, ids: &[u32]) -> String {
        // Fails only for decoders that need their tokens in a certain order; those have nothing to show then.
        self.full.decode(ids, false).unwrap_or_default()
    }

    /// The id of a token, special or not, by its text as the file spells it.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.full.token_to_id(token)
    }

    /// The largest id and one: what a model's vocabulary must at least have.
    pub fn vocab_size(&self) -> usize {
        self.ids
    }
}

fn ids(tokenizer: &HfTokenizer, text: &str) -> Vec<u32> {
    // Encoding can fail only where a vocabulary has neither a token nor an unknown token for some input, which
    // the 256 bytes of a byte-level vocabulary rule out.
    tokenizer.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()).unwrap_or_default()
}

/// The pieces a text is cut into before merges.
fn words(tokenizer: &HfTokenizer, text: &str) -> tokenizers::Result<Vec<String>> {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};
    let mut pieces = PreTokenizedString::from(text);
    if let Some(cut) = tokenizer.get_pre_tokenizer() {
        cut.pre_tokenize(&mut pieces)?;
    }
    let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Ok(splits.into_iter().map(|(text, _, _)| text.to_owned()).collect())
}

/// The parts of a text between marks; where two marks start, the longer one counts.
fn between(text: &str, marks: &[&str]) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let found = marks
            .iter()
            .filter_map(|mark| rest.find(mark).map(|at| (at, std::cmp::Reverse(mark.len()))))
            .min();
        let Some((at, std::cmp::Reverse(len))) = found else { break };
        parts.push(rest[..at].to_owned());
        rest = &rest[at + len..];
    }
    parts.push(rest.to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}
