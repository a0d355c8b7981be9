//! The file: several handles, kills, damage.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{attempt, task};
use mentor_store::{Audience, Error, Store};
use mentor_trajectory::Split;
use rusqlite::Connection;

/// A closed store of this many attempts.
fn filled(path: &Path, attempts: usize) {
    let mut store = Store::open(path, Audience::Evaluation).expect("a new store");
    let task = task("t", Split::Train);
    let attempts: Vec<_> = (0..attempts).map(|number| attempt("t", number)).collect();
    store.put_all(attempts.iter().map(|attempt| (&task, attempt))).expect("room");
}

#[test]
fn a_store_is_there_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a ?b#%20.sqlite");
    filled(&path, 5);
    assert_eq!(Store::open_read_only(&path, Audience::Training).unwrap().by_task("t").unwrap().len(), 5);
    filled(&path, 7);
    assert_eq!(Store::open(&path, Audience::Training).unwrap().by_task("t").unwrap().len(), 7);
}

#[test]
fn a_read_only_handle_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    filled(&path, 1);
    let mut store = Store::open_read_only(&path, Audience::Evaluation).unwrap();
    let message = store.put(&task("t", Split::Train), &attempt("t", 9)).unwrap_err().to_string();
    assert!(message.contains("opened for reading"), "{message}");
    assert_eq!(store.by_task("t").unwrap().len(), 1);
}

#[test]
fn readers_and_writers_share_a_store() {
    /// Says that a writer has ended, also by a panic: readers must not wait for it then.
    struct Ended<'a>(&'a AtomicUsize);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("s.sqlite");
    let ended = &AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || {
                let _ended = Ended(ended);
                let mut store = Store::open(path, Audience::Evaluation).unwrap();
                for number in 0..25 {
                    store.put(&task("t", Split::Train), &attempt("t", writer * 25 + number)).unwrap();
                }
            });
        }
        for _ in 0..4 {
            scope.spawn(|| {
                let store = Store::open(path, Audience::Training).unwrap();
                let mut seen = 0;
                loop {
                    let last = ended.load(Ordering::SeqCst) == 4;
                    let now = store.by_task("t").unwrap().len();
                    assert!(now >= seen, "{now} after {seen}");
                    seen = now;
                    if last {
                        break;
                    }
                }
                assert_eq!(seen, 100);
            });
        }
    });
}

