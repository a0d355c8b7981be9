//! Named, immutable selections of trajectories, and whom they are for.

use std::collections::BTreeSet;

use mentor_trajectory::{Task, Trajectory};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::store::Writing;
use crate::{Audience, ContentHash, Error, Result, Store};

/// A named selection of trajectories that never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name, unique in the store.
    pub name: String,
    /// Whom it is for.
    pub audience: Audience,
    /// The SHA-256 of its members' hashes, sorted and joined by newlines: equal for the same content in any store.
    pub hash: ContentHash,
    /// How many trajectories it holds.
    pub len: usize,
}

/// A snapshot, open for reading.
#[derive(Debug)]
pub struct SnapshotReader<'a> {
    store: &'a Store,
    snapshot: Snapshot,
}

impl Store {
    /// Makes a snapshot of stored trajectories; the order of `members` and repetitions do not matter.
    ///
    /// One for [`Audience::Evaluation`] seals the tasks of its members: from then on no handle opened for training reads
    /// or writes any trajectory of them. A task in a snapshot for training cannot be sealed, and a sealed one cannot be in a
    /// snapshot for training. Making the same snapshot again changes nothing; the same name with other members or another
    /// audience is an error.
    pub fn snapshot(&mut self, name: &str, audience: Audience, members: &[ContentHash]) -> Result<Snapshot> {
        let members: BTreeSet<ContentHash> = members.iter().copied().collect();
        self.write("making a snapshot", |writing| writing.snapshot(name, audience, &members))
    }

    /// Opens a snapshot; one made for evaluation does not open to a store opened for training.
    pub fn open_snapshot(&self, name: &str) -> Result<SnapshotReader<'_>> {
        let snapshots = self.snapshots()?;
        let Some(snapshot) = snapshots.iter().find(|snapshot| snapshot.name == name).cloned() else {
            let names: Vec<String> =
                snapshots.iter().map(|snapshot| format!("{:?}", snapshot.name)).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Error::NoSnapshot { path: self.path.clone(), name: name.to_owned(), known });
        };
        if snapshot.audience == Audience::Evaluation && self.audience == Audience::Training {
            let reason = "it was made for evaluation".to_owned();
            return Err(Error::Sealed {
                path: self.path.clone(),
                what: format!("snapshot {name:?}"),
                reason,
            });
        }
        let query = "SELECT hash FROM main.snapshot_member WHERE snapshot = ?1";
        let members: Vec<([u8; 32],)> = self.rows("reading a snapshot", query, &[&name])?;
        let members: BTreeSet<ContentHash> = members.into_iter().map(|(hash,)| hash.into()).collect();
        if hash_of(&members) != snapshot.hash {
            return Err(
                self.damaged(format!("the members of snapshot {name:?} are not those it was made of"))
            );
        }
        Ok(SnapshotReader { store: self, snapshot })
    }

    /// All snapshots by name, also those that this handle cannot open.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let query = "SELECT name, audience, hash,
                         (SELECT count(*) FROM main.snapshot_member AS member WHERE member.snapshot = snapshot.name)
                     FROM main.snapshot AS snapshot ORDER BY name";
        let rows: Vec<(String, String, [u8; 32], i64)> = self.rows("listing snapshots", query, &[])?;
        Ok(rows.into_iter().map(described).collect())
    }
}

fn described((name, audience, hash, len): (String, String, [u8; 32], i64)) -> Snapshot {
    // The table holds one of two names; whatever is not for training is kept from it.
    let audience =
        if audience == Audience::Training.name() { Audience::Training } else { Audience::Evaluation };
    Snapshot { name, audience, hash: hash.into(), len: len as usize }
}

fn hash_of(members: &BTreeSet<ContentHash>) -> ContentHash {
    let lines: Vec<String> = members.iter().map(ToString::to_string).collect();
    ContentHash::of_bytes(lines.join("\n").as_bytes())
}

