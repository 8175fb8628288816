//! The order in which collections are written, piece by piece.
//!
//! Uses the workload. Invariant: all steps together write each member of each collection once, and the first step of a
//! collection comes before its others.

use std::ops::Range;

use super::{ROUNDS, Scenario, WINDOWS, Workload};

/// Members that one call adds to the collection of `giant`.
const CHUNK: u32 = 1_000;
/// A prime above every number of elements, so that its multiples pass all of them, and neighbours do not come one after the other.
const STRIDE: u64 = 4_294_967_291;

/// One call that writes: so many of a collection's members, counted in the order in which they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) index: u64,
    places: Range<u32>,
}

impl Step {
    pub(crate) fn is_birth(&self) -> bool {
        self.places.start == 0
    }
}

impl Workload {
    /// All calls that load, in their order.
    pub(crate) fn steps(&self) -> Box<dyn Iterator<Item = Step> + '_> {
        match self.scenario {
            Scenario::Growing => Box::new(self.sliding_steps()),
            Scenario::Giant => Box::new(self.giant_steps()),
            _ => Box::new(self.all().map(|index| self.whole(index))),
        }
    }

    /// The members that a step writes.
    pub(crate) fn members_of(&self, step: &Step) -> impl Iterator<Item = Vec<u8>> {
        let (index, count) = (step.index, u64::from(self.elements_of(step.index)));
        let is_scattered = self.is_giant(index);
        step.places.clone().map(move |place| {
            let element = if is_scattered { u64::from(place) * STRIDE % count } else { u64::from(place) };
            self.member(index, u32::try_from(element).expect("below the number of elements"))
        })
    }

    fn whole(&self, index: u64) -> Step {
        Step { index, places: 0..self.elements_of(index) }
    }

    /// A window begins in each slot of time, and its growing collections are added to in that slot and the next ones, so
    /// that several windows are open at once. Its closed ones are spread over the same slots.
    fn sliding_steps(&self) -> impl Iterator<Item = Step> {
        let slots = WINDOWS + u64::from(ROUNDS) - 1;
        slots_of_rounds(slots).flat_map(move |(window, round)| {
            let members = self.all().filter(move |index| self.window(*index) == window);
            members.filter_map(move |index| match self.is_growing(index) {
                true => Some(Step { index, places: round * self.elements..(round + 1) * self.elements }),
                false => (index / 2 % u64::from(ROUNDS) == u64::from(round)).then(|| self.whole(index)),
            })
        })
    }

    /// The one collection's members without any order, and the small collections evenly in between.
    fn giant_steps(&self) -> impl Iterator<Item = Step> {
        let (giant, count) = (self.first, self.elements_of(self.first));
        let chunks = u64::from(count.div_ceil(CHUNK));
        let small = self.collections - 1;
        (0..count).step_by(CHUNK as usize).enumerate().flat_map(move |(chunk, start)| {
            let places = start..count.min(start.saturating_add(CHUNK));
            let beside = |chunk: u64| self.first + 1 + small * chunk / chunks;
            let chunk = chunk as u64;
            let between = (beside(chunk)..beside(chunk + 1)).map(|index| self.whole(index));
            std::iter::once(Step { index: giant, places }).chain(between)
        })
    }
}

/// Which windows are open in each slot, oldest first, and in which of their rounds they are.
fn slots_of_rounds(slots: u64) -> impl Iterator<Item = (u64, u32)> {
    (0..slots).flat_map(|slot| {
        (0..WINDOWS).filter_map(move |window| {
            let round = u32::try_from(slot.checked_sub(window)?).ok()?;
            (round < ROUNDS).then_some((window, round))
        })
    })
}
