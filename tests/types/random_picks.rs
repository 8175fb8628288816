//! Random choices from a large collection: every element has the same chance, wherever it lies.
//!
//! Windrow draws from the thread's generator, so a seed makes the choices the same in every run.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::both::{both_ways, open};
use crate::fixture::Fixture;

const MEMBERS: usize = 100_000;

/// Choices that may come again.
const REPEATED: usize = 300_000;

/// Choices that may not: half of the members.
const DISTINCT: usize = MEMBERS / 2;

/// Members side by side that are counted together.
const BAND: usize = 1000;

/// How far from its mean a figure may lie, in standard deviations.
const FAR: f64 = 5.0;

fn name(place: usize) -> String {
    format!("m{place:06}")
}

fn place(name: &Bytes) -> usize {
    std::str::from_utf8(&name[1..]).unwrap().parse().unwrap()
}

/// How often each member was chosen.
fn counts(places: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; MEMBERS];
    places.iter().for_each(|place| counts[*place] += 1);
    counts
}

fn assert_near(found: f64, mean: f64, deviation: f64, what: &str) {
    let away = (found - mean) / deviation;
    assert!(away.abs() < FAR, "{what}: {found}, where {mean} is to be expected: {away:.1} deviations away");
}

/// The chi-square test: `variance` is that of a count, where 1 stands for its mean.
fn assert_even(counts: &[usize], variance: f64, what: &str) {
    let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let square = counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum::<f64>() / mean / variance;
    let freedom = counts.len() as f64 - 1.0;
    assert_near(square, freedom, (2.0 * freedom).sqrt(), what);
}

fn bands(counts: &[usize]) -> Vec<usize> {
    counts.chunks(BAND).map(|band| band.iter().sum()).collect()
}

/// Whether choices that may come again are even, over single members and over bands, and in no order.
fn assert_repeated(names: &[Bytes], what: &str) {
    let places: Vec<usize> = names.iter().map(place).collect();
    assert_eq!(places.len(), REPEATED);
    let counts = counts(&places);
    assert_even(&counts, 1.0, what);
    assert_even(&bands(&counts), 1.0, what);
    let ascents = places.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let wanted = REPEATED as f64;
    assert_near(ascents as f64, wanted / 2.0, (wanted / 12.0).sqrt(), what);
}

/// Whether different choices are even over bands, and whether neighbours are chosen together as often as by chance.
fn assert_distinct(names: &[Bytes], what: &str) {
    let places: Vec<usize> = names.iter().map(place).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), DISTINCT, "{what}");
    let counts = counts(&places);
    let (members, share) = (MEMBERS as f64, DISTINCT as f64 / MEMBERS as f64);
    assert_even(&bands(&counts), 1.0 - share, what);
    let pairs = counts.windows(2).filter(|pair| pair[0] + pair[1] == 2).count();
    assert_near(pairs as f64, members * share * share, members.sqrt() * share * (1.0 - share), what);
}

fn names<T>(pairs: Vec<(Bytes, T)>) -> Vec<Bytes> {
    pairs.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn every_one_of_100_000_elements_has_the_same_chance() {
    let fixture = Fixture::new();
    let store = open(&fixture, &both_ways()[0]);
    let db = store.db(0);
    let (sets, hashes, zsets) = (db.sets(), db.hashes(), db.zsets());
    sets.add("s", (0..MEMBERS).map(name)).unwrap();
    hashes.set_many("h", (0..MEMBERS).map(|place| (name(place), "v"))).unwrap();
    // Not in the order of the names.
    zsets.add("z", (0..MEMBERS).map(|place| (name(place), (place * 7919 % MEMBERS) as f64))).unwrap();
    fastrand::seed(20_261_122);
    let (repeated, distinct) = (REPEATED as u64, DISTINCT as u64);
    assert_repeated(&sets.random_repeated("s", repeated).unwrap(), "members, repeated");
    assert_repeated(&hashes.random_repeated("h", repeated).unwrap(), "fields, repeated");
    assert_repeated(&names(hashes.random_repeated_with_values("h", repeated).unwrap()), "entries, repeated");
    assert_repeated(&names(zsets.random_repeated("z", repeated).unwrap()), "scores, repeated");
    assert_distinct(&sets.random("s", distinct).unwrap(), "members");
    assert_distinct(&hashes.random("h", distinct).unwrap(), "fields");
    assert_distinct(&names(hashes.random_with_values("h", distinct).unwrap()), "entries");
    assert_distinct(&names(zsets.random("z", distinct).unwrap()), "scores");
    let popped = sets.pop("s", distinct).unwrap();
    assert_distinct(&popped, "popped");
    let left = sets.members("s").unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_distinct(&left, "left");
    assert!(popped.iter().collect::<BTreeSet<_>>().is_disjoint(&left.iter().collect()));
}
