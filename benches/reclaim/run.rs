//! One run: load, let die, wait for the space, read what is left.
//!
//! Uses the strategies, the timeline and what Linux counts of a process. Invariant: time and bytes are measured from the
//! moment of death, and nothing of the run's own falls between that and the end but the samples.

use std::path::Path;
use std::time::Duration;

use super::options::Asked;
use super::strategy::{Checked, Engine, Ids, Io, Strategy};
use super::timeline::{Sample, Timeline, below_for_good};
use super::workload::Workload;

/// What a survivor's records may take beside its members, when its space is judged: the meta record and the expire entry.
const RECORD_BYTES: u64 = 200;
/// What an element may take beside its bytes.
const ELEMENT_BYTES: u64 = 32;
/// Of what died, this part may stay when the space counts as given back.
const LEFT_OVER_SHARE: u64 = 50;
/// So much may stay of the smallest run.
const LEFT_OVER_BYTES: u64 = 1 << 20;
/// Longest wait for what loading leaves to do.
const LOAD_WAIT: Duration = Duration::from_secs(60);

/// What a run found out.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) strategy: Strategy,
    pub(crate) ids: Ids,
    pub(crate) seconds_to_load: f64,
    /// From death until all the dead were marked as such.
    pub(crate) seconds_to_reclaimable: f64,
    /// From death until the file system had the space back for good; none: not within the run, or too little to see.
    pub(crate) seconds_to_freed: Option<f64>,
    /// SST and log bytes at the moment of death, and at the end.
    pub(crate) held_bytes: (u64, u64),
    /// How much may be held when the space counts as given back.
    pub(crate) freed_limit: u64,
    /// What the process read and wrote in between, cached or not; none where the system does not tell.
    pub(crate) process_io: Option<(u64, u64)>,
    /// What RocksDB moved in between.
    pub(crate) io: Io,
    pub(crate) peak_disk_bytes: u64,
    pub(crate) settled_disk_bytes: u64,
    /// SST bytes that flushes and compactions wrote in the whole run, all families, for each byte of members.
    pub(crate) write_amplification: f64,
    pub(crate) checked: Checked,
    pub(crate) samples: Vec<Sample>,
    pub(crate) died_at: Duration,
}

impl Row {
    pub(crate) fn freed_bytes(&self) -> u64 {
        self.held_bytes.0.saturating_sub(self.held_bytes.1)
    }

    /// Tells whether the run was large enough for its space to be seen coming back.
    pub(crate) fn is_large_enough(&self) -> bool {
        self.held_bytes.0 > self.freed_limit
    }

    /// Bytes of members that are alive.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.workload.member_bytes(self.workload.survivors())
    }
}

/// Runs one strategy in a directory of its own, which is gone afterwards.
pub(crate) fn run(asked: &Asked, workload: Workload, strategy: Strategy, ids: Ids) -> Row {
    let directory = match &asked.directory {
        Some(place) => tempfile::tempdir_in(place),
        None => tempfile::tempdir(),
    };
    let directory = directory.expect("a temporary directory");
    let mut options = ::windrow::Options::default();
    options.durability = ::windrow::Durability::Buffered;
    options.direct_io = asked.direct_io;
    let engine = strategy.open(ids, directory.path(), &options);
    let timeline = Timeline::of(&directory.path().join("store"));
    let measured = std::thread::scope(|scope| {
        scope.spawn(|| timeline.watch());
        let measured = measure(asked, &workload, &*engine, &timeline);
        timeline.end();
        measured
    });
    let checked = engine.check(&workload);
    let samples = timeline.samples();
    let since_death = |at: Duration| at.saturating_sub(measured.died_at).as_secs_f64();
    let written = measured.io_at_end.flushed_bytes + measured.io_at_end.compaction_written_bytes;
    Row {
        seconds_to_freed: below_for_good(&samples, freed_limit(&workload), measured.died_at).map(since_death),
        peak_disk_bytes: samples.iter().map(|sample| sample.disk_bytes).max().unwrap_or(0),
        write_amplification: written as f64 / workload.member_bytes(workload.collections) as f64,
        checked,
        samples,
        workload,
        strategy,
        ids,
        ..measured.row
    }
}

/// What is known before the samples are looked at.
struct Measured {
    row: Row,
    died_at: Duration,
    io_at_end: Io,
}

fn measure(asked: &Asked, workload: &Workload, engine: &dyn Engine, timeline: &Timeline) -> Measured {
    engine.load(workload);
    let loaded_at = timeline.elapsed();
    timeline.wait_until_quiet(asked.quiet, LOAD_WAIT, || engine.activity());
    let (before, io_before, process_before) = (timeline.look(), engine.io(), process_io());
    engine.expire();
    let died_at = timeline.elapsed();
    engine.reap(workload.dead(), asked.wait);
    let reclaimable_at = timeline.elapsed();
    engine.reclaim(asked.wait);
    loop {
        timeline.wait_until_quiet(asked.quiet, asked.wait, || engine.activity());
        let is_over = timeline.elapsed().saturating_sub(died_at) >= asked.wait;
        if is_over || engine.is_done() || timeline.look().held_bytes <= freed_limit(workload) {
            break;
        }
    }
    let (after, io_at_end, process_after) = (timeline.look(), engine.io(), process_io());
    let row = Row {
        workload: *workload,
        strategy: Strategy::Windrow,
        ids: Ids::Ordered,
        seconds_to_load: loaded_at.as_secs_f64(),
        seconds_to_reclaimable: reclaimable_at.saturating_sub(died_at).as_secs_f64(),
        seconds_to_freed: None,
        held_bytes: (before.held_bytes, after.held_bytes),
        process_io: process_before.zip(process_after).map(|(before, after)| (after.0 - before.0, after.1 - before.1)),
        io: since(io_at_end, io_before),
        freed_limit: freed_limit(workload),
        peak_disk_bytes: 0,
        settled_disk_bytes: after.disk_bytes,
        write_amplification: 0.0,
        checked: Checked::default(),
        samples: Vec::new(),
        died_at,
    };
    Measured { row, died_at, io_at_end }
}

/// How much may be held when the space counts as given back: what the survivors take, and a fiftieth of what died.
fn freed_limit(workload: &Workload) -> u64 {
    let survivors = workload.survivors();
    let records = survivors * (RECORD_BYTES + ELEMENT_BYTES * u64::from(workload.elements));
    let left_over = workload.member_bytes(workload.dead()) / LEFT_OVER_SHARE;
    workload.member_bytes(survivors) + records + left_over.max(LEFT_OVER_BYTES)
}

fn since(end: Io, begin: Io) -> Io {
    Io {
        flushed_bytes: end.flushed_bytes - begin.flushed_bytes,
        compaction_read_bytes: end.compaction_read_bytes - begin.compaction_read_bytes,
        compaction_written_bytes: end.compaction_written_bytes - begin.compaction_written_bytes,
        log_bytes: end.log_bytes - begin.log_bytes,
        data_compaction: end.data_compaction.zip(begin.data_compaction).map(|(e, b)| (e.0 - b.0, e.1 - b.1)),
    }
}

/// Bytes that this process has read and written by system calls, whether or not a device was asked.
fn process_io() -> Option<(u64, u64)> {
    let counts = std::fs::read_to_string(Path::new("/proc/self/io")).ok()?;
    let count = |name: &str| {
        counts.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.trim().parse().ok())
    };
    Some((count("rchar:")?, count("wchar:")?))
}
