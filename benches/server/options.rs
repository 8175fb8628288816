//! The arguments.
//!
//! Invariant: what is not understood is refused; nothing is guessed.

use std::path::PathBuf;
use std::str::FromStr;

/// The arguments, for whoever got them wrong.
pub(crate) const USAGE: &str = "\
cargo bench --features cli,server --bench server -- [options]
  --rounds N        how often each test runs on each server, in turns (3)
  --requests N      of each test without pipelining; four times as many with (50000)
  --keys N          different keys, fields and members (1000000)
  --only T          set, get, incr, lpush, rpop, sadd, hset, zadd, mset or lrange_100; may be repeated; all without it
  --pipeline N      requests that a client sends at once; may be repeated (1 and 16)
  --also PATH       another build of the tool windrow, which gets the same load; may be repeated
  --pairs N         instead: N times, sets die beside a steady load, and what its clients feel is compared with idle stretches
  --collections N   the sets of each pair (100000)
  --rate N          operations of the steady load in a second (4000)
  --dir DIR         where the stores lie (the system's temporary one)
  --json FILE       the rows
  --test            everything once, tiny";

/// What a call asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) rounds: usize,
    pub(crate) requests: u64,
    pub(crate) keys: u64,
    pub(crate) only: Vec<String>,
    pub(crate) pipelines: Vec<u64>,
    pub(crate) also: Vec<PathBuf>,
    pub(crate) pairs: Option<u32>,
    pub(crate) collections: u64,
    pub(crate) rate: u32,
    pub(crate) directory: PathBuf,
    pub(crate) json: Option<PathBuf>,
}

impl Asked {
    /// Reads the arguments; `None` if they name figures of another bench, which `make bench` hands to all of them.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut asked = Self {
            rounds: 3,
            requests: 50_000,
            keys: 1_000_000,
            only: Vec::new(),
            pipelines: Vec::new(),
            also: Vec::new(),
            pairs: None,
            collections: 100_000,
            rate: 4_000,
            directory: std::env::temp_dir(),
            json: None,
        };
        let mut is_for_others = false;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--test" => (asked.rounds, asked.requests, asked.keys, asked.collections) = (1, 500, 1_000, 2_000),
                "--rounds" => asked.rounds = number(&argument, &value()?)?,
                "--requests" => asked.requests = number(&argument, &value()?)?,
                "--keys" => asked.keys = number(&argument, &value()?)?,
                "--only" => asked.only.push(value()?),
                "--pipeline" => asked.pipelines.push(number(&argument, &value()?)?),
                "--also" => asked.also.push(value()?.into()),
                "--pairs" => asked.pairs = Some(number(&argument, &value()?)?),
                "--collections" => asked.collections = number(&argument, &value()?)?,
                "--rate" => asked.rate = number(&argument, &value()?)?,
                "--dir" => asked.directory = value()?.into(),
                "--json" => asked.json = Some(value()?.into()),
                other if other.starts_with('-') => return Err(format!("what is {other}?")),
                _ => is_for_others = true,
            }
        }
        if asked.pipelines.is_empty() {
            asked.pipelines = vec![1, 16];
        }
        let numbers = [asked.rounds as u64, asked.requests, asked.keys, asked.collections, asked.rate.into()];
        if numbers.contains(&0) || asked.pipelines.contains(&0) || asked.pairs == Some(0) {
            return Err("a number must be above zero".to_owned());
        }
        Ok((!is_for_others).then_some(asked))
    }

    pub(crate) fn wants(&self, test: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == test)
    }
}

fn number<N: FromStr>(argument: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("{argument} {value} is no number that can be used here"))
}
