//! Many members at once, members moved, and choices with repetition.

use std::collections::BTreeMap;
use std::time::Duration;

use windrow::{CreateOptions, ErrorKind, Ttl};

use crate::both::both;
use crate::data::members;
use crate::fixture::{START, settle};

#[test]
fn many_members_are_answered_in_the_order_in_which_they_are_asked() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", [b"".as_slice(), b"a", b"\0\xff"]).unwrap();
        let asked = [b"x".as_slice(), b"\0\xff", b"", b"a", b"a", b"b"];
        assert_eq!(db.sets().contains_many("s", asked).unwrap(), [false, true, true, true, true, false]);
        assert_eq!(db.sets().contains_many("missing", ["a", "b"]).unwrap(), [false, false]);
        let view = store.view().unwrap();
        db.delete(["s"]).unwrap();
        assert_eq!(view.db(0).sets().contains_many("s", ["a"]).unwrap(), [true]);
        db.strings().set("k", "v").unwrap();
        assert_eq!(db.sets().contains_many("k", ["a"]).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(db.sets().contains_many("k", [""; 0]).unwrap_err().kind(), ErrorKind::WrongType);
    });
}

#[test]
fn a_moved_member_leaves_one_set_for_the_other() {
    both(|fixture, store| {
        let db = store.db(0);
        let sets = db.sets();
        sets.add("a", ["1", "2"]).unwrap();
        assert!(sets.move_member("a", "b", "1").unwrap());
        assert_eq!((members(&db, "a"), members(&db, "b")), (vec!["2".into()], vec!["1".into()]));
        assert!(!sets.move_member("a", "b", "1").unwrap(), "it is not in the first set");
        sets.add("b", ["2"]).unwrap();
        assert!(sets.move_member("a", "b", "2").unwrap(), "it is in both");
        assert!(!db.exists("a").unwrap(), "the last member's move removes the key");
        assert_eq!(sets.len("b").unwrap(), 2);
        let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
        assert!(sets.move_member_with("b", "c", "1", minute).unwrap());
        assert!(sets.move_member_with("b", "c", "2", CreateOptions::new()).unwrap());
        assert_eq!(db.ttl("c").unwrap(), Ttl::In(Duration::from_secs(60)));
        assert_eq!(db.len().unwrap(), 1);
        let past = CreateOptions::new().expire_at(START);
        assert!(sets.move_member_with("c", "d", "1", past).unwrap(), "moved to a set that is expired at once");
        assert_eq!((members(&db, "c").len(), db.exists("d").unwrap()), (1, false));
        fixture.seconds_pass(60);
        assert!(!sets.move_member("c", "e", "2").unwrap());
        settle(store);
        assert_eq!(db.len().unwrap(), 0);
    });
}

#[test]
fn a_move_within_one_set_only_asks_and_wrong_types_are_refused() {
    both(|_, store| {
        let db = store.db(0);
        let sets = db.sets();
        sets.add("s", ["1"]).unwrap();
        db.strings().set("string", "v").unwrap();
        assert!(sets.move_member("s", "s", "1").unwrap());
        assert!(!sets.move_member("s", "s", "2").unwrap());
        assert!(!sets.move_member("missing", "missing", "1").unwrap());
        assert!(!sets.move_member("missing", "string", "1").unwrap(), "without a source nothing is looked at");
        for (from, to) in [("string", "s"), ("s", "string"), ("string", "string"), ("string", "missing")] {
            assert_eq!(sets.move_member(from, to, "1").unwrap_err().kind(), ErrorKind::WrongType, "{from} to {to}");
        }
        assert_eq!(sets.move_member("s", "string", "2").unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(members(&db, "s"), ["1"]);
        assert_eq!(db.strings().get("string").unwrap().unwrap(), "v");
    });
}

#[test]
fn choices_with_repetition_are_as_many_as_asked_for_and_equally_often() {
    both(|_, store| {
        let db = store.db(0);
        let sets = db.sets();
        sets.add("s", (0..10).map(|n| n.to_string())).unwrap();
        let mut drawn: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let (mut first, mut twice) = (0, 0);
        for _ in 0..2000 {
            let three = sets.random_repeated("s", 3).unwrap();
            assert_eq!(three.len(), 3);
            first += u32::from(three[0] < three[1]);
            twice += u32::from(three[0] == three[1]);
            three.into_iter().for_each(|member| *drawn.entry(member.to_vec()).or_default() += 1);
        }
        // 600, 900 and 200 are expected; the bounds lie more than five standard deviations away.
        assert!(drawn.len() == 10 && drawn.values().all(|times| (470..=730).contains(times)), "{drawn:?}");
        assert!((780..=1020).contains(&first), "the order is random too: {first}");
        assert!((130..=270).contains(&twice), "{twice}");
        assert_eq!(sets.random_repeated("s", 1000).unwrap().len(), 1000);
        assert_eq!(sets.random_repeated("s", 0).unwrap().len(), 0);
        assert_eq!(sets.random_repeated("missing", 5).unwrap().len(), 0);
        for count in [u64::MAX, 1 << 60] {
            assert_eq!(sets.random_repeated("s", count).unwrap_err().kind(), ErrorKind::TooLarge);
        }
        db.strings().set("k", "v").unwrap();
        assert_eq!(sets.random_repeated("k", 1).unwrap_err().kind(), ErrorKind::WrongType);
    });
}
