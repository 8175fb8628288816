//! A store and its model through one sequence of operations: also time, reopening, reclaiming and views.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use windrow::{Options, Store, View};

use crate::compact::compact_everything;
use crate::compare::{compare, compare_view};
use crate::draw::{DBS, KEYS};
use crate::fixture::{Fixture, settle, small};
use crate::reads::Read;
use crate::reply::Answer;
use crate::world::World;

/// What happens to a store between the calls of its users.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Milliseconds.
    TimePasses(u64),
    Reopen(Layout),
    Reclaim,
    Compact,
    OpenView,
    /// Compares the oldest view with the world at its time, and lets it go.
    CloseView,
    CompareAll,
}

/// Where small values lie from this opening on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    Apart,
    InRecords,
}

impl Layout {
    fn options(self) -> Options {
        let mut options = small();
        match self {
            Self::Apart => {
                options.inline_lasting_bytes = 0;
                options.inline_expiring_bytes = 0;
            }
            Self::InRecords => {
                options.packed_lasting_bytes = 512;
                options.packed_expiring_bytes = 100;
            }
        }
        options
    }
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let steps = vec![1, 4, 45, 450, 4500, 1, 4, 45, 450, 4500, 95_000];
    prop_oneof![
        14 => select(steps).prop_map(Event::TimePasses),
        2 => layout().prop_map(Event::Reopen),
        3 => Just(Event::Reclaim),
        1 => Just(Event::Compact),
        6 => Just(Event::OpenView),
        6 => Just(Event::CloseView),
        4 => Just(Event::CompareAll),
    ]
}

pub(crate) fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Apart), Just(Layout::InRecords)]
}

pub(crate) struct Run {
    /// `None` only while it is opened again. Dropped before its directory.
    store: Option<Store>,
    views: Vec<(View, World)>,
    world: World,
    fixture: Fixture,
}

impl Run {
    pub(crate) fn new(layout: Layout) -> Self {
        let fixture = Fixture::new();
        let store = open(&fixture, layout);
        let world = World::new(DBS.into(), store.time());
        Self { store: Some(store), views: Vec::new(), world, fixture }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Compares the replies to one operation. A refusal must have changed nothing.
    pub(crate) fn step(
        &mut self,
        ask: impl FnOnce(&Store) -> Answer,
        expect: impl FnOnce(&mut World, &Answer) -> Answer,
    ) -> Result<(), TestCaseError> {
        let found = ask(self.store());
        let expected = expect(&mut self.world, &found);
        prop_assert_eq!(&found, &expected, "store and model");
        if found.is_err() { self.compare_all() } else { Ok(()) }
    }

    /// Runs a transaction on every key there is, on both sides; returns its outcome if it is as it should be.
    pub(crate) fn transact(
        &mut self,
        ends_well: bool,
        body: impl FnOnce(&windrow::Transaction, &mut World) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        let mut world = self.world.clone();
        let mut compared = Ok(());
        let keys = (0..DBS).flat_map(|db| KEYS.map(|key| (u32::from(db), key)));
        let outcome = self.store().transaction(keys, |tx| {
            compared = body(tx, &mut world);
            let goes_on = ends_well && compared.is_ok();
            if goes_on { Ok(()) } else { Err(windrow::Error::aborted("on purpose")) }
        });
        compared?;
        prop_assert_eq!(outcome.map_err(|error| error.kind()).is_ok(), ends_well);
        if ends_well {
            self.world = world;
        }
        self.compare_all()
    }

    /// Compares what each view answers with the world at its time.
    pub(crate) fn read_views(&self, db: u8, read: &Read) -> Result<(), TestCaseError> {
        for (view, world) in &self.views {
            let found = read.ask(&view.db(db.into())).map_err(|error| error.kind());
            prop_assert_eq!(found, read.expect(&world.dbs[usize::from(db)]), "view and model");
        }
        Ok(())
    }

    pub(crate) fn happens(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::TimePasses(millis) => {
                let by = Duration::from_millis(*millis);
                self.fixture.clock.advance(by);
                self.world.time_is(self.world.now.saturating_add(by));
            }
            Event::Reopen(layout) => return self.reopen(*layout),
            Event::Reclaim => self.reclaim()?,
            Event::Compact => compact_everything(self.store()),
            Event::OpenView if self.views.len() < 4 => {
                self.views.push((self.store().view().unwrap(), self.world.clone()));
            }
            Event::OpenView => {}
            Event::CloseView if self.views.is_empty() => {}
            Event::CloseView => {
                let (view, world) = self.views.remove(0);
                compare_view(&view, &world)?;
            }
            Event::CompareAll => self.compare_all()?,
        }
        Ok(())
    }

    fn reclaim(&mut self) -> Result<(), TestCaseError> {
        let settled = self.store().settle(Duration::from_millis(1)).unwrap();
        prop_assert!(!settled || self.views.is_empty() || self.store().stats().waiting_ids == 0);
        self.world.reaped();
        Ok(())
    }

    fn close(&mut self) -> Result<(), TestCaseError> {
        for (view, world) in std::mem::take(&mut self.views) {
            compare_view(&view, &world)?;
        }
        if let Some(store) = self.store.take() {
            store.close().unwrap();
        }
        let report = windrow::check(self.fixture.path("store")).unwrap();
        prop_assert!(report.is_clean(), "{}", report);
        Ok(())
    }

    fn reopen(&mut self, layout: Layout) -> Result<(), TestCaseError> {
        self.close()?;
        self.store = Some(open(&self.fixture, layout));
        self.compare_all()
    }

    fn compare_all(&self) -> Result<(), TestCaseError> {
        for (number, model) in self.world.dbs.iter().enumerate() {
            let db = self.store().db(number as u32);
            compare(&db, model)?;
            prop_assert_eq!(db.len().unwrap(), model.len(), "count of db {}", number);
        }
        Ok(())
    }

    /// Nothing is lost by closing and settling, and nothing remains of what is flushed.
    pub(crate) fn finish(mut self, layout: Layout) -> Result<(), TestCaseError> {
        self.compare_all()?;
        self.reopen(layout)?;
        settle(self.store());
        self.world.reaped();
        self.compare_all()?;
        self.store().flush_all().unwrap();
        settle(self.store());
        prop_assert_eq!(self.store().stats().data_file_bytes, 0);
        self.close()
    }
}

fn open(fixture: &Fixture, layout: Layout) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(layout.options()).background(false).open().unwrap()
}
