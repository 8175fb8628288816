//! Which positions are looked for.
//!
//! Uses `types::list`. Invariant: plain data.

use crate::error::Result;
use crate::types::list::Wanted;

/// Which of the items that equal a given one [`Lists::positions`](crate::Lists::positions) returns.
///
/// # Examples
/// ```
/// use windrow::PositionOptions;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// store.db(0).lists().push_right("l", ["a", "b", "a", "a"])?;
/// let second_from_the_right = PositionOptions::new().rank(-2).count(1);
/// assert_eq!(store.db(0).lists().positions("l", "a", second_from_the_right)?, [2]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct PositionOptions {
    rank: i64,
    count: u64,
    max_len: u64,
}

impl Default for PositionOptions {
    fn default() -> Self {
        Self { rank: 1, count: 0, max_len: 0 }
    }
}

impl PositionOptions {
    /// Asks for all, from the left to the right.
    ///
    /// # Examples
    /// ```
    /// use windrow::PositionOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "a"])?;
    /// assert_eq!(store.db(0).lists().positions("l", "a", PositionOptions::new())?, [0, 2]);
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins with the `rank`-th one from the left, 1 being the first; from the right if it is negative, -1 being
    /// the last (RANK). 0 and `i64::MIN` are refused.
    ///
    /// # Examples
    /// ```
    /// use windrow::PositionOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "a"])?;
    /// assert_eq!(store.db(0).lists().positions("l", "a", PositionOptions::new().rank(2))?, [2]);
    /// assert!(store.db(0).lists().positions("l", "a", PositionOptions::new().rank(0)).is_err());
    /// # Ok(()) }
    /// ```
    pub fn rank(mut self, rank: i64) -> Self {
        self.rank = rank;
        self
    }

    /// Ends after so many (COUNT); 0, the default, is all.
    ///
    /// # Examples
    /// ```
    /// use windrow::PositionOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "a"])?;
    /// assert_eq!(store.db(0).lists().positions("l", "a", PositionOptions::new().count(1))?, [0]);
    /// # Ok(()) }
    /// ```
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Compares at most so many items, from the end at which the walk begins (MAXLEN); 0, the default, is all.
    ///
    /// # Examples
    /// ```
    /// use windrow::PositionOptions;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).lists().push_right("l", ["a", "b", "a"])?;
    /// assert_eq!(store.db(0).lists().positions("l", "a", PositionOptions::new().max_len(2))?, [0]);
    /// # Ok(()) }
    /// ```
    pub fn max_len(mut self, max_len: u64) -> Self {
        self.max_len = max_len;
        self
    }

    /// What is to be looked for, if the options make sense.
    pub(super) fn wanted(self) -> Result<Wanted> {
        let wanted = Wanted { rank: self.rank, count: self.count, max_len: self.max_len };
        wanted.validate()?;
        Ok(wanted)
    }
}
