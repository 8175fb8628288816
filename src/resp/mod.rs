//! RESP: the words of Redis' protocol, as clients send commands and as append-only files hold them, and replies.
//!
//! What lives here: a parser of requests that takes bytes as they come, writing one, and writing replies in both versions of the
//! protocol. What it may use: the standard library, `bytes`, `thiserror`. No store, no engine, no socket: whoever has the bytes
//! feeds them.
//!
//! INVARIANT: writing cannot fail. Reading is total (any bytes give requests or a [`RespError`], never a panic), gives the
//! same requests however the bytes are cut into feeds, and takes no more memory than a small multiple of the bytes that came:
//! nothing is reserved for a length that the input only claims.

mod double;
mod error;
mod frame;
mod inline;
mod parser;

pub use double::{parse_double, write_double};
pub use error::RespError;
pub use frame::{Frame, Version};
pub use inline::split_line;
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

/// Appends a mark with a number behind it.
fn header(out: &mut Vec<u8>, mark: u8, number: usize) {
    out.push(mark);
    digits(out, u64::try_from(number).unwrap_or(u64::MAX));
    out.extend_from_slice(b"\r\n");
}

/// Appends a number. WHY not `format!`: nearly every reply has one, and this needs no memory of its own.
fn digits(out: &mut Vec<u8>, mut number: u64) {
    let mut text = [0_u8; 20];
    let mut length = 0;
    for place in text.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(text.get(text.len() - length..).unwrap_or_default());
}
