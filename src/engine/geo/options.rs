//! What a search of places looks for.
//!
//! Uses `types::geo`. Invariant: plain data; whether it makes sense is checked by the search.

use crate::error::{Error, Result};
use crate::types::Direction;
use crate::types::geo::search::Query;
use crate::types::geo::{GeoPosition, GeoUnit, Shape};

/// The middle of a search: a place, or a member of the set that is searched (FROMLONLAT, FROMMEMBER).
///
/// # Examples
/// ```
/// use windrow::{GeoFrom, GeoPosition, GeoSearch, GeoUnit};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.geo().add("g", [("here", GeoPosition::new(13.5, 38.0))])?;
/// for middle in [GeoFrom::Member(b"here"), GeoFrom::Position(GeoPosition::new(13.5, 38.0))] {
///     assert_eq!(db.geo().search("g", GeoSearch::circle(middle, 1.0, GeoUnit::Meters))?.len(), 1);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GeoFrom<'a> {
    /// Where this member is.
    Member(&'a [u8]),
    /// A place.
    Position(GeoPosition),
}

impl From<GeoPosition> for GeoFrom<'_> {
    fn from(position: GeoPosition) -> Self {
        Self::Position(position)
    }
}

/// A member in any form whose bytes can be looked at: `&str`, `&[u8]`, `&String`, `&Vec<u8>`, `&Bytes` and their like.
impl<'a, M: AsRef<[u8]> + ?Sized> From<&'a M> for GeoFrom<'a> {
    fn from(member: &'a M) -> Self {
        Self::Member(member.as_ref())
    }
}

/// A search: a circle or a box around a place or a member, in which order places are wanted, and how many (GEOSEARCH).
///
/// # Examples
/// ```
/// use windrow::{GeoPosition, GeoSearch, GeoUnit};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let (palermo, catania) = (GeoPosition::new(13.361389, 38.115556), GeoPosition::new(15.087269, 37.502669));
/// db.geo().add("sicily", [("Palermo", palermo), ("Catania", catania)])?;
/// let nearest = GeoSearch::circle("Palermo", 200.0, GeoUnit::Kilometers).nearest_first().count(2);
/// let found = db.geo().search("sicily", nearest)?;
/// assert_eq!(found.iter().map(|place| place.member.as_ref()).collect::<Vec<_>>(), [b"Palermo", b"Catania"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct GeoSearch<'a> {
    pub(super) from: GeoFrom<'a>,
    shape: Shape,
    unit: GeoUnit,
    order: Option<Direction>,
    count: Option<u64>,
    any: bool,
}

impl<'a> GeoSearch<'a> {
    /// Searches within a radius (BYRADIUS), as far as the sphere goes. The unit is that of the distances found, too.
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let near = GeoSearch::circle(GeoPosition::new(13.5, 38.0), 5.0, GeoUnit::Miles);
    /// assert!(store.db(0).geo().search("missing", near)?.is_empty());
    /// # Ok(()) }
    /// ```
    pub fn circle(from: impl Into<GeoFrom<'a>>, radius: f64, unit: GeoUnit) -> Self {
        Self::of(from.into(), Shape::Circle { radius }, unit)
    }

    /// Searches within a box whose middle is `from`: half of its width to the east and to the west, half of its height to the
    /// north and to the south (BYBOX).
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// let (here, north) = (GeoPosition::new(0.0, 0.0), GeoPosition::new(0.0, 0.5));
    /// db.geo().add("g", [("here", here), ("north", north)])?;
    /// assert_eq!(db.geo().search("g", GeoSearch::rectangle("here", 1.0, 120.0, GeoUnit::Kilometers))?.len(), 2);
    /// assert_eq!(db.geo().search("g", GeoSearch::rectangle("here", 120.0, 1.0, GeoUnit::Kilometers))?.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn rectangle(from: impl Into<GeoFrom<'a>>, width: f64, height: f64, unit: GeoUnit) -> Self {
        Self::of(from.into(), Shape::Box { width, height }, unit)
    }

    fn of(from: GeoFrom<'a>, shape: Shape, unit: GeoUnit) -> Self {
        Self { from, shape, unit, order: None, count: None, any: false }
    }

    /// Gives the nearest first (ASC).
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(0.0, 0.2)), ("b", GeoPosition::new(0.0, 0.1))])?;
    /// let found = db.geo().search("g", GeoSearch::circle("b", 50.0, GeoUnit::Kilometers).nearest_first())?;
    /// assert_eq!(found[0].member, "b");
    /// # Ok(()) }
    /// ```
    pub fn nearest_first(mut self) -> Self {
        self.order = Some(Direction::Ascending);
        self
    }

    /// Gives the farthest first (DESC).
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(0.0, 0.2)), ("b", GeoPosition::new(0.0, 0.1))])?;
    /// let found = db.geo().search("g", GeoSearch::circle("b", 50.0, GeoUnit::Kilometers).farthest_first())?;
    /// assert_eq!(found[0].member, "a");
    /// # Ok(()) }
    /// ```
    pub fn farthest_first(mut self) -> Self {
        self.order = Some(Direction::Descending);
        self
    }

    /// Gives up to `count` places, those that come first in the order; without an order the nearest (COUNT). All places within
    /// are looked at, and no more than `count` are held. 0 is refused.
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(0.0, 0.2)), ("b", GeoPosition::new(0.0, 0.1))])?;
    /// let found = db.geo().search("g", GeoSearch::circle("b", 50.0, GeoUnit::Kilometers).count(1))?;
    /// assert_eq!((found.len(), found[0].member.as_ref()), (1, b"b".as_slice()));
    /// # Ok(()) }
    /// ```
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self.any = false;
        self
    }

    /// Gives the first `count` places that are met, wherever within they lie, and stops there (COUNT with ANY). An order is
    /// that of these places alone. 0 is refused.
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(0.0, 0.2)), ("b", GeoPosition::new(0.0, 0.1))])?;
    /// assert_eq!(db.geo().search("g", GeoSearch::circle("b", 50.0, GeoUnit::Kilometers).any(1))?.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn any(mut self, count: u64) -> Self {
        self.count = Some(count);
        self.any = true;
        self
    }

    /// What is looked for around `middle`. Refuses what makes no sense.
    pub(super) fn query(&self, middle: GeoPosition) -> Result<Query> {
        self.check()?;
        let Self { shape, unit, order, count, any, .. } = *self;
        Ok(Query { middle, shape, unit, order, count, any })
    }

    pub(super) fn check(&self) -> Result<()> {
        self.shape.check()?;
        if self.count == Some(0) { Err(Error::invalid("COUNT must be > 0")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_taken_in_any_form() {
        let (text, bytes) = (String::from("m"), vec![b'm']);
        let shared = bytes::Bytes::from_static(b"m");
        let froms: [GeoFrom<'_>; 7] = [
            "m".into(),
            (&text).into(),
            (&bytes).into(),
            (&shared).into(),
            b"m".into(),
            (&*bytes).into(),
            (&"m").into(),
        ];
        assert!(froms.iter().all(|from| *from == GeoFrom::Member(b"m")));
    }
}
