//! What can happen to a key, with Redis' names, and the notes that a plan takes of it.
//!
//! May use the plan. Invariant: the names and classes are those of Redis' keyspace notifications.

use crate::encoding::UnixMillis;
use crate::types::{Before, Change, NewRecord};

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $class:ident,)*) => {
        /// What happened to a key: one variant for each event that Redis notifies of.
        ///
        /// # Examples
        /// ```
        /// use windrow::{EventClass, EventKind};
        /// assert_eq!(EventKind::RenameFrom.name(), "rename_from");
        /// assert_eq!(EventKind::RenameFrom.class(), EventClass::Generic);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
        }

        impl EventKind {
            /// Every kind there is.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name that Redis gives the event.
            ///
            /// # Examples
            /// ```
            /// assert_eq!(windrow::EventKind::ZPopMin.name(), "zpopmin");
            /// ```
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The class in which Redis counts the event.
            ///
            /// # Examples
            /// ```
            /// use windrow::{EventClass, EventKind};
            /// assert_eq!(EventKind::SortStore.class(), EventClass::List);
            /// ```
            #[must_use]
            pub const fn class(self) -> EventClass {
                match self {
                    $(Self::$kind => EventClass::$class,)*
                }
            }
        }
    };
}

event_kinds! {
    /// The key is gone: deleted, emptied, replaced by an empty result, or given an expiry that has passed.
    Del "del" Generic,
    /// The key was given an expiry.
    Expire "expire" Generic,
    /// The key's expiry was taken away.
    Persist "persist" Generic,
    /// The key was renamed; it is the old name.
    RenameFrom "rename_from" Generic,
    /// A key was renamed; it is the new name.
    RenameTo "rename_to" Generic,
    /// The key was moved to another db; it is where it was.
    MoveFrom "move_from" Generic,
    /// A key was moved from another db; it is where it is now.
    MoveTo "move_to" Generic,
    /// A key was copied to this one.
    CopyTo "copy_to" Generic,
    /// The key was restored from a dump.
    Restore "restore" Generic,
    /// A string was set, also as the result of a combination of bits.
    Set "set" String,
    /// A part of a string was overwritten.
    SetRange "setrange" String,
    /// Something was appended to a string, be it nothing.
    Append "append" String,
    /// A number was incremented or decremented.
    IncrBy "incrby" String,
    /// A floating-point number was incremented.
    IncrByFloat "incrbyfloat" String,
    /// Bits of a string were changed.
    SetBit "setbit" String,
    /// A HyperLogLog was changed or merged into.
    PfAdd "pfadd" String,
    /// Items were added at a list's left end.
    LPush "lpush" List,
    /// Items were added at a list's right end.
    RPush "rpush" List,
    /// Items were taken from a list's left end.
    LPop "lpop" List,
    /// Items were taken from a list's right end.
    RPop "rpop" List,
    /// An item was inserted beside another one.
    LInsert "linsert" List,
    /// An item of a list was replaced.
    LSet "lset" List,
    /// Items of a list were removed by their value.
    LRem "lrem" List,
    /// A list was cut, be it that all of it was kept.
    LTrim "ltrim" List,
    /// The result of a sort was stored.
    SortStore "sortstore" List,
    /// Fields of a hash were set.
    HSet "hset" Hash,
    /// A field's number was incremented.
    HIncrBy "hincrby" Hash,
    /// A field's floating-point number was incremented.
    HIncrByFloat "hincrbyfloat" Hash,
    /// Fields of a hash were deleted.
    HDel "hdel" Hash,
    /// Members were added to a set.
    SAdd "sadd" Set,
    /// Members of a set were removed.
    SRem "srem" Set,
    /// Members of a set were taken at random.
    SPop "spop" Set,
    /// An intersection of sets was stored.
    SInterStore "sinterstore" Set,
    /// A union of sets was stored.
    SUnionStore "sunionstore" Set,
    /// A difference of sets was stored.
    SDiffStore "sdiffstore" Set,
    /// Members were added to a sorted set, or given other scores.
    ZAdd "zadd" SortedSet,
    /// A member's score was incremented.
    ZIncr "zincr" SortedSet,
    /// Members of a sorted set were removed.
    ZRem "zrem" SortedSet,
    /// Members of a sorted set were removed by their scores.
    ZRemRangeByScore "zremrangebyscore" SortedSet,
    /// Members of a sorted set were removed by their ranks.
    ZRemRangeByRank "zremrangebyrank" SortedSet,
    /// Members of a sorted set were removed by their names.
    ZRemRangeByLex "zremrangebylex" SortedSet,
    /// Members with the lowest scores were taken.
    ZPopMin "zpopmin" SortedSet,
    /// Members with the highest scores were taken.
    ZPopMax "zpopmax" SortedSet,
    /// A range of a sorted set was stored.
    ZRangeStore "zrangestore" SortedSet,
    /// A union of sorted sets was stored.
    ZUnionStore "zunionstore" SortedSet,
    /// An intersection of sorted sets was stored.
    ZInterStore "zinterstore" SortedSet,
    /// A difference of sorted sets was stored.
    ZDiffStore "zdiffstore" SortedSet,
    /// The result of a search by place was stored.
    GeoSearchStore "geosearchstore" SortedSet,
    /// The key's time was over.
    Expired "expired" Expired,
    /// A key came into being, be it in the place of another one that it was renamed to, copied to or restored over. Comes
    /// before the event that says how.
    New "new" New,
}

