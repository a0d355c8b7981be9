//! Tasks, a policy that babbles in calls, and a way to play without any batching.

use mentor_env::execute;
use mentor_rollout::toy::ByteCodec;
use mentor_rollout::{Codec, Episode, Limits, Policy, Rng, Rollout, Sampling, derive_seed, draw};
use mentor_toolcall::{Chat, Fault, Piece, read_turn};
use mentor_trajectory::{Ending, Judge, Plan, Split, Task, ToolSpec};
use serde_json::json;

pub const WIDE: Limits = Limits { turns: 5, turn_tokens: 400, tokens: 4000, observation_chars: 200 };

/// A task of the arithmetic domain with `add` and `divide` on offer.
pub fn task(question: &str) -> Task {
    let tool = |name: &str| ToolSpec {
        name: name.into(),
        description: format!("The tool {name}."),
        parameters: json!({
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
        }),
    };
    Task {
        id: format!("task/{question}"),
        suite: "arithmetic".into(),
        split: Split::Test,
        question: question.into(),
        tools: vec![tool("add"), tool("divide")],
        answer: "5".into(),
        judge: Judge::Answer,
        plans: vec![Plan { calls: vec![] }],
        world: serde_json::Value::Null,
    }
}

pub fn call(name: &str, arguments: &str) -> String {
    format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
}

/// Bytes, special tokens, and words that make a random walk through the vocabulary talk in calls.
pub struct WordCodec {
    bytes: ByteCodec,
    words: Vec<String>,
}

