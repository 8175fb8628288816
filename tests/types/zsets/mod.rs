//! Sorted sets, packed in their records and apart from them.

mod adding;
mod combining;
mod model;
mod ranges;
mod taking;

use bytes::Bytes;
use windrow::{Db, Options, Source, Store, ZEntries, ZRange};

use crate::fixture::{Fixture, close_and_check, small};

/// Options under which every collection lies apart, and such under which small ones are packed.
fn both_ways() -> [Options; 2] {
    let mut packing = small();
    packing.packed_lasting_bytes = 512;
    packing.packed_expiring_bytes = 512;
    [small(), packing]
}

fn open(fixture: &Fixture, options: &Options) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options.clone()).background(false).open().unwrap()
}

/// Runs a test on a store of either kind, and checks what it leaves behind.
fn on_both(test: impl Fn(&Fixture, &Store)) {
    for options in both_ways() {
        let fixture = Fixture::new();
        let store = open(&fixture, &options);
        test(&fixture, &store);
        close_and_check(store, &fixture.path("store"));
    }
}

/// Members and scores in short: `"a1 b2.5"` is what `[("a", 1.0), ("b", 2.5)]` is.
fn text<M: AsRef<[u8]>>(entries: impl IntoIterator<Item = (M, f64)>) -> String {
    let entries = entries.into_iter().map(|(member, score)| format!("{}{score}", member.as_ref().escape_ascii()));
    entries.collect::<Vec<_>>().join(" ")
}

fn read(entries: ZEntries) -> Vec<(Bytes, f64)> {
    entries.map(Result::unwrap).collect()
}

/// A part of a sorted set in short.
fn part<S: Source>(db: &Db<S>, key: &str, range: ZRange<'_>) -> String {
    text(read(db.zsets().range(key, range).unwrap()))
}

/// A whole sorted set in short.
fn all<S: Source>(db: &Db<S>, key: &str) -> String {
    part(db, key, ZRange::ranks(0, -1))
}
