//! Where new collections go, and what commits tell about the habits of keys.
//!
//! May use the habits and the plans. Invariant: nothing but the place of elements depends on what was learnt.

use std::time::Duration;

use crate::encoding::{CollectionId, DataFamily, HabitsFile, KeyspaceNo, LifetimeClass, Meta, UnixMillis};
use crate::engine::Engine;
use crate::gc::ReclaimCounters;
use crate::habits::{Born, DEFAULT_HABIT, Patterns};
use crate::types::{Change, Home, KeyPlan, Lot, NewRecord, Origin};

/// The family that was chosen for a new collection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) family: DataFamily,
    /// What is to be learnt of it; nothing in a keyspace that is not there yet.
    pub(super) born: Option<Born>,
}

/// What a commit tells about the habits of one key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lesson {
    /// A collection was born under an id.
    Born { id: CollectionId, born: Born },
    /// A collection without an expiry got one.
    Expires { patterns: Patterns, id: CollectionId, age: Duration, left: Duration },
    /// A collection lost its expiry.
    NeverExpires { patterns: Patterns },
    /// A collection ended without one.
    EndsWithout { patterns: Patterns, id: CollectionId },
    /// A collection was moved to a longer-lived class.
    Promoted,
}

impl Lesson {
    /// What the change of a living record tells.
    /// Under another id it is another collection, unless that goes on under it.
    pub(super) fn of_change(keyspace: KeyspaceNo, key: &[u8], old: &Meta, new: &Meta, origin: Origin) -> Option<Self> {
        let id = old.id()?;
        let patterns = || Patterns::of(keyspace, key);
        match (old.expires_at, new.expires_at) {
            _ if new.id() != Some(id) && origin == Origin::Birth => Self::of_end(keyspace, key, old),
            (None, Some(expires_at)) => {
                let age = new.updated_at.saturating_since(old.created_at);
                let left = expires_at.saturating_since(new.updated_at);
                Some(Self::Expires { patterns: patterns(), id, age, left })
            }
            (Some(_), None) => Some(Self::NeverExpires { patterns: patterns() }),
            _ => None,
        }
    }

    /// What the burial of a record's collection tells.
    pub(super) fn of_end(keyspace: KeyspaceNo, key: &[u8], old: &Meta) -> Option<Self> {
        let id = old.id().filter(|_| old.expires_at.is_none())?;
        Some(Self::EndsWithout { patterns: Patterns::of(keyspace, key), id })
    }
}

impl Engine {
    /// Chooses the family of a plan's new collection, if it makes one.
    pub(super) fn place_plan(&self, keyspace: KeyspaceNo, plan: &KeyPlan<'_>) -> Option<Placed> {
        match &plan.change {
            Change::Put(NewRecord { home: Home::NewId { lot, .. }, expires_at, .. }) => {
                let mut placed = self.place_birth(Some((keyspace, plan.key)), *lot, *expires_at, plan.now);
                if plan.origin != Origin::Birth {
                    placed.born = None;
                }
                Some(placed)
            }
            _ => None,
        }
    }

    /// Chooses the family of a collection: what is said of it counts, then the time it has to live, then what keys like it
    /// usually do.
    pub(super) fn place_birth(
        &self,
        key: Option<(KeyspaceNo, &[u8])>,
        lot: Lot,
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Placed {
        let patterns = key.map(|(keyspace, key)| Patterns::of(keyspace, key));
        let foreseen = patterns.map(|patterns| self.habits.foresee(patterns)).unwrap_or_default();
        let lifetime = expires_at.map(|expires_at| expires_at.saturating_since(now));
        let known = lot.class.or_else(|| lifetime.map(|lifetime| LifetimeClass::for_ttl(Some(lifetime))));
        let class = known.or(foreseen.class).unwrap_or(LifetimeClass::NONE);
        let habit = lot.habit.or(foreseen.habit).unwrap_or(DEFAULT_HABIT);
        let is_guess = known.is_none() && foreseen.class.is_some();
        // Class 0 has one family for both habits.
        let is_habit_guess = lot.habit.is_none() && foreseen.habit.is_some() && class != LifetimeClass::NONE;
        let has_expiry = expires_at.is_some();
        let born = patterns.map(|patterns| Born { patterns, has_expiry, is_guess, is_habit_guess });
        Placed { family: DataFamily::for_birth(class, habit), born }
    }

    /// Takes in what the last session learnt. What cannot be read is counted and learnt again.
    pub(super) fn restore_habits(&self) {
        match self.directory.read_habits() {
            Ok(None) => {}
            Ok(Some(bytes)) => match HabitsFile::decode(&bytes) {
                Ok(file) => self.habits.restore(&file),
                Err(error) => {
                    tracing::warn!(%error, "what was learnt of keys is lost");
                    ReclaimCounters::add(&self.filters.undecodable, 1);
                }
            },
            Err(error) => tracing::warn!(%error, "what was learnt of keys cannot be read"),
        }
    }

    /// Saves what was learnt. A failure costs what was learnt since, and no more.
    pub(super) fn save_habits(&self, file: &HabitsFile) {
        if let Err(error) = self.directory.write_habits(&file.encode()) {
            tracing::warn!(%error, "what was learnt of keys cannot be saved");
        }
    }

    /// Takes what a commit tells to heart.
    pub(super) fn learn(&self, lessons: impl IntoIterator<Item = Lesson>, now: UnixMillis) {
        for lesson in lessons {
            match lesson {
                Lesson::Born { id, born } => self.habits.born(id, born, now),
                Lesson::Expires { patterns, id, age, left } => self.habits.expires(patterns, id, age, left),
                Lesson::NeverExpires { patterns } => self.habits.never_expires(patterns),
                Lesson::EndsWithout { patterns, id } => self.habits.ends_without_expiry(patterns, id),
                Lesson::Promoted => self.habits.promoted(),
            }
        }
    }
}
