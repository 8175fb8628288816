//! The arguments.
//!
//! Uses the names of scenarios and strategies. Invariant: what is not understood is refused; nothing is guessed.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ::windrow::{Durability, Options};
use tempfile::TempDir;

use super::churn::{ChurnAsked, Mix, Shape};
use super::strategy::{Ids, Strategy};
use super::workload::{MIN_VALUE_BYTES, Scenario, Workload};

/// What a call asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) strategies: Vec<Strategy>,
    pub(crate) ids: Vec<Ids>,
    pub(crate) collections: u64,
    pub(crate) elements: u32,
    pub(crate) value_bytes: usize,
    pub(crate) giant_elements: u32,
    pub(crate) key_bytes: usize,
    /// How often each strategy runs, in turns with the others.
    pub(crate) repeat: u32,
    /// Whether callers read and write beside the workload.
    pub(crate) foreground: bool,
    /// Their operations in a second; 0: as many as go.
    pub(crate) rate: u32,
    /// How many windows die in one store, one after the other, instead of the scenarios.
    pub(crate) pairs: Option<u32>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    /// Where the directories of the runs are made.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) direct_io: bool,
    /// Whether it is only to be seen that everything works.
    is_test: bool,
    /// How long nothing may have moved before a run counts as ended.
    pub(crate) quiet: Duration,
    /// How long to wait, at most, for space that does not come.
    pub(crate) wait: Duration,
    pub(crate) churn: ChurnAsked,
}

