//! What the parts of one run share.
//!
//! Uses the public handles of the crate. Invariant: the store is closed before its directory is removed.

use std::path::Path;
use std::time::{Duration, Instant};

use super::config::{Input, WindowBench};
use super::histogram::Histogram;
use super::ledger::Ledger;
use super::place::Place;
use super::progress::Progress;
use super::times::Times;
use super::workload::{Workload, workload_of};
use super::{Failure, Result};
use crate::{Db, Options, Store};

/// A run in progress.
pub(crate) struct Run {
    pub(crate) asked: WindowBench,
    pub(crate) workload: Box<dyn Workload>,
    pub(crate) times: Times,
    pub(crate) ledger: Ledger,
    pub(crate) progress: Progress,
    pub(crate) latencies: Histogram,
    pub(crate) started: Instant,
    pub(crate) db: Db,
    pub(crate) store: Store,
    /// Declared last, so dropped last.
    place: Place,
}

impl Run {
    /// Prepares the input, the directory and the store.
    pub(crate) fn prepare(asked: WindowBench, progress: Progress) -> Result<Self> {
        asked.validate()?;
        let workload = workload_of(&asked, &progress)?;
        let place = Place::take(asked.dir.as_deref())?;
        let times = Times::new(asked.lifetime);
        let builder = Store::builder(place.path()).options(options_for(&asked.input));
        let store = match &times {
            Times::ByWindow { clock, .. } => builder.clock(clock.clone()),
            Times::Real { clock, .. } => builder.clock(clock.clone()),
        }
        .open()?;
        let kept = if place.is_temporary() { "removed at the end" } else { "kept" };
        progress.line(&format!("store in {}, {kept}", place.path().display()));
        progress.begin(workload.collections());
        Ok(Self {
            ledger: Ledger::new(workload.collections(), times.start()),
            db: store.db(0),
            started: Instant::now(),
            latencies: Histogram::default(),
            asked,
            workload,
            times,
            progress,
            store,
            place,
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Closes the store; says what its background could not do.
    pub(crate) fn close(&self) -> Result<()> {
        self.store.clone().close().map_err(Failure::from)
    }
}

/// The default options, but for two: a set lies in a data family, whatever its size; long elements need a higher limit.
fn options_for(input: &Input) -> Options {
    // WHY: what is packed into a meta record is given back by another road, which this benchmark does not measure.
    let mut options = Options { packed_expiring_bytes: 0, packed_lasting_bytes: 0, ..Options::default() };
    if let Input::Generated { value_bytes, .. } = input {
        options.max_member_bytes = options.max_member_bytes.max(*value_bytes);
    }
    options
}
