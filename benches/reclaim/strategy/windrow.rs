//! windrow, through its public API.
//!
//! Uses the crate. Invariant: nothing is asked for that a user could not ask for; reclaiming runs in the store's own
//! threads, with default options.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::windrow::{Clock, CreateOptions, Options, Store, SystemClock, UnixMillis};

use super::{Checked, Engine, Io};
use crate::workload::Workload;

const POLL: Duration = Duration::from_millis(10);

/// A clock that stands but for one leap, in which time passes for everything.
#[derive(Clone, Debug)]
struct LeapClock {
    system: SystemClock,
    start: UnixMillis,
    leapt_millis: Arc<AtomicU64>,
}

impl LeapClock {
    fn starting_now() -> Self {
        let system = SystemClock::default();
        Self { start: system.wall(), system, leapt_millis: Arc::default() }
    }

    fn leap(&self, by: Duration) {
        self.leapt_millis.fetch_add(u64::try_from(by.as_millis()).expect("a short leap"), Ordering::SeqCst);
    }

    fn leapt(&self) -> Duration {
        Duration::from_millis(self.leapt_millis.load(Ordering::SeqCst))
    }
}

impl Clock for LeapClock {
    fn wall(&self) -> UnixMillis {
        self.start.saturating_add(self.leapt())
    }

    /// WHY the machine's: what the engine waits for by its own clock takes as long as it does for users.
    fn monotonic(&self) -> Duration {
        self.system.monotonic() + self.leapt()
    }
}

pub(super) struct Windrow {
    store: Store,
    clock: LeapClock,
    path: PathBuf,
    settles: bool,
}

impl Windrow {
    pub(super) fn open(directory: &Path, options: &Options, settles: bool) -> Self {
        let (clock, path) = (LeapClock::starting_now(), directory.join("store"));
        let store = Store::builder(&path).options(options.clone()).clock(clock.clone()).open().expect("a new store");
        Self { store, clock, path, settles }
    }
}

impl Engine for Windrow {
    fn load(&self, workload: &Workload) {
        let db = self.store.db(0);
        for index in workload.all() {
            let birth = CreateOptions::new().expire_in(workload.lifetime(index));
            db.sets().add_with(workload.key(index), workload.members(index), birth).expect("add a set");
        }
    }

    fn expire(&self) {
        self.clock.leap(Workload::SHORT_LIFE + Duration::from_secs(1));
    }

    fn reap(&self, dead: u64, limit: Duration) {
        let began = Instant::now();
        loop {
            let stats = self.store.stats();
            if (stats.keys_reaped >= dead && stats.waiting_ids == 0) || began.elapsed() >= limit {
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    fn reclaim(&self, limit: Duration) {
        if self.settles {
            self.store.settle(limit).expect("settle");
        }
    }

    fn is_done(&self) -> bool {
        self.settles || self.store.stats().debt_bytes == 0
    }

    fn activity(&self) -> u64 {
        let stats = self.store.stats();
        let steps = stats.files_dropped + stats.compactions + stats.flushes + stats.range_deletions;
        steps + stats.segments_retired + stats.keys_reaped + stats.compaction_read_bytes
    }

    fn io(&self) -> Io {
        let stats = self.store.stats();
        Io {
            flushed_bytes: stats.flushed_bytes,
            compaction_read_bytes: stats.compaction_read_bytes,
            compaction_written_bytes: stats.compaction_written_bytes,
            log_bytes: stats.log_bytes,
            data_compaction: Some((stats.data_compaction_read_bytes, stats.data_compaction_written_bytes)),
        }
    }

    fn check(self: Box<Self>, workload: &Workload) -> Checked {
        let mut checked = Checked::default();
        let db = self.store.db(0);
        for index in workload.all() {
            let key = workload.key(index);
            let mut found = db.sets().members(&key).expect("read a set");
            if !workload.survives(index) {
                if found.next().is_some() || db.exists(&key).expect("look a key up") {
                    checked.fault(format!("{index} is dead and can be read"));
                }
            } else if workload.members(index).eq(found.map(|member| member.expect("read a member").to_vec())) {
                checked.survivors += 1;
            } else {
                checked.fault(format!("{index} is alive and not as it was written"));
            }
        }
        let (keys, survivors) = (db.len().expect("a count"), workload.survivors());
        if keys != survivors {
            checked.fault(format!("{keys} keys are counted, {survivors} are alive"));
        }
        drop(db);
        self.store.close().expect("close");
        let report = ::windrow::check(&self.path).expect("check");
        checked.dead_elements = report.dead_elements;
        if !report.is_clean() {
            checked.fault(report.to_string());
        }
        checked
    }
}
