//! What both sides say happened, key by key, after each batch of commands.
//!
//! Uses a second connection to Redis and a subscription to windrow. Invariant: what is left out is listed here, with
//! the reason.

use std::collections::{BTreeMap, BTreeSet};

use windrow::{EventClass, EventOptions, Events, Store};

use crate::command::Command;
use crate::draw::is_past;
use crate::redis::Server;
use crate::resp::{Client, Reply, Shown};
use crate::strings::expiry_of;

/// Published when a batch is over.
const MARK: &str = "a batch is over";

/// More than a batch makes.
const CAPACITY: usize = 1 << 20;

/// What happened to each key of each db, in order.
type Told = BTreeMap<(u32, Vec<u8>), Vec<String>>;

/// Both subscriptions.
pub(crate) struct Listeners {
    ours: Events,
    told: Told,
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
        Self { ours: subscribe(store), told: Told::new(), theirs, left_out: BTreeSet::new() }
    }

    /// Forgets what was told so far. Another store may be open now.
    pub(crate) fn begin(&mut self, store: &Store, redis: &mut Client) {
        self.ours = subscribe(store);
        self.told.clear();
        self.theirs(redis);
        self.left_out.clear();
    }

    /// Takes what windrow says of a command that it has just done.
    pub(crate) fn heed(&mut self, db: u32, command: &Command) {
        if is_other(command) {
            self.left_out.insert((db, command.key().to_vec()));
        }
        let mut told = Told::new();
        for event in std::iter::from_fn(|| self.ours.try_recv()) {
            told.entry((event.db, event.key.to_vec())).or_default().push(event.kind.name().to_owned());
        }
        for ((db, key), mut kinds) in told {
            as_redis_is_told(command, &key, &mut kinds);
            self.told.entry((db, key)).or_default().extend(kinds);
        }
    }

    /// Returns a difference, and its key.
    pub(crate) fn difference(&mut self, redis: &mut Client) -> Option<(String, Vec<u8>)> {
        assert_eq!(self.ours.missed(), 0);
        let ours = std::mem::take(&mut self.told);
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
            let kind = match kind {
                // WHY: Redis sets strings whose time has passed, and finds them expired later, perhaps in another batch.
                "expired" => continue,
                // WHY: windrow has one operation for both commands.
                "georadiusstore" => "geosearchstore",
                kind => kind,
            };
            told.entry((db.parse().unwrap(), key.to_vec())).or_default().push(kind.to_owned());
        }
    }
}

fn subscribe(store: &Store) -> Events {
    // All that Redis is asked for.
    let every = "g$lhszxn".chars().filter_map(EventClass::from_letter);
    store.subscribe(every.fold(EventOptions::new().capacity(CAPACITY), EventOptions::class)).unwrap()
}

/// Tells whether the sides do different things with the command's key.
fn is_other(command: &Command) -> bool {
    match command.name {
        // WHY: with a time that has passed, Redis sets the string and lets it expire; windrow writes nothing.
        "SET" => expiry_of(command, 2).is_some_and(is_past),
        // WHY: Redis makes a string longer and says nothing if all increments of the command fail.
        "BITFIELD" => command.has(1, "FAIL"),
        _ => false,
    }
}

/// Makes of what one command of windrow's says of a key what Redis says, which is told another command.
fn as_redis_is_told(command: &Command, key: &[u8], kinds: &mut Vec<String>) {
    match command.name {
        // WHY: Redis removes the members that windrow has chosen.
        "SPOP" => kinds.iter_mut().filter(|kind| *kind == "spop").for_each(|kind| "srem".clone_into(kind)),
        // WHY: Redis sets a key as often as the command names it.
        "MSET" | "MSETNX" if !kinds.is_empty() => {
            let times = command.args.iter().step_by(2).filter(|named| *named == key).count();
            kinds.extend((1..times).map(|_| "set".to_owned()));
        }
        // WHY: what is born with a short lifetime loses it at once, and Redis is told nothing of it.
        _ if kinds.ends_with(&["expire".to_owned(), "persist".to_owned()]) => kinds.truncate(kinds.len() - 2),
        _ => {}
    }
}
