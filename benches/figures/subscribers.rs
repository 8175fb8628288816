//! What events cost writers: without subscribers, with one that wants none of them, and with one that gets all.

use std::time::Duration;

use windrow::{EventOptions, Events, Store};

use crate::common::data::{VALUE, name, options};
use crate::measure::{Comparison, Scale, compare, heading, line};

const PAIRS: usize = 2_000;
const OPERATIONS: u64 = 60;
const KEYS: u64 = 10_000;

/// Subscribes to the store on the left side.
type Listen = fn(&Store) -> Option<Events>;

/// A write of key `n`.
type Act = fn(&Store, u64);

pub(crate) fn run(scale: Scale) {
    heading("events: writes with subscribers / without", "subscribed", "unheard");
    let set: Act = |store, n| store.db(0).strings().set(name(n % KEYS), VALUE).expect("set");
    let add: Act = |store, n| _ = store.db(0).sets().add(name(n % 100), [name(n)]).expect("add");
    for (what, act) in [("set a string of 100 bytes", set), ("add a member to a set", add)] {
        line(&format!("{what}: none / none"), "1, the noise", &sides(scale, act, |_| None));
        let uninterested: Listen = |store| Some(store.subscribe(EventOptions::new().db(7)).expect("subscribe"));
        line(&format!("{what}: one for another db"), "", &sides(scale, act, uninterested));
        let all: Listen = |store| Some(store.subscribe(EventOptions::new().capacity(64)).expect("subscribe"));
        line(&format!("{what}: one, too slow"), "", &sides(scale, act, all));
    }
}

/// WHY two stores: whether anybody has subscribed is looked at before each write.
fn sides(scale: Scale, act: Act, listen: Listen) -> Comparison {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let open = |dir: &tempfile::TempDir| {
        let store = Store::builder(dir.path().join("s")).options(options()).open().expect("a new store");
        (0..scale.size(KEYS)).for_each(|n| act(&store, n));
        store
    };
    let [heard, unheard] = [open(&dirs[0]), open(&dirs[1])];
    let events = listen(&heard);
    let (mut left, mut right) = (0, 0);
    let compared = compare(
        scale,
        PAIRS,
        OPERATIONS,
        || {
            left += 1;
            act(&heard, left);
        },
        || {
            right += 1;
            act(&unheard, right);
        },
    );
    drop(events);
    for store in [heard, unheard] {
        store.settle(Duration::from_secs(30)).expect("settled");
    }
    compared
}
