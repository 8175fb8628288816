//! Places of scans under the numbers that clients are given.
//!
//! May use the crate's cursors. Invariant: what is remembered has a limit; a number that was forgotten is refused, and never taken
//! for another place.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::ScanCursor;

/// How many places are remembered. More cost memory; fewer refuse a scan that other scans have overtaken.
const MAX_PLACES: usize = 65_536;

/// How many bytes the names in them may have: a place is as long as a name.
const MAX_BYTES: usize = 16 << 20;

#[derive(Debug)]
struct Places {
    next: u64,
    places: HashMap<u64, ScanCursor>,
    order: VecDeque<u64>,
    bytes: usize,
}

/// The places of all clients. WHY not for each: a client may send the next page's command through another connection.
#[derive(Debug)]
pub(crate) struct Cursors {
    places: Mutex<Places>,
}

impl Cursors {
    pub(crate) fn new() -> Self {
        // WHY not from 1: a number of the server before the last restart shall be unknown to this one.
        let next = 1 + (fastrand::u64(..) >> 16);
        Self { places: Mutex::new(Places { next, places: HashMap::new(), order: VecDeque::new(), bytes: 0 }) }
    }

    /// The number for a place; 0 for the end.
    pub(crate) fn number(&self, place: ScanCursor) -> u64 {
        if place.is_finished() {
            return 0;
        }
        let mut inner = self.places.lock();
        let number = inner.next;
        inner.next = number.checked_add(1).unwrap_or(1);
        inner.bytes += place.as_bytes().len();
        inner.places.insert(number, place);
        inner.order.push_back(number);
        while inner.order.len() > MAX_PLACES || inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.order.pop_front() else { break };
            let bytes = inner.places.remove(&oldest).map_or(0, |place| place.as_bytes().len());
            inner.bytes -= bytes;
        }
        number
    }

    /// The place for a number; 0 is the beginning. `None` for one that is not known, or no more.
    pub(crate) fn place(&self, number: u64) -> Option<ScanCursor> {
        if number == 0 { Some(ScanCursor::START) } else { self.places.lock().places.get(&number).cloned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_its_place_until_it_is_forgotten() {
        let cursors = Cursors::new();
        let place = |name: &str| ScanCursor::behind(name.as_bytes());
        assert_eq!(cursors.place(0), Some(ScanCursor::START));
        let first = cursors.number(place("first"));
        assert_eq!(cursors.place(first), Some(place("first")));
        assert_eq!(cursors.place(first + 1), None);
        for _ in 0..MAX_PLACES {
            cursors.number(place("x"));
        }
        assert_eq!(cursors.place(first), None);
        let long = "x".repeat(MAX_BYTES / 3);
        let before = cursors.number(place("before"));
        let kept = (0..3).map(|_| cursors.number(place(&long))).collect::<Vec<_>>();
        assert_eq!((cursors.place(before), cursors.place(kept[0])), (None, None));
        assert!(cursors.place(kept[2]).is_some());
    }
}
