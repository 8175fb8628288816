//! One event, as its subscribers get it.
//!
//! Invariant: plain data.

use bytes::Bytes;

use crate::types::EventKind;

/// Something that happened to a key. Cheap to clone: names and keys are shared.
///
/// # Examples
/// ```
/// use windrow::{EventKind, EventOptions};
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let events = store.subscribe(EventOptions::new())?;
/// store.db(7).strings().set("k", "v")?;
/// let event = events.recv().unwrap();
/// assert_eq!((&event.key[..], event.db, event.kind), (&b"k"[..], 7, EventKind::Set));
/// // As Redis would publish it:
/// let channel = format!("__keyevent@{}__:{}", event.db, event.kind.name());
/// assert_eq!(channel, "__keyevent@7__:set");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The name of the key's namespace; empty for the default one.
    pub namespace: Bytes,
    /// The key's db.
    pub db: u32,
    /// The key.
    pub key: Bytes,
    /// What happened to it.
    pub kind: EventKind,
    /// How many events the subscriber has missed between this one and the one that it got before it, because it was too slow.
    pub missed: u64,
}
