//! Writing files so that a run can be killed at any moment and go on.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What to do when the disk is full or the process is stopped.
pub const REMEDY: &str = "nothing is lost: free some space if the disk is full, then give the same command again and the run goes on";

/// Writes a whole file under a temporary name and renames it, so that a reader sees the old or the new one.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("{}: cannot be written; {REMEDY}", path.display()))
}

/// Appends lines of JSON and hands them to the operating system before it returns.
pub fn append_lines<T: Serialize>(path: &Path, lines: impl IntoIterator<Item = T>) -> Result<()> {
    let write = || -> Result<()> {
        let mut out = BufWriter::new(OpenOptions::new().create(true).append(true).open(path)?);
        for line in lines {
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        Ok(())
    };
    write().with_context(|| format!("{}: cannot be written; {REMEDY}", path.display()))
}

/// Writes a whole file of JSON lines atomically.
pub fn write_lines<T: Serialize>(path: &Path, lines: impl IntoIterator<Item = T>) -> Result<()> {
    let mut content = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut content, &line)?;
        content.push(b'\n');
    }
    write_atomic(path, &content)
}

/// Reads a file of JSON lines; a missing file is an error.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = File::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let mut lines = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}:{}: not a line of the expected form", path.display(), number + 1);
        lines.push(serde_json::from_str(&line.with_context(place)?).with_context(place)?);
    }
    Ok(lines)
}

/// Length in bytes; 0 for a missing file.
pub fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Cuts a file back to `length` bytes: what was written after the checkpoint is written again.
pub fn cut(path: &Path, length: u64) -> Result<()> {
    let cut = || -> std::io::Result<()> {
        OpenOptions::new().create(true).append(true).open(path)?;
        OpenOptions::new().write(true).open(path)?.set_len(length)
    };
    cut().with_context(|| format!("{}: cannot be cut back to the checkpoint", path.display()))
}
