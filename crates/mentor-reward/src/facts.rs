//! What the measures look at: tool names as numbers, calls as lists, collected without an allocation per case.

use mentor_trajectory::{Call, Reading, Task, Trajectory};

use crate::kernels::{Aligner, Bits, Pair};
use crate::{Case, Response, Student, Teacher};

/// The number of a name that neither the task nor a teacher knows.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// A call: what it names and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// The name's number in [`Prepared::names`], or [`UNKNOWN`].
    pub name: u32,
    /// The turn that made it.
    pub turn: u32,
    /// Its place among the calls of that turn.
    pub record: u32,
    /// Whether the task offers the tool.
    pub valid: bool,
    /// Whether it follows its format to the letter.
    pub strict: bool,
}

impl Seen {
    /// The call itself, in the trajectory it was seen in.
    pub fn call<'a>(&self, trajectory: &'a Trajectory) -> Option<&'a Call> {
        trajectory.turns.get(self.turn as usize)?.calls.get(self.record as usize)?.call.as_ref()
    }
}

/// The calls of an attempt that leave one reading, in order, and what follows from them.
#[derive(Default)]
pub(crate) struct Calls {
    /// Strict and repaired ones.
    pub lenient: Vec<Seen>,
    /// The strict ones.
    pub strict: Vec<Seen>,
    /// The strict ones that name an offered tool.
    pub valid: Vec<Seen>,
    /// All call records, readable or not.
    pub records: usize,
}

impl Calls {
    fn collect(&mut self, trajectory: &Trajectory, names: &Names) {
        self.clear();
        for (turn, text) in (0..).zip(&trajectory.turns) {
            for (record, call) in (0..).zip(&text.calls) {
                let reading = if call.call.is_some() { call.reading } else { Reading::Unusable };
                let name = call.call.as_ref().map_or("", |call| &call.name);
                self.add(names, name, reading, (turn, record));
            }
        }
    }

    fn collect_outlined(&mut self, response: &Response, names: &Names) {
        self.clear();
        for call in &response.calls {
            self.add(names, &call.name, call.reading, (call.turn, call.record));
        }
    }

    fn clear(&mut self) {
        self.lenient.clear();
        self.strict.clear();
        self.valid.clear();
        self.records = 0;
    }

    fn add(&mut self, names: &Names, name: &str, reading: Reading, (turn, record): (u32, u32)) {
        self.records += 1;
        let strict = match reading {
            Reading::Strict => true,
            Reading::Repaired => false,
            Reading::Recoverable | Reading::Unusable => return,
        };
        let name = names.number(name);
        let seen = Seen { name, turn, record, valid: names.is_offered(name), strict };
        self.lenient.push(seen);
        if seen.strict {
            self.strict.push(seen);
            if seen.valid {
                self.valid.push(seen);
            }
        }
    }
}

/// Every name that the task or a teacher knows, sorted: a name's number is its place.
struct Names<'a> {
    sorted: Vec<&'a str>,
    /// The [`head`] of each name, in the same order.
    heads: Vec<u64>,
    offered: Bits,
}

impl<'a> Names<'a> {
    fn of(task: &'a Task, teachers: &[Option<&'a Trajectory>]) -> Self {
        let offered = task.tools.iter().map(|tool| tool.name.as_str());
        let called = teachers.iter().flatten().flat_map(|teacher| teacher.lenient_calls());
        let sorted = crate::kernels::to_set(offered.clone().chain(called.map(|call| call.name.as_str())));
        let heads = sorted.iter().map(|name| head(name)).collect();
        let mut names = Self { offered: Bits::default(), sorted, heads };
        for name in offered {
            names.offered.insert(names.number(name));
        }
        names
    }

    fn number(&self, name: &str) -> u32 {
        let head = head(name);
        let first = self.heads.partition_point(|other| *other < head);
        let alike = self.heads[first..].partition_point(|other| *other == head);
        self.sorted[first..first + alike].binary_search(&name).map_or(UNKNOWN, |place| (first + place) as u32)
    }

    fn is_offered(&self, number: u32) -> bool {
        number != UNKNOWN && self.offered.contains(number)
    }
}

/// The first eight bytes of a name as a number, which is ordered as names are: most names differ there already.
fn head(name: &str) -> u64 {
    if let Some(first) = name.as_bytes().first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let short = name.bytes().fold(0, |head, byte| head << 8 | u64::from(byte));
    short.checked_shl(64 - 8 * name.len() as u32).unwrap_or(0)
}

/// A teacher's attempt as the measures see it.
pub(crate) struct Reference<'a> {
    pub trajectory: &'a Trajectory,
    pub calls: Calls,
    /// The set of all tools it called, on offer here or not.
    pub set: Bits,
}

impl<'a> Reference<'a> {
    fn of(trajectory: &'a Trajectory, names: &Names) -> Self {
        let mut calls = Calls::default();
        calls.collect(trajectory, names);
        let mut set = Bits::default();
        for seen in &calls.strict {
            set.insert(seen.name);
        }
        Self { trajectory, calls, set }
    }
}

