//! The figures of debt: what is dead and not given back, since when, and what is still held back.
//!
//! Uses the dead set, the planner's files and the estimates of the mixed ones. Invariant: figures only; nothing
//! here is acted upon.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::dead::{Burials, FamilyDead};
use super::looks::{approximate, share_of};
use super::mixed::MixedFiles;
use super::planner::{FamilyPlan, FileSpan, MixedFile};
use crate::encoding::DataFamily;

/// What a family's files hold that is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Debt {
    pub(super) ids: u64,
    pub(super) bytes: u64,
    /// Those of which it is known that they are there: by a look, or because they died since the file was first seen.
    pub(super) known_bytes: u64,
    /// Since when the oldest of it waits.
    pub(super) since: Option<Duration>,
    /// Bytes under ids that are buried, but not yet dead for everybody.
    pub(super) waiting_bytes: u64,
}

impl Debt {
    /// Adds another family's.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            ids: self.ids + other.ids,
            bytes: self.bytes + other.bytes,
            known_bytes: self.known_bytes + other.known_bytes,
            since: self.since.into_iter().chain(other.since).min(),
            waiting_bytes: self.waiting_bytes + other.waiting_bytes,
        }
    }

    /// Adds up what a plan found; `owing` remembers since when.
    pub(super) fn of(
        dead: &FamilyDead,
        plan: &FamilyPlan,
        mixed: &MixedFiles,
        owing: &mut Owing,
        now: Duration,
    ) -> Self {
        let whole = plan.drops.iter().flat_map(|drop| &drop.files).chain(&plan.stuck);
        let whole = whole.map(|file| (file, file.counters.end - file.counters.start, file.size_bytes, file.size_bytes));
        let partly = plan.mixed.iter().map(|file| {
            let (ids, bytes) = mixed.debt(file);
            (&file.file, ids, bytes, share_of(file.file.size_bytes, mixed.known_share(file)))
        });
        let mut debt = Self::default();
        let mut spans = Vec::new();
        for (file, ids, bytes, known_bytes) in whole.chain(partly).filter(|(_, ids, ..)| *ids > 0) {
            debt.ids += ids;
            debt.bytes += bytes;
            debt.known_bytes += known_bytes;
            spans.push(file.counters.clone());
        }
        debt.since = owing.look(dead, &spans, now);
        debt
    }
}

/// Since when each segment of one family has had dead data in a file, without a break.
#[derive(Debug, Default)]
pub(super) struct Owing {
    since: BTreeMap<u64, Duration>,
    last_look: Duration,
}

impl Owing {
    /// Takes note of the spans that hold dead data now; returns since when the oldest has.
    fn look(&mut self, dead: &FamilyDead, spans: &[Range<u64>], now: Duration) -> Option<Duration> {
        let before = std::mem::take(&mut self.since);
        for span in spans {
            for (segment, reclaimable_since) in dead.segments_in(span) {
                // A segment that owed nothing at the last look has owed since then at the earliest.
                let new = reclaimable_since.max(self.last_look);
                self.since.insert(segment, before.get(&segment).copied().unwrap_or(new));
            }
        }
        self.last_look = now;
        self.since.values().min().copied()
    }

    /// Lists so many segments that have owed for longest.
    pub(super) fn oldest(&self, count: usize) -> impl Iterator<Item = (u64, Duration)> {
        let mut since: Vec<(u64, Duration)> = self.since.iter().map(|(segment, since)| (*segment, *since)).collect();
        since.sort_by_key(|(_, since)| *since);
        since.into_iter().take(count)
    }

    /// Takes in which segments owed in an earlier session. Those that owe nothing at the first look are forgotten.
    pub(super) fn restore(&mut self, since: impl Iterator<Item = (u64, Duration)>) {
        self.since = since.collect();
    }
}

