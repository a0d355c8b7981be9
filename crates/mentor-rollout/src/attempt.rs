//! One episode while it is played: tokens come in one at a time, and each says what to do next.

use mentor_toolcall::{Chat, Fault, read_turn};
use mentor_trajectory::{CallRecord, Ending, Observation, Trajectory, Turn};

use crate::{Asked, Codec, Draw, Episode, Limits, Rng, Rollout, Token, derive_seed};

/// What all episodes of a batch share.
pub(crate) struct Rules<'a, C> {
    pub(crate) codec: &'a C,
    pub(crate) chat: &'a Chat,
    pub(crate) limits: &'a Limits,
    /// Tokens a sequence may have: the limit, or what a slot holds if that is less.
    pub(crate) capacity: usize,
    pub(crate) source: &'a str,
}

/// What follows a token.
pub(crate) enum Next {
    /// The model is to be shown these tokens (the last one sampled first) and to go on.
    Feed(Vec<u32>),
    /// The turn's calls are to be carried out.
    Call,
    /// The episode is over.
    Over(Ending),
}

/// An episode under way.
pub(crate) struct Attempt<'a> {
    episode: &'a Episode<'a>,
    tokens: Vec<Token>,
    prompt_tokens: usize,
    turns: Vec<Turn>,
    /// Where in `tokens` the current turn begins.
    turn_start: usize,
    rng: Rng,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(episode: &'a Episode<'a>, prompt: &[u32]) -> Attempt<'a> {
        Attempt {
            episode,
            tokens: prompt.iter().map(|&id| Token::given(id)).collect(),
            prompt_tokens: prompt.len(),
            turns: Vec::new(),
            turn_start: prompt.len(),
            rng: turn_rng(episode, 0),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.episode.id
    }

    /// The ending of an episode that cannot begin: no turn is allowed, or no token fits behind the prompt.
    pub(crate) fn cannot_begin<C>(&self, rules: &Rules<C>) -> Option<Ending> {
        if rules.limits.turns == 0 {
            return Some(Ending::TurnLimit);
        }
        let no_room = self.tokens.len() >= rules.capacity || rules.limits.turn_tokens == 0;
        // Without a single token there is nothing to condition on, and no model to ask.
        (no_room || self.tokens.is_empty()).then_some(Ending::TokenLimit)
    }

    /// The random number of the next token: the n-th of its turn.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.rng.uniform()
    }

    /// Appends a sampled token; if it completes the turn, reads the turn.
    pub(crate) fn advance<C: Codec>(&mut self, draw: Draw, rules: &Rules<C>) -> Next {
        let turn = Some(self.turns.len().min(usize::from(u16::MAX)) as u16);
        self.tokens.push(Token { id: draw.id, logprob: Some(draw.logprob), turn });
        let closed = rules.codec.stop_ids().contains(&draw.id);
        let turn_tokens = self.tokens.len() - self.turn_start;
        if !closed && turn_tokens < rules.limits.turn_tokens && self.tokens.len() < rules.capacity {
            return Next::Feed(vec![draw.id]);
        }
        self.end_turn(closed, rules)
    }

    fn end_turn<C: Codec>(&mut self, closed: bool, rules: &Rules<C>) -> Next {
        let end = self.tokens.len() - usize::from(closed);
        let ids: Vec<u32> = self.tokens[self.turn_start..end].iter().map(|token| token.id).collect();
        let turn = read_turn(&rules.codec.decode(&ids), closed);
        let called = !turn.calls.is_empty();
        self.turns.push(turn);
        match (closed, called) {
            (false, _) => Next::Over(Ending::TokenLimit),
            (true, false) => Next::Over(Ending::Ended),
            (true, true) => Next::Call,
        }
    }

    /// The calls of the last turn that leave one reading, in order.
    pub(crate) fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        let turn = self.turns.len().saturating_sub(1);
        let calls =
            self.turns.last().into_iter().flat_map(|turn| &turn.calls).filter_map(CallRecord::lenient);
        calls.map(move |call| Asked { episode: &self.episode.id, turn, task: self.episode.task, call })
    }

    /// Takes the observations of the calls [asked](Self::asked) for, and goes on.
    pub(crate) fn answered<C: Codec>(&mut self, observations: Vec<Observation>, rules: &Rules<C>) -> Next {
        if let Some(turn) = self.turns.last_mut() {
            answer(turn, observations, rules.limits.observation_chars);
        }
        if self.turns.len() >= rules.limits.turns.min(usize::from(u16::MAX)) {
            return Next::Over(Ending::TurnLimit);
        }
        self.observe(rules)
    }

    /// Appends the observations of the last turn and begins the next one, if a token still fits behind them.
    fn observe<C: Codec>(&mut self, rules: &Rules<C>) -> Next {
        let records = self.turns.last().map_or(&[][..], |turn| &turn.calls);
        let contents: Vec<&str> =
            records.iter().filter_map(|record| Some(record.observation.as_ref()?.content.as_str())).collect();
        let observed = rules.codec.encode(&rules.chat.observations(&contents));
        if self.tokens.len() + observed.len() >= rules.capacity {
            return Next::Over(Ending::TokenLimit);
        }
        // The stop token was sampled but not shown to the model yet.
        let stop = self.tokens.last().map(|token| token.id);
        let feed = stop.into_iter().chain(observed.iter().copied()).collect();
        self.tokens.extend(observed.into_iter().map(Token::given));
        self.turn_start = self.tokens.len();
        self.rng = turn_rng(self.episode, self.turns.len());
        Next::Feed(feed)
    }

    pub(crate) fn finish(self, ending: Ending, source: &str) -> Rollout {
        let trajectory = Trajectory {
            id: self.episode.id.clone(),
            task_id: self.episode.task.id.clone(),
            source: source.to_owned(),
            turns: self.turns,
            ending,
        };
        Rollout {
            trajectory,
            tokens: self.tokens,
            prompt_tokens: self.prompt_tokens,
            group: self.episode.group,
        }
    }
}

fn turn_rng(episode: &Episode, turn: usize) -> Rng {
    Rng::new(derive_seed(&[episode.seed, turn as u64]))
}

/// Gives every call of the turn its observation, in order: the tool's, or what is wrong with an unreadable call.
fn answer(turn: &mut Turn, observations: Vec<Observation>, most_chars: usize) {
    let mut observations = observations.into_iter();
    for record in &mut turn.calls {
        let given = record.lenient().and_then(|_| observations.next());
        let observation = given.unwrap_or_else(|| Observation { content: unreadable(record), ok: false });
        record.observation =
            Some(Observation { content: cut(observation.content, most_chars), ..observation });
    }
}

/// What the model is told about a call that cannot be executed: short, and naming the faults that made it so.
fn unreadable(record: &CallRecord) -> String {
    const FAULTS_NAMED: usize = 3;
    let is_repair = |name: &str| Fault::ALL.iter().any(|fault| fault.name() == name && fault.is_repair());
    let named: Vec<String> = record
        .faults
        .iter()
        .filter(|fault| !is_repair(fault))
        .take(FAULTS_NAMED)
        .map(|fault| fault.replace('_', " "))
        .collect();
    if named.is_empty() {
        return "error: the call could not be read".to_owned();
    }
    format!("error: the call could not be read: {}", named.join(", "))
}

/// At most so many characters; the last one is `…` if any are missing, so that half a number never looks whole.
fn cut(content: String, most_chars: usize) -> String {
    if content.chars().nth(most_chars).is_none() {
        return content;
    }
    let mut kept: String = content.chars().take(most_chars.saturating_sub(1)).collect();
    if most_chars > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
