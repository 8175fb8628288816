//! Recognisable members and values.

use bytes::Bytes;
use windrow::{Db, Source};

/// A value of `length` bytes that names itself; different seeds make different values. It does not compress.
pub(crate) fn payload(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// All members of a set, in order.
pub(crate) fn members<S: Source>(db: &Db<S>, key: impl AsRef<[u8]>) -> Vec<Bytes> {
    db.sets().members(key).unwrap().map(Result::unwrap).collect()
}

/// All keys of a db, in order.
pub(crate) fn keys<S: Source>(db: &Db<S>) -> Vec<Bytes> {
    db.keys("").unwrap().map(Result::unwrap).collect()
}
