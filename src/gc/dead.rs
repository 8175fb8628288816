//! The dead set: which ids are buried, as an immutable picture that filters and planners share.
//!
//! Uses `encoding`. Invariant: an id in the published picture is dead for every operation in flight or to
//! come, and its burial is on stable storage (design, section 4.3).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::places::Places;
use crate::encoding::{CollectionId, DataFamily, SEGMENT_IDS, Segment, SegmentBits, SegmentSet};

/// No id has counter 0, so segment 0 begins here.
pub(super) const FIRST_COUNTER: u64 = 1;

/// The counters of a span of segments.
fn counters_of(segments: &Range<u64>) -> Range<u64> {
    (segments.start * SEGMENT_IDS).max(FIRST_COUNTER)..segments.end * SEGMENT_IDS
}

/// The buried ids of one segment.
#[derive(Clone, Debug)]
struct Buried {
    segment: u64,
    places: Places,
    /// When the first of them became reclaimable, on the monotonic clock. WHY not a `Duration`: one of these stands for
    /// every segment with a dead id, and that would make it longer by a fifth.
    since_millis: u64,
}

impl Buried {
    fn since(&self) -> Duration {
        Duration::from_millis(self.since_millis)
    }
}

/// The dead ids of one data family.
///
/// A copy of it copies 40 bytes for each segment that has dead ids; their places are shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct FamilyDead {
    /// In the order of their numbers. WHY a list: in a tree they would take twice as much.
    segments: Vec<Buried>,
    retired: SegmentSet,
    buried_ids: u64,
    /// Like `buried_ids`, but never falls: tells whether anything was buried since.
    ever_buried: u64,
}

impl FamilyDead {
    /// Tells whether the id with this counter is dead.
    pub(crate) fn contains(&self, id: CollectionId) -> bool {
        let segment = id.segment().number();
        match self.find(segment) {
            Some(buried) if buried.places.contains(id.low()) => true,
            _ => self.retired.contains(segment),
        }
    }

    fn find(&self, segment: u64) -> Option<&Buried> {
        let at = self.segments.binary_search_by_key(&segment, |buried| buried.segment).ok()?;
        self.segments.get(at)
    }

    /// Tells whether a segment has buried ids and is not retired.
    pub(super) fn has_buried(&self, segment: u64) -> bool {
        self.find(segment).is_some()
    }

    /// Lists the segments with buried ids that overlap `counters`.
    fn overlapping(&self, counters: &Range<u64>) -> impl Iterator<Item = &Buried> {
        let (first, end) = (counters.start / SEGMENT_IDS, counters.end.div_ceil(SEGMENT_IDS));
        let from = self.segments.partition_point(|buried| buried.segment < first);
        self.segments.iter().skip(from).take_while(move |buried| buried.segment < end)
    }

    /// Unites `bits` with what is known of a segment.
    pub(crate) fn bury(&mut self, segment: u64, bits: &SegmentBits, now: Duration) {
        self.bury_places(segment, &Places::of(bits), now);
    }

    /// Unites places that were packed with what is known of a segment.
    fn bury_places(&mut self, segment: u64, places: &Places, now: Duration) {
        if places.len() == 0 || self.retired.contains(segment) {
            return;
        }
        let new = match self.segments.binary_search_by_key(&segment, |buried| buried.segment) {
            Ok(at) => self.segments.get_mut(at).map_or(0, |buried| {
                let before = buried.places.len();
                buried.places = buried.places.united(places);
                buried.places.len() - before
            }),
            Err(at) => {
                let since_millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
                self.segments.insert(at, Buried { segment, places: places.clone(), since_millis });
                places.len()
            }
        };
        self.buried_ids += u64::from(new);
        self.ever_buried += u64::from(new);
    }

    /// Moves a wholly dead, proven-empty segment into the interval set.
    pub(crate) fn retire(&mut self, segment: u64) {
        if let Ok(at) = self.segments.binary_search_by_key(&segment, |buried| buried.segment) {
            self.buried_ids -= u64::from(self.segments.remove(at).places.len());
        }
        self.retired.insert(segment..segment + 1);
    }

