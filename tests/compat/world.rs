//! Windrow's side: a store, what happens to it between the commands, and views kept for later.
//!
//! Uses the public API and the fixture. Invariant: nothing that happens here changes what a command answers.

use std::time::Duration;

use windrow::{ManualClock, Store, View};

use crate::compact::compact_everything;
use crate::draw::{DBS, Draw};
use crate::dump::{self, DbDump};
use crate::fixture::{assert_clean, small};
use crate::redis::{MAX_STRING_BYTES, nobody_starts};

/// How many views are kept at most; each holds space back.
const VIEWS: usize = 3;

/// How many disturbances there are for one compaction of everything: oftener, and it takes most of a run's time.
const COMPACTION: usize = 40;

/// A store in a directory of its own.
pub(crate) struct World {
    dir: tempfile::TempDir,
    clock: ManualClock,
    /// `None` only while it is opened again.
    store: Option<Store>,
    views: Vec<(View, Vec<DbDump>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            dir: tempfile::tempdir().unwrap(),
            clock: ManualClock::starting_at(crate::fixture::START),
            store: None,
            views: Vec::new(),
        };
        world.open(false);
        world
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// The whole present state.
    pub(crate) fn dump(&self) -> Vec<DbDump> {
        (0..DBS).map(|number| dump::of_windrow(&self.store().db(number)).unwrap()).collect()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Does one of the things that happen to a store in its life; says which, for the report.
    pub(crate) fn disturb(&mut self, draw: &mut Draw) -> &'static str {
        if draw.once_in(COMPACTION) {
            compact_everything(self.store());
            return "flush and compaction of everything";
        }
        match draw.below(12) {
            0..=2 => {
                self.store().settle(Duration::from_millis(1)).unwrap();
                "reclaim"
            }
            3..=4 => {
                self.clock.advance(Duration::from_secs(60 << draw.below(12)));
                "time passes"
            }
            5..=7 if self.views.len() < VIEWS => {
                self.views.push((self.store().view().unwrap(), self.dump()));
                "a view is opened"
            }
            5..=9 if !self.views.is_empty() => {
                let chosen = draw.below(self.views.len());
                let (view, expected) = self.views.swap_remove(chosen);
                compare(&view, &expected);
                "a view is compared and closed"
            }
            10 => {
                self.close();
                self.open(!draw.once_in(3));
                "close and open"
            }
            _ => "nothing",
        }
    }

    /// Compares the views, closes the store and proves that nothing in it leaks or is torn.
    pub(crate) fn close(&mut self) {
        for (view, expected) in std::mem::take(&mut self.views) {
            compare(&view, &expected);
        }
        let _nobody_starts = nobody_starts();
        self.store.take().unwrap().close().unwrap();
        assert_clean(&self.dir.path().join("store"));
    }

    fn open(&mut self, background: bool) {
        let mut options = small();
        options.max_value_bytes = MAX_STRING_BYTES;
        options.reclaim_interval = Duration::from_millis(5);
        options.reap_interval = Duration::from_millis(5);
        // Another limit at each open: what is packed, and what lies apart, is read and changed under any.
        options.packed_lasting_bytes = [0, 30, 200][fastrand::usize(..3)];
        options.packed_expiring_bytes = [0, 30, 200][fastrand::usize(..3)];
        let builder = Store::builder(self.dir.path().join("store"));
        let store = builder.options(options).clock(self.clock.clone()).background(background).open().unwrap();
        self.store = Some(store);
    }
}

fn compare(view: &View, expected: &[DbDump]) {
    for (number, expected) in (0..DBS).zip(expected) {
        let found = dump::of_windrow(&view.db(number)).unwrap();
        if let Some((key, now, then)) = dump::difference(&found, expected) {
            let shown = |held: Option<&dump::Held>| held.map_or("nothing".to_owned(), ToString::to_string);
            panic!(
                "a view changed in db {number} at {}\n  then: {}\n  now: {}",
                key.escape_ascii(),
                shown(then),
                shown(now)
            );
        }
        assert_eq!(view.db(number).len().unwrap(), expected.len() as u64, "count of db {number} in a view");
    }
}
