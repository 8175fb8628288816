//! When a key has expired, and the reaper that gives expired keys back.
//!
//! May use `encoding`, `store` and the watermark of `gc`. Invariant (design, rule 9): an expired record's
//! entry, burial and count belong to the reaper alone.

mod reaper;

pub(crate) use reaper::{Dead, Reaped, Reaper, Tell};

use crate::encoding::{Meta, UnixMillis};

/// Tells whether a record is absent for everybody whose time is `now`.
pub(crate) fn is_expired(meta: &Meta, now: UnixMillis) -> bool {
    meta.expires_at.is_some_and(|expires_at| expires_at <= now)
}