    /// Takes over the interval set as it was stored.
    pub(crate) fn set_retired(&mut self, retired: SegmentSet) {
        self.retired = retired;
    }

    /// Returns the interval set of retired segments.
    pub(crate) fn retired(&self) -> &SegmentSet {
        &self.retired
    }

    /// Returns the number of buried ids in segments that are not retired.
    pub(crate) fn buried_ids(&self) -> u64 {
        self.buried_ids
    }

    /// Returns the number of ids buried since open, retired or not.
    pub(crate) fn ever_buried(&self) -> u64 {
        self.ever_buried
    }

    /// Tells whether there is nothing to reclaim.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Lists the segments that are wholly dead and not yet retired; `family` is this one's own name.
    pub(crate) fn full_segments(&self, family: DataFamily) -> impl Iterator<Item = Segment> {
        self.segments.iter().filter_map(move |buried| {
            let segment = Segment::new(family, buried.segment)?;
            let lows = segment.lows();
            let all = u64::from(*lows.end() - *lows.start()) + 1;
            // WHY first: counting within bounds walks over the bitmap.
            (u64::from(buried.places.len()) >= all && buried.places.count_in(&lows) == all).then_some(segment)
        })
    }

    /// Lists the segments with buried ids that overlap `counters`, and since when each has had a reclaimable one.
    pub(crate) fn segments_in(&self, counters: &Range<u64>) -> impl Iterator<Item = (u64, Duration)> {
        self.overlapping(counters).map(|buried| (buried.segment, buried.since()))
    }

    /// Counts the buried ids among `counters` in segments that are not retired.
    pub(crate) fn buried_in(&self, counters: &Range<u64>) -> u64 {
        self.overlapping(counters)
            .map(|buried| {
                let base = buried.segment * SEGMENT_IDS;
                let first = counters.start.saturating_sub(base);
                let last = counters.end.min(base + SEGMENT_IDS) - 1 - base;
                buried.places.count_in(&(low(first)..=low(last)))
            })
            .sum()
    }

    /// Counts the ids among `counters` of retired segments, which hold nothing.
    pub(crate) fn retired_in(&self, counters: &Range<u64>) -> u64 {
        let segments = counters.start / SEGMENT_IDS..counters.end.div_ceil(SEGMENT_IDS);
        self.retired
            .overlapping(segments)
            .map(|span| counters_of(&span))
            .map(|span| counters.end.min(span.end).saturating_sub(counters.start.max(span.start)))
            .sum()
    }

    /// Tells whether every id in `counters` is dead.
    pub(crate) fn all_dead_in(&self, counters: &Range<u64>) -> bool {
        let dead = self.buried_in(counters) + self.retired_in(counters);
        counters.is_empty() || dead == counters.end - counters.start
    }

    /// Tells whether all of `bits` are dead in a segment already.
    pub(crate) fn knows(&self, segment: u64, bits: &SegmentBits) -> bool {
        self.retired.contains(segment)
            || self.find(segment).is_some_and(|buried| buried.places.has_all_of(&Places::of(bits)))
    }

    /// Lists the maximal runs of buried ids in `counters` that may hold something, in order: retired segments hold nothing
    /// and end a run. `None` if there are more than `most`.
    pub(crate) fn runs_in(&self, counters: &Range<u64>, most: usize) -> Option<Vec<Range<u64>>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for buried in self.overlapping(counters) {
            let base = buried.segment * SEGMENT_IDS;
            for bits in buried.places.runs() {
                let (start, end) = (base + u64::from(*bits.start()), base + u64::from(*bits.end()) + 1);
                let run = start.max(counters.start)..end.min(counters.end);
                match runs.last_mut() {
                    _ if run.is_empty() => {}
                    Some(last) if last.end == run.start => last.end = run.end,
                    _ => runs.push(run),
                }
                if runs.len() > most {
                    return None;
                }
            }
        }
        Some(runs)
    }
}

/// Narrows a place within a segment.
fn low(place: u64) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

