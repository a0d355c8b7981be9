//! The store: putting and finding.

use std::path::Path;

use mentor_trajectory::{Split, Task, Trajectory};
use rusqlite::{Connection, Params, Row, ToSql, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::error::sqlite;
use crate::hash::is_shallow;
use crate::schema::{self, Mode};
use crate::{Audience, ContentHash, Error, Result};

/// The deepest nesting of an argument, a parameter schema or a world that is stored.
const DEEPEST: usize = 100;

/// A handle on a store, opened for an [`Audience`].
///
/// A handle for [`Audience::Training`] cannot read or write what is sealed for evaluation, by any method: sealed tasks
/// are those of the split [`Split::Test`], from the moment they are put, and every task of a snapshot made for
/// [`Audience::Evaluation`]. The handle is `Send`; open one for each thread.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: String,
    pub(crate) audience: Audience,
}

/// One stored trajectory, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, for [`Store::snapshot`].
    pub hash: ContentHash,
    /// The task it is an attempt at.
    pub task_id: String,
    /// The task's split.
    pub split: Split,
}

impl Store {
    /// Opens a store to read and write, and makes it if there is none.
    ///
    /// The file is checked from end to end: a damaged one is refused here, not in the middle of a run.
    pub fn open(path: impl AsRef<Path>, audience: Audience) -> Result<Self> {
        let (connection, path) = schema::open(path.as_ref(), audience, Mode::ReadWrite)?;
        Ok(Self { connection, path, audience })
    }

    /// Opens a store that must exist, to read; checked like [`Store::open`].
    pub fn open_read_only(path: impl AsRef<Path>, audience: Audience) -> Result<Self> {
        let (connection, path) = schema::open(path.as_ref(), audience, Mode::ReadOnly)?;
        Ok(Self { connection, path, audience })
    }

    /// A store that lives as long as this handle.
    pub fn in_memory(audience: Audience) -> Result<Self> {
        let (connection, path) = schema::in_memory(audience)?;
        Ok(Self { connection, path, audience })
    }

    /// What this handle was opened for.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// Stores a trajectory with its task and gives its name; see [`Store::put_all`].
    pub fn put(&mut self, task: &Task, trajectory: &Trajectory) -> Result<ContentHash> {
        self.write("putting a trajectory", |writing| writing.put(task, trajectory))
    }

