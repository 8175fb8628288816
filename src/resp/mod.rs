//! RESP: the words of Redis' protocol, as clients send commands and as append-only files hold them.
//!
//! What lives here: a parser of requests that takes bytes as they come, and writing one. What it may use: the standard library,
//! `bytes`, `thiserror`. No store, no engine, no socket: whoever has the bytes feeds them.
//!
//! INVARIANT: writing cannot fail. Reading is total (any bytes give requests or a [`RespError`], never a panic), gives the
//! same requests however the bytes are cut into feeds, and takes no more memory than a small multiple of the bytes that came:
//! nothing is reserved for a length that the input only claims.

mod error;
mod parser;

pub use error::RespError;
pub use parser::{Limits, Parser, Request};

/// Appends a request of these words.
pub fn write_command<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    header(out, b'*', words.len());
    for word in words {
        let word = word.as_ref();
        header(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn header(out: &mut Vec<u8>, mark: u8, number: usize) {
    out.push(mark);
    out.extend_from_slice(number.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}
