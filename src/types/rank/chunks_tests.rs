//! The chunks against a sorted list of all tails.

use fastrand::Rng;

use super::*;

/// The chunks of a set, and all of its tails.
struct Pair {
    chunks: Chunks,
    tails: Vec<Vec<u8>>,
    random: Rng,
}

impl Pair {
    fn new(size: usize, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut tails: Vec<Vec<u8>> = (0..size).map(|_| tail(&mut random)).collect();
        tails.sort_unstable();
        tails.dedup();
        let chunks = Chunks::whole(tails.len() as u64);
        Self { chunks, tails, random }
    }

    fn put(&mut self) {
        let new = tail(&mut self.random);
        if let Err(at) = self.tails.binary_search(&new) {
            self.tails.insert(at, new.clone());
            assert!(self.chunks.apply(&new, Step::Came));
        }
    }

    fn delete(&mut self, at: usize) {
        let old = self.tails.remove(at);
        assert!(self.chunks.apply(&old, Step::Went));
    }

    fn change(&mut self) {
        match self.random.u8(..4) {
            0 | 1 => self.put(),
            _ if self.tails.is_empty() => {}
            2 => self.delete(self.random.clone().usize(..self.tails.len())),
            _ => {
                // A row of deletions empties chunks.
                let from = self.random.usize(..self.tails.len());
                let through = self.tails.len().min(from + self.random.usize(..400));
                (from..through).for_each(|_| self.delete(from));
            }
        }
    }

    /// The tails of a stretch, as a walk would find them.
    fn inside(&self, stretch: &Stretch) -> Vec<Vec<u8>> {
        let holds = |tail: &&Vec<u8>| stretch.range.lower <= **tail && **tail < stretch.range.upper;
        self.tails.iter().filter(holds).cloned().collect()
    }

    /// Cuts the chunk around a tail, with so many changes while it is read.
    fn cut(&mut self, around: &[u8], changes: usize) {
        let Some((number, stretch)) = self.chunks.begin_cut(around) else {
            return;
        };
        let found = self.inside(&stretch);
        assert_eq!(found.len() as u64, stretch.count);
        (0..changes).for_each(|_| self.change());
        let mut pieces = Pieces::default();
        found.iter().for_each(|tail| pieces.push(tail));
        assert!(self.chunks.end_cut(number, pieces));
    }

    fn check(&mut self) {
        assert_eq!(self.chunks.total(), self.tails.len() as u64);
        assert_eq!(self.chunks.bytes(), {
            self.chunks.lowers.iter().map(|lower| lower.len() + CHUNK_BYTES).sum::<usize>()
        });
        assert!(self.chunks.lowers.is_sorted_by(|a, b| a < b));
        assert_eq!(self.chunks.at_rank(self.tails.len() as u64), None);
        for _ in 0..20.min(self.tails.len()) {
            let rank = self.random.usize(..self.tails.len());
            let stretch = self.chunks.at_rank(rank as u64).unwrap();
            let tail = &self.tails[rank];
            assert_eq!(self.chunks.around(tail).as_ref(), Some(&stretch));
            let inside = self.inside(&stretch);
            assert_eq!(inside.len() as u64, stretch.count);
            let place = inside.iter().position(|found| found == tail).unwrap();
            assert_eq!(stretch.before + place as u64, rank as u64);
        }
    }
}

/// Tails with long common beginnings, so that bounds lie close together.
fn tail(random: &mut Rng) -> Vec<u8> {
    let mut tail = vec![Tag::SortedScore.byte()];
    tail.extend_from_slice(&[0; 6]);
    tail.extend_from_slice(&random.u16(..).to_be_bytes());
    tail.extend_from_slice(&[b'm', 0, 0xff, b'm'][..random.usize(..4)]);
    tail
}

#[test]
fn chunks_agree_with_a_list_of_all_tails_whatever_happens_while_they_are_cut() {
    for seed in 0..12 {
        let mut pair = Pair::new(20_000, seed);
        for step in 0..400 {
            pair.change();
            if step % 3 == 0 {
                let (around, changes) = (tail(&mut pair.random), pair.random.usize(..40));
                pair.cut(&around, changes);
            }
            if step % 20 == 0 {
                pair.check();
            }
        }
        (0..pair.tails.len()).for_each(|_| pair.delete(0));
        pair.check();
        (0..3000).for_each(|_| pair.put());
        pair.check();
    }
}

#[test]
fn a_whole_set_is_cut_into_even_chunks_and_shrinks_into_few() {
    let mut pair = Pair::new(50_000, 7);
    pair.cut(&[], 0);
    let size = pair.tails.len() as u64;
    assert_eq!(pair.chunks.counts.len() as u64, size.div_ceil(CHUNK));
    assert!(pair.chunks.counts.iter().all(|count| *count <= CHUNK));
    while pair.tails.len() > 5000 {
        let at = pair.random.usize(..pair.tails.len());
        pair.delete(at);
    }
    pair.check();
    assert!(pair.chunks.counts.len() < 130, "{}", pair.chunks.counts.len());
}

#[test]
fn a_cut_that_is_given_up_leaves_right_counts_and_makes_room_for_the_next() {
    let mut pair = Pair::new(5000, 3);
    let (number, _) = pair.chunks.begin_cut(&[]).unwrap();
    assert_eq!(pair.chunks.begin_cut(&[]), None);
    (0..50).for_each(|_| pair.change());
    pair.chunks.abandon_cut(number);
    assert_eq!(pair.chunks.counts.len(), 1);
    pair.cut(&[], 10);
    assert!(pair.chunks.counts.len() > 1);
    // Its number has no meaning any more.
    pair.chunks.abandon_cut(number);
    assert!(pair.chunks.end_cut(number, Pieces::default()));
    pair.check();
}

#[test]
fn a_cut_outrun_by_changes_is_given_up() {
    let mut pair = Pair::new(5000, 4);
    let (number, _) = pair.chunks.begin_cut(&[]).unwrap();
    let same = pair.tails[0].clone();
    for _ in 0..=MAX_LOG / 2 {
        assert!(pair.chunks.apply(&same, Step::Went));
        assert!(pair.chunks.apply(&same, Step::Came));
    }
    assert!(pair.chunks.cut.is_none());
    assert!(pair.chunks.end_cut(number, Pieces::default()));
    pair.check();
}

#[test]
fn what_cannot_be_is_noticed() {
    let mut chunks = Chunks::whole(0);
    assert!(!chunks.apply(b"x", Step::Went));
    let mut pair = Pair::new(3000, 5);
    let (number, stretch) = pair.chunks.begin_cut(&[]).unwrap();
    let mut pieces = Pieces::default();
    pair.inside(&stretch).iter().skip(1).for_each(|tail| pieces.push(tail));
    assert!(!pair.chunks.end_cut(number, pieces));
}

#[test]
fn a_bound_is_no_longer_than_what_tells_it_from_the_tail_before() {
    for (before, tail, bound) in [("abcd", "abzzzz", "abz"), ("ab", "abc", "abc"), ("", "xyz", "x"), ("a", "b", "b")] {
        assert_eq!(between(before.as_bytes(), tail.as_bytes()), bound.as_bytes());
    }
}
