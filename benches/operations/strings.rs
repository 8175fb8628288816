//! Strings: as many keys as there are elements elsewhere.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use windrow::encoding::{META_HEADER_BYTES, Meta};
use windrow::{ScanCursor, ScanOptions, SetOptions};

use crate::common::bare::{Bare, Twins, meta_key};
use crate::common::data::{Shuffled, VALUE, name, options};
use crate::keys::expire;
use crate::{beside, group, sizes};

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        let twins = Twins::filled(&options(), |db| {
            (0..size).for_each(|n| db.strings().set(name(n), VALUE).expect("set"));
        });
        let (db, bare, meta) = (twins.store.db(0), twins.bare.db(), twins.bare.meta());
        let record = twins.bare.record(&name(0)).1.encode();
        let mut group = group(c, "strings", size);
        let (mut a, mut b) = (Shuffled::below(size), Shuffled::below(size));
        let get = |n| bare.get_cf(meta, meta_key(&name(n))).expect("get");
        beside(&mut group, "get", || db.strings().get(name(a.next())), || get(b.next()));
        let ten = |numbers: &mut Shuffled| [(); 10].map(|()| name(numbers.next()));
        beside(
            &mut group,
            "mget 10",
            || db.strings().mget(ten(&mut a)),
            || black_box(bare.batched_multi_get_cf(meta, &ten(&mut b).map(|name| meta_key(&name)), false).len()),
        );
        let set = |n| bare.put_cf(meta, meta_key(&name(n)), &record).expect("put");
        beside(&mut group, "set", || db.strings().set(name(a.next()), VALUE), || set(b.next()));
        let minute = SetOptions::new().expire_in(Duration::from_secs(60));
        // Both read the record first, and take away what the `expire` family held of the key before.
        beside(
            &mut group,
            "set expiring",
            || db.strings().set_with(name(a.next()), VALUE, minute),
            || expire(&twins.bare, &name(b.next()), Duration::from_secs(60)),
        );
        let mut cursor = ScanCursor::START;
        let mut last = meta_key(b"");
        beside(
            &mut group,
            "scan a page of 10",
            || {
                let page = db.scan(&cursor, ScanOptions::new()).expect("scan");
                cursor = if page.cursor.is_finished() { ScanCursor::START } else { page.cursor };
                page.items
            },
            || last = page_behind(&twins.bare, &last),
        );
        db.strings().set("counter", "0").expect("set");
        let counter = meta_key(b"counter");
        bare.put_cf(meta, &counter, &record).expect("put");
        beside(
            &mut group,
            "incr",
            || db.strings().incr("counter"),
            || {
                black_box(bare.get_pinned_cf(meta, &counter).expect("get"));
                bare.put_cf(meta, &counter, &record[..META_HEADER_BYTES + 4]).expect("put");
            },
        );
        group.finish();
    }
}

/// Reads up to ten records behind a key; returns the last key, or the least that there may be if these were the last.
fn page_behind(bare: &Bare, key: &[u8]) -> Vec<u8> {
    let mut records = bare.db().raw_iterator_cf(bare.meta());
    records.seek([key, &[0]].concat());
    let mut last = Vec::new();
    for _ in 0..10 {
        let Some((key, record)) = records.item() else { return meta_key(b"") };
        black_box(Meta::peek(record).expect("a record"));
        last = key.to_vec();
        records.next();
    }
    last
}
