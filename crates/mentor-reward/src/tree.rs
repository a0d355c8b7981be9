//! A score as a tree: trajectory → turn → call → argument, with what each place earned.

use mentor_trajectory::Trajectory;

use crate::facts::{Facts, Memory, Prepared};
use crate::measure::Share;
use crate::score::explained;
use crate::{Amount, Case, Reward, Score, Teacher};

/// What a [`Node`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The whole attempt: the root.
    Trajectory,
    /// One of its turns.
    Turn,
    /// A call of a turn, readable or not.
    Call,
    /// An argument of a call.
    Argument,
    /// A leaf: what a part of the score pays at the place it hangs from.
    Part,
}

/// A place in an attempt, or what a part of the score pays there.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it stands for.
    pub level: Level,
    /// The reward, `turn 1`, the tool, the argument, or the part of the score.
    pub name: String,
    /// Leaves: the share of the part's value that was earned here. Places: the amount.
    pub value: f64,
    /// Leaves: the part's weight. Places: 1.
    pub weight: f64,
    /// One clause for people.
    pub reason: String,
    /// The tokens of the place, from the first to behind the last, if [`Offsets`] were given.
    pub tokens: Option<(usize, usize)>,
    /// What was earned here and below. Places: exactly the sum of their leaves.
    pub amount: Amount,
    /// Leaves of the place itself, then the places in it.
    pub children: Vec<Node>,
}

impl Node {
    /// The leaves below (or the node itself, if it is one), in order.
    pub fn leaves(&self) -> Vec<&Node> {
        if self.level == Level::Part {
            return vec![self];
        }
        self.children.iter().flat_map(Node::leaves).collect()
    }

    fn place(level: Level, name: String, reason: String, tokens: Option<(usize, usize)>) -> Self {
        Self {
            level,
            name,
            value: 0.0,
            weight: 1.0,
            reason,
            tokens,
            amount: Amount::ZERO,
            children: Vec::new(),
        }
    }

    fn add_up(&mut self) {
        if self.level != Level::Part {
            self.children.iter_mut().for_each(Node::add_up);
            self.amount = self.children.iter().map(|child| child.amount).sum();
            self.value = self.amount.to_f64();
        }
    }
}

/// Where the tokens of each turn end in its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offsets {
    /// For each turn the number of its first token, and the byte of [`mentor_trajectory::Turn::text`] behind each of its
    /// tokens (a stop token ends where the text does).
    pub turns: Vec<(usize, Vec<usize>)>,
}

impl Offsets {
    fn turn(&self, turn: usize) -> Option<(usize, usize)> {
        self.turns.get(turn).map(|(first, ends)| (*first, first + ends.len()))
    }

    /// The tokens that hold any of these bytes.
    fn bytes(&self, turn: usize, (start, end): (usize, usize)) -> Option<(usize, usize)> {
        let (first, ends) = self.turns.get(turn)?;
        let from = ends.partition_point(|&behind| behind <= start);
        let to = ends.partition_point(|&behind| behind < end) + 1;
        Some((first + from, first + to.clamp(from, ends.len())))
    }
}

/// A student's call and the step of the teacher's it is aligned with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlignedCall {
    /// The turn that made it, from 0.
    pub turn: usize,
    /// Its place among the calls of that turn, from 0.
    pub call: usize,
    /// The teacher's valid call it is aligned with, from 0.
    pub step: usize,
    /// How far the arguments agree, from 0 to 1.
    pub agreement: f64,
}

/// A score with its tree and the alignment with the teacher.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The score.
    pub score: Score,
    /// Its tree. The amounts of the leaves add up to the root's exactly, and that is [`Score::total`].
    pub root: Node,
    /// The student's calls that are aligned with a step of the teacher's, in order: the longest common subsequence of the
    /// names of valid calls, and of several the one whose arguments agree most.
    pub aligned: Vec<AlignedCall>,
    /// The teacher's steps: its valid calls.
    pub steps: usize,
    /// The calls of each of the student's turns.
    pub calls: Vec<usize>,
}

/// Scores an attempt and divides the total over the places that earned it.
///
/// A part goes to the calls (and of those to the arguments) or turns that it counts; what belongs to no single place stays
/// with the whole attempt. What a part pays is what the total grew by when it was added, so the leaves add up to
/// [`Score::total`] before any clipping, with nothing left over. Costs what [`score`](crate::score()) costs.
pub fn explain(reward: &Reward, case: &Case, offsets: Option<&Offsets>) -> Explanation {
    let prepared = Prepared::new(case.task, case.teacher, case.placebo);
    let mut memory = Memory::default();
    let mut facts = Facts::of(case, &prepared, &mut memory);
    let (score, shares) = explained(reward, &mut facts);
    let pairs = facts.pairs(Teacher::Own).to_vec();
    let valid = &facts.calls().valid;
    let aligned: Vec<AlignedCall> = pairs
        .iter()
        .map(|pair| AlignedCall {
            turn: valid[pair.a].turn as usize,
            call: valid[pair.a].record as usize,
            step: pair.b,
            agreement: pair.agreement,
        })
        .collect();
    let mut root = places(&reward.name, case.student.trajectory(), &aligned, offsets);
    hang(&mut root, &score, &shares, case.student.trajectory(), offsets);
    root.add_up();
    let calls = case.student.trajectory().turns.iter().map(|turn| turn.calls.len()).collect();
    Explanation { score, root, aligned, steps: prepared.teacher.calls.valid.len(), calls }
}