/// A task with its teachers, read once for all attempts at it.
pub(crate) struct Prepared<'a> {
    names: Names<'a>,
    pub teacher: Reference<'a>,
    /// Another task's teacher, if there is one.
    pub placebo: Option<Reference<'a>>,
}

impl<'a> Prepared<'a> {
    pub fn new(task: &'a Task, teacher: &'a Trajectory, placebo: Option<&'a Trajectory>) -> Self {
        let names = Names::of(task, &[Some(teacher), placebo]);
        let reference = |trajectory| Reference::of(trajectory, &names);
        let (teacher, placebo) = (reference(teacher), placebo.map(reference));
        Self { names, teacher, placebo }
    }

    pub fn reference(&self, teacher: Teacher) -> Option<&Reference<'a>> {
        match teacher {
            Teacher::Own => Some(&self.teacher),
            Teacher::Other => self.placebo.as_ref(),
        }
    }

    /// The names of a set, in the order of the alphabet.
    pub fn names_of(&self, set: &Bits) -> Vec<&'a str> {
        let all = (0..).zip(&self.names.sorted);
        all.filter(|(number, _)| set.contains(*number)).map(|(_, name)| *name).collect()
    }

    /// How many names there are numbers for.
    pub fn count(&self) -> usize {
        self.names.sorted.len()
    }
}

/// Memory that is used again for the next case.
#[derive(Default)]
pub(crate) struct Memory {
    pub calls: Calls,
    /// The set of *offered* tools that the student called.
    pub set: Bits,
    pub aligner: Aligner,
    /// The teacher that `aligner` holds the alignment with, and whether it is the one by length or the one by sum.
    pub aligned: Option<(Teacher, bool)>,
    pub numbers: Vec<u64>,
    pub known: Bits,
    pub counts: Vec<[u32; 2]>,
    pub used: Vec<bool>,
    /// Calls by their hashes, as places among the lenient ones.
    pub hashed: Vec<(u64, usize)>,
    /// Those that repeat an earlier one.
    pub repeated: Vec<usize>,
}

/// A case as the measures see it.
pub(crate) struct Facts<'f> {
    pub case: &'f Case<'f>,
    pub prepared: &'f Prepared<'f>,
    pub memory: &'f mut Memory,
}

impl<'f> Facts<'f> {
    pub fn of(case: &'f Case<'f>, prepared: &'f Prepared<'f>, memory: &'f mut Memory) -> Self {
        match case.student {
            Student::Trajectory(trajectory) => memory.calls.collect(trajectory, &prepared.names),
            Student::Response(response) => memory.calls.collect_outlined(response, &prepared.names),
        }
        memory.set.clear();
        for seen in &memory.calls.valid {
            memory.set.insert(seen.name);
        }
        memory.aligned = None;
        Self { case, prepared, memory }
    }

    /// The student's whole attempt.
    pub fn student(&self) -> &'f Trajectory {
        self.case.student.trajectory()
    }

    pub fn calls(&self) -> &Calls {
        &self.memory.calls
    }

    /// The valid calls of student and teacher, aligned by name; see [`crate::Measure::Arguments`] for the choice among equals.
    pub fn pairs(&mut self, teacher: Teacher) -> &[Pair] {
        let Some(reference) = self.prepared.reference(teacher) else { return &[] };
        if self.memory.aligned != Some((teacher, true)) {
            let (ours, theirs) = (&self.memory.calls.valid, &reference.calls.valid);
            let student = self.case.student;
            self.memory.aligner.longest(ours.len(), theirs.len(), |i, j| {
                let same = ours[i].name == theirs[j].name;
                same.then(|| {
                    crate::kernels::argument_agreement(
                        arguments(&theirs[j], reference.trajectory),
                        arguments(&ours[i], student.trajectory()),
                    )
                })
            });
            self.memory.aligned = Some((teacher, true));
        }
        self.memory.aligner.pairs()
    }
}

/// The arguments of a call that was seen.
pub(crate) fn arguments<'a>(
    seen: &Seen,
    trajectory: &'a Trajectory,
) -> &'a serde_json::Map<String, serde_json::Value> {
    static NONE: std::sync::LazyLock<serde_json::Map<String, serde_json::Value>> =
        std::sync::LazyLock::new(serde_json::Map::new);
    seen.call(trajectory).map_or(&NONE, |call| &call.arguments)
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn heads_are_ordered_as_names_are() {
        let mut names =
            ["", "a", "a\0", "ab", "add", "abcdefgh", "abcdefghi", "abcdefg", "größe", "sqrt", "ÿ"];
        names.sort_unstable();
        assert!(names.is_sorted_by_key(|name| head(name)));
        assert_eq!(head("abcdefgh"), head("abcdefghi"));
        assert!(head("abcdefg") < head("abcdefgh") && head("") < head("a"));
    }
}
