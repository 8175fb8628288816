//! HTTP, as far as the reader of metrics needs it.
//!
//! May use the metrics and `tokio`. Invariants: a connection holds no more than [`MAX_BYTES`] and lives no longer than [`PATIENCE`];
//! there are no more than [`MAX_CONNECTIONS`] at once; where the server has a password, nothing is told without it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::metrics::{self, CONTENT_TYPE};
use super::shared::Shared;

/// The longest request: a line and some headers.
const MAX_BYTES: usize = 8 * 1024;

/// How long a request and its reply may take together.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections at once. More wait to be accepted; those who read metrics are few.
const MAX_CONNECTIONS: usize = 16;

/// How long accepting pauses when it fails.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers those who come, until the task is ended.
pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // Who leaves too early, or takes too long, gets nothing.
                    let _ = tokio::time::timeout(PATIENCE, talk(&shared, stream)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn talk(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    let is_whole = read_head(&mut stream, &mut head).await?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let reply = if is_whole { answer(shared, &text).await } else { Reply::of("431 Request Header Fields Too Large") };
    stream.write_all(&reply.bytes()).await?;
    stream.shutdown().await
}

/// Reads up to the empty line; false if there is none within the limit.
async fn read_head(stream: &mut TcpStream, head: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = [0; 1024];
    loop {
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let searched = head.len().saturating_sub(3);
        head.extend_from_slice(piece.get(..read).unwrap_or_default());
        if head.get(searched..).unwrap_or_default().windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(true);
        }
        if head.len() > MAX_BYTES {
            return Ok(false);
        }
    }
}

struct Reply {
    status: &'static str,
    header: &'static str,
    body: Vec<u8>,
}

impl Reply {
    fn of(status: &'static str) -> Self {
        Self { status, header: "", body: format!("{status}\n").into_bytes() }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { status, header, body } = self;
        let kind = if *status == "200 OK" { CONTENT_TYPE } else { "text/plain" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\n{header}Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}

async fn answer(shared: &Shared, head: &str) -> Reply {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) {
        return Reply::of("400 Bad Request");
    }
    if shared.needs_password() && !is_allowed(shared, lines).await {
        return Reply { header: "WWW-Authenticate: Basic realm=\"windrow\"\r\n", ..Reply::of("401 Unauthorized") };
    }
    if method != Some("GET") {
        return Reply { header: "Allow: GET\r\n", ..Reply::of("405 Method Not Allowed") };
    }
    if target.and_then(|target| target.split('?').next()) != Some("/metrics") {
        return Reply::of("404 Not Found");
    }
    let body = tokio::task::block_in_place(|| metrics::text(shared));
    Reply { status: "200 OK", header: "", body }
}

/// Whether the headers hold the password, of any user. A wrong one takes its time.
async fn is_allowed(shared: &Shared, mut headers: std::str::Split<'_, &str>) -> bool {
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let (scheme, word) = value.trim().split_once(' ')?;
        let is_it = name.eq_ignore_ascii_case("authorization") && scheme.eq_ignore_ascii_case("basic");
        is_it.then(|| word.trim().to_owned())
    };
    let Some(word) = headers.find_map(header) else { return false };
    let login = from_base64(word.as_bytes()).unwrap_or_default();
    let colon = login.iter().position(|byte| *byte == b':').map_or(login.len(), |at| at + 1);
    if shared.is_password(login.get(colon..).unwrap_or_default()) {
        return true;
    }
    let pause = shared.guesses.wrong(0);
    tokio::time::sleep(pause).await;
    false
}

/// Bytes out of their 64 letters; `None` for what is none.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0_u32, 0_u32);
    for letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_bytes() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("OnNlY3JldA==", ":secret")] {
            assert_eq!(from_base64(text.as_bytes()).unwrap(), bytes.as_bytes(), "{text}");
        }
        assert_eq!(from_base64(b"a-b"), None);
        assert_eq!(from_base64(&[0xfb; 9]), None);
    }
}
