//! The file: opening it, knowing it for ours, and its tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::sqlite;
use crate::{Audience, Error, Result};

/// "MNTR" in `SQLite`'s header field for what a file is.
const APPLICATION_ID: i64 = 0x4d4e_5452;

/// Changes with every change of the tables below.
pub(crate) const VERSION: i64 = 1;

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tables. What was written stays as it is: triggers refuse to change or delete it, whoever asks. A task can be
/// sealed, never unsealed.
const TABLES: &str = "
CREATE TABLE task (
    id TEXT PRIMARY KEY,
    split TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    json TEXT NOT NULL,
    sealed_by TEXT
) STRICT;
CREATE TABLE trajectory (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    task_id TEXT NOT NULL REFERENCES task (id),
    json TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX trajectory_by_task ON trajectory (task_id, hash);
CREATE TABLE snapshot (
    name TEXT PRIMARY KEY,
    audience TEXT NOT NULL CHECK (audience IN ('training', 'evaluation')),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE snapshot_member (
    snapshot TEXT NOT NULL REFERENCES snapshot (name),
    hash BLOB NOT NULL REFERENCES trajectory (hash),
    PRIMARY KEY (snapshot, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_by_member ON snapshot_member (hash);

CREATE TRIGGER task_is_fixed BEFORE UPDATE OF id, split, hash, json ON task
    BEGIN SELECT RAISE(ABORT, 'a stored task never changes'); END;
CREATE TRIGGER task_stays_sealed BEFORE UPDATE OF sealed_by ON task WHEN OLD.sealed_by IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a sealed task stays sealed'); END;
CREATE TRIGGER task_stays BEFORE DELETE ON task
    BEGIN SELECT RAISE(ABORT, 'a stored task is never deleted'); END;
CREATE TRIGGER trajectory_is_fixed BEFORE UPDATE ON trajectory
    BEGIN SELECT RAISE(ABORT, 'a stored trajectory never changes'); END;
CREATE TRIGGER trajectory_stays BEFORE DELETE ON trajectory
    BEGIN SELECT RAISE(ABORT, 'a stored trajectory is never deleted'); END;
CREATE TRIGGER snapshot_is_fixed BEFORE UPDATE ON snapshot
    BEGIN SELECT RAISE(ABORT, 'a snapshot never changes'); END;
CREATE TRIGGER snapshot_stays BEFORE DELETE ON snapshot
    BEGIN SELECT RAISE(ABORT, 'a snapshot is never deleted'); END;
CREATE TRIGGER member_is_fixed BEFORE UPDATE ON snapshot_member
    BEGIN SELECT RAISE(ABORT, 'a snapshot never changes'); END;
CREATE TRIGGER member_stays BEFORE DELETE ON snapshot_member
    BEGIN SELECT RAISE(ABORT, 'a snapshot never changes'); END;
";

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadOnly,
    ReadWrite,
}

/// Opens a file, makes it a store if it is new, and checks that it is a whole one of this version.
pub(crate) fn open(path: &Path, audience: Audience, mode: Mode) -> Result<(Connection, String)> {
    let shown = path.display().to_string();
    let flags = match mode {
        Mode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Mode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|source| Error::Open { path: shown.clone(), source })?;
    prepare(&mut connection, &shown, audience, mode)?;
    Ok((connection, shown))
}

/// A store that lives as long as its handle.
pub(crate) fn in_memory(audience: Audience) -> Result<(Connection, String)> {
    let shown = "(a store in memory)".to_owned();
    let mut connection = Connection::open_in_memory().map_err(sqlite(&shown, "opening"))?;
    prepare(&mut connection, &shown, audience, Mode::ReadWrite)?;
    Ok((connection, shown))
}

fn prepare(connection: &mut Connection, path: &str, audience: Audience, mode: Mode) -> Result<()> {
    let failed = || sqlite(path, "opening");
    connection.busy_timeout(PATIENCE).map_err(failed())?;
    if mode == Mode::ReadWrite && is_new(connection).map_err(failed())? {
        create(connection).map_err(sqlite(path, "making the tables"))?;
    }
    check(connection, path)?;
    if mode == Mode::ReadWrite {
        write_ahead(connection).map_err(failed())?;
        let pragmas = "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
        connection.execute_batch(pragmas).map_err(failed())?;
    }
    connection.execute_batch(&views(audience)).map_err(failed())
}

/// Turns WAL mode on, in which a killed process loses at most what it had not committed and readers never wait for a
/// writer. `SQLite` does not wait for others who open the file when it changes the mode: that is done here.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        let done = connection.execute_batch("PRAGMA journal_mode = WAL");
        let busy = done.as_ref().is_err_and(|e| e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
        if !busy || waited >= PATIENCE {
            return done;
        }
        std::thread::sleep(PAUSE);
        waited += PAUSE;
    }
}

fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(objects == 0 && pragma(connection, "application_id")? == 0 && pragma(connection, "user_version")? == 0)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody else may have made them while this process waited for the lock.
    if is_new(&transaction)? {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

/// Refuses a file that is not ours, of another version, or damaged.
fn check(connection: &Connection, path: &str) -> Result<()> {
    let failed = || sqlite(path, "checking the file");
    let application = pragma(connection, "application_id").map_err(failed())?;
    if application != APPLICATION_ID {
        let reason = if is_new(connection).map_err(failed())? {
            "it is empty".to_owned()
        } else {
            format!("it is another program's database, application id {application:#x}")
        };
        return Err(Error::NotAStore { path: path.to_owned(), reason });
    }
    let found = pragma(connection, "user_version").map_err(failed())?;
    if found != VERSION {
        return Err(Error::SchemaVersion { path: path.to_owned(), found, supported: VERSION });
    }
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed())?;
    if verdict == "ok" { Ok(()) } else { Err(Error::Damaged { path: path.to_owned(), detail: verdict }) }
}

/// What a connection reads through.
///
/// Every query that returns a task or a trajectory names these views and not the tables, so a handle for training
/// cannot come across what is sealed, whatever a later query asks.
fn views(audience: Audience) -> String {
    let seen = match audience {
        Audience::Training => "task.sealed_by IS NULL",
        Audience::Evaluation => "TRUE",
    };
    format!(
        "CREATE TEMP VIEW readable_task AS
             SELECT task.id, task.split, task.hash, task.json FROM main.task AS task WHERE {seen};
         CREATE TEMP VIEW readable_trajectory AS
             SELECT trajectory.hash, trajectory.task_id, trajectory.json FROM main.trajectory AS trajectory
             JOIN main.task AS task ON task.id = trajectory.task_id WHERE {seen};"
    )
}
