//! Lists: both ends, the middle, what is read, and all of it against a simple model.

mod cutting;
mod ends;
mod middle;
mod model;
mod reading;
mod refusals;
mod room;

use bytes::Bytes;
use windrow::encoding::{Body, CollectionId, Meta};
use windrow::{Db, Source, Store, UnixMillis};

use crate::fixture::{Fixture, close_and_check, small};
use crate::raw::open_raw;

/// Runs a test where lists lie apart and where small ones lie in their records, and checks what it leaves.
fn both(test: impl Fn(&Fixture, &Store)) {
    for packed_bytes in [0, 512] {
        let fixture = Fixture::new();
        let store = open(&fixture, packed_bytes);
        test(&fixture, &store);
        close_and_check(store, &fixture.path("store"));
    }
}

fn open(fixture: &Fixture, packed_bytes: usize) -> Store {
    let mut options = small();
    options.packed_expiring_bytes = packed_bytes;
    options.packed_lasting_bytes = packed_bytes;
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options).background(false).open().unwrap()
}

/// All items of a list, from the left.
fn items<S: Source>(db: &Db<S>, key: &str) -> Vec<Bytes> {
    db.lists().range(key, 0, -1).unwrap().map(Result::unwrap).collect()
}

/// The numbers of a range as items.
fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// The id of the only list of a closed store, the index of its first item, and when it was created.
fn record(path: &std::path::Path) -> (Option<CollectionId>, u64, UnixMillis) {
    let db = open_raw(path);
    let metas = db.cf_handle("meta").unwrap();
    let (_, record) = db.iterator_cf(metas, rocksdb::IteratorMode::Start).next().unwrap().unwrap();
    let meta = Meta::decode(&record).unwrap();
    let Body::List { head, .. } = meta.body else { panic!("{meta:?}") };
    (meta.id(), head, meta.created_at)
}
