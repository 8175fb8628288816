//! What has been done, and how long it took: counts and durations for each command, errors by their code, the slow log, and the
//! moments that were slow.
//!
//! May use the table of commands and the list of clients. Invariants: counting takes no lock unless something failed or was slow;
//! everything that a client can make grow has a limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::clients::Seen;
use super::commands::{Answer, Command, Known, all};
use crate::resp::Frame;
use crate::{Clock, SystemClock};

/// Durations up to 2^n microseconds are counted together, for n from 0 to this: 2^23 are eight seconds.
pub(crate) const BUCKETS: usize = 24;

/// How many codes of errors are counted apart. Each is a word that the program itself says, so that there are far fewer.
const MAX_CODES: usize = 128;

/// How many slow moments of one kind are kept, as in Redis.
const MAX_MOMENTS: usize = 160;

/// Of a slow command's words, how many are kept and how much of each, as in Redis.
const KEPT_WORDS: usize = 32;
const KEPT_BYTES: usize = 128;

/// What was counted for one command.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    calls: AtomicU64,
    micros: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// A reading of [`Counts`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) calls: u64,
    pub(crate) micros: u64,
    /// Refused before anything was done.
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
    /// How many calls took at most 2^n microseconds, and more than half of that.
    pub(crate) buckets: [u64; BUCKETS],
}

/// A command that was slow.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    pub(crate) id: u64,
    pub(crate) at_seconds: u64,
    pub(crate) micros: u64,
    pub(crate) words: Vec<Bytes>,
    pub(crate) address: String,
    pub(crate) name: Bytes,
}

/// The slow moments of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    /// Seconds since 1970 and milliseconds, the oldest first; one for each second at most.
    pub(crate) all: VecDeque<(u64, u64)>,
    pub(crate) worst_millis: u64,
}

