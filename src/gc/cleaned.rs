//! Which spans of ids the reclaimer's compactions have already rid of their dead, and of which dead.
//!
//! May use the dead set. Invariant: a span's picture is one that a compaction through all levels worked with;
//! what died later is still there. RocksDB's own compactions are not noted: they may leave the lowest level out.
//! Kept in memory only: after a restart everything counts as not cleaned.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::dead::FamilyDead;

/// The cleaned spans of one family: disjoint, each with the dead that were left out.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    spans: BTreeMap<u64, (u64, Arc<FamilyDead>)>,
}

impl Cleaned {
    /// Notes that a compaction went through `counters` with this picture; it replaces what was noted there.
    pub(crate) fn note(&mut self, counters: &Range<u64>, picture: &Arc<FamilyDead>) {
        if counters.is_empty() {
            return;
        }
        let touched: Vec<u64> = self
            .spans
            .range(..counters.end)
            .filter(|(_, (end, _))| *end > counters.start)
            .map(|(start, _)| *start)
            .collect();
        for start in touched {
            let Some((end, older)) = self.spans.remove(&start) else {
                continue;
            };
            if start < counters.start {
                self.spans.insert(start, (counters.start, Arc::clone(&older)));
            }
            if end > counters.end {
                self.spans.insert(counters.end, (end, older));
            }
        }
        self.spans.insert(counters.start, (counters.end, Arc::clone(picture)));
    }

    /// Counts the ids in `counters` that were dead when their place was cleaned.
    pub(crate) fn gone(&self, counters: &Range<u64>) -> u64 {
        self.spans
            .range(..counters.end)
            .filter(|(_, (end, _))| *end > counters.start)
            .map(|(start, (end, picture))| picture.dead_in(&(counters.start.max(*start)..counters.end.min(*end))))
            .sum()
    }

    /// Forgets the spans that no file needs any more.
    pub(crate) fn keep_only(&mut self, needed: impl Fn(&Range<u64>) -> bool) {
        self.spans.retain(|start, (end, _)| needed(&(*start..*end)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::encoding::DataFamily;
    use crate::gc::Burials;

    fn dead<const N: usize>(ranges: [Range<u64>; N]) -> Arc<FamilyDead> {
        let family = DataFamily::new(1).unwrap();
        let mut burials = Burials::default();
        for range in ranges {
            burials.add_range(family, range);
        }
        let mut dead = FamilyDead::default();
        for (segment, bits) in burials.iter() {
            dead.bury(segment.number(), bits, Duration::ZERO);
        }
        Arc::new(dead)
    }

    #[test]
    fn a_later_cleaning_replaces_an_earlier_one_where_they_overlap() {
        let mut cleaned = Cleaned::default();
        let (few, many) = (dead([10..20, 90..95]), dead([10..60, 90..95]));
        cleaned.note(&(0..100), &few);
        assert_eq!(cleaned.gone(&(0..100)), 15);
        cleaned.note(&(30..50), &many);
        assert_eq!(cleaned.gone(&(0..100)), 10 + 20 + 5);
        assert_eq!(cleaned.gone(&(40..92)), 10 + 2);
    }

    #[test]
    fn nothing_is_gone_where_nothing_was_cleaned() {
        let mut cleaned = Cleaned::default();
        cleaned.note(&(0..100), &dead([10..20, 30..40]));
        assert_eq!(cleaned.gone(&(100..200)), 0);
        cleaned.keep_only(|span| span.start >= 100);
        assert_eq!(cleaned.gone(&(0..100)), 0);
    }
}
