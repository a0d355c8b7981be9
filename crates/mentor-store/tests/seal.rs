//! A handle opened for training does not see what is kept for evaluation.

mod common;

use common::{attempt, task};
use mentor_store::{Audience, ContentHash, Error, Store};
use mentor_trajectory::Split;
use tempfile::TempDir;

/// A store with a training task `a`, a test task `b`, and a validation task `c`; one attempt each.
fn filled() -> (TempDir, std::path::PathBuf, [ContentHash; 3]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("teacher.sqlite");
    let mut store = Store::open(&path, Audience::Evaluation).expect("a new store");
    let mut put = |id: &str, split| store.put(&task(id, split), &attempt(id, 0)).expect("room");
    let hashes = [put("a", Split::Train), put("b", Split::Test), put("c", Split::Validation)];
    (folder, path, hashes)
}

/// Every way to reach a task, and what it says.
fn refusals(store: &mut Store, id: &str, split: Split) -> Vec<String> {
    let (sealed, attempt) = (task(id, split), attempt(id, 7));
    let errors = [
        store.by_task(id).map(drop),
        store.task(id).map(drop),
        store.put(&sealed, &attempt).map(drop),
        store.put_all([(&sealed, &attempt)]).map(drop),
    ];
    errors.map(|result| result.expect_err("it is sealed").to_string()).to_vec()
}

#[test]
fn a_test_task_is_sealed_from_the_moment_it_is_put() {
    let (_folder, path, hashes) = filled();
    let mut training = Store::open(&path, Audience::Training).unwrap();
    for message in refusals(&mut training, "b", Split::Test) {
        for part in ["teacher.sqlite", "task \"b\"", "its split is test", "opened for training"] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
    let visible: Vec<String> = training.entries().unwrap().into_iter().map(|entry| entry.task_id).collect();
    assert_eq!(visible, ["a", "c"]);
    let error = training.snapshot("s", Audience::Training, &hashes).unwrap_err();
    assert!(matches!(error, Error::NoTrajectory { hash, .. } if hash == hashes[1]), "{error}");
    assert_eq!(training.by_task("a").unwrap(), [attempt("a", 0)]);
    let read_only = Store::open_read_only(&path, Audience::Training).unwrap();
    assert!(matches!(read_only.by_task("b"), Err(Error::Sealed { .. })));
    assert_eq!(
        Store::open_read_only(&path, Audience::Evaluation).unwrap().by_task("b").unwrap(),
        [attempt("b", 0)]
    );
}

#[test]
fn a_snapshot_for_evaluation_seals_its_tasks_and_does_not_open_to_training() {
    let (_folder, path, [_, test, validation]) = filled();
    let mut training = Store::open(&path, Audience::Training).unwrap();
    assert_eq!(training.by_task("c").unwrap().len(), 1);
    let mut evaluation = Store::open(&path, Audience::Evaluation).unwrap();
    evaluation.snapshot("held out", Audience::Evaluation, &[test, validation]).unwrap();

    let message = training.open_snapshot("held out").unwrap_err().to_string();
    for part in
        ["teacher.sqlite", "snapshot \"held out\"", "it was made for evaluation", "opened for training"]
    {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    // The handle was open before the seal, and other attempts at the task are sealed with it.
    for message in refusals(&mut training, "c", Split::Validation) {
        assert!(message.contains("it is in snapshot \"held out\""), "{message}");
    }
    assert_eq!(training.entries().unwrap().len(), 1);
    let reader = evaluation.open_snapshot("held out").unwrap();
    assert_eq!(reader.by_task("b").unwrap(), [attempt("b", 0)]);
    assert_eq!(reader.tasks().unwrap().len(), 2);
}

#[test]
fn no_task_is_for_both() {
    let (_folder, path, [train, test, _]) = filled();
    let mut evaluation = Store::open(&path, Audience::Evaluation).unwrap();
    let error = evaluation.snapshot("s", Audience::Training, &[train, test]).unwrap_err().to_string();
    assert!(error.contains("task \"b\"") && error.contains("its split is test"), "{error}");
    evaluation.snapshot("train", Audience::Training, &[train]).unwrap();
    let error = evaluation.snapshot("s", Audience::Evaluation, &[train]).unwrap_err().to_string();
    assert!(error.contains("task \"a\"") && error.contains("snapshot \"train\" for training"), "{error}");
    assert_eq!(evaluation.snapshots().unwrap().len(), 1);
    let training = Store::open(&path, Audience::Training).unwrap();
    assert_eq!(training.open_snapshot("train").unwrap().by_task("a").unwrap().len(), 1);
}

#[test]
fn training_cannot_seal() {
    let (_folder, path, [train, ..]) = filled();
    let mut training = Store::open(&path, Audience::Training).unwrap();
    assert!(matches!(training.snapshot("s", Audience::Evaluation, &[train]), Err(Error::Sealed { .. })));
    assert_eq!(training.audience(), Audience::Training);
}