/// The dead ids of all families. Cloning copies a handful of pointers.
#[derive(Clone, Debug)]
pub(crate) struct DeadSet {
    families: [Arc<FamilyDead>; DataFamily::COUNT],
}

impl Default for DeadSet {
    fn default() -> Self {
        Self { families: std::array::from_fn(|_| Arc::default()) }
    }
}

impl DeadSet {
    /// Returns the dead ids of one family.
    pub(crate) fn family(&self, family: DataFamily) -> &Arc<FamilyDead> {
        #[expect(clippy::indexing_slicing, reason = "a DataFamily's number is below COUNT")]
        &self.families[usize::from(family.number())]
    }

    /// Gives access to one family's dead ids, copying them first if a filter still looks at them.
    pub(crate) fn family_mut(&mut self, family: DataFamily) -> &mut FamilyDead {
        #[expect(clippy::indexing_slicing, reason = "a DataFamily's number is below COUNT")]
        Arc::make_mut(&mut self.families[usize::from(family.number())])
    }

    /// Adds burials that were packed.
    pub(super) fn bury(&mut self, burials: &Packed, now: Duration) {
        for (segment, places) in &burials.segments {
            self.family_mut(segment.family()).bury_places(segment.number(), places, now);
        }
    }

    /// Gives back the room that lists have grown by. For when a new picture is complete.
    pub(crate) fn shrink(&mut self) {
        // A family that is shared was not changed.
        self.families.iter_mut().filter_map(Arc::get_mut).for_each(|family| family.segments.shrink_to_fit());
    }

    /// Returns the number of buried ids in segments that are not retired.
    pub(crate) fn buried_ids(&self) -> u64 {
        self.families.iter().map(|family| family.buried_ids()).sum()
    }
}

/// Ids on their way into the dead set, grouped by segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Burials {
    segments: BTreeMap<Segment, SegmentBits>,
}

impl Burials {
    /// Adds one id.
    pub(crate) fn add(&mut self, id: CollectionId) {
        self.segments.entry(id.segment()).or_default().insert(id.low());
    }

    /// Adds all ids of `family` with counters in `counters`.
    pub(crate) fn add_range(&mut self, family: DataFamily, counters: Range<u64>) {
        let mut start = counters.start;
        while start < counters.end {
            let end = (start / SEGMENT_IDS + 1) * SEGMENT_IDS;
            let last = end.min(counters.end) - 1;
            if let Some(segment) = Segment::new(family, start / SEGMENT_IDS) {
                let lows = low(start % SEGMENT_IDS)..=low(last % SEGMENT_IDS);
                self.segments.entry(segment).or_default().insert_range(lows);
            }
            start = end;
        }
    }

    /// Adds everything in `other`.
    pub(crate) fn absorb(&mut self, other: Self) {
        for (segment, bits) in other.segments {
            self.segments.entry(segment).or_default().union_with(&bits);
        }
    }

    /// Keeps only the segments that `wanted` names.
    pub(crate) fn keep_only(&mut self, wanted: impl Fn(&Segment, &SegmentBits) -> bool) {
        self.segments.retain(|segment, bits| wanted(segment, bits));
    }

    /// Lists the segments with their bits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Segment, &SegmentBits)> {
        self.segments.iter()
    }

    /// Counts the ids.
    pub(crate) fn len(&self) -> u64 {
        self.segments.values().map(|bits| u64::from(bits.len())).sum()
    }

    /// Tells whether there is nothing to bury.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

/// Burials that wait, and change no more.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// In the order of the segments.
    segments: Vec<(Segment, Places)>,
}

impl Packed {
    /// Packs burials.
    pub(super) fn of(burials: &Burials) -> Self {
        Self { segments: burials.iter().map(|(segment, bits)| (*segment, Places::of(bits))).collect() }
    }

    /// Unites burials that wait for the same.
    pub(super) fn united(self, other: Self) -> Self {
        let mut segments: BTreeMap<Segment, Places> = self.segments.into_iter().collect();
        for (segment, places) in other.segments {
            let both = segments.get(&segment).map(|known| known.united(&places));
            segments.insert(segment, both.unwrap_or(places));
        }
        Self { segments: segments.into_iter().collect() }
    }

