//! Commands, done one after the other.
//!
//! Uses the public handles and the table of commands. Invariant: a command is done, or counted with the reason; only what
//! concerns the whole store ends the import.

use std::time::Duration;

use bytes::Bytes;

use super::commands;
use super::words::{Words, upper, wrong};
use crate::encoding::UnixMillis;
use crate::engine::import::report::Refused;
use crate::engine::import::{ImportReport, Refusal};
use crate::engine::{Db, Namespace};
use crate::error::{Action, Error, ErrorKind, Result};

/// The time at which everything happens. Nothing has expired by then: Redis expires nothing either while it loads, as what
/// was done to a key when it lived must find it.
pub(super) const STANDSTILL: UnixMillis = UnixMillis::new(1);

/// The first time that is not yet. What a key that was dead already is given: it is passed over in the end.
const FIRST: UnixMillis = UnixMillis::new(2);

/// How many different reasons are counted. More: a file of made-up commands takes more memory; fewer: some are not named.
const MOST_REASONS: usize = 100;

/// The longest name of a command that is told. Redis' own have up to 20 letters.
const LONGEST_NAME: usize = 32;

/// Where commands are done.
pub(super) struct Replay<'n> {
    pub(super) namespace: &'n Namespace,
    /// The db that was selected.
    pub(super) db: Db,
    /// The time from which lifetimes count.
    now: UnixMillis,
}

impl<'n> Replay<'n> {
    pub(super) fn new(namespace: &'n Namespace, now: UnixMillis) -> Self {
        Self { namespace, db: namespace.db(0), now }
    }

    /// Does a command, or counts it.
    pub(super) fn run(&mut self, mut words: Vec<Bytes>, report: &mut ImportReport) -> Result<()> {
        let name = if words.is_empty() { String::new() } else { upper(&words.remove(0)) };
        let Some(run) = commands::find(&name) else {
            refuse(report, commands::refusal(&name).unwrap_or_else(|| Refusal::Command(told(&name))));
            return Ok(());
        };
        match run(self, Words::of(words)) {
            Ok(()) => report.commands += 1,
            Err(error) if error.action() != Action::FixCall => return Err(error),
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                report.refuse_named(Refused::other(Refusal::TooLarge, format!("the command {}: {error}", told(&name))));
            }
            Err(_) => refuse(report, Refusal::Failed(told(&name))),
        }
        Ok(())
    }

    /// The time that a command names, in units of so many milliseconds.
    pub(super) fn at(&self, time: i64, unit: i64) -> Result<UnixMillis> {
        let millis = time.checked_mul(unit).ok_or_else(too_far)?;
        Ok(UnixMillis::new(u64::try_from(millis).unwrap_or(0)).max(FIRST))
    }

    /// The end of a lifetime, in units of so many milliseconds. WHY from now: so does Redis, when it loads one.
    pub(super) fn after(&self, lifetime: i64, unit: u64) -> Result<UnixMillis> {
        let Ok(lifetime) = u64::try_from(lifetime) else { return Ok(FIRST) };
        let lifetime = Duration::from_millis(lifetime.checked_mul(unit).ok_or_else(too_far)?);
        Ok(self.now.saturating_add(lifetime).max(FIRST))
    }

    /// The time behind a word that says what it is; `None` if the word says nothing about time.
    pub(super) fn timed(&self, word: &str, words: &mut Words) -> Result<Option<UnixMillis>> {
        Ok(Some(match word {
            "EX" => self.after(words.int()?, 1000)?,
            "PX" => self.after(words.int()?, 1)?,
            "EXAT" => self.at(words.int()?, 1000)?,
            "PXAT" => self.at(words.int()?, 1)?,
            _ => return Ok(None),
        }))
    }

    pub(super) fn select(&mut self, mut words: Words) -> Result<()> {
        let number = words.db()?;
        words.end().map_err(|_| wrong())?;
        self.db = self.namespace.db(number);
        Ok(())
    }
}

fn too_far() -> Error {
    Error::out_of_range("an expiry lies too far away")
}

/// A name as it is told. WHY not any: it may be a part of a value in a file that was tampered with, and of any length.
fn told(name: &str) -> String {
    let is_name = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_name { name.to_owned() } else { "of no name".to_owned() }
}

fn refuse(report: &mut ImportReport, why: Refusal) {
    if report.refused.len() < MOST_REASONS || report.refused.contains_key(&why) {
        report.refuse(why);
    } else {
        report.refuse(Refusal::Command("of other names".to_owned()));
    }
}
