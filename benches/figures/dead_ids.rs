//! What a dead id takes in memory until its segment is given back: scattered among the living, and in windows.
//!
//! Counts bytes that Rust code holds, in a store without threads. Nothing here is a time.

use std::time::Duration;

use windrow::{Options, Store};

use crate::common::data::{name, options};
use crate::counting::{counted, held, most};
use crate::measure::Scale;

const SEGMENT_IDS: u64 = 1 << 16;
/// Bytes that a segment with dead ids may take beside them.
const SEGMENT_BYTES: i64 = 64;

pub(crate) fn run(scale: Scale) {
    let segments = scale.of(1, 16, 64);
    counted(|| {
        println!("\ndead-ids: bytes that Rust code holds for dead ids in {segments} segments of 65,536");
        println!(
            "  {:<20} {:>10} {:>12} {:>12} {:>12} {:>12} {:>12}  of these without 64 a segment",
            "", "dead ids", "waiting", "peak more", "published", "reopened", "bits an id"
        );
        scattered(segments);
        windows(segments);
    });
}

struct Place {
    dir: tempfile::TempDir,
    segments: u64,
    /// What the open store holds when one id is dead.
    idle: i64,
}

/// An open store, and what was held before it was opened.
struct Opened {
    store: Store,
    before: i64,
}

impl Place {
    /// A store of small sets, each with an id, as many as the segments have places.
    fn filled(segments: u64) -> (Self, Opened) {
        let mut place = Self { dir: tempfile::tempdir().expect("a temporary directory"), segments, idle: 0 };
        let Opened { store, .. } = place.open();
        for n in 1..segments * SEGMENT_IDS {
            store.db(0).sets().add(name(n), ["m"]).expect("add");
        }
        settle(&store);
        store.close().expect("close");
        let opened = place.open();
        // One is dead already: what a family with a dead id takes once is no part of what each of them takes.
        assert_eq!(opened.store.db(0).delete([name(1)]).expect("delete"), 1);
        settle(&opened.store);
        place.idle = held() - opened.before;
        (place, opened)
    }

    fn open(&self) -> Opened {
        let mut options: Options = options();
        options.packed_lasting_bytes = 0;
        // What is scattered stays: this is about memory.
        options.compact_dead_percent = 100;
        options.rank_index_bytes = 0;
        let before = held();
        let builder = Store::builder(self.dir.path().join("store")).options(options).background(false);
        Opened { store: builder.open().expect("a store"), before }
    }

    /// What is held for the dead.
    fn held_in(&self, opened: &Opened) -> i64 {
        held() - opened.before - self.idle
    }

    /// Lets the sets die that `dies` names, and tells what is held for all that are `dead` then.
    fn stage(&self, opened: Opened, what: &str, dead: u64, dies: impl Fn(u64) -> bool) -> Opened {
        let before = held();
        for start in (2..self.segments * SEGMENT_IDS).step_by(10_000) {
            let doomed = (start..(start + 10_000).min(self.segments * SEGMENT_IDS)).filter(|n| dies(*n));
            opened.store.db(0).delete(doomed.map(name)).expect("delete");
        }
        let waiting = held() - before;
        let peak = most(|| settle(&opened.store));
        let published = self.held_in(&opened);
        opened.store.close().expect("close");
        let opened = self.open();
        let reopened = self.held_in(&opened);
        assert_eq!(opened.store.stats().buried_ids, dead + 1);
        let bits = published as f64 * 8.0 / dead as f64;
        let beside = (published - SEGMENT_BYTES * self.segments as i64) as f64 * 8.0 / dead as f64;
        println!(
            "  {what:<20} {dead:>10} {waiting:>12} {peak:>12} {published:>12} {reopened:>12} {bits:>12.2} {beside:>8.2}"
        );
        opened
    }
}

fn settle(store: &Store) {
    assert!(store.settle(Duration::from_secs(300)).expect("settle"), "settled in time");
}

/// Cumulative shares, each without any order.
fn scattered(segments: u64) {
    let (place, mut opened) = Place::filled(segments);
    let mut share_before = 0;
    for share in [1, 10, 50] {
        let dies = |n: u64| (share_before..share).contains(&(scramble(n) % 100));
        let dead = (2..segments * SEGMENT_IDS).filter(|n| scramble(*n) % 100 < share).count() as u64;
        opened = place.stage(opened, &format!("{share}% scattered"), dead, dies);
        share_before = share;
    }
    opened.store.close().expect("close");
}

/// Runs of 10,000 that die together, every other one.
fn windows(segments: u64) {
    let (place, opened) = Place::filled(segments);
    let dies = |n: u64| (n / 10_000).is_multiple_of(2);
    let dead = (2..segments * SEGMENT_IDS).filter(|n| dies(*n)).count() as u64;
    let opened = place.stage(opened, "windows of 10,000", dead, dies);
    opened.store.close().expect("close");
}

/// A number without a visible connection to `number`.
fn scramble(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
