//! Reads that a store and a view of it must answer alike.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{Aggregate, CombineOptions, DataType, Db, ErrorKind, ExpireTime, PositionOptions, ScanOptions, Source};

use crate::bits::{Question, question};
use crate::draw::{Data, Home, Word, any_key, item, key, prefix};
use crate::lists::positions;
use crate::patterns::{Pattern, pattern};
use crate::reply::{Answer, Reply, many, scanned, walked};
use crate::sets::{self, Combination, combination};
use crate::sorting::{Order, order, sortable, sorted};
use crate::world::{self, Hash, List, Set, ZSet};
use crate::zset_range::ranked;
use crate::{common, zsets};

#[derive(Clone, Debug)]
pub(crate) enum Read {
    Keys(Word),
    KeysMatching(Pattern),
    Scan { pattern: Pattern, count: u64, of_type: Option<DataType> },
    ScanHash(Word, Pattern, u64),
    ScanSet(Word, Pattern, u64),
    ScanZSet(Word, Pattern, u64),
    Touch(Vec<Word>),
    ExpireTime(Word),
    Combine(Combination, Vec<Word>),
    InterCard(Vec<Word>, u64),
    ZCombine(Combination, Vec<(Word, f64)>, Aggregate),
    ZInterCard(Vec<Word>, u64),
    Positions { key: Word, item: Data, rank: i64, count: u64, max_len: u64 },
    Sort(Word, Order),
    Common { a: Word, b: Word, min_len: u64 },
    Bits(Question),
}
use Read::*;

pub(crate) fn read() -> impl Strategy<Value = Read> {
    let text = || prop_oneof![10 => key(Home::Strings), 1 => any_key()];
    prop_oneof![
        1 => prefix().prop_map(Keys),
        2 => pattern().prop_map(KeysMatching),
        2 => scan(),
        1 => (key(Home::Hashes), pattern(), 1..6_u64).prop_map(|(k, pattern, count)| ScanHash(k, pattern, count)),
        1 => (key(Home::Sets), pattern(), 1..6_u64).prop_map(|(k, pattern, count)| ScanSet(k, pattern, count)),
        1 => (key(Home::ZSets), pattern(), 1..6_u64).prop_map(|(k, pattern, count)| ScanZSet(k, pattern, count)),
        1 => vec(any_key(), 0..6).prop_map(Touch),
        1 => any_key().prop_map(Read::ExpireTime),
        2 => (combination(), vec(key(Home::Sets), 1..4)).prop_map(|(how, keys)| Combine(how, keys)),
        1 => (vec(key(Home::Sets), 1..4), 0..4_u64).prop_map(|(keys, limit)| InterCard(keys, limit)),
        2 => (combination(), zsets::sources(), zsets::aggregate())
            .prop_map(|(how, sources, fold)| ZCombine(how, sources, fold)),
        1 => (vec(zsets::source(), 1..4), 0..4_u64).prop_map(|(keys, limit)| ZInterCard(keys, limit)),
        2 => (key(Home::Lists), item(), -3..4_i64, 0..4_u64, 0..9_u64)
            .prop_map(|(key, item, rank, count, max_len)| Positions { key, item, rank, count, max_len }),
        3 => (sortable(), order()).prop_map(|(k, order)| Sort(k, order)),
        2 => (text(), text(), 0..4_u64).prop_map(|(a, b, min_len)| Common { a, b, min_len }),
        2 => question().prop_map(Read::Bits),
    ]
}

fn scan() -> impl Strategy<Value = Read> {
    use DataType::{Hash, List, Set, SortedSet, String};
    let of_type = proptest::option::of(select(vec![String, Hash, Set, List, SortedSet]));
    (pattern(), 1..6_u64, of_type).prop_map(|(pattern, count, of_type)| Scan { pattern, count, of_type })
}

impl Read {
    /// Tells whether it reads only keys that it names.
    pub(crate) fn is_of_keys(&self) -> bool {
        match self {
            Keys(_) | KeysMatching(_) | Scan { .. } => false,
            Sort(_, order) => !order.leads_to_keys(),
            _ => true,
        }
    }

