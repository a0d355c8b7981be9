//! Putting, finding, and what never changes.

mod common;

use common::{arguments, attempt, task};
use mentor_store::{Audience, ContentHash, Error, Store};
use mentor_trajectory::{Split, Trajectory};
use serde_json::{Value, json};

fn store() -> Store {
    Store::in_memory(Audience::Evaluation).expect("memory is there")
}

#[test]
fn what_was_put_is_found_by_its_task() {
    let mut store = store();
    let (first, second) = (task("t1", Split::Train), task("t2", Split::Train));
    let attempts = [attempt("t1", 0), attempt("t1", 1), attempt("t2", 0)];
    let hashes =
        store.put_all([(&first, &attempts[0]), (&first, &attempts[1]), (&second, &attempts[2])]).unwrap();
    assert_eq!(store.by_task("t2").unwrap(), [attempts[2].clone()]);
    let mut found = store.by_task("t1").unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, attempts[..2]);
    assert_eq!(store.task("t1").unwrap(), Some(first));
    assert_eq!(store.by_task("t3").unwrap(), []);
    assert_eq!(store.task("t3").unwrap(), None);
    let entries = store.entries().unwrap();
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| hashes.contains(&entry.hash) && entry.split == Split::Train));
}

#[test]
fn written_order_of_keys_is_kept() {
    let mut store = store();
    let task = task("t1", Split::Train);
    store.put(&task, &attempt("t1", 0)).unwrap();
    let found = store.task("t1").unwrap().unwrap();
    assert_eq!(found.tools[0].parameter_names().collect::<Vec<_>>(), ["b", "a"]);
    let trajectory = store.by_task("t1").unwrap().remove(0);
    let call = trajectory.strict_calls().next().unwrap();
    assert_eq!(call.arguments.keys().collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn putting_again_changes_nothing() {
    let mut store = store();
    let (task, attempt) = (task("t1", Split::Train), attempt("t1", 0));
    let hash = store.put(&task, &attempt).unwrap();
    assert_eq!(store.put(&task, &attempt).unwrap(), hash);
    let found = store.by_task("t1").unwrap().remove(0);
    assert_eq!(store.put(&task, &found).unwrap(), hash);
    assert_eq!(store.entries().unwrap().len(), 1);
}

#[test]
fn equal_content_has_one_name_in_every_store() {
    let task = task("t1", Split::Train);
    let names = |order: &[usize]| -> Vec<ContentHash> {
        let mut store = store();
        for number in order {
            store.put(&task, &attempt("t1", *number)).unwrap();
        }
        store.entries().unwrap().into_iter().map(|entry| entry.hash).collect()
    };
    assert_eq!(names(&[0, 1, 2]), names(&[2, 0, 1]));
    let mut other = task.clone();
    other.answer = "3".into();
    assert_ne!(
        store().put(&other, &attempt("t1", 0)).unwrap(),
        store().put(&task, &attempt("t1", 0)).unwrap()
    );
}

#[test]
fn a_task_keeps_its_content() {
    let mut store = store();
    store.put(&task("t1", Split::Train), &attempt("t1", 0)).unwrap();
    let mut changed = task("t1", Split::Train);
    changed.answer = "3".into();
    let error = store.put(&changed, &attempt("t1", 1)).unwrap_err();
    assert!(matches!(&error, Error::TaskConflict { task_id, .. } if task_id == "t1"), "{error}");
    let error = store.put(&task("t2", Split::Train), &attempt("t1", 1)).unwrap_err();
    assert!(matches!(error, Error::WrongTask { .. }), "{error}");
}

#[test]
fn a_batch_is_stored_whole_or_not_at_all() {
    let mut store = store();
    let (good, bad) = (task("t1", Split::Train), task("t2", Split::Train));
    let (first, second) = (attempt("t1", 0), attempt("t1", 1));
    assert!(store.put_all([(&good, &first), (&bad, &second)]).is_err());
    assert_eq!(store.task("t1").unwrap(), None);
    assert_eq!(store.entries().unwrap(), []);
}

#[test]
fn json_that_could_not_be_read_back_is_refused() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let with_argument = |value: Value| -> Trajectory {
        let mut attempt = attempt("t1", 0);
        attempt.turns[0].calls[0].call.as_mut().expect("it has a call").arguments =
            arguments(&json!({ "x": value }));
        attempt
    };
    let mut store = store();
    let mut deep = task("t1", Split::Train);
    deep.world = nested(101);
    assert!(matches!(store.put(&deep, &attempt("t1", 0)), Err(Error::TooDeep { what: "task", .. })));
    let task = task("t1", Split::Train);
    assert!(matches!(
        store.put(&task, &with_argument(nested(101))),
        Err(Error::TooDeep { what: "trajectory", .. })
    ));
    store.put(&task, &with_argument(nested(100))).unwrap();
    assert_eq!(store.by_task("t1").unwrap(), [with_argument(nested(100))]);
}

#[test]
fn numbers_and_texts_of_any_kind_come_back() {
    let mut store = store();
    let task = task("t1", Split::Train);
    let mut odd = attempt("t1", 0);
    odd.turns[0].calls[0].call.as_mut().unwrap().arguments = arguments(&json!({
        "big": u64::MAX, "small": i64::MIN, "float": 0.1 + 0.2, "tiny": 5e-324, "huge": f64::MAX, "zero": -0.0,
        "text": "\u{0}\u{1f}\u{7f}\u{2028}😀\\\"'", "": null,
    }));
    odd.turns[1].text = "\u{0}\r\n\u{feff}".into();
    store.put(&task, &odd).unwrap();
    assert_eq!(store.by_task("t1").unwrap(), [odd]);
}

#[test]
fn a_snapshot_holds_its_members_and_no_more() {
    let mut store = store();
    let (first, second) = (task("t1", Split::Train), task("t2", Split::Train));
    let one = store.put(&first, &attempt("t1", 0)).unwrap();
    let two = store.put(&second, &attempt("t2", 0)).unwrap();
    store.put(&first, &attempt("t1", 1)).unwrap();
    let made = store.snapshot("s", Audience::Training, &[two, one, two]).unwrap();
    store.put(&first, &attempt("t1", 2)).unwrap();
    assert_eq!(store.snapshots().unwrap(), std::slice::from_ref(&made));
    let reader = store.open_snapshot("s").unwrap();
    assert_eq!(
        (reader.len(), reader.is_empty(), reader.hash(), reader.snapshot()),
        (2, false, made.hash, &made)
    );
    assert_eq!(reader.by_task("t1").unwrap(), [attempt("t1", 0)]);
    assert_eq!(reader.by_task("t3").unwrap(), []);
    assert_eq!(reader.tasks().unwrap(), [first, second]);
}

#[test]
fn a_snapshot_never_changes() {
    let mut store = store();
    let task = task("t1", Split::Train);
    let one = store.put(&task, &attempt("t1", 0)).unwrap();
    let two = store.put(&task, &attempt("t1", 1)).unwrap();
    let made = store.snapshot("s", Audience::Training, &[one, two]).unwrap();
    assert_eq!(store.snapshot("s", Audience::Training, &[two, one]).unwrap(), made);
    let same_content = store.snapshot("again", Audience::Training, &[one, two]).unwrap();
    assert_eq!(same_content.hash, made.hash);
    let error = store.snapshot("s", Audience::Training, &[one]).unwrap_err();
    assert!(matches!(error, Error::SnapshotExists { difference: "other members", .. }), "{error}");
    let error = store.snapshot("s", Audience::Evaluation, &[one, two]).unwrap_err();
    assert!(matches!(error, Error::SnapshotExists { difference: "another audience", .. }), "{error}");
}

#[test]
fn a_snapshot_of_something_unknown_is_refused_and_leaves_no_trace() {
    let mut store = store();
    let one = store.put(&task("t1", Split::Train), &attempt("t1", 0)).unwrap();
    let error = store.snapshot("s", Audience::Training, &[one, ContentHash::of(&json!(1))]).unwrap_err();
    assert!(matches!(error, Error::NoTrajectory { .. }), "{error}");
    assert_eq!(store.snapshots().unwrap(), []);
    let message = store.open_snapshot("s").unwrap_err().to_string();
    assert!(message.contains("\"s\"") && message.contains("it has none"), "{message}");
    store.snapshot("t", Audience::Training, &[one]).unwrap();
    let message = store.open_snapshot("s").unwrap_err().to_string();
    assert!(message.contains("it has \"t\""), "{message}");
}
