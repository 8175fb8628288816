//! Copies of a store, and the ids of a copy.
//!
//! May use `store`, `encoding` and the dead set. Invariant (design, rule 2): a copy that is opened for writing gives out
//! no id that its original may have given out after the copy was taken.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use crate::encoding::{DataFamily, Lease, SEGMENT_IDS, StoreKey};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::failpoint;
use crate::gc::{Burials, Picture, merge_burials};
use crate::store::{self, Batch, Database, Family};

/// Ids that a copy leaves out in each family. WHY: at a million collections a second the original would need more
/// than an hour to come so far; there is room for 16 million copies of copies.
const SKIPPED_IDS: u64 = 1 << 32;

impl Engine {
    pub(super) fn checkpoint(&self, path: &Path) -> Result<()> {
        self.check_writable()?;
        if path.exists() {
            return Err(Error::invalid(format!("{} exists; a checkpoint makes its directory", path.display())));
        }
        require_parent(path)?;
        if self.directory.contains(path) {
            return Err(Error::invalid("a checkpoint inside its own store would go when the store is removed"));
        }
        // Under `Buffered` durability the end of the log may be in memory still.
        self.db.sync_log()?;
        self.db.copy_to(path)?;
        failpoint!("checkpoint::copied");
        store::finish_checkpoint(path, self.directory.layout)
    }
}

/// Refuses a path in a directory that does not exist. WHY not made: a mistyped path of a backup should be heard of, and
/// whether a path lies in the store cannot be told before its parent exists.
fn require_parent(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = |why| Error::io(format!("a checkpoint needs the directory {}", parent.display()), why);
    match fs::metadata(parent) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(refused(io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(refused(error)),
    }
}

/// Gives a copy that is opened for the first time ids of its own, in one synced commit. What is left out counts as
/// dead: whole segments as retired, as nothing was ever written under them.
pub(super) fn skip_ids(db: &Arc<Database>, picture: &mut Picture, now: Duration) -> Result<()> {
    let mut batch = Batch::new();
    let mut burials = Burials::default();
    for family in DataFamily::all() {
        let key = StoreKey::Lease(family).encode();
        let end = match db.get(Family::Default, &key, None)? {
            Some(value) => Lease::decode(&value)?.first_unleased(),
            None => Lease::NONE.first_unleased(),
        };
        let first_whole = end.div_ceil(SEGMENT_IDS);
        let next = (end + SKIPPED_IDS).div_ceil(SEGMENT_IDS);
        let lease = Lease::new(next * SEGMENT_IDS)
            .ok_or_else(|| Error::new(ErrorKind::Overflow, "a data family has no ids left for a copy"))?;
        batch.put(db, Family::Default, &key, &lease.encode());
        burials.add_range(family, end..first_whole * SEGMENT_IDS);
        let dead = picture.dead.family_mut(family);
        let mut retired = dead.retired().clone();
        retired.insert(first_whole..next);
        batch.put(db, Family::Default, &StoreKey::Retired(family).encode(), &retired.encode());
        dead.set_retired(retired);
    }
    merge_burials(db, picture, &burials, &mut batch);
    failpoint!("checkpoint::before_skip");
    db.commit(batch, true)?;
    for (segment, bits) in burials.iter() {
        picture.dead.family_mut(segment.family()).bury(segment.number(), bits, now);
    }
    Ok(())
}
