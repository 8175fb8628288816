//! Several strings at once: MGET, MSET, MSETNX, LCS.

use std::time::Duration;

use windrow::{ErrorKind, SetOptions, Ttl};

use crate::both::both;
use crate::data::{keys, payload};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn mset_replaces_whatever_was_there_and_the_last_value_of_a_key_counts() {
    both(|_, store| {
        let db = store.db(0);
        db.sets().add("s", ["m"]).unwrap();
        db.strings().set_with("k", payload(1, 5000), SetOptions::new().expire_in(SECOND)).unwrap();
        let big = payload(2, 40_000);
        let pairs: [(&[u8], &[u8]); 5] =
            [(b"k", b"first"), (b"s", &big), (b"", b""), (b"\xff\0", b"\0"), (b"k", b"last")];
        db.strings().mset(pairs).unwrap();
        assert_eq!(keys(&db), [b"".as_slice(), b"k", b"s", b"\xff\0"]);
        let values = db.strings().mget([b"k".as_slice(), b"s", b"", b"\xff\0", b"k"]).unwrap();
        let values: Vec<_> = values.into_iter().map(Option::unwrap).collect();
        assert_eq!(values, [b"last".as_slice(), &big, b"", b"\0", b"last"]);
        assert_eq!(db.ttl("k").unwrap(), Ttl::Forever);
        assert_eq!(db.len().unwrap(), 4);
        db.strings().mset(Vec::<(&str, &str)>::new()).unwrap();
    });
}

#[test]
fn mget_shows_nothing_for_missing_expired_and_other_keys() {
    both(|fixture, store| {
        let db = store.db(0);
        db.strings().set("k", "v").unwrap();
        db.strings().set_with("gone", "v", SetOptions::new().expire_in(SECOND)).unwrap();
        db.sets().add("s", ["m"]).unwrap();
        let before = store.view().unwrap();
        fixture.seconds_pass(1);
        let all = ["gone", "k", "missing", "s"];
        assert_eq!(db.strings().mget(all).unwrap(), [None, Some("v".into()), None, None]);
        db.strings().set("k", "w").unwrap();
        let then = before.db(0).strings().mget(all).unwrap();
        assert_eq!(then, [Some("v".into()), Some("v".into()), None, None], "a view keeps what it saw");
        assert_eq!(store.db(9).strings().mget(all).unwrap(), [None, None, None, None]);
        assert!(db.strings().mget(Vec::<&str>::new()).unwrap().is_empty());
    });
}

#[test]
fn mget_of_many_keys_answers_in_their_order_whatever_lies_between() {
    both(|fixture, store| {
        let db = store.db(0);
        let long = payload(7, 40_000);
        for n in 0..100 {
            let key = |kind: &str| format!("{kind}{n}");
            db.strings().set(key("short"), format!("value {n}")).unwrap();
            db.strings().set_with(key("gone"), "v", SetOptions::new().expire_in(SECOND)).unwrap();
            db.hashes().set(key("hash"), "f", "v").unwrap();
        }
        db.strings().set("long", &long).unwrap();
        fixture.seconds_pass(1);
        // Neither sorted nor without repetition, and more than are looked up together.
        let asked: Vec<(String, Option<Vec<u8>>)> = (0..300)
            .map(|n| (n * 37) % 100)
            .flat_map(|n| {
                let short = (format!("short{n}"), Some(format!("value {n}").into_bytes()));
                let absent = ["gone", "hash", "missing"].map(|kind| (format!("{kind}{n}"), None));
                [short].into_iter().chain(absent).chain([("long".to_owned(), Some(long.to_vec()))])
            })
            .collect();
        let expected: Vec<Option<&[u8]>> = asked.iter().map(|(_, value)| value.as_deref()).collect();
        let view = store.view().unwrap();
        for many in [1, 2, 256, 257, asked.len()] {
            let keys = asked.iter().take(many).map(|(key, _)| key);
            let (now, then) = (db.strings().mget(keys.clone()).unwrap(), view.db(0).strings().mget(keys).unwrap());
            for values in [now, then] {
                assert_eq!(values.iter().map(Option::as_deref).collect::<Vec<_>>(), expected[..many], "{many} keys");
            }
        }
    });
}

