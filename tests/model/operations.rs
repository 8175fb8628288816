//! All that can happen to a store, in any order.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::draw::db;
use crate::reads::{Read, read};
use crate::run::{Event, Layout, Run, event, layout};
use crate::transactions::{Transaction, transaction};
use crate::{bits, dbs, hashes, keys, lists, sets, sorting, strings, zsets};

/// How many sequences a run tries unless `PROPTEST_CASES` says it.
const CASES: u32 = 8;

/// More: more meets more; fewer: more openings of a store for as many operations, which take most of the time.
const MOST_CHUNKS: usize = 60;

/// Shrinking leaves out whole chunks before it leaves out single operations.
const MOST_IN_CHUNK: usize = 32;

/// What is done, and to which db.
#[derive(Clone, Debug)]
enum Operation {
    String(u8, strings::Operation),
    Bits(u8, bits::Operation),
    Hash(u8, hashes::Operation),
    Set(u8, sets::Operation),
    List(u8, lists::Operation),
    ZSet(u8, zsets::Operation),
    Key(u8, keys::Operation),
    Sort(u8, sorting::Operation),
    Read(u8, Read),
    /// Asks all views that are open.
    ReadViews(u8, Read),
    Db(dbs::Operation),
    Transaction(Transaction),
    Event(Event),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        20 => (db(), strings::operation()).prop_map(|(db, operation)| Operation::String(db, operation)),
        8 => (db(), bits::operation()).prop_map(|(db, operation)| Operation::Bits(db, operation)),
        20 => (db(), hashes::operation()).prop_map(|(db, operation)| Operation::Hash(db, operation)),
        20 => (db(), sets::operation()).prop_map(|(db, operation)| Operation::Set(db, operation)),
        20 => (db(), lists::operation()).prop_map(|(db, operation)| Operation::List(db, operation)),
        20 => (db(), zsets::operation()).prop_map(|(db, operation)| Operation::ZSet(db, operation)),
        14 => (db(), keys::operation()).prop_map(|(db, operation)| Operation::Key(db, operation)),
        5 => (db(), sorting::operation()).prop_map(|(db, operation)| Operation::Sort(db, operation)),
        16 => (db(), read()).prop_map(|(db, read)| Operation::Read(db, read)),
        12 => (db(), read()).prop_map(|(db, read)| Operation::ReadViews(db, read)),
        4 => dbs::operation().prop_map(Operation::Db),
        6 => transaction().prop_map(Operation::Transaction),
        14 => event().prop_map(Operation::Event),
    ]
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    vec(vec(operation(), 1..MOST_IN_CHUNK), 1..MOST_CHUNKS).prop_map(|chunks| chunks.concat())
}

/// Does an operation of one db on both sides.
macro_rules! compared {
    ($run:expr, $db:expr, $operation:expr, |$model:ident, $found:ident| $expected:expr) => {
        $run.step(
            |store| $operation.ask(&store.db(u32::from(*$db))).map_err(|error| error.kind()),
            |world, $found| {
                let $model = &mut world.dbs[usize::from(*$db)];
                $expected
            },
        )
    };
}

impl Operation {
    fn run(&self, run: &mut Run) -> Result<(), TestCaseError> {
        match self {
            Self::String(db, operation) => compared!(run, db, operation, |model, _found| operation.expect(model)),
            Self::Bits(db, operation) => compared!(run, db, operation, |model, _found| operation.expect(model)),
            Self::Hash(db, operation) => compared!(run, db, operation, |model, found| operation.expect(model, found)),
            Self::Set(db, operation) => compared!(run, db, operation, |model, found| operation.expect(model, found)),
            Self::Sort(db, operation) => compared!(run, db, operation, |model, _found| operation.expect(model)),
            Self::Read(db, read) => compared!(run, db, read, |model, _found| read.expect(model)),
            Self::ReadViews(db, read) => run.read_views(*db, read),
            Self::List(db, operation) => compared!(run, db, operation, |model, _found| operation.expect(model)),
            Self::ZSet(db, operation) => compared!(run, db, operation, |model, found| operation.expect(model, found)),
            Self::Key(db, operation) => compared!(run, db, operation, |model, found| operation.expect(model, found)),
            Self::Db(operation) => run.step(
                |store| operation.ask(store).map_err(|error| error.kind()),
                |world, _found| operation.expect(world),
            ),
            Self::Transaction(transaction) => transaction.run(run),
            Self::Event(event) => run.happens(event),
        }
    }
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { max_shrink_iters: 5000, max_shrink_time: 90_000, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn random_operations_answer_as_the_model_does(
        layouts in [layout(), layout()],
        operations in operations(),
    ) {
        // So that what the store chooses at random is chosen again when a sequence is repeated.
        fastrand::seed(7);
        let [first, last]: [Layout; 2] = layouts;
        let mut run = Run::new(first);
        for (n, operation) in operations.iter().enumerate() {
            operation.run(&mut run).map_err(|error| {
                TestCaseError::fail(format!("operation {n}, {operation:?}: {error}"))
            })?;
        }
        run.finish(last)?;
    }
}
