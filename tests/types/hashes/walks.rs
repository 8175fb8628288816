//! Reading a hash: whole, in pages, and by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use windrow::{ErrorKind, ScanCursor, ScanOptions};

use super::{entries, own};
use crate::both::both;

fn numbered(range: std::ops::Range<u32>) -> impl Iterator<Item = (String, String)> {
    range.map(|n| (format!("{n:05}"), n.to_string()))
}

#[test]
fn walks_show_one_moment_and_outlive_the_hash() {
    both(|_, store| {
        let db = store.db(0);
        db.hashes().set_many("h", numbered(0..1000)).unwrap();
        let view = store.view().unwrap();
        let mut open = db.hashes().get_all("h").unwrap();
        let (fields, values) = (db.hashes().keys("h").unwrap(), db.hashes().values("h").unwrap());
        assert_eq!(open.next_ref().unwrap(), Some((b"00000".as_slice(), b"0".as_slice())));
        db.hashes().set("h", "00001", "changed").unwrap();
        db.delete(["h"]).unwrap();
        let _ = store.settle(Duration::from_millis(200)).unwrap();
        assert_eq!(open.next().unwrap().unwrap(), ("00001".into(), "1".into()));
        assert_eq!(open.by_ref().count(), 998);
        assert!(open.next().is_none() && open.next_ref().unwrap().is_none(), "the end stays the end");
        let fields: Vec<Bytes> = fields.map(Result::unwrap).collect();
        assert!(fields.is_sorted() && fields.len() == 1000);
        let expected = numbered(0..1000).map(|(_, value)| Bytes::from(value));
        assert!(values.map(Result::unwrap).eq(expected));
        assert_eq!(entries(&view.db(0), "h").len(), 1000);
        assert_eq!(view.db(0).hashes().get_many("h", ["00001", "x"]).unwrap(), [Some("1".into()), None]);
        assert_eq!(view.db(0).hashes().value_len("h", "00999").unwrap(), 3);
    });
}

#[test]
fn lent_fields_and_values_are_those_that_are_owned() {
    both(|_, store| {
        let db = store.db(0);
        db.hashes().set_many("h", [("a", "1"), ("b", ""), ("", "3")]).unwrap();
        let (mut fields, mut values) = (db.hashes().keys("h").unwrap(), db.hashes().values("h").unwrap());
        for (field, value) in entries(&db, "h") {
            assert_eq!(fields.next_ref().unwrap(), Some(field.as_ref()));
            assert_eq!(values.next_ref().unwrap(), Some(value.as_ref()));
        }
        assert_eq!((fields.next_ref().unwrap(), values.next_ref().unwrap()), (None, None));
    });
}

#[test]
fn pages_give_every_field_once_with_its_value() {
    both(|_, store| {
        let db = store.db(0);
        db.hashes().set_many("h", numbered(0..95)).unwrap();
        let (mut cursor, mut found, mut pages) = (ScanCursor::START, Vec::new(), 0);
        while !cursor.is_finished() {
            let page = db.hashes().scan("h", &cursor, ScanOptions::new()).unwrap();
            found.extend(page.items);
            cursor = page.cursor;
            pages += 1;
            db.hashes().delete("h", [format!("{:05}", pages * 9)]).unwrap();
            db.hashes().set("h", format!("new{pages}"), "").unwrap();
        }
        let fields: BTreeSet<&Bytes> = found.iter().map(|(field, _)| field).collect();
        assert_eq!(fields.len(), found.len());
        for (field, value) in numbered(0..95).filter(|(_, value)| value.parse::<u32>().unwrap() % 9 != 0) {
            assert!(found.contains(&(field.into(), value.into())));
        }
        let some = ScanOptions::new().matching("0001?").count(100);
        assert_eq!(db.hashes().scan("h", &ScanCursor::START, some).unwrap().items.len(), 9);
        let refused = db.hashes().scan("h", &ScanCursor::START, ScanOptions::new().count(0));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(db.hashes().scan("missing", &cursor, ScanOptions::new()).unwrap().cursor.is_finished());
    });
}

#[test]
fn fields_are_chosen_equally_often_and_with_their_own_values() {
    both(|_, store| {
        let db = store.db(0);
        let hashes = db.hashes();
        hashes.set_many("h", (0..10).map(|n| (n.to_string(), format!("v{n}")))).unwrap();
        let mut once: BTreeMap<Bytes, u32> = BTreeMap::new();
        let mut again: BTreeMap<Bytes, u32> = BTreeMap::new();
        let is_its_own = |(field, value): &(Bytes, Bytes)| value == &[b"v", field.as_ref()].concat();
        for _ in 0..2000 {
            let three = hashes.random_with_values("h", 3).unwrap();
            assert!(three.len() == 3 && three.iter().all(is_its_own));
            assert_eq!(three.iter().collect::<BTreeSet<_>>().len(), 3, "none twice");
            three.into_iter().for_each(|(field, _)| *once.entry(field).or_default() += 1);
            let three = hashes.random_repeated_with_values("h", 3).unwrap();
            assert!(three.len() == 3 && three.iter().all(is_its_own));
            three.into_iter().for_each(|(field, _)| *again.entry(field).or_default() += 1);
        }
        for drawn in [once, again] {
            // 600 is expected; the bounds lie more than five standard deviations away.
            assert!(drawn.len() == 10 && drawn.values().all(|times| (470..=730).contains(times)), "{drawn:?}");
        }
        assert_eq!(hashes.random("h", u64::MAX).unwrap().len(), 10);
        assert_eq!(hashes.random_repeated("h", 25).unwrap().len(), 25);
        assert_eq!(hashes.random("h", 0).unwrap().len() + hashes.random_repeated("h", 0).unwrap().len(), 0);
        assert_eq!(hashes.random("missing", 3).unwrap().len() + hashes.random_repeated("missing", 3).unwrap().len(), 0);
        assert_eq!(hashes.random_repeated("h", u64::MAX).unwrap_err().kind(), ErrorKind::TooLarge);
        hashes.set("one", "f", "v").unwrap();
        assert_eq!(hashes.random_with_values("one", 2).unwrap(), own([("f", "v")]));
    });
}
