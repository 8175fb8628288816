//! Dead data scattered among survivors: it is rewritten once, not again and again.

use std::time::{Duration, Instant};

use windrow::{CreateOptions, ListEnd, Store};

use crate::compact::compact_everything;
use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle, small};

#[test]
fn survivors_among_many_dead_are_rewritten_once_and_then_left_alone() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for options in [CreateOptions::new(), CreateOptions::new().expire_in(Duration::from_secs(60))] {
        for n in 0..1000 {
            db.sets().add_with(format!("{n}"), [payload(n, 2000)], options).unwrap();
        }
        for n in (0..1000).filter(|n| n % 4 != 0) {
            db.delete([format!("{n}")]).unwrap();
        }
        settle(&store);
        let before = store.stats();
        settle(&store);
        let after = store.stats();
        assert_eq!(after.compactions, before.compactions, "{after:#?}");
        let written = after.data_compaction_written_bytes;
        assert!(written < 3 << 20, "half a million bytes live; {written} were written");
        assert!(after.compaction_read_bytes > 1_000_000 && after.compaction_written_bytes > 100_000, "{after:#?}");
        for n in (0..1000).step_by(4) {
            assert_eq!(members(&db, format!("{n}")), [payload(n, 2000)]);
            db.delete([format!("{n}")]).unwrap();
        }
        settle(&store);
        assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn queues_that_were_emptied_item_by_item_give_their_space_back() {
    for options in [CreateOptions::new(), CreateOptions::new().growing()] {
        let fixture = Fixture::new();
        let store = fixture.open();
        let db = store.db(0);
        for n in 0..1000 {
            let items = (0..20).map(|item| payload(n * 20 + item, 200));
            db.lists().push_with(format!("{n}"), ListEnd::Right, items, options).unwrap();
        }
        compact_everything(&store);
        let full = store.stats().data_file_bytes;
        // The last item goes with the key: of these lists one item each can still be seen, and twenty fill the files.
        for n in (0..1000).filter(|n| n % 10 != 0) {
            while db.lists().pop_left(format!("{n}")).unwrap().is_some() {}
        }
        settle(&store);
        let left = store.stats().data_file_bytes;
        assert!(left < full / 5, "a tenth lives; of {full} bytes {left} are left");
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
}

/// Sets of 8 KiB in such a number, of which all but each `survivor`th are deleted.
fn scatter(db: &windrow::Db, sets: u64, survivor: u64, lifetime: Duration) {
    for n in 0..sets {
        let birth = CreateOptions::new().expire_in(lifetime);
        db.sets().add_with(format!("{n}"), [payload(n, 8 << 10)], birth).unwrap();
    }
    for n in (0..sets).filter(|n| n % survivor != 0) {
        db.delete([format!("{n}")]).unwrap();
    }
}

#[test]
fn scattered_survivors_do_not_hold_much_dead_data_until_their_class_has_passed() {
    let fixture = Fixture::new();
    let mut options = small();
    options.reclaim_interval = Duration::from_millis(10);
    // The machine's clock: what waits by the store's own clock must come to its turn.
    let store = Store::builder(fixture.path("store")).options(options).open().unwrap();
    let db = store.db(0);
    let (sets, survivor) = (6_000, 10);
    scatter(&db, sets, survivor, Duration::from_secs(3600));
    let began = Instant::now();
    // What was rewritten is counted a moment after the files have changed.
    let freed = |stats: &windrow::Stats| {
        stats.data_file_bytes > 0 && stats.data_file_bytes < sets * (8 << 10) / 5 && stats.rewritten_bytes > 0
    };
    while !freed(&store.stats()) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:#?}", store.stats());
        std::thread::sleep(Duration::from_millis(20));
    }
    let stats = store.stats();
    let (rewritten, read) = (stats.rewritten_bytes, stats.rewrite_read_bytes);
    assert!(rewritten > 0 && rewritten * 4 < read, "a tenth lives; {rewritten} of {read} bytes were written again");
    for n in (0..sets).step_by(usize::try_from(survivor).unwrap()) {
        assert_eq!(members(&db, format!("{n}")), [payload(n, 8 << 10)]);
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
