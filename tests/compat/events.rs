//! What both sides say happened, key by key, after each batch of commands.
//!
//! Uses a second connection to Redis and a subscription to windrow. Invariant: what is left out is listed here, with
//! the reason.

use std::collections::{BTreeMap, BTreeSet};

use windrow::{EventOptions, Events, Store};

use crate::command::Command;
use crate::redis::Server;
use crate::resp::{Client, Reply, Shown};

/// Published when a batch is over.
const MARK: &str = "a batch is over";

/// More than a batch makes.
const CAPACITY: usize = 1 << 20;

/// What happened to each key of each db, in order.
type Told = BTreeMap<(u32, Vec<u8>), Vec<String>>;

/// Both subscriptions.
pub(crate) struct Listeners {
    ours: Events,
    theirs: Client,
    /// Keys of which the sides do not say the same in this batch.
    left_out: BTreeSet<(u32, Vec<u8>)>,
}

impl Listeners {
    pub(crate) fn new(server: &Server, store: &Store) -> Self {
        let mut theirs = server.client();
        theirs.gather(&Command::new("PSUBSCRIBE").arg("__keyevent@*__:*").arg(MARK));
        // One reply for each pattern; the second is read as if it were pushed.
        theirs.exchange().unwrap();
        theirs.pushed().unwrap();
        Self { ours: subscribe(store), theirs, left_out: BTreeSet::new() }
    }

    /// Forgets what was told so far. Another store may be open now.
    pub(crate) fn begin(&mut self, store: &Store, redis: &mut Client) {
        self.ours = subscribe(store);
        self.theirs(redis);
        self.left_out.clear();
    }

    /// Leaves the key out if the sides do different things with it.
    pub(crate) fn heed(&mut self, db: u32, command: &Command) {
        let has = |word: &str| command.args.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
        let is_other = match command.name {
            // WHY: with a time that has passed, Redis sets the string and lets it expire; windrow writes nothing.
            "SET" => has("PXAT") || has("EXAT") || has("PX") || has("EX"),
            // WHY: Redis makes a string longer and says nothing if all increments of the command fail.
            "BITFIELD" => has("FAIL"),
            _ => false,
        };
        if is_other {
            self.left_out.insert((db, command.key().to_vec()));
        }
    }

    /// Returns a difference, and its key.
    pub(crate) fn difference(&mut self, redis: &mut Client) -> Option<(String, Vec<u8>)> {
        assert_eq!(self.ours.missed(), 0);
        let mut ours = Told::new();
        for event in std::iter::from_fn(|| self.ours.try_recv()) {
            tell(&mut ours, (event.db, event.key.to_vec()), event.kind.name());
        }
        let theirs = self.theirs(redis);
        let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).filter(|key| !self.left_out.contains(key)).collect();
        let differs = keys.into_iter().find(|key| ours.get(key) != theirs.get(key))?;
        let shown = |told: &Told| told.get(differs).map_or("nothing".to_owned(), |kinds| kinds.join(" "));
        let (db, key) = differs;
        let what = format!(
            "what happened in db {db} to {}\n  windrow: {}\n  redis:   {}",
            Shown(key),
            shown(&ours),
            shown(&theirs)
        );
        Some((what, key.clone()))
    }

    fn theirs(&mut self, redis: &mut Client) -> Told {
        redis.ask(&Command::new("PUBLISH").arg(MARK).arg("")).unwrap();
        let mut told = Told::new();
        loop {
            let Reply::Array(Some(parts)) = self.theirs.pushed().unwrap() else { panic!("no message") };
            let [.., Reply::Bulk(Some(channel)), Reply::Bulk(Some(key))] = parts.as_slice() else {
                panic!("no message: {parts:?}")
            };
            let channel = std::str::from_utf8(channel).unwrap();
            let Some((db, kind)) = channel.strip_prefix("__keyevent@").and_then(|rest| rest.split_once("__:")) else {
                assert_eq!(channel, MARK);
                return told;
            };
            tell(&mut told, (db.parse().unwrap(), key.to_vec()), kind);
        }
    }
}

fn subscribe(store: &Store) -> Events {
    store.subscribe(EventOptions::new().capacity(CAPACITY)).unwrap()
}

/// Adds an event, unless the sides need not agree on it.
fn tell(told: &mut Told, key: (u32, Vec<u8>), kind: &str) {
    let kind = match kind {
        // WHY: Redis is told the times of windrow's clock by commands of their own.
        "expire" | "persist" | "expired" => return,
        // WHY: Redis removes the members that windrow has chosen.
        "spop" => "srem",
        kind => kind,
    };
    let kinds = told.entry(key).or_default();
    // WHY: Redis sets a key as often as MSET names it.
    if kind != "set" || kinds.last().is_none_or(|last| last != "set") {
        kinds.push(kind.to_owned());
    }
}
