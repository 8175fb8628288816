//! What a view shows while one way of giving back after the other works beside it, each told by its own place; `views` looks at all of them
//! together.

use std::time::Duration;

use rocksdb::IteratorMode;
use windrow::encoding::{DataFamily, Segment, SegmentBits};
use windrow::{CreateOptions, SetOptions, Store, Ttl, View};

use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::passages::Passages;
use crate::raw::open_raw;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAYS: Duration = Duration::from_secs(3 * 86_400);

/// Gives back what can be given back beside the views that are open.
fn settle_beside(store: &Store) {
    for _ in 0..3 {
        let _ = store.settle(Duration::from_millis(200)).unwrap();
    }
}

/// Opens a view when `deaths` are known to the watermark, which an older view holds until then: nobody waits for them any more.
fn view_after(store: &Store, deaths: impl FnOnce()) -> View {
    let older = store.view().unwrap();
    deaths();
    settle_beside(store);
    let view = store.view().unwrap();
    drop(older);
    view
}

#[test]
fn beside_a_view_dead_files_that_stay_in_l0_are_compacted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let growing = CreateOptions::new().expire_in(DAYS).growing();
    for n in 0..40 {
        db.sets().add_with(format!("dying:{n}"), [payload(n, 4000)], growing).unwrap();
    }
    store.flush_everything().unwrap();
    // This file reaches into the other one, so that they go together.
    db.sets().add("dying:20", ["more"]).unwrap();
    for n in 0..4 {
        db.sets().add_with(format!("seen:{n}"), [payload(n, 400)], growing).unwrap();
    }
    store.flush_everything().unwrap();
    let unstuck = Passages::of("reclaimer::before_unstick");
    let view = view_after(&store, || {
        (0..40).for_each(|n| assert_eq!(db.delete([format!("dying:{n}")]).unwrap(), 1));
    });
    for n in 0..4 {
        db.delete([format!("seen:{n}")]).unwrap();
    }
    settle_beside(&store);
    let stats = store.stats();
    assert!(unstuck.count() > 0, "{stats:#?}");
    assert_eq!((stats.files_dropped, stats.waiting_ids), (0, 4), "{stats:#?}");
    for n in 0..4 {
        assert_eq!(members(&view.db(0), format!("seen:{n}")), [payload(n, 400)]);
    }
    drop(view);
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn beside_a_view_a_file_of_dead_and_living_elements_is_rewritten() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for n in 0..200 {
        db.sets().add(n.to_string(), [payload(n, 2000)]).unwrap();
    }
    store.flush_everything().unwrap();
    let delete = |sets: &mut dyn Iterator<Item = u64>| {
        sets.for_each(|n| assert_eq!(db.delete([n.to_string()]).unwrap(), 1));
    };
    let rewritten = Passages::of("reclaimer::before_rewrite");
    let view = view_after(&store, || delete(&mut (0..200).filter(|n| n % 4 > 1)));
    delete(&mut (0..200).filter(|n| n % 4 == 1));
    settle_beside(&store);
    assert!(rewritten.count() > 0, "{:#?}", store.stats());
    assert_eq!(store.stats().waiting_ids, 50);
    for n in (0..200).filter(|n| n % 4 < 2) {
        assert_eq!(members(&view.db(0), n.to_string()), [payload(n, 2000)]);
    }
    drop(view);
    settle(&store);
    assert_eq!(db.len().unwrap(), 50);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn beside_a_view_small_files_of_records_and_of_expiries_are_merged() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let lifetime = |n: u64| if n.is_multiple_of(3) { MINUTE * 2 } else { DAYS };
    for n in 0..60 {
        db.strings().set_with(format!("{n:02}"), payload(n, 60), SetOptions::new().expire_in(lifetime(n))).unwrap();
        store.flush_everything().unwrap();
    }
    let merges = ["swarm::before_merge_meta", "swarm::before_merge_expire"].map(Passages::of);
    let view = store.view().unwrap();
    // What has expired by now is dead for everybody but the view.
    fixture.seconds_pass(121);
    settle_beside(&store);
    assert!(merges.iter().all(|merges| merges.count() > 0), "{:#?}", store.stats());
    assert_eq!((db.len().unwrap(), store.stats().keys_reaped), (40, 20));
    for n in 0..60 {
        let seen = view.db(0);
        assert_eq!(seen.strings().get(format!("{n:02}")).unwrap().unwrap(), payload(n, 60));
        assert_eq!(seen.ttl(format!("{n:02}")).unwrap(), Ttl::In(lifetime(n)));
    }
    drop(view);
    fixture.clock.advance(DAYS);
    settle(&store);
    assert!(db.is_empty().unwrap());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

