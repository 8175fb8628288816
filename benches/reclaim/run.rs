//! One run: load, let die, wait for the space, read what is left.
//!
//! Uses the strategies, the timeline and what Linux counts of a process. Invariant: time and bytes are measured from the
//! moment of death (with a view, time from its release), and nothing of the run's own falls between that and the end but the
//! samples, and callers if they were asked for.

use std::time::Duration;

use super::foreground::Foreground;
use super::options::Asked;
use super::process::Usage;
use super::row::{HeldView, Row};
use super::strategy::{Checked, Engine, Ids, Io, Strategy, View};
use super::timeline::{Timeline, below_for_good};
use super::workload::{Scenario, Totals, Workload};

/// What a survivor's records may take beside its members, when its space is judged: the meta record and the expire entry.
const RECORD_BYTES: u64 = 200;
/// What an element may take beside its bytes.
const ELEMENT_BYTES: u64 = 32;
/// Of what died, this part may stay when the space counts as given back.
const LEFT_OVER_SHARE: u64 = 50;
/// So much may stay of the smallest run.
const LEFT_OVER_BYTES: u64 = 1 << 20;
/// Longest wait for what loading leaves to do.
pub(crate) const LOAD_WAIT: Duration = Duration::from_secs(60);

/// Does something at the end, however that comes: a thread that is not told to end would keep a failed run for ever.
pub(crate) struct AtEnd<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs one strategy in a directory of its own, which is gone afterwards.
pub(crate) fn run(asked: &Asked, workload: Workload, (strategy, ids): (Strategy, Ids), turn: u32) -> Row {
    let directory = asked.new_directory();
    let engine = strategy.open(ids, directory.path(), &asked.store_options(), workload.scenario.has_late_writes());
    let has_callers = asked.has_callers(workload.scenario);
    let path = directory.path().join("store");
    let timeline = if has_callers { Timeline::of_files(&path) } else { Timeline::of(&path) };
    let callers = engine.callers().filter(|_| has_callers);
    let foreground = callers.map(|callers| Foreground::new(callers, timeline.began(), asked.rate));
    let run = Run { asked, workload: &workload, totals: workload.totals(), engine: &*engine, timeline: &timeline };
    let measured = std::thread::scope(|scope| {
        let _end = AtEnd(|| timeline.end());
        scope.spawn(|| timeline.watch());
        let loaded = run.load();
        let _end = AtEnd(|| foreground.iter().for_each(Foreground::end));
        if let Some(foreground) = &foreground {
            scope.spawn(|| foreground.work());
            std::thread::sleep(asked.quiet);
        }
        run.die(&loaded)
    });
    let mut row = run.row(&measured, (strategy, ids), turn);
    row.foreground = foreground.as_ref().map(|foreground| {
        let freed_at =
            row.seconds_to_freed.map_or(measured.ended_at, |took| row.died_at + Duration::from_secs_f64(took));
        let stretches = [measured.idle_from..row.died_at, row.died_at..freed_at, freed_at..measured.ended_at];
        stretches.map(|stretch| foreground.pace(&stretch))
    });
    let wrong = foreground.map_or(0, |foreground| foreground.wrong());
    row.checked = engine.check(&workload);
    row.checked.faults(wrong, "living keys were read and not as they had been written");
    let broken_view = row.view.filter(|_| strategy.is_windrow()).map_or(0, |view| view.losses);
    row.checked.faults(broken_view, "collections of a view were not as they had been written");
    row
}

/// What a run works with.
struct Run<'a> {
    asked: &'a Asked,
    workload: &'a Workload,
    totals: Totals,
    engine: &'a dyn Engine,
    timeline: &'a Timeline,
}

struct Loaded {
    took: Duration,
    /// When all was done that loading had left to do.
    quiet_at: Duration,
}

/// What is known before the samples are looked at.
struct Measured {
    seconds_to_load: f64,
    idle_from: Duration,
    io_at_death: Io,
    io_at_end: Io,
    /// What the process had used before death, the reading of a view added, as that is no part of what follows.
    used_before: Usage,
    used_when_marked: Usage,
    used_at_end: Usage,
    held_bytes: (u64, u64),
    settled_disk_bytes: u64,
    view: Option<HeldView>,
    died_at: Duration,
    reclaimable_at: Duration,
    ended_at: Duration,
}

