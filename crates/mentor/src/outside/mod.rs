//! Rewards and tools of another program, in any language, asked over HTTP.
//!
//! What they give is outside the promise that equal configurations give equal bytes: the run records the address, the
//! rest is theirs.

mod reward;
mod tools;

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use reward::OutsideReward;
pub use tools::{OutsideTools, ToolsConfig};

/// Where another program is asked, and how patiently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `http://127.0.0.1:8765/score`, say.
    pub url: String,
    /// Seconds a whole request may take.
    #[serde(default = "default_timeout")]
    pub timeout: f64,
    /// How often it is asked again where that can help; never where a tool might act twice.
    #[serde(default = "default_retries")]
    pub retries: usize,
    /// Whether the address may be another machine's: rollouts leave this one then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remote: bool,
}

pub(crate) fn default_timeout() -> f64 {
    60.0
}

pub(crate) fn default_retries() -> usize {
    3
}

/// Bytes of a reply.
const LARGEST_REPLY: u64 = 256 << 20;

/// The pause before the first repetition; it doubles with each.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Endpoint {
    /// Refuses what cannot be asked, or is another machine without a word of permission.
    pub fn check(&self, key: &str) -> Result<()> {
        let uri: ureq::http::Uri = self.url.parse().with_context(|| {
            format!("{key}.url: {} is no address; write http://127.0.0.1:PORT/PATH", self.url)
        })?;
        let host = uri.host().unwrap_or_default();
        ensure!(
            matches!(uri.scheme_str(), Some("http" | "https")) && !host.is_empty(),
            "{key}.url: {} is no address; write http://127.0.0.1:PORT/PATH",
            self.url
        );
        ensure!(
            self.remote || is_loopback(host),
            "{key}.url: {host} is not this machine; write `remote = true` beside it if rollouts may leave it"
        );
        ensure!(
            self.timeout > 0.0 && self.timeout <= 86_400.0,
            "{key}.timeout: seconds, above 0 and at most a day"
        );
        ensure!(self.retries <= 100, "{key}.retries: at most 100");
        Ok(())
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What is asked: may it be asked a second time if the first may have arrived?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// A score: as often as you like.
    Harmless,
    /// A call: a tool that acts must not act twice.
    Once,
}

/// A program that is asked.
#[derive(Clone, Debug)]
struct Outside {
    endpoint: Endpoint,
    agent: ureq::Agent,
}

/// Why there is no reply, and whether the question can have arrived.
struct Failure {
    error: Error,
    arrived: bool,
    /// Whether another try may end otherwise.
    passing: bool,
}

impl Outside {
    fn new(endpoint: &Endpoint) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs_f64(endpoint.timeout)))
            .http_status_as_error(false)
            .max_redirects(0)
            // No proxy: what is said to be asked is asked, whatever the environment says.
            .proxy(None)
            .build();
        Self { endpoint: endpoint.clone(), agent: config.into() }
    }

    /// Asks until there is a list of `count` replies or no hope; the error names the address and the remedy.
    fn ask(&self, questions: &[Value], question: Question) -> Result<Vec<Value>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let body = serde_json::to_vec(questions).context("the request cannot be written as JSON")?;
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let failure = match self.once(&body, questions.len()) {
                Ok(replies) => return Ok(replies),
                Err(failure) => failure,
            };
            let again = failure.passing && (question == Question::Harmless || !failure.arrived);
            if !again || tries > self.endpoint.retries {
                return Err(failure.error.context(format!(
                    "{}: no use after {tries} {}; make it answer there and give the same command again: the run goes on from its last checkpoint",
                    self.endpoint.url,
                    if tries == 1 { "try" } else { "tries" }
                )));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            tries += 1;
        }
    }

    fn once(&self, body: &[u8], count: usize) -> Result<Vec<Value>, Failure> {
        let sent = self.agent.post(&self.endpoint.url).content_type("application/json").send(body);
        let mut response = sent.map_err(|error| Failure {
            arrived: !is_unreached(&error),
            passing: true,
            error: self.described(error),
        })?;
        let status = response.status().as_u16();
        let read = response.body_mut().with_config().limit(LARGEST_REPLY).read_to_vec();
        let reply =
            read.map_err(|error| Failure { arrived: true, passing: true, error: self.described(error) })?;
        // What the service says is wrong will be wrong the next time, too; that it has trouble or no time may pass.
        let passing = status >= 500 || status == 429;
        list(status, &reply, count).map_err(|error| Failure { arrived: true, passing, error })
    }

    fn described(&self, error: ureq::Error) -> Error {
        match error {
            ureq::Error::Timeout(_) => anyhow!("no reply within {} s (`timeout`)", self.endpoint.timeout),
            other => anyhow!(other),
        }
    }
}

/// Whether nobody was there, so that nothing can have happened.
fn is_unreached(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => true,
        ureq::Error::Timeout(phase) => matches!(phase, ureq::Timeout::Connect | ureq::Timeout::Resolve),
        _ => false,
    }
}

/// The list in a reply.
fn list(status: u16, reply: &[u8], count: usize) -> Result<Vec<Value>> {
    /// Characters of somebody else's words.
    const SHOWN: usize = 300;
    let text = || String::from_utf8_lossy(reply).chars().take(SHOWN).collect::<String>();
    ensure!(status == 200, "status {status}: {}", text());
    let value: Value =
        serde_json::from_slice(reply).with_context(|| format!("the reply is not JSON: {}", text()))?;
    match value {
        Value::Array(replies) if replies.len() == count => Ok(replies),
        Value::Array(replies) => Err(anyhow!("{} replies to {count} questions", replies.len())),
        _ => Err(anyhow!("the reply is no list: {}", text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str, remote: bool) -> Result<(), String> {
        let endpoint = Endpoint { url: url.to_owned(), timeout: 1.0, retries: 0, remote };
        endpoint.check("tools").map_err(|error| error.to_string())
    }

    #[test]
    fn other_machines_need_a_word() {
        for url in
            ["http://127.0.0.1:8000/score", "http://localhost/call", "http://[::1]:9/x", "https://127.3.2.1/"]
        {
            assert_eq!(checked(url, false), Ok(()), "{url}");
        }
        for url in ["http://10.0.0.1:8000/score", "http://example.com/", "http://localhost.example.com/"] {
            assert!(checked(url, false).is_err_and(|error| error.contains("remote = true")), "{url}");
            assert_eq!(checked(url, true), Ok(()), "{url}");
        }
        for url in ["", "127.0.0.1:80", "ftp://127.0.0.1/", "http://", "file:///etc/passwd"] {
            assert!(checked(url, true).is_err_and(|error| error.contains("no address")), "{url}");
        }
    }

    #[test]
    fn a_reply_is_a_list_of_the_right_length() {
        assert_eq!(list(200, b"[1, 2]", 2).unwrap().len(), 2);
        for (status, reply, expected) in [
            (200, "[1]", "1 replies to 2 questions"),
            (200, "{}", "no list"),
            (200, "<html>", "not JSON"),
            (400, "{\"error\": \"[1].ended: is missing\"}", "status 400: {\"error\": \"[1].ended"),
        ] {
            let error = format!("{:#}", list(status, reply.as_bytes(), 2).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
