//! `cargo xtask serve-reward` as a process, and what its clients say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A service of our own on a free port.
pub struct Service {
    process: Child,
    output: BufReader<ChildStdout>,
    pub address: String,
}

impl Service {
    pub fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["serve-reward", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("xtask starts");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
        Self { process, output, address: address.to_owned() }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a timeout");
        stream
    }

    pub fn raw(&self, request: &[u8]) -> (u16, Value) {
        let mut stream = self.connect();
        stream.write_all(request).expect("sent");
        reply(stream)
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.raw(&posted(path, body.to_string().as_bytes()))
    }

    /// Asks it to stop as Ctrl-C does, and gives what it said at the end.
    pub fn stop(mut self) -> String {
        let kill = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(kill.expect("kill is there").success());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("text");
        assert!(self.process.wait().expect("it ends").success(), "Ctrl-C ends it cleanly");
        rest
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing to do if it has ended.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub fn posted(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub fn reply(mut stream: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a reply");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    (status, serde_json::from_str(body).expect("JSON"))
}
