//! Keys on their way into a db that holds nothing: a bulk load, which several threads feed.
//!
//! Uses the bulk load and `rdb`. Invariants: each key comes whole or not at all; of several values for one key the one wins that would if
//! they were restored one after the other.
//!
//! WHY not for every db: what a key holds is looked at when the load ends, and until then everything waits on disk.

use parking_lot::Mutex;

use crate::encoding::{DataType, ElementKey, Habit, KeyspaceNo, LIST_MIDDLE, Score, UnixMillis};
use crate::engine::bulk::{Closed, Draft, Given, Load, Values};
use crate::engine::expiry::within_63_bits;
use crate::engine::import::load::{Importer, Item, Outcome, refusal_of};
use crate::engine::import::{Existing, ImportReport};
use crate::engine::{KeyCounts, Live};
use crate::error::{Error, Result};
use crate::gc::PinKind;
use crate::rdb::{Element, RdbError, ValueReader};

/// What each thread keeps in memory of the elements of one value, twice as much of a sorted set. More: fewer of them go to disk to be
/// sorted.
const VALUE_BYTES: usize = 2 << 20;

/// A bulk load under way.
pub(super) struct Feed {
    live: Live,
    db: u32,
    existing: Existing,
    keyspace: Option<KeyspaceNo>,
    fed: Mutex<Fed>,
    /// Room for the elements of a value, for each thread that had need of it.
    spare: Mutex<Vec<Values>>,
}

struct Fed {
    load: Load,
    /// What it was given.
    given: KeyCounts,
}

/// What a value is before it goes to the load.
struct Prepared {
    given: Given,
    closed: Closed,
}

impl Feed {
    /// Tells whether a db may be loaded: if it holds nothing. WHY not while somebody listens: each key is told in its turn then, as it
    /// comes in the file.
    pub(super) fn may_begin(importer: &Importer<'_>, db: u32) -> Result<bool> {
        let engine = &importer.live().engine;
        Ok(!engine.events.is_heard() && engine.is_vacant(&importer.namespace.name, db)?)
    }

    /// Begins a load into a db.
    pub(super) fn begin(importer: &Importer<'_>, db: u32) -> Result<Self> {
        let live = importer.live();
        let load = Load::begin(live, &importer.namespace.name, db, importer.existing)?;
        let (live, existing, keyspace) = (live.clone(), importer.existing, load.keyspace());
        let fed = Mutex::new(Fed { load, given: KeyCounts::default() });
        Ok(Self { live, db, existing, keyspace, fed, spare: Mutex::default() })
    }

    /// Gives keys to the load.
    pub(super) fn take(&self, items: &[Item], report: &Mutex<ImportReport>) -> Result<()> {
        let engine = &self.live.engine;
        engine.check_writable()?;
        let now = engine.pins.pin(PinKind::Read).now();
        let spare = self.spare.lock().pop();
        let mut values = spare.unwrap_or_else(|| self.fed.lock().load.values(VALUE_BYTES));
        let (mut ready, mut others) = (Vec::with_capacity(items.len()), ImportReport::default());
        for item in items {
            match self.prepare(&mut values, item, now) {
                // What lies apart is in the room that the next value takes.
                Ok(Some(prepared)) if matches!(prepared.closed, Closed::Apart(_)) => {
                    self.fed.lock().take(&mut values, item, prepared)?;
                }
                Ok(Some(prepared)) => ready.push((item, prepared)),
                Ok(None) => others.take(Outcome::Expired),
                Err(error) => others.take(refusal_of(item, error)?),
            }
        }
        let mut fed = self.fed.lock();
        ready.into_iter().try_for_each(|(item, prepared)| fed.take(&mut values, item, prepared))?;
        drop(fed);
        self.spare.lock().push(values);
        report.lock().add(others);
        Ok(())
    }

    /// Reads a value; `None` if its expiry has passed.
    fn prepare(&self, values: &mut Values, item: &Item, now: UnixMillis) -> Result<Option<Prepared>> {
        let engine = &self.live.engine;
        let expires_at = item.expires_at.map(UnixMillis::new);
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Ok(None);
        }
        engine.check_key(&item.key)?;
        let mut value = ValueReader::open(item.value.as_slice(), engine.most_string_bytes())?;
        let expires_at = expires_at.map(within_63_bits).transpose()?;
        // Of several values the first one stays, unless they are to be replaced.
        let number = if self.existing == Existing::Replace { item.number } else { u64::MAX - item.number };
        let draft = Draft { number, data_type: value.data_type(), created_at: now, expires_at, size: 0 };
        values.begin();
        let closed = match draft.data_type {
            DataType::String => {
                let Some(Element::Text(text)) = value.next_element()? else {
                    return Err(Error::from(RdbError::Corrupt("a string is no string")));
                };
                engine.check_value(&text)?;
                values.string(&engine.limits(), draft, &text)?
            }
            _ => {
                self.put_elements(values, value)?;
                values.collection(&engine.limits(), draft)?
            }
        };
        let given = Given { draft, habit: Some(Habit::Closed), keyspace: self.keyspace };
        Ok(Some(Prepared { given, closed }))
    }

    fn put_elements(&self, values: &mut Values, mut value: ValueReader<&[u8]>) -> Result<()> {
        let mut index = LIST_MIDDLE;
        while let Some(element) = value.next_element()? {
            self.live.engine.check_element(&element)?;
            match element {
                Element::Item(item) => values.put(&ElementKey::ListItem(index), &item)?,
                Element::Member(member) => values.put(&ElementKey::SetMember(&member), b"")?,
                Element::Field(field, held) => values.put(&ElementKey::HashField(&field), &held)?,
                Element::Scored(member, score) => {
                    let score = Score::new(score).ok_or(RdbError::Corrupt("a score is not a number"))?;
                    values.put(&ElementKey::SortedMember(&member), &score.to_ordered_bytes())?;
                }
                Element::Text(_) => return Err(Error::from(RdbError::Corrupt("a collection holds a string's text"))),
            }
            index += 1;
        }
        if values.has_doubles()? { Err(Error::from(RdbError::Corrupt("an element comes twice"))) } else { Ok(()) }
    }

    /// Ends the load.
    pub(super) fn finish(self, report: &Mutex<ImportReport>) -> Result<()> {
        let Self { db, existing, fed, spare, .. } = self;
        // ORDER: the last use of the load's directory is the load's.
        drop(spare);
        let Fed { load, given } = fed.into_inner();
        let finished = load.finish()?;
        let came = finished.counts.keys();
        let left = given.keys().saturating_sub(came);
        let mut report = report.lock();
        report.counts.add(if existing == Existing::Replace { given } else { finished.counts });
        match existing {
            Existing::Fail if left > 0 => Err(Error::key_exists(db, &finished.given_twice.unwrap_or_default())),
            Existing::Keep => {
                report.kept += left;
                Ok(())
            }
            Existing::Fail | Existing::Replace => Ok(()),
        }
    }
}

impl Fed {
    fn take(&mut self, values: &mut Values, item: &Item, prepared: Prepared) -> Result<()> {
        let Prepared { given, closed } = prepared;
        self.load.count_given();
        self.given.count(given.draft.data_type, given.draft.expires_at.is_some());
        self.load.end(values, &item.key, given, closed)
    }
}
