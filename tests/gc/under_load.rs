//! Writers, readers, views and flushes beside a reaper and a reclaimer that never rest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use windrow::{CreateOptions, Db, ErrorKind, Frozen, Options, SetOptions, Store, Ttl};

const KEYS: u64 = 50;
const RUN: Duration = Duration::from_secs(4);

/// What a set written under a stamp holds: told by the stamp alone.
fn members(stamp: u64) -> Vec<Vec<u8>> {
    (0..3 + stamp % 5).map(|n| format!("{stamp}:{n}:").into_bytes().repeat(1 + (stamp % 40) as usize)).collect()
}

fn stamp_of(member: &[u8]) -> u64 {
    let text = std::str::from_utf8(member).unwrap();
    text.split(':').next().unwrap().parse().unwrap()
}

/// A set read at one moment is whole: exactly the members of one stamp.
fn is_whole(found: &[bytes::Bytes]) -> bool {
    let Some(first) = found.first() else {
        return true;
    };
    let mut expected = members(stamp_of(first));
    expected.sort();
    found.iter().map(|member| member.to_vec()).collect::<Vec<_>>() == expected
}

fn churn(store: &Store, thread: u64, stop: &AtomicBool) -> u64 {
    let mut random = fastrand::Rng::with_seed(thread);
    let mut operations = 0;
    while !stop.load(Ordering::Relaxed) {
        let db = store.db(u32::try_from(thread % 2).unwrap());
        let key = format!("{thread}:{}", random.u64(..KEYS));
        let stamp = random.u64(..);
        let life = Duration::from_millis(random.u64(1..150));
        match random.u8(..10) {
            0..=4 => {
                db.delete([&key]).unwrap();
                let mut options = CreateOptions::new().expire_in(life);
                if random.bool() {
                    options = options.growing();
                }
                db.sets().add_with(&key, members(stamp), options).unwrap();
            }
            5 => {
                let _ = db.expire(&key, life).unwrap();
            }
            6 => {
                let _ = db.persist(&key).unwrap();
            }
            7 => {
                if let Err(error) = db.rename(&key, format!("{thread}:{}", random.u64(..KEYS))) {
                    assert_eq!(error.kind(), ErrorKind::NoSuchKey);
                }
            }
            8 => {
                let big = vec![7; random.usize(..40_000)];
                db.strings().set_with(format!("s{key}"), big, SetOptions::new().expire_in(life)).unwrap();
            }
            _ => {
                let found: Vec<_> = db.sets().members(&key).unwrap().map(Result::unwrap).collect();
                // In the other dbs a swap between the deletion and the addition brings another set to the same name.
                assert!(db.number() != 0 || is_whole(&found), "a set of mixed stamps under {key}");
            }
        }
        operations += 1;
    }
    operations
}

/// Reads everything in a view twice and compares.
fn look(store: &Store) -> usize {
    let view = store.view().unwrap();
    let read = |db: &Db<Frozen>| -> Vec<_> {
        let keys: Vec<_> = db.keys("").unwrap().map(Result::unwrap).filter(|key| !key.starts_with(b"s")).collect();
        keys.into_iter()
            .map(|key| {
                let found: Vec<_> = db.sets().members(&key).unwrap().map(Result::unwrap).collect();
                assert!(!found.is_empty() && is_whole(&found), "a torn set in a view");
                assert_eq!(db.sets().len(&key).unwrap(), found.len() as u64);
                assert_ne!(db.ttl(&key).unwrap(), Ttl::NoKey);
                (key, found)
            })
            .collect()
    };
    let first = read(&view.db(0));
    thread::sleep(Duration::from_millis(50));
    assert!(first == read(&view.db(0)), "a view changed");
    first.len()
}

#[test]
fn nothing_is_torn_or_leaked_while_everything_happens_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut options = Options::default();
    options.reap_interval = Duration::from_millis(1);
    options.reclaim_interval = Duration::from_millis(1);
    options.write_buffer_bytes = 16 << 20;
    options.family_write_buffer_bytes = 1 << 20;
    options.file_bytes = 1 << 20;
    options.compact_dead_percent = 10;
    let store = Store::builder(&path).options(options).open().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn({
                    let (store, stop) = (&store, &stop);
                    move || churn(store, n, stop)
                })
            })
            .collect();
        let started = Instant::now();
        let (mut looks, mut seen) = (0, 0);
        while started.elapsed() < RUN {
            seen += look(&store);
            looks += 1;
            if looks % 8 == 0 {
                store.db(1).flush().unwrap();
                store.namespace("").swap(1, 2).unwrap();
            }
            if looks % 5 == 0 {
                store.settle(Duration::from_millis(30)).unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        let operations: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        println!("{operations} operations, {looks} views of {seen} sets, {:#?}", store.stats());
        assert!(operations > 100 && seen > 0);
    });
    thread::sleep(Duration::from_millis(200));
    assert!(store.settle(Duration::from_secs(20)).unwrap(), "{:#?}", store.stats());
    store.close().unwrap();
    let report = windrow::check(&path).unwrap();
    assert!(report.is_clean(), "{report}");
}
