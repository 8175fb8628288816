//! HyperLogLogs: what elements do to registers, and what registers say.
//!
//! May use the plan, the reader, strings and the encoding's HyperLogLog. Invariant: a value is read whole, changed and written
//! whole, so the bytes are those that Redis would have after the same changes.

mod estimate;
mod hash;

use crate::encoding::hyperloglog::{Flaw, HyperLogLog, LONGEST_BYTES, Registers};
use crate::encoding::{DataType, Meta};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Birth, EventKind, KeyPlan, Reader, string};

pub(crate) use hash::Raise;

impl From<Flaw> for Error {
    #[cold]
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::NotOne => Self::new(ErrorKind::WrongType, "the key holds a string that is no HyperLogLog"),
            Flaw::Damaged => Self::new(ErrorKind::InvalidObject, "the HyperLogLog that the key holds is damaged"),
        }
    }
}

/// The last byte of a string that is read: one more than the longest HyperLogLog has.
pub(crate) const LAST_READ: i64 = LONGEST_BYTES as i64;

/// Reads the HyperLogLog of a living string. The reader must have a snapshot or the key's lock.
fn read(reader: &Reader, meta: &Meta) -> Result<HyperLogLog> {
    let sketch = HyperLogLog::decode(string::range(reader, meta, 0, LAST_READ)?.into())?;
    // WHY here: what is longer was not read whole, and must not be written back.
    if sketch.bytes().len() > LONGEST_BYTES { Err(Flaw::Damaged.into()) } else { Ok(sketch) }
}

/// Raises registers, creating the HyperLogLog if there is none; returns whether anything changed.
pub(crate) fn add(plan: &mut KeyPlan<'_>, raises: &[Raise], birth: Birth) -> Result<bool> {
    let found = plan.live_as(DataType::String)?.map(|meta| read(plan.reader, meta)).transpose()?;
    if found.is_none() && birth.expires_at.is_some_and(|expires_at| expires_at <= plan.now) {
        return Ok(false);
    }
    let is_new = found.is_none();
    let mut sketch = found.unwrap_or_else(created);
    let is_raised = sketch.raise_all(raises.iter().map(|raise| (raise.register, raise.value)))?;
    let is_changed = is_new || is_raised;
    if is_changed {
        string::change(plan, sketch.bytes(), birth)?;
        plan.note(EventKind::PfAdd);
    }
    Ok(is_changed)
}

fn created() -> HyperLogLog {
    let mut sketch = HyperLogLog::empty();
    sketch.make_stale();
    sketch
}

/// Makes the first key's HyperLogLog the union of all keys', creating it if there is none.
pub(crate) fn merge(plans: &mut [KeyPlan<'_>], birth: Birth) -> Result<()> {
    let mut union = Registers::default();
    let mut first = None;
    let mut is_dense = false;
    for (place, plan) in plans.iter().enumerate() {
        let Some(meta) = plan.live_as(DataType::String)? else {
            continue;
        };
        let sketch = read(plan.reader, meta)?;
        sketch.merge_into(&mut union)?;
        is_dense |= sketch.is_dense();
        first = first.or((place == 0).then_some(sketch));
    }
    let Some(destination) = plans.first_mut() else {
        return Ok(());
    };
    let mut merged = first.unwrap_or_else(created);
    if is_dense {
        merged.make_dense()?;
    }
    merged.raise_all(union.values().iter().copied().enumerate())?;
    merged.make_stale();
    string::change(destination, merged.bytes(), birth)?;
    destination.note(EventKind::PfAdd);
    Ok(())
}

/// Says what one HyperLogLog counts: what its header holds, unless that is stale.
pub(crate) fn count(bytes: Vec<u8>) -> Result<u64> {
    let sketch = HyperLogLog::decode(bytes)?;
    match sketch.cached_count() {
        Some(count) => Ok(count),
        None => {
            let mut registers = Registers::default();
            sketch.merge_into(&mut registers)?;
            Ok(estimate::count(&registers))
        }
    }
}

/// Says what the union of these living strings counts. The reader must have a snapshot.
pub(crate) fn count_union(reader: &Reader, metas: impl IntoIterator<Item = Result<Option<Meta>>>) -> Result<u64> {
    let mut union = Registers::default();
    for meta in metas {
        if let Some(meta) = meta? {
            read(reader, &meta)?.merge_into(&mut union)?;
        }
    }
    Ok(estimate::count(&union))
}