#[test]
fn mget_never_sees_half_of_an_mset() {
    both(|_, store| {
        let db = store.db(0);
        let lengths = [1, 500, 20_000];
        let write = |round: u64| {
            let pairs: Vec<_> = lengths.iter().map(|length| (format!("{length}"), payload(round, *length))).collect();
            db.strings().mset(pairs).unwrap();
        };
        write(0);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (1..300).for_each(write));
            while !writer.is_finished() {
                let values = db.strings().mget(["1", "500", "20000"]).unwrap();
                let middle = values[1].clone().unwrap();
                assert_eq!(values[0].as_ref().unwrap()[..], middle[..1]);
                assert_eq!(values[2].as_ref().unwrap()[..500], middle[..]);
            }
        });
    });
}

#[test]
fn msetnx_sets_all_or_none() {
    both(|fixture, store| {
        let db = store.db(0);
        db.sets().add("taken", ["m"]).unwrap();
        assert!(!db.strings().mset_nx([("a", "1"), ("taken", "2"), ("b", "3")]).unwrap());
        assert_eq!(keys(&db), ["taken"]);
        db.strings().set_with("gone", "v", SetOptions::new().expire_in(SECOND)).unwrap();
        fixture.seconds_pass(1);
        assert!(db.strings().mset_nx([("a", "1"), ("gone", "2"), ("a", "3")]).unwrap(), "an expired key is absent");
        assert_eq!(db.strings().mget(["a", "gone"]).unwrap(), [Some("3".into()), Some("2".into())]);
        assert_eq!(db.ttl("gone").unwrap(), Ttl::Forever);
    });
}

#[test]
fn an_mset_with_one_value_beyond_the_limit_sets_nothing() {
    let fixture = crate::fixture::Fixture::new();
    let mut options = crate::fixture::small();
    options.max_value_bytes = 2000;
    let store = windrow::Store::builder(fixture.path("limited")).options(options).background(false).open().unwrap();
    let refused = store.db(0).strings().mset([("a", vec![1]), ("b", vec![0; 2001])]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert!(keys(&store.db(0)).is_empty());
}

#[test]
fn the_longest_common_subsequence_is_found_in_strings_of_every_home() {
    both(|_, store| {
        let db = store.db(0);
        let strings = db.strings();
        let mut long = payload(1, 20_000);
        strings.mset([("a", long.clone()), ("b", b"ohmytext".to_vec()), ("c", b"mynewtext".to_vec())]).unwrap();
        assert_eq!(strings.lcs("b", "c").unwrap(), "mytext");
        assert_eq!(strings.lcs_len("b", "c").unwrap(), 6);
        let found = strings.lcs_matches("b", "c", 0).unwrap();
        let places: Vec<_> = found.matches.iter().map(|found| (found.a_start, found.b_start, found.len)).collect();
        assert_eq!((places, found.len), (vec![(4, 5, 4), (2, 0, 2)], 6));
        assert_eq!(strings.lcs_matches("b", "c", 5).unwrap().matches, []);
        assert_eq!(strings.lcs_matches("b", "c", 5).unwrap().len, 6);
        long.retain(|byte| *byte < 20);
        strings.set("part", &long).unwrap();
        assert_eq!(strings.lcs("a", "part").unwrap(), long, "a string with 16 KiB pieces");
        assert_eq!(strings.lcs("missing", "b").unwrap(), "");
        assert_eq!(strings.lcs_len("b", "missing").unwrap(), 0);
        assert_eq!(strings.lcs("b", "b").unwrap(), "ohmytext");
        assert_eq!(store.view().unwrap().db(0).strings().lcs_len("b", "c").unwrap(), 6);
        assert_eq!(strings.lcs("a", "a").unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(strings.lcs_len("a", "a").unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(strings.lcs_matches("a", "a", 0).unwrap_err().kind(), ErrorKind::TooLarge);
        db.sets().add("s", ["m"]).unwrap();
        for (a, b) in [("s", "b"), ("b", "s"), ("s", "missing")] {
            assert_eq!(strings.lcs(a, b).unwrap_err().kind(), ErrorKind::WrongType);
        }
    });
}