    /// Stores trajectories with their tasks in one transaction, all or none, and gives their names in order.
    ///
    /// A name is the hash of task and trajectory together. Putting the same again changes nothing; the order of JSON
    /// keys makes no difference, and the order stored first is kept. A task id that is stored with other content is an
    /// error, and so is a sealed task if the store was opened for training.
    pub fn put_all<'a>(
        &mut self,
        items: impl IntoIterator<Item = (&'a Task, &'a Trajectory)>,
    ) -> Result<Vec<ContentHash>> {
        self.write("putting trajectories", |writing| {
            items.into_iter().map(|(task, trajectory)| writing.put(task, trajectory)).collect()
        })
    }

    /// The trajectories of a task, by hash; none if the task is unknown.
    ///
    /// A task that is sealed from this handle is an error: nobody asks for it in passing.
    pub fn by_task(&self, task_id: &str) -> Result<Vec<Trajectory>> {
        let query = "SELECT hash, json FROM temp.readable_trajectory WHERE task_id = ?1 ORDER BY hash";
        self.trajectories(task_id, query, &[&task_id])
    }

    /// A task by its id; see [`Store::by_task`] for sealed ones.
    pub fn task(&self, task_id: &str) -> Result<Option<Task>> {
        Ok(self.task_value(task_id)?.map(|(task, _)| task))
    }

    /// All trajectories that this handle may read, by task and hash.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let query = "SELECT trajectory.hash, task.id, task.split FROM temp.readable_trajectory AS trajectory
                     JOIN temp.readable_task AS task ON task.id = trajectory.task_id ORDER BY task.id, trajectory.hash";
        let rows: Vec<([u8; 32], String, String)> = self.rows("listing trajectories", query, &[])?;
        rows.into_iter()
            .map(|(hash, task_id, split)| {
                let split =
                    self.parsed(&format!("\"{split}\""), || format!("the split of task {task_id:?}"))?;
                Ok(Entry { hash: hash.into(), task_id, split })
            })
            .collect()
    }

    /// Trajectories of one task that a query finds (hash and JSON), each checked against its hash.
    pub(crate) fn trajectories(
        &self,
        task_id: &str,
        query: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<Trajectory>> {
        let Some((_, task)) = self.task_value(task_id)? else { return Ok(Vec::new()) };
        let rows: Vec<([u8; 32], String)> = self.rows("reading trajectories", query, parameters)?;
        rows.into_iter()
            .map(|(bytes, json)| {
                let hash = ContentHash::from(bytes);
                let what = || format!("trajectory {hash}");
                let value: Value = self.parsed(&json, what)?;
                self.confirm(ContentHash::of(&pair(task.clone(), value)) == hash, what)?;
                self.parsed(&json, what)
            })
            .collect()
    }

    /// A task and its JSON, checked against its hash.
    fn task_value(&self, task_id: &str) -> Result<Option<(Task, Value)>> {
        let query = "SELECT hash, json FROM temp.readable_task WHERE id = ?1";
        let rows: Vec<([u8; 32], String)> = self.rows("reading a task", query, &[&task_id])?;
        let Some((hash, json)) = rows.into_iter().next() else {
            self.refuse_sealed(task_id)?;
            return Ok(None);
        };
        let what = || format!("task {task_id:?}");
        let value: Value = self.parsed(&json, what)?;
        self.confirm(ContentHash::of(&value) == hash.into(), what)?;
        Ok(Some((self.parsed(&json, what)?, value)))
    }

    /// Does something in one transaction, which leaves no trace if it fails.
    pub(crate) fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Writing) -> Result<T>,
    ) -> Result<T> {
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(sqlite(&self.path, doing))?;
        let made =
            work(&Writing { connection: &transaction, path: &self.path, audience: self.audience, doing })?;
        transaction.commit().map_err(sqlite(&self.path, doing))?;
        Ok(made)
    }

    /// The rows of a query, as tuples.
    pub(crate) fn rows<T>(
        &self,
        doing: &'static str,
        query: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<T>>
    where
        for<'row> T: TryFrom<&'row Row<'row>, Error = rusqlite::Error>,
    {
        rows(&self.connection, query, parameters).map_err(sqlite(&self.path, doing))
    }

    fn parsed<T: DeserializeOwned>(&self, json: &str, what: impl Fn() -> String) -> Result<T> {
        serde_json::from_str(json)
            .map_err(|error| self.damaged(format!("{} cannot be read: {error}", what())))
    }

    fn confirm(&self, holds: bool, what: impl Fn() -> String) -> Result<()> {
        if holds { Ok(()) } else { Err(self.damaged(format!("{} is not what was put", what()))) }
    }

    pub(crate) fn damaged(&self, detail: String) -> Error {
        Error::Damaged { path: self.path.clone(), detail }
    }

    /// An error if a task is sealed from this handle.
    fn refuse_sealed(&self, task_id: &str) -> Result<()> {
        refuse_sealed(&self.connection, &self.path, self.audience, task_id)
    }
}

/// The rows of a query, as tuples.
pub(crate) fn rows<T>(
    connection: &Connection,
    query: &str,
    parameters: &[&dyn ToSql],
) -> rusqlite::Result<Vec<T>>
where
    for<'row> T: TryFrom<&'row Row<'row>, Error = rusqlite::Error>,
{
    let mut statement = connection.prepare_cached(query)?;
    let found = statement.query_map(parameters, |row| T::try_from(row))?;
    found.collect()
}

fn refuse_sealed(connection: &Connection, path: &str, audience: Audience, task_id: &str) -> Result<()> {
    if audience == Audience::Evaluation {
        return Ok(());
    }
    let query = "SELECT sealed_by FROM main.task WHERE id = ?1 AND sealed_by IS NOT NULL";
    let sealed: Vec<(String,)> =
        rows(connection, query, &[&task_id]).map_err(sqlite(path, "looking for a seal"))?;
    match sealed.into_iter().next() {
        None => Ok(()),
        Some((reason,)) => Err(sealed_task(path, task_id, reason)),
    }
}

fn sealed_task(path: &str, task_id: &str, reason: String) -> Error {
    Error::Sealed { path: path.to_owned(), what: format!("task {task_id:?}"), reason }
}

/// A transaction in progress.
pub(crate) struct Writing<'a> {
    pub connection: &'a Connection,
    pub path: &'a str,
    pub audience: Audience,
    doing: &'static str,
}

