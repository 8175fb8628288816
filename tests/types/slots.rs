//! Keys by hash slot, in a store whose keys are laid out by slots: walking, counting, deleting.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use windrow::{CreateOptions, Db, Durability, ErrorKind, KeyLayout, Options, SetOptions, Source, Store, hash_slot};

use crate::both::{both_ways, open};
use crate::data::{keys, payload};
use crate::fixture::{Fixture, close_and_check, settle, small};

const MINUTE: Duration = Duration::from_secs(60);

fn by_slots(mut options: Options) -> Options {
    options.key_layout = KeyLayout::Cluster;
    options
}

/// Runs a test on a store with the cluster layout whose small values lie apart, and on one that keeps them in their records.
fn clustered(test: impl Fn(&Fixture, &Store)) {
    for options in both_ways().map(by_slots) {
        let fixture = Fixture::new();
        let store = open(&fixture, &options);
        test(&fixture, &store);
        close_and_check(store, &fixture.path("store"));
    }
}

/// A hash tag of this slot, braces and all.
fn tag(slot: u16) -> String {
    let mut tags = (0_u32..).map(|n| format!("{{{n}}}"));
    tags.find(|tag| hash_slot(tag.as_bytes()) == slot).unwrap()
}

fn one(slot: u16) -> RangeInclusive<u16> {
    slot..=slot
}

/// Writes two values of each type, one small and one of several elements or pieces, under keys of this slot.
fn fill<S: AsRef<str>>(db: &Db, tag: S) -> u64 {
    let key = |name: &str| format!("{}{name}", tag.as_ref());
    let many = || (0..300).map(|n| format!("member {n:060}"));
    db.strings().set(key("string"), "v").unwrap();
    db.strings().set(key("pieces"), payload(1, 40_000)).unwrap();
    db.hashes().set(key("hash"), "field", "v").unwrap();
    db.hashes().set_many(key("large hash"), many().map(|name| (name, "v"))).unwrap();
    db.sets().add(key("set"), ["a"]).unwrap();
    db.sets().add(key("large set"), many()).unwrap();
    db.lists().push_right(key("list"), ["a"]).unwrap();
    db.lists().push_right(key("large list"), many()).unwrap();
    db.zsets().add(key("zset"), [("a", 1.0)]).unwrap();
    db.zsets().add(key("large zset"), many().map(|name| (name, 1.5))).unwrap();
    10
}

fn in_slots<S: Source>(db: &Db<S>, slots: RangeInclusive<u16>) -> Vec<Bytes> {
    let found: Vec<Bytes> = db.keys_in_slots(slots.clone()).unwrap().map(Result::unwrap).collect();
    assert_eq!(db.count_keys_in_slots(slots).unwrap(), found.len() as u64);
    found
}

#[test]
fn slots_lose_every_key_of_every_type_and_their_neighbours_none() {
    clustered(|_, store| {
        let (db, other) = (store.db(0), store.db(1));
        let named = store.namespace("named").db(0);
        let tags = [99, 100, 101, 102, 103].map(tag);
        for tag in &tags {
            for db in [&db, &other, &named] {
                assert_eq!(fill(db, tag), 10);
            }
        }
        assert_eq!(db.delete_keys_in_slots(100..=102).unwrap(), 30);
        assert_eq!(db.len().unwrap(), 20);
        assert_eq!((other.len().unwrap(), named.len().unwrap()), (50, 50));
        let left: Vec<Bytes> = keys(&db);
        assert!(left.iter().all(|key| matches!(hash_slot(key), 99 | 103)), "{left:?}");
        assert_eq!(db.delete_keys_in_slots(100..=102).unwrap(), 0);
        assert_eq!(db.sets().len(format!("{}large set", tags[0])).unwrap(), 300);
        assert_eq!(db.strings().get(format!("{}pieces", tags[4])).unwrap().unwrap(), payload(1, 40_000));
        assert_eq!(fill(&db, &tags[2]), 10, "a slot can be filled again");
        assert_eq!(in_slots(&db, one(101)).len(), 10);
    });
}

#[test]
fn the_first_and_the_last_slot_are_slots_as_all_others() {
    clustered(|_, store| {
        let db = store.db(0);
        let (first, second) = (format!("{}a", tag(0)), format!("{}a", tag(1)));
        let (last_but_one, last) = (format!("{}a", tag(16_382)), format!("{}a", tag(16_383)));
        let all = ["", &first, &second, &last_but_one, &last];
        let refill = || db.strings().mset(all.map(|key| (key, "v"))).unwrap();
        refill();
        assert_eq!(in_slots(&db, 0..=16_383), all);
        assert_eq!(in_slots(&db, one(0)), ["", &first]);
        assert_eq!(in_slots(&db, one(16_383)), [&last]);
        assert_eq!(in_slots(&db, 2..=16_381).len(), 0);
        assert_eq!(db.delete_keys_in_slots(2..=16_381).unwrap(), 0);
        assert_eq!(db.delete_keys_in_slots(one(0)).unwrap(), 2);
        assert_eq!(in_slots(&db, 0..=16_383), [&second, &last_but_one, &last]);
        assert_eq!(db.delete_keys_in_slots(one(16_383)).unwrap(), 1);
        assert_eq!(in_slots(&db, 0..=16_383), [&second, &last_but_one]);
        refill();
        // The next keyspace begins where the last slot of this one ends.
        store.db(1).strings().set("", "v").unwrap();
        assert_eq!(db.delete_keys_in_slots(0..=16_383).unwrap(), 5);
        assert!(db.is_empty().unwrap());
        assert_eq!(keys(&store.db(1)), [""]);
    });
}