    /// Counts the ids.
    pub(super) fn len(&self) -> u64 {
        self.segments.iter().map(|(_, places)| u64::from(places.len())).sum()
    }

    /// Adds these to burials that are gathered.
    pub(super) fn add_to(&self, burials: &mut Burials) {
        for (segment, places) in &self.segments {
            burials.segments.entry(*segment).or_default().union_with(&places.to_bits());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(number: u8) -> DataFamily {
        DataFamily::new(number).unwrap()
    }

    fn dead_ranges(ranges: &[Range<u64>]) -> FamilyDead {
        let mut burials = Burials::default();
        for range in ranges {
            burials.add_range(family(1), range.clone());
        }
        let mut dead = FamilyDead::default();
        for (segment, bits) in burials.iter() {
            dead.bury(segment.number(), bits, Duration::ZERO);
        }
        dead
    }

    #[test]
    fn runs_coalesce_across_segments_and_leave_retired_ones_out() {
        let everything = 0..u64::MAX;
        let mut dead = dead_ranges(&[10..20, 30..SEGMENT_IDS * 2 + 5]);
        let runs = vec![10..20, 30..SEGMENT_IDS * 2 + 5];
        assert_eq!(dead.runs_in(&everything, 2), Some(runs.clone()));
        assert_eq!(dead.runs_in(&everything, 1), None);
        assert_eq!(dead.runs_in(&(15..40), 2), Some(vec![15..20, 30..40]));
        let lasting = dead_ranges(&[5..SEGMENT_IDS, SEGMENT_IDS..SEGMENT_IDS * 9]);
        assert_eq!(lasting.runs_in(&everything, 1).map(|runs| runs.len()), Some(1), "one run over nine segments");
        dead.retire(1);
        let rest = vec![10..20, 30..SEGMENT_IDS, SEGMENT_IDS * 2..SEGMENT_IDS * 2 + 5];
        assert_eq!(dead.runs_in(&everything, 3), Some(rest), "a retired segment holds nothing");
        assert_eq!(dead.full_segments(family(1)).count(), 0);
        assert!(dead.all_dead_in(&(30..SEGMENT_IDS * 2)) && !dead.all_dead_in(&(29..31)));
    }

    #[test]
    fn dead_ids_are_counted_inside_a_span_only() {
        let mut dead = dead_ranges(&[10..20, SEGMENT_IDS..SEGMENT_IDS * 2]);
        assert_eq!(dead.buried_in(&(0..15)), 5);
        assert_eq!(dead.buried_in(&(15..SEGMENT_IDS + 1)), 6);
        assert_eq!(dead.buried_in(&(15..SEGMENT_IDS)), 5);
        dead.retire(1);
        assert_eq!(dead.buried_in(&(15..SEGMENT_IDS + 1)), 5);
        assert_eq!(dead.retired_in(&(15..SEGMENT_IDS + 1)), 1);
        dead.retire(2);
        dead.retire(9);
        for (counters, retired) in
            [(0..9, 0), (SEGMENT_IDS * 2 - 1..SEGMENT_IDS * 2 + 3, 4), (SEGMENT_IDS * 3..u64::MAX, SEGMENT_IDS)]
        {
            assert_eq!(dead.retired_in(&counters), retired, "{counters:?}");
        }
    }

    #[test]
    fn burying_twice_counts_once_and_a_retired_segment_stays_dead() {
        let mut dead = dead_ranges(&[10..20, 12..14]);
        assert_eq!(dead.buried_ids(), 10);
        dead.retire(0);
        assert!(dead.contains(CollectionId::new(family(1), 5).unwrap()));
        assert_eq!(dead.buried_ids(), 0);
        assert!(dead.all_dead_in(&(1..SEGMENT_IDS)));
        assert_eq!(dead.retired_in(&(0..SEGMENT_IDS)), SEGMENT_IDS - 1, "no id has counter 0");
    }
}
