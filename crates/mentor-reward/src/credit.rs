//! From a tree to what the optimizer credits: the whole attempt, its turns, or its calls.

use serde::{Deserialize, Serialize};

use crate::{Amount, Explanation, Level, Node};

/// Who is credited with what an attempt earned.
///
/// In a table it is a name (`"turn"`) or, with options, a table (`{ per = "turn", returns = "to_go", shaping = 0.2 }`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct CreditConfig {
    /// The smallest place that is credited by itself.
    pub per: CreditUnit,
    /// What a place is credited with.
    pub returns: Returns,
    /// Weight of the shaping potential Φ, the share of the teacher's steps that have been aligned so far; 0 is none.
    ///
    /// Every place gets what Φ grew by there, and the last one loses all of Φ, so that the shaping adds up to 0 and changes
    /// neither an attempt's total nor which policy is best (Ng, Harada and Russell, 1999).
    pub shaping: f64,
}

/// The smallest place that is credited by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditUnit {
    /// The whole attempt: every token gets the same (the paper).
    #[default]
    Trajectory,
    /// A turn: its tokens get what its calls earned, and what belongs to no turn.
    Turn,
    /// A call: its tokens get what it earned, beside what its turn and the whole attempt did.
    Call,
}

/// What a place is credited with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returns {
    /// What it earned itself.
    #[default]
    Own,
    /// What it and everything after it earned.
    ToGo,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(CreditUnit),
    Table(Table),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    per: CreditUnit,
    #[serde(default)]
    returns: Returns,
    #[serde(default)]
    shaping: f64,
}

impl From<Written> for CreditConfig {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(per) => Self { per, ..Self::default() },
            Written::Table(Table { per, returns, shaping }) => Self { per, returns, shaping },
        }
    }
}

impl From<CreditConfig> for Written {
    fn from(CreditConfig { per, returns, shaping }: CreditConfig) -> Self {
        if CreditConfig::from(Self::Name(per)) == (CreditConfig { per, returns, shaping }) {
            return Self::Name(per);
        }
        Self::Table(Table { per, returns, shaping })
    }
}

impl CreditConfig {
    /// Whether the whole attempt gets one credit.
    pub fn is_trajectory(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it and what to write instead, if anything is.
    pub fn problem(&self) -> Option<&'static str> {
        if !(0.0..=1e6).contains(&self.shaping) {
            return Some("shaping: a weight of 0 or more, a million at most");
        }
        if self.per == CreditUnit::Trajectory && (self.shaping != 0.0 || self.returns == Returns::ToGo) {
            return Some("returns and shaping divide an attempt; use them with per = \"turn\" or \"call\"");
        }
        // With its own credit alone, the last place would be blamed for all the progress that was made before it.
        if self.shaping != 0.0 && self.returns == Returns::Own {
            return Some("shaping: needs returns = \"to_go\", since what it adds is taken back at the end");
        }
        None
    }
}

/// What one place is credited with, and which places of other attempts it is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Credit {
    /// The place.
    pub place: Place,
    /// What it is credited with.
    pub amount: Amount,
    /// The state it was in: the teacher's step it is aligned with (the first of several), else the step that was due.
    ///
    /// Turn k of two attempts need not be the same state; two places of one kind and one step are.
    pub step: usize,
    /// Its tokens, if [`crate::Offsets`] were given.
    pub tokens: Option<(usize, usize)>,
}

/// A place that is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The whole attempt: what belongs to no turn.
    Whole,
    /// A turn, from 0: what its calls earned, or what belongs to no call of it if calls are credited by themselves.
    Turn(usize),
    /// A call: its turn and its place there, both from 0.
    Call(usize, usize),
}

impl Explanation {
    /// Divides the total as `config` says, in the order of the attempt, the whole attempt first.
    ///
    /// With [`Returns::Own`] the amounts add up to the total exactly, shaping or not.
    pub fn credits(&self, config: &CreditConfig) -> Vec<Credit> {
        let whole = Credit { place: Place::Whole, amount: Amount::ZERO, step: 0, tokens: self.root.tokens };
        if config.per == CreditUnit::Trajectory {
            return vec![Credit { amount: self.root.amount, ..whole }];
        }
        let of_whole = own_amount(&self.root, Level::Turn);
        let mut places = vec![Credit { amount: of_whole, ..whole }];
        let mut progress = Progress { explanation: self, done: 0 };
        let turns = self.root.children.iter().filter(|node| node.level == Level::Turn).enumerate();
        for (turn, node) in turns {
            let by_call = config.per == CreditUnit::Call;
            let step = progress.step(turn, None);
            let amount = if by_call { own_amount(node, Level::Call) } else { node.amount };
            places.push(Credit { place: Place::Turn(turn), amount, step, tokens: node.tokens });
            let calls = node.children.iter().filter(|child| child.level == Level::Call).enumerate();
            for (call, node) in calls {
                if by_call {
                    let step = progress.step(turn, Some(call));
                    places.push(Credit {
                        place: Place::Call(turn, call),
                        amount: node.amount,
                        step,
                        tokens: node.tokens,
                    });
                }
                progress.pass(turn, call);
            }
        }
        self.shape(&mut places, config);
        if config.returns == Returns::ToGo {
            let mut later = Amount::ZERO;
            for place in places.iter_mut().skip(1).rev() {
                later += place.amount;
                place.amount = later;
            }
        }
        places
    }

    /// Adds the growth of Φ to every place but the whole, and takes all of it from the last.
    fn shape(&self, places: &mut [Credit], config: &CreditConfig) {
        if config.shaping == 0.0 || self.steps == 0 {
            return;
        }
        let potential = |done: usize| Amount::from(config.shaping * done as f64 / self.steps as f64);
        let reached = |place: Place| {
            let by_then = |aligned: &&crate::AlignedCall| match place {
                Place::Whole => false,
                Place::Turn(turn) if config.per == CreditUnit::Call => aligned.turn < turn,
                Place::Turn(turn) => aligned.turn <= turn,
                Place::Call(turn, call) => (aligned.turn, aligned.call) <= (turn, call),
            };
            self.aligned.iter().filter(by_then).count()
        };
        let last = places.len() - 1;
        let mut before = Amount::ZERO;
        for (index, credit) in places.iter_mut().enumerate().skip(1) {
            let after = if index == last { Amount::ZERO } else { potential(reached(credit.place)) };
            credit.amount += after - before;
            before = after;
        }
    }
}

/// What a node's leaves pay outside the places of a level.
fn own_amount(node: &Node, level: Level) -> Amount {
    node.children.iter().filter(|child| child.level != level).map(|child| child.amount).sum()
}

/// How far an attempt has come along the teacher's steps.
struct Progress<'a> {
    explanation: &'a Explanation,
    /// The first step that is still due.
    done: usize,
}

impl Progress<'_> {
    /// The step that a turn, or one call of it, is aligned with, else the one that is due.
    fn step(&self, turn: usize, call: Option<usize>) -> usize {
        let aligned = self.explanation.aligned.iter();
        let here = aligned
            .clone()
            .find(|aligned| aligned.turn == turn && call.is_none_or(|call| aligned.call == call));
        here.map_or(self.done, |aligned| aligned.step)
    }

    fn pass(&mut self, turn: usize, call: usize) {
        if let Some(aligned) =
            self.explanation.aligned.iter().find(|aligned| (aligned.turn, aligned.call) == (turn, call))
        {
            self.done = aligned.step + 1;
        }
    }
}
