//! From buried to reclaimable: what is dead for everything pinned, and durably so.
//!
//! May use `store`, `encoding` and the pins. Invariant (design, rules 4 and 5): an id enters the published
//! picture only after the log was synced past its burial and every pin older than the burial was released.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::dead::{Burials, DeadSet, Packed};
use super::emptied::Emptied;
use super::merge_burials;
use super::pins::Pins;
use crate::clock::StoreTime;
use crate::encoding::UnixMillis;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::store::{Batch, Database};

/// What filters and planners may treat as dead.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    /// Dead ids.
    pub(crate) dead: DeadSet,
    /// Everything in the expire family up to here is reaped, durably.
    pub(crate) reaped_through: UnixMillis,
    /// A meta record that expired at or before this is expired for everything pinned, too.
    pub(crate) meta_dead_through: UnixMillis,
}

/// The place where the current picture is found, by whoever needs it.
#[derive(Debug, Default)]
pub(crate) struct Published {
    current: RwLock<Arc<Picture>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Published {
    /// Returns the current picture.
    pub(crate) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.current.read())
    }

    /// Builds the next picture beside the current one, so that filters and commits wait for a swap only.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Picture)) {
        let _one = self.changing.lock();
        let mut next = Picture::clone(&self.picture());
        change(&mut next);
        *self.current.write() = Arc::new(next);
    }
}

/// Commits whose burials wait to be published.
#[derive(Debug, Default)]
struct Committed {
    burials: Burials,
    reaped_through: UnixMillis,
}

struct Waiting {
    /// All pins of older eras must be gone.
    era: u64,
    burials: Packed,
}

/// Carries burials from their commit to the published picture.
pub(crate) struct Watermark {
    pins: Arc<Pins>,
    time: Arc<StoreTime>,
    committed: Mutex<Committed>,
    waiting: Mutex<VecDeque<Waiting>>,
    /// Held while burials are in nobody's list, between being taken and waiting.
    advancing: Mutex<()>,
    published: Arc<Published>,
    /// Keyspaces that are gone.
    pub(crate) emptied: Emptied,
}

impl Watermark {
    /// Starts with what the store had buried when it was opened: nothing is pinned then, and recovery has made it durable.
    pub(crate) fn new(pins: Arc<Pins>, time: Arc<StoreTime>, published: Arc<Published>, picture: Picture) -> Self {
        let committed = Committed { burials: Burials::default(), reaped_through: picture.reaped_through };
        published.update(|current| *current = picture);
        Self {
            pins,
            time,
            committed: Mutex::new(committed),
            waiting: Mutex::default(),
            advancing: Mutex::default(),
            published,
            emptied: Emptied::default(),
        }
    }

    /// Commits burials, with what else is in the batch, and takes note of them. Without anything to write it costs nothing, unless it
    /// is to be synced.
    pub(crate) fn bury(&self, db: &Database, burials: Burials, mut batch: Batch, sync: bool) -> Result<()> {
        merge_burials(db, &self.picture(), &burials, &mut batch);
        if batch.is_empty() && !sync {
            return Ok(());
        }
        db.commit(batch, sync)?;
        self.committed(burials);
        Ok(())
    }

    /// Takes note of burials after their commit.
    pub(crate) fn committed(&self, burials: Burials) {
        if !burials.is_empty() {
            self.committed.lock().burials.absorb(burials);
        }
    }

    /// Takes note of the reaper's position and burials after their commit.
    pub(crate) fn reaped(&self, burials: Burials, through: UnixMillis) {
        let mut committed = self.committed.lock();
        committed.burials.absorb(burials);
        committed.reaped_through = committed.reaped_through.max(through);
    }

    /// Returns the current picture.
    pub(crate) fn picture(&self) -> Arc<Picture> {
        self.published.picture()
    }

