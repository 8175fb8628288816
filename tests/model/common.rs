//! The longest common subsequence of two strings, by the table that its definition makes.

use bytes::Bytes;
use windrow::{Db, ErrorKind, Source};

use crate::draw::Word;
use crate::reply::{Answer, Reply, many};
use crate::world;

/// More takes too long here. What Redis refuses is far more, and refused at once.
const MOST_PAIRS: usize = 1 << 18;
const MOST_PAIRS_OF_REDIS: usize = 1 << 27;

/// Asks in all three ways; `Nothing` for what would take too long.
pub(crate) fn ask<S: Source>(db: &Db<S>, a: Word, b: Word, min_len: u64) -> windrow::Result<Reply> {
    let strings = db.strings();
    if takes_too_long(strings.len(a)? as usize, strings.len(b)? as usize) {
        return Ok(Reply::Nothing);
    }
    let found = strings.lcs_matches(a, b, min_len)?;
    let stretches = found.matches.iter().map(|stretch| many([stretch.a_start, stretch.b_start, stretch.len]));
    Ok(many([many(stretches), found.len.into(), strings.lcs(a, b)?.into(), strings.lcs_len(a, b)?.into()]))
}

pub(crate) fn expect(db: &world::Db, a: Word, b: Word, min_len: u64) -> Answer {
    let (a, b): (Bytes, Bytes) = (db.get(a)?, db.get(b)?);
    if pairs(a.len(), b.len()) > MOST_PAIRS_OF_REDIS {
        return Err(ErrorKind::TooLarge);
    }
    if takes_too_long(a.len(), b.len()) {
        return Ok(Reply::Nothing);
    }
    let common = common_places(&a, &b);
    let whole: Vec<u8> = common.iter().rev().map(|(i, _)| a[*i]).collect();
    let stretches = stretches(&common).into_iter().filter(|(_, _, length)| *length as u64 >= min_len);
    let stretches = many(stretches.map(|(i, j, length)| many([i, j, length])));
    Ok(many([stretches, common.len().into(), Bytes::from(whole).into(), common.len().into()]))
}

fn pairs(a: usize, b: usize) -> usize {
    (a + 1) * (b + 1)
}

fn takes_too_long(a: usize, b: usize) -> bool {
    (MOST_PAIRS + 1..=MOST_PAIRS_OF_REDIS).contains(&pairs(a, b))
}

/// The places of the common bytes in both strings, the last ones first. Redis goes back in the second string where it has
/// the choice.
fn common_places(a: &[u8], b: &[u8]) -> Vec<(usize, usize)> {
    let mut lengths = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            lengths[i][j] = match a[i - 1] == b[j - 1] {
                true => lengths[i - 1][j - 1] + 1,
                false => lengths[i - 1][j].max(lengths[i][j - 1]),
            };
        }
    }
    let (mut i, mut j, mut places) = (a.len(), b.len(), Vec::new());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            places.push((i, j));
        } else if lengths[i - 1][j] > lengths[i][j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    places
}

/// Joins places that are neighbours in both strings: where a stretch begins in each, and its length.
fn stretches(places: &[(usize, usize)]) -> Vec<(usize, usize, usize)> {
    let mut stretches: Vec<(usize, usize, usize)> = Vec::new();
    for (i, j) in places {
        match stretches.last_mut() {
            Some(last) if (last.0, last.1) == (i + 1, j + 1) => *last = (*i, *j, last.2 + 1),
            _ => stretches.push((*i, *j, 1)),
        }
    }
    stretches
}
