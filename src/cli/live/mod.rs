//! A running Redis, read as if it had saved a file.
//!
//! Uses the client and `rdb`. Invariants: one page of names and one value are in memory; a name that SCAN gives again is read
//! again, and only if asked for remembered.

mod address;
mod client;

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::rc::Rc;

use indicatif::ProgressBar;

use self::client::{Client, Reply};
use crate::Store;
use crate::rdb::{FileWriter, open_payload};

pub(super) use self::address::Address;

/// How many names a page has, about. Larger: fewer round trips; smaller: Redis is busy for a shorter time.
const PAGE: &str = "500";

/// What a Redis holds, as the bytes of an RDB file.
pub(super) struct LiveFile<'a> {
    client: Client,
    store: &'a Store,
    bar: &'a ProgressBar,
    /// The dbs that are still to be read; the first one is being read.
    dbs: VecDeque<u32>,
    db: Option<u32>,
    cursor: Vec<u8>,
    /// Names whose values were asked for and have not come.
    asked: VecDeque<Vec<u8>>,
    /// The store's time when they were asked for.
    asked_at: u64,
    /// Whether Redis tells expiries as times, as it does since 7.0: lifetimes are less exact.
    tells_times: bool,
    seen: Option<Seen>,
    writer: Option<FileWriter<Shared>>,
    out: Shared,
    /// How much of the output was read.
    start: usize,
}

/// Names that came, each as two hashes. WHY not themselves: they may be long. Two that agree in 128 bits do not happen.
struct Seen {
    hashers: [RandomState; 2],
    names: HashSet<[u64; 2]>,
}

/// Bytes that one writes and another reads.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> LiveFile<'a> {
    /// Connects, and finds out which dbs there are. With `once`, a name that comes again is left out.
    pub(super) fn connect(address: &Address, store: &'a Store, bar: &'a ProgressBar, once: bool) -> io::Result<Self> {
        let mut client = Client::connect(&address.host, address.port)?;
        if let Some(password) = &address.password {
            let user = address.user.as_deref();
            let words: Vec<&[u8]> = [Some(b"AUTH".as_slice()), user, Some(password)].into_iter().flatten().collect();
            client.ask(&words)?.done()?;
        }
        let tells_times = !matches!(client.ask(&[b"PEXPIRETIME", b""])?, Reply::Error(_));
        let found = client.ask(&[b"INFO", b"keyspace"])?.bytes()?;
        let mut dbs = sizes(&found);
        dbs.retain(|(db, _)| address.db.is_none_or(|wanted| wanted == *db));
        bar.set_length(dbs.iter().map(|(_, keys)| keys).sum());
        let out = Shared::default();
        Ok(Self {
            client,
            store,
            bar,
            dbs: dbs.into_iter().map(|(db, _)| db).collect(),
            db: None,
            cursor: Vec::new(),
            asked: VecDeque::new(),
            asked_at: 0,
            tells_times,
            seen: once.then(|| Seen { hashers: [RandomState::new(), RandomState::new()], names: HashSet::new() }),
            writer: Some(FileWriter::begin(out.clone())?),
            out,
            start: 0,
        })
    }

    /// Makes more output, or none behind the end.
    fn fill(&mut self) -> io::Result<()> {
        self.out.0.borrow_mut().clear();
        self.start = 0;
        while self.out.0.borrow().is_empty() && self.writer.is_some() {
            if let Some(name) = self.asked.pop_front() {
                self.take_value(&name)?;
            } else if self.db.is_some() {
                self.next_page()?;
            } else if let Some(db) = self.dbs.pop_front() {
                self.client.ask(&[b"SELECT", db.to_string().as_bytes()])?.done()?;
                self.cursor = b"0".to_vec();
                self.db = Some(db);
                self.seen.iter_mut().for_each(|seen| seen.names.clear());
            } else if let Some(writer) = self.writer.take() {
                writer.finish()?;
            }
        }
        Ok(())
    }

    /// Asks for the next names, and for their values and expiries.
    fn next_page(&mut self) -> io::Result<()> {
        if self.cursor.is_empty() {
            self.db = None;
            return Ok(());
        }
        let mut page = self.client.ask(&[b"SCAN", &self.cursor, b"COUNT", PAGE.as_bytes()])?.array()?.into_iter();
        let cursor = page.next().unwrap_or(Reply::Nil).bytes()?;
        self.cursor = if cursor == b"0" { Vec::new() } else { cursor };
        for name in page.next().unwrap_or(Reply::Nil).array()? {
            let name = name.bytes()?;
            if self.seen.as_mut().is_none_or(|seen| seen.is_new(&name)) {
                self.client.gather(&[b"DUMP", &name]);
                self.client.gather(&[if self.tells_times { b"PEXPIRETIME" } else { b"PTTL" }, &name]);
                self.asked.push_back(name);
            }
        }
        self.asked_at = self.store.time().get();
        self.client.send()
    }

    /// Takes the value of a name. One that has gone since its name came is left out.
    fn take_value(&mut self, name: &[u8]) -> io::Result<()> {
        let (payload, expiry) = (self.client.reply()?, self.client.reply()?);
        self.bar.inc(1);
        if matches!(payload, Reply::Nil) {
            return Ok(());
        }
        let payload = payload.bytes()?;
        let value = open_payload(&payload).map_err(io::Error::other)?;
        let since = if self.tells_times { 0 } else { self.asked_at };
        let expires_at = match expiry.number()? {
            -1 => None,
            millis => Some(since.saturating_add(u64::try_from(millis).unwrap_or(0))),
        };
        match (&mut self.writer, self.db) {
            (Some(writer), Some(db)) => writer.key(db, name, expires_at, value),
            _ => Ok(()),
        }
    }
}

impl Seen {
    fn is_new(&mut self, name: &[u8]) -> bool {
        self.names.insert(self.hashers.each_ref().map(|hasher| hasher.hash_one(name)))
    }
}

impl Read for LiveFile<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.out.0.borrow().len() {
            self.fill()?;
        }
        let out = self.out.0.borrow();
        let mut left = out.get(self.start..).unwrap_or_default();
        let read = left.read(into)?;
        self.start += read;
        Ok(read)
    }
}

/// The numbers of the dbs and how many keys each has, from lines like `db0:keys=12,expires=0,avg_ttl=0`.
fn sizes(info: &[u8]) -> Vec<(u32, u64)> {
    let line = |line: &str| {
        let (db, rest) = line.strip_prefix("db")?.split_once(":keys=")?;
        let (keys, _) = rest.split_once(',')?;
        Some((db.parse().ok()?, keys.parse().ok()?))
    };
    String::from_utf8_lossy(info).lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_what_redis_says() {
        let info = b"# Keyspace\r\ndb0:keys=12,expires=1,avg_ttl=0\r\ndb15:keys=1,expires=0,avg_ttl=0\r\n";
        assert_eq!(sizes(info), [(0, 12), (15, 1)]);
        assert_eq!(sizes(b"db:keys=x,\r\n\xff"), []);
    }
}
