//! Lifetime classes and data families.
//!
//! What lives here: which of the 19 data families a collection is born into. It may use the
//! standard library only.
//!
//! INVARIANT: a family's number is the first byte of every id in it, and its meaning never changes.

use std::fmt;
use std::time::Duration;

/// The longest time to live of class 1.
///
/// Shorter: the common second-to-minute windows would spread over more classes, each with its own
/// memtable and half-filled files. Longer: sessions of minutes would lie among windows of seconds
/// and hold their files back.
const FIRST_CLASS_LONGEST: Duration = Duration::from_secs(60);

/// How many times longer each class lives than the one before it.
///
/// A file goes when its longest-lived collection has gone, so within a class space may be held for
/// up to this many lifetimes; a smaller factor needs more families.
const CLASS_FACTOR: u32 = 4;

/// A coarse bucket of the time to live known at birth: 0 is "none known", 1 to 9 grow by factors of
/// four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LifetimeClass(u8);

impl LifetimeClass {
    /// The class of collections without a known time to live.
    pub const NONE: Self = Self(0);

    /// The class without an upper bound.
    pub const LONGEST: Self = Self(9);

    /// The class of a collection that is born with this time to live.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use windrow::encoding::LifetimeClass;
    /// assert_eq!(LifetimeClass::for_ttl(None).number(), 0);
    /// assert_eq!(LifetimeClass::for_ttl(Some(Duration::from_secs(60))).number(), 1);
    /// assert_eq!(LifetimeClass::for_ttl(Some(Duration::from_secs(61))).number(), 2);
    /// ```
    pub fn for_ttl(ttl: Option<Duration>) -> Self {
        let Some(ttl) = ttl else { return Self::NONE };
        (1..=Self::LONGEST.0)
            .map(Self)
            .find(|class| class.longest().is_none_or(|longest| ttl <= longest))
            .unwrap_or(Self::LONGEST)
    }

    /// The class with this number, 0 to 9.
    pub const fn from_number(number: u8) -> Option<Self> {
        if number <= Self::LONGEST.0 { Some(Self(number)) } else { None }
    }

    /// The number of the class, 0 to 9.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The longest time to live in this class; none for classes 0 and 9, which have no bound.
    pub fn longest(self) -> Option<Duration> {
        if self == Self::NONE || self == Self::LONGEST {
            return None;
        }
        let factor = CLASS_FACTOR.checked_pow(u32::from(self.0) - 1)?;
        FIRST_CLASS_LONGEST.checked_mul(factor)
    }
}

/// Whether a collection is expected to be written after its creating batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Habit {
    /// Written by its creating batch and then left alone.
    Closed,
    /// Expected to be written later.
    Growing,
}

/// The number of a data family: a column family for one lifetime class and one habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataFamily(u8);

impl DataFamily {
    /// How many data families there are.
    pub const COUNT: usize = 19;

    const LAST: u8 = 18;

    /// The data family with this number, 0 to 18.
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::LAST { Some(Self(number)) } else { None }
    }

    /// The family that a collection of this class and habit is born into. Class 0 has one family
    /// for both habits.
    pub const fn for_birth(class: LifetimeClass, habit: Habit) -> Self {
        match (class.0, habit) {
            (0, _) => Self(0),
            (k, Habit::Closed) => Self(2 * k - 1),
            (k, Habit::Growing) => Self(2 * k),
        }
    }

    /// The number of the family, 0 to 18: the first byte of its ids.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The number of the family as an index into a table of [`DataFamily::COUNT`] entries.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The lifetime class of the family.
    pub const fn class(self) -> LifetimeClass {
        LifetimeClass(self.0.div_ceil(2))
    }

    /// The habit of the family; family 0 serves both and counts as growing.
    pub const fn habit(self) -> Habit {
        if self.0 % 2 == 1 { Habit::Closed } else { Habit::Growing }
    }

    /// All data families, in the order of their numbers.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + Clone {
        (0..Self::LAST + 1).map(Self)
    }
}

impl fmt::Display for DataFamily {
    /// The name of the column family, such as `data-7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data-{}", self.0)
    }
}