/// The arguments, for whoever got them wrong.
pub(crate) const USAGE: &str = "\
cargo bench --bench reclaim -- [options]
  --scenario S      window, window-tail, scatter-1, scatter-10, scatter-50, or scatter for these three, late-expire,
                    growing, giant, long-view, churn; all without it
  --strategy S      windrow, windrow-settle, scan-1, scan-256, range-each, drop-compact, filter-lookup, unlink (the
                    yardstick, in window alone); all without it
  --ids I           random or ordered, for the strategies on bare RocksDB; both without it
  --collections N   sets to load (200000)
  --elements N      members of each (1)
  --value-bytes N   bytes of a member, 16 to 65536 (4096)
  --giant-elements N  members of the one set of giant (5000000)
  --key-bytes N     keys are filled up to this length (as short as they are)
  --repeat N        runs all strategies N times, in turns, and shows medians (1)
  --foreground      a thread reads and writes living keys meanwhile; files alone count as space then, not the log
  --rate N          its operations in a second, at most 20000; 0: as many as go, to see what throughput is kept (4000)
  --pairs N         instead of the scenarios: N windows die in one store, with such a thread, and what it felt is compared
                    with idle stretches; windrow alone if no strategy is named
  --mix M           of churn: write-heavy-short, pages, transient, large-short, spread, read-mostly-mixed; all without it
  --shape S         of churn: string, hash, hash-in-place; the first two without it
  --operations N    of churn: sets before the load, and sets and gets of the load, at the most (1000000)
  --sets-a-life X   of churn: how often a key is set in its lifetime, in the mean (1)
  --compact-dead-percent N   of churn: windrow's option of this name
  --direct-io       SST files past the operating system's cache, for all strategies (churn always)
  --wait SECONDS    how long to wait for space that does not come back (90)
  --dir DIR         where the runs make their directories (the system's temporary one)
  --json FILE       the rows
  --svg FILE        disk use over time, a chart for each scenario
  --test            every scenario and strategy once, tiny, and two pairs
scenario, strategy, mix and shape may be repeated";

impl Default for Asked {
    fn default() -> Self {
        Self {
            scenarios: Vec::new(),
            strategies: Vec::new(),
            ids: Vec::new(),
            collections: 200_000,
            elements: 1,
            value_bytes: 4096,
            giant_elements: 5_000_000,
            key_bytes: 0,
            repeat: 1,
            foreground: false,
            rate: 4_000,
            pairs: None,
            json: None,
            svg: None,
            directory: None,
            direct_io: false,
            is_test: false,
            quiet: Duration::from_secs(3),
            wait: Duration::from_secs(90),
            churn: ChurnAsked::default(),
        }
    }
}

impl Asked {
    /// Reads the arguments; `None` if they name figures of another bench, which `make bench` hands to all of them.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut asked = Self::default();
        let mut arguments = arguments;
        let mut is_for_others = false;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--test" => asked.make_tiny(),
                "--direct-io" => asked.direct_io = true,
                "--scenario" => asked.add_scenario(&value()?)?,
                "--mix" => asked.churn.mixes.push(named(&Mix::ALL, &value()?, |mix| mix.name)?),
                "--shape" => asked.churn.shapes.push(named(&Shape::ALL, &value()?, |shape| shape.name())?),
                "--compact-dead-percent" => asked.churn.compact_dead_percent = number(&argument, &value()?)?,
                "--sets-a-life" => asked.churn.sets_a_life = number(&argument, &value()?)?,
                "--operations" => asked.churn.operations = number(&argument, &value()?)?,
                "--strategy" => asked.strategies.push(named(&Strategy::ALL, &value()?, |strategy| strategy.name())?),
                "--ids" => asked.ids.push(named(&Ids::ALL, &value()?, |ids| ids.name())?),
                "--collections" => asked.collections = number(&argument, &value()?)?,
                "--elements" => asked.elements = number(&argument, &value()?)?,
                "--value-bytes" => asked.value_bytes = number(&argument, &value()?)?,
                "--giant-elements" => asked.giant_elements = number(&argument, &value()?)?,
                "--key-bytes" => asked.key_bytes = number(&argument, &value()?)?,
                "--repeat" => asked.repeat = number(&argument, &value()?)?,
                "--foreground" => asked.foreground = true,
                "--rate" => asked.rate = number(&argument, &value()?)?,
                "--pairs" => asked.pairs = Some(number(&argument, &value()?)?),
                "--wait" => asked.wait = Duration::from_secs(number(&argument, &value()?)?),
                "--dir" => asked.directory = Some(value()?.into()),
                "--json" => asked.json = Some(value()?.into()),
                "--svg" => asked.svg = Some(value()?.into()),
                other if other.starts_with('-') => return Err(format!("what is {other}?")),
                _ => is_for_others = true,
            }
        }
        asked.validate()?;
        asked.fill_up();
        Ok((!is_for_others).then_some(asked))
    }

    fn add_scenario(&mut self, name: &str) -> Result<(), String> {
        match name {
            "churn" => self.churn.is_wanted = true,
            _ => self.scenarios.extend(scenarios(name)?),
        }
        Ok(())
    }

    fn make_tiny(&mut self) {
        self.is_test = true;
        self.churn.make_tiny();
        (self.collections, self.elements, self.value_bytes, self.giant_elements) = (500, 2, 200, 5_000);
        (self.quiet, self.wait) = (Duration::from_millis(50), Duration::from_secs(1));
    }

    fn validate(&self) -> Result<(), String> {
        let counts = [
            u64::from(self.elements),
            self.giant_elements.into(),
            self.repeat.into(),
            self.collections,
            self.churn.operations,
        ];
        if counts.contains(&0) || self.pairs == Some(0) {
            return Err("there must be something to load and to run".to_owned());
        }
        if !(0.001..=1000.0).contains(&self.churn.sets_a_life) {
            return Err("--sets-a-life lies in 0.001 to 1000".to_owned());
        }
        // Shorter members would be packed into their records; windrow refuses longer ones.
        if !(MIN_VALUE_BYTES..=65_536).contains(&self.value_bytes) {
            return Err("--value-bytes lies in 16 to 65536".to_owned());
        }
        if self.key_bytes > 1_024 {
            return Err("--key-bytes is at most 1024".to_owned());
        }
        if self.rate > 20_000 {
            return Err("--rate is at most 20000".to_owned());
        }
        Ok(())
    }

    fn fill_up(&mut self) {
        if self.scenarios.is_empty() && !self.churn.is_wanted {
            self.scenarios = Scenario::ALL.to_vec();
            self.churn.is_wanted = true;
        }
        self.churn.fill_up();
        if self.strategies.is_empty() {
            let all = if self.pairs.is_some() { &[Strategy::Windrow][..] } else { &Strategy::ALL };
            self.strategies = all.to_vec();
        }
        if self.ids.is_empty() {
            self.ids = Ids::ALL.to_vec();
        }
    }

    pub(crate) fn workload(&self, scenario: Scenario) -> Workload {
        let Self { collections, elements, value_bytes, giant_elements, key_bytes, .. } = *self;
        // Beside the giant, small ones that take a few megabytes.
        let collections =
            if scenario == Scenario::Giant { 1 + (collections / 200).clamp(10, 1_000) } else { collections };
        Workload { scenario, first: 0, collections, elements, value_bytes, giant_elements, key_bytes }
    }

    /// Which strategies run in a scenario, and with which ids.
    pub(crate) fn runs(&self, scenario: Scenario) -> Vec<(Strategy, Ids)> {
        // A tiny run need not show everything twice; scan-1 is scan-256 with one slot.
        let is_short = self.is_test && scenario != Scenario::Window;
        let ids = if is_short { &[Ids::Ordered][..] } else { &self.ids };
        let has_callers = self.has_callers(scenario);
        let fitting = self
            .strategies
            .iter()
            .filter(|strategy| strategy.fits(scenario, has_callers) && !(is_short && **strategy == Strategy::ScanOne));
        let with_ids = |strategy: &Strategy| {
            let ids = if strategy.is_baseline() { ids } else { &[Ids::Ordered][..] };
            ids.iter().map(|ids| (*strategy, *ids)).collect::<Vec<_>>()
        };
        fitting.flat_map(with_ids).collect()
    }

    /// Tells whether callers read and write beside the workload.
    pub(crate) fn has_callers(&self, scenario: Scenario) -> bool {
        self.foreground || (self.is_test && scenario == Scenario::LateExpire)
    }

    /// How many windows die in one store, if that is asked for or everything is to be tried.
    pub(crate) fn pairs(&self) -> Option<u32> {
        self.pairs.or(self.is_test.then_some(2))
    }

    /// Which strategies run for pairs, and with which ids.
    pub(crate) fn runs_of_pairs(&self) -> Vec<(Strategy, Ids)> {
        let runs = self.runs(Scenario::Window).into_iter();
        runs.filter(|(strategy, _)| !self.is_test || *strategy == Strategy::Windrow).collect()
    }

    pub(crate) fn new_directory(&self) -> TempDir {
        let made = match &self.directory {
            Some(place) => std::fs::create_dir_all(place).and_then(|()| tempfile::tempdir_in(place)),
            None => tempfile::tempdir(),
        };
        made.expect("a temporary directory")
    }

    /// The options of all stores.
    pub(crate) fn store_options(&self) -> Options {
        let mut options = Options::default();
        options.durability = Durability::Buffered;
        options.direct_io = self.direct_io;
        options
    }
}

fn scenarios(name: &str) -> Result<Vec<Scenario>, String> {
    match name {
        "scatter" => Ok(Scenario::ALL.into_iter().filter(|one| matches!(one, Scenario::Scatter(_))).collect()),
        _ => named(&Scenario::ALL, name, |scenario| scenario.name()).map(|scenario| vec![scenario]),
    }
}

fn named<T: Copy, N: AsRef<str>>(all: &[T], wanted: &str, name: impl Fn(T) -> N) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one).as_ref() == wanted).ok_or_else(|| format!("there is no {wanted}"))
}

fn number<T: FromStr>(argument: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{argument} takes a number, not {text}"))
}
