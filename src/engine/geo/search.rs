//! Searches for places, read or stored.
//!
//! Uses the read and write paths and `types::geo`. Invariant: the middle and the places around it are of one moment.

use crate::encoding::{DataType, Meta};
use crate::engine::geo::GeoFrom;
use crate::engine::write::distinct;
use crate::engine::zsets::as_zset;
use crate::engine::{CreateOptions, Geo, GeoSearch, Source, Writable};
use crate::error::{Error, ErrorKind, Result};
use crate::types::geo::cell::position_of;
use crate::types::geo::search::{self, GeoFound, Query};
use crate::types::{Elements, KeyPlan, Reader, zset};

impl<S: Source> Geo<'_, S> {
    /// Returns the places within a circle or a box, each with its position, distance and hash (GEOSEARCH). Without an order they
    /// come as they are met: area by area, in the order of their hashes.
    ///
    /// The older commands are searches too: GEORADIUS is [`GeoSearch::circle`] around a position, GEORADIUSBYMEMBER around a
    /// member, their read-only forms the same; with STORE or STOREDIST they are [`Geo::search_store`] and
    /// [`Geo::search_store_distances`].
    ///
    /// Costs a snapshot and the reading of up to nine ranges of scores, which cover the shape and up to some dozen times its area.
    /// Only what is found is in memory, and with [`GeoSearch::count`] no more than the count.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); [`NoSuchMember`](crate::ErrorKind::NoSuchMember) if the key exists without the
    /// member around which it is searched (a missing key has no places, and that is no error);
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a place that there is not; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// for a length below zero or a count of 0; [`NotANumber`](crate::ErrorKind::NotANumber); reading errors.
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
    /// let search = GeoSearch::circle(GeoPosition::new(15.0, 37.0), 200.0, GeoUnit::Kilometers).nearest_first();
    /// for place in db.geo().search("sicily", search)? {
    ///     println!("{}: {:.4} km", place.member.escape_ascii(), place.distance);
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias("GEOSEARCH", "GEORADIUS", "GEORADIUSBYMEMBER", "GEORADIUS_RO", "GEORADIUSBYMEMBER_RO"))]
    pub fn search(&self, key: impl AsRef<[u8]>, search: GeoSearch<'_>) -> Result<Vec<GeoFound>> {
        let reading = self.db.begin()?.steady();
        let meta = as_zset(reading.live(key.as_ref())?)?;
        match resolve(&reading.reader, meta.as_ref(), &search)? {
            Some((meta, query)) => query.collect(&Elements::of(&reading.reader, meta)?, meta.size),
            None => Ok(Vec::new()),
        }
    }
}