impl Run<'_> {
    fn load(&self) -> Loaded {
        self.engine.load(self.workload);
        let took = self.timeline.elapsed();
        self.timeline.wait_until_quiet(self.asked.quiet, LOAD_WAIT, || self.engine.activity());
        self.engine.prepare();
        Loaded { took, quiet_at: self.timeline.elapsed() }
    }

    fn die(&self, loaded: &Loaded) -> Measured {
        let Self { asked, engine, timeline, .. } = *self;
        let expiring = self.workload.expiring(&self.totals);
        let (before, io_at_death, mut used_before) = (timeline.look(), engine.io(), Usage::now());
        let view = engine.callers().filter(|_| self.workload.scenario == Scenario::LongView).map(|one| one.view());
        engine.expire(self.workload);
        let mut died_at = timeline.elapsed();
        let view = view.map(|view| {
            let (held, reading) = self.hold(view, died_at);
            died_at = timeline.elapsed();
            used_before = used_before.plus(reading);
            held
        });
        engine.reap(expiring, asked.wait);
        let (reclaimable_at, used_when_marked) = (timeline.elapsed(), Usage::now());
        engine.reclaim(asked.wait);
        self.wait_for_space(died_at);
        let after = timeline.look();
        Measured {
            seconds_to_load: loaded.took.as_secs_f64(),
            idle_from: loaded.quiet_at,
            io_at_death,
            io_at_end: engine.io(),
            used_before,
            used_when_marked,
            used_at_end: Usage::now(),
            held_bytes: (before.held_bytes, after.held_bytes),
            settled_disk_bytes: after.disk_bytes,
            view,
            died_at,
            reclaimable_at,
            ended_at: timeline.elapsed(),
        }
    }

    /// Lets the strategy do what it can under a view, reads all of the view, releases it, and returns what the reading used.
    fn hold(&self, view: Box<dyn View + '_>, died_at: Duration) -> (HeldView, Usage) {
        let Self { asked, engine, timeline, .. } = *self;
        engine.reap(self.workload.expiring(&self.totals), asked.quiet);
        engine.reclaim(asked.quiet);
        timeline.wait_until_quiet(asked.quiet, asked.wait, || engine.activity());
        let used = Usage::now();
        let losses = view.count_losses(self.workload);
        let reading = Usage::now().since(used);
        drop(view);
        (HeldView { seconds: (timeline.elapsed() - died_at).as_secs_f64(), losses }, reading)
    }

    /// Waits until the space is back and nothing goes on any more, or nothing is to be hoped for.
    fn wait_for_space(&self, died_at: Duration) {
        let Self { asked, engine, timeline, .. } = *self;
        loop {
            timeline.wait_until_quiet(asked.quiet, asked.wait, || engine.activity());
            let is_over = timeline.elapsed().saturating_sub(died_at) >= asked.wait;
            if is_over || engine.is_done() || timeline.look().held_bytes <= freed_limit(&self.totals) {
                return;
            }
        }
    }

    fn row(&self, measured: &Measured, (strategy, ids): (Strategy, Ids), turn: u32) -> Row {
        let samples = self.timeline.samples();
        let Measured { died_at, io_at_death, io_at_end, .. } = *measured;
        let (totals, limit) = (self.totals, freed_limit(&self.totals));
        let freed = below_for_good(&samples, limit, died_at);
        // Under a view, space that is back at its release has been taken away from it.
        let taken =
            measured.view.filter(|_| measured.held_bytes.0 > limit && measured.held_bytes.1 <= limit).map(|_| 0.0);
        let by_looking = freed.map(|sample| (sample.at - died_at).as_secs_f64()).or(taken);
        let cpu_since_death = |cpu: Option<Duration>| Some(cpu?.saturating_sub(measured.used_before.cpu?));
        let cpu_when_marked = cpu_since_death(measured.used_when_marked.cpu);
        let cpu_when_freed = cpu_since_death(freed.map_or(measured.used_at_end.cpu, |sample| sample.cpu));
        let loaded_bytes = totals.dead_bytes + totals.live_bytes;
        let for_each_byte = |bytes: u64| bytes as f64 / loaded_bytes as f64;
        Row {
            workload: *self.workload,
            totals,
            strategy,
            ids,
            turn,
            seconds_to_load: measured.seconds_to_load,
            seconds_to_reclaimable: (measured.reclaimable_at - died_at).as_secs_f64(),
            seconds_to_freed: self.engine.reclaim_took().map(|took| took.as_secs_f64()).or(by_looking),
            held_bytes: measured.held_bytes,
            freed_limit: limit,
            calls: measured.used_at_end.since(measured.used_before).calls,
            io: io_at_end.since(io_at_death),
            cpu: cpu_when_marked.zip(cpu_when_freed).map(|(marked, freed)| (marked, freed.max(marked))),
            peak_disk_bytes: samples.iter().map(|sample| sample.disk_bytes).max().unwrap_or(0),
            settled_disk_bytes: measured.settled_disk_bytes,
            write_amplification: for_each_byte(io_at_end.file_bytes_written()),
            data_write_amplification: io_at_death.data_compaction.map(|(_, written)| 1.0 + for_each_byte(written)),
            foreground: None,
            view: measured.view,
            checked: Checked::default(),
            samples,
            died_at,
        }
    }
}

/// How much may be held when the space counts as given back: what the survivors take, and a fiftieth of what died.
fn freed_limit(totals: &Totals) -> u64 {
    let records = totals.survivors * RECORD_BYTES + totals.survivors_elements * ELEMENT_BYTES;
    totals.live_bytes + records + (totals.dead_bytes / LEFT_OVER_SHARE).max(LEFT_OVER_BYTES)
}
