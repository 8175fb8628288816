//! windrow, through its public API.
//!
//! Uses the crate. Invariant: nothing is asked for that a user could not ask for; reclaiming runs in the store's own
//! threads, with default options.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::windrow::{Clock, CreateOptions, Options, Store, SystemClock, UnixMillis};

use super::{Callers, Checked, Engine, Io, View};
use crate::workload::{Step, Workload};

const POLL: Duration = Duration::from_millis(10);

/// Where the keys lie that live for ever. WHY another db than the workload's: that one's keys are counted at the end.
const LIVING_DB: u32 = 1;

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

    /// Closes without looking at what is left.
    pub(super) fn close(self) {
        self.store.close().expect("close");
    }

    fn write(&self, workload: &Workload, step: &Step) {
        let (db, key) = (self.store.db(0), workload.key(step.index));
        let mut birth = CreateOptions::new();
        if let Some(lifetime) = workload.lifetime(step.index).filter(|_| !workload.gets_life_late()) {
            birth = birth.expire_in(lifetime);
        }
        if workload.is_growing(step.index) {
            birth = birth.growing();
        }
        db.sets().add_with(&key, workload.members_of(step), birth).expect("add to a set");
        if let Some(lifetime) = workload.lifetime(step.index).filter(|_| workload.gets_life_late()) {
            assert!(db.expire(&key, lifetime).expect("let a set expire"), "it was just written");
        }
    }
}

impl Engine for Windrow {
    fn load(&self, workload: &Workload) {
        workload.steps().for_each(|step| self.write(workload, &step));
    }

    fn expire(&self, workload: &Workload) {
        match workload.deleted() {
            Some(index) => {
                let deleted = self.store.db(0).delete([workload.key(index)]).expect("delete a set");
                assert_eq!(deleted, 1, "it was there");
            }
            None => self.clock.leap(Workload::LEAP),
        }
    }

    fn reap(&self, expired: u64, limit: Duration) {
        let began = Instant::now();
        loop {
            let stats = self.store.stats();
            if (stats.keys_reaped >= expired && stats.waiting_ids == 0) || began.elapsed() >= limit {
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

    fn callers(&self) -> Option<&dyn Callers> {
        Some(self)
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
        let (keys, survivors) = (db.len().expect("a count"), workload.totals().survivors);
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

impl Callers for Windrow {
    fn view(&self) -> Box<dyn View + '_> {
        Box::new(self.store.view().expect("a view"))
    }

    fn read_living(&self, number: u64) -> Option<Vec<u8>> {
        self.store.db(LIVING_DB).strings().get(number.to_be_bytes()).expect("get").map(|value| value.to_vec())
    }

    fn write_living(&self, number: u64, value: &[u8]) {
        self.store.db(LIVING_DB).strings().set(number.to_be_bytes(), value).expect("set");
    }
}

impl View for ::windrow::View {
    fn count_losses(&self, workload: &Workload) -> u64 {
        let db = self.db(0);
        let is_whole = |index: &u64| {
            let found = db.sets().members(workload.key(*index)).expect("read a set of the view");
            workload.members(*index).eq(found.map(|member| member.expect("read a member").to_vec()))
        };
        workload.all().filter(|index| !is_whole(index)).count() as u64
    }
}