    /// Changes the picture; used by whoever proves a segment empty.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Picture)) {
        self.published.update(change);
    }

    /// Makes what was committed durable and publishes what has become dead for everybody.
    /// Returns whether the picture changed.
    ///
    /// ORDER: take the commits, open an era, sync the log. A pin of the new era began after the commits, and
    /// the sync covers them.
    pub(crate) fn advance(&self, db: &Database) -> Result<bool> {
        let _one = self.advancing.lock();
        let (burials, reaped_through) = {
            let mut committed = self.committed.lock();
            (std::mem::take(&mut committed.burials), committed.reaped_through)
        };
        let current = self.picture();
        if !burials.is_empty() || reaped_through > current.reaped_through {
            let era = self.pins.open_era();
            failpoint!("watermark::before_sync");
            if let Err(error) = db.sync_log() {
                self.committed(burials);
                return Err(error);
            }
            failpoint!("watermark::after_sync");
            if !burials.is_empty() {
                let burials = Packed::of(&burials);
                self.waiting.lock().push_back(Waiting { era, burials });
            }
        }
        self.unite_waiting();
        Ok(self.publish(&current, reaped_through))
    }

    fn publish(&self, current: &Picture, reaped_through: UnixMillis) -> bool {
        let ready = self.take_ready();
        // WHY: a pin sees a record that expires after its sample; only what is older than every sample is gone.
        let meta_dead_through = reaped_through.min(self.pins.oldest_sample()).max(current.meta_dead_through);
        let changed = !ready.is_empty()
            || reaped_through > current.reaped_through
            || meta_dead_through > current.meta_dead_through;
        if changed {
            let now = self.time.monotonic();
            self.update(|picture| {
                picture.reaped_through = picture.reaped_through.max(reaped_through);
                picture.meta_dead_through = picture.meta_dead_through.max(meta_dead_through);
                ready.iter().for_each(|burials| picture.dead.bury(burials, now));
                picture.dead.shrink();
            });
        }
        changed
    }

    fn take_ready(&self) -> Vec<Packed> {
        let oldest = self.pins.oldest_era();
        let mut waiting = self.waiting.lock();
        let ready = waiting.iter().take_while(|front| front.era <= oldest).count();
        waiting.drain(..ready).map(|front| front.burials).collect()
    }

    /// Unites burials between whose eras nothing is pinned: they become reclaimable at the same moment. So behind a view that
    /// is open for hours, what waits takes as much memory as if it had been buried at once.
    ///
    /// ORDER: the pins are looked at after the eras were opened, and nobody else opens one meanwhile. A pin that is not seen
    /// is of a later era than all of them.
    fn unite_waiting(&self) {
        if self.waiting.lock().len() < 2 {
            return;
        }
        let pinned = self.pins.eras();
        let mut waiting = self.waiting.lock();
        let apart = |older: u64, younger: u64| pinned.range(older..younger).next().is_some();
        let mut united: VecDeque<Waiting> = VecDeque::new();
        for next in waiting.drain(..) {
            match united.pop_back() {
                Some(last) if apart(last.era, next.era) => united.extend([last, next]),
                Some(last) => united.push_back(Waiting { era: next.era, burials: last.burials.united(next.burials) }),
                None => united.push_back(next),
            }
        }
        *waiting = united;
    }

    /// Tells whether burials wait for a sync or for pins.
    pub(crate) fn has_waiting(&self) -> bool {
        let _still = self.advancing.lock();
        !self.waiting.lock().is_empty() || !self.committed.lock().burials.is_empty()
    }

    /// Copies the burials that are not yet reclaimable, for figures. What is being synced at this moment is left out.
    pub(crate) fn waiting(&self) -> Burials {
        let mut all = self.committed.lock().burials.clone();
        for waiting in self.waiting.lock().iter() {
            waiting.burials.add_to(&mut all);
        }
        all
    }

    /// Returns the era for which the youngest of what waits is waiting: every older pin holds it back. What was not taken
    /// yet will wait for an era that is still to open, so every pin does.
    pub(crate) fn awaited_era(&self) -> Option<u64> {
        if !self.committed.lock().burials.is_empty() {
            return Some(u64::MAX);
        }
        self.waiting.lock().back().map(|youngest| youngest.era)
    }

    /// Counts the ids that are buried and not yet reclaimable.
    pub(crate) fn waiting_ids(&self) -> u64 {
        let waiting: u64 = self.waiting.lock().iter().map(|waiting| waiting.burials.len()).sum();
        waiting + self.committed.lock().burials.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::encoding::{CollectionId, DataFamily};
    use crate::gc::PinKind;

    #[test]
    fn what_waits_is_united_up_to_the_next_pin_and_not_past_it() {
        let clock = Arc::new(ManualClock::starting_at(UnixMillis::new(1_000)));
        let time = Arc::new(StoreTime::new(clock, UnixMillis::ZERO, std::time::Duration::from_secs(3600)));
        let pins = Arc::new(Pins::new(Arc::clone(&time)));
        let watermark = Watermark::new(Arc::clone(&pins), time, Arc::default(), Picture::default());
        let mut counter = 0;
        let mut wait = || {
            counter += 1;
            let mut burials = Burials::default();
            burials.add(CollectionId::new(DataFamily::new(1).unwrap(), counter).unwrap());
            let era = pins.open_era();
            watermark.waiting.lock().push_back(Waiting { era, burials: Packed::of(&burials) });
            watermark.unite_waiting();
            watermark.waiting.lock().len()
        };
        let view = pins.pin(PinKind::View);
        assert_eq!((wait(), wait()), (1, 1), "nothing was pinned in between");
        let younger = pins.pin(PinKind::View);
        assert_eq!((wait(), wait()), (2, 2));
        let ready = || watermark.take_ready().iter().map(Packed::len).sum::<u64>();
        assert_eq!((watermark.waiting_ids(), ready()), (4, 0));
        drop(view);
        assert_eq!(ready(), 2, "the younger view may still read the other two");
        drop(younger);
        assert_eq!((ready(), watermark.waiting_ids()), (2, 0));
    }
}