    /// Asks the store or a view of it.
    pub(crate) fn ask<S: Source>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        Ok(match self {
            Keys(prefix) => walked(db.keys(prefix)?)?,
            KeysMatching(pattern) => walked(db.keys_matching(pattern.text())?)?,
            Scan { .. } | ScanHash(..) | ScanSet(..) | ScanZSet(..) => self.scan(db)?,
            Touch(keys) => db.touch(keys)?.into(),
            Read::ExpireTime(key) => told(db.expire_time(key)?),
            Combine(Combination::Union, keys) => walked(db.sets().union(keys)?)?,
            Combine(Combination::Inter, keys) => walked(db.sets().inter(keys)?)?,
            Combine(Combination::Diff, keys) => walked(db.sets().diff(keys)?)?,
            InterCard(keys, limit) => db.sets().inter_card(keys, *limit)?.into(),
            ZCombine(how, sources, aggregate) => {
                let (keys, weights): (Vec<Word>, Vec<f64>) = sources.iter().copied().unzip();
                let options = CombineOptions::new().weights(&weights).aggregate(*aggregate);
                match how {
                    Combination::Union => db.zsets().union(keys, options)?.into(),
                    Combination::Inter => db.zsets().inter(keys, options)?.into(),
                    Combination::Diff => db.zsets().diff(keys)?.into(),
                }
            }
            ZInterCard(keys, limit) => db.zsets().inter_card(keys, *limit)?.into(),
            Positions { key, item, rank, count, max_len } => {
                let options = PositionOptions::new().rank(*rank).count(*count).max_len(*max_len);
                let first = db.lists().position(key, item.bytes())?;
                many([Reply::from(db.lists().positions(key, item.bytes(), options)?), first.into()])
            }
            Sort(key, order) => db.sort(key, &order.options())?.into(),
            Common { a, b, min_len } => common::ask(db, *a, *b, *min_len)?,
            Read::Bits(question) => question.ask(db)?,
        })
    }

    fn scan<S: Source>(&self, db: &Db<S>) -> windrow::Result<Reply> {
        let (Scan { pattern, count, .. }
        | ScanHash(_, pattern, count)
        | ScanSet(_, pattern, count)
        | ScanZSet(_, pattern, count)) = self
        else {
            return Ok(Reply::Nothing);
        };
        let text = pattern.text();
        let options = ScanOptions::new().matching(&text).count(*count);
        match self {
            ScanHash(key, ..) => scanned(|cursor| db.hashes().scan(key, cursor, options)),
            ScanSet(key, ..) => scanned(|cursor| db.sets().scan(key, cursor, options)),
            ScanZSet(key, ..) => scanned(|cursor| db.zsets().scan(key, cursor, options)),
            Scan { of_type: Some(wanted), .. } => scanned(|cursor| db.scan_of_type(cursor, options, *wanted)),
            _ => scanned(|cursor| db.scan(cursor, options)),
        }
    }

    /// What the model answers.
    pub(crate) fn expect(&self, db: &world::Db) -> Answer {
        match self {
            Keys(prefix) => Ok(keys(db, None, |key| key.starts_with(prefix.0))),
            KeysMatching(pattern) => Ok(keys(db, None, |key| pattern.matches(key))),
            Scan { pattern, of_type, .. } => Ok(keys(db, *of_type, |key| pattern.matches(key))),
            ScanHash(key, pattern, _) => {
                let hash: Hash = db.get(*key)?;
                Ok(many(hash.into_iter().filter(|(field, _)| pattern.matches(field))))
            }
            ScanSet(key, pattern, _) => {
                Ok(many(db.get::<Set>(*key)?.into_iter().filter(|member| pattern.matches(member))))
            }
            ScanZSet(key, pattern, _) => {
                let zset: ZSet = db.get(*key)?;
                Ok(many(zset.into_iter().filter(|(member, _)| pattern.matches(member))))
            }
            Touch(keys) => Ok(keys.iter().filter(|key| db.has(**key)).count().into()),
            Read::ExpireTime(key) => Ok(match (db.has(*key), db.expires_at(*key)) {
                (false, _) => "no key".into(),
                (true, None) => "never".into(),
                (true, Some(time)) => time.get().into(),
            }),
            Combine(how, keys) => Ok(many(sets::combined(db, *how, keys)?)),
            InterCard(keys, limit) => Ok(limited(sets::combined(db, Combination::Inter, keys)?.len(), *limit)),
            ZCombine(how, sources, aggregate) => Ok(ranked(&zsets::combined(db, *how, sources, *aggregate)?).into()),
            ZInterCard(keys, limit) => {
                let sources: Vec<(Word, f64)> = keys.iter().map(|key| (*key, 1.0)).collect();
                Ok(limited(zsets::combined(db, Combination::Inter, &sources, Aggregate::Sum)?.len(), *limit))
            }
            Positions { key, item, rank, count, max_len } => {
                let list: List = db.get(*key)?;
                if *rank == 0 {
                    return Err(ErrorKind::InvalidInput);
                }
                let first = positions(&list, &item.bytes(), 1, 1, 0).first().copied();
                Ok(many([Reply::from(positions(&list, &item.bytes(), *rank, *count, *max_len)), first.into()]))
            }
            Sort(key, order) => Ok(sorted(db, *key, order, false)?.into()),
            Common { a, b, min_len } => common::expect(db, *a, *b, *min_len),
            Read::Bits(question) => question.expect(db),
        }
    }
}

fn told(time: ExpireTime) -> Reply {
    match time {
        ExpireTime::NoKey => "no key".into(),
        ExpireTime::Never => "never".into(),
        ExpireTime::At(time) => time.get().into(),
    }
}

fn keys(db: &world::Db, of_type: Option<DataType>, is_meant: impl Fn(&[u8]) -> bool) -> Reply {
    let is_of_type = |value: &world::Value| of_type.is_none_or(|wanted| value.data_type() == wanted);
    let found = db.entries.iter().filter(|(key, entry)| is_meant(key.0) && is_of_type(&entry.value));
    many(found.map(|(key, _)| *key))
}

fn limited(size: usize, limit: u64) -> Reply {
    if limit == 0 { size } else { size.min(limit as usize) }.into()
}
