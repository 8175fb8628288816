//! The operations on places of a db.
//!
//! Uses the sorted-set handle, the read and write paths and `types::geo`. Invariant: a set of places is a sorted set like any
//! other, which all of that handle's operations read and change.

mod options;
mod search;

pub use options::{GeoFrom, GeoSearch};

use crate::encoding::Score;
use crate::engine::{Db, Live, Source, Writable, ZAddOptions};
use crate::error::Result;
use crate::types::geo::{self, GeoPosition, GeoUnit, cell};
use crate::types::zset::ZAddOutcome;

/// The operations on places of a db or of a view's db. A key with places is a sorted set whose scores are 52-bit geohashes,
/// the same as in Redis. So places are removed by [`ZSets::remove`](crate::ZSets::remove) and counted by
/// [`ZSets::len`](crate::ZSets::len).
///
/// A place is given back as the middle of its hash's cell, at most 0.4 metres from where it was put. The earth is a sphere here,
/// as in Redis; distances are up to 0.5 percent wrong.
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
/// let near = GeoSearch::circle(GeoPosition::new(15.0, 37.0), 100.0, GeoUnit::Kilometers);
/// let found = db.geo().search("sicily", near)?;
/// assert_eq!((found.len(), found[0].member.as_ref()), (1, b"Catania".as_slice()));
/// # Ok(()) }
/// ```
pub struct Geo<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> Geo<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns where the member is, `None` if it is not there (GEOPOS of one member). Costs two point reads.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// assert_eq!(store.db(0).geo().position("sicily", "Palermo")?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOPOS")]
    pub fn position(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<GeoPosition>> {
        Ok(self.db.zsets().score(key, member)?.and_then(Score::new).map(cell::position_of))
    }

    /// Returns where members are, all of one moment, `None` for those that are not there (GEOPOS). Costs a snapshot and a
    /// point read for each member.
    ///
    /// # Errors
    /// As [`Geo::position`].
    ///
    /// # Examples
    /// ```
    /// use windrow::GeoPosition;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).geo().add("g", [("a", GeoPosition::new(13.5, 38.0))])?;
    /// let found = store.db(0).geo().positions("g", ["a", "b"])?;
    /// assert!(found[0].is_some() && found[1].is_none());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOPOS")]
    pub fn positions<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Option<GeoPosition>>> {
        let scores = self.db.zsets().mscore(key, members)?;
        Ok(scores.into_iter().map(|score| score.and_then(Score::new).map(cell::position_of)).collect())
    }

    /// Returns how far two members lie apart, `None` if one of them is not there (GEODIST). Redis writes four decimals of it.
    /// Costs a snapshot and three point reads.
    ///
    /// # Errors
    /// As [`Geo::position`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("here", GeoPosition::new(0.0, 0.0)), ("there", GeoPosition::new(0.0, 1.0))])?;
    /// let apart = db.geo().distance("g", "here", "there", GeoUnit::Kilometers)?;
    /// assert_eq!(apart.map(|apart| apart.round()), Some(111.0));
    /// assert_eq!(db.geo().distance("g", "here", "nowhere", GeoUnit::Meters)?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEODIST")]
    pub fn distance(
        &self,
        key: impl AsRef<[u8]>,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        unit: GeoUnit,
    ) -> Result<Option<f64>> {
        Ok(match self.positions(key, [from.as_ref(), to.as_ref()])?[..] {
            [Some(from), Some(to)] => Some(geo::between(from, to) / unit.meters()),
            _ => None,
        })
    }

    /// Returns the geohashes of members as other programs read them, 11 characters each, all of one moment; `None` for those
    /// that are not there (GEOHASH). The last character is always 0, as in Redis: the score holds no more bits. Costs as
    /// [`Geo::positions`].
    ///
    /// # Errors
    /// As [`Geo::position`].
    ///
    /// # Examples
    /// ```
    /// use windrow::GeoPosition;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).geo().add("sicily", [("Palermo", GeoPosition::new(13.361389, 38.115556))])?;
    /// assert_eq!(store.db(0).geo().hashes("sicily", ["Palermo", "Rome"])?, [Some("sqc8b49rny0".into()), None]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOHASH")]
    pub fn hashes<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Option<String>>> {
        let scores = self.db.zsets().mscore(key, members)?;
        Ok(scores.into_iter().map(|score| score.and_then(Score::new).map(cell::text_of)).collect())
    }
}

impl<S: Writable> Geo<'_, S> {
    /// Puts members at places, creating the set if missing; returns how many are new (GEOADD). Costs as
    /// [`ZSets::add`](crate::ZSets::add).
    ///
    /// # Errors
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a longitude beyond 180 degrees or a latitude beyond 85.05112878,
    /// [`NotANumber`](crate::ErrorKind::NotANumber), and those of [`ZSets::add`](crate::ZSets::add). Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use windrow::GeoPosition;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let geo = store.db(0);
    /// assert_eq!(geo.geo().add("buses", [("7", GeoPosition::new(13.3, 38.1)), ("9", GeoPosition::new(13.4, 38.1))])?, 2);
    /// assert_eq!(geo.geo().add("buses", [("7", GeoPosition::new(13.2, 38.1))])?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOADD")]
    pub fn add<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        places: impl IntoIterator<Item = (M, GeoPosition)>,
    ) -> Result<u64> {
        Ok(self.add_with(key, places, ZAddOptions::new())?.added)
    }

    /// Puts members at places as far as the options allow (GEOADD with NX, XX, CH), and says how a set is created that does not
    /// exist. Conditions on scores ([`ZAddOptions::if_greater`], [`ZAddOptions::if_less`]) compare hashes, which is of little
    /// use; Redis does not take them.
    ///
    /// # Errors
    /// As [`Geo::add`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for options that contradict each other.
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, ZAddOptions};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("buses", [("7", GeoPosition::new(13.3, 38.1))])?;
    /// let moved = [("7", GeoPosition::new(13.2, 38.1)), ("9", GeoPosition::new(13.4, 38.1))];
    /// let done = db.geo().add_with("buses", moved, ZAddOptions::new().if_present())?;
    /// assert_eq!((done.added, done.updated), (0, 1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOADD")]
    pub fn add_with<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        places: impl IntoIterator<Item = (M, GeoPosition)>,
        options: ZAddOptions,
    ) -> Result<ZAddOutcome> {
        let scored = |(member, position): (M, GeoPosition)| {
            position.check()?;
            Ok((member, cell::score_of(position)))
        };
        let scores = places.into_iter().map(scored).collect::<Result<Vec<_>>>()?;
        self.db.zsets().add_with(key, scores, options)
    }
}