#[test]
fn the_tag_decides_the_slot_and_keys_come_in_order_of_slots_then_bytes() {
    clustered(|_, store| {
        let db = store.db(0);
        let names =
            ["{user1000}.following", "{user1000}.followers", "{}{x}", "foo{{bar}}zap", "foo", "a{user1000}b{foo}"];
        for name in names {
            db.strings().set(name, "v").unwrap();
        }
        let slot = hash_slot(b"user1000");
        assert_eq!(slot, 3443);
        assert_eq!(in_slots(&db, one(slot)), ["a{user1000}b{foo}", "{user1000}.followers", "{user1000}.following"]);
        let all = in_slots(&db, 0..=16_383);
        assert!(all.is_sorted_by_key(|key| (hash_slot(key), key.clone())) && all.len() == names.len());
        assert_eq!(db.delete_keys_in_slots(one(slot)).unwrap(), 3);
        assert_eq!(db.delete_keys_in_slots(one(hash_slot(b"{bar"))).unwrap(), 1);
        assert!(db.exists("foo").unwrap() && db.exists("{}{x}").unwrap());
    });
}

#[test]
fn more_keys_than_one_commit_takes_go_all_and_are_counted_once() {
    let fixture = Fixture::new();
    let store = open(&fixture, &by_slots(small()));
    let db = store.db(0);
    for tag in [tag(7), tag(8)] {
        // Long keys end a commit early, too.
        let key = |n: usize| format!("{tag}{n:05}{}", "x".repeat(if n.is_multiple_of(100) { 60_000 } else { 0 }));
        for n in 0..1500 {
            db.strings().set(key(n), "v").unwrap();
        }
    }
    assert_eq!(db.count_keys_in_slots(one(7)).unwrap(), 1500);
    assert_eq!(db.with_durability(Durability::Sync).delete_keys_in_slots(one(7)).unwrap(), 1500);
    assert_eq!((db.count_keys_in_slots(one(7)).unwrap(), db.count_keys_in_slots(one(8)).unwrap()), (0, 1500));
    assert_eq!(db.len().unwrap(), 1500);
    drop(db);
    close_and_check(store, &fixture.path("store"));
    assert_eq!(fixture.open().db(0).len().unwrap(), 1500);
}

/// What deleting one slot of sets with so many members puts into the log.
fn logged_by_deleting(members: usize) -> u64 {
    let fixture = Fixture::new();
    let store = open(&fixture, &by_slots(small()));
    let tag = tag(7);
    for n in 0..100 {
        store.db(0).sets().add(format!("{tag}{n:02}"), (0..members).map(|member| format!("{member:060}"))).unwrap();
    }
    let before = store.stats().log_bytes;
    assert_eq!(store.db(0).delete_keys_in_slots(one(7)).unwrap(), 100);
    let logged = store.stats().log_bytes - before;
    close_and_check(store, &fixture.path("store"));
    logged
}

#[test]
fn deleting_a_slot_writes_nothing_for_the_elements_of_its_keys() {
    assert_eq!(logged_by_deleting(1), logged_by_deleting(1000));
}

#[test]
fn expired_keys_are_left_to_the_reaper_and_counted_nowhere() {
    clustered(|fixture, store| {
        let db = store.db(0);
        let tag = tag(5000);
        let brief = CreateOptions::new().expire_in(MINUTE);
        for n in 0..600 {
            db.sets().add_with(format!("{tag}brief {n:03}"), ["m"], brief).unwrap();
        }
        for n in 0..20 {
            db.sets()
                .add_with(format!("{tag}later {n:03}"), ["m"], CreateOptions::new().expire_in(2 * MINUTE))
                .unwrap();
            db.strings().set(format!("{tag}zero {n:03}"), "v").unwrap();
        }
        fixture.seconds_pass(60);
        assert_eq!(in_slots(&db, one(5000)).len(), 40);
        assert_eq!(db.delete_keys_in_slots(one(5000)).unwrap(), 40);
        assert_eq!(db.len().unwrap(), 600, "they wait for the reaper");
        settle(store);
        assert_eq!((db.len().unwrap(), store.stats().keys_reaped), (0, 600));
        fixture.seconds_pass(100);
        settle(store);
        assert_eq!((db.len().unwrap(), store.stats().keys_reaped), (0, 600), "what was deleted does not expire");
    });
}

