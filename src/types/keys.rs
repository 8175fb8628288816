//! Operations on keys of any type: expiry, removal, renaming.
//!
//! May use the plan. Invariant: none of them touches an element.

use crate::encoding::{Meta, UnixMillis};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Change, EventKind, Home, KeyPlan, NewRecord};

/// When an expiry may replace the one that the key has.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use windrow::ExpireCondition;
/// # fn main() -> windrow::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = windrow::Store::open(dir.path().join("s"))?;
/// let db = store.db(0);
/// db.strings().set("k", "v")?;
/// assert!(!db.expire_if("k", Duration::from_secs(60), ExpireCondition::HasExpiry)?);
/// assert!(db.expire_if("k", Duration::from_secs(60), ExpireCondition::NoExpiry)?);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpireCondition {
    /// In any case.
    #[default]
    Always,
    /// Only if the key has no expiry (Redis: NX).
    NoExpiry,
    /// Only if the key has an expiry (XX).
    HasExpiry,
    /// Only if the new expiry is later (GT); a key without expiry lives for ever, so nothing is later.
    Later,
    /// Only if the new expiry is earlier (LT); anything is earlier than no expiry.
    Earlier,
    /// Only if the key has an expiry and it is later than the new one (XX and LT together). XX and GT together are
    /// [`ExpireCondition::Later`], which needs an expiry anyway.
    HasLaterExpiry,
}

impl ExpireCondition {
    fn allows(self, current: Option<UnixMillis>, new: UnixMillis) -> bool {
        match self {
            Self::Always => true,
            Self::NoExpiry => current.is_none(),
            Self::HasExpiry => current.is_some(),
            Self::Later => current.is_some_and(|current| new > current),
            Self::Earlier => current.is_none_or(|current| new < current),
            Self::HasLaterExpiry => current.is_some_and(|current| new < current),
        }
    }
}

/// Removes the key; returns whether it lived.
pub(crate) fn delete(plan: &mut KeyPlan<'_>) -> bool {
    let lived = plan.live().is_some();
    if lived {
        plan.change = Change::Remove;
    }
    lived
}

/// Sets the expiry; returns whether it was set. A time that has passed removes the key.
pub(crate) fn expire_at(plan: &mut KeyPlan<'_>, expires_at: UnixMillis, condition: ExpireCondition) -> bool {
    let Some(meta) = plan.live().cloned() else {
        return false;
    };
    if !condition.allows(meta.expires_at, expires_at) {
        return false;
    }
    plan.rewrite(&meta, meta.body.clone(), Some(expires_at), meta.size);
    plan.note(EventKind::Expire);
    true
}

/// Takes the expiry away; returns whether there was one.
pub(crate) fn persist(plan: &mut KeyPlan<'_>) -> bool {
    match plan.live().cloned() {
        Some(meta) if meta.expires_at.is_some() => {
            plan.rewrite(&meta, meta.body.clone(), None, meta.size);
            plan.note(EventKind::Persist);
            true
        }
        _ => false,
    }
}

/// Moves the record of `from` to `to`, replacing what lived there.
pub(crate) fn rename(from: &mut KeyPlan<'_>, to: &mut KeyPlan<'_>) -> Result<()> {
    pass_on(from, to)?;
    from.note(EventKind::RenameFrom);
    to.note(EventKind::RenameTo);
    Ok(())
}

fn pass_on(from: &mut KeyPlan<'_>, to: &mut KeyPlan<'_>) -> Result<()> {
    let meta = from.live().cloned().ok_or_else(no_such_key)?;
    from.change = Change::MoveAway;
    to.change = Change::Put(moved(meta));
    Ok(())
}

/// Moves the record of `from` to `to`, unless something lives there; returns whether it did.
pub(crate) fn rename_if_absent(from: &mut KeyPlan<'_>, to: &mut KeyPlan<'_>) -> Result<bool> {
    let is_free = to.live().is_none();
    if from.live().is_none() {
        return Err(no_such_key());
    }
    if is_free {
        rename(from, to)?;
    }
    Ok(is_free)
}

/// Moves the record of `from` to `to` if there is one and nothing lives at `to`; returns whether it did.
pub(crate) fn move_to(from: &mut KeyPlan<'_>, to: &mut KeyPlan<'_>) -> Result<bool> {
    if from.live().is_none() || to.live().is_some() {
        return Ok(false);
    }
    pass_on(from, to)?;
    from.note(EventKind::MoveFrom);
    to.note(EventKind::MoveTo);
    Ok(true)
}

fn moved(meta: Meta) -> NewRecord {
    NewRecord {
        data_type: meta.data_type,
        home: Home::Known(meta.body),
        created_at: meta.created_at,
        expires_at: meta.expires_at,
        size: meta.size,
    }
}

/// The refusal of an operation that needs two different keys.
pub(crate) fn same_key() -> Error {
    Error::new(ErrorKind::InvalidInput, "source and destination are the same")
}

/// The refusal of an operation that needs the key.
pub(crate) fn no_such_key() -> Error {
    Error::new(ErrorKind::NoSuchKey, "no such key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_as_redis_does() {
        let (old, new) = (Some(UnixMillis::new(5)), UnixMillis::new(6));
        assert!(ExpireCondition::Later.allows(old, new));
        assert!(!ExpireCondition::Earlier.allows(old, new));
        assert!(!ExpireCondition::Later.allows(None, new));
        assert!(ExpireCondition::Earlier.allows(None, new));
        assert!(!ExpireCondition::Later.allows(Some(new), new));
        assert!(!ExpireCondition::NoExpiry.allows(old, new));
        assert!(!ExpireCondition::HasExpiry.allows(None, new));
        assert!(!ExpireCondition::HasLaterExpiry.allows(None, new));
        assert!(!ExpireCondition::HasLaterExpiry.allows(old, new));
        assert!(!ExpireCondition::HasLaterExpiry.allows(Some(new), new));
        assert!(ExpireCondition::HasLaterExpiry.allows(Some(new), UnixMillis::new(5)));
    }
}
