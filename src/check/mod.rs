//! The verifier: proves that a closed store leaks nothing and tears nothing.
//!
//! May use `engine`'s keyspaces and everything below. Invariant: it opens the store read-only and changes
//! nothing; what it cannot decode it reports.

mod elements;
mod records;
mod report;

pub use report::{CheckReport, Finding};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::encoding::{KeyLayout, KeyspaceNo, ReapedThrough, StoreKey, StoreTime, UnixMillis};
use crate::engine::{Keyspaces, require_known_format};
use crate::error::Result;
use crate::expire::Reaper;
use crate::gc::{DeadSet, Filters, load_dead};
use crate::options::Options;
use crate::store::{self, Database, Family, FilterSource};

/// What every part of a check reads.
struct Checked {
    db: Arc<Database>,
    layout: KeyLayout,
    dead: DeadSet,
    keyspaces: Keyspaces,
    /// Flushed and not walked to the end.
    flushed: Vec<KeyspaceNo>,
    position: ReapedThrough,
}

/// Verifies a store that nobody has open for writing:
///
/// - every element belongs to a living record or to a buried id, and no living record's id is buried;
/// - sizes equal counted elements;
/// - every expiry has its one entry, and every pending entry its reason;
/// - key counts equal counted keys;
/// - every id with elements lies below its family's lease, and every key and record decodes. Values of elements, and
///   pieces that a string may lack in its middle, are not looked into.
///
/// Reads the whole store once. Needs 24 bytes of memory for each collection, 48 if it has a time to live, and up to twice
/// that while the list of them grows; besides, a few bits for each buried id.
///
/// # Errors
/// [`InUse`](crate::ErrorKind::InUse), [`NotAStore`](crate::ErrorKind::NotAStore),
/// [`UnknownFormat`](crate::ErrorKind::UnknownFormat), or reading errors, among them
/// [`Corruption`](crate::ErrorKind::Corruption) of the store-wide records without which nothing can be judged. What is
/// wrong with keys and elements is not an error but a [`Finding`].
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("store");
/// let store = windrow::Store::open(&path)?;
/// store.db(0).sets().add("s", ["a", "b"])?;
/// store.close()?;
/// let report = windrow::check(&path)?;
/// assert!(report.is_clean(), "{report}");
/// assert_eq!(report.keys, 1);
/// # Ok(()) }
/// ```
pub fn check(path: impl AsRef<Path>) -> Result<CheckReport> {
    let path = path.as_ref();
    let directory = store::open_shared(path)?;
    let options = Options::default();
    let source: Arc<dyn FilterSource> = Arc::new(Filters::default());
    let db = Arc::new(Database::open_read_only(path, &options, &source)?);
    require_known_format(&db)?;
    let loaded = load_dead(&db, Duration::ZERO)?;
    let (undecodable, left_over) = (loaded.undecodable, loaded.left_over_records());
    let (keyspaces, flushed) = Keyspaces::load(&db)?;
    let position = Reaper::stored_position(&db)?;
    let checked = Checked { db, layout: directory.layout, dead: loaded.dead, keyspaces, flushed, position };
    let mut report = CheckReport::default();
    report.left_over_burials = u64::try_from(left_over).unwrap_or(u64::MAX);
    if undecodable > 0 {
        report.add(Finding::Undecodable { family: Family::Gc.name(), key: Vec::new() });
    }
    let owners = records::check(&checked, latest_time(&checked)?, &mut report)?;
    elements::check(&checked, owners, &mut report)?;
    Ok(report)
}

/// Returns the present, or the latest time that the store has seen if its clock was ahead.
fn latest_time(checked: &Checked) -> Result<UnixMillis> {
    let seen = match checked.db.get(Family::Default, &StoreKey::StoreTime.encode(), None)? {
        Some(value) => StoreTime::decode(&value)?.0,
        None => UnixMillis::ZERO,
    };
    Ok(SystemClock::default().wall().max(seen).max(Reaper::time_seen(&checked.position)))
}