impl Writing<'_> {
    fn snapshot(&self, name: &str, audience: Audience, members: &BTreeSet<ContentHash>) -> Result<Snapshot> {
        if audience == Audience::Evaluation && self.audience == Audience::Training {
            let reason = "only a store opened for evaluation makes such snapshots".to_owned();
            return Err(Error::Sealed {
                path: self.path.to_owned(),
                what: format!("snapshot {name:?}"),
                reason,
            });
        }
        let made = Snapshot { name: name.to_owned(), audience, hash: hash_of(members), len: members.len() };
        if self.exists(&made)? {
            return Ok(made);
        }
        let tasks = self.tasks_of(name, members)?;
        for task in &tasks {
            self.refuse_contamination(&made, task)?;
        }
        let insert = "INSERT INTO snapshot (name, audience, hash) VALUES (?1, ?2, ?3)";
        self.execute(insert, params![name, audience.name(), made.hash.as_bytes()])?;
        for member in members {
            let insert = "INSERT INTO snapshot_member (snapshot, hash) VALUES (?1, ?2)";
            self.execute(insert, params![name, member.as_bytes()])?;
        }
        if audience == Audience::Evaluation {
            for task in &tasks {
                let seal = "UPDATE task SET sealed_by = ?1 WHERE id = ?2 AND sealed_by IS NULL";
                self.execute(seal, params![format!("it is in snapshot {name:?}"), task])?;
            }
        }
        Ok(made)
    }

    /// Whether this very snapshot exists; an error if another one has its name.
    fn exists(&self, wanted: &Snapshot) -> Result<bool> {
        let query = "SELECT audience, hash FROM main.snapshot WHERE name = ?1";
        let found: Vec<(String, [u8; 32])> = self.rows(query, &[&wanted.name])?;
        let Some((audience, hash)) = found.first() else { return Ok(false) };
        let difference = match (audience == wanted.audience.name(), hash == wanted.hash.as_bytes()) {
            (true, true) => return Ok(true),
            (false, _) => "another audience",
            (true, false) => "other members",
        };
        let (path, name) = (self.path.to_owned(), wanted.name.clone());
        Err(Error::SnapshotExists { path, name, difference })
    }

    /// The tasks of the members; an error if one of them is not stored or not to be seen.
    fn tasks_of(&self, snapshot: &str, members: &BTreeSet<ContentHash>) -> Result<BTreeSet<String>> {
        let query = "SELECT task_id FROM temp.readable_trajectory WHERE hash = ?1";
        let mut tasks = BTreeSet::new();
        for member in members {
            let found: Vec<(String,)> = self.rows(query, &[member.as_bytes()])?;
            let Some((task,)) = found.into_iter().next() else {
                let (path, snapshot) = (self.path.to_owned(), snapshot.to_owned());
                return Err(Error::NoTrajectory { path, snapshot, hash: *member });
            };
            tasks.insert(task);
        }
        Ok(tasks)
    }

    fn refuse_contamination(&self, made: &Snapshot, task: &str) -> Result<()> {
        let reasons: Vec<(String,)> = match made.audience {
            Audience::Training => {
                let query = "SELECT 'is sealed: ' || sealed_by FROM main.task WHERE id = ?1 AND sealed_by IS NOT NULL";
                self.rows(query, &[&task])?
            }
            Audience::Evaluation => {
                let query = "SELECT 'is in snapshot \"' || snapshot.name || '\" for training'
                             FROM main.snapshot AS snapshot
                             JOIN main.snapshot_member AS member ON member.snapshot = snapshot.name
                             JOIN main.trajectory AS trajectory ON trajectory.hash = member.hash
                             WHERE snapshot.audience = 'training' AND trajectory.task_id = ?1 LIMIT 1";
                self.rows(query, &[&task])?
            }
        };
        let Some((reason,)) = reasons.into_iter().next() else { return Ok(()) };
        let (path, snapshot) = (self.path.to_owned(), made.name.clone());
        Err(Error::Contaminated { path, snapshot, task_id: task.to_owned(), reason })
    }
}

impl SnapshotReader<'_> {
    /// Name, audience, hash and size.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The hash of the snapshot's content.
    pub fn hash(&self) -> ContentHash {
        self.snapshot.hash
    }

    /// How many trajectories it holds.
    pub fn len(&self) -> usize {
        self.snapshot.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.snapshot.len == 0
    }

    /// The snapshot's trajectories of a task, by hash; none if it holds no such task.
    pub fn by_task(&self, task_id: &str) -> Result<Vec<Trajectory>> {
        let query = "SELECT trajectory.hash, trajectory.json FROM temp.readable_trajectory AS trajectory
                     JOIN main.snapshot_member AS member ON member.hash = trajectory.hash
                     WHERE trajectory.task_id = ?1 AND member.snapshot = ?2 ORDER BY trajectory.hash";
        self.store.trajectories(task_id, query, &[&task_id, &self.snapshot.name])
    }

    /// The snapshot's tasks, by id.
    pub fn tasks(&self) -> Result<Vec<Task>> {
        let query = "SELECT DISTINCT trajectory.task_id FROM temp.readable_trajectory AS trajectory
                     JOIN main.snapshot_member AS member ON member.hash = trajectory.hash
                     WHERE member.snapshot = ?1 ORDER BY trajectory.task_id";
        let ids: Vec<(String,)> = self.store.rows("listing tasks", query, &[&self.snapshot.name])?;
        let tasks = ids.iter().map(|(id,)| self.store.task(id));
        tasks.filter_map(Result::transpose).collect()
    }
}
