//! Clients that are told every command: MONITOR.
//!
//! Uses the list of clients. Invariants: who asks while nobody listens looks at one number; a password is not shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use parking_lot::Mutex;

use super::clients::Seen;
use super::commands::Command;
use super::session::Session;

#[derive(Debug, Default)]
pub(crate) struct Monitors {
    count: AtomicUsize,
    all: Mutex<BTreeMap<u64, Arc<Seen>>>,
}

impl Monitors {
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn enter(&self, me: &Arc<Seen>) {
        let mut all = self.all.lock();
        all.insert(me.id, Arc::clone(me));
        me.is_monitor.store(true, Ordering::Relaxed);
        self.count.store(all.len(), Ordering::Relaxed);
    }

    pub(crate) fn leave(&self, me: &Seen) {
        if !me.is_monitor.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut all = self.all.lock();
        all.remove(&me.id);
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Tells a command. As in Redis, none that administers the server.
    pub(crate) fn show(&self, session: &Session, command: &Command, words: &[Bytes]) {
        if command.has_flag("admin") {
            return;
        }
        let line = Bytes::from(line(session, command, words));
        let limits = session.shared.channels.limits();
        for monitor in self.all.lock().values() {
            monitor.tell(line.clone(), &limits, &session.shared.waiting);
        }
    }
}

fn line(session: &Session, command: &Command, words: &[Bytes]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let me = &session.me;
    let (unix, address) =
        if me.is_local { ("unix:", me.address.trim_end_matches(":0")) } else { ("", me.address.as_str()) };
    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
    let mut line = format!("+{seconds}.{micros:06} [{} {unix}{address}]", session.db.number()).into_bytes();
    for (place, word) in words.iter().enumerate() {
        line.push(b' ');
        if place > 0 && matches!(command.name, "auth" | "hello") {
            line.extend_from_slice(b"\"(redacted)\"");
        } else {
            quote(&mut line, word);
        }
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Appends a word in quotes, as Redis writes it for a person.
fn quote(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for byte in word {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_person() {
        let mut out = Vec::new();
        quote(&mut out, b"a \"b\\\n\r\t\x07\x08\x00\xff");
        assert_eq!(String::from_utf8(out).unwrap(), r#""a \"b\\\n\r\t\a\b\x00\xff""#);
    }
}
