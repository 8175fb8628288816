//! Sets of random members that cannot be compressed.
//!
//! Uses `fastrand`. Invariant: a member depends on the seed, its collection's number and its own, on nothing else.

use std::ops::Range;

use super::text::{bytes, count, wide};
use super::workload::{Members, Workload};

/// Collections made of random bytes.
#[derive(Debug)]
pub(crate) struct Generated {
    windows: u32,
    collections: usize,
    elements: u32,
    value_bytes: usize,
    seed: u64,
}

impl Generated {
    pub(crate) fn new(windows: u32, collections: usize, elements: u32, value_bytes: usize, seed: u64) -> Self {
        Self { windows, collections, elements, value_bytes, seed }
    }

    /// Makes a member: its number, then random bytes. WHY: the number makes members differ and sorts them.
    fn member(&self, index: usize, element: u32) -> Vec<u8> {
        let mut member = vec![0; self.value_bytes];
        let state = mixed(mixed(mixed(self.seed) ^ wide(index)) ^ u64::from(element));
        fastrand::Rng::with_seed(state).fill(&mut member);
        if let Some(number) = member.first_chunk_mut::<4>() {
            *number = element.to_be_bytes();
        }
        member
    }
}

impl Workload for Generated {
    fn window(&self, window: u32) -> Range<usize> {
        let start = usize::try_from(window).unwrap_or(usize::MAX).saturating_mul(self.collections);
        start..start.saturating_add(self.collections)
    }

    fn collections(&self) -> usize {
        self.window(self.windows).start
    }

    fn key(&self, index: usize) -> Vec<u8> {
        let (window, collection) = (index / self.collections.max(1), index % self.collections.max(1));
        format!("window:{window}:{collection}").into_bytes()
    }

    fn members(&self, index: usize) -> std::io::Result<Members<'_>> {
        Ok(Box::new((0..self.elements).map(move |element| Ok(self.member(index, element)))))
    }

    fn has_changed(&self, _index: usize) -> bool {
        false
    }

    fn describe(&self) -> String {
        let each = if self.elements == 1 { String::new() } else { format!("{} x ", count(u64::from(self.elements))) };
        format!(
            "{} windows of {} sets of {each}{}",
            self.windows,
            count(wide(self.collections)),
            bytes(wide(self.value_bytes))
        )
    }
}

/// Spreads the bits of a number (the finish of splitmix64).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn members(workload: &Generated, index: usize) -> Vec<Vec<u8>> {
        workload.members(index).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn members_come_again_as_they_were_and_in_the_order_of_their_bytes() {
        let workload = Generated::new(2, 10, 300, 9, 1);
        let first = members(&workload, 7);
        assert_eq!(first, members(&workload, 7));
        assert!(first.is_sorted());
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), 300);
    }

    #[test]
    fn another_seed_or_collection_gives_other_members() {
        let one = Generated::new(2, 10, 1, 64, 1);
        let other = Generated::new(2, 10, 1, 64, 2);
        assert_ne!(members(&one, 3), members(&other, 3));
        assert_ne!(members(&one, 3), members(&one, 4));
    }

    #[test]
    fn windows_share_no_collection_and_leave_none_out() {
        let workload = Generated::new(3, 4, 1, 8, 1);
        let all: Vec<usize> = (0..3).flat_map(|window| workload.window(window)).collect();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        assert_eq!(workload.collections(), 12);
        let keys: HashSet<_> = all.into_iter().map(|index| workload.key(index)).collect();
        assert_eq!(keys.len(), 12);
    }
}
