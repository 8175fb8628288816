//! Checks elements against the ids that somebody names or buried.
//!
//! May use what [`Checked`] holds. Invariant: every element of every data family is looked at once.

use super::records::Owner;
use super::{CheckReport, Checked, Finding};
use crate::encoding::{CollectionId, DataFamily, DataType, ElementKey, Lease, STRING_PIECE_BYTES, StoreKey, id_of_key};
use crate::error::Result;
use crate::store::{Cursor, Family, Scan};

/// What lies under one id.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    entries: u64,
    hash_fields: u64,
    set_members: u64,
    list_items: u64,
    sorted_members: u64,
    sorted_scores: u64,
    string_pieces: u64,
    /// End of the last piece of a string.
    string_end: u64,
}

impl Found {
    /// Returns the size that a collection of this type with these elements has, and how many elements belong to it.
    fn size_as(&self, data_type: DataType) -> (u64, u64) {
        match data_type {
            DataType::String => (self.string_end, self.string_pieces),
            DataType::Hash => (self.hash_fields, self.hash_fields),
            DataType::Set => (self.set_members, self.set_members),
            DataType::List => (self.list_items, self.list_items),
            DataType::SortedSet => (self.sorted_members, self.sorted_members + self.sorted_scores),
        }
    }
}

/// Walks over all data families.
pub(super) fn check(checked: &Checked, owners: Vec<Owner>, report: &mut CheckReport) -> Result<()> {
    let mut owners = owners.into_iter().peekable();
    for family in DataFamily::all() {
        let end = lease_end(checked, family)?;
        // Without bounds, so that keys which belong to no id of the family are met, too.
        let mut scan = Scan::everything();
        scan.bypass_cache = true;
        let mut cursor = Cursor::open(&checked.db, Family::Data(family), scan, None);
        while let Some((id, found)) = next_collection(&mut cursor, family, report)? {
            while let Some(lost) = owners.next_if(|owner| owner.id < id) {
                judge(checked, lost, Found::default(), report);
            }
            if id.counter() >= end {
                report.add(Finding::BeyondLease { id: id.get() });
            }
            match owners.next_if(|owner| owner.id == id) {
                Some(owner) => judge(checked, owner, found, report),
                None => judge_unowned(checked, id, found, report)?,
            }
        }
    }
    for lost in owners {
        judge(checked, lost, Found::default(), report);
    }
    Ok(())
}

fn lease_end(checked: &Checked, family: DataFamily) -> Result<u64> {
    match checked.db.get(Family::Default, &StoreKey::Lease(family).encode(), None)? {
        Some(value) => Ok(Lease::decode(&value)?.first_unleased()),
        None => Ok(Lease::NONE.first_unleased()),
    }
}

/// Reads the entries of the id under the cursor and leaves the cursor behind them.
fn next_collection(
    cursor: &mut Cursor,
    family: DataFamily,
    report: &mut CheckReport,
) -> Result<Option<(CollectionId, Found)>> {
    let mut current: Option<(CollectionId, Found)> = None;
    while let Some((key, value)) = cursor.entry()? {
        let id = id_of_key(key).ok().filter(|id| id.family() == family);
        if let (Some((collecting, _)), Some(id)) = (&current, id)
            && *collecting != id
        {
            break;
        }
        match (id, ElementKey::decode(key)) {
            (Some(id), Ok((_, element))) => {
                count(&mut current.get_or_insert((id, Found::default())).1, &element, value);
            }
            _ => report.add(Finding::Undecodable { family: Family::Data(family).name(), key: key.to_vec() }),
        }
        cursor.advance();
    }
    Ok(current)
}

fn count(found: &mut Found, element: &ElementKey<'_>, value: &[u8]) {
    found.entries += 1;
    match element {
        ElementKey::HashField(_) => found.hash_fields += 1,
        ElementKey::SetMember(_) => found.set_members += 1,
        ElementKey::ListItem(_) => found.list_items += 1,
        ElementKey::SortedMember(_) => found.sorted_members += 1,
        ElementKey::SortedScore(..) => found.sorted_scores += 1,
        ElementKey::StringPiece(number) => {
            found.string_pieces += 1;
            found.string_end = u64::from(*number) * wide(STRING_PIECE_BYTES) + wide(value.len());
        }
    }
}

/// Judges an id that a record or an entry names.
fn judge(checked: &Checked, owner: Owner, found: Found, report: &mut CheckReport) {
    let is_dead = checked.dead.family(owner.id.family()).contains(owner.id);
    let Some((data_type, recorded)) = owner.record else {
        if is_dead {
            report.dead_elements += found.entries;
        } else {
            report.live_elements += found.entries;
        }
        return;
    };
    report.live_elements += found.entries;
    if is_dead {
        report.add(Finding::BuriedAlive { id: owner.id.get() });
    }
    let (counted, belonging) = found.size_as(data_type);
    let unpaired = data_type == DataType::SortedSet && found.sorted_scores != found.sorted_members;
    if counted != recorded {
        report.add(Finding::SizeMismatch { id: owner.id.get(), recorded, counted });
    } else if unpaired {
        report.add(Finding::SizeMismatch { id: owner.id.get(), recorded, counted: found.sorted_scores });
    } else if belonging != found.entries {
        report.add(Finding::SizeMismatch { id: owner.id.get(), recorded, counted: found.entries });
    }
}

/// Judges an id that nothing names: it must be buried or being built.
fn judge_unowned(checked: &Checked, id: CollectionId, found: Found, report: &mut CheckReport) -> Result<()> {
    if checked.dead.family(id.family()).contains(id) {
        report.dead_elements += found.entries;
    } else if checked.db.get(Family::Default, &StoreKey::Building(id).encode(), None)?.is_none() {
        report.add(Finding::Leaked { id: id.get(), elements: found.entries });
    }
    Ok(())
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
