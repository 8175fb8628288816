//! A transaction over three keys beside the same three operations one by one.

use std::time::Duration;

use windrow::{Db, Result, Writable};

use crate::common::data::{VALUE, name, options};
use crate::measure::{Comparison, Scale, compare, heading, line};

const PAIRS: usize = 2_000;
const OPERATIONS: u64 = 20;
const KEYS: u64 = 10_000;
const TARGET: &str = "<= 1.5";

/// The same three operations on either side, on keys that end like this.
type Three = fn(&dyn Sides, u64);

/// Where the operations go: a store has them as three calls, and as one transaction.
trait Sides {
    fn strings(&self, n: u64) -> Result<()>;
    fn kinds(&self, n: u64) -> Result<()>;
}

impl<S: Writable> Sides for Db<S> {
    fn strings(&self, n: u64) -> Result<()> {
        for key in strings_of(n) {
            self.strings().set(key, VALUE)?;
        }
        Ok(())
    }

    fn kinds(&self, n: u64) -> Result<()> {
        let [counter, set, zset] = kinds_of(n);
        self.strings().incr(counter)?;
        self.sets().add(set, [name(n)])?;
        self.zsets().incr_by(zset, "member", 1.0).map(drop)
    }
}

fn strings_of(n: u64) -> [String; 3] {
    [0, 1, 2].map(|k| format!("string:{}", (n + k * KEYS / 3) % KEYS))
}

fn kinds_of(n: u64) -> [String; 3] {
    ["counter", "set", "zset"].map(|kind| format!("{kind}:{}", n % KEYS))
}

pub(crate) fn run(scale: Scale) {
    heading("transactions: one over 3 keys / the 3 operations singly", "transaction", "singly");
    let strings: Three = |db, n| db.strings(n).expect("strings");
    let kinds: Three = |db, n| db.kinds(n).expect("kinds");
    line("set 3 strings of 100 bytes", TARGET, &three(scale, strings_of, strings, false));
    line("a counter, a set and a sorted set", TARGET, &three(scale, kinds_of, kinds, false));
    line("the same with a watch of the keys", "", &three(scale, kinds_of, kinds, true));
}

fn three(scale: Scale, keys_of: fn(u64) -> [String; 3], act: Three, watches: bool) -> Comparison {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = windrow::Store::builder(dir.path().join("s")).options(options()).open().expect("a new store");
    let db = store.db(0);
    (0..scale.size(KEYS)).for_each(|n| act(&db, n));
    let (mut together, mut singly) = (0, KEYS / 2);
    let compared = compare(
        scale,
        PAIRS,
        OPERATIONS,
        || {
            together += 1;
            let keys = keys_of(together);
            if watches {
                let watch = db.watch(&keys).expect("watch");
                let declared = keys.iter().map(|key| (0, key));
                let done = watch.transaction(declared, |tx| {
                    act(&tx.db(0), together);
                    Ok(())
                });
                assert!(done.expect("transaction").is_some());
            } else {
                let done = db.transaction(&keys, |db| {
                    act(db, together);
                    Ok(())
                });
                done.expect("transaction");
            }
        },
        || {
            singly += 1;
            act(&db, singly);
        },
    );
    store.settle(Duration::from_secs(30)).expect("settled");
    compared
}