/// Not a test: the process that `a_killed_writer_leaves_whole_batches` starts and kills.
#[test]
#[ignore = "runs until it is killed"]
fn writer_to_be_killed() {
    let path = std::env::var("MENTOR_STORE_TEST").unwrap();
    let mut store = Store::open(path, Audience::Evaluation).unwrap();
    let task = task("t", Split::Train);
    for batch in 0.. {
        let attempts: Vec<_> = (0..10).map(|number| attempt("t", batch * 10 + number)).collect();
        store.put_all(attempts.iter().map(|attempt| (&task, attempt))).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    filled(&path, 10);
    let mut before = 10;
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_to_be_killed", "--ignored"])
            .env("MENTOR_STORE_TEST", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let reader = Store::open_read_only(&path, Audience::Training).unwrap();
        // Killed at some point after it is known to have written.
        while reader.entries().unwrap().len() <= before {
            assert!(child.try_wait().unwrap().is_none(), "the writer stopped by itself");
            std::thread::sleep(Duration::from_millis(3 + 4 * round));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(reader);
        let after = Store::open(&path, Audience::Training).unwrap().by_task("t").unwrap().len();
        assert!(after > before && after.is_multiple_of(10), "{after} after {before}");
        // The next round starts at batch 0 again: what is there stays, what is new is added.
        before = after;
    }
}

fn refused(path: &Path) -> String {
    let written = Store::open(path, Audience::Training).expect_err("it must be refused").to_string();
    let read = Store::open_read_only(path, Audience::Training).expect_err("it must be refused").to_string();
    assert_eq!(written, read);
    assert!(read.starts_with(&path.display().to_string()), "{read}");
    read
}

#[test]
fn a_truncated_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sqlite");
    filled(&path, 200);
    let bytes = std::fs::read(&path).unwrap();
    for kept in [40, 100, 512, 4096, bytes.len() / 2, bytes.len() - 4096] {
        let path = folder.path().join(format!("{kept}.sqlite"));
        std::fs::write(&path, &bytes[..kept]).unwrap();
        let message = refused(&path);
        assert!(
            message.contains("is damaged") || message.contains("is no trajectory store"),
            "{kept}: {message}"
        );
    }
}

/// Every byte in turn, which is what a cut inside a page or a bad sector does.
#[test]
fn a_changed_byte_is_refused_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.sqlite");
    filled(&path, 12);
    let bytes = std::fs::read(&path).unwrap();
    let whole = Store::open(&path, Audience::Training).unwrap().by_task("t").unwrap();
    let (mut refused, damaged) = (0, folder.path().join("damaged.sqlite"));
    for place in (0..bytes.len()).step_by(97) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x11;
        std::fs::write(&damaged, &bytes).unwrap();
        let read = Store::open_read_only(&damaged, Audience::Training).and_then(|store| store.by_task("t"));
        match read {
            Ok(found) => assert_eq!(found, whole, "byte {place}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn a_file_with_overwritten_pages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    filled(&path, 200);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    assert!(refused(&path).contains("is damaged"));
}

#[test]
fn altered_content_is_refused_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    filled(&path, 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(8).position(|window| window == b"scripted").unwrap();
    bytes[place..place + 8].copy_from_slice(b"Scripted");
    std::fs::write(&path, &bytes).unwrap();
    let message = Store::open(&path, Audience::Training).unwrap().by_task("t").unwrap_err().to_string();
    assert!(message.contains("s.sqlite") && message.contains("is not what was put"), "{message}");
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    assert!(
        refused(&write("notes.txt", "no database at all ".repeat(100).as_bytes()))
            .contains("is no trajectory store")
    );
    let empty = write("empty", b"");
    let message = Store::open_read_only(&empty, Audience::Training).unwrap_err().to_string();
    assert!(message.contains("it is empty"), "{message}");
    let foreign = folder.path().join("foreign.sqlite");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    assert!(refused(&foreign).contains("another program's database"));
    let missing = folder.path().join("missing.sqlite");
    assert!(matches!(Store::open_read_only(&missing, Audience::Training), Err(Error::Open { .. })));
    assert!(!missing.exists());
    let message =
        Store::open(folder.path().join("no/such/s.sqlite"), Audience::Training).unwrap_err().to_string();
    assert!(message.contains("no/such/s.sqlite") && message.contains("the folder exists"), "{message}");
}

#[test]
fn another_schema_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    filled(&path, 1);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    assert!(refused(&path).contains("has schema version 2, and this program reads version 1"));
}

/// Not through a handle, which offers no such thing: through the file itself.
#[test]
fn the_file_itself_refuses_to_change_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    filled(&path, 2);
    let mut store = Store::open(&path, Audience::Evaluation).unwrap();
    let members: Vec<_> = store.entries().unwrap().iter().map(|entry| entry.hash).collect();
    store.snapshot("s", Audience::Evaluation, &members).unwrap();
    let file = Connection::open(&path).unwrap();
    for statement in [
        "UPDATE trajectory SET json = '{}'",
        "DELETE FROM trajectory",
        "UPDATE task SET split = 'train'",
        "UPDATE task SET sealed_by = NULL",
        "DELETE FROM task",
        "UPDATE snapshot SET audience = 'training'",
        "DELETE FROM snapshot",
        "UPDATE snapshot_member SET snapshot = 'x'",
        "DELETE FROM snapshot_member",
    ] {
        assert!(file.execute_batch(statement).is_err(), "{statement}");
    }
    // A member slipped in shows in the snapshot's hash.
    store.put(&task("t", Split::Train), &attempt("t", 9)).unwrap();
    file.execute_batch("INSERT OR IGNORE INTO snapshot_member SELECT 's', hash FROM trajectory").unwrap();
    let message = store.open_snapshot("s").unwrap_err().to_string();
    assert!(message.contains("not those it was made of"), "{message}");
}
