//! Finding keys: SCAN, KEYS, RANDOMKEY.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use windrow::{DataType, Db, ErrorKind, KeyLayout, ScanCursor, ScanOptions, SetOptions, Source, Store};

use crate::both::both;
use crate::data::keys;
use crate::fixture::{Fixture, settle, small};

const SECOND: Duration = Duration::from_secs(1);

fn scan_all<S: Source>(db: &Db<S>, options: ScanOptions<'_>, of_type: Option<DataType>) -> Vec<Bytes> {
    let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
    for _ in 0..1000 {
        let page = match of_type {
            Some(wanted) => db.scan_of_type(&cursor, options, wanted).unwrap(),
            None => db.scan(&cursor, options).unwrap(),
        };
        found.extend(page.items);
        cursor = ScanCursor::from_bytes(page.cursor.as_bytes()).unwrap();
        if cursor.is_finished() {
            return found;
        }
    }
    panic!("the scan does not end");
}

/// A store of either layout of keys.
fn store_with(fixture: &Fixture, layout: KeyLayout) -> Store {
    let mut options = small();
    options.key_layout = layout;
    let path = fixture.path(&format!("{layout:?}"));
    Store::builder(path).clock(fixture.clock.clone()).options(options).background(false).open().unwrap()
}

#[test]
fn a_scan_finds_each_key_once_in_pages_of_any_size() {
    for layout in [KeyLayout::Plain, KeyLayout::Cluster] {
        let fixture = Fixture::new();
        let store = store_with(&fixture, layout);
        let db = store.db(0);
        let names: Vec<Vec<u8>> = (0..57_u8).map(|n| if n < 3 { vec![0xff; n.into()] } else { vec![n, 0] }).collect();
        for name in &names {
            db.strings().set(name, "v").unwrap();
            db.strings()
                .set_with([name.as_slice(), b"gone"].concat(), "v", SetOptions::new().expire_in(SECOND))
                .unwrap();
            store.db(1).strings().set(name, "elsewhere").unwrap();
        }
        fixture.seconds_pass(1);
        let view = store.view().unwrap();
        for count in [1, 2, 10, 56, 57, 58, 114, 1000, u64::MAX] {
            let found = scan_all(&db, ScanOptions::new().count(count), None);
            assert_eq!(found.len(), 57, "{layout:?} {count}");
            assert_eq!(found.iter().map(|key| key.to_vec()).collect::<BTreeSet<_>>(), names.iter().cloned().collect());
            assert_eq!(scan_all(&view.db(0), ScanOptions::new().count(count), None), found);
        }
        assert!(db.scan(&ScanCursor::START, ScanOptions::new()).unwrap().items.len() <= 10);
        let zero = db.scan(&ScanCursor::START, ScanOptions::new().count(0)).unwrap_err();
        assert_eq!(zero.kind(), ErrorKind::InvalidInput);
        assert!(store.db(9).scan(&ScanCursor::START, ScanOptions::new()).unwrap().cursor.is_finished());
        let over = db.scan(&ScanCursor::START, ScanOptions::new().count(500)).unwrap().cursor;
        assert!(db.scan(&over, ScanOptions::new()).unwrap().items.is_empty());
    }
}

#[test]
fn a_scan_filters_by_pattern_and_type() {
    for layout in [KeyLayout::Plain, KeyLayout::Cluster] {
        let fixture = Fixture::new();
        let store = store_with(&fixture, layout);
        let db = store.db(0);
        for n in 0..40 {
            db.strings().set(format!("user:{n}"), "v").unwrap();
            db.sets().add(format!("group:{n}"), ["m"]).unwrap();
        }
        for count in [1, 7, 100] {
            let options = ScanOptions::new().count(count);
            assert_eq!(scan_all(&db, options.matching("user:1?"), None).len(), 10);
            assert_eq!(scan_all(&db, options.matching("*:[1-3]"), Some(DataType::Set)).len(), 3);
            assert_eq!(scan_all(&db, options.matching("user:*"), Some(DataType::Set)).len(), 0);
            assert_eq!(scan_all(&db, options, Some(DataType::String)).len(), 40);
            assert_eq!(scan_all(&db, options.matching("user:7"), None), ["user:7"]);
            assert_eq!(scan_all(&db, options.matching("zzz"), None).len(), 0);
        }
    }
}

