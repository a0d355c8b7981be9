//! What can go wrong, with the file's name and what to do about it.

use rusqlite::ErrorCode;

use crate::ContentHash;

/// Why a store could not do as asked. Every message begins with the file's path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or created.
    #[error(
        "{path}: cannot be opened ({source}): check that the folder exists and may be written to (a store keeps two more files beside it while open)"
    )]
    Open {
        /// The store's file.
        path: String,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// The file is something else, or empty and opened for reading.
    #[error("{path}: is no trajectory store ({reason}): name a store's file, or a new one to make a store")]
    NotAStore {
        /// The file.
        path: String,
        /// How one can tell.
        reason: String,
    },
    /// The file was written by another version of this crate.
    #[error(
        "{path}: has schema version {found}, and this program reads version {supported}: use the version of the program that wrote it, or make the store again"
    )]
    SchemaVersion {
        /// The store's file.
        path: String,
        /// The version in the file.
        found: i64,
        /// The version this crate reads and writes.
        supported: i64,
    },
    /// The file is cut off or altered, or a record in it is no longer what was put.
    #[error("{path}: is damaged ({detail}): restore it from a copy or make the store again")]
    Damaged {
        /// The store's file.
        path: String,
        /// What does not hold.
        detail: String,
    },
    /// A task of this id is stored with other content.
    #[error(
        "{path}: task {task_id:?} is stored with other content: give the new task another id, or use another store"
    )]
    TaskConflict {
        /// The store's file.
        path: String,
        /// The id.
        task_id: String,
    },
    /// A trajectory was put with a task it is not an attempt at.
    #[error(
        "{path}: trajectory {trajectory_id:?} is an attempt at task {named:?}, and was put with task {given:?}: put it with its own task"
    )]
    WrongTask {
        /// The store's file.
        path: String,
        /// The trajectory's id.
        trajectory_id: String,
        /// The task the trajectory names.
        named: String,
        /// The task it was put with.
        given: String,
    },
    /// A JSON value is nested too deeply to be read back.
    #[error(
        "{path}: {what} {id:?} holds JSON nested more than {limit} levels deep: it could not be read back, leave it out"
    )]
    TooDeep {
        /// The store's file.
        path: String,
        /// `task` or `trajectory`.
        what: &'static str,
        /// Its id.
        id: String,
        /// The deepest nesting of a value that is stored.
        limit: usize,
    },
    /// What was asked for is kept for evaluation, and the store was opened for training.
    #[error(
        "{path}: {what} is sealed for evaluation ({reason}) and this store was opened for training: train on other tasks, or evaluate with a store opened for evaluation"
    )]
    Sealed {
        /// The store's file.
        path: String,
        /// What is sealed (`snapshot "test"`, `task "t1"`).
        what: String,
        /// Why it is.
        reason: String,
    },
    /// A task would be both trained on and kept for evaluation.
    #[error(
        "{path}: snapshot {snapshot:?} would hold task {task_id:?}, which {reason}: a task is for training or for evaluation, never both"
    )]
    Contaminated {
        /// The store's file.
        path: String,
        /// The snapshot that was to be made.
        snapshot: String,
        /// The task.
        task_id: String,
        /// Where it is already.
        reason: String,
    },
    /// A snapshot of this name exists with other members or another audience.
    #[error(
        "{path}: snapshot {name:?} exists with {difference}: snapshots never change, choose another name"
    )]
    SnapshotExists {
        /// The store's file.
        path: String,
        /// The name.
        name: String,
        /// What differs.
        difference: &'static str,
    },
    /// There is no snapshot of this name.
    #[error("{path}: has no snapshot {name:?}; it has {known}: check the name, or make the snapshot")]
    NoSnapshot {
        /// The store's file.
        path: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A snapshot was to hold a trajectory that is not in the store, or that this handle may not read.
    #[error("{path}: has no trajectory {hash} to put into snapshot {snapshot:?}: put it first")]
    NoTrajectory {
        /// The store's file.
        path: String,
        /// The snapshot that was to be made.
        snapshot: String,
        /// The hash asked for.
        hash: ContentHash,
    },
    /// Anything else that `SQLite` reports.
    #[error("{path}: {doing} failed: {source}{remedy}")]
    Sqlite {
        /// The store's file.
        path: String,
        /// What was being done.
        doing: &'static str,
        /// What `SQLite` says.
        source: rusqlite::Error,
        /// What to do, where that is known.
        remedy: &'static str,
    },
}

/// Turns `SQLite`'s error into ours.
pub(crate) fn sqlite(path: &str, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    let path = path.to_owned();
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => Error::Damaged { path, detail: source.to_string() },
        Some(ErrorCode::NotADatabase) => Error::NotAStore { path, reason: source.to_string() },
        Some(ErrorCode::CannotOpen) => Error::Open { path, source },
        code => Error::Sqlite { path, doing, remedy: code.map_or("", remedy), source },
    }
}

fn remedy(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            ": another process has been writing for long, try again when it is done"
        }
        ErrorCode::DiskFull => ": free some space and do it again, nothing was half written",
        ErrorCode::ReadOnly => ": the store was opened for reading, or its file may not be written to",
        _ => "",
    }
}
