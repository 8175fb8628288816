//! The operations of a db on the bits of strings.
//!
//! Uses the read and write paths and `types::bits`. Invariants: names follow the Redis commands; several pieces are read at
//! one moment.

mod field;

use bytes::Bytes;

pub use field::BitField;

use crate::encoding::{DataType, Meta};
use crate::engine::strings::as_string;
use crate::engine::write::distinct;
use crate::engine::{Db, Live, Source, Writable};
use crate::error::{Error, Result};
use crate::types::bits::{self, BitOp, BitRange};
use crate::types::string::Pieces;

/// The operations of a db or of a view's db on the bits of strings. The first bit of a byte is its highest.
///
/// A large string lies in pieces of 16 KiB, and a piece that was never written is not stored: so one bit costs one piece,
/// wherever it lies, and a search, a count or a combination costs what is stored.
///
/// # Examples
/// ```
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// let bits = db.bits();
/// bits.set("seen:today", 4_000_000_000, true)?; // writes 16 KiB, not 500 MB
/// bits.set("seen:today", 17, true)?;
/// assert!(bits.get("seen:today", 17)?);
/// assert_eq!(bits.count("seen:today")?, 2);
/// # Ok(()) }
/// ```
pub struct Bits<'a, S: Source = Live> {
    pub(super) db: &'a Db<S>,
}

impl<'a, S: Source> Bits<'a, S> {
    pub(super) fn new(db: &'a Db<S>) -> Self {
        Self { db }
    }

    /// Returns a bit, clear behind the string's end and for a missing key (GETBIT). Costs one point read, and a second one
    /// for a string in pieces.
    ///
    /// # Errors
    /// [`OutOfRange`](crate::ErrorKind::OutOfRange) for a bit that no string of at most
    /// [`max_value_bytes`](crate::Options::max_value_bytes) has; [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "A")?; // 0b0100_0001
    /// assert!(store.db(0).bits().get("k", 1)?);
    /// assert!(!store.db(0).bits().get("k", 100)?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETBIT")]
    pub fn get(&self, key: impl AsRef<[u8]>, offset: u64) -> Result<bool> {
        let reading = self.db.begin()?;
        bits::check_offset(reading.engine().options.max_value_bytes, offset)?;
        match as_string(reading.live(key.as_ref())?)? {
            Some(meta) => bits::bit_at(&reading.reader, &meta, offset),
            None => Ok(false),
        }
    }

    /// Counts the set bits (BITCOUNT). Costs as [`Bits::count_in`].
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType); reading errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "foobar")?;
    /// assert_eq!(store.db(0).bits().count("k")?, 26);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITCOUNT")]
    pub fn count(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        self.count_in(key, BitRange::WHOLE)
    }

    /// Counts the set bits of a part of the string (BITCOUNT with its range). Costs one point read, and a range read over the
    /// pieces that are stored of the part, one of which is in memory at a time.
    ///
    /// # Errors
    /// As [`Bits::count`].
    ///
    /// # Examples
    /// ```
    /// use windrow::BitRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// store.db(0).strings().set("k", "foobar")?;
    /// assert_eq!(store.db(0).bits().count_in("k", BitRange::bytes(0, 0))?, 4);
    /// assert_eq!(store.db(0).bits().count_in("k", BitRange::bits(-8, -1))?, 4);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITCOUNT")]
    pub fn count_in(&self, key: impl AsRef<[u8]>, range: BitRange) -> Result<u64> {
        let count = self.over_pieces(key.as_ref(), |length, open| bits::count(&range.counted(length), open))?;
        Ok(count.unwrap_or(0))
    }

    /// Finds the first bit that is set, or clear if `bit` is false; a search for a clear bit goes on behind the string's end
    /// (BITPOS). `None` if there is none. Costs as [`Bits::count_in`], up to the piece where it is found.
    ///
    /// # Errors
    /// As [`Bits::count`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", [0x00, 0x0f])?;
    /// assert_eq!(db.bits().pos("k", true)?, Some(12));
    /// assert_eq!(db.bits().pos("k", false)?, Some(0));
    /// assert_eq!(db.bits().pos("missing", true)?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITPOS")]
    pub fn pos(&self, key: impl AsRef<[u8]>, bit: bool) -> Result<Option<u64>> {
        self.pos_in(key, bit, BitRange::WHOLE)
    }

    /// Finds the first bit as [`Bits::pos`] does, in a part of the string (BITPOS with its range). A part without an end goes on
    /// behind the string's end, if any of it is in the string; of a missing key the first clear bit is 0, whatever the part.
    ///
    /// # Errors
    /// As [`Bits::count`].
    ///
    /// # Examples
    /// ```
    /// use windrow::BitRange;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// db.strings().set("k", [0xff, 0xf0])?;
    /// assert_eq!(db.bits().pos_in("k", true, BitRange::bytes_from(1))?, Some(8));
    /// assert_eq!(db.bits().pos_in("k", false, BitRange::bytes(0, 0))?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITPOS")]
    pub fn pos_in(&self, key: impl AsRef<[u8]>, bit: bool, range: BitRange) -> Result<Option<u64>> {
        let found = self.over_pieces(key.as_ref(), |length, open| {
            let span = range.searched(length);
            let behind = (!bit && range.is_open() && !span.is_empty()).then_some(span.end);
            Ok(bits::first(&span, bit, open)?.or(behind))
        })?;
        Ok(found.unwrap_or((!bit).then_some(0)))
    }

    /// Gives a reading of a string its length and a way to open a walk over its pieces; `None` for a missing key.
    fn over_pieces<T>(&self, key: &[u8], read: impl Fn(u64, &OpenPieces<'_>) -> Result<T>) -> Result<Option<T>> {
        let of_whole = |bytes: Bytes| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            read(length, &|range| Ok(Pieces::of_bytes(bytes.clone(), &range)))
        };
        let of_pieces =
            |reader: &crate::types::Reader, meta: &Meta| read(meta.size, &|range| Pieces::of(reader, meta, range));
        self.db.strings().read(key, of_whole, of_pieces)
    }
}

