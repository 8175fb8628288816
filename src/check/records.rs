//! Checks meta records, expire entries and key counts against each other.
//!
//! May use what [`Checked`] holds. Invariant: when it returns, every id that something still names is in the
//! list of owners.

use std::collections::HashMap;

use super::{CheckReport, Checked, Finding};
use crate::encoding::{
    CollectionId, CountValue, DataType, ExpireKey, ExpireValue, KeyspaceNo, Meta, MetaKey, StoreKey, UnixMillis,
};
use crate::error::Result;
use crate::store::{Cursor, Family, Scan};

/// Who names an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) id: CollectionId,
    /// What a living record says of it; `None` for what only waits to be buried.
    pub(super) record: Option<(DataType, u64)>,
}

/// What the walks add up.
struct Tally<'a> {
    checked: &'a Checked,
    report: &'a mut CheckReport,
    owners: Vec<Owner>,
    counts: HashMap<KeyspaceNo, i64>,
}

/// Walks over records and entries; returns the owners of ids, sorted.
pub(super) fn check(checked: &Checked, now: UnixMillis, report: &mut CheckReport) -> Result<Vec<Owner>> {
    let mut tally = Tally { checked, report, owners: Vec::new(), counts: HashMap::new() };
    tally.walk_records()?;
    tally.walk_entries(now)?;
    tally.compare_counts()?;
    let mut owners = tally.owners;
    owners.sort_unstable();
    // In place: of those who name an id, the last one stays, because a record sorts behind an entry.
    owners.dedup_by(|owner, kept| {
        let is_same = owner.id == kept.id;
        if is_same {
            if owner.record.is_some() && kept.record.is_some() {
                report.add(Finding::SharedId { id: owner.id.get() });
            }
            *kept = *owner;
        }
        is_same
    });
    Ok(owners)
}

impl Tally<'_> {
    fn walk_records(&mut self) -> Result<()> {
        let mut cursor = Cursor::open(&self.checked.db, Family::Meta, scan(Vec::new()), None);
        while let Some((key, value)) = cursor.entry()? {
            match (MetaKey::decode(self.checked.layout, key), Meta::decode(value)) {
                (Ok(name), Ok(meta)) => self.record(name.keyspace, name.user_key, &meta)?,
                _ => self.report.add(Finding::Undecodable { family: Family::Meta.name(), key: key.to_vec() }),
            }
            cursor.advance();
        }
        Ok(())
    }

    fn record(&mut self, keyspace: KeyspaceNo, user_key: &[u8], meta: &Meta) -> Result<()> {
        if !self.is_named(keyspace) {
            if !self.checked.flushed.contains(&keyspace) {
                self.report.add(Finding::StrayRecord { keyspace: keyspace.get(), key: user_key.to_vec() });
            }
            // A flushed keyspace's ids are buried by and by.
            self.owners.extend(meta.id().map(|id| Owner { id, record: None }));
            return Ok(());
        }
        let entry = meta.expires_at.map(|expires_at| ExpireKey { expires_at, keyspace, user_key }.encode());
        if entry.as_deref().is_some_and(|entry| self.is_reaped(entry)) {
            return Ok(());
        }
        self.report.keys += 1;
        self.owners.extend(meta.id().map(|id| Owner { id, record: Some((meta.data_type, meta.size)) }));
        match entry {
            None => *self.counts.entry(keyspace).or_default() += 1,
            Some(entry) => {
                let expected = ExpireValue { data_type: meta.data_type, id: meta.id() }.encode();
                if self.checked.db.get(Family::Expire, &entry, None)? != Some(expected) {
                    self.report.add(Finding::MissingExpiry { key: user_key.to_vec() });
                }
            }
        }
        Ok(())
    }

    fn walk_entries(&mut self, now: UnixMillis) -> Result<()> {
        let mut lower = self.checked.position.time.get().saturating_add(1).to_be_bytes().to_vec();
        lower = lower.max(self.checked.position.cursor.clone());
        let mut cursor = Cursor::open(&self.checked.db, Family::Expire, scan(lower), None);
        while let Some((key, value)) = cursor.entry()? {
            match (ExpireKey::decode(key), ExpireValue::decode(value)) {
                (Ok(_), Ok(_)) if self.is_reaped(key) => {}
                (Ok(entry), Ok(value)) => self.entry(&entry, value, now)?,
                _ => self.report.add(Finding::Undecodable { family: Family::Expire.name(), key: key.to_vec() }),
            }
            cursor.advance();
        }
        Ok(())
    }

    fn entry(&mut self, entry: &ExpireKey<'_>, value: ExpireValue, now: UnixMillis) -> Result<()> {
        self.owners.extend(value.id.map(|id| Owner { id, record: None }));
        if !self.is_named(entry.keyspace) {
            return Ok(());
        }
        self.report.pending_expiries += 1;
        *self.counts.entry(entry.keyspace).or_default() += 1;
        let key = MetaKey::encode(self.checked.layout, entry.keyspace, entry.user_key);
        let record = match self.checked.db.get(Family::Meta, &key, None)? {
            Some(record) => Meta::decode(&record).ok(),
            None => None,
        };
        let has_reason = match record {
            Some(meta) if meta.expires_at == Some(entry.expires_at) => true,
            // The key had expired when its record was replaced.
            Some(meta) => entry.expires_at <= meta.updated_at,
            None => entry.expires_at <= now,
        };
        if !has_reason {
            self.report.add(Finding::StrayExpiry { key: entry.user_key.to_vec() });
        }
        Ok(())
    }

    fn compare_counts(&mut self) -> Result<()> {
        let named: Vec<KeyspaceNo> = self.checked.keyspaces.current().numbers().collect();
        for keyspace in named {
            let recorded = match self.checked.db.get(Family::Default, &StoreKey::Count(keyspace).encode(), None)? {
                Some(value) => {
                    let value = CountValue::decode(&value)?;
                    if !value.residue.is_empty() {
                        let key = StoreKey::Count(keyspace).encode();
                        self.report.add(Finding::Undecodable { family: Family::Default.name(), key });
                    }
                    value.count
                }
                None => 0,
            };
            let counted = self.counts.get(&keyspace).copied().unwrap_or(0);
            if recorded != counted {
                self.report.add(Finding::CountMismatch { keyspace: keyspace.get(), recorded, counted });
            }
        }
        Ok(())
    }

    fn is_named(&self, keyspace: KeyspaceNo) -> bool {
        self.checked.keyspaces.current().by_number(keyspace).is_some()
    }

    fn is_reaped(&self, entry: &[u8]) -> bool {
        let position = &self.checked.position;
        let in_time = ExpireKey::decode(entry).is_ok_and(|entry| entry.expires_at <= position.time);
        in_time || entry <= position.cursor.as_slice()
    }
}

fn scan(lower: Vec<u8>) -> Scan {
    let mut scan = Scan::between(lower, None);
    scan.bypass_cache = true;
    scan
}
