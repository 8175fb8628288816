//! Operations on two dbs, or on all of one.

use proptest::prelude::*;
use windrow::{CopyOptions, ErrorKind, Store, Transaction};

use crate::draw::{DBS, Word, any_key, db};
use crate::reply::{Answer, Reply};
use crate::world::World;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Copy { from: (u8, Word), to: (u8, Word), replaces: bool },
    Move { from: u8, to: u8, key: Word },
    Swap(u8, u8),
    Flush(u8),
    FlushNamespace,
    FlushAll,
}
use Operation::*;

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let place = || (db(), any_key());
    prop_oneof![
        14 => (place(), place(), any::<bool>()).prop_map(|(from, to, replaces)| Copy { from, to, replaces }),
        10 => (0..DBS, 0..DBS, any_key()).prop_map(|(from, to, key)| Move { from, to, key }),
        3 => (0..DBS, 0..DBS).prop_map(|(a, b)| Swap(a, b)),
        1 => (0..DBS).prop_map(Flush),
        1 => Just(FlushNamespace),
        1 => Just(FlushAll),
    ]
}

impl Operation {
    /// Does it on the store.
    pub(crate) fn ask(&self, store: &Store) -> windrow::Result<Reply> {
        Ok(match self {
            Copy { from, to, replaces } => {
                let options = CopyOptions::new().to_db(to.0.into());
                let options = if *replaces { options.replace() } else { options };
                store.db(from.0.into()).copy_with(from.1, to.1, options)?.into()
            }
            Move { from, to, key } => store.db((*from).into()).move_to(key, (*to).into())?.into(),
            Swap(a, b) => store.namespace("").swap((*a).into(), (*b).into())?.into(),
            Flush(db) => store.db((*db).into()).flush()?.into(),
            FlushNamespace => store.namespace("").flush()?.into(),
            FlushAll => store.flush_all()?.into(),
        })
    }

    /// Does it in a transaction; what is about whole dbs does nothing there.
    pub(crate) fn ask_inside(&self, tx: &Transaction) -> windrow::Result<Reply> {
        Ok(match self {
            Copy { from, to, replaces } => {
                let options = CopyOptions::new().to_db(to.0.into());
                let options = if *replaces { options.replace() } else { options };
                tx.db(from.0.into()).copy_with(from.1, to.1, options)?.into()
            }
            Move { from, to, key } => tx.db((*from).into()).move_to(key, (*to).into())?.into(),
            Swap(..) | Flush(_) | FlushNamespace | FlushAll => Reply::Nothing,
        })
    }

    /// Tells whether it is about keys that it names.
    pub(crate) fn is_of_keys(&self) -> bool {
        matches!(self, Copy { .. } | Move { .. })
    }

    /// Does it on the model.
    pub(crate) fn expect(&self, world: &mut World) -> Answer {
        match self {
            Copy { from, to, .. } if from == to => return Err(ErrorKind::InvalidInput),
            Move { from, to, .. } if from == to => return Err(ErrorKind::InvalidInput),
            Copy { from, to, replaces } => return Ok(transfer(world, *from, *to, *replaces).into()),
            Move { from, to, key } => {
                let is_moved = transfer(world, (*from, *key), (*to, *key), false);
                if is_moved {
                    world.dbs[usize::from(*from)].entries.remove(key);
                }
                return Ok(is_moved.into());
            }
            Swap(a, b) => world.dbs.swap((*a).into(), (*b).into()),
            Flush(db) => world.dbs[usize::from(*db)].flush(),
            FlushNamespace | FlushAll => world.dbs.iter_mut().for_each(|db| db.flush()),
        }
        Ok(Reply::Nothing)
    }
}

fn transfer(world: &mut World, from: (u8, Word), to: (u8, Word), replaces: bool) -> bool {
    let source = world.dbs[usize::from(from.0)].entries.get(&from.1).cloned();
    let target = &mut world.dbs[usize::from(to.0)];
    match source {
        Some(entry) if replaces || !target.has(to.1) => {
            target.entries.insert(to.1, entry);
            true
        }
        _ => false,
    }
}
