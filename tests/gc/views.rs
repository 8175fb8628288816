//! What a view and an iterator show while everything they see is deleted, expired, dropped and compacted.

use std::time::Duration;

use bytes::Bytes;
use windrow::{CreateOptions, HeldBackBy, SetOptions, Store, Ttl, View};

use crate::compact::compact_everything;
use crate::data::{keys, members, payload};
use crate::fixture::{Fixture, close_and_check, settle};

const SETS: u64 = 1500;
const MINUTE: Duration = Duration::from_secs(60);

fn minute() -> CreateOptions {
    CreateOptions::new().expire_in(MINUTE)
}

/// Fills a window of sets of about 2 KiB each, enough for several files.
fn fill(store: &Store, name: &str, options: &CreateOptions) {
    for n in 0..SETS {
        let two = [payload(n, 1000), payload(n + SETS, 1000)];
        store.db(0).sets().add_with(format!("{name}:{n:05}"), two, *options).unwrap();
    }
}

fn assert_whole(view: &View, db: u32, name: &str) {
    let db = view.db(db);
    for n in 0..SETS {
        let key = format!("{name}:{n:05}");
        let mut expected = vec![payload(n, 1000), payload(n + SETS, 1000)];
        expected.sort();
        assert_eq!(members(&db, &key), expected, "{key}");
        assert_eq!(db.sets().len(&key).unwrap(), 2);
        assert!(db.sets().contains(&key, payload(n, 1000)).unwrap());
    }
    assert_eq!(db.keys(format!("{name}:")).unwrap().count() as u64, SETS);
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn a_view_opened_before_a_delete_reads_everything_after_files_were_dropped_and_compacted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    // What died before is held back by an older view until the view that is looked at is open.
    fill(&store, "gone", &CreateOptions::new());
    fill(&store, "gone too", &minute());
    fill(&store, "old", &CreateOptions::new());
    fill(&store, "dying", &minute());
    db.strings().set("inline", "short").unwrap();
    db.strings().set("pieces", payload(7, 100_000)).unwrap();
    let older = store.view().unwrap();
    for n in 0..SETS {
        db.delete([format!("gone:{n:05}"), format!("gone too:{n:05}")]).unwrap();
    }
    assert!(!store.settle(Duration::ZERO).unwrap());
    let view = store.view().unwrap();
    drop(older);
    for n in 0..SETS {
        db.delete([format!("old:{n:05}"), format!("dying:{n:05}")]).unwrap();
        db.sets().add(format!("old:{n:05}"), ["new"]).unwrap();
    }
    db.delete(["inline", "pieces"]).unwrap();
    for _ in 0..3 {
        assert!(!store.settle(Duration::from_millis(200)).unwrap(), "a view holds everything back");
    }
    let stats = store.stats();
    assert!(stats.files_dropped > 0, "{stats:#?}");
    compact_everything(&store);
    assert!(!store.settle(Duration::from_millis(200)).unwrap(), "a view holds the rest back");
    let stats = store.stats();
    assert!(stats.waiting_ids > 2 * SETS, "{stats:#?}");
    assert!(stats.waiting_bytes > SETS * 2000 && stats.debt_bytes == 0, "what has reached a file: {stats:#?}");
    assert!(matches!(stats.held_back_by, Some(HeldBackBy::View { .. })));
    assert_whole(&view, 0, "old");
    assert_whole(&view, 0, "dying");
    let seen = view.db(0);
    assert_eq!(seen.strings().get("inline").unwrap().as_deref(), Some(b"short".as_slice()));
    assert_eq!(seen.strings().get("pieces").unwrap().unwrap(), payload(7, 100_000));
    assert_eq!(seen.strings().get_range("pieces", 16_000, 40_000).unwrap(), payload(7, 100_000)[16_000..=40_000]);
    assert_eq!(seen.len().unwrap(), 2 * SETS + 2);
    drop((seen, view));
    settle(&store);
    let stats = store.stats();
    assert!(stats.files_dropped > 0, "{stats:#?}");
    assert_eq!((stats.waiting_ids, stats.waiting_bytes), (0, 0));
    assert_eq!(db.len().unwrap(), SETS);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_view_reads_what_expired_after_it_was_opened_and_nothing_that_had_expired_before() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add_with("past", ["x"], CreateOptions::new().expire_in(Duration::from_secs(1))).unwrap();
    fixture.seconds_pass(1);
    fill(&store, "w", &minute());
    let lasting = SetOptions::new().expire_in(MINUTE);
    db.strings().set_with("inline", "v", lasting).unwrap();
    db.strings().set_with("pieces", payload(1, 50_000), lasting).unwrap();
    let view = store.view().unwrap();
    fixture.seconds_pass(61);
    for _ in 0..3 {
        store.settle(Duration::from_millis(200)).unwrap();
    }
    assert_eq!(db.len().unwrap(), 0, "the reaper does not wait for views");
    assert_whole(&view, 0, "w");
    let seen = view.db(0);
    assert!(!seen.exists("past").unwrap());
    assert_eq!(seen.strings().get("inline").unwrap().unwrap(), "v");
    assert_eq!(seen.strings().get("pieces").unwrap().unwrap(), payload(1, 50_000));
    assert_eq!(seen.ttl("inline").unwrap(), Ttl::In(MINUTE));
    assert_eq!(seen.len().unwrap(), SETS + 2);
    drop((seen, view));
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_view_keeps_the_lifetime_that_a_key_had_before_it_was_shortened_and_expired() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.sets().add("s", ["x"]).unwrap();
    db.strings().set("k", "lasting").unwrap();
    let view = store.view().unwrap();
    db.expire("s", Duration::from_secs(1)).unwrap();
    db.expire("k", Duration::from_secs(1)).unwrap();
    fixture.seconds_pass(2);
    for _ in 0..3 {
        store.settle(Duration::from_millis(100)).unwrap();
    }
    assert_eq!(db.len().unwrap(), 0);
    assert_eq!(view.db(0).ttl("s").unwrap(), Ttl::Forever);
    assert_eq!(members(&view.db(0), "s"), ["x"]);
    assert_eq!(view.db(0).strings().get("k").unwrap().unwrap(), "lasting");
}

