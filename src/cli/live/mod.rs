//! A running Redis, read as if it had saved a file.
//!
//! Uses the client and `rdb`. Invariants: one page of names and one value are in memory, and Redis holds few answers for this
//! client; a value and its expiry are of one moment; a name that SCAN gives again is left out.

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

pub(super) use self::address::{Address, Named, lacks_scheme};

/// How many names a page has, about. Larger: fewer round trips; smaller: Redis is busy for a shorter time.
const PAGE: &str = "500";

/// How many values are asked for at once, at most. More: fewer round trips; fewer: where large values follow small ones, less
/// memory of Redis, which holds as many answers at worst.
const MOST_AHEAD: usize = 16;

/// How many bytes of values Redis is to hold for this client, guessed by the largest of those that came last. More: fewer round trips.
const BYTES_AHEAD: usize = 1 << 20;

/// A Redis that answers.
pub(super) struct Redis {
    client: Client,
    /// The dbs that are to be read, and how many keys each has, about.
    dbs: Vec<(u32, u64)>,
    /// Libraries of functions that it has, and that nobody takes over.
    pub(super) functions: u64,
    /// Whether Redis tells expiries as times, as it does since 7.0: lifetimes are less exact.
    tells_times: bool,
}

/// What a Redis holds, as the bytes of an RDB file.
pub(super) struct LiveFile<'a> {
    client: Client,
    store: &'a Store,
    bar: &'a ProgressBar,
    /// The dbs that are still to be read.
    dbs: VecDeque<u32>,
    /// The one that is being read.
    db: Option<u32>,
    cursor: Vec<u8>,
    /// Names whose values were not asked for.
    names: VecDeque<Vec<u8>>,
    /// How many of these values were asked for and have not come.
    asked: usize,
    /// How long the largest value was of those that were asked for together last.
    largest: usize,
    /// The store's time when they were asked for.
    asked_at: u64,
    tells_times: bool,
    seen: Seen,
    writer: Option<FileWriter<Shared>>,
    out: Shared,
    /// How much of the output was read.
    start: usize,
}

/// Names that came, each as 96 bits of two hashes. WHY not themselves: they may be long. Among a thousand million names two agree in as
/// many once in a hundred thousand million times; with 64 it would happen, and a key would be lost.
///
/// WHY all of a db: a name that came twice could be restored by two threads at once, and the older value win; and it would be counted
/// twice.
struct Seen {
    hashers: [RandomState; 2],
    names: HashSet<[u8; 12]>,
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

impl Redis {
    /// Connects, and finds out which dbs there are.
    pub(super) fn connect(address: &Address) -> io::Result<Self> {
        let mut client = Client::connect(&address.host, address.port)?;
        if let Some(password) = &address.password {
            let user = address.user.as_deref();
            let words: Vec<&[u8]> = [Some(b"AUTH".as_slice()), user, Some(password)].into_iter().flatten().collect();
            client.ask(&words)?.done()?;
        }
        if let Some(db) = address.db {
            // WHY: one that there cannot be is no empty one.
            client.ask(&[b"SELECT", db.to_string().as_bytes()])?.done()?;
        }
        let tells_times = client.ask(&[b"PEXPIRETIME", b""])?.known()?.is_some();
        let libraries = client.ask(&[b"FUNCTION", b"LIST"])?.known()?.map(Reply::array).transpose()?;
        let functions = libraries.map_or(0, |libraries| u64::try_from(libraries.len()).unwrap_or(u64::MAX));
        let mut dbs = sizes(&client.ask(&[b"INFO", b"keyspace"])?.bytes()?);
        dbs.retain(|(db, _)| address.db.is_none_or(|wanted| wanted == *db));
        Ok(Self { client, dbs, functions, tells_times })
    }
}

impl<'a> LiveFile<'a> {
    /// Begins to read.
    pub(super) fn begin(redis: Redis, store: &'a Store, bar: &'a ProgressBar) -> io::Result<Self> {
        let Redis { client, dbs, tells_times, .. } = redis;
        bar.set_length(dbs.iter().map(|(_, keys)| keys).sum());
        let out = Shared::default();
        Ok(Self {
            client,
            store,
            bar,
            dbs: dbs.into_iter().map(|(db, _)| db).collect(),
            db: None,
            cursor: Vec::new(),
            names: VecDeque::new(),
            asked: 0,
            // So that one comes first alone.
            largest: BYTES_AHEAD,
            asked_at: 0,
            tells_times,
            seen: Seen { hashers: [RandomState::new(), RandomState::new()], names: HashSet::new() },
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
            if self.asked > 0 {
                self.asked -= 1;
                let name = self.names.pop_front().unwrap_or_default();
                self.take_value(&name)?;
            } else if !self.names.is_empty() {
                self.ask_for_values()?;
            } else if self.db.is_some() {
                self.next_page()?;
            } else if let Some(db) = self.dbs.pop_front() {
                self.client.ask(&[b"SELECT", db.to_string().as_bytes()])?.done()?;
                self.cursor = b"0".to_vec();
                self.db = Some(db);
                self.seen.names.clear();
            } else if let Some(writer) = self.writer.take() {
                writer.finish()?;
            }
        }
        Ok(())
    }

    /// Asks for the next names.
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
            if self.seen.is_new(&name) {
                self.names.push_back(name);
            }
        }
        Ok(())
    }

    /// Asks for the values and expiries of the next names, each with its value in one transaction.
    fn ask_for_values(&mut self) -> io::Result<()> {
        let ahead = (BYTES_AHEAD / self.largest.max(1)).clamp(1, MOST_AHEAD).min(self.names.len());
        for name in self.names.iter().take(ahead) {
            self.client.gather(&[b"MULTI"]);
            self.client.gather(&[b"DUMP", name]);
            self.client.gather(&[if self.tells_times { b"PEXPIRETIME" } else { b"PTTL" }, name]);
            self.client.gather(&[b"EXEC"]);
        }
        self.asked = ahead;
        self.largest = 0;
        self.asked_at = self.store.time().get();
        self.client.send()
    }

    /// Takes the value of a name. One that has gone since its name came is left out.
    fn take_value(&mut self, name: &[u8]) -> io::Result<()> {
        // That it begins, and that both are queued.
        for _ in 0..3 {
            self.client.reply()?.done()?;
        }
        let mut both = self.client.reply()?.array()?.into_iter();
        let (payload, expiry) = (both.next().unwrap_or(Reply::Nil), both.next().unwrap_or(Reply::Nil));
        self.bar.inc(1);
        if matches!(payload, Reply::Nil) {
            return Ok(());
        }
        let payload = payload.bytes()?;
        self.largest = self.largest.max(payload.len());
        let value = open_payload(&payload).map_err(|error| {
            let name = crate::error::shown(name);
            io::Error::other(format!("Redis dumps the value of {name} as this version cannot read it: {error}"))
        })?;
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
        let [first, second] = self.hashers.each_ref().map(|hasher| hasher.hash_one(name).to_be_bytes());
        let mut bits = [0; 12];
        bits.iter_mut().zip(first.into_iter().chain(second)).for_each(|(bits, hash)| *bits = hash);
        self.names.insert(bits)
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