#[derive(Debug, Default)]
struct SlowLog {
    entries: VecDeque<Slow>,
    next_id: u64,
}

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Tally {
    by_command: Box<[Counts]>,
    errors: AtomicU64,
    by_code: Mutex<BTreeMap<String, u64>>,
    /// Microseconds from which on a command is slow; below zero: none is.
    slower_than: AtomicI64,
    slow_most: AtomicU64,
    slow: Mutex<SlowLog>,
    /// Milliseconds from which on a moment is kept; 0: none is.
    latency_threshold: AtomicU64,
    moments: Mutex<BTreeMap<&'static str, Moments>>,
    /// Of counts that somebody else keeps, what they were at the last reset: expired keys, and clients that had come.
    before: [AtomicU64; 2],
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            by_command: all().map(|_| Counts::default()).collect(),
            errors: AtomicU64::new(0),
            by_code: Mutex::default(),
            slower_than: AtomicI64::new(-1),
            slow_most: AtomicU64::new(0),
            slow: Mutex::default(),
            latency_threshold: AtomicU64::new(0),
            moments: Mutex::default(),
            before: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Sets the limits of the slow log and of what counts as a slow moment.
    pub(crate) fn set_limits(&self, slower_than: i64, slow_most: u64, latency_threshold: u64) {
        self.slower_than.store(slower_than, Ordering::Relaxed);
        self.slow_most.store(slow_most, Ordering::Relaxed);
        self.latency_threshold.store(latency_threshold, Ordering::Relaxed);
        self.shorten(&mut self.slow.lock());
    }

    /// Counts a command that was done.
    pub(crate) fn done(&self, me: &Seen, known: Known, words: &[Bytes], took: Duration, answer: &Answer) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(counts) = self.by_command.get(known.place) {
            counts.calls.fetch_add(1, Ordering::Relaxed);
            counts.micros.fetch_add(micros, Ordering::Relaxed);
            let bucket = usize::try_from(micros.max(1).next_power_of_two().trailing_zeros()).unwrap_or(0);
            if let Some(bucket) = counts.buckets.get(bucket.min(BUCKETS - 1)) {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
            if answer.is_err() {
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        let threshold = self.slower_than.load(Ordering::Relaxed);
        if u64::try_from(threshold).is_ok_and(|threshold| micros >= threshold)
            && !known.command.has_flag("skip_slowlog")
        {
            self.keep(me, known.command, words, micros);
        }
        let threshold = self.latency_threshold.load(Ordering::Relaxed);
        if threshold > 0 && micros / 1000 >= threshold {
            let kind = if known.command.has_flag("fast") { "fast-command" } else { "command" };
            self.keep_moment(kind, micros / 1000);
        }
    }

    /// Counts a command that was refused before anything was done.
    pub(crate) fn rejected(&self, known: Known) {
        if let Some(counts) = self.by_command.get(known.place) {
            counts.rejected.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a reply, if it is an error.
    pub(crate) fn replied(&self, frame: &Frame) {
        let Frame::Error(text) = frame else {
            return;
        };
        self.errors.fetch_add(1, Ordering::Relaxed);
        let code = text.split(' ').next().unwrap_or_default();
        let mut by_code = self.by_code.lock();
        if let Some(count) = by_code.get_mut(code) {
            *count += 1;
        } else if by_code.len() < MAX_CODES {
            by_code.insert(code.to_owned(), 1);
        }
    }

    #[cold]
    fn keep(&self, me: &Seen, command: &Command, words: &[Bytes], micros: u64) {
        super::timing::tell_slow(me, command, words, micros);
        let at_seconds = seconds();
        let words = if is_secret(command, words) { hidden(words) } else { shortened(words) };
        let mut slow = self.slow.lock();
        let id = slow.next_id;
        slow.next_id += 1;
        let name = me.name.lock().clone();
        slow.entries.push_front(Slow { id, at_seconds, micros, words, address: me.address.clone(), name });
        self.shorten(&mut slow);
    }

    fn shorten(&self, slow: &mut SlowLog) {
        let most = usize::try_from(self.slow_most.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        slow.entries.truncate(most);
    }

    #[cold]
    fn keep_moment(&self, kind: &'static str, millis: u64) {
        let now = seconds();
        let mut moments = self.moments.lock();
        let kept = moments.entry(kind).or_default();
        kept.worst_millis = kept.worst_millis.max(millis);
        match kept.all.back_mut() {
            Some((at, most)) if *at == now => *most = millis.max(*most),
            _ => kept.all.push_back((now, millis)),
        }
        if kept.all.len() > MAX_MOMENTS {
            kept.all.pop_front();
        }
    }

    /// The slow commands, the newest first.
    pub(crate) fn slow(&self, most: usize) -> Vec<Slow> {
        self.slow.lock().entries.iter().take(most).cloned().collect()
    }

    pub(crate) fn slow_count(&self) -> usize {
        self.slow.lock().entries.len()
    }

    pub(crate) fn forget_slow(&self) {
        self.slow.lock().entries.clear();
    }

    pub(crate) fn moments(&self) -> BTreeMap<&'static str, Moments> {
        self.moments.lock().clone()
    }

    /// Forgets the slow moments of the kinds that fit; returns how many kinds that were.
    pub(crate) fn forget_moments(&self, fits: impl Fn(&str) -> bool) -> usize {
        let mut moments = self.moments.lock();
        let before = moments.len();
        moments.retain(|kind, _| !fits(kind));
        before - moments.len()
    }

    /// What was counted for each command that was called or refused.
    pub(crate) fn by_command(&self) -> impl Iterator<Item = (&'static Command, Counted)> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        all().zip(&self.by_command).filter_map(move |(command, counts)| {
            let mut buckets = [0; BUCKETS];
            for (bucket, count) in buckets.iter_mut().zip(&counts.buckets) {
                *bucket = read(count);
            }
            let counted = Counted {
                calls: read(&counts.calls),
                micros: read(&counts.micros),
                rejected: read(&counts.rejected),
                failed: read(&counts.failed),
                buckets,
            };
            (counted.calls > 0 || counted.rejected > 0).then_some((command, counted))
        })
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(crate) fn by_code(&self) -> BTreeMap<String, u64> {
        self.by_code.lock().clone()
    }

    /// How many keys have expired and how many clients have come since the last reset, from how many there were ever.
    pub(crate) fn since_reset(&self, expired: u64, clients: u64) -> [u64; 2] {
        let [expired_before, clients_before] = &self.before;
        let since = |now: u64, before: &AtomicU64| now.saturating_sub(before.load(Ordering::Relaxed));
        [since(expired, expired_before), since(clients, clients_before)]
    }

    /// Begins to count these two anew.
    pub(crate) fn note_reset(&self, expired: u64, clients: u64) {
        for (before, now) in self.before.iter().zip([expired, clients]) {
            before.store(now, Ordering::Relaxed);
        }
    }

    /// Begins to count anew; the slow log and the slow moments stay, as in Redis.
    pub(crate) fn reset(&self) {
        for counts in &self.by_command {
            let all = [&counts.calls, &counts.micros, &counts.rejected, &counts.failed];
            for count in all.into_iter().chain(&counts.buckets) {
                count.store(0, Ordering::Relaxed);
            }
        }
        self.errors.store(0, Ordering::Relaxed);
        self.by_code.lock().clear();
    }
}

fn seconds() -> u64 {
    SystemClock::default().wall().get() / 1000
}

/// Whether the words may hold a password.
fn is_secret(command: &Command, words: &[Bytes]) -> bool {
    match command.name {
        "auth" | "hello" => true,
        "config|set" => words.iter().any(|word| word.eq_ignore_ascii_case(b"requirepass")),
        _ => false,
    }
}

/// The command's name, and a mark for each other word.
fn hidden(words: &[Bytes]) -> Vec<Bytes> {
    let mark = Bytes::from_static(b"(redacted)");
    let (name, rest) = words.split_at_checked(1).unwrap_or_default();
    name.iter().cloned().chain(rest.iter().take(KEPT_WORDS - 1).map(|_| mark.clone())).collect()
}

fn shortened(words: &[Bytes]) -> Vec<Bytes> {
    let kept = if words.len() > KEPT_WORDS { KEPT_WORDS - 1 } else { words.len() };
    let mut list: Vec<Bytes> = words.iter().take(kept).map(|word| shortened_word(word)).collect();
    if words.len() > kept {
        list.push(Bytes::from(format!("... ({} more arguments)", words.len() - kept)));
    }
    list
}

/// A copy: a slice would keep the whole request in memory.
fn shortened_word(word: &[u8]) -> Bytes {
    match word.split_at_checked(KEPT_BYTES) {
        Some((start, rest)) if !rest.is_empty() => {
            Bytes::from([start, format!("... ({} more bytes)", rest.len()).as_bytes()].concat())
        }
        _ => Bytes::copy_from_slice(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_kept_short() {
        let words: Vec<Bytes> = (0..40).map(|n| Bytes::from("x".repeat(n * 10))).collect();
        let kept = shortened(&words);
        assert_eq!(kept.len(), KEPT_WORDS);
        assert_eq!(kept[12].len(), 120);
        assert_eq!(&kept[13][KEPT_BYTES..], b"... (2 more bytes)");
        assert_eq!(kept[31], "... (9 more arguments)");
        assert_eq!(shortened(&words[..32]).len(), 32);
    }

    #[test]
    fn durations_are_counted_by_powers_of_two() {
        let tally = Tally::new();
        let known = super::super::commands::find(b"get", None).unwrap();
        let clients = super::super::clients::Clients::default();
        let me = clients.enter(String::new(), String::new(), (0, false));
        for micros in [0, 1, 2, 3, 4, 5, u64::MAX / 1000] {
            tally.done(&me, known, &[], Duration::from_micros(micros), &Ok(Frame::OK));
        }
        let (command, counted) = tally.by_command().next().unwrap();
        assert_eq!((command.name, counted.calls), ("get", 7));
        assert_eq!(counted.buckets[..4], [2, 1, 2, 1]);
        assert_eq!(counted.buckets[BUCKETS - 1], 1);
        assert_eq!(tally.slow_count(), 0);
        tally.reset();
        assert_eq!(tally.by_command().count(), 0);
    }
}