impl WordCodec {
    pub fn new() -> WordCodec {
        let words = vec![
            call("add", r#"{"a": 2, "b": 3}"#),
            call("divide", r#"{"a": 1, "b": 0}"#),
            call("add", r#"{"a": 2, "b": 3,}"#),
            call("teleport", "{}"),
            "<tool_call>\n{\"name\": \"add\", \"argum".to_owned(),
            "<tool_call>what?</tool_call>".to_owned(),
            " so ".to_owned(),
            "\\boxed{5}".to_owned(),
            "<think>".to_owned(),
            "</think>".to_owned(),
            "<|im_start|>user\n".to_owned(),
        ];
        WordCodec { bytes: ByteCodec::new(), words }
    }

    pub fn vocab_size(&self) -> usize {
        self.bytes.vocab_size() + self.words.len()
    }
}

impl Codec for WordCodec {
    fn encode(&self, pieces: &[Piece]) -> Vec<u32> {
        self.bytes.encode(pieces)
    }

    fn decode(&self, ids: &[u32]) -> String {
        let word =
            |id: u32| (id as usize).checked_sub(self.bytes.vocab_size()).and_then(|i| self.words.get(i));
        let mut text = String::new();
        for run in ids.chunk_by(|a, b| word(*a).is_none() && word(*b).is_none()) {
            match word(run[0]) {
                Some(spelled) => text.push_str(spelled),
                None => text.push_str(&self.bytes.decode(run)),
            }
        }
        text
    }

    fn stop_ids(&self) -> &[u32] {
        self.bytes.stop_ids()
    }
}

/// A policy whose logits are a hash of the slot's tokens: words and stop tokens likely, bytes now and then.
///
/// It asserts what [`Policy`] promises its implementers: chunks are not empty, slots are in range, occur
/// once, and are never overfilled.
pub struct Babbler {
    vocab: usize,
    max_tokens: usize,
    slots: Vec<Vec<u32>>,
    logits: Vec<f32>,
    pub calls: usize,
    pub tokens: usize,
    pub forks: usize,
}

impl Babbler {
    pub fn new(slots: usize, max_tokens: usize) -> Babbler {
        let vocab = WordCodec::new().vocab_size();
        let slots = vec![vec![1, 2, 3]; slots];
        Babbler { vocab, max_tokens, slots, logits: Vec::new(), calls: 0, tokens: 0, forks: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Vec::is_empty)
    }

    /// The logits after these tokens.
    pub fn logits(vocab: usize, said: &[u32]) -> Vec<f32> {
        let parts: Vec<u64> = said.iter().map(|&id| u64::from(id)).collect();
        let mut rng = Rng::new(derive_seed(&parts));
        let bias = |id: usize| if id >= 257 { 0.0 } else { -7.0 };
        (0..vocab).map(|id| (rng.uniform() * 4.0) as f32 + bias(id)).collect()
    }
}

impl Policy for Babbler {
    type Error = std::convert::Infallible;

    fn vocab_size(&self) -> usize {
        self.vocab
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn extend(&mut self, inputs: &[(usize, &[u32])]) -> Result<&[f32], Self::Error> {
        self.calls += 1;
        self.logits.clear();
        for (row, &(slot, chunk)) in inputs.iter().enumerate() {
            assert!(!chunk.is_empty(), "an empty chunk");
            assert!(inputs[..row].iter().all(|(other, _)| *other != slot), "slot {slot} twice");
            self.tokens += chunk.len();
            self.slots[slot].extend_from_slice(chunk);
            assert!(self.slots[slot].len() <= self.max_tokens, "slot {slot} overfilled");
            self.logits.extend(Self::logits(self.vocab, &self.slots[slot]));
        }
        Ok(&self.logits)
    }

    /// By the definition, in f64: not to the bit what [`draw`] gives, as a model's own arithmetic is not.
    fn logprob(logits: &[f32], token: u32, temperature: f32) -> f32 {
        let scaled = |id: usize| f64::from(logits[id]) / f64::from(temperature);
        let total: f64 = (0..logits.len()).map(|id| scaled(id).exp()).sum();
        (scaled(token as usize) - total.ln()) as f32
    }

    fn fork(&mut self, from: usize, to: usize) {
        assert_ne!(from, to);
        assert!(!self.slots[from].is_empty(), "a fork of nothing");
        self.forks += 1;
        self.slots[to] = self.slots[from].clone();
    }

    fn clear(&mut self, slot: usize) {
        self.slots[slot].clear();
    }
}

pub fn episodes(tasks: &[Task], samples: usize) -> Vec<Episode<'_>> {
    let episode = |(group, sample): (usize, usize)| Episode {
        id: format!("{group}/{sample}"),
        task: &tasks[group],
        seed: derive_seed(&[group as u64, sample as u64]),
        group,
    };
    (0..tasks.len()).flat_map(|group| (0..samples).map(move |sample| (group, sample))).map(episode).collect()
}

pub fn tasks(count: usize) -> Vec<Task> {
    (0..count).map(|index| task(&format!("{}{index}?", "What".repeat(index % 4)))).collect()
}

/// What [`naive`] finds: (id, log-probability bits) of every token, the turns' texts, the ending.
pub type Played = (Vec<(u32, Option<u32>)>, Vec<String>, Ending);

/// The same summary of a rollout.
pub fn summary(rollout: &Rollout) -> Played {
    let tokens = rollout.tokens.iter().map(|token| (token.id, token.logprob.map(f32::to_bits))).collect();
    let texts = rollout.trajectory.turns.iter().map(|turn| turn.text.clone()).collect();
    (tokens, texts, rollout.trajectory.ending)
}

/// Plays one episode of a [`Babbler`] by the definition: no slots, no batches, every prefix computed anew.
pub fn naive(episode: &Episode, sampling: &Sampling, limits: &Limits, max_tokens: usize) -> Played {
    let (codec, chat) = (WordCodec::new(), Chat::Compact);
    let room = limits.tokens.min(max_tokens);
    let mut ids = codec.encode(&chat.prompt(&episode.task.tools, &episode.task.question));
    let mut tokens: Vec<(u32, Option<u32>)> = ids.iter().map(|&id| (id, None)).collect();
    let mut texts = Vec::new();
    for turn in 0..limits.turns {
        let mut rng = Rng::new(derive_seed(&[episode.seed, turn as u64]));
        let mut said = Vec::new();
        let closed = loop {
            if ids.len() >= room || said.len() >= limits.turn_tokens {
                break false;
            }
            let logits = Babbler::logits(codec.vocab_size(), &ids);
            let drawn = draw(&logits, sampling, rng.uniform()).expect("finite logits");
            ids.push(drawn.id);
            let logprob = Babbler::logprob(&logits, drawn.id, sampling.softmax_temperature());
            tokens.push((drawn.id, Some(logprob.to_bits())));
            if codec.stop_ids().contains(&drawn.id) {
                break true;
            }
            said.push(drawn.id);
        };
        if !closed && said.is_empty() {
            return (tokens, texts, Ending::TokenLimit);
        }
        let read = read_turn(&codec.decode(&said), closed);
        texts.push(read.text.clone());
        if !closed {
            return (tokens, texts, Ending::TokenLimit);
        }
        if read.calls.is_empty() {
            return (tokens, texts, Ending::Ended);
        }
        if turn + 1 == limits.turns {
            break;
        }
        let observations: Vec<String> = read
            .calls
            .iter()
            .map(|record| match record.lenient() {
                Some(call) => execute(episode.task, call).content,
                None => format!("error: the call could not be read: {}", refusals(&record.faults)),
            })
            .collect();
        let contents: Vec<&str> = observations.iter().map(String::as_str).collect();
        let observed = codec.encode(&chat.observations(&contents));
        if ids.len() + observed.len() >= room {
            return (tokens, texts, Ending::TokenLimit);
        }
        tokens.extend(observed.iter().map(|&id| (id, None)));
        ids.extend(observed);
    }
    (tokens, texts, Ending::TurnLimit)
}

fn refusals(faults: &[String]) -> String {
    let refuses =
        |name: &&String| Fault::ALL.iter().any(|fault| fault.name() == **name && !fault.is_repair());
    let words: Vec<String> = faults.iter().filter(refuses).map(|name| name.replace('_', " ")).collect();
    words.join(", ")
}