/// Leaves dead records to the next session, beside so many that last and some that expire later. Returns the next session.
fn reopen_with_dead_records(fixture: &Fixture, lasting: u64) -> Store {
    let store = fixture.open();
    let set = |name: String, lifetime| {
        store.db(0).strings().set_with(name, "v", SetOptions::new().expire_in(lifetime)).unwrap();
    };
    (0..50).for_each(|n| set(format!("ebbing:{n:02}"), 2 * MINUTE));
    for n in 0..lasting {
        store.db(0).strings().set(format!("lasting:{n:04}"), "v").unwrap();
    }
    store.compact_everything().unwrap();
    (0..200).for_each(|n| set(format!("dying:{n:03}"), MINUTE));
    store.flush_everything().unwrap();
    fixture.seconds_pass(61);
    assert!(!store.settle(Duration::ZERO).unwrap());
    assert_eq!(store.stats().keys_reaped, 200);
    store.close().unwrap();
    fixture.open()
}

fn assert_records(view: &View, names: &[&str], lasting: usize) {
    let seen = view.db(0);
    for name in names {
        assert_eq!(seen.strings().get(name).unwrap().unwrap(), "v");
    }
    assert_eq!(seen.keys("lasting:").unwrap().count(), lasting);
    assert_eq!(keys(&seen).len(), lasting + 50);
}

#[test]
fn beside_a_view_the_dead_records_of_an_earlier_session_leave() {
    // Among few others they go with them; among many the file that holds them goes by itself.
    for (lasting, by_itself) in [(100, false), (2500, true)] {
        let fixture = Fixture::new();
        let store = reopen_with_dead_records(&fixture, lasting);
        let [taken, compacted] = ["left_over::taken", "expired::before_meta_compact"].map(Passages::of);
        let view = store.view().unwrap();
        fixture.seconds_pass(60);
        settle_beside(&store);
        assert_eq!((taken.count() > 0, compacted.count() > 0), (by_itself, true), "{:#?}", store.stats());
        assert_eq!(store.stats().keys_reaped, 50, "they are dead for everybody but the view");
        let lasting = usize::try_from(lasting).unwrap();
        assert_records(&view, &["ebbing:00", "ebbing:49", "lasting:0000"], lasting);
        drop(view);
        settle(&store);
        assert_eq!(store.db(0).len().unwrap(), lasting as u64);
        close_and_check(store, &fixture.path("store"));
        let raw = open_raw(&fixture.path("store"));
        let left = raw.iterator_cf(raw.cf_handle("meta").unwrap(), IteratorMode::Start).count();
        assert!(left < lasting + 200, "{left} records");
    }
}

