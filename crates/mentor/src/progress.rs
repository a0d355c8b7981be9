//! How a run tells somebody what it is doing. The library prints nothing itself.

/// One piece of news.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An arm begins or goes on: its label (`mentor, seed 1`), steps done and steps in all.
    Started {
        /// Arm and seed.
        label: String,
        /// Steps that were done before.
        done: usize,
        /// Steps in all.
        total: usize,
    },
    /// One more unit of the current label is done: a step of training or an evaluated suite.
    Advanced {
        /// Units done.
        done: usize,
        /// Units in all.
        total: usize,
        /// Share of the whole experiment's expected work that is done, in [0, 1].
        share: f64,
        /// A few numbers to show (`reward 0.31  accuracy 12 %`).
        note: String,
    },
    /// The current label is finished.
    Finished {
        /// Arm and seed.
        label: String,
        /// What came out, in a few words.
        note: String,
    },
    /// A line worth reading.
    Said(String),
}

/// Somebody who listens.
pub trait Observer {
    /// Takes one piece of news.
    fn event(&mut self, event: Event);
}

/// Nobody listens.
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event) {}
}
