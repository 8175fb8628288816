//! What a session leaves to the next: how old the ids are, since when debt is owed, which rent was paid.
//!
//! May use all that the reclaimer may. Invariant: whatever is taken in, only figures and the time of rewriting depend on it: what
//! is dead, and what may be given back, is never told by it.

use super::{Memory, Reclaimer};
use crate::encoding::{DataFamily, FamilyHistory, HistoryFile};
use crate::error::Result;
use crate::gc::epoch::Epoch;
use crate::store::Family;

impl Reclaimer {
    /// Tells what the next session is to know. Waits for a pass under way.
    pub(crate) fn history(&self, epoch: Epoch) -> Vec<FamilyHistory> {
        let families = DataFamily::all().zip(&self.families);
        families
            .map(|(family, memory)| {
                let Memory { ages, owing, mixed, .. } = &*memory.lock();
                FamilyHistory {
                    births: ages.notes().map(|(next, at)| (next, epoch.time_of(at))).collect(),
                    owing: owing.oldest(HistoryFile::MAX_OWING).map(|(at, since)| (at, epoch.time_of(since))).collect(),
                    rents: mixed.rents(HistoryFile::MAX_RENTS),
                    ..FamilyHistory::new(family)
                }
            })
            .collect()
    }

    /// Takes in what an earlier session left, of what is still there. Before the first pass.
    ///
    /// WHY only of that: a family of which nothing is dead is not looked at, and would keep the rest for ever.
    pub(crate) fn restore(&self, history: &HistoryFile, epoch: Epoch) -> Result<()> {
        let (picture, files) = (self.watermark.picture(), self.db.live_files()?);
        for family in history.families() {
            let Some(memory) = self.families.get(family.family.index()) else { continue };
            let mut memory = memory.lock();
            // WHY: a file beside another store's data would speak of ids that are not born yet.
            let born = self.ids.next_counter(family.family);
            let births = family.births.iter().filter(|(next, _)| *next <= born);
            memory.ages.restore(births.map(|(next, time)| (*next, epoch.moment_of(*time))));
            let dead = picture.dead.family(family.family);
            let owing = family.owing.iter().filter(|(segment, _)| dead.has_buried(*segment));
            memory.owing.restore(owing.map(|(segment, since)| (*segment, epoch.moment_of(*since))));
            let of_family = files.iter().filter(|file| file.family == Family::Data(family.family));
            memory.mixed.restore_rents(&family.rents, of_family);
        }
        Ok(())
    }
}
