//! Strings: as many keys as there are elements elsewhere.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use windrow::SetOptions;

use crate::common::bare::{Twins, meta_key};
use crate::common::data::{Shuffled, VALUE, name, options};
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
        group.bench_function("set expiring", |b| {
            b.iter(|| db.strings().set_with(name(a.next()), VALUE, minute));
        });
        db.strings().set("counter", "0").expect("set");
        group.bench_function("incr", |b| b.iter(|| db.strings().incr("counter")));
        group.finish();
    }
}
