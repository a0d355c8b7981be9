//! Continuous batching: whoever has tokens to be shown is in the next call of the model.

use mentor_toolcall::Chat;
use mentor_trajectory::{Ending, Observation};
use rayon::prelude::*;

use crate::attempt::{Attempt, Next, Rules};
use crate::queue::{First, Newcomer, Queue};
use crate::sampling::draw_from;
use crate::{Asked, BuiltIn, Codec, Episode, Error, Limits, Policy, Rollout, Sampling, Tools};

/// Where a seat's next logits are.
#[derive(Clone, Copy)]
enum Source {
    /// Row of the model's last answer.
    Row(usize),
    /// The row kept of the parked prompt.
    Parked,
}

/// An episode in a slot.
struct Seat<'a> {
    /// Its index in the batch.
    index: usize,
    slot: usize,
    attempt: Attempt<'a>,
    /// Tokens the model has yet to be shown.
    feed: Vec<u32>,
    source: Source,
    /// The slot to fork the prompt from before anything is fed.
    fork: Option<usize>,
}

/// Plays every episode to its end and returns their rollouts in the order given.
///
/// Each turn is sampled token by token until a stop token; its calls are executed in order
/// ([`BuiltIn`]; a call that cannot be read gets an error as its observation); the observations
/// are appended, and the next turn begins. An episode ends when a closed turn holds no call
/// ([`Ending::Ended`]), when the last turn allowed holds one (executed, [`Ending::TurnLimit`]), or when no
/// further token is allowed or fits ([`Ending::TokenLimit`]; the calls of an unfinished turn are not
/// executed). A prompt that does not fit gives a rollout without turns.
///
/// An episode's rollout depends on the policy's weights, its task, its seed, `sampling` and `limits`, and on
/// nothing else: not on the number of slots, its place in the batch or the number of threads. Calls of the
/// model mix prompts, observations and single tokens; a finished episode's slot goes to a waiting one at
/// once. The policy's slots are cleared first, and are empty at the end.
///
/// # Errors
///
/// The policy's own; logits that are no distribution; a policy without slots; sampling options out of range.
pub fn play<P: Policy, C: Codec + Sync>(
    policy: &mut P,
    codec: &C,
    chat: &Chat,
    episodes: &[Episode<'_>],
    sampling: &Sampling,
    limits: &Limits,
    source: &str,
) -> Result<Vec<Rollout>, Error<P::Error>> {
    play_with(policy, codec, chat, &BuiltIn, episodes, sampling, limits, source)
}

/// As [`play`], with calls carried out by `tools`, those of all episodes that wait for one in one batch.
///
/// What is said above of an episode's rollout then depends on what the tools give, too.
///
/// # Errors
/// As [`play`], and the tools' own.
pub fn play_with<P: Policy, C: Codec + Sync>(
    policy: &mut P,
    codec: &C,
    chat: &Chat,
    tools: &dyn Tools,
    episodes: &[Episode<'_>],
    sampling: &Sampling,
    limits: &Limits,
    source: &str,
) -> Result<Vec<Rollout>, Error<P::Error>> {
    sampling.check()?;
    let slots = policy.slots();
    if slots == 0 {
        return if episodes.is_empty() { Ok(Vec::new()) } else { Err(Error::NoSlots) };
    }
    for slot in 0..slots {
        policy.clear(slot);
    }
    let rules = Rules { codec, chat, limits, capacity: limits.tokens.min(policy.max_tokens()), source };
    let mut batch = Batch::new(episodes, &rules, slots);
    loop {
        batch.admit(episodes);
        if batch.seats.is_empty() {
            return Ok(batch.finished.into_iter().flatten().collect());
        }
        batch.step(policy, sampling, tools, &rules)?;
    }
}

/// A batch while it is played.
struct Batch<'a> {
    queue: Queue,
    /// By index in the batch.
    prompts: Vec<Vec<u32>>,
    /// Prompts to be computed in the next step: slot and index in `prompts`.
    prefills: Vec<(usize, usize)>,
    /// The row of logits behind the parked prompt.
    parked_logits: Vec<f32>,
    seats: Vec<Seat<'a>>,
    /// By index in the batch; all there in the end.
    finished: Vec<Option<Rollout>>,
}

impl<'a> Batch<'a> {
    /// Renders all prompts; episodes that cannot begin are finished at once.
    fn new<C: Codec + Sync>(episodes: &'a [Episode<'a>], rules: &Rules<C>, slots: usize) -> Batch<'a> {
        let render = |episode: &Episode| {
            rules.codec.encode(&rules.chat.prompt(&episode.task.tools, &episode.task.question))
        };
        let prompts: Vec<Vec<u32>> = episodes.par_iter().map(render).collect();
        let unplayed = |(episode, prompt): (&'a Episode<'a>, &Vec<u32>)| {
            let attempt = Attempt::new(episode, prompt);
            let ending = attempt.cannot_begin(rules)?;
            Some(attempt.finish(ending, rules.source))
        };
        let finished: Vec<Option<Rollout>> = episodes.iter().zip(&prompts).map(unplayed).collect();
        let playable = (0..episodes.len()).filter(|&index| finished[index].is_none());
        let playable = playable.map(|index| (index, episodes[index].group, prompts[index].as_slice()));
        let queue = Queue::new(playable, slots);
        Batch { queue, prompts, prefills: Vec::new(), parked_logits: Vec::new(), seats: Vec::new(), finished }
    }

    fn admit(&mut self, episodes: &'a [Episode<'a>]) {
        let admission = self.queue.admit();
        self.prefills = admission.prefills;
        let seat = |Newcomer { episode, slot, home, first }: Newcomer| Seat {
            index: episode,
            slot,
            attempt: Attempt::new(&episodes[episode], &self.prompts[episode]),
            feed: Vec::new(),
            source: match first {
                First::Prefill(row) => Source::Row(row),
                First::Parked => Source::Parked,
            },
            fork: (home != slot).then_some(home),
        };
        let newcomers: Vec<Seat> = admission.newcomers.into_iter().map(seat).collect();
        self.seats.extend(newcomers);
    }

    /// One call of the model, one token for everybody seated.
    fn step<P: Policy, C: Codec + Sync>(
        &mut self,
        policy: &mut P,
        sampling: &Sampling,
        tools: &dyn Tools,
        rules: &Rules<C>,
    ) -> Result<(), Error<P::Error>> {
        let vocab = policy.vocab_size();
        let prompts = self.prefills.iter().map(|&(slot, index)| (slot, self.prompts[index].as_slice()));
        let logits = extend(policy, prompts.collect(), &mut self.seats)?;
        let parked = &self.parked_logits;
        let sample = |seat: &mut Seat| {
            let row = match seat.source {
                Source::Row(row) => logits.get(row * vocab..(row + 1) * vocab).unwrap_or_default(),
                Source::Parked => parked,
            };
            let drawn = draw_from::<P>(row, sampling, seat.attempt.uniform())?;
            Some(seat.attempt.advance(drawn, rules))
        };
        let mut nexts: Vec<Option<Next>> = self.seats.par_iter_mut().map(sample).collect();
        let home_row = self.prefills.iter().position(|(slot, _)| Some(*slot) == self.queue.parked());
        if let Some(row) = home_row {
            self.parked_logits.clear();
            self.parked_logits
                .extend_from_slice(logits.get(row * vocab..(row + 1) * vocab).unwrap_or_default());
        }
        self.call(&mut nexts, tools, rules)?;
        self.settle(nexts, policy, rules)
    }

    /// Has the calls of all turns just closed carried out, and lets their episodes go on.
    fn call<C: Codec + Sync, E: std::error::Error>(
        &mut self,
        nexts: &mut [Option<Next>],
        tools: &dyn Tools,
        rules: &Rules<C>,
    ) -> Result<(), Error<E>> {
        let waiting = |next: &Option<Next>| matches!(next, Some(Next::Call));
        if !nexts.iter().any(waiting) {
            return Ok(());
        }
        let asked: Vec<Vec<Asked>> = self
            .seats
            .iter()
            .zip(nexts.iter())
            .map(|(seat, next)| if waiting(next) { seat.attempt.asked().collect() } else { Vec::new() })
            .collect();
        let counts: Vec<usize> = asked.iter().map(Vec::len).collect();
        let asked = asked.concat();
        let calls = asked.len();
        let given = if calls == 0 { Vec::new() } else { tools.carry_out(&asked).map_err(Error::Tools)? };
        if given.len() != calls {
            return Err(Error::Observations { got: given.len(), calls });
        }
        let mut given = given.into_iter();
        let shares: Vec<Vec<Observation>> =
            counts.into_iter().map(|count| given.by_ref().take(count).collect()).collect();
        let seats = self.seats.par_iter_mut().zip(nexts).zip(shares);
        seats.filter(|((_, next), _)| waiting(next)).for_each(|((seat, next), observations)| {
            *next = Some(seat.attempt.answered(observations, rules));
        });
        Ok(())
    }

    /// Forks prompts for newcomers who go on, and lets those who have ended leave.
    fn settle<P: Policy, C>(
        &mut self,
        nexts: Vec<Option<Next>>,
        policy: &mut P,
        rules: &Rules<C>,
    ) -> Result<(), Error<P::Error>> {
        let mut staying = Vec::with_capacity(self.seats.len());
        let mut leaving: Vec<(Seat, Ending)> = Vec::new();
        for (mut seat, next) in std::mem::take(&mut self.seats).into_iter().zip(nexts) {
            let fork = seat.fork.take();
            match next {
                None => return Err(Error::NotFinite { episode: seat.attempt.id().to_owned() }),
                Some(Next::Over(ending)) => leaving.push((seat, ending)),
                // Every call has been answered by now.
                Some(Next::Call) => leaving.push((seat, Ending::TurnLimit)),
                Some(Next::Feed(feed)) => {
                    if let Some(home) = fork {
                        policy.fork(home, seat.slot);
                    }
                    staying.push(Seat { feed, ..seat });
                }
            }
        }
        self.seats = staying;
        // Only now: the home of a prompt may be among the slots that leave.
        for (seat, ending) in leaving {
            policy.clear(seat.slot);
            self.queue.leave(seat.slot);
            self.finished[seat.index] = Some(seat.attempt.finish(ending, rules.source));
        }
        Ok(())
    }
}

/// Shows the model all prompts to be computed and all tokens waiting, and tells each seat its row.
fn extend<'p, 's, P: Policy>(
    policy: &'p mut P,
    prompts: Vec<(usize, &'s [u32])>,
    seats: &'s mut [Seat],
) -> Result<&'p [f32], Error<P::Error>> {
    let mut inputs = prompts;
    for seat in seats {
        if !seat.feed.is_empty() {
            seat.source = Source::Row(inputs.len());
            inputs.push((seat.slot, &seat.feed));
        }
    }
    if inputs.is_empty() {
        return Ok(&[]);
    }
    let (rows, vocab) = (inputs.len(), policy.vocab_size());
    let logits = policy.extend(&inputs).map_err(Error::Policy)?;
    if logits.len() != rows * vocab {
        return Err(Error::Shape { got: logits.len(), rows, vocab });
    }
    Ok(logits)
}
