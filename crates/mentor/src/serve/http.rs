//! HTTP/1.1 on one connection: one request, one reply, closed. Requests are read by `ureq-proto`, without threads and bounded
//! in size and time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq_proto::server::{RecvRequestResult, Reply as Exchange, state};

/// What a request may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// From the first byte of a request to its last, and again from the first of the reply to its last.
    pub time: Duration,
}

/// Bytes of a request line and headers; also those of a chunk's header or trailers.
const LONGEST_HEAD: usize = 64 << 10;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The body; empty without one.
    pub body: Vec<u8>,
}

/// A reply, always JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP's status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Reply {
    /// A result.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// `{"error": message}`.
    pub fn error(status: u16, message: &str) -> Self {
        Self { status, body: json!({"error": message}) }
    }
}

/// Why a request was not read.
enum Unread {
    /// The client is told.
    Refused(Reply),
    /// Nobody is there to be told: nothing was sent, or the connection broke.
    Gone,
}

impl From<Reply> for Unread {
    fn from(reply: Reply) -> Self {
        Self::Refused(reply)
    }
}

/// Reads one request, replies to it, and closes the connection. Gives the reply's status; none if there was no request.
///
/// A request that is too slow, too large or no HTTP is refused with a reason; a panic of `answer` is a reply too. Bounded in
/// time by [`Limits::time`] for the request, the same for the reply, and what `answer` takes.
///
/// # Errors
/// The connection broke.
pub fn serve(
    mut stream: TcpStream,
    limits: &Limits,
    answer: &dyn Fn(&Request) -> Reply,
) -> io::Result<Option<u16>> {
    stream.set_nodelay(true)?;
    let mut incoming =
        Incoming { stream: &mut stream, buffer: Vec::new(), deadline: Instant::now() + limits.time };
    let (reply, unread) = match incoming.request(limits) {
        Ok(request) => {
            let reply = catch_unwind(AssertUnwindSafe(|| answer(&request)));
            (
                reply.unwrap_or_else(|_| {
                    Reply::error(500, "a defect of this service; the request was not scored")
                }),
                false,
            )
        }
        Err(Unread::Refused(reply)) => (reply, true),
        Err(Unread::Gone) => return Ok(None),
    };
    let deadline = Instant::now() + limits.time;
    send(&mut stream, &written(&reply), deadline)?;
    stream.shutdown(Shutdown::Write)?;
    if unread {
        drain(&mut stream);
    }
    Ok(Some(reply.status))
}

/// A request as it comes in.
struct Incoming<'a> {
    stream: &'a mut TcpStream,
    /// Bytes that came and are not yet made use of.
    buffer: Vec<u8>,
    deadline: Instant,
}

impl Incoming<'_> {
    fn request(&mut self, limits: &Limits) -> Result<Request, Unread> {
        let bad =
            |error: ureq_proto::Error| Unread::from(Reply::error(400, &format!("no HTTP request: {error}")));
        let mut exchange = Exchange::<state::RecvRequest>::new().map_err(bad)?;
        self.head()?;
        let (used, head) = exchange.try_request(&self.buffer).map_err(bad)?;
        let head = head.ok_or_else(|| Reply::error(400, "no HTTP request"))?;
        self.buffer.drain(..used);
        let mut request = Request {
            method: head.method().to_string(),
            path: head.uri().path().to_owned(),
            body: Vec::new(),
        };
        let announced =
            head.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|bytes: u64| bytes > limits.body as u64) {
            return Err(too_large(limits).into());
        }
        let mut body = match exchange.proceed() {
            None => return Err(Reply::error(400, "no HTTP request").into()),
            Some(RecvRequestResult::ProvideResponse(_)) => return Ok(request),
            Some(RecvRequestResult::RecvBody(body)) => body,
            Some(RecvRequestResult::Send100(waiting)) => {
                let mut go_on = [0; 64];
                let (length, body) = waiting.accept(&mut go_on).map_err(bad)?;
                send(self.stream, &go_on[..length], self.deadline).map_err(|_| Unread::Gone)?;
                body
            }
        };
        let mut piece = vec![0; PIECE];
        while !body.is_ended() {
            let (used, got) = body.read(&self.buffer, &mut piece).map_err(bad)?;
            self.buffer.drain(..used);
            if request.body.len() + got > limits.body {
                return Err(too_large(limits).into());
            }
            request.body.extend_from_slice(&piece[..got]);
            if used == 0 && got == 0 && !body.is_ended() {
                if self.buffer.len() > LONGEST_HEAD {
                    return Err(Reply::error(400, "no HTTP request: a chunk's header is too long").into());
                }
                self.more()?;
            }
        }
        Ok(request)
    }

    /// Reads until the headers are complete.
    fn head(&mut self) -> Result<(), Unread> {
        let mut seen = 0;
        loop {
            // Four bytes back, since the blank line may have come in two pieces.
            let from = &self.buffer[usize::saturating_sub(seen, 4)..];
            if from.windows(4).any(|bytes| bytes == b"\r\n\r\n")
                || from.windows(2).any(|bytes| bytes == b"\n\n")
            {
                return Ok(());
            }
            seen = self.buffer.len();
            if seen > LONGEST_HEAD {
                return Err(Reply::error(431, "the request's headers are too long").into());
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Result<(), Unread> {
        let mut piece = [0; 8 << 10];
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Reply::error(408, "the request took too long to arrive").into());
            }
            self.stream.set_read_timeout(Some(left.max(SHORTEST))).map_err(|_| Unread::Gone)?;
            match self.stream.read(&mut piece) {
                Ok(0) if self.buffer.is_empty() => return Err(Unread::Gone),
                Ok(0) => return Err(Reply::error(400, "the connection ended before the request did").into()),
                Ok(length) => {
                    self.buffer.extend_from_slice(&piece[..length]);
                    return Ok(());
                }
                Err(error) if is_passing(&error) => {}
                Err(_) => return Err(Unread::Gone),
            }
        }
    }
}

/// A timeout of zero would mean none.
const SHORTEST: Duration = Duration::from_millis(1);

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn too_large(limits: &Limits) -> Reply {
    Reply::error(413, &format!("the body is larger than {} bytes; send fewer attempts at once", limits.body))
}

fn written(reply: &Reply) -> Vec<u8> {
    let body = reply.body.to_string();
    let reason = match reply.status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    };
    format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        reply.status,
        body.len()
    )
    .into_bytes()
}

fn send(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left.max(SHORTEST)))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads on for a moment: closing a connection with bytes unread would take the reply back before the client has seen it.
fn drain(stream: &mut TcpStream) {
    const MOMENT: Duration = Duration::from_secs(2);
    let deadline = Instant::now() + MOMENT;
    let mut piece = vec![0; PIECE];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left.max(SHORTEST))).is_err() {
            return;
        }
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
