//! Deleting a set of 1,000,000 members, beside deleting one of 1 member.

use std::time::{Duration, Instant};

use windrow::Store;

use crate::common::data::{name, options};
use crate::measure::{Comparison, Scale, heading, line};

const PAIRS: usize = 15;

pub(crate) fn run(scale: Scale) {
    let members = scale.size(1_000_000);
    let pairs = scale.pairs(PAIRS) as u64;
    heading("deletes: a set of 1,000,000 members / one of 1 member", "large", "small");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut options = options();
    // A set of one short member would lie in its record, and be deleted without a burial.
    options.packed_lasting_bytes = 0;
    let store = Store::builder(dir.path().join("store")).options(options).open().expect("a new store");
    for n in 0..pairs {
        store.db(0).sets().add(key("large", n), (0..members).map(name)).expect("add");
        store.db(0).sets().add(key("small", n), [name(n)]).expect("add");
    }
    std::thread::sleep(if scale.smoke { Duration::ZERO } else { Duration::from_secs(5) });
    let mut bytes = Vec::new();
    let times = (0..pairs).map(|n| {
        let [large, small] = ["large", "small"].map(|which| {
            let before = store.stats().log_bytes;
            let begun = Instant::now();
            assert_eq!(store.db(0).delete([key(which, n)]).expect("delete"), 1);
            let time = begun.elapsed();
            bytes.push((which, store.stats().log_bytes - before));
            time.as_nanos() as f64
        });
        (large, small)
    });
    let compared = Comparison::of(times);
    line("time", "<= 1.5", &compared);
    for which in ["large", "small"] {
        let of_it: Vec<u64> = bytes.iter().filter(|entry| entry.0 == which).map(|entry| entry.1).collect();
        let (least, most) = (of_it.iter().min().expect("some"), of_it.iter().max().expect("some"));
        println!("  bytes committed, {which}: {least} to {most}");
    }
}

fn key(which: &str, number: u64) -> String {
    format!("{which} set {number:04}")
}