#[test]
fn beside_a_view_the_records_of_flushed_dbs_leave_when_they_are_older_than_it() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..60 {
        store.db(n).strings().set("k", n.to_string()).unwrap();
    }
    store.flush_everything().unwrap();
    let older = store.view().unwrap();
    (3..60).for_each(|n| store.db(n).flush().unwrap());
    settle_beside(&store);
    assert_eq!(store.stats().flushed_keyspaces, 57, "the view holds them back");
    (0..60).for_each(|n| assert_eq!(older.db(n).strings().get("k").unwrap().unwrap(), n.to_string()));
    store.namespace("").swap(0, 1).unwrap();
    let younger = store.view().unwrap();
    drop(older);
    let rewritten = Passages::of("tombstones::before_compact_default");
    settle_beside(&store);
    assert_eq!((store.stats().flushed_keyspaces, rewritten.count()), (0, 0), "it would be in vain");
    let assert_dbs = |view: &View| {
        for (n, value) in [(0, "1"), (1, "0"), (2, "2")] {
            assert_eq!(view.db(n).strings().get("k").unwrap().unwrap(), value);
        }
        (3..60).for_each(|n| assert!(keys(&view.db(n)).is_empty()));
    };
    assert_dbs(&younger);
    let last = store.view().unwrap();
    drop(younger);
    store.namespace("").swap(0, 1).unwrap();
    settle_beside(&store);
    assert!(rewritten.count() > 0, "{:#?}", store.stats());
    assert_dbs(&last);
    drop(last);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn beside_a_view_burials_of_retired_segments_leave() {
    let fixture = Fixture::new();
    let original = fixture.open_at(&fixture.path("original"));
    for n in 0..30 {
        original.db(0).sets().add(n.to_string(), [payload(n, 1000)]).unwrap();
    }
    // A copy takes the next ids of every family for retired.
    original.checkpoint(fixture.path("store")).unwrap();
    original.close().unwrap();
    let store = fixture.open();
    // Few files in L0: RocksDB would merge them before the tombstones in one of them are looked at.
    store.compact_everything().unwrap();
    // Too little for a rewriting: its burial, beside those that are forgotten, says to the end that it is dead.
    store.db(0).delete(["0"]).unwrap();
    store.close().unwrap();
    let raw = open_raw(&fixture.path("store"));
    let mut bits = SegmentBits::new();
    bits.insert_range(5..=500);
    for number in 10..30 {
        let segment = Segment::new(DataFamily::new(3).unwrap(), number).unwrap();
        raw.put_cf(raw.cf_handle("gc").unwrap(), segment.encode_key(), bits.encode()).unwrap();
    }
    raw.flush_cf(raw.cf_handle("gc").unwrap()).unwrap();
    drop(raw);
    let rewritten = Passages::of("tombstones::before_compact_gc");
    let store = fixture.open();
    let view = view_after(&store, || {});
    assert_eq!(rewritten.count(), 0, "the tombstones might be younger than the older view");
    settle_beside(&store);
    assert!(rewritten.count() > 0, "{:#?}", store.stats());
    store.db(0).delete(["1"]).unwrap();
    settle_beside(&store);
    assert_eq!(store.stats().waiting_ids, 1);
    for n in 1..30 {
        assert_eq!(members(&view.db(0), n.to_string()), [payload(n, 1000)]);
    }
    drop(view);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn beside_a_view_past_times_are_compacted_where_they_cannot_be_dropped() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let set = |name: &str, lifetime| {
        db.strings().set_with(name, "v", SetOptions::new().expire_in(lifetime)).unwrap();
    };
    let [unstuck, rewritten] = ["expired::before_unstick", "expired::before_rewrite"].map(Passages::of);
    set("lasting", DAYS);
    store.compact_everything().unwrap();
    set("first", MINUTE);
    store.flush_everything().unwrap();
    let view = store.view().unwrap();
    fixture.seconds_pass(61);
    settle_beside(&store);
    assert!(unstuck.count() > 0, "{:#?}", store.stats());
    // Long keys make a file that is worth it of few entries.
    let long = |n: u64| -> String { payload(n, 400).iter().map(|byte| char::from(b'0' + byte % 64)).collect() };
    (0..300).for_each(|n| set(&long(n), MINUTE));
    set("in an hour", HOUR);
    store.flush_everything().unwrap();
    let later = store.view().unwrap();
    fixture.seconds_pass(61);
    settle_beside(&store);
    assert!(rewritten.count() > 0, "{:#?}", store.stats());
    assert_eq!(keys(&view.db(0)), ["first", "lasting"]);
    assert_eq!((later.db(0).len().unwrap(), keys(&later.db(0)).len()), (302, 302));
    for n in 0..300 {
        assert_eq!(later.db(0).ttl(long(n)).unwrap(), Ttl::In(MINUTE));
    }
    drop((view, later));
    fixture.clock.advance(DAYS);
    settle(&store);
    assert_eq!((db.len().unwrap(), store.stats().keys_reaped), (0, 303));
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