#[test]
fn a_view_keeps_the_slots_that_it_saw_and_the_space_comes_back_after_it() {
    let fixture = Fixture::new();
    let store = open(&fixture, &by_slots(small()));
    let db = store.db(0);
    let expiring = SetOptions::new().expire_in(MINUTE);
    let tags = [tag(200), tag(201)];
    let numbered = || (0..400_u64).zip(tags.iter().cycle());
    for (n, tag) in numbered() {
        db.sets().add(format!("{tag}set {n:03}"), [payload(n, 4000)]).unwrap();
        db.strings().set_with(format!("{tag}string {n:03}"), payload(n, 4000), expiring).unwrap();
    }
    let view = store.view().unwrap();
    let mut walk = db.keys_in_slots(one(200)).unwrap();
    assert_eq!(db.delete_keys_in_slots(0..=16_383).unwrap(), 800);
    assert!(db.is_empty().unwrap());
    assert_eq!(walk.by_ref().map(Result::unwrap).count(), 400, "a walk that was begun goes on");
    store.settle(Duration::from_millis(300)).unwrap();
    let then = view.db(0);
    assert_eq!(in_slots(&then, one(201)).len(), 400);
    for (n, tag) in numbered() {
        assert!(then.sets().contains(format!("{tag}set {n:03}"), payload(n, 4000)).unwrap());
        assert_eq!(then.strings().get(format!("{tag}string {n:03}")).unwrap().unwrap(), payload(n, 4000));
    }
    drop((walk, then, view));
    settle(&store);
    assert_eq!(store.stats().data_file_bytes, 0);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn writers_in_other_slots_lose_nothing_meanwhile() {
    let fixture = Fixture::new();
    let store = open(&fixture, &by_slots(small()));
    let (ours, theirs) = (tag(3000), tag(3001));
    for n in 0..3000 {
        store.db(0).sets().add(format!("{ours}{n}"), ["m"]).unwrap();
    }
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (store, ours, theirs) = (&store, &ours, &theirs);
            scope.spawn(move || {
                for n in 0..1000 {
                    store.db(0).sets().add(format!("{theirs}{thread}:{n}"), ["m"]).unwrap();
                    store.db(0).sets().add(format!("{ours}{n}"), ["another"]).unwrap();
                }
            });
        }
        scope.spawn(|| store.db(0).delete_keys_in_slots(one(3000)).unwrap());
    });
    let db = store.db(0);
    assert_eq!(db.count_keys_in_slots(one(3001)).unwrap(), 3000);
    let survivors = db.count_keys_in_slots(one(3000)).unwrap();
    assert_eq!(db.len().unwrap(), 3000 + survivors);
    assert_eq!(db.delete_keys_in_slots(one(3000)).unwrap(), survivors);
    drop(db);
    settle(&store);
    close_and_check(store, &fixture.path("store"));
}

fn refusals<S: Source>(db: &Db<S>, slots: RangeInclusive<u16>) -> [ErrorKind; 2] {
    let walked = db.keys_in_slots(slots.clone()).map(drop).unwrap_err();
    [walked.kind(), db.count_keys_in_slots(slots).unwrap_err().kind()]
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "a range without slots is to be refused")]
fn slots_that_the_store_does_not_know_are_refused() {
    let fixture = Fixture::new();
    let plain = fixture.open();
    let clustered = Store::builder(fixture.path("cluster")).options(by_slots(small())).open().unwrap();
    for store in [&plain, &clustered] {
        store.db(0).strings().set("k", "v").unwrap();
    }
    for (store, slots) in
        [(&plain, 0..=16_383), (&clustered, 5..=4), (&clustered, 0..=16_384), (&clustered, u16::MAX..=u16::MAX)]
    {
        // Also in a db that nobody wrote to.
        for number in [0, 9] {
            let db = store.db(number);
            let error = db.delete_keys_in_slots(slots.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert_eq!(refusals(&db, slots.clone()), [ErrorKind::InvalidInput; 2]);
            assert_eq!(refusals(&store.view().unwrap().db(number), slots.clone()), [ErrorKind::InvalidInput; 2]);
        }
        assert!(store.db(0).exists("k").unwrap());
    }
    assert_eq!(clustered.db(9).delete_keys_in_slots(0..=16_383).unwrap(), 0);
    clustered.clone().close().unwrap();
    assert_eq!(clustered.db(0).delete_keys_in_slots(0..=1).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(refusals(&clustered.db(0), 0..=1), [ErrorKind::Closed; 2]);
    drop(clustered);
    let reader = Store::builder(fixture.path("cluster")).read_only(true).open().unwrap();
    assert_eq!(reader.db(0).delete_keys_in_slots(0..=16_383).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(in_slots(&reader.db(0), 0..=16_383), ["k"]);
}