/// Estimates the bytes in a family's files under ids that are buried and wait for a pin or a sync, taking every id for
/// equally large.
pub(super) fn waiting_bytes(
    family: DataFamily,
    dead: &FamilyDead,
    waiting: &Burials,
    files: &[FileSpan],
    mixed: &MixedFiles,
) -> u64 {
    // WHY first: at nearly every pass nothing waits, and the picture of a large family is long.
    if !waiting.iter().any(|(segment, _)| segment.family() == family) {
        return 0;
    }
    let mut either = FamilyDead::clone(dead);
    for (segment, bits) in waiting.iter().filter(|(segment, _)| segment.family() == family) {
        either.bury(segment.number(), bits, Duration::ZERO);
    }
    let share = |file: &FileSpan| {
        let waiting = either.buried_in(&file.counters) - dead.buried_in(&file.counters);
        let file = MixedFile::of(dead, file);
        let of_the_living = approximate(waiting) / approximate(file.living_ids.max(1));
        share_of(file.file.size_bytes, (1.0 - mixed.dead_share(&file)) * of_the_living.min(1.0))
    };
    files.iter().map(share).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family() -> DataFamily {
        DataFamily::new(1).unwrap()
    }

    fn buried(counters: Range<u64>) -> Burials {
        let mut burials = Burials::default();
        burials.add_range(family(), counters);
        burials
    }

    fn dead(counters: Range<u64>, since: u64) -> FamilyDead {
        let mut dead = FamilyDead::default();
        for (segment, bits) in buried(counters).iter() {
            dead.bury(segment.number(), bits, Duration::from_secs(since));
        }
        dead
    }

    #[test]
    fn a_segment_owes_since_the_last_look_at_which_it_owed_nothing() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let dead = dead(10..20, 5);
        let mut owing = Owing::default();
        let mut look = |span: Option<Range<u64>>, now| owing.look(&dead, span.as_slice(), Duration::from_secs(now));
        assert_eq!(look(Some(10..20), 7), seconds(5), "since it became reclaimable");
        assert_eq!(look(Some(10..20), 9), seconds(5));
        assert_eq!(look(None, 11), None);
        assert_eq!(look(None, 100), None);
        assert_eq!(look(Some(10..20), 102), seconds(100));
        assert_eq!(look(Some(10..20), 200), seconds(100));
    }

    #[test]
    fn what_owed_in_an_earlier_session_owes_since_then_if_it_still_does() {
        let seconds = Duration::from_secs;
        let mut owing = Owing::default();
        let (mine, paid) = (0, 7);
        owing.restore([(mine, seconds(40)), (paid, seconds(30))].into_iter());
        assert_eq!(owing.oldest(1).collect::<Vec<_>>(), [(paid, seconds(30))]);
        assert_eq!(owing.look(&dead(10..20, 100), Some(10..20).as_slice(), seconds(101)), Some(seconds(40)));
        assert_eq!(owing.oldest(9).collect::<Vec<_>>(), [(mine, seconds(40))]);
    }

    #[test]
    fn what_nobody_has_seen_is_no_known_debt() {
        let file =
            |level, counters: Range<u64>| FileSpan { name: format!("{counters:?}"), level, size_bytes: 1000, counters };
        let dead = dead(10..25, 0);
        let plan = crate::gc::planner::plan(&dead, &[file(6, 10..20), file(6, 20..30), file(0, 11..12)]);
        let debt = Debt::of(&dead, &plan, &MixedFiles::default(), &mut Owing::default(), Duration::ZERO);
        assert_eq!((debt.bytes, debt.known_bytes), (2500, 2000));
    }

    #[test]
    fn what_waits_is_weighed_by_its_share_of_the_ids_and_not_what_is_dead_already() {
        let file = |counters: Range<u64>| FileSpan { name: String::new(), level: 6, size_bytes: 1000, counters };
        let files = [file(10..20), file(20..30), file(30..40)];
        let bytes = waiting_bytes(family(), &dead(10..15, 0), &buried(10..25), &files, &MixedFiles::default());
        assert_eq!(bytes, 500 + 500);
        let other = DataFamily::new(2).unwrap();
        assert_eq!(waiting_bytes(other, &FamilyDead::default(), &buried(10..25), &files, &MixedFiles::default()), 0);
    }
}
