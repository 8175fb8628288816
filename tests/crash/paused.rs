//! Operations paused between the record of a key and its elements while everything behind them is reclaimed.

use std::thread;
use std::time::Duration;

use fail::FailScenario;
use windrow::{CreateOptions, SetOptions, Store, View};

use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle};
use crate::pause::Pause;

const KEYS: u64 = 1000;
const MINUTE: Duration = Duration::from_secs(60);

fn fill(store: &Store, options: &CreateOptions) {
    for n in 0..KEYS {
        store.db(0).sets().add_with(format!("s:{n}"), [payload(n, 3000)], *options).unwrap();
    }
}

/// Tries three times to give everything back, and compacts everything; a pin must make it all vain.
fn settle_in_vain(store: &Store) {
    for _ in 0..3 {
        store.settle(Duration::from_millis(100)).unwrap();
    }
    store.compact_everything().unwrap();
}

/// Pauses `read` behind the record of its key, does `change`, reclaims, and returns what `read` answers then.
fn paused<T: Send>(store: &Store, read: impl FnOnce(&Store) -> T + Send, change: impl FnOnce()) -> T {
    paused_at(store, ("read::after_record", 1), read, change)
}

/// Does as [`paused`], at the nth time that somebody comes by `place`.
fn paused_at<T: Send>(
    store: &Store,
    (place, nth): (&'static str, usize),
    read: impl FnOnce(&Store) -> T + Send,
    change: impl FnOnce(),
) -> T {
    thread::scope(|scope| {
        let pause = Pause::at_passage(place, nth);
        let reading = scope.spawn(|| read(store));
        pause.wait();
        change();
        settle_in_vain(store);
        pause.resume();
        reading.join().unwrap()
    })
}

#[test]
fn a_read_paused_while_its_key_is_deleted_recreated_and_reclaimed_still_returns_the_old_truth() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    for options in [CreateOptions::new(), CreateOptions::new().expire_in(MINUTE), CreateOptions::new().growing()] {
        fill(&store, &options);
        let found = paused(
            &store,
            |store| store.db(0).sets().contains("s:500", payload(500, 3000)).unwrap(),
            || {
                for n in 0..KEYS {
                    store.db(0).delete([format!("s:{n}")]).unwrap();
                }
                fill_with_others(&store);
            },
        );
        assert!(found, "{options:?}");
        assert!(!store.db(0).sets().contains("s:500", payload(500, 3000)).unwrap());
        let held = store.stats().data_file_bytes;
        settle(&store);
        assert!(store.stats().data_file_bytes < held, "the pause is over and the files go");
        store.db(0).flush().unwrap();
    }
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

fn fill_with_others(store: &Store) {
    for n in 0..KEYS {
        store.db(0).sets().add(format!("s:{n}"), ["other"]).unwrap();
    }
}

#[test]
fn a_paused_read_of_a_string_in_pieces_returns_one_whole_value() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    for length in [2_000, 16_383, 16_384, 16_385, 100_000] {
        store.db(0).strings().set("k", payload(1, length)).unwrap();
        let got = paused(
            &store,
            |store| store.db(0).strings().get("k").unwrap(),
            || {
                store.db(0).delete(["k"]).unwrap();
                store.db(0).strings().set("k", payload(2, length + 1)).unwrap();
            },
        );
        let got = got.unwrap();
        assert!(got == payload(1, length) || got == payload(2, length + 1), "torn at {length}: {}", got.len());
        let got = paused(
            &store,
            |store| store.db(0).strings().get("k").unwrap(),
            || {
                store.db(0).strings().append("k", payload(3, 20_000)).unwrap();
            },
        );
        let (old, mut new) = (payload(2, length + 1), payload(2, length + 1));
        new.extend(payload(3, 20_000));
        let got = got.unwrap();
        assert!(got == old || got == new, "torn by an append at {length}: {}", got.len());
    }
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_paused_read_of_a_short_string_never_mixes_two_later_writes() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let old = payload(1, 2_000);
    store.db(0).strings().set("k", &old).unwrap();
    let got = paused(
        &store,
        |store| store.db(0).strings().get("k").unwrap(),
        || {
            // The first write leaves the first piece's own bytes alone, the second one changes them.
            store.db(0).strings().set_range("k", 20_000, "x").unwrap();
            store.db(0).strings().set_range("k", 0, "z").unwrap();
        },
    );
    let mut longer = old.clone();
    longer.resize(20_000, 0);
    longer.push(b'x');
    let mut both = longer.clone();
    both[0] = b'z';
    let got = got.unwrap();
    assert!([old, longer, both].iter().any(|state| got == state[..]), "a value that never was: {} bytes", got.len());
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_read_of_many_elements_paused_behind_the_record_sees_the_elements_of_that_moment() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().set("long", payload(1, 100_000)).unwrap();
    // A long string is read under a snapshot, its record once more.
    let append = || {
        db.strings().append("long", payload(2, 50_000)).unwrap();
    };
    let got = paused_at(&store, ("read::after_record", 2), |store| store.db(0).strings().get("long"), append);
    assert!(got.unwrap().unwrap() == payload(1, 100_000));
    let overwrite = || {
        db.strings().set_range("long", 0, payload(3, 150_000)).unwrap();
    };
    let mut before = payload(1, 100_000);
    before.extend(payload(2, 50_000));
    let got = paused_at(
        &store,
        ("read::after_record", 2),
        |store| store.db(0).strings().get_range("long", 10_000, 120_000),
        overwrite,
    );
    assert!(got.unwrap() == before[10_000..=120_000]);
    db.sets().add("set", ["a", "b", "c"]).unwrap();
    let change = || {
        db.sets().remove("set", ["a", "b"]).unwrap();
        db.sets().add("set", ["d"]).unwrap();
    };
    let members = paused(&store, |store| store.db(0).sets().members("set").unwrap(), change);
    let members: Vec<_> = members.map(Result::unwrap).collect();
    assert_eq!(members, ["a", "b", "c"]);
    let remove = || {
        db.sets().remove("set", ["c"]).unwrap();
    };
    let mut drawn = paused(&store, |store| store.db(0).sets().random("set", 2), remove).unwrap();
    drawn.sort();
    assert_eq!(drawn, ["c", "d"]);
    drop(db);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_read_paused_while_its_key_expires_and_is_reclaimed_answers_by_the_time_it_began() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, &CreateOptions::new().expire_in(MINUTE));
    let expiring = SetOptions::new().expire_in(MINUTE);
    store.db(0).strings().set_with("string", payload(9, 5000), expiring).unwrap();
    let found = paused(
        &store,
        |store| store.db(0).sets().contains("s:1", payload(1, 3000)).unwrap(),
        || fixture.seconds_pass(30),
    );
    assert!(found);
    let got = paused(&store, |store| store.db(0).strings().get("string").unwrap(), || fixture.seconds_pass(3600));
    assert_eq!(got.unwrap(), payload(9, 5000));
    assert_eq!(store.db(0).len().unwrap(), 0);
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_read_paused_while_its_db_is_flushed_or_swapped_away_still_returns_the_old_truth() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    for swaps in [false, true] {
        fill(&store, &CreateOptions::new());
        let found = paused(
            &store,
            |store| store.db(0).sets().contains("s:7", payload(7, 3000)).unwrap(),
            || {
                if swaps {
                    store.namespace("").swap(0, 5).unwrap();
                    store.db(5).flush().unwrap();
                } else {
                    store.db(0).flush().unwrap();
                }
                store.db(0).sets().add("s:7", ["other"]).unwrap();
            },
        );
        assert!(found, "swapped: {swaps}");
        settle(&store);
        assert_eq!(store.db(0).len().unwrap(), 1);
    }
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_flush_of_everything_waits_for_a_move_in_flight_and_takes_what_was_moved() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).sets().add("s", ["m"]).unwrap();
    thread::scope(|scope| {
        let pause = Pause::at("write::planning");
        let moving = scope.spawn(|| store.db(0).move_to("s", 1).unwrap());
        pause.wait();
        let flushing = scope.spawn(|| store.flush_all().unwrap());
        thread::sleep(Duration::from_millis(100));
        assert!(store.db(0).exists("s").unwrap(), "reads go on meanwhile");
        pause.resume();
        assert!(moving.join().unwrap());
        flushing.join().unwrap();
    });
    assert!(!store.db(1).exists("s").unwrap(), "it was moved before the flush, so it is flushed");
    assert!(!store.db(0).exists("s").unwrap());
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_move_to_a_db_that_is_not_there_comes_before_the_flushes_of_both_or_behind_them() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).sets().add("s", ["m"]).unwrap();
    thread::scope(|scope| {
        let pause = Pause::at("write::planning");
        let moving = scope.spawn(|| store.db(0).move_to("s", 1).unwrap());
        pause.wait();
        store.db(0).flush().unwrap();
        store.db(1).flush().unwrap();
        pause.resume();
        assert!(moving.join().unwrap());
    });
    assert!(!store.db(0).exists("s").unwrap());
    assert!(!store.db(1).exists("s").unwrap(), "its flush came last of all");
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_write_paused_while_its_db_is_flushed_lands_before_the_flush_or_after_it() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(0).sets().add("s", ["old"]).unwrap();
    thread::scope(|scope| {
        let pause = Pause::at("write::planning");
        let writing = scope.spawn(|| store.db(0).sets().add("s", ["new"]).unwrap());
        pause.wait();
        store.db(0).flush().unwrap();
        settle_in_vain(&store);
        assert_eq!(store.stats().flushed_keyspaces, 1, "the flush waits for the write in flight");
        pause.resume();
        writing.join().unwrap();
    });
    assert!(!store.db(0).exists("s").unwrap(), "a write that began before the flush is flushed with the rest");
    settle(&store);
    assert_eq!(store.db(0).len().unwrap(), 0);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_swap_waits_for_a_write_that_has_read_and_not_committed() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    store.db(1).strings().set("other", "1").unwrap();
    let seen = thread::scope(|scope| {
        let pause = Pause::at("write::planning");
        let writing = scope.spawn(|| store.db(0).strings().set("k", "v").unwrap());
        pause.wait();
        let swapping = scope.spawn(|| {
            store.namespace([]).swap(0, 1).unwrap();
            store.db(1).exists("k").unwrap()
        });
        thread::sleep(Duration::from_millis(100));
        assert!(!swapping.is_finished(), "the write may still go to the wrong db");
        pause.resume();
        writing.join().unwrap();
        swapping.join().unwrap()
    });
    assert!(seen, "the write came before the swap");
    assert!(store.db(0).exists("other").unwrap());
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_paused_read_by_position_returns_an_item_that_stood_there() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let changes: [&dyn Fn(); 4] = [
        &|| assert_eq!(db.lists().insert_before("l", "b", "x").unwrap(), Some(6)),
        &|| drop(db.lists().pop_left("l").unwrap()),
        &|| db.lists().trim("l", 2, 2).unwrap(),
        &|| assert_eq!(db.delete(["l"]).unwrap(), 1),
    ];
    for change in changes {
        db.delete(["l"]).unwrap();
        db.lists().push_right("l", ["a", "b", "c", "d", "e"]).unwrap();
        let item = paused(&store, |store| store.db(0).lists().index("l", 0).unwrap(), change);
        assert_eq!(item.unwrap(), "a");
        db.delete(["l"]).unwrap();
        db.lists().push_right("l", ["a", "b", "c", "d", "e"]).unwrap();
        let read = |store: &Store| {
            let items = store.db(0).lists().range("l", 0, -1).unwrap();
            (items.map(Result::unwrap).collect::<Vec<_>>(), store.db(0).lists().position("l", "e").unwrap())
        };
        assert_eq!(paused(&store, read, change).0, ["a", "b", "c", "d", "e"]);
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

/// What db 0 must hold in a view that was opened over [`fill`]'s sets.
fn assert_filled(view: &View) {
    let db = view.db(0);
    for n in 0..KEYS {
        assert_eq!(members(&db, format!("s:{n}")), [payload(n, 3000)], "set {n}");
    }
    assert_eq!(db.len().unwrap(), KEYS);
}

#[test]
fn a_view_paused_right_behind_its_snapshot_is_as_whole_as_one_that_was_open_already() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    for options in [CreateOptions::new(), CreateOptions::new().expire_in(MINUTE)] {
        fill(&store, &options);
        let change = || {
            for n in 0..KEYS {
                store.db(0).delete([format!("s:{n}")]).unwrap();
            }
            fixture.seconds_pass(61);
        };
        let view = paused_at(&store, ("store::snapshot", 1), |store| store.view().unwrap(), change);
        assert_filled(&view);
        drop(view);
        settle(&store);
        assert_eq!(store.stats().data_file_bytes, 0, "{options:?}");
    }
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_read_of_members_paused_right_behind_its_snapshot_returns_them_all() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, &CreateOptions::new());
    let change = || {
        for n in 0..KEYS {
            store.db(0).delete([format!("s:{n}")]).unwrap();
        }
    };
    let read = |store: &Store| members(&store.db(0), "s:500");
    assert_eq!(paused_at(&store, ("store::snapshot", 1), read, change), [payload(500, 3000)]);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn what_has_loaded_the_dbs_still_reads_them_after_they_were_flushed_and_given_back() {
    let _alone = FailScenario::setup();
    let fixture = Fixture::new();
    let store = fixture.open();
    let flush = || {
        store.db(0).flush().unwrap();
        fill_with_others(&store);
    };
    fill(&store, &CreateOptions::new());
    let view = paused_at(&store, ("keyspaces::loaded", 1), |store| store.view().unwrap(), flush);
    settle_in_vain(&store);
    assert_filled(&view);
    drop(view);
    store.db(0).flush().unwrap();
    fill(&store, &CreateOptions::new());
    settle(&store);
    let contains = |store: &Store| store.db(0).sets().contains("s:7", payload(7, 3000)).unwrap();
    assert!(paused_at(&store, ("keyspaces::loaded", 1), contains, flush));
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}
