//! Who waits, who sits where, and which prompts have to be computed.

use std::collections::{BTreeMap, VecDeque};

/// With fewer slots than this, none is kept idle for the sake of a prompt.
const PARKING_SLOTS: usize = 8;

/// Where the logits of a newcomer's first token come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// From this prefill of the same step.
    Prefill(usize),
    /// From the prompt parked since an earlier step.
    Parked,
}

/// An episode that has been given a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newcomer {
    pub(crate) episode: usize,
    pub(crate) slot: usize,
    /// The slot that holds (or will hold) its prompt; equal to `slot` if it takes that slot over.
    pub(crate) home: usize,
    pub(crate) first: First,
}

/// Prompts to be computed and episodes to be seated in one step.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// The slot for each prompt, and an episode that has this prompt.
    pub(crate) prefills: Vec<(usize, usize)>,
    pub(crate) newcomers: Vec<Newcomer>,
}

/// The waiting episodes and the free slots.
///
/// Episodes that share a prompt are seated one after another, so that the prompt is computed once: the first
/// slot a prompt gets is its *home*, the others are forked from it, and the last episode takes it over. If
/// slots run out before, the home stays *parked* until they are free again; at most one prompt is parked at a
/// time. The order in which episodes are played does not touch their results.
pub(crate) struct Queue {
    /// By prompt, in order of first appearance; never an empty one.
    waiting: VecDeque<VecDeque<usize>>,
    /// The last one is given out next.
    free: Vec<usize>,
    /// The home of the first waiting prompt.
    parked: Option<usize>,
    parking_pays: bool,
}

impl Queue {
    /// Queues the playable episodes, each given by its index, its group and its prompt.
    pub(crate) fn new<'p>(playable: impl Iterator<Item = (usize, usize, &'p [u32])>, slots: usize) -> Queue {
        let mut waiting: VecDeque<VecDeque<usize>> = VecDeque::new();
        let mut places: BTreeMap<(usize, &[u32]), usize> = BTreeMap::new();
        for (episode, group, prompt) in playable {
            // The group says who is expected to share; the tokens say who does.
            let place = *places.entry((group, prompt)).or_insert(waiting.len());
            if place == waiting.len() {
                waiting.push_back(VecDeque::new());
            }
            waiting[place].push_back(episode);
        }
        Queue {
            waiting,
            free: (0..slots).rev().collect(),
            parked: None,
            parking_pays: slots >= PARKING_SLOTS,
        }
    }

    /// Gives a slot back.
    pub(crate) fn leave(&mut self, slot: usize) {
        self.free.push(slot);
    }

    /// The slot in which a prompt stays behind for episodes still waiting.
    pub(crate) fn parked(&self) -> Option<usize> {
        self.parked
    }

    /// Seats as many episodes as there are free slots.
    pub(crate) fn admit(&mut self) -> Admission {
        let mut admission = Admission::default();
        while let Some(mut members) = self.waiting.pop_front() {
            let (home, first) = if let Some(home) = self.parked.take() {
                (home, First::Parked)
            } else if let Some(home) = self.free.pop() {
                admission.prefills.push((home, members[0]));
                (home, First::Prefill(admission.prefills.len() - 1))
            } else {
                self.waiting.push_front(members);
                break;
            };
            self.seat(&mut members, home, first, &mut admission.newcomers);
            if !members.is_empty() {
                self.waiting.push_front(members);
                if self.parked.is_some() {
                    break;
                }
            }
        }
        admission
    }

    /// Seats members of one prompt in free slots and, if it is not parked for more to come, in its home.
    fn seat(
        &mut self,
        members: &mut VecDeque<usize>,
        home: usize,
        first: First,
        newcomers: &mut Vec<Newcomer>,
    ) {
        while members.len() > 1
            && let Some(slot) = self.free.pop()
        {
            newcomers.extend(members.pop_front().map(|episode| Newcomer { episode, slot, home, first }));
        }
        if members.len() > 1 && self.parking_pays {
            self.parked = Some(home);
        } else {
            newcomers.extend(members.pop_front().map(|episode| Newcomer {
                episode,
                slot: home,
                home,
                first,
            }));
        }
    }
}

#[cfg(test)]
mod tests;
