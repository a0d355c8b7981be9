//! What the person sees: bars on a terminal, plain lines elsewhere.
#![expect(clippy::print_stderr, reason = "this is where the program prints")]

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mentor::progress::{Event, Observer};

/// Whether a line could not be written, as on a full disk.
static LOST: AtomicBool = AtomicBool::new(false);

/// A line for the person. Where nobody reads any more (`… | head`) the work goes on all the same; where a line is
/// lost it goes on, too, but [`is_complete`] tells.
pub fn say(line: &str) {
    let lost =
        writeln!(io::stdout(), "{line}").err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
    if let Some(error) = lost
        && !LOST.swap(true, Ordering::Relaxed)
    {
        warn(&format!("standard output: {error}; what cannot be written there is lost"));
    }
}

/// Whether everything that was said has been written.
pub fn is_complete() -> bool {
    !LOST.load(Ordering::Relaxed)
}

/// Something the person should know before going on.
pub fn warn(line: &str) {
    eprintln!("warning: {line}");
}

/// An error with its causes.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Shows a run's progress.
pub struct Display {
    bar: Option<ProgressBar>,
    label: String,
    started: Instant,
    spoken: Instant,
}

/// Plain lines come at most this often.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

impl Display {
    /// Bars if somebody watches, lines if not.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{prefix:22} {bar:30} {pos:>4}/{len:<4} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, label: String::new(), started: Instant::now(), spoken: Instant::now() }
    }

    /// Time left, from the share of the expected work that is done and the time that it took.
    fn left(&self, share: f64) -> String {
        if share <= 0.0 {
            return String::new();
        }
        let seconds = self.started.elapsed().as_secs_f64() * (1.0 - share) / share;
        format!("{} left", duration(seconds))
    }

    fn advanced(&mut self, done: usize, total: usize, share: f64, note: &str) {
        let left = self.left(share);
        match &self.bar {
            Some(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                bar.set_message(format!("{left}  {note}"));
            }
            None if self.spoken.elapsed() >= PLAIN_EVERY || done == total => {
                say(&format!("{}: {done}/{total}  {note}  ({left})", self.label));
                self.spoken = Instant::now();
            }
            None => {}
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => say(line),
        }
    }
}

impl Observer for Display {
    fn event(&mut self, event: Event) {
        match event {
            Event::Started { label, done, total } => {
                if done > 0 {
                    self.line(&format!("{label}: goes on after step {done} of {total}"));
                }
                if let Some(bar) = &self.bar {
                    bar.set_prefix(label.clone());
                    bar.set_length(total as u64);
                    bar.set_position(done as u64);
                }
                self.label = label;
            }
            Event::Advanced { done, total, share, note } => self.advanced(done, total, share, &note),
            Event::Finished { label, note } => self.line(&format!("{label}: {note}")),
            Event::Said(line) => self.line(&line),
        }
    }
}

/// `42 s`, `3 min 20 s`, `1 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `830 B`, `12 MB`, `1.5 GB`.
pub fn bytes(count: f64) -> String {
    match count {
        ..1e6 => format!("{:.0} kB", count / 1e3),
        1e6..1e9 => format!("{:.0} MB", count / 1e6),
        _ => format!("{:.1} GB", count / 1e9),
    }
}

/// `950`, `12 k`, `3.4 M`.
pub fn count(count: f64) -> String {
    match count {
        ..1e3 => format!("{count:.0}"),
        1e3..1e6 => format!("{:.0} k", count / 1e3),
        _ => format!("{:.1} M", count / 1e6),
    }
}