/// Why a test task is sealed.
const SEALED_BY_SPLIT: &str = "its split is test";

impl Writing<'_> {
    fn put(&self, task: &Task, trajectory: &Trajectory) -> Result<ContentHash> {
        if trajectory.task_id != task.id {
            return Err(Error::WrongTask {
                path: self.path.to_owned(),
                trajectory_id: trajectory.id.clone(),
                named: trajectory.task_id.clone(),
                given: task.id.clone(),
            });
        }
        if task.split == Split::Test && self.audience == Audience::Training {
            return Err(sealed_task(self.path, &task.id, SEALED_BY_SPLIT.to_owned()));
        }
        refuse_sealed(self.connection, self.path, self.audience, &task.id)?;
        self.refuse_deep("task", &task.id, values_of_task(task))?;
        self.refuse_deep("trajectory", &trajectory.id, values_of_trajectory(trajectory))?;
        let (task_value, trajectory_value) = (value_of(task), value_of(trajectory));
        self.put_task(task, &task_value)?;
        let json = trajectory_value.to_string();
        let hash = ContentHash::of(&pair(task_value, trajectory_value));
        let insert =
            "INSERT INTO trajectory (hash, task_id, json) VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO NOTHING";
        self.execute(insert, params![hash.as_bytes(), task.id, json])?;
        Ok(hash)
    }

    fn put_task(&self, task: &Task, value: &Value) -> Result<()> {
        let hash = ContentHash::of(value);
        let stored: Vec<([u8; 32],)> = self.rows("SELECT hash FROM main.task WHERE id = ?1", &[&task.id])?;
        match stored.first() {
            Some((stored,)) if stored == hash.as_bytes() => Ok(()),
            Some(_) => Err(Error::TaskConflict { path: self.path.to_owned(), task_id: task.id.clone() }),
            None => {
                let insert =
                    "INSERT INTO task (id, split, hash, json, sealed_by) VALUES (?1, ?2, ?3, ?4, ?5)";
                let sealed_by = (task.split == Split::Test).then_some(SEALED_BY_SPLIT);
                let split = value_of(&task.split).as_str().unwrap_or_default().to_owned();
                self.execute(insert, params![task.id, split, hash.as_bytes(), value.to_string(), sealed_by])
            }
        }
    }

    fn refuse_deep<'v>(
        &self,
        what: &'static str,
        id: &str,
        values: impl Iterator<Item = &'v Value>,
    ) -> Result<()> {
        let mut values = values;
        if values.all(|value| is_shallow(value, DEEPEST)) {
            return Ok(());
        }
        Err(Error::TooDeep { path: self.path.to_owned(), what, id: id.to_owned(), limit: DEEPEST })
    }

    /// Runs a statement.
    pub fn execute(&self, statement: &str, parameters: impl Params) -> Result<()> {
        let prepared = self.connection.prepare_cached(statement);
        let done = prepared.and_then(|mut statement| statement.execute(parameters));
        done.map(|_rows| ()).map_err(sqlite(self.path, self.doing))
    }

    /// The rows of a query, as tuples.
    pub fn rows<T>(&self, query: &str, parameters: &[&dyn ToSql]) -> Result<Vec<T>>
    where
        for<'row> T: TryFrom<&'row Row<'row>, Error = rusqlite::Error>,
    {
        rows(self.connection, query, parameters).map_err(sqlite(self.path, self.doing))
    }
}

/// Everything in a task that can be nested.
fn values_of_task(task: &Task) -> impl Iterator<Item = &Value> {
    let arguments = task.plans.iter().flat_map(|plan| &plan.calls).flat_map(|call| call.arguments.values());
    task.tools.iter().map(|tool| &tool.parameters).chain(arguments).chain([&task.world])
}

/// Everything in a trajectory that can be nested.
fn values_of_trajectory(trajectory: &Trajectory) -> impl Iterator<Item = &Value> {
    trajectory.records().filter_map(|record| record.call.as_ref()).flat_map(|call| call.arguments.values())
}

fn value_of(item: &impl Serialize) -> Value {
    serde_json::to_value(item).expect("structs of strings, numbers and JSON values always serialise")
}

/// What a trajectory's hash is the hash of.
fn pair(task: Value, trajectory: Value) -> Value {
    Value::Object([("task".to_owned(), task), ("trajectory".to_owned(), trajectory)].into_iter().collect())
}
