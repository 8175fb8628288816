//! Redis-style data (strings, hashes, sets, lists, sorted sets), each with a time to live, on disk in RocksDB, with
//! the space of dead data given back almost for free. Semantics are those of Redis 7.0 for the same command.
//! There are no streams yet, nor MIGRATE and OBJECT.
//!
#![cfg_attr(
    feature = "engine",
    doc = r#"
Open a [`Store`], take a [`Db`] from it, and use the typed handles that the db gives: [`Db::strings`], [`Db::bits`],
[`Db::hyperloglogs`], [`Db::hashes`], [`Db::sets`], [`Db::lists`], [`Db::zsets`], [`Db::geo`], which borrow the db: to keep one, keep the db first. Keys, members and values are
arbitrary bytes. Every call blocks until it is done, and is atomic; only [`Db::delete_keys_in_slots`], [`Db::bulk_load`] and imports commit some keys at a
time. [`Db::transaction`] makes several calls one, [`Db::watch`] lets one go ahead only if nothing has changed, and [`Db::batch`] gathers writes.
[`Store::subscribe`] tells what happens to keys. A store, a namespace, a db and a view can be cloned and sent to other threads.

```
use std::time::Duration;
use windrow::{CreateOptions, Store};
# fn main() -> windrow::Result<()> {
# let dir = tempfile::tempdir().unwrap();
# let path = dir.path().join("store");
let store = Store::open(path)?;
let db = store.db(0); // kept: `let sets = store.db(0).sets();` does not compile, as the db would be gone
let sets = db.sets();
let minute = CreateOptions::new().expire_in(Duration::from_secs(60));
sets.add_with("window:1700000000", ["10.0.0.1", "10.0.0.2"], minute)?;
assert_eq!(sets.len("window:1700000000")?, 2);

let view = store.view()?;
db.delete(["window:1700000000"])?;
assert!(view.db(0).sets().contains("window:1700000000", "10.0.0.1")?);
# Ok(()) }
```

What is deleted, overwritten or expired is *buried*: one bit beside the commit that unlinked it. In the
background whole files of buried data are unlinked unread, and compactions leave the rest out.
`docs/architecture.md` tells how; [`Stats`] tells how it is going.
"#
)]
//!
//! Features: `engine` (default; without it only the encoding is compiled, without RocksDB), `cli` (the tool
//! `windrow`), `server` (a server that speaks Redis' protocol; with `cli`, the tool's command `serve`), `failpoints` (for the crate's own tests).

// Public for the fuzz targets and the tests of the format, which need no RocksDB: no part of the API, and free to change.
#[doc(hidden)]
pub mod aof;
#[doc(hidden)]
pub mod encoding;
#[doc(hidden)]
pub mod rdb;
#[doc(hidden)]
pub mod resp;

#[cfg(feature = "engine")]
mod births;
#[cfg(feature = "engine")]
mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "engine")]
mod clock;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod error;
#[cfg(feature = "engine")]
mod expire;
#[cfg(feature = "engine")]
mod failpoint;
#[cfg(feature = "engine")]
mod gc;
#[cfg(feature = "engine")]
mod habits;
#[cfg(feature = "engine")]
mod ids;
#[cfg(feature = "engine")]
mod locks;
#[cfg(feature = "engine")]
mod options;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod server;
#[cfg(feature = "engine")]
mod store;
#[cfg(feature = "engine")]
mod types;

#[cfg(feature = "engine")]
pub use bytes::Bytes;

#[cfg(feature = "engine")]
pub use self::{
    check::{CheckReport, Finding, check},
    clock::{Clock, ManualClock, SystemClock},
    encoding::{DataType, KeyLayout, UnixMillis, hash_slot},
    engine::{
        BitField, Bits, BulkLoad, CombineOptions, CopyOptions, CreateOptions, Db, Event, EventOptions, Events,
        Existing, ExpireTime, ExportReport, Frozen, Geo, GeoFrom, GeoSearch, GetExOptions, HashEntries, HashFields,
        HashValues, Hashes, HeldBackBy, HyperLogLogs, ImportOptions, ImportReport, KeyCounts, Keys, Lcs, LcsMatch,
        ListItems, Lists, Live, Members, Namespace, PositionOptions, ReclaimTotals, Refusal, RestoreOptions,
        ScanCursor, ScanOptions, ScanPage, SetOptions, SetOutcome, Sets, SortOptions, Source, Stats, Store,
        StoreBuilder, Strings, Transaction, Ttl, Tx, View, ViewNamespace, Watch, Writable, WriteBatch, ZAddOptions,
        ZEnd, ZEntries, ZPopped, ZSets, append_only_parts,
    },
    error::{Action, Error, ErrorKind, Result},
    gc::{Pacing, PacingReason},
    options::{Compression, Durability, Options},
    types::bits::{BitOffset, BitOp, BitOverflow, BitRange, BitType},
    types::event::{EventClass, EventKind},
    types::geo::{GeoPosition, GeoUnit, search::GeoFound},
    types::keys::ExpireCondition,
    types::list::ListEnd,
    types::number::LongDouble,
    types::zset::{
        ZAddOutcome,
        bounds::{LexBound, ScoreBound, ZRange},
        combine::Aggregate,
    },
};

#[cfg(all(doctest, feature = "engine"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
