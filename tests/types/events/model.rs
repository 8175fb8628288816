//! Events beside a model, from several threads: exactly what happened, in order for each key.

use std::collections::HashMap;
use std::time::Duration;

use windrow::{Bytes, EventKind, EventOptions, SetOptions, Store};

use super::subscribe;
use crate::fixture::{Fixture, settle};

/// What a subscriber can conclude of a key from its events alone: how many members the set has that it is, by what each
/// event says. `None`: there is no key.
type Known = HashMap<Bytes, Vec<EventKind>>;

fn by_key(events: impl Iterator<Item = windrow::Event>) -> Known {
    let mut known = Known::new();
    events.for_each(|event| known.entry(event.key).or_default().push(event.kind));
    known
}

/// One thread owns a key at a time of its own choice, by the lock of the model, and writes down what has to come.
#[test]
fn threads_are_told_of_exactly_as_it_happened_to_each_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("s")).unwrap();
    let events = store.subscribe(EventOptions::new().capacity(1 << 20)).unwrap();
    let expected: Vec<std::sync::Mutex<Vec<EventKind>>> = (0..8).map(|_| std::sync::Mutex::default()).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, expected) = (&store, &expected);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for _ in 0..3000 {
                    let number = random.usize(..expected.len());
                    let mut expected = expected[number].lock().unwrap();
                    step(store, &format!("{number}"), &mut random, &mut expected);
                }
            });
        }
    });
    assert_eq!(events.missed(), 0);
    let found = by_key(std::iter::from_fn(|| events.try_recv()));
    for (number, expected) in expected.into_iter().enumerate() {
        assert_eq!(found[format!("{number}").as_bytes()], expected.into_inner().unwrap(), "key {number}");
    }
}

fn step(store: &Store, key: &str, random: &mut fastrand::Rng, expected: &mut Vec<EventKind>) {
    let db = store.db(0);
    match random.u8(..6) {
        0..=2 => {
            if db.sets().add(key, [[random.u8(..4)]]).unwrap() > 0 {
                expected.push(EventKind::SAdd);
            }
        }
        3..=4 => {
            if db.sets().remove(key, [[random.u8(..4)]]).unwrap() > 0 {
                expected.push(EventKind::SRem);
                expected.extend((db.sets().len(key).unwrap() == 0).then_some(EventKind::Del));
            }
        }
        _ => expected.extend((db.delete([key]).unwrap() > 0).then_some(EventKind::Del)),
    }
}

/// A subscriber who follows the events alone knows at any time which keys there are.
#[test]
fn whoever_follows_the_events_knows_which_keys_live() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let events = subscribe(&store);
    let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WINDROW_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut living: HashMap<String, bool> = HashMap::new();
    let db = store.db(0);
    for _ in 0..3000 {
        let key = random.u8(..6).to_string();
        let lifetime = Duration::from_millis(random.u64(1..40));
        match random.u8(..8) {
            0..=2 => _ = db.strings().set_with(&key, "v", SetOptions::new().expire_in(lifetime)).unwrap(),
            3 => db.strings().set(&key, "v").unwrap(),
            4 => _ = db.delete([&key]).unwrap(),
            5 => _ = db.expire(&key, lifetime).unwrap(),
            6 => fixture.clock.advance(Duration::from_millis(random.u64(..30))),
            _ => settle(&store),
        }
        for event in std::iter::from_fn(|| events.try_recv()) {
            let key = String::from_utf8(event.key.to_vec()).unwrap();
            let lives = living.entry(key).or_default();
            match event.kind {
                EventKind::Set => *lives = true,
                EventKind::Expire => assert!(*lives, "an expiry for what there is not"),
                EventKind::Del | EventKind::Expired => {
                    assert!(*lives, "{:?} of what there is not", event.kind);
                    *lives = false;
                }
                other => panic!("{other:?} never happens here"),
            }
        }
        for (key, lives) in &living {
            // What has expired may be told later; what is told to have ended has.
            assert!(*lives || !db.exists(key).unwrap(), "{key} lives and was told to have ended");
        }
    }
    fixture.seconds_pass(1);
    settle(&store);
    for event in std::iter::from_fn(|| events.try_recv()) {
        assert_eq!(event.kind, EventKind::Expired);
        living.insert(String::from_utf8(event.key.to_vec()).unwrap(), false);
    }
    for (key, lives) in living {
        assert_eq!(db.exists(&key).unwrap(), lives, "{key}");
    }
}
