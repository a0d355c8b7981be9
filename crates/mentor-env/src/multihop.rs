//! The `multihop` suite: nested questions over a small typed knowledge base, answered by look-ups.

use mentor_trajectory::{Call, Judge, Plan, Task, ToolSpec};
use serde_json::{Map, Value, json};

use crate::rng::Rng;
use crate::suites::Draw;
use crate::tools::schema;
use crate::words::Names;

/// What an entity or a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Country,
    City,
    Person,
    Company,
    River,
    /// A number from the first to the second.
    Number(i64, i64),
}

/// A tool that gives one fact about an entity.
struct Relation {
    name: &'static str,
    from: Kind,
    to: Kind,
    /// The relation it is easily taken for.
    sibling: &'static str,
}

/// All relations. Pretraining sees all of them: only the entities are new.
const RELATIONS: [Relation; 16] = [
    relation("capital", Kind::Country, Kind::City, "port"),
    relation("port", Kind::Country, Kind::City, "capital"),
    relation("leader", Kind::Country, Kind::Person, "capital"),
    relation("mayor", Kind::City, Kind::Person, "doctor"),
    relation("doctor", Kind::City, Kind::Person, "mayor"),
    relation("river", Kind::City, Kind::River, "mayor"),
    relation("home", Kind::Person, Kind::City, "birthplace"),
    relation("birthplace", Kind::Person, Kind::City, "home"),
    relation("employer", Kind::Person, Kind::Company, "home"),
    relation("age", Kind::Person, Kind::Number(18, 89), "height"),
    relation("height", Kind::Person, Kind::Number(150, 199), "age"),
    relation("boss", Kind::Company, Kind::Person, "founder"),
    relation("founder", Kind::Company, Kind::Person, "boss"),
    relation("seat", Kind::Company, Kind::City, "boss"),
    relation("length", Kind::River, Kind::Number(20, 999), "depth"),
    relation("depth", Kind::River, Kind::Number(2, 19), "length"),
];

/// Shares of tasks of 0 to 4 hops.
pub(crate) const SHARES: [f64; 5] = [0.0, 0.25, 0.40, 0.35, 0.0];

/// Entities of each kind in one world.
const ENTITIES: usize = 4;

const fn relation(name: &'static str, from: Kind, to: Kind, sibling: &'static str) -> Relation {
    Relation { name, from, to, sibling }
}

impl Kind {
    /// The name of the parameter that takes an entity of this kind.
    fn parameter(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::City => "city",
            Self::Person => "person",
            Self::Company => "company",
            Self::River => "river",
            Self::Number(..) => "number",
        }
    }
}

impl Relation {
    fn spec(&self) -> ToolSpec {
        let parameter = self.from.parameter();
        ToolSpec {
            name: self.name.to_owned(),
            description: format!("The {} of a {parameter}.", self.name),
            parameters: schema(&[(parameter, json!({"type": "string"}))]),
        }
    }

    fn call(&self, entity: &str) -> Call {
        let arguments = Map::from_iter([(self.from.parameter().to_owned(), entity.into())]);
        Call { name: self.name.to_owned(), arguments }
    }
}

/// The relation that `name` is easily taken for; none if it is no relation.
pub(crate) fn sibling(name: &str) -> Option<&'static str> {
    RELATIONS.iter().find(|relation| relation.name == name).map(|relation| relation.sibling)
}

/// Draws one task; none if the chain came back to where it was.
pub(crate) fn draw(draw: &Draw, rng: &mut Rng) -> Option<Task> {
    let path = draw_path(draw.steps, rng)?;
    let offered = offer(&path, rng);
    let mut world = World::default();
    let mut names = Names::new(draw.split);
    let tables: Map<String, Value> = offered
        .iter()
        .map(|relation| (relation.name.to_owned(), Value::Object(world.table(relation, &mut names, rng))))
        .collect();
    let start = world.entities(path[0].from, &mut names, rng).first()?.clone();
    let (calls, answer) = follow(&path, &start, &tables)?;
    let phrase = path.iter().fold(start, |phrase, relation| format!("{} of {phrase}", relation.name));
    let question = match rng.below(4) {
        0 => format!("What is the {}?", nested(&phrase)),
        1 => format!("Find the {}.", nested(&phrase)),
        2 => format!("Tell me the {}.", nested(&phrase)),
        _ => format!("I need the {}.", nested(&phrase)),
    };
    let tools = offered.iter().map(|relation| relation.spec()).collect();
    Some(draw.task(question, tools, answer, Judge::Answer, vec![Plan { calls }], Value::Object(tables)))
}