/// The classes of events, as in Redis' `notify-keyspace-events`.
///
/// # Examples
/// ```
/// use windrow::EventClass;
/// assert_eq!(EventClass::SortedSet.letter(), 'z');
/// assert_eq!(EventClass::from_letter('$'), Some(EventClass::String));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EventClass {
    /// What can happen to keys of any type: `g`.
    Generic,
    /// `$`.
    String,
    /// `l`.
    List,
    /// `h`.
    Hash,
    /// `s`.
    Set,
    /// `z`.
    SortedSet,
    /// Keys whose time is over: `x`.
    Expired,
    /// Keys that come into being: `n`. As in Redis, `A` does not include it.
    New,
}

impl EventClass {
    const ALL: [Self; 8] =
        [Self::Generic, Self::String, Self::List, Self::Hash, Self::Set, Self::SortedSet, Self::Expired, Self::New];

    /// The letter that stands for the class in Redis' configuration.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(windrow::EventClass::Expired.letter(), 'x');
    /// ```
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Generic => 'g',
            Self::String => '$',
            Self::List => 'l',
            Self::Hash => 'h',
            Self::Set => 's',
            Self::SortedSet => 'z',
            Self::Expired => 'x',
            Self::New => 'n',
        }
    }

    /// The class for which a letter stands; `None` for the letters of what windrow has no events of, and for `A`, `K` and `E`.
    ///
    /// # Examples
    /// ```
    /// use windrow::EventClass;
    /// assert_eq!(EventClass::from_letter('g'), Some(EventClass::Generic));
    /// assert_eq!(EventClass::from_letter('t'), None);
    /// ```
    #[must_use]
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.letter() == letter)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventKinds(u64);

impl EventKinds {
    /// All but those of new keys, which Redis does not count among "all" either.
    pub(crate) fn usual() -> Self {
        let usual = EventKind::ALL.iter().filter(|kind| **kind != EventKind::New);
        usual.fold(Self::default(), |kinds, kind| kinds.with(*kind))
    }

    /// Every kind.
    pub(crate) fn all() -> Self {
        Self::usual().with(EventKind::New)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn with(self, kind: EventKind) -> Self {
        Self(self.0 | 1 << kind as u64)
    }

    pub(crate) fn with_class(self, class: EventClass) -> Self {
        let of_class = EventKind::ALL.iter().filter(|kind| kind.class() == class);
        of_class.fold(self, |kinds, kind| kinds.with(*kind))
    }

    pub(crate) fn has(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u64 != 0
    }
}

/// What an operation says has happened to one key, in order. Nothing is kept if nobody wants to know.
#[derive(Debug)]
pub(crate) struct Notes {
    is_heard: bool,
    kinds: Vec<EventKind>,
}

impl Notes {
    pub(crate) fn new(is_heard: bool) -> Self {
        Self { is_heard, kinds: Vec::new() }
    }

    #[inline]
    pub(crate) fn add(&mut self, kind: EventKind) {
        if self.is_heard {
            self.kinds.push(kind);
        }
    }

    /// Forgets what was noted.
    pub(crate) fn clear(&mut self) {
        self.kinds.clear();
    }

    /// Completes the notes by what the planned change itself says, and hands them out.
    pub(crate) fn complete(&mut self, before: &Before, change: &Change, now: UnixMillis) -> Vec<EventKind> {
        if !self.is_heard {
            return Vec::new();
        }
        let mut kinds = std::mem::take(&mut self.kinds);
        let lived = matches!(before, Before::Live(_));
        match change {
            // What is written with an expiry that has passed is not written: at most it takes away what was there.
            Change::Put(record) if record.expires_at.is_some_and(|expires_at| expires_at <= now) => {
                kinds.clear();
                kinds.extend(lived.then_some(EventKind::Del));
            }
            Change::Put(record) => complete_put(&mut kinds, lived, record),
            Change::Remove if lived => kinds.push(EventKind::Del),
            Change::Nothing | Change::Remove | Change::MoveAway | Change::Elements(_) => {}
        }
        kinds
    }
}

/// What comes into being with an expiry gets it as if it were given it afterwards, but for what takes it along.
fn complete_put(kinds: &mut Vec<EventKind>, lived: bool, record: &NewRecord) {
    use EventKind as Kind;
    let Some(last) = kinds.last().copied() else { return };
    let is_stored = matches!(
        last,
        Kind::SUnionStore
            | Kind::SInterStore
            | Kind::SDiffStore
            | Kind::ZUnionStore
            | Kind::ZInterStore
            | Kind::ZDiffStore
            | Kind::ZRangeStore
            | Kind::GeoSearchStore
    );
    let comes_whole = matches!(last, Kind::RenameTo | Kind::MoveTo | Kind::CopyTo | Kind::Restore);
    if record.expires_at.is_some() && (is_stored || !lived) && !comes_whole && last != Kind::Expire {
        kinds.push(Kind::Expire);
    }
    // As in Redis, what comes whole is a new key also where another one lived.
    if !lived || comes_whole {
        kinds.insert(0, Kind::New);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_a_place_in_the_set() {
        assert!(EventKind::ALL.len() <= 64);
        for (place, kind) in EventKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place);
            assert_eq!(EventKind::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1, "{kind:?}");
            assert_eq!(EventKinds::usual().has(*kind), *kind != EventKind::New);
            assert!(EventKinds::default().with_class(kind.class()).has(*kind));
            assert_eq!(EventClass::from_letter(kind.class().letter()), Some(kind.class()));
        }
        let lists = EventKinds::default().with_class(EventClass::List);
        assert!(lists.has(EventKind::LPush) && !lists.has(EventKind::SPop));
    }
}