#[test]
fn a_scan_finds_what_is_there_throughout_while_other_keys_come_and_go() {
    both(|_, store| {
        let db = store.db(0);
        for n in 0..300 {
            db.strings().set(format!("stays {n}"), "v").unwrap();
        }
        let mut random = fastrand::Rng::with_seed(5);
        let (mut cursor, mut found) = (ScanCursor::START, Vec::new());
        while !cursor.is_finished() {
            for _ in 0..20 {
                let name = format!("{}{}", ["s", "stays ", "t", "a"][random.usize(..4)], random.u32(1000..2000));
                if random.bool() {
                    db.strings().set(name, "v").unwrap()
                } else {
                    db.delete([name]).map(|_| ()).unwrap()
                }
            }
            let page = db.scan(&cursor, ScanOptions::new().count(9)).unwrap();
            // The key that the cursor names goes: the place stays.
            if let Some(last) = page.items.last().filter(|last| last.len() > 9) {
                db.delete([last]).unwrap();
            }
            found.extend(page.items);
            cursor = page.cursor;
        }
        let different: BTreeSet<_> = found.iter().collect();
        assert_eq!(different.len(), found.len(), "no key twice");
        assert_eq!(found.iter().filter(|key| key.starts_with(b"stays ") && key.len() <= 9).count(), 300);
    });
}

