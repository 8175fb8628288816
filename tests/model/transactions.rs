//! Any operations on keys, several in one transaction.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::compare::compare_entries;
use crate::draw::db;
use crate::reads::{Read, read};
use crate::reply::Answer;
use crate::run::Run;
use crate::world::World;
use crate::{dbs, hashes, keys, lists, sets, sorting, strings, zsets};

/// More: more meets in one transaction; fewer: more of them.
const MOST_INSIDE: usize = 24;

/// Operations, and whether the transaction ends well.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    inside: Vec<Inside>,
    ends_well: bool,
}

#[derive(Clone, Debug)]
enum Inside {
    String(u8, strings::Operation),
    Hash(u8, hashes::Operation),
    Set(u8, sets::Operation),
    List(u8, lists::Operation),
    ZSet(u8, zsets::Operation),
    Key(u8, keys::Operation),
    Sort(u8, sorting::Operation),
    Read(u8, Read),
    Dbs(dbs::Operation),
    CompareAll,
}

pub(crate) fn transaction() -> impl Strategy<Value = Transaction> {
    (vec(inside(), 0..MOST_INSIDE), proptest::bool::weighted(0.8))
        .prop_map(|(inside, ends_well)| Transaction { inside, ends_well })
}

fn inside() -> impl Strategy<Value = Inside> {
    let about_keys = keys::operation().prop_filter("of keys", |operation| !operation.is_about_all());
    let sort = sorting::operation().prop_filter("of keys", |operation| !operation.leads_to_keys());
    let read = read().prop_filter("of keys", Read::is_of_keys);
    let dbs = dbs::operation().prop_filter("of keys", dbs::Operation::is_of_keys);
    prop_oneof![
        20 => (db(), strings::operation()).prop_map(|(db, operation)| Inside::String(db, operation)),
        20 => (db(), hashes::operation()).prop_map(|(db, operation)| Inside::Hash(db, operation)),
        20 => (db(), sets::operation()).prop_map(|(db, operation)| Inside::Set(db, operation)),
        20 => (db(), lists::operation()).prop_map(|(db, operation)| Inside::List(db, operation)),
        20 => (db(), zsets::operation()).prop_map(|(db, operation)| Inside::ZSet(db, operation)),
        24 => (db(), about_keys).prop_map(|(db, operation)| Inside::Key(db, operation)),
        4 => (db(), sort).prop_map(|(db, operation)| Inside::Sort(db, operation)),
        14 => (db(), read).prop_map(|(db, read)| Inside::Read(db, read)),
        8 => dbs.prop_map(Inside::Dbs),
        3 => Just(Inside::CompareAll),
    ]
}

impl Transaction {
    pub(crate) fn run(&self, run: &mut Run) -> Result<(), TestCaseError> {
        run.transact(self.ends_well, |tx, world| {
            for (n, inside) in self.inside.iter().enumerate() {
                inside
                    .run(tx, world)
                    .map_err(|error| TestCaseError::fail(format!("{n} inside, {inside:?}: {error}")))?;
            }
            compare_all(tx, world)
        })
    }
}

impl Inside {
    /// Does it on both sides. A refusal must have changed nothing.
    fn run(&self, tx: &windrow::Transaction, world: &mut World) -> Result<(), TestCaseError> {
        let found = match self {
            Self::String(db, operation) => operation.ask(&tx.db((*db).into())),
            Self::Hash(db, operation) => operation.ask(&tx.db((*db).into())),
            Self::Set(db, operation) => operation.ask(&tx.db((*db).into())),
            Self::List(db, operation) => operation.ask(&tx.db((*db).into())),
            Self::ZSet(db, operation) => operation.ask(&tx.db((*db).into())),
            Self::Key(db, operation) => operation.ask_of_keys(&tx.db((*db).into())),
            Self::Sort(db, operation) => operation.ask(&tx.db((*db).into())),
            Self::Read(db, read) => read.ask(&tx.db((*db).into())),
            Self::Dbs(operation) => operation.ask_inside(tx),
            Self::CompareAll => return compare_all(tx, world),
        };
        let found = found.map_err(|error| error.kind());
        let expected = self.expect(world, &found);
        prop_assert_eq!(&found, &expected, "transaction and model");
        if found.is_err() { compare_all(tx, world) } else { Ok(()) }
    }

    fn expect(&self, world: &mut World, found: &Answer) -> Answer {
        let dbs = &mut world.dbs;
        match self {
            Self::String(db, operation) => operation.expect(&mut dbs[usize::from(*db)]),
            Self::Hash(db, operation) => operation.expect(&mut dbs[usize::from(*db)], found),
            Self::Set(db, operation) => operation.expect(&mut dbs[usize::from(*db)], found),
            Self::List(db, operation) => operation.expect(&mut dbs[usize::from(*db)]),
            Self::ZSet(db, operation) => operation.expect(&mut dbs[usize::from(*db)], found),
            Self::Key(db, operation) => operation.expect(&mut dbs[usize::from(*db)], found),
            Self::Sort(db, operation) => operation.expect(&mut dbs[usize::from(*db)]),
            Self::Read(db, read) => read.expect(&dbs[usize::from(*db)]),
            Self::Dbs(operation) => operation.expect(world),
            Self::CompareAll => found.clone(),
        }
    }
}

fn compare_all(tx: &windrow::Transaction, world: &World) -> Result<(), TestCaseError> {
    let mut dbs = (0_u32..).zip(&world.dbs);
    dbs.try_for_each(|(number, model)| compare_entries(&tx.db(number), model))
}