/// Opens a walk over the pieces of a string that hold some of its bytes.
type OpenPieces<'o> = dyn Fn(std::ops::Range<u64>) -> Result<Pieces> + 'o;

impl<S: Writable> Bits<'_, S> {
    /// Sets or clears a bit, in a string that grows as far as needed; returns what it was (SETBIT). The key keeps its expiry.
    /// Costs a read and one commit of the record and of the piece of 16 KiB that holds the bit; nothing is written if nothing
    /// changes.
    ///
    /// # Errors
    /// As [`Bits::get`]; writing errors.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// assert!(!db.bits().set("k", 7, true)?);
    /// assert!(db.bits().set("k", 7, false)?);
    /// assert_eq!(db.strings().len("k")?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SETBIT")]
    pub fn set(&self, key: impl AsRef<[u8]>, offset: u64, bit: bool) -> Result<bool> {
        self.db.write_key(key.as_ref(), |plan| bits::set(plan, offset, bit))
    }

    /// Combines the bits of strings into the string at `destination`, without expiry and whatever it held; returns its length
    /// (BITOP). It is as long as the longest of the strings; a shorter one, as a missing key, goes on with clear bits. A result
    /// without bytes removes the destination. The destination may be one of the keys.
    ///
    /// Costs a range read over the stored pieces of each string, of [`BitOp::And`] about as many as of the one that has the
    /// fewest, and a commit of the pieces of the result that have a bit. A result of more than
    /// [`max_commit_bytes`](crate::Options::max_commit_bytes) is written in several commits before it is seen, so it is never
    /// in memory as a whole. [`BitOp::Not`] of a string with holes writes them out.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a key, and for [`BitOp::Not`] of several;
    /// [`WrongType`](crate::ErrorKind::WrongType) if a key holds no string; writing errors. Nothing is changed then.
    ///
    /// # Examples
    /// ```
    /// use windrow::BitOp;
    /// # fn main() -> windrow::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = windrow::Store::open(dir.path().join("s"))?;
    /// let db = store.db(0);
    /// for (day, user) in [("mon", 3), ("mon", 5), ("tue", 5)] {
    ///     db.bits().set(day, user, true)?;
    /// }
    /// db.bits().op(BitOp::And, "both", ["mon", "tue"])?;
    /// assert_eq!(db.bits().pos("both", true)?, Some(5));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITOP")]
    pub fn op<K: AsRef<[u8]>>(
        &self,
        operation: BitOp,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64> {
        let keys: Vec<K> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(Error::invalid("bits are combined of at least one key"));
        }
        if operation == BitOp::Not && keys.len() != 1 {
            return Err(Error::invalid("the bits of exactly one string are inverted"));
        }
        let all: Vec<&[u8]> = std::iter::once(destination.as_ref()).chain(keys.iter().map(AsRef::as_ref)).collect();
        let (different, places) = distinct(&all);
        self.db.write_keys(&different, |plans| {
            let source = |place: &usize| match plans.get(*place) {
                Some(plan) => Ok(plan.live_as(DataType::String)?.cloned()),
                None => Err(Error::invalid("each key makes a plan")),
            };
            let sources = places.iter().skip(1).map(source).collect::<Result<Vec<_>>>()?;
            // The destination was named first.
            let destination = plans.first_mut().ok_or_else(|| Error::invalid("each key makes a plan"))?;
            bits::store(destination, operation, &sources)
        })
    }
}