#[test]
fn keys_matching_a_pattern_come_lazily_in_byte_order_without_the_expired_ones() {
    for layout in [KeyLayout::Plain, KeyLayout::Cluster] {
        let fixture = Fixture::new();
        let store = store_with(&fixture, layout);
        let db = store.db(0);
        let names: [&[u8]; 7] = [b"", b"*", b"hallo", b"hello", b"hillo", b"h\xffllo", b"world"];
        for name in names {
            db.strings().set(name, "v").unwrap();
        }
        db.strings().set_with("hullo", "v", SetOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        let matching = |pattern: &[u8]| {
            let mut found: Vec<_> = db.keys_matching(pattern).unwrap().map(Result::unwrap).collect();
            if layout == KeyLayout::Plain {
                assert!(found.is_sorted());
            }
            found.sort();
            found
        };
        assert_eq!(matching(b"*"), names);
        assert_eq!(matching(b"h?llo"), [b"hallo".as_slice(), b"hello", b"hillo", b"h\xffllo"]);
        assert_eq!(matching(b"h[ae]llo"), ["hallo", "hello"]);
        assert_eq!(matching(b"h[^e]llo"), [b"hallo".as_slice(), b"hillo", b"h\xffllo"]);
        assert_eq!(matching(b"\\*"), ["*"]);
        assert_eq!(matching(b"hello"), ["hello"]);
        assert_eq!(matching(b""), [""]);
        assert_eq!(matching(b"x*").len(), 0);
        let view = store.view().unwrap();
        db.flush().unwrap();
        assert_eq!(view.db(0).keys_matching("*o").unwrap().count(), 4);
    }
}

#[test]
fn a_lent_key_is_the_same_as_an_owned_one() {
    both(|_, store| {
        let db = store.db(0);
        db.strings().mset((0..100).map(|n| (format!("k{n}"), "v"))).unwrap();
        let mut lent = Vec::new();
        let mut walk = db.keys_matching("k[1-4]*").unwrap();
        while let Some(key) = walk.next_ref().unwrap() {
            lent.push(Bytes::copy_from_slice(key));
        }
        assert!(walk.next_ref().unwrap().is_none() && walk.next().is_none());
        assert_eq!(lent, db.keys_matching("k[1-4]*").unwrap().map(Result::unwrap).collect::<Vec<_>>());
        assert_eq!(lent.len(), 44);
        let mut walk = db.keys("").unwrap();
        assert_eq!(walk.next_ref().unwrap().unwrap(), b"k0");
        assert_eq!(walk.next().unwrap().unwrap(), "k1");
        assert_eq!(walk.next_ref().unwrap().unwrap(), b"k10");
    });
}

#[test]
fn a_random_key_of_few_is_each_with_the_same_chance_and_never_an_expired_one() {
    both(|fixture, store| {
        let db = store.db(0);
        assert_eq!(db.random_key().unwrap(), None);
        let names = ["", "a", "aa", "aaaaaaaaaaaaaaaaaaaa", "b", "c1", "c2", "c3", "\u{7f}", "z"];
        for name in names {
            db.strings().set(name, "v").unwrap();
            db.strings().set_with(format!("{name}gone"), "v", SetOptions::new().expire_in(SECOND)).unwrap();
        }
        fixture.seconds_pass(1);
        let mut drawn: BTreeMap<Bytes, u32> = BTreeMap::new();
        for _ in 0..3000 {
            *drawn.entry(db.random_key().unwrap().unwrap()).or_default() += 1;
        }
        // 300 are expected; the bounds lie more than six standard deviations away.
        assert!(drawn.len() == 10 && drawn.values().all(|times| (190..=410).contains(times)), "{drawn:?}");
        db.delete(names).unwrap();
        assert_eq!(db.random_key().unwrap(), None, "what expired waits for the reaper, but is not there");
        settle(store);
        assert_eq!(db.random_key().unwrap(), None);
    });
}

#[test]
fn a_random_key_of_many_comes_from_everywhere_about_equally_often() {
    for layout in [KeyLayout::Plain, KeyLayout::Cluster] {
        let fixture = Fixture::new();
        let store = store_with(&fixture, layout);
        let db = store.db(0);
        // Shorter numbers are the beginnings of longer ones, and lie at the forks of the tree.
        for chunk in (0..20_000).collect::<Vec<_>>().chunks(1000) {
            db.strings().mset(chunk.iter().map(|n| (format!("user:{n}"), "v"))).unwrap();
        }
        store.db(1).strings().set("elsewhere", "v").unwrap();
        let mut thousands = [0_u32; 20];
        let mut short = 0;
        for _ in 0..4000 {
            let key = db.random_key().unwrap().unwrap();
            let number: usize = std::str::from_utf8(&key[5..]).unwrap().parse().unwrap();
            thousands[number / 1000] += 1;
            short += u32::from(number < 100);
        }
        // 200 of each thousand are expected and 20 short ones. Not exactly the same chance is promised, so the bounds are
        // wider than seven standard deviations.
        assert!(thousands.iter().all(|times| (90..=320).contains(times)), "{layout:?} {thousands:?}");
        assert!(short < 80, "{layout:?} {short}");
    }
}

#[test]
fn a_random_key_is_seldom_one_of_few_that_stand_apart() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    db.strings().mset((0..20_000).map(|n| (format!("user:{n:x}"), "v"))).unwrap();
    db.strings().mset((0..200).map(|n| (format!("{}{n}", char::from(33 + n)), "v"))).unwrap();
    let drawn = (0..2000).filter(|_| !db.random_key().unwrap().unwrap().starts_with(b"user:")).count();
    // 20 would be expected if all had the same chance. Each of the few has a beginning of its own, so that by steps down
    // the tree alone nearly all would be of them.
    assert!(drawn < 400, "{drawn}");
}

#[test]
fn a_random_key_is_found_behind_many_expired_ones() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    let gone = SetOptions::new().expire_in(SECOND);
    for n in 0..3000 {
        db.strings().set_with(format!("a{n}"), "v", gone).unwrap();
    }
    db.strings().set("b", "lives").unwrap();
    fixture.seconds_pass(1);
    for _ in 0..50 {
        assert_eq!(db.random_key().unwrap().unwrap(), "b");
    }
    let view = store.view().unwrap();
    db.delete(["b"]).unwrap();
    assert_eq!(db.random_key().unwrap(), None);
    assert_eq!(view.db(0).random_key().unwrap().unwrap(), "b");
    assert_eq!(keys(&view.db(0)), ["b"]);
}