/// The tree without its leaves and its arguments.
fn places(reward: &str, student: &Trajectory, aligned: &[AlignedCall], offsets: Option<&Offsets>) -> Node {
    let ending = crate::measure::ending_clause(student.ending).to_owned();
    let mut root = Node::place(Level::Trajectory, reward.to_owned(), ending, None);
    for (turn, text) in student.turns.iter().enumerate() {
        let reason = match text.calls.len() {
            0 => "called nothing".to_owned(),
            1 => "called a tool".to_owned(),
            calls => format!("made {calls} calls"),
        };
        let tokens = offsets.and_then(|offsets| offsets.turn(turn));
        let mut node = Node::place(Level::Turn, format!("turn {}", turn + 1), reason, tokens);
        for (place, record) in text.calls.iter().enumerate() {
            let step = aligned.iter().find(|aligned| (aligned.turn, aligned.call) == (turn, place));
            let reason = match step {
                Some(aligned) => format!("the teacher's step {}", aligned.step + 1),
                None if record.strict().is_some() => "no step of the teacher's".to_owned(),
                None => format!("not to the letter: {}", record.faults.join(", ")),
            };
            let name = record.call.as_ref().map_or("unreadable call", |call| call.name.as_str());
            let tokens = offsets.and_then(|offsets| offsets.bytes(turn, record.span));
            node.children.push(Node::place(Level::Call, name.to_owned(), reason, tokens));
        }
        root.children.push(node);
    }
    root
}

/// Hangs every part's leaves where they were earned.
fn hang(
    root: &mut Node,
    score: &Score,
    shares: &[Vec<Share>],
    student: &Trajectory,
    offsets: Option<&Offsets>,
) {
    let turns = root.children.len();
    // Leaves of a place come before the places in it; they are put in front at the end, in the order of the parts.
    let mut leaves: Vec<Node> = Vec::new();
    let (mut before, mut sum) = (Amount::ZERO, 0.0);
    for (part, shares) in score.parts.iter().zip(shares) {
        sum += part.value * part.weight;
        let paid = Amount::from(sum) - before;
        before = Amount::from(sum);
        let leaf = |value: f64, reason: &str, amount: Amount| Node {
            value,
            weight: part.weight,
            amount,
            ..Node::place(Level::Part, part.name.clone(), reason.to_owned(), None)
        };
        if shares.is_empty() {
            leaves.push(leaf(part.value, &part.reason, paid));
            continue;
        }
        let values: Vec<f64> = shares.iter().map(|share| share.value).collect();
        for (share, paid) in shares.iter().zip(paid.divided(&values)) {
            let turn = &mut root.children[share.turn.min(turns - 1)];
            let Some(call) = share.record else {
                let place = turn.children.iter().take_while(|child| child.level == Level::Part).count();
                turn.children.insert(place, leaf(share.value, &share.reason, paid));
                continue;
            };
            // The calls stand behind the leaves of their turn, in order.
            let first = turn.children.iter().take_while(|child| child.level == Level::Part).count();
            let node = &mut turn.children[first + call];
            let arguments = share.arguments.len();
            if arguments == 0 {
                node.children.push(leaf(share.value, &share.reason, paid));
            }
            for (name, paid) in share.arguments.iter().zip(paid.divided(&vec![1.0; arguments])) {
                let tokens = offsets.and_then(|offsets| {
                    offsets.bytes(share.turn, argument_bytes(student, share.turn, call, name)?)
                });
                let mut argument = Node::place(
                    Level::Argument,
                    name.clone(),
                    "given as the teacher gave it".to_owned(),
                    tokens,
                );
                argument.children.push(leaf(share.value / arguments as f64, &share.reason, paid));
                node.children.push(argument);
            }
        }
    }
    root.children.splice(0..0, leaves);
}

/// The bytes of an argument in its turn's text: from its name to the name of the next one, or to the end of the call.
fn argument_bytes(student: &Trajectory, turn: usize, call: usize, name: &str) -> Option<(usize, usize)> {
    let record = student.turns.get(turn)?.calls.get(call)?;
    let names = record.call.as_ref()?.arguments.keys();
    let mut from = 0;
    let mut found = None;
    // Names are looked for one behind the other, so that a value that holds a later name is not taken for it.
    for key in names {
        let at = from + record.raw[from..].find(&format!("\"{key}\""))?;
        if let Some(start) = found {
            return Some((record.span.0 + start, record.span.0 + at));
        }
        if key == name {
            found = Some(at);
        }
        from = at + key.len() + 2;
    }
    found.map(|start| (record.span.0 + start, record.span.1))
}