impl<S: Writable> Geo<'_, S> {
    /// Stores what [`Geo::search`] would find in place of whatever `destination` holds; returns how many places there are
    /// (GEOSEARCHSTORE). Nothing to store removes it. Without a count, nothing is held in memory but one commit, and above a few
    /// MiB several are made that become visible together.
    ///
    /// # Errors
    /// As [`Geo::search`]; writing errors.
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
    /// let search = GeoSearch::circle("Catania", 100.0, GeoUnit::Kilometers);
    /// assert_eq!(db.geo().search_store("near catania", "sicily", search)?, 1);
    /// assert!(db.geo().position("near catania", "Catania")?.is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOSEARCHSTORE")]
    pub fn search_store(
        &self,
        destination: impl AsRef<[u8]>,
        source: impl AsRef<[u8]>,
        search: GeoSearch<'_>,
    ) -> Result<u64> {
        self.search_store_with(destination, source, search, CreateOptions::new())
    }

    /// Stores a search as [`Geo::search_store`] does, and says how the new set is to be born.
    ///
    /// # Errors
    /// As [`Geo::search_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, GeoPosition, GeoSearch, GeoUnit, Ttl};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(13.5, 38.0))])?;
    /// let minute = CreateOptions::new().expire_in(std::time::Duration::from_secs(60));
    /// db.geo().search_store_with("cache", "g", GeoSearch::circle("a", 1.0, GeoUnit::Miles), minute)?;
    /// assert!(matches!(db.ttl("cache")?, Ttl::In(_)));
    /// # Ok(()) }
    /// ```
    pub fn search_store_with(
        &self,
        destination: impl AsRef<[u8]>,
        source: impl AsRef<[u8]>,
        search: GeoSearch<'_>,
        create: CreateOptions,
    ) -> Result<u64> {
        self.store(destination.as_ref(), source.as_ref(), search, false, create)
    }

    /// Stores what [`Geo::search`] would find, as [`Geo::search_store`] does, with the distances as scores, in the search's unit
    /// (STOREDIST).
    ///
    /// # Errors
    /// As [`Geo::search_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{GeoPosition, GeoSearch, GeoUnit, ZEnd};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(0.0, 0.2)), ("b", GeoPosition::new(0.0, 0.1))])?;
    /// db.geo().search_store_distances("queue", "g", GeoSearch::circle("b", 50.0, GeoUnit::Kilometers))?;
    /// assert_eq!(db.zsets().score("queue", "b")?, Some(0.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GEOSEARCHSTORE")]
    pub fn search_store_distances(
        &self,
        destination: impl AsRef<[u8]>,
        source: impl AsRef<[u8]>,
        search: GeoSearch<'_>,
    ) -> Result<u64> {
        self.search_store_distances_with(destination, source, search, CreateOptions::new())
    }

    /// Stores distances as [`Geo::search_store_distances`] does, and says how the new set is to be born.
    ///
    /// # Errors
    /// As [`Geo::search_store`].
    ///
    /// # Examples
    /// ```
    /// use windrow::{CreateOptions, GeoPosition, GeoSearch, GeoUnit};
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.geo().add("g", [("a", GeoPosition::new(13.5, 38.0))])?;
    /// let search = GeoSearch::circle("a", 1.0, GeoUnit::Feet);
    /// assert_eq!(db.geo().search_store_distances_with("d", "g", search, CreateOptions::new().growing())?, 1);
    /// # Ok(()) }
    /// ```
    pub fn search_store_distances_with(
        &self,
        destination: impl AsRef<[u8]>,
        source: impl AsRef<[u8]>,
        search: GeoSearch<'_>,
        create: CreateOptions,
    ) -> Result<u64> {
        self.store(destination.as_ref(), source.as_ref(), search, true, create)
    }

    fn store(
        &self,
        destination: &[u8],
        source: &[u8],
        search: GeoSearch<'_>,
        with_distances: bool,
        create: CreateOptions,
    ) -> Result<u64> {
        let (keys, _) = distinct(&[destination, source]);
        self.db.write_keys(&keys, |plans| {
            // With one key alone, it is both.
            let meta = plans.last().map(|source| source.live_as(DataType::SortedSet)).transpose()?.flatten().cloned();
            let destination: &mut KeyPlan<'_> = plans.first_mut().ok_or_else(|| Error::invalid("no key"))?;
            let source = resolve(destination.reader, meta.as_ref(), &search)?;
            let birth = create.birth(destination.now)?;
            search::store(destination, source, with_distances, birth)
        })
    }
}

/// Finds out what is looked for in this set; `None` if there is no set.
///
/// ORDER: a missing member is told before a wrong length, and that even if there is no set, as in Redis.
fn resolve<'m>(reader: &Reader, meta: Option<&'m Meta>, search: &GeoSearch<'_>) -> Result<Option<(&'m Meta, Query)>> {
    let middle = match (search.from, meta) {
        (GeoFrom::Position(position), _) => {
            position.check()?;
            position
        }
        (GeoFrom::Member(member), Some(meta)) => {
            position_of(zset::score(&Elements::of(reader, meta)?, member)?.ok_or_else(no_such_member)?)
        }
        (GeoFrom::Member(_), None) => return search.check().map(|()| None),
    };
    let query = search.query(middle)?;
    Ok(meta.map(|meta| (meta, query)))
}

fn no_such_member() -> Error {
    Error::new(ErrorKind::NoSuchMember, "the member around which is searched is not there")
}
