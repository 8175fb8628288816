//! MGET beside as many GETs, and beside RocksDB's batched look-up of the same records.

use std::hint::black_box;

use crate::common::bare::{Twins, meta_key};
use crate::common::data::{Shuffled, VALUE, name, options};
use crate::measure::{Scale, compare, heading, line};

/// Keys that are read in one turn of a comparison, whatever one call reads.
const KEYS_IN_A_TURN: u64 = 200;
const PAIRS: usize = 2_000;

pub(crate) fn run(scale: Scale) {
    heading("many: MGET / as many GETs, or RocksDB's batched look-up", "MGET", "the other");
    for count in scale.sizes(&[10_000, 1_000_000]) {
        let twins = Twins::filled(&options(), |db| {
            (0..count).for_each(|n| db.strings().set(name(n), VALUE).expect("set"));
        });
        for together in [1, 2, 10, 100] {
            of(scale, &twins, count, together);
        }
    }
}

fn of(scale: Scale, twins: &Twins, count: u64, together: usize) {
    let db = twins.store.db(0);
    let (bare, meta) = (twins.bare.db(), twins.bare.meta());
    let some = |numbers: &mut Shuffled| (0..together).map(|_| name(numbers.next())).collect::<Vec<_>>();
    let mget = |numbers: &mut Shuffled| {
        let values = db.strings().mget(some(numbers)).expect("mget");
        assert!(values.iter().all(Option::is_some));
    };
    let turn = KEYS_IN_A_TURN / together as u64;
    let (mut a, mut b) = (Shuffled::below(count), Shuffled::below(count));
    // WHY: both sides read one store. What one of them has just read is in the processor's cache for the other.
    (0..count).for_each(|_| {
        b.next();
    });
    let gets = || {
        let values: Vec<_> = some(&mut b).iter().map(|key| db.strings().get(key).expect("get")).collect();
        assert!(values.iter().all(Option::is_some));
    };
    line(&format!("{together} of {count} keys / GETs"), "", &compare(scale, PAIRS, turn, || mget(&mut a), gets));
    let (mut a, mut b) = (Shuffled::below(count), Shuffled::below(count));
    let batched = || {
        let keys: Vec<_> = some(&mut b).iter().map(|name| meta_key(name)).collect();
        let found = bare.batched_multi_get_cf(meta, &keys, false);
        let values: Vec<_> = found.into_iter().map(|value| value.expect("get").expect("the record").to_vec()).collect();
        black_box(values);
    };
    line(&format!("{together} of {count} keys / bare"), "", &compare(scale, PAIRS, turn, || mget(&mut a), batched));
}