#[test]
fn a_view_keeps_a_flushed_db_and_the_dbs_as_they_were_before_a_swap() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, "w", &minute());
    store.db(1).strings().set("one", "1").unwrap();
    let view = store.view().unwrap();
    store.namespace("").swap(0, 1).unwrap();
    store.db(1).flush().unwrap();
    store.db(1).strings().set("after", "x").unwrap();
    fixture.seconds_pass(3600);
    for _ in 0..3 {
        store.settle(Duration::from_millis(200)).unwrap();
    }
    assert_eq!(store.stats().flushed_keyspaces, 1, "the view holds the flush back");
    assert_whole(&view, 0, "w");
    assert_eq!(keys(&view.db(1)), ["one"]);
    assert_eq!(keys(&store.db(0)), ["one"]);
    assert_eq!(keys(&store.db(1)), ["after"]);
    let later = store.view().unwrap();
    drop(view);
    for _ in 0..3 {
        store.settle(Duration::from_millis(200)).unwrap();
    }
    assert_eq!(keys(&later.db(1)), ["after"]);
    drop(later);
    settle(&store);
    assert_eq!(store.stats().flushed_keyspaces, 0);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn iterators_over_members_and_keys_end_as_they_began_although_everything_was_reclaimed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    fill(&store, "k", &minute());
    let all: Vec<Vec<u8>> = (0..3000_u64).map(|n| payload(n, 1000)).collect();
    db.sets().add("big", &all).unwrap();
    let mut walk = db.sets().members("big").unwrap();
    let mut walk_of_keys = db.keys("k:").unwrap();
    let first: Bytes = walk.next().unwrap().unwrap();
    assert_eq!(walk_of_keys.next().unwrap().unwrap(), "k:00000");
    db.delete(["big"]).unwrap();
    db.flush().unwrap();
    for _ in 0..3 {
        store.settle(Duration::from_millis(200)).unwrap();
    }
    assert_eq!(store.stats().held_back_by, Some(HeldBackBy::Operation));
    let mut seen = vec![first];
    seen.extend(walk.by_ref().map(Result::unwrap));
    let mut expected = all;
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(walk_of_keys.by_ref().count() as u64, SETS - 1);
    drop((walk, walk_of_keys));
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_view_stays_whole_while_older_dead_data_beside_it_is_dropped_filtered_and_compacted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let dying = |n: u64| [format!("a:{n:05}"), format!("aa:{n:05}")];
    // Files in which two of three sets are to die, then files in which all are.
    for n in 0..SETS {
        for key in dying(n) {
            db.sets().add(key, [payload(n + 90_000, 2000)]).unwrap();
        }
        db.sets().add(format!("b:{n:05}"), [payload(n, 1000), payload(n + SETS, 1000)]).unwrap();
    }
    for n in SETS..3 * SETS {
        db.sets().add(format!("a:{n:05}"), [payload(n, 2000)]).unwrap();
    }
    // An older view holds the deaths back until the view that is looked at is open.
    let older = store.view().unwrap();
    for n in 0..SETS {
        db.delete(dying(n)).unwrap();
    }
    for n in SETS..3 * SETS {
        db.delete([format!("a:{n:05}")]).unwrap();
    }
    assert!(!store.settle(Duration::ZERO).unwrap());
    assert_eq!(store.stats().waiting_ids, 4 * SETS);
    let view = store.view().unwrap();
    drop(older);
    for n in 0..SETS {
        db.delete([format!("b:{n:05}")]).unwrap();
    }
    let before = store.stats();
    assert_eq!((before.files_dropped, before.compactions, before.entries_filtered), (0, 0, 0), "{before:#?}");
    assert!(!store.settle(Duration::from_secs(3)).unwrap(), "the view holds the later deaths back");
    let stats = store.stats();
    assert!(stats.files_dropped > 0, "{stats:#?}");
    assert!(stats.compactions > 0 && stats.entries_filtered > 0, "{stats:#?}");
    assert_eq!(stats.waiting_ids, SETS, "{stats:#?}");
    compact_everything(&store);
    assert_whole(&view, 0, "b");
    assert_eq!(view.db(0).len().unwrap(), SETS);
    assert_eq!(db.len().unwrap(), 0);
    drop(view);
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn views_of_many_moments_each_keep_their_own_truth() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let mut views = Vec::new();
    for round in 0..20_u64 {
        db.strings().set("s", payload(round, 20_000)).unwrap();
        db.delete(["set"]).unwrap();
        db.sets().add("set", [format!("{round}")]).unwrap();
        views.push(store.view().unwrap());
        store.settle(Duration::from_millis(1)).unwrap();
        if round % 3 == 2 {
            // Views end in another order than they began.
            views.remove(round as usize / 3);
            store.settle(Duration::from_millis(1)).unwrap();
        }
        for view in &views {
            let round: u64 = std::str::from_utf8(&members(&view.db(0), "set")[0]).unwrap().parse().unwrap();
            assert_eq!(view.db(0).strings().get("s").unwrap().unwrap(), payload(round, 20_000));
        }
    }
    drop(views);
    settle(&store);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_view_reads_on_while_what_died_before_it_is_range_deleted_and_retired() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    // What dies is held back until the view that is looked at is open.
    let older = store.view().unwrap();
    let hour = CreateOptions::new().expire_in(60 * MINUTE);
    db.sets().add_with("first", [payload(1, 3000)], hour).unwrap();
    for n in 0..132_000_u64 {
        db.sets().add_with("short", [n.to_be_bytes()], hour).unwrap();
        db.delete(["short"]).unwrap();
    }
    db.sets().add_with("last", [payload(2, 3000)], hour).unwrap();
    assert!(!store.settle(Duration::ZERO).unwrap());
    let view = store.view().unwrap();
    drop(older);
    db.delete(["first", "last"]).unwrap();
    for _ in 0..4 {
        assert!(!store.settle(Duration::from_millis(500)).unwrap(), "the view holds two sets back");
    }
    let stats = store.stats();
    assert!(stats.range_deletions > 0 && stats.segments_retired > 0, "{stats:#?}");
    for (key, seed) in [("first", 1), ("last", 2)] {
        assert_eq!(members(&view.db(0), key), [payload(seed, 3000)]);
        assert!(!db.exists(key).unwrap());
    }
    drop(view);
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    drop(db);
    close_and_check(store, &fixture.path("store"));
}