/// "age of mayor of Norland" with its articles: "age of the mayor of Norland".
fn nested(phrase: &str) -> String {
    let parts: Vec<&str> = phrase.split(" of ").collect();
    match parts.split_last() {
        Some((start, relations)) => format!("{} of {start}", relations.join(" of the ")),
        None => String::new(),
    }
}

/// Relations that follow one another, none twice; numbers end a path.
fn draw_path(hops: usize, rng: &mut Rng) -> Option<Vec<&'static Relation>> {
    let mut path: Vec<&'static Relation> = Vec::new();
    for left in (0..hops).rev() {
        let at = path.last().map(|relation| relation.to);
        let fitting: Vec<&'static Relation> = RELATIONS
            .iter()
            .filter(|relation| at.is_none_or(|at| relation.from == at))
            .filter(|relation| left == 0 || !matches!(relation.to, Kind::Number(..)))
            .filter(|relation| path.iter().all(|before| before.name != relation.name))
            .collect();
        path.push(rng.choose(&fitting)?);
    }
    Some(path)
}

/// The path's relations, most of their siblings, and others; shuffled.
fn offer(path: &[&'static Relation], rng: &mut Rng) -> Vec<&'static Relation> {
    let mut offered = path.to_vec();
    let add = |relation: &'static Relation, offered: &mut Vec<&'static Relation>| {
        if offered.iter().all(|other| other.name != relation.name) {
            offered.push(relation);
        }
    };
    for relation in path {
        if rng.chance(0.7) && offered.len() < 6 {
            RELATIONS
                .iter()
                .filter(|other| other.name == relation.sibling)
                .for_each(|other| add(other, &mut offered));
        }
    }
    let wanted = rng.within(3, 5) as usize;
    while offered.len() < wanted {
        add(&RELATIONS[rng.below(RELATIONS.len())], &mut offered);
    }
    rng.shuffle(&mut offered);
    offered
}

/// The look-ups along `path` and what the last one gives; none if the path meets an entity twice.
fn follow(path: &[&Relation], start: &str, tables: &Map<String, Value>) -> Option<(Vec<Call>, String)> {
    let mut at = start.to_owned();
    let mut met = vec![at.clone()];
    let mut calls = Vec::new();
    for relation in path {
        calls.push(relation.call(&at));
        let value = tables.get(relation.name)?.get(&at)?;
        at = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if met.contains(&at) {
            return None;
        }
        met.push(at.clone());
    }
    Some((calls, at))
}

/// The entities of a world by kind, drawn when first needed.
#[derive(Default)]
struct World {
    entities: Vec<(Kind, Vec<String>)>,
    /// How many relations between two kinds there are: each is shifted by one more, so that siblings differ everywhere.
    shifts: Vec<(Kind, Kind)>,
}

impl World {
    fn entities(&mut self, kind: Kind, names: &mut Names, rng: &mut Rng) -> &[String] {
        if let Some(at) = self.entities.iter().position(|(known, _)| *known == kind) {
            return &self.entities[at].1;
        }
        let mut list: Vec<String> = (0..ENTITIES).map(|_| names.proper(rng)).collect();
        rng.shuffle(&mut list);
        self.entities.push((kind, list));
        self.entities.last().map_or(&[], |(_, list)| list)
    }

    /// A value for every entity of the relation's kind, each another one.
    fn table(&mut self, relation: &Relation, names: &mut Names, rng: &mut Rng) -> Map<String, Value> {
        let keys = self.entities(relation.from, names, rng).to_vec();
        let values: Vec<Value> = match relation.to {
            Kind::Number(low, high) => different_numbers(low, high, rng),
            kind => {
                let ends = (relation.from, relation.to);
                let shift = self.shifts.iter().filter(|other| **other == ends).count() + rng.below(2) * 2;
                self.shifts.push(ends);
                let values = self.entities(kind, names, rng);
                (0..values.len()).map(|i| values[(i + shift) % values.len()].as_str().into()).collect()
            }
        };
        keys.into_iter().zip(values).collect()
    }
}

fn different_numbers(low: i64, high: i64, rng: &mut Rng) -> Vec<Value> {
    let mut numbers: Vec<i64> = Vec::new();
    while numbers.len() < ENTITIES {
        let number = rng.within(low, high);
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers.into_iter().map(Value::from).collect()
}
