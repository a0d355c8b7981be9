//! Checkpoints by folder, from a cache on disk, and from a small server on this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::tiny;
use mentor_model::{HubOptions, Model, SaveDtype, resolve_checkpoint};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn offline(cache: &Path) -> HubOptions {
    HubOptions { offline: true, ..HubOptions::new(cache) }
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let error = resolve_checkpoint(name, &offline(folder.path())).unwrap_err().to_string();
    assert!(error.contains("no config.json"), "{error}");
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    assert_eq!(resolve_checkpoint(name, &offline(folder.path())).unwrap(), folder.path());
}

#[test]
fn names_that_can_be_neither_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "./missing", "/no/such/folder", "a/b/c", "a b", "../x", "org/", "-x/y"] {
        let error = resolve_checkpoint(name, &HubOptions::new(folder.path())).unwrap_err().to_string();
        assert!(error.contains("neither a folder nor a Hub name"), "{name}: {error}");
    }
}

#[test]
fn offline_finds_what_the_cache_has_and_names_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("models--org--small");
    let snapshot = repo.join("snapshots").join(COMMIT);
    std::fs::create_dir_all(repo.join("refs")).unwrap();
    std::fs::write(repo.join("refs/main"), COMMIT).unwrap();
    let options = offline(folder.path());
    let error = resolve_checkpoint("org/small", &options).unwrap_err().to_string();
    assert!(error.contains("config.json is not in the cache") && error.contains("HF_HUB_OFFLINE"), "{error}");
    let model = Model::random(tiny(true), 1).unwrap();
    model.save(&snapshot, SaveDtype::F32).unwrap();
    assert_eq!(resolve_checkpoint("org/small", &options).unwrap(), snapshot);
    std::fs::remove_file(snapshot.join("model.safetensors")).unwrap();
    let error = resolve_checkpoint("org/small", &options).unwrap_err().to_string();
    assert!(error.contains("model.safetensors.index.json is not in the cache"), "{error}");
    let index = r#"{"weight_map": {"a": "model-00001-of-00001.safetensors"}}"#;
    std::fs::write(snapshot.join("model.safetensors.index.json"), index).unwrap();
    let error = resolve_checkpoint("org/small", &options).unwrap_err().to_string();
    assert!(error.contains("model-00001-of-00001.safetensors is not in the cache"), "{error}");
}

/// Answers one request: a file under the address the Hub gives it, whole or the first byte, or 404.
fn answer(stream: TcpStream, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let (mut request, mut range) = (String::new(), None);
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(bytes) = line.to_lowercase().strip_prefix("range: bytes=") {
                let (start, end) = bytes.trim().split_once('-').unwrap_or(("0", ""));
                range = Some((start.parse().unwrap_or(0), end.parse::<usize>().ok()));
            }
        }
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let name = path.strip_prefix("/org/small/resolve/main/").unwrap_or_default();
        let Some(content) = files.get(name) else {
            write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let (start, end): (usize, Option<usize>) = range.unwrap_or((0, None));
        let end = end.map_or(content.len(), |end| (end + 1).min(content.len()));
        write!(
            stream,
            "HTTP/1.1 {}\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\nETag: \"{name}\"\r\nX-Repo-Commit: {COMMIT}\r\n\r\n",
            if range.is_some() { "206 Partial Content" } else { "200 OK" },
            end - start,
            end - 1,
            content.len(),
        )?;
        stream.write_all(&content[start..end])?;
    }
}

#[test]
fn a_checkpoint_is_downloaded_once_and_then_found_offline() {
    let made = tempfile::tempdir().unwrap();
    let model = Model::random(tiny(true), 2).unwrap();
    model.save(made.path(), SaveDtype::Bf16).unwrap();
    let files: BTreeMap<String, Vec<u8>> = ["config.json", "model.safetensors"]
        .map(|name| (name.to_owned(), std::fs::read(made.path().join(name)).unwrap()))
        .into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // The server's threads end with the test program.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let files = files.clone();
            std::thread::spawn(move || answer(stream, &files));
        }
    });
    let cache = tempfile::tempdir().unwrap();
    let options = HubOptions { endpoint, ..HubOptions::new(cache.path()) };
    let found = resolve_checkpoint("org/small", &options).unwrap();
    assert!(found.ends_with(COMMIT));
    assert_eq!(Model::load(&found).unwrap().parameter_count(), model.parameter_count());
    assert_eq!(resolve_checkpoint("org/small", &offline(cache.path())).unwrap(), found);
    let error = resolve_checkpoint("org/other", &options).unwrap_err().to_string();
    assert!(error.contains("no such model"), "{error}");
}
