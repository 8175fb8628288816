//! Reading all that is left, and comparing it with what should be there.
//!
//! Uses the records. Invariant: it changes nothing; what no living key leads to is counted, and no survivor.

use std::collections::HashMap;

use ::windrow::encoding::{KeyLayout, MetaKey};
use rocksdb::ReadOptions;

use super::super::Checked;
use super::callers::is_living_key;
use super::records::{Id, Records, id_at};
use crate::workload::Workload;

/// Compares all records with what should be there, in one pass over the elements.
pub(super) fn check(records: &Records, workload: &Workload) -> Checked {
    let mut checked = Checked::default();
    let mut owners = owners(records, workload, &mut checked);
    let mut read = ReadOptions::default();
    read.set_total_order_seek(true);
    let mut elements = records.db().raw_iterator_cf_opt(records.data(), read);
    elements.seek_to_first();
    while let Some(key) = elements.key() {
        let id = id_at(key, 0);
        let Some(index) = owners.remove(&id) else {
            checked.dead_elements += 1;
            elements.next();
            continue;
        };
        let mut is_right = true;
        for member in workload.members(index) {
            is_right &= elements.key().is_some_and(|key| key[..8] == id && key[9..] == member);
            elements.next();
        }
        is_right &= elements.key().is_none_or(|key| key[..8] != id);
        match is_right {
            true => checked.survivors += 1,
            false => checked.fault(format!("{index} is alive and not as it was written")),
        }
    }
    for index in owners.values() {
        checked.fault(format!("{index} is alive and has no elements"));
    }
    if records.dead_ids([0; 8]).valid() {
        checked.fault("gc records are left");
    }
    checked
}

/// Reads which collection has which id, and whether all survivors are there and no dead one.
fn owners(records: &Records, workload: &Workload, checked: &mut Checked) -> HashMap<Id, u64> {
    let mut owners = HashMap::new();
    let mut metas = records.db().raw_iterator_cf(records.meta());
    metas.seek_to_first();
    while let Some((key, record)) = metas.item() {
        let user_key = MetaKey::decode(KeyLayout::Plain, key).expect("a meta key").user_key;
        match workload.index(user_key) {
            Some(index) if workload.survives(index) => drop(owners.insert(id_at(record, 0), index)),
            None if is_living_key(user_key) => {}
            other => checked.fault(format!("{other:?} is dead and can be read")),
        }
        metas.next();
    }
    let (found, survivors) = (owners.len() as u64, workload.totals().survivors);
    if found != survivors {
        checked.fault(format!("{found} keys are there, {survivors} are alive"));
    }
    owners
}
